"""Label maps by name, every `*.yaml` beside this file, and as people write them in requests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from contracts.document import load, validate
from contracts.errors import NotFoundError, nearest
from contracts.label_map import LabelMap

_FOLDER = Path(__file__).parent


def label_map_names() -> list[str]:
    """Names of the shipped label maps, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


@cache
def load_label_map(name: str) -> LabelMap:
    """A shipped label map.

    Raises:
        NotFoundError: There is none of that name; the hint names the nearest.
    """
    names = label_map_names()
    if name not in names:
        raise NotFoundError(f"no label map '{name}'", code="unknown_label_map", hint=nearest(name, names))
    return load(LabelMap, _FOLDER / f"{name}.yaml")


def resolve_label_map(value: str | dict[str, list[str]] | LabelMap) -> LabelMap:
    """A label map as a request has it: the name of a shipped one, classes with their source labels, or a whole one.

    Raises:
        NotFoundError: There is none of that name.
        ConfigurationError: The classes are no label map.
    """
    match value:
        case LabelMap():
            return value
        case str(name):
            return load_label_map(name)
        case classes:
            return validate(LabelMap, {"schema_version": 1, "name": "inline", "classes": classes}, source="label_map")
