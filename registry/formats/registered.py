"""Formats by name. A new format is a module beside this one and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from contracts.dataset import VersionDescription
from contracts.errors import NotFoundError, nearest
from contracts.ids import VersionReference
from contracts.import_report import ImportReport, MetadataKind
from contracts.label_map import LabelMap
from registry.catalog import Catalog
from registry.reader import OnProgress, Version
from registry.store import Store

EXPORTERS = {
    "cityscapes": "registry.formats.cityscapes_export:export_cityscapes",
    "coco": "registry.formats.coco_export:export_coco",
    "parquet": "registry.formats.parquet_export:export_parquet",
    "raw": "registry.formats.raw:export_raw",
    "solo": "registry.formats.solo_export:export_solo",
    "webdataset": "registry.formats.webdataset_export:export_webdataset",
    "yolo": "registry.formats.yolo_export:export_yolo",
}
"""Imported when they are asked for: some bring large libraries."""
IMPORTERS = {
    "bdd": "registry.formats.bdd_import:import_bdd",
    "bdd-bitmasks": "registry.formats.instance_import:import_bitmasks",
    "camvid": "registry.formats.color_import:import_camvid",
    "cityscapes": "registry.formats.cityscapes_import:import_cityscapes",
    "coco": "registry.formats.coco_import:import_coco",
    "gtav": "registry.formats.color_import:import_gtav",
    "masks": "registry.formats.masks:import_masks",
    "solo": "registry.formats.solo_import:import_solo",
    "viper": "registry.formats.instance_import:import_viper",
    "yolo": "registry.formats.yolo_import:import_yolo",
}
FILE_FORMATS = frozenset({"bdd", "coco", "yolo"})
"""Formats that may be named by the file that describes the images, as well as by a folder."""


class Exporter(Protocol):
    """Writes a version in one format, as `raw.export_raw` does."""

    def __call__(
        self,
        version: Version,
        reference: VersionReference,
        out: Path,
        *,
        label_map: LabelMap | None = None,
        on_progress: OnProgress | None = None,
    ) -> None: ...


class Importer(Protocol):
    """Makes a version of what lies in a place, as `importing.import_dataset` does."""

    def __call__(
        self,
        store: Store,
        catalog: Catalog,
        path: Path,
        *,
        name: str,
        images: Path | None = None,
        classes: Path | None = None,
        groups: Path | None = None,
        splits: Mapping[str, str] | None = None,
        shares: Mapping[str, float] | None = None,
        seed: int = 0,
        description: str = "",
        license_terms: str | None = None,
        consent: str | None = None,
        keep_metadata: Collection[MetadataKind] = (),
        on_progress: OnProgress | None = None,
        on_report: Callable[[ImportReport], None] | None = None,
    ) -> VersionDescription: ...


def load_exporter(name: str) -> Exporter:
    """The exporter of a format.

    Raises:
        NotFoundError: There is none; the hint names the nearest.
    """
    check_exporter(name)
    module, _, function = EXPORTERS[name].partition(":")
    found: Exporter = getattr(importlib.import_module(module), function)
    return found


def load_importer(name: str) -> Importer:
    """The importer of a format.

    Raises:
        NotFoundError: There is none; the hint names the nearest.
    """
    check_importer(name)
    module, _, function = IMPORTERS[name].partition(":")
    found: Importer = getattr(importlib.import_module(module), function)
    return found


def check_exporter(name: str) -> None:
    """Raise NotFoundError, naming the nearest format, when there is no such export format."""
    _check(name, "export", EXPORTERS)


def check_importer(name: str) -> None:
    """Raise NotFoundError, naming the nearest format, when there is no such import format."""
    _check(name, "import", IMPORTERS)


def _check(name: str, direction: str, formats: Collection[str]) -> None:
    if name not in formats:
        raise NotFoundError(f"no {direction} format '{name}'", code="unknown_format", hint=nearest(name, formats))
