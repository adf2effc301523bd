"""A home to import into, and small photographs, for the tests of importers."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from mask_folder_samples import photograph, save

from contracts.errors import BeltlineError, ConfigurationError
from contracts.frame import FrameRecord
from contracts.import_report import ImportReport
from registry.catalog import Catalog
from registry.formats.importing import import_dataset
from registry.formats.registered import load_opener
from registry.reader import Version, open_version
from registry.store import Store


class Importing:
    """A folder to fill, and a home to import it into."""

    def __init__(self, base: Path, format_name: str) -> None:
        self.root = base / "source"
        self.root.mkdir()
        self.store = Store(base / "store")
        (base / "catalog.db").write_bytes(_empty_catalog())
        self.catalog = Catalog(f"sqlite:///{base / 'catalog.db'}")
        self.format = format_name
        self.report = ImportReport(images=0, instances=0)

    def photograph(self, name: str, seed: int, width: int = 40, height: int = 30) -> np.ndarray:
        """Put a photograph into the folder; returns its pixels."""
        path = self.root / name
        save(path, photograph(seed, width, height), **({"quality": 95} if path.suffix == ".jpg" else {}))
        return photograph(seed, width, height)

    def run(self, path: Path | None = None, **wishes: Any) -> Version:
        def keep(report: ImportReport) -> None:
            self.report = report

        described = import_dataset(
            load_opener(self.format),
            self.store,
            self.catalog,
            path or self.root,
            name="photos",
            on_report=keep,
            **wishes,
        )
        version = open_version(self.store, described.digest, name="photos@1")
        assert version.verify() == []
        assert sum(len(record.instances) for record in version.records()) == self.report.instances
        assert len(version) == self.report.images
        for record in version.records():
            _check_instances(version, record)
        return version

    def refused(self, path: Path | None = None, kind: type[BeltlineError] = ConfigurationError, **wishes: Any) -> str:
        """The message of a refused import, which leaves neither a version nor a blob, and the source as it was."""
        before = {file: file.read_bytes() for file in self.root.rglob("*") if file.is_file() and _readable(file)}
        with pytest.raises(kind) as caught:
            self.run(path, **wishes)
        assert self.catalog.names() == []
        assert list(self.store.digests()) == []
        after = {file: file.read_bytes() for file in self.root.rglob("*") if file.is_file() and _readable(file)}
        assert after == before
        return str(caught.value)

    def reasons(self) -> dict[str, int]:
        """What the last import left out, counted by reason."""
        return dict(self.report.not_taken_count)


@cache
def _empty_catalog() -> bytes:
    """Making the tables takes longer than most of these imports."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.db"
        with Catalog(f"sqlite:///{path}") as catalog:
            assert catalog.names() == []
        return path.read_bytes()


def by_source(version: Version) -> dict[str, FrameRecord]:
    return {str(record.source): record for record in version.records()}


def _readable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o400)


def _check_instances(version: Version, record: FrameRecord) -> None:
    """What a record says of its instances is what their pixels are."""
    ids = {label.name: label.id for label in version.labels}
    mask = version.read_mask(record)
    assert set(np.unique(mask)) <= {*ids.values(), 255}
    if "instances" not in record.files:
        return
    instances = version.read_instances(record)
    assert sorted(np.unique(instances[instances > 0])) == [item.id for item in record.instances]
    for item in record.instances:
        rows, columns = np.nonzero(instances == item.id)
        x, y, width, height = item.box
        assert item.area_px == len(rows)
        assert (x, y, x + width, y + height) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert set(mask[instances == item.id]) == {ids[item.label]}
