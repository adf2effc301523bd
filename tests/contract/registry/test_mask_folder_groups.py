"""`import masks`: groups that stay in one split, and whole sets of photographs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from mask_folder_samples import Folder

from registry.catalog import Catalog
from registry.formats.importing import import_dataset
from registry.formats.masks import open_masks
from registry.reader import open_version
from registry.splits import leaking_groups
from registry.store import Store


def test_a_group_in_two_splits_is_a_leak(folder: Folder) -> None:
    (folder.root / "groups.csv").write_text("file_name,group\na.jpg,g1\nb.jpg,g2\nc.jpg,g1\nd.jpg,g3\n")
    message = folder.refused(groups=folder.root / "groups.csv")
    assert "1 groups stand in more than one split: g1 (test_public, train)" in message


def test_one_image_in_two_splits_is_a_leak_without_groups(folder: Folder) -> None:
    (folder.root / "eval/images/c.jpg").write_bytes((folder.root / "train/images/a.jpg").read_bytes())
    message = folder.refused()
    assert "train/images/a.jpg: is the same image as eval/images/c.jpg in another split" in message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name,group\na.jpg,1\n", "columns"),
        ("file_name,group\na.jpg,\n", "groups.csv:2: an empty cell"),
        ("file_name,group\na.jpg,1\na.jpg,2\n", "groups.csv:3: a.jpg is in two groups"),
        ("file_name,group\na.jpg,1\n", "b.jpg: has no group"),
        ("", "columns"),
    ],
)
def test_tables_of_groups_that_do_not_fit(folder: Folder, text: str, reason: str) -> None:
    (folder.root / "groups.csv").write_text(text)
    assert reason in folder.refused(groups=folder.root / "groups.csv")


REAL_DATA = os.environ.get("BELTLINE_REAL_DATA", "")


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_DATA, reason="needs photographs: set BELTLINE_REAL_DATA")
@pytest.mark.parametrize(
    ("name", "labels", "splits"),
    [
        ("carparts", 9, {"train": 263, "test_public": 112}),
        ("camvid", 12, {"train": 273, "test_public": 137}),
    ],
)
def test_real_photographs_arrive_whole(tmp_path: Path, name: str, labels: int, splits: dict[str, int]) -> None:
    root = Path(REAL_DATA) / name
    store, catalog = Store(tmp_path / "store"), Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    made = import_dataset(
        open_masks,
        store,
        catalog,
        root,
        name=name,
        groups=root / "groups.csv",
        splits={split: split for split in splits},
    )
    assert made.splits == splits
    assert len(made.labels) == labels
    version = open_version(store, made.digest)
    placed = sorted((str(record.group), str(record.split)) for record in version.records())
    assert leaking_groups(placed) == {}
    known = {label.id for label in version.labels} | {255}
    for record in version.records("test_public")[:20]:
        mask = version.read_mask(record)
        assert mask.shape == version.read_image(record).shape[:2]
        assert set(np.unique(mask).tolist()) <= known
