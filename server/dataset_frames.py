"""Frames of dataset versions, page by page, and their pictures; without holding a large version's records in memory."""

from __future__ import annotations

import io
import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from contracts.dataset import DatasetManifest
from contracts.errors import NotFoundError, nearest
from contracts.frame import FrameRecord
from contracts.frame_spec import Label
from contracts.ids import VersionReference
from contracts.process import write_atomically
from PIL import Image
from registry.catalog import Catalog
from registry.pictures import overlay
from registry.reader import Version
from registry.store import Store

from server.resources import Page, PictureKind

_KEPT_VERSIONS = 4


class DatasetFrames:
    """Reads frames of versions. Safe for several threads.

    Args:
        store: Where the blobs lie.
        catalog: Names of versions.
        cache: Folder for tables of labels by frame, which can be made again.
    """

    def __init__(self, store: Store, catalog: Catalog, cache: Path) -> None:
        self._store = store
        self._catalog = catalog
        self._cache = cache
        self._lock = threading.Lock()
        self._lines: OrderedDict[str, list[bytes]] = OrderedDict()

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
        lines = self._frame_lines(version)
        shown = self._frames_with(version, lines, label) if label is not None else None
        found: list[FrameRecord] = []
        for index in range(start, len(lines)) if shown is None else [index for index in shown if index >= start]:
            if split is not None and f'"split":{json.dumps(split)}'.encode() not in lines[index]:
                continue
            record = FrameRecord.model_validate_json(lines[index])
            if split is not None and record.split != split:
                continue
            if len(found) == limit:
                return Page[FrameRecord](items=found, next_cursor=str(index))
            found.append(record)
        return Page[FrameRecord](items=found)

    def picture(self, reference: VersionReference, index: int, kind: PictureKind) -> bytes:
        """PNG of one frame.

        Raises:
            NotFoundError: Unknown version or frame, or it has no such picture.
            IntegrityError: Stored bytes are damaged.
        """
        version = self._open(reference)
        lines = self._frame_lines(version)
        if not 0 <= index < len(lines):
            raise NotFoundError(
                f"{reference} has no frame {index}", code="unknown_frame", hint=f"frames are 0 to {len(lines) - 1}"
            )
        record = FrameRecord.model_validate_json(lines[index])
        if kind == "overlay":
            return overlay_png(version.read_image(record), version.read_mask(record), version.labels)
        return version.read_file(record, kind)

    def _open(self, reference: VersionReference) -> Version:
        digest = self._catalog.resolve(reference)
        manifest: DatasetManifest = self._catalog.manifest(reference)
        return Version(self._store, digest, manifest, str(reference))

    def _frame_lines(self, version: Version) -> list[bytes]:
        with self._lock:
            if version.digest in self._lines:
                self._lines.move_to_end(version.digest)
                return self._lines[version.digest]
        lines = self._store.read(version.manifest.frames.digest, what=f"frames.jsonl of {version.name}").splitlines()
        with self._lock:
            self._lines[version.digest] = lines
            while len(self._lines) > _KEPT_VERSIONS:
                self._lines.popitem(last=False)
        return lines

    def _frames_with(self, version: Version, lines: Sequence[bytes], label: str) -> list[int]:
        """Indices of the frames that show a label."""
        if version.manifest.generator is not None:
            quoted = f'"label":{json.dumps(label)}'.encode()
            return [index for index, line in enumerate(lines) if quoted in line]
        return self._labels_by_frame(version, lines).get(label, [])

    def _labels_by_frame(self, version: Version, lines: Sequence[bytes]) -> dict[str, list[int]]:
        """Of imported images, which may have no instances, the masks tell too; looked through once and remembered."""
        path = self._cache / f"{version.digest.removeprefix('sha256:')}.json"
        if path.is_file():
            known: dict[str, list[int]] = json.loads(path.read_bytes())
            return known
        names = {item.id: item.name for item in version.labels}
        table: dict[str, list[int]] = {name: [] for name in names.values()}
        for index, line in enumerate(lines):
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
    if split is not None and split not in version.manifest.splits:
        raise NotFoundError(
            f"{version.name} has no split '{split}'",
            code="unknown_split",
            hint=nearest(split, version.manifest.splits) or "it has no splits: leave the split out",
        )
