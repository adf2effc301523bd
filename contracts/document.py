"""The base of every document, and reading YAML so that an error names file, line, field and the nearest valid word."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.errors import ConfigurationError, NotFoundError, nearest

MAXIMUM_YAML_BYTES = 1 << 20
"""Larger documents are refused before parsing: none of ours comes near it."""

_DocumentT = TypeVar("_DocumentT", bound=BaseModel)


class Document(BaseModel):
    """What crosses a process boundary: immutable, closed to unknown fields, finite numbers only."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


SchemaVersion = Annotated[int, Field(ge=1, le=1)]
"""Of a document's form; a later one is refused rather than misread. (`Literal[1]` would take true.)"""


class _Lines:
    """Line numbers of a YAML text by the path of each value."""

    def __init__(self) -> None:
        self.of: dict[tuple[str | int, ...], int] = {}

    def nearest_to(self, location: tuple[str | int, ...]) -> int:
        """The line of the deepest part of `location` that stands in the text."""
        for length in range(len(location), -1, -1):
            if location[:length] in self.of:
                return self.of[location[:length]]
        return 1


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without aliases (the means of YAML bombs), duplicate keys, tags, or dates made of plain words."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not allowed", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float | bool):
                raise yaml.MarkedYAMLError(problem="keys must be plain words", problem_mark=key_node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"duplicate key '{key}'", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


_StrictLoader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# YAML 1.1 reads on, off, yes and no as booleans; `on` is a field of ours.
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
# YAML 1.1 reads 2e-4 as a word; people mean a number.
_StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)


def read_yaml(text: str, source: str = "<text>") -> tuple[Any, _Lines]:
    """Parse YAML safely.

    Args:
        text: The document.
        source: What an error calls it, usually the file name.

    Returns:
        The plain value, and the line of every value in it.

    Raises:
        ConfigurationError: Not YAML, too large, or using aliases, tags or duplicate keys.
    """
    if len(text.encode()) > MAXIMUM_YAML_BYTES:
        raise ConfigurationError(f"{source}: larger than 1 MiB", code="invalid_yaml", hint="split the document")
    try:
        loader = _StrictLoader(text)
        try:
            node = loader.get_single_node()
            lines = _Lines()
            if node is None:
                return None, lines
            value = loader.construct_document(node)
            for location, line in _walk(node, ()):
                lines.of[location] = line
            return value, lines
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigurationError(
            f"{source}:{line}: {error.problem or 'not valid YAML'}",
            code="invalid_yaml",
            hint="plain YAML only: no tags, aliases or duplicate keys",
            context={"errors": [{"location": f"{source}:{line}", "message": str(error.problem)}]},
        ) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ConfigurationError(f"{source}: not valid YAML: {error}", code="invalid_yaml") from None


def is_path(text: str) -> bool:
    """Whether a document is meant by its file, and not by a name."""
    return text.endswith((".yaml", ".yml")) or "/" in text


def read_file(path: Path) -> str:
    """Read a UTF-8 text file.

    Raises:
        NotFoundError: There is no such file.
        ConfigurationError: It is not a text, or can't be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"no file {path}", hint="check the path") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: can't be read: {error.strerror}", code="unreadable") from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not a text file: {error}", code="invalid_yaml") from None


def load(model: type[_DocumentT], path: Path) -> _DocumentT:
    """Read and validate a YAML document.

    Raises:
        ConfigurationError: Invalid; every error with line, field and nearest valid word.
        NotFoundError: There is no such file.
    """
    value, lines = read_yaml(read_file(path), str(path))
    return validate(model, value, source=str(path), lines=lines)


def validate(
    model: type[_DocumentT], value: Any, *, source: str = "request", lines: _Lines | None = None
) -> _DocumentT:
    """Validate a plain value.

    Args:
        model: The document's class.
        value: JSON types.
        source: What an error calls the document.
        lines: Line numbers from `read_yaml`.

    Raises:
        ConfigurationError: Invalid; `context["errors"]` lists every error with its location.
    """
    try:
        # Through JSON: the mode in which lists are tuples and yet "3" is no number, as in JSON Schema.
        return model.model_validate_json(json.dumps(value, allow_nan=False), strict=True)
    except ValidationError as error:
        problems = _problems(error, model, value, source, lines)
    except ValueError as error:
        raise ConfigurationError(f"{source}: {error}", hint="numbers must be finite") from None
    first = problems[0]
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise ConfigurationError(
        f"{first['location']}: {first['message']}{more}",
        hint="`beltline schema` prints what each document may hold",
        context={"errors": problems},
    )


def parse_json(model: type[_DocumentT], data: str | bytes, *, source: str = "document") -> _DocumentT:
    """Read and validate a JSON document, as strictly as its JSON Schema.

    Raises:
        ConfigurationError: Not JSON, or invalid; `context["errors"]` lists every error with its location.
    """
    try:
        value = json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{source}: not valid JSON: {error}", code="invalid_json", hint="write one JSON document in UTF-8"
        ) from None
    return validate(model, value, source=source)


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not a JSON number")


def _problems(
    error: ValidationError, model: type[BaseModel], value: Any, source: str, lines: _Lines | None
) -> list[dict[str, str]]:
    """One entry per faulty place; a union's many complaints about one place become the most telling one."""
    by_place: dict[tuple[str | int, ...], list[str]] = {}
    for item in error.errors(include_url=False):
        location = _in_value(item["loc"], value)
        if item["type"] == "extra_forbidden":
            word = str(item["loc"][-1])
            valid = _field_names(model, item["loc"][:-1])
            suggestion = nearest(word, valid - {word})
            message = f"unknown field '{word}'" + (f", {suggestion}" if suggestion else "")
        else:
            message = item["msg"].removeprefix("Value error, ")
        by_place.setdefault(location, []).append(message)
    # A union tries every branch: the complaints about the branch that fits best lie deepest.
    places = [
        place
        for place in by_place
        if not any(len(other) > len(place) and other[: len(place)] == place for other in by_place)
    ]
    result = []
    for place in places:
        field = ".".join(str(part) for part in place) or "document"
        where = f"{source}:{lines.nearest_to(place)}: {field}" if lines else f"{source}: {field}"
        messages = list(dict.fromkeys(by_place[place]))
        unknown = [message for message in messages if message.startswith("unknown field")]
        result.append({"location": where, "message": "; or ".join((unknown or messages)[:4])})
    return result


def _in_value(location: tuple[str | int, ...], value: Any) -> tuple[str | int, ...]:
    """Drop the union and tag names that pydantic puts into locations, keeping what stands in the value."""
    place: list[str | int] = []
    for index, part in enumerate(location):
        in_mapping = isinstance(value, dict) and part in value
        in_list = isinstance(value, list | tuple) and isinstance(part, int) and part < len(value)
        if in_mapping or in_list:
            value = value[part]
        elif index == len(location) - 1 and isinstance(part, str) and isinstance(value, dict) and part.isidentifier():
            place.append(part)  # a missing field
            break
        else:
            continue
        place.append(part)
    return tuple(place)


def _field_names(model: type[BaseModel], location: tuple[str | int, ...]) -> set[str]:
    """Field names valid at `location`: of every model that pydantic's location passes through there."""
    models: set[type[BaseModel]] = {model}
    for part in location:
        following: set[type[BaseModel]] = set()
        for candidate in models:
            field = candidate.model_fields.get(part) if isinstance(part, str) else None
            if field is not None:
                following |= set(_models_in(field.annotation))
            else:  # a key, an index or the tag of a union
                following.add(candidate)
        models = following or models
    kinds = {candidate for candidate in models if _kind(candidate) in location}
    return {name for candidate in (kinds or models) for name in candidate.model_fields}


def _kind(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    values = getattr(field.annotation, "__args__", ()) if field is not None else ()
    return str(values[0]) if values else None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _models_in(argument)


def _walk(node: yaml.Node, location: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], int]]:
    yield location, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield (*location, key.value), key.start_mark.line + 1
            for place, line in _walk(child, (*location, key.value)):
                if place != (*location, key.value):
                    yield place, line
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _walk(child, (*location, index))
