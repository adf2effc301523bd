"""Label maps by name: every `*.yaml` beside this file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from contracts.document import load
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
