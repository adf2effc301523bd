"""A folder of photographs and masks that can be imported, for tests that spoil it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contracts.dataset import VersionDescription
from contracts.errors import BeltlineError, ConfigurationError
from registry.catalog import Catalog
from registry.formats.importing import import_dataset
from registry.formats.masks import open_masks
from registry.reader import Version, open_version
from registry.store import Store

CLASSES = {"classes": {"0": "background", "1": "front_door", "4": "mirror"}, "source": "made here"}


def photograph(seed: int, width: int = 40, height: int = 30) -> np.ndarray:
    random = np.random.Generator(np.random.Philox(seed))
    coarse = random.integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def save(path: Path, pixels: np.ndarray, **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def mask_of(width: int = 40, height: int = 30) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    mask[5:15, 5:20] = 1
    mask[20:25, 30:36] = 4
    mask[0] = 255
    return mask


class Folder:
    """An importable folder with two splits of two images, and a home to import it into."""

    def __init__(self, base: Path) -> None:
        self.root = base / "photos"
        self.store = Store(base / "store")
        self.catalog = Catalog(f"sqlite:///{base / 'catalog.db'}")
        for number, place in enumerate(("train/{}/a", "train/{}/b", "eval/{}/c", "eval/{}/d")):
            save(self.root / f"{place.format('images')}.jpg", photograph(number), quality=90)
            save(self.root / f"{place.format('masks')}.png", mask_of())
        (self.root / "classes.json").write_text(json.dumps(CLASSES))
        (self.root / "groups.csv").write_text("file_name,group\na.jpg,g1\nb.jpg,g1\nc.jpg,g2\nd.jpg,g3\nzz.jpg,g9\n")

    def load(self, **changes: Any) -> VersionDescription:
        order: dict[str, Any] = {"name": "photos", "splits": {"train": "train", "test_public": "eval"}} | changes
        return import_dataset(open_masks, self.store, self.catalog, self.root, **order)

    def version(self, **changes: Any) -> Version:
        return open_version(self.store, self.load(**changes).digest, name="photos@1")

    def refused(self, kind: type[BeltlineError] = ConfigurationError, **changes: Any) -> str:
        """The message of a refused import, which leaves neither a version nor a blob."""
        before = {path: path.read_bytes() for path in self.root.rglob("*") if path.is_file()}
        with pytest.raises(kind) as caught:
            self.load(**changes)
        assert self.catalog.names() == []
        assert list(self.store.digests()) == []
        assert {path: path.read_bytes() for path in self.root.rglob("*") if path.is_file()} == before
        return str(caught.value)
