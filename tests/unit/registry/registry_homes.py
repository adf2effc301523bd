"""Places where versions are published, and versions that show one thing each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from registry_samples import GENERATOR, frame_files, frame_record

from contracts.dataset import BlobReference, DatasetManifest, QualitySummary, VersionDescription
from contracts.frame_spec import Label
from contracts.ids import digest_of
from registry.catalog import Catalog
from registry.publication import publish_version
from registry.publish import publish_batch
from registry.reader import Version
from registry.store import Store
from registry.version_writer import VersionWriter

Frames = dict[int, str | None]
"""Group by number; the number decides the bytes."""
FIRST: Frames = {0: "anna", 1: "anna", 2: "bert", 3: None}


class Home:
    """A store and a catalog in a folder."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "store")
        self.catalog = Catalog(f"sqlite:///{folder / 'catalog.db'}")

    def publish(self, staging: Path, **changes: Any) -> VersionDescription:
        order = {"name": "sample", "generator": GENERATOR, "seed": 3, "frames": 5} | changes
        return publish_batch(self.store, self.catalog, staging=staging, **order)


class RemoteHome(Home):
    """A home whose store and catalog lie elsewhere."""

    def __init__(self, store_url: str, catalog_url: str) -> None:
        self.store = Store(store_url)
        self.catalog = Catalog(catalog_url)


def publish_people(home: Home, frames: Frames, name: str = "people", **finish: Any) -> str:
    """A version whose frames have groups; its digest."""

    def write() -> Any:
        with VersionWriter(home.store) as writer:
            for number, group in frames.items():
                files = frame_files(3, number)
                record = frame_record(3, number, files).model_copy(update={"group": group})
                writer.add(record, files, what=f"frame {number}")  # type: ignore[arg-type]
            return writer.finish(GENERATOR.label_table(), **finish)

    return publish_version(home.store, home.catalog, name, write).digest


def manifest(seed: int) -> DatasetManifest:
    blob = BlobReference(digest=digest_of(b""), size_bytes=0)
    return DatasetManifest(
        labels=(Label(id=0, name="background", color=(0, 0, 0)),),
        frame_count=1,
        frames=blob,
        files=blob,
        splits={"train": 1},
        seed=seed,
        quality=QualitySummary(frames=1),
    )


def live_blobs(home: Home) -> set[str]:
    """What the versions of a home name."""
    found: set[str] = set()
    for reference, digest in home.catalog.all_versions():
        found |= Version(home.store, digest, home.catalog.manifest(reference), str(reference)).files().keys()
    return found
