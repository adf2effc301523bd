"""Images decoded once: a version's frames at training size, as memory-mapped arrays shared by all runs and processes.

The cache holds source label ids; a run's label map is a table of 256 entries applied on reading, so one cache serves
every map. Whatever a run is about to use is hashed again first: a flipped byte, in the store or in the cache, never
reaches a network.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from filelock import FileLock

from contracts.errors import StorageError
from contracts.frame import FileRole, FrameRecord
from contracts.ids import canonical_json
from contracts.label_map import LabelMap
from contracts.process import write_document
from registry.label_maps.applied import read_labels
from registry.reader import Version
from training.environment import usable_cpus

ByteArray = npt.NDArray[np.uint8]
OnProgress = Callable[[int, int, str], None]
"""Called with (done, total, what is going on)."""

FORMAT = 1
"""Of the cache's folders; part of their names."""


@dataclass(frozen=True)
class DecodedFrames:
    """The frames of a version or of one of its splits, at training size."""

    version: Version
    records: tuple[FrameRecord, ...]
    images: ByteArray
    """(N, H, W, 3) uint8 sRGB, memory-mapped, in the order of `records`."""
    masks: ByteArray
    """(N, H, W) uint8 source label ids, memory-mapped."""


def open_frames(
    version: Version,
    split: str | None,
    size_px: tuple[int, int],
    cache: Path,
    on_progress: OnProgress = lambda done, total, what: None,
    *,
    label_map: LabelMap | None = None,
    verified: bool = False,
) -> DecodedFrames:
    """Verify the frames of a version and give them at training size, decoding them if no run has before.

    Safe while other processes open the same frames.

    Args:
        version: The version.
        split: One split of it; none is all.
        size_px: Width, height to scale to: images by area (or linearly when enlarged), masks by nearest neighbour.
        cache: Folder of decoded frames.
        on_progress: Told how far verifying and decoding are.
        label_map: Whose removed instances the masks are without; its classes are not applied.
        verified: Whether another process of the same run has just opened them, so that nothing is hashed again.

    Raises:
        IntegrityError: A blob is missing or damaged; the message names the file and the version.
        NotFoundError: The version has no such split.
        StorageError: The cache can't be written.
    """
    records = version.records(split)
    key: dict[str, object] = {"format": FORMAT, "manifest": version.digest, "split": split, "size_px": list(size_px)}
    if version.erased:
        key["erased"] = sorted(version.erased)
    removal = _removal(label_map)
    if removal:
        key["removal"] = removal
    folder = cache / hashlib.sha256(canonical_json(key)).hexdigest()[:32]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if verified and folder.is_dir():
                pass
            elif _is_sound(folder, len(records), size_px):
                _verify(version, records, on_progress, ("image", "mask", *(("instances",) if removal else ())))
            else:
                shutil.rmtree(folder, ignore_errors=True)
                _decode(version, records, size_px, key, folder, on_progress, label_map)
    except OSError as error:
        raise StorageError(
            f"the cache {cache} can't be written: {error.strerror or error}",
            hint="make room or give another cache folder",
            context={"path": str(cache)},
        ) from error
    images = np.load(folder / "images.npy", mmap_mode="r")
    masks = np.load(folder / "masks.npy", mmap_mode="r")
    return DecodedFrames(version, tuple(records), images, masks)


def _removal(label_map: LabelMap | None) -> dict[str, object]:
    """What of a label map decides which pixels of a mask are blanked; empty where nothing does."""
    if label_map is None or not label_map.removes_instances:
        return {}
    fields = label_map.model_dump(mode="json")
    return {name: fields[name] for name in ("minimum_area_px2", "remove", "removed_pixels") if name in fields}


def _verify(
    version: Version, records: Sequence[FrameRecord], on_progress: OnProgress, roles: Sequence[FileRole]
) -> None:
    """Hash the frames' blobs again; the reader raises naming file and version."""

    def check(record: FrameRecord) -> None:
        for role in roles:
            if role in record.files:
                version.read_file(record, role)

    with ThreadPoolExecutor(usable_cpus()) as pool:
        for done, _ in enumerate(pool.map(check, records), 1):
            on_progress(done, len(records), f"verifying {version.name}")


def _decode(
    version: Version,
    records: Sequence[FrameRecord],
    size_px: tuple[int, int],
    key: dict[str, object],
    folder: Path,
    on_progress: OnProgress,
    label_map: LabelMap | None,
) -> None:
    """Fill a temporary folder beside `folder` and rename it; reading verifies every digest."""
    width, height = size_px
    for abandoned in folder.parent.glob(f"{folder.name}.*.tmp"):  # by a builder that was killed; we hold the lock
        shutil.rmtree(abandoned, ignore_errors=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".tmp", dir=folder.parent))
    try:
        shapes = {"images": (len(records), height, width, 3), "masks": (len(records), height, width)}
        arrays = {
            name: np.lib.format.open_memmap(temporary / f"{name}.npy", mode="w+", dtype=np.uint8, shape=shape)
            for name, shape in shapes.items()
        }

        def decode(place: int) -> None:
            arrays["images"][place] = scale_image(version.read_image(records[place]), size_px)
            record = records[place]
            mask = read_labels(version, record, label_map) if label_map is not None else version.read_mask(record)
            arrays["masks"][place] = scale_mask(mask, size_px)

        with ThreadPoolExecutor(usable_cpus()) as pool:
            for done, _ in enumerate(pool.map(decode, range(len(records))), 1):
                on_progress(done, len(records), f"decoding {version.name}")
        for array in arrays.values():
            array.flush()
        digests = {f"{name}.npy": _file_digest(temporary / f"{name}.npy") for name in shapes}
        write_document(temporary / "key.json", {**key, "digests": digests})
        os.replace(temporary, folder)  # noqa: PTH105 - says that the rename is atomic
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def scale_image(image: ByteArray, size_px: tuple[int, int]) -> ByteArray:
    """Scale (H, W, 3) uint8 to width, height: by area where it shrinks, else linearly."""
    if image.shape[1::-1] == tuple(size_px):
        return image
    shrinks = size_px[0] * size_px[1] < image.shape[0] * image.shape[1]
    return np.asarray(cv2.resize(image, size_px, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))


def scale_mask(mask: ByteArray, size_px: tuple[int, int]) -> ByteArray:
    """Scale (H, W) uint8 ids to width, height by nearest neighbour: the id at each new pixel's centre."""
    if mask.shape[::-1] == tuple(size_px):
        return mask
    return np.asarray(cv2.resize(mask, size_px, interpolation=cv2.INTER_NEAREST_EXACT))


def _is_sound(folder: Path, count: int, size_px: tuple[int, int]) -> bool:
    """Whether a cache folder holds what was written into it."""
    try:
        digests = json.loads((folder / "key.json").read_bytes())["digests"]
        shape = np.load(folder / "images.npy", mmap_mode="r").shape
        return shape == (count, size_px[1], size_px[0], 3) and all(
            _file_digest(folder / name) == digest for name, digest in digests.items()
        )
    except (OSError, ValueError, KeyError):
        return False


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
