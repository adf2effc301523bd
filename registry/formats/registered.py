"""Formats by name. A new format is a module beside this one and a line here."""

from __future__ import annotations

from collections.abc import Collection

from contracts.errors import NotFoundError, nearest
from registry.formats.coco_import import import_coco
from registry.formats.masks import import_masks
from registry.formats.raw import export_raw

EXPORTERS = {"raw": export_raw}
IMPORTERS = {"coco": import_coco, "masks": import_masks}


def check_exporter(name: str) -> None:
    """Raise NotFoundError, naming the nearest format, when there is no such export format."""
    _check(name, "export", EXPORTERS)


def check_importer(name: str) -> None:
    """Raise NotFoundError, naming the nearest format, when there is no such import format."""
    _check(name, "import", IMPORTERS)


def _check(name: str, direction: str, formats: Collection[str]) -> None:
    if name not in formats:
        raise NotFoundError(f"no {direction} format '{name}'", code="unknown_format", hint=nearest(name, formats))
