"""Random frame specs, made from the exported JSON Schema, and small damages to them. A seed repeats each of them."""

from __future__ import annotations

import copy
import json
import math
from random import Random
from typing import Any

from contracts.ids import DIGEST_PATTERN, NAME_PATTERN
from contracts.schemas import export

LABEL_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
WORD_PATTERN = r"^[a-z0-9][a-z0-9_]{0,62}$"
WORDS = ("box", "ball", "Karosserie außen", "車体", "belt 🚗", "a/b", '"quoted"', "..", "x.y", "line\nfeed", "\x7f")
_STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 255, 256, 65536, 10**30, 0.5, 1.5, -0.0, 1e-320, 1e300, 1.0),
    *("", "3", "background", "../x", "sha256:" + "0" * 63, "sha256:" + "A" * 64, "surface\n", "é" * 128, "🚗" * 129),
    *([], {}, [1, 2, 3], {"a": 1}),
)
_SCHEMA = export("frame-spec")


def random_spec(rng: Random, whole: bool = True) -> dict[str, Any]:
    """A spec that its schema accepts; `whole`: one that a player accepts too, but for a few rare faults."""
    spec = _value(_SCHEMA, rng)
    if whole:
        _make_whole(spec, rng)
    return spec


def damage(spec: dict[str, Any], rng: Random) -> dict[str, Any]:
    """The spec with one thing changed; what came out may still be valid."""
    spec = copy.deepcopy(spec)
    place, key = rng.choice(list(_places(spec)))
    way = rng.randrange(5)
    if way == 0:
        del place[key]
    elif way == 1:
        place[key] = copy.deepcopy(rng.choice(_STRANGE))
    elif way == 2 and isinstance(place, dict):
        place[rng.choice(["unknown", "Id", "", str(key) + "_", "label"])] = copy.deepcopy(rng.choice(_STRANGE))
    elif way == 3 and isinstance(place, list):
        place.insert(key, copy.deepcopy(place[key]))
    elif isinstance(place[key], int | float) and not isinstance(place[key], bool):
        place[key] = rng.choice([place[key] + 1, -place[key], place[key] * 1.5, place[key] * 1e9])
    else:
        place[key] = copy.deepcopy(rng.choice(_STRANGE))
    return spec


def damage_text(text: str, rng: Random) -> str:
    """The text with one character taken out, put in or exchanged."""
    at = rng.randrange(len(text))
    letter = rng.choice('{}[]",:0123456789.-+eE \n\t\\/uaNnft\x00é')
    return text[:at] + rng.choice(["", letter, letter + text[at]]) + text[at + 1 :]


def written(spec: dict[str, Any], rng: Random) -> str:
    """JSON text of a spec in one of many ways of writing it."""
    return json.dumps(spec, indent=rng.choice([None, 1]), ensure_ascii=rng.random() < 0.5)


def _places(value: Any) -> Any:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield value, key
        if isinstance(item, dict | list):
            yield from _places(item)


def _value(schema: dict[str, Any], rng: Random) -> Any:
    if "$ref" in schema:
        return _value(_SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], rng)
    if "anyOf" in schema:
        return _value(rng.choice(schema["anyOf"]), rng)
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    return _BY_TYPE[schema["type"]](schema, rng)


def _object(schema: dict[str, Any], rng: Random) -> dict[str, Any]:
    required = schema.get("required", ())
    result = {
        name: _value(inner, rng)
        for name, inner in schema.get("properties", {}).items()
        if name in required or rng.random() < 0.7
    }
    for pattern, inner in schema.get("patternProperties", {}).items():
        result |= {_string({"pattern": pattern}, rng): _value(inner, rng) for _ in range(rng.randrange(4))}
    others = schema.get("additionalProperties", False)
    if others is not False:
        names = schema.get("propertyNames", {"type": "string"}) | {"type": "string"}
        result |= {_string(names, rng): _value(others, rng) for _ in range(rng.randrange(4))}
    return result


def _array(schema: dict[str, Any], rng: Random) -> list[Any]:
    prefix = [_value(inner, rng) for inner in schema.get("prefixItems", ())]
    if "items" not in schema:
        return prefix
    least = schema.get("minItems", 0)
    count = rng.randint(least, min(least + 3, schema.get("maxItems", math.inf)))
    return prefix + [_value(schema["items"], rng) for _ in range(count)]


def _string(schema: dict[str, Any], rng: Random) -> str:
    pattern = schema.get("pattern")
    if pattern is not None:
        return _BY_PATTERN[pattern](rng)
    word = rng.choice(WORDS)
    return word * rng.choice([1, 1, 1, schema.get("maxLength", 20) // len(word)])


def _integer(schema: dict[str, Any], rng: Random) -> int:
    least, most = schema.get("minimum", -(2**40)), schema.get("maximum", 2**40)
    return rng.choice([least, most, rng.randint(least, most), rng.randint(least, min(most, least + 300))])


def _number(schema: dict[str, Any], rng: Random) -> float:
    least = schema.get("minimum", schema.get("exclusiveMinimum", -1e6))
    most = schema.get("maximum", schema.get("exclusiveMaximum", 1e6))
    inside = rng.uniform(least, most)
    if "minimum" not in schema and "exclusiveMinimum" not in schema:
        return rng.choice([0, 1, -1, 0.0, inside, inside * 10.0 ** rng.randint(-30, 30), float(round(inside))])
    edges = [least] if "minimum" in schema else []
    return rng.choice([inside, round(inside, 3) or inside, min(most, least + 1), *edges, most])


_BY_TYPE = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": lambda schema, rng: rng.random() < 0.5,
    "null": lambda schema, rng: None,
}
_BY_PATTERN = {
    DIGEST_PATTERN: lambda rng: "sha256:" + "".join(rng.choice("0123456789abcdef") for _ in range(4)) * 16,
    NAME_PATTERN: lambda rng: rng.choice(["a", "exterior", "belt-g4", "a.b_c-d", "0" * 64]),
    LABEL_PATTERN: lambda rng: rng.choice(["background", "box", "ball", "seat_belt", "a" * 63]),
    WORD_PATTERN: lambda rng: rng.choice(["worn", "over_shoulder", "3_point", "0", "z" * 63]),
}
"""A pattern that the contracts get in future needs an entry here."""


def _make_whole(spec: dict[str, Any], rng: Random) -> None:
    """Let every reference resolve, and matrices be what they must be."""
    names = ["background", "box", "ball", "seat_belt"]
    spec["labels"] = [
        {"id": 0 if index == 0 else index * 60 + rng.randrange(15), "name": name, "color": [index, 2, 255]}
        for index, name in enumerate(names)
    ]
    spec["must_appear"] = rng.sample(names, rng.randrange(3))
    media = ("model/gltf-binary", "image/png", "image/vnd.radiance")
    assets = [
        {"digest": f"sha256:{number:064x}", "media_type": kind}
        for number, kind in enumerate([media[2], *(rng.choice(media[:2]) for _ in range(4)), media[0], media[1]])
    ]
    spec["assets"] = assets
    models = [asset["digest"] for asset in assets if asset["media_type"] == media[0]]
    textures = [asset["digest"] for asset in assets if asset["media_type"] == media[1]]
    for material in spec["materials"].values():
        material.setdefault("model", "surface")
        material.pop("base_color_texture", None)
        if rng.random() < (0.5 if material["model"] == "surface" else 0.05):
            material["base_color_texture"] = rng.choice(textures)
        if material["model"] == "emissive" and rng.random() < 0.9:
            material["base_color"] = [0.2, 1, 0.1]
    for number, item in enumerate(spec["objects"]):
        item["name"] = f"{number} {item['name']}"[:128]
        item["asset"] = rng.choice(models)
        item["world_from_object"] = pose(rng, rng.choice([1.0, 0.01, 3.0]))
        if not spec["materials"]:
            item["parts"] = {}
        for part in item["parts"].values():
            part["material"] = rng.choice(list(spec["materials"]))
            part["label"] = rng.choice([None, *names])
            if part["label"] is None and rng.random() < 0.95:
                part["instance"] = 0
    for light in spec.get("lights", ()):
        light["direction"] = [row[2] for row in pose(rng, 1.0)[:3]]
    spec["environment"]["image"] = assets[0]["digest"]
    spec["environment"]["world_from_environment"] = [row[:3] for row in pose(rng, 1.0)[:3]]
    camera = spec["camera"]
    width, height = rng.choice([16, 64, 848]), rng.choice([16, 48, 2000])
    camera["width_px"], camera["height_px"] = width, height
    skew = rng.choice([0, 0, rng.uniform(-5, 5)])
    camera["K"] = [
        [rng.uniform(0.5, 3) * width, skew, rng.uniform(0, width)],
        [0, rng.uniform(0.5, 3) * width, rng.uniform(0, height)],
        [0, 0, 1],
    ]
    camera["distortion"] = [rng.choice([0, rng.uniform(-0.6, 0.6)]) * scale for scale in (1, 0.5, 0.01, 0.01, 0.1)]
    if rng.random() < 0.4:
        camera.pop("distortion")
    camera["world_from_camera"] = pose(rng, 1.0)
    spec.setdefault("render", {})["samples_per_pixel"] = rng.choice([1, 16, 64, 4096])


def pose(rng: Random, scale: float) -> list[list[float]]:
    """Rows of a random rotation, times a scale, with a random translation."""
    w, x, y, z = (rng.uniform(-1, 1) for _ in range(4))
    length = math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w / length, x / length, y / length, z / length
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return [[*(value * scale for value in row), rng.uniform(-20, 20)] for row in rows] + [[0, 0, 0, 1]]
