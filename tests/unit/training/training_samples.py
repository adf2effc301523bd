"""Tiny labelled pictures as dataset versions, and orders to train on them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np

from contracts.document import validate
from contracts.label_map import LabelMap
from contracts.run import TrainingOrder, TrainingSpec
from registry.catalog import Catalog
from registry.formats.importing import import_dataset
from registry.formats.masks import open_masks
from registry.store import Store

CLASSES = {"0": "background", "1": "square", "2": "disc", "3": "frame"}
LABEL_MAP = LabelMap(name="shapes", classes={"square": ["square", "frame"], "disc": ["disc"]})


@dataclass(frozen=True)
class Versions:
    """A store, and the digests of the versions in it by `name@version`."""

    store: Path
    digests: dict[str, str]


def picture(seed: int, size_px: tuple[int, int] = (48, 40)) -> tuple[np.ndarray, np.ndarray]:
    """An image (H, W, 3) uint8 with a bright square and a dark disc on noise, and its mask (H, W) uint8."""
    draws = np.random.Generator(np.random.Philox(key=seed))
    width, height = size_px
    image = draws.integers(90, 160, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), np.uint8)
    x, y = int(draws.integers(2, width - 16)), int(draws.integers(2, height - 16))
    image[y : y + 14, x : x + 14] = (240, 230, 220)
    mask[y : y + 14, x : x + 14] = 1
    mask[y : y + 2, x : x + 14] = 3
    disc = np.zeros_like(mask)
    cv2.circle(disc, (int(draws.integers(8, width - 8)), int(draws.integers(8, height - 8))), 6, 1, -1)
    image[disc == 1] = (20, 30, 60)
    mask[disc == 1] = 2
    mask[:, 0] = 255
    return image, mask


def publish(
    folder: Path,
    name: str,
    splits: dict[str, int],
    *,
    first_seed: int = 0,
    size_px: tuple[int, int] = (48, 40),
    blank: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> Versions:
    """Make a version `name@1` of pictures, two to a group, in a store under `folder`.

    Args:
        folder: Where the store and the source pictures go.
        name: Of the dataset.
        splits: Pictures by split.
        first_seed: Of the first picture.
        size_px: Width, height.
        blank: Pictures of one colour, by split and place in it.
    """
    source = folder / f"{name}-source"
    groups = []
    seed = first_seed
    for split, count in splits.items():
        for kind in ("images", "masks"):
            (source / split / kind).mkdir(parents=True)
        for index in range(count):
            image, mask = picture(seed, size_px)
            if index in blank.get(split, ()):
                image[:] = 90
            stem = f"{split}-{index:03d}"
            cv2.imwrite(str(source / split / "images" / f"{stem}.png"), image[..., ::-1])
            cv2.imwrite(str(source / split / "masks" / f"{stem}.png"), mask)
            groups.append((f"{stem}.png", f"{split}-{index // 2}"))
            seed += 1
    (source / "classes.json").write_text(f'{{"classes": {str(CLASSES).replace(chr(39), chr(34))}}}')
    with (source / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file_name", "group"), *groups])
    store = folder / "store"
    with Catalog(f"sqlite:///{folder / 'catalog.db'}") as catalog:
        version = import_dataset(
            open_masks,
            Store(str(store)),
            catalog,
            source,
            name=name,
            classes=source / "classes.json",
            groups=source / "groups.csv",
            splits={split: split for split in splits},
        )
    return Versions(store, {f"{name}@1": version.digest})


TINY: dict[str, Any] = {
    "schema_version": 1,
    "label_map": "shapes",
    "data": {
        "train": [{"dataset": "shapes@1", "split": "train", "take": 6}],
        "validation": {"dataset": "shapes@1", "split": "train", "reserve": 4, "seed": 1},
        "test": {"dataset": "shapes@1", "split": "test"},
    },
    "network": {"architecture": "linknet", "encoder": "tu-mobilenetv3_small_050"},
    "image_size": [32, 32],
    "batch_size": 4,
    "stages": [{"name": "first", "steps": 4}],
    "optimizer": {"encoder_lr": 1e-3, "decoder_lr": 1e-3, "weight_decay": 0.0},
    "evaluate_every_steps": 2,
    "device": "cpu",
    "seed": 3,
}
"""A training of the smallest kind on `shapes@1`."""


def spec(**changes: Any) -> TrainingSpec:
    """`TINY` with fields replaced."""
    return validate(TrainingSpec, {**TINY, **changes})


def order(versions: Versions, folder: Path, *, run: str = "run-1", **changes: Any) -> TrainingOrder:
    """An order for `spec(**changes)` with workspace and cache under `folder`."""
    return TrainingOrder(
        run=run,
        spec=spec(**changes),
        label_map=LABEL_MAP,
        versions=versions.digests,
        store=str(versions.store),
        workspace=str(folder / run),
        cache=str(folder / "cache"),
    )
