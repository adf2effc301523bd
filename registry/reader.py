"""Reading a dataset version: manifest, frames, images and masks, every byte verified; needs no catalog.

version = open_version("/data/store", "sha256:…", name="exterior@2")
for record in version.records("train"):
    image, mask = version.read_image(record), version.read_mask(record)
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError
from pydantic import ValidationError

from contracts.dataset import DatasetManifest
from contracts.erasure import ErasureMark
from contracts.errors import IntegrityError, NotFoundError, nearest
from contracts.frame import FileRole, FrameRecord
from contracts.frame_spec import Label
from contracts.ids import Digest
from registry.checking import Fault, blob_uses
from registry.store import Store
from registry.streaming import read_lines

ByteImage = npt.NDArray[np.uint8]
ShortImage = npt.NDArray[np.uint16]
OnProgress = Callable[[int, int], None]
"""Called with (done, total)."""
ERASED_NOTE = "erased"
"""Kind of the notes in the store that say what was erased from a version."""


class Version:
    """An immutable dataset version.

    Made by `open_version`. Frames are read on first use. Safe to use from several processes and threads.
    """

    def __init__(self, store: Store, digest: Digest, manifest: DatasetManifest, name: str) -> None:
        self.store = store
        self.digest = digest
        self.manifest = manifest
        self.name = name
        """What errors call the version: `name@number`, or its digest."""
        self._erased: dict[int, ErasureMark] | None = None

    def __len__(self) -> int:
        return self.manifest.frame_count

    @property
    def labels(self) -> tuple[Label, ...]:
        """Classes of the masks; a mask may also hold 255: pixels to ignore."""
        return self.manifest.labels

    def records(self, split: str | None = None) -> list[FrameRecord]:
        """Frames of the version, or of one split, in the order of their index; not those that were erased.

        Raises:
            NotFoundError: The version has no such split.
            IntegrityError: `frames.jsonl` is damaged.
        """
        if split is None:
            return list(self._records)
        if split not in self.manifest.splits:
            raise NotFoundError(
                f"{self.name} has no split '{split}'",
                hint=nearest(split, self.manifest.splits) or "the version has no splits: leave the split out",
            )
        return [record for record in self._records if record.split == split]

    @property
    def erased(self) -> Mapping[int, ErasureMark]:
        """Frames that were erased, by index: their records stay, their bytes are gone; see `registry.erasure`."""
        if self._erased is None:
            self._erased = _read_marks(self.store, self.digest)
        return self._erased

    def iterate(self) -> Iterator[FrameRecord]:
        """Frames of the version in the order of their index, read in a stream; not those that were erased.

        As `iterate_all`.
        """
        return (record for record in self.iterate_all() if record.index not in self.erased)

    def iterate_all(self) -> Iterator[FrameRecord]:
        """Frames of the version in the order of their index, also those that were erased, read in a stream.

        The bytes are verified when the last frame has been given: who must not act on damaged ones keeps what it makes
        of the frames to itself until then.

        Raises:
            IntegrityError: `frames.jsonl` is damaged.
        """
        lines = read_lines(self.store, self.manifest.frames.digest, what=f"frames.jsonl of {self.name}")
        for line in lines:
            try:
                record = FrameRecord.model_validate_json(line)
            except ValidationError as error:
                for _ in lines:  # to the end, where damage shows
                    pass
                raise IntegrityError(
                    f"frames.jsonl of {self.name} is not a list of frame records: {error.errors()[0]['msg']}",
                    hint="it was written by an incompatible version of Beltline",
                    context={"digest": self.manifest.frames.digest},
                ) from None
            yield record

    def read_file(self, record: FrameRecord, role: FileRole) -> bytes:
        """The bytes of a frame's file, verified.

        Raises:
            NotFoundError: The frame has no such file, or was erased.
            IntegrityError: The bytes are missing or damaged; the message names file and version.
        """
        digest = record.files.get(role)
        if digest is None:
            raise NotFoundError(
                f"frame {record.index} of {self.name} has no {role}", hint=f"it has: {', '.join(record.files)}"
            )
        self._check_not_erased(record)
        try:
            return self.store.read(digest, what=self._what(record, role))
        except IntegrityError:
            self._erased = None  # it may have been erased just now
            self._check_not_erased(record)
            raise

    def _check_not_erased(self, record: FrameRecord) -> None:
        mark = self.erased.get(record.index)
        if mark is not None:
            raise NotFoundError(
                f"frame {record.index} of {self.name} was erased {mark.erased_at} with group '{mark.group}'",
                code="erased_frame",
                hint="its record stays and its bytes are gone; the other frames are there",
            )

    def read_image(self, record: FrameRecord) -> ByteImage:
        """The image, (H, W, 3) uint8 sRGB.

        Raises:
            IntegrityError: The bytes are damaged or no image of the recorded size.
        """
        with self._decode(record, "image") as picture:
            return np.array(picture.convert("RGB"), dtype=np.uint8)

    def read_mask(self, record: FrameRecord, lookup: Sequence[int] | None = None) -> ByteImage:
        """The semantic mask, (H, W) uint8 label ids, 255 ignore.

        Args:
            record: The frame.
            lookup: Table of 256 target ids by source id, from `LabelMap.lookup`.

        Raises:
            IntegrityError: The bytes are damaged or no indexed image of the recorded size.
        """
        with self._decode(record, "mask") as picture:
            if picture.mode not in ("P", "L"):
                raise self._not_an_image(record, "mask", f"mode {picture.mode} where an indexed image is expected")
            mask = np.array(picture, dtype=np.uint8)
        return mask if lookup is None else np.asarray(lookup, dtype=np.uint8)[mask]

    def read_instances(self, record: FrameRecord) -> ShortImage:
        """The instance mask, (H, W) uint16, 0 none.

        Raises:
            NotFoundError: The frame has none.
            IntegrityError: The bytes are damaged.
        """
        return self._read_short(record, "instances")

    def read_depth(self, record: FrameRecord) -> ShortImage:
        """Depth along the optical axis, (H, W) uint16 millimetres, 0 nothing or beyond 65.535 m.

        Raises:
            NotFoundError: The frame has none.
            IntegrityError: The bytes are damaged.
        """
        return self._read_short(record, "depth")

    def files(self) -> dict[Digest, list[str]]:
        """All blobs of the version, with what each is.

        Raises:
            IntegrityError: `frames.jsonl` is damaged, so that the files can't be named.
        """
        found: dict[Digest, list[str]] = {self.digest: ["manifest"]}
        for what, reference in (
            ("frames.jsonl", self.manifest.frames),
            ("file table", self.manifest.files),
            ("generator", self.manifest.generator_document),
        ):
            if reference is not None:
                found.setdefault(reference.digest, []).append(what)
        for record in self.iterate():
            for role, digest in record.files.items():
                found.setdefault(digest, []).append(f"frame {record.index} {role}")
        return found

    def verify(self, on_progress: OnProgress | None = None) -> list[Fault]:
        """Re-hash every blob of the version.

        Returns:
            Every missing or damaged blob; empty when all is well.
        """
        with blob_uses(self.store) as uses:
            uses.add_version(self)
            return uses.check(on_progress)

    @cached_property
    def _records(self) -> tuple[FrameRecord, ...]:
        return tuple(self.iterate())

    def _decode(self, record: FrameRecord, role: FileRole) -> Image.Image:
        data = self.read_file(record, role)
        try:
            picture = Image.open(io.BytesIO(data), formats=("PNG",))
            if picture.size != record.size:
                raise self._not_an_image(record, role, f"{picture.size} where {record.size} is recorded")
            picture.load()
        except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise self._not_an_image(record, role, str(error)) from None
        return picture

    def _read_short(self, record: FrameRecord, role: FileRole) -> ShortImage:
        with self._decode(record, role) as picture:
            if not picture.mode.startswith("I"):
                raise self._not_an_image(record, role, f"mode {picture.mode} where 16 bits are expected")
            return np.array(picture).astype(np.uint16, copy=False)

    def _what(self, record: FrameRecord, role: FileRole) -> str:
        return f"{role} of frame {record.index} of {self.name}"

    def _not_an_image(self, record: FrameRecord, role: FileRole, reason: str) -> IntegrityError:
        digest = record.files[role]
        return IntegrityError(
            f"{self._what(record, role)} can't be decoded: {reason}",
            hint="the bytes are as they were published; publish the frame again from its source",
            context={"digest": digest, "path": self.store.path_of(digest)},
        )


def open_version(store: Store | str | Path, digest: Digest, *, name: str = "") -> Version:
    """Open a version by the digest of its manifest.

    Args:
        store: The store or its URL.
        digest: The version's digest.
        name: What errors call the version, such as `exterior@2`; the digest when not given.

    Raises:
        IntegrityError: The manifest is missing or damaged.
        StorageError: The store can't be read.
    """
    store = store if isinstance(store, Store) else Store(store)
    name = name or digest
    data = store.read(digest, what=f"manifest of {name}")
    try:
        manifest = DatasetManifest.model_validate_json(data)
    except ValidationError as error:
        raise IntegrityError(
            f"the manifest of {name} is not a dataset manifest: {error.errors()[0]['msg']}",
            hint="it was written by an incompatible version of Beltline",
            context={"digest": digest},
        ) from None
    return Version(store, digest, manifest, name)


def _read_marks(store: Store, digest: Digest) -> dict[int, ErasureMark]:
    found: dict[int, ErasureMark] = {}
    for name, data in store.notes(ERASED_NOTE, digest).items():
        try:
            mark = ErasureMark.model_validate_json(data)
        except ValidationError as error:
            raise IntegrityError(
                f"the note {name} of what was erased from {digest} is damaged: {error.errors()[0]['msg']}",
                hint="`beltline gc` writes it again",
                context={"digest": digest},
            ) from None
        found.update(dict.fromkeys(mark.frames, mark))
    return found
