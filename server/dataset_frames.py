"""Frames of dataset versions, page by page, and their pictures; without holding a large version's records in memory."""

from __future__ import annotations

import io
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from contracts.dataset import DatasetManifest
from contracts.errors import NotFoundError, nearest
from contracts.frame import FrameRecord
from contracts.frame_spec import Label
from contracts.ids import VersionReference
from contracts.process import write_atomically
from registry.catalog import Catalog
from registry.frame_index import FrameIndex, frame_index
from registry.pictures import overlay
from registry.reader import Version
from registry.splits import check_split
from registry.store import Store
from registry.streaming import read_lines
from server.resources import Page, PictureKind

_KEPT_VERSIONS = 4


class DatasetFrames:
    """Reads frames of versions. Safe for several threads.

    Args:
        store: Where the blobs lie.
        catalog: Names of versions.
        cache: Folder for tables of labels by frame, which can be made again.
        indexes: Folder for indexes of frames, which can be made again.
    """

    def __init__(self, store: Store, catalog: Catalog, cache: Path, indexes: Path) -> None:
        self._store = store
        self._catalog = catalog
        self._cache = cache
        self._index_folder = indexes
        self._lock = threading.Lock()
        self._indexes: OrderedDict[str, FrameIndex] = OrderedDict()

    def page(
        self, reference: VersionReference, *, start: int, limit: int, label: str | None, split: str | None
    ) -> Page[FrameRecord]:
        """Frames from an index on, of one split and with one label where asked for.

        Raises:
            NotFoundError: Unknown version, label or split.
            IntegrityError: `frames.jsonl` is damaged.
        """
        version = self._open(reference)
        _check_filters(version, label, split)
        index = self._index(version)
        chosen = np.arange(len(version)) if label is None else self._frames_with(version, index, label)
        if split is not None:
            chosen = np.intersect1d(chosen, index.in_split(split), assume_unique=True)
        page = chosen[chosen >= start][: limit + 1].tolist()
        lines = index.read(version, page[:limit])
        return Page[FrameRecord](
            items=[FrameRecord.model_validate_json(line) for line in lines],
            next_cursor=str(page[limit]) if len(page) > limit else None,
        )

    def picture(self, reference: VersionReference, index: int, kind: PictureKind) -> bytes:
        """PNG of one frame.

        Raises:
            NotFoundError: Unknown version or frame, or it has no such picture.
            IntegrityError: Stored bytes are damaged.
        """
        version = self._open(reference)
        if not 0 <= index < len(version):
            raise NotFoundError(
                f"{reference} has no frame {index}", code="unknown_frame", hint=f"frames are 0 to {len(version) - 1}"
            )
        record = FrameRecord.model_validate_json(self._index(version).read(version, [index])[0])
        if kind == "overlay":
            return overlay_png(version.read_image(record), version.read_mask(record), version.labels)
        return version.read_file(record, kind)

    def _open(self, reference: VersionReference) -> Version:
        digest = self._catalog.resolve(reference)
        manifest: DatasetManifest = self._catalog.manifest(reference)
        return Version(self._store, digest, manifest, str(reference))

    def _index(self, version: Version) -> FrameIndex:
        with self._lock:
            if version.digest in self._indexes:
                self._indexes.move_to_end(version.digest)
                return self._indexes[version.digest]
        index = frame_index(version, self._index_folder)
        with self._lock:
            self._indexes[version.digest] = index
            while len(self._indexes) > _KEPT_VERSIONS:
                self._indexes.popitem(last=False)
        return index

    def _frames_with(self, version: Version, index: FrameIndex, label: str) -> npt.NDArray[np.int64]:
        """Indices of the frames that show a label."""
        if version.manifest.generator is not None:
            return index.with_label(label)
        return np.array(self._labels_by_frame(version).get(label, []), np.int64)

    def _labels_by_frame(self, version: Version) -> dict[str, list[int]]:
        """Of imported images, which may have no instances, the masks tell too; looked through once and remembered."""
        path = self._cache / f"{version.digest.removeprefix('sha256:')}.json"
        if path.is_file():
            known: dict[str, list[int]] = json.loads(path.read_bytes())
            return known
        names = {item.id: item.name for item in version.labels}
        table: dict[str, list[int]] = {name: [] for name in names.values()}
        lines = read_lines(self._store, version.manifest.frames.digest, what=f"frames.jsonl of {version.name}")
        for index, line in enumerate(lines):
            if index in version.erased:
                continue
            record = FrameRecord.model_validate_json(line)
            shown = {instance.label for instance in record.instances}  # some are known by their boxes alone
            ids = np.flatnonzero(np.bincount(version.read_mask(record).ravel(), minlength=256))
            shown |= {names[number] for number in ids.tolist() if number in names}
            for name in shown & table.keys():
                table[name].append(index)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(table).encode())
        return table


def overlay_png(image: np.ndarray, mask: np.ndarray, labels: Sequence[Label]) -> bytes:
    """An image with its mask's areas tinted and outlined, as PNG.

    Args:
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) uint8 label ids, 255 ignore.
        labels: Classes with their colours.
    """
    buffer = io.BytesIO()
    Image.fromarray(overlay(image, mask, labels)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _check_filters(version: Version, label: str | None, split: str | None) -> None:
    names = [item.name for item in version.labels]
    if label is not None and label not in names:
        raise NotFoundError(f"{version.name} has no label '{label}'", code="unknown_label", hint=nearest(label, names))
    check_split(version.name, split, version.manifest.splits)
