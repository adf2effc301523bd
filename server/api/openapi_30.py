"""OpenAPI 3.1 as OpenAPI 3.0.3, for the shipped documentation page, whose version of Swagger UI reads no later one.

JSON Schema 2020-12 says some things that 3.0 writes otherwise (null, const, prefixItems, exclusive bounds); what 3.0
can't say at all (which type stands at which place of a tuple) is widened, never narrowed.
"""

from __future__ import annotations

from typing import Any

_UNKNOWN_TO_3_0 = {"$schema", "$id", "$comment", "contentMediaType", "contentEncoding", "propertyNames"}


def downgrade(document: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI 3.0.3 document that accepts whatever the 3.1 document accepts."""
    result = {key: _walk(value) for key, value in document.items()}
    result["openapi"] = "3.0.3"
    components = result.setdefault("components", {})
    components["schemas"] = {
        name: _schema(schema) for name, schema in document.get("components", {}).get("schemas", {}).items()
    }
    return result


def _walk(value: Any) -> Any:
    """Find the schemas in parameters, bodies and responses."""
    if isinstance(value, dict):
        return {
            key: _schema(item) if key == "schema" else item if key in ("example", "examples") else _walk(item)
            for key, item in value.items()
        }
    return [_walk(item) for item in value] if isinstance(value, list) else value


def _schema(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return {} if schema is True else {"not": {}} if schema is False else schema
    result: dict[str, Any] = {key: item for key, item in schema.items() if key not in _UNKNOWN_TO_3_0}
    if "$ref" in result:  # 3.0 allows nothing beside a reference
        reference = {"$ref": result.pop("$ref")}
        kept = {key: item for key, item in result.items() if key in ("description", "default")}
        return {"allOf": [reference], **kept} if kept else reference
    if "const" in result:
        result["enum"] = [result.pop("const")]
    if "examples" in result:
        result["example"] = result.pop("examples")[0]
    for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(result.get(bound), int | float):
            result[limit], result[bound] = result[bound], True
    if "properties" in result:
        result["properties"] = {name: _schema(item) for name, item in result["properties"].items()}
    if "patternProperties" in result:
        patterns = list(result.pop("patternProperties").values())
        if not isinstance(result.get("additionalProperties"), dict):
            result["additionalProperties"] = patterns[0] if len(patterns) == 1 else {}
    if isinstance(result.get("additionalProperties"), dict):
        result["additionalProperties"] = _schema(result["additionalProperties"])
    if "prefixItems" in result:
        places = [_schema(item) for item in result.pop("prefixItems")]
        result["items"] = places[0] if all(item == places[0] for item in places) else {"anyOf": places}
    elif "items" in result:
        result["items"] = _schema(result["items"])
    elif result.get("type") == "array":
        result["items"] = {}
    for key in ("anyOf", "oneOf", "allOf"):
        if key in result:
            result = _nullable_union(result, key)
    if isinstance(result.get("type"), list):
        kinds = [kind for kind in result.pop("type") if kind != "null"]
        result |= {"nullable": True, "anyOf": [{"type": kind} for kind in kinds]}
    return result


def _nullable_union(schema: dict[str, Any], key: str) -> dict[str, Any]:
    branches = [item for item in schema[key] if item != {"type": "null"}]
    nullable = len(branches) < len(schema[key])
    others = {name: item for name, item in schema.items() if name != key}
    converted = [_schema(item) for item in branches]
    if nullable:
        others["nullable"] = True
        if len(converted) == 1 and "$ref" not in converted[0]:
            return {**converted[0], **others}
    return {**others, "allOf" if len(converted) == 1 else key: converted}
