"""Export as WebDataset: https://github.com/webdataset/webdataset

PART-%06d.tar       shards; PART is the split, or `train`. A sample has these files:
    %06d.png            RGB
    %06d.mask.png       8-bit grey, class ids, 0 background, 255 ignore
    %06d.instances.npz  array `instances`, (H, W) uint16, 0 none                                (where rendered)
    %06d.depth.npz      array `depth`, (H, W) uint16 millimetres along the optical axis         (where rendered)
    %06d.json           objects, camera, parameters, split, group, source; version and digest
labels.json         [{"id", "name", "color"}]
version.json        name, version, digest, lineage, license, consent, samples by shard

Masks are grey and the 16-bit images are arrays, because the usual decoders of such samples turn every PNG into 8-bit
RGB, by its palette where it has one. The same version gives the same bytes.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from registry.formats.export_folder import json_bytes
from registry.formats.exported import Export, ExportedFrame
from registry.reader import OnProgress

SHARD_BYTES = 256 << 20
SHARD_SAMPLES = 10_000
"""A shard ends with the sample that reaches one of these."""


def write_webdataset(export: Export, folder: Path, on_progress: OnProgress | None) -> None:
    """Write a version as shards."""
    with ExitStack() as stack:
        parts = {name: stack.enter_context(_Shards(folder, name)) for name in export.parts}
        for frame, files in export.each(_prepare, on_progress):
            parts[frame.part].add(frame.stem, files)
    (folder / "labels.json").write_bytes(json_bytes(export.described_labels()))
    shards = {name: count for part in parts.values() for name, count in part.samples.items()}
    (folder / "version.json").write_bytes(json_bytes({**export.about(), "shards": shards}))


class _Shards:
    """The shards of a part."""

    def __init__(self, folder: Path, part: str) -> None:
        self._folder, self._part = folder, part
        self._archive: BinaryIO | None = None
        self._name = ""
        self._bytes = 0
        self.samples: dict[str, int] = {}

    def __enter__(self) -> _Shards:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def add(self, stem: str, files: Mapping[str, bytes]) -> None:
        """Write a sample."""
        if self._archive is None:
            self._name = f"{self._part}-{len(self.samples):06d}.tar"
            self._archive = (self._folder / self._name).open("wb")
            self._bytes = self.samples[self._name] = 0
        for ending, data in files.items():
            entry = tarfile.TarInfo(f"{stem}.{ending}")
            entry.size = len(data)
            # Not `TarFile.addfile`, which remembers every file.
            self._archive.write(entry.tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % tarfile.BLOCKSIZE))
            self._bytes += len(data)
        self.samples[self._name] += 1
        if self._bytes >= SHARD_BYTES or self.samples[self._name] >= SHARD_SAMPLES:
            self._close()

    def _close(self) -> None:
        if self._archive is not None:
            self._archive.write(bytes(2 * tarfile.BLOCKSIZE))
            self._archive.close()
            self._archive = None


def _prepare(frame: ExportedFrame) -> tuple[ExportedFrame, dict[str, bytes]]:
    return frame, dict(_files(frame))


def _files(frame: ExportedFrame) -> Iterator[tuple[str, bytes]]:
    yield "png", frame.read("image")
    stream = io.BytesIO()
    Image.fromarray(frame.mask).save(stream, "PNG", compress_level=3)
    yield "mask.png", stream.getvalue()
    if frame.instance_mask is not None:
        yield "instances.npz", _array("instances", frame.instance_mask)
    if "depth" in frame.record.files:
        yield "depth.npz", _array("depth", frame.export.version.read_depth(frame.record))
    yield "json", json_bytes(_description(frame))


def _array(name: str, values: npt.NDArray[np.uint16]) -> bytes:
    stream = io.BytesIO()
    arrays: dict[str, Any] = {name: values}
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def _description(frame: ExportedFrame) -> dict[str, Any]:
    record = frame.record.model_dump(mode="json", exclude={"files", "instances", "checks"})
    version = frame.export.version
    return {
        **record,
        "objects": frame.described_objects(),
        "dataset": str(frame.export.reference),
        "digest": version.digest,
        "license": version.manifest.license,
    }
