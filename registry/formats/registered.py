"""Formats by name. A new format is a module beside this one and a line here."""

from __future__ import annotations

import importlib
from typing import Any

from contracts.errors import NotFoundError, nearest
from registry.formats.exporting import Writer
from registry.formats.importing import Opener

WRITERS = {
    "cityscapes": "registry.formats.cityscapes_export:write_cityscapes",
    "coco": "registry.formats.coco_export:write_coco",
    "parquet": "registry.formats.parquet_export:write_parquet",
    "raw": "registry.formats.raw:write_raw",
    "solo": "registry.formats.solo_export:write_solo",
    "webdataset": "registry.formats.webdataset_export:write_webdataset",
    "yolo": "registry.formats.yolo_export:write_yolo",
}
"""Of `exporting.export_version`. Imported when they are asked for: some bring large libraries."""
OPENERS = {
    "bdd": "registry.formats.bdd_import:open_bdd",
    "bdd-bitmasks": "registry.formats.instance_import:open_bitmasks",
    "camvid": "registry.formats.color_import:open_camvid",
    "cityscapes": "registry.formats.cityscapes_import:open_cityscapes",
    "coco": "registry.formats.coco_import:open_coco",
    "gtav": "registry.formats.color_import:open_gtav",
    "masks": "registry.formats.masks:open_masks",
    "solo": "registry.formats.solo_import:open_solo",
    "viper": "registry.formats.instance_import:open_viper",
    "yolo": "registry.formats.yolo_import:open_yolo",
}
"""Of `importing.import_dataset`."""
FILE_FORMATS = frozenset({"bdd", "coco", "yolo"})
"""Formats that may be named by the file that describes the images, as well as by a folder."""


def load_writer(name: str) -> Writer:
    """The writer of an export format.

    Raises:
        NotFoundError: There is none; the hint names the nearest.
    """
    writer: Writer = _load(name, WRITERS, "export")
    return writer


def load_opener(name: str) -> Opener:
    """The opener of an import format.

    Raises:
        NotFoundError: There is none; the hint names the nearest.
    """
    opener: Opener = _load(name, OPENERS, "import")
    return opener


def _load(name: str, formats: dict[str, str], direction: str) -> Any:
    if name not in formats:
        raise NotFoundError(f"no {direction} format '{name}'", code="unknown_format", hint=nearest(name, formats))
    module, _, function = formats[name].partition(":")
    return getattr(importlib.import_module(module), function)
