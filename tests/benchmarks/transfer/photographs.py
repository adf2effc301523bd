"""The photographs of the transfer study as dataset versions, divided by look-alike group.

`BELTLINE_REAL_DATA` names the folder that holds `carparts/`. Of its `train` part, whole groups are set apart: as
`validation`, which chooses each run's checkpoint, and for screening as `development`, which is scored and looked at.
`test_public` is imported only where it is to be scored.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.frame import FrameRecord
from contracts.ids import Digest, VersionReference
from registry.catalog import Catalog
from registry.formats.importing import import_dataset
from registry.formats.masks import open_masks
from registry.reader import Version, open_version
from registry.splits import reserve
from registry.store import Store
from registry.version_writer import VersionWriter
from server.settings import load_settings

VARIABLE = "BELTLINE_REAL_DATA"
LABEL_MAP = "carparts-5"
LEARN, VALIDATION, DEVELOPMENT, TEST = "train", "validation", "development", "test_public"
"""Splits of the divided photographs; the last keeps its name, so that nobody takes it for another."""
DIVISION_SEED = 1
"""Of the groups that are set apart: the same in every round, or rounds could not be compared."""


@dataclass(frozen=True)
class Home:
    """Where versions lie: a home of `beltline`."""

    path: Path
    """Absolute."""
    store: Store
    catalog_url: str
    cache: Path

    def version(self, text: str) -> tuple[str, Version]:
        """A version by `name@number`, or the newest of a name.

        Returns:
            Its `name@number`, and the version.

        Raises:
            NotFoundError: There is none.
        """
        with Catalog(self.catalog_url) as catalog:
            if "@" not in text:
                text = f"{text}@{catalog.latest(text).version}"
            digest = catalog.resolve(VersionReference.parse(text))
        return text, open_version(self.store, digest, name=text)


def open_home(path: Path | None) -> Home:
    """The home at `path`; none is `BELTLINE_HOME` or `./.beltline`, as for the command line."""
    settings = load_settings(path, allow_paths=True)
    settings.home.mkdir(parents=True, exist_ok=True)
    return Home(settings.home, Store(settings.store_url), settings.catalog_url, settings.cache)


def photographs_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder `carparts/` of the photographs.

    Raises:
        ConfigurationError: The variable is not set, or its folder holds no `carparts/`.
    """
    named = environment.get(VARIABLE)
    if not named:
        raise ConfigurationError(
            f"{VARIABLE} is not set: there are no photographs to measure on",
            code="photographs_missing",
            hint=f"export {VARIABLE}=FOLDER, where FOLDER holds carparts/",
        )
    folder = Path(named).resolve() / "carparts"
    if not folder.is_dir():
        raise ConfigurationError(
            f"{VARIABLE}={named} holds no folder carparts", code="photographs_missing", hint="name another folder"
        )
    return folder


def divide(records: Sequence[FrameRecord], validation: int, development: int) -> dict[int, str]:
    """The split of every frame by its index; no group stands in two of the splits made here.

    The validation frames don't depend on how many are for development, so profiles share them.

    Args:
        records: Frames of one version. Those of the split `test_public` keep it.
        validation: Least number of frames that choose checkpoints.
        development: Least number of frames to score while choosing; 0 is none.

    Raises:
        ConfigurationError: There are fewer frames.
    """
    splits = {record.index: TEST for record in records if record.split == TEST}
    rest = [record for record in records if record.split != TEST]
    for name, count in ((VALIDATION, validation), (DEVELOPMENT, development)):
        apart, rest = reserve(rest, count, DIVISION_SEED)
        splits |= {record.index: name for record in apart}
    return splits | {record.index: LEARN for record in rest}


def publish_photographs(home: Home, *, validation: int, development: int, with_test: bool) -> tuple[str, Digest]:
    """Import the photographs and publish them divided; doing it again gives the version that is there.

    Args:
        home: Where to.
        validation: Least number of images that choose checkpoints.
        development: Least number of images to score while choosing; 0 is none.
        with_test: Whether `test_public` is part of the version. Without, not even its files are opened.

    Returns:
        `name@number` and digest.

    Raises:
        ConfigurationError: There are no photographs, or too few.
    """
    folder = photographs_folder()
    parts = ("train", TEST) if with_test else ("train",)
    stem = "photographs-full" if with_test else "photographs-screening"
    with Catalog(home.catalog_url) as catalog:
        imported = import_dataset(
            open_masks,
            home.store,
            catalog,
            folder,
            name=f"{stem}-as-imported",
            classes=folder / "classes.json",
            groups=folder / "groups.csv",
            splits={part: part for part in parts},
        )
        source = open_version(home.store, imported.digest, name=f"{imported.name}@{imported.version}")
        records = source.records()
        splits = divide(records, validation, development)
        with VersionWriter(home.store, hold=True) as writer:
            for record in records:
                files = {role: source.read_file(record, role) for role in record.files}
                divided = record.model_copy(update={"split": splits[record.index]})
                writer.add(divided, files, what=f"{record.source} of {source.name}")
            manifest = writer.finish(source.labels, parents=(source.digest,))
        described = catalog.add(stem, manifest)
    return f"{described.name}@{described.version}", described.digest
