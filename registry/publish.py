"""Publishing a rendered batch: staged frames become a version that is there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from pydantic import ValidationError

from contracts.dataset import DatasetManifest, VersionDescription
from contracts.errors import ConfigurationError, ConflictError, IntegrityError, RenderError
from contracts.frame import RECORD_FILE, FileRole, FrameRecord
from contracts.generator import Generator
from contracts.ids import check_name
from registry.catalog import Catalog, Operation
from registry.durable import storage_error
from registry.publication import publish_version
from registry.store import Store
from registry.version_writer import VersionWriter

OnProgress = Callable[[int, int], None]
"""Called with (done, total)."""


def publish_batch(
    store: Store,
    catalog: Catalog,
    *,
    name: str,
    staging: str | Path,
    generator: Generator,
    seed: int,
    frames: int,
    gaps: Collection[int] = (),
    operation: Operation | None = None,
    description: str = "",
    on_progress: OnProgress | None = None,
) -> VersionDescription:
    """Make the staged frames of a render batch a version.

    Every file is checked against the digest that its record gives. The version's digest depends on content only: not on
    shards, interruptions or the version's name. Publishing again, also after a crash at any point, completes what is
    missing; content that is there under this name gives the version that is there.

    Args:
        store: Where the blobs go.
        catalog: Where the version becomes visible.
        name: The dataset.
        staging: Folder that holds `frames/<index, 6 digits>/`.
        generator: Resolved, as rendered.
        seed: Of the request.
        frames: Number of frames requested.
        gaps: Indices that the request allowed to be missing, and that are.
        operation: How the making went; not part of the digest.
        description: For people; not part of the digest.
        on_progress: Called after every frame.

    Returns:
        The version.

    Raises:
        ConfigurationError: The name is not safe, or a gap is no index of the request.
        ConflictError: A frame is not there, or is another request's.
        IntegrityError: A staged file is not what its record says.
        RenderError: All frames are gaps.
        StorageError: Staging, store or catalog refuse; nothing became visible.
    """
    check_name(name, "dataset name")
    missing = set(gaps)
    outside = sorted(gap for gap in missing if not 0 <= gap < frames)
    if outside:
        raise ConfigurationError(f"gaps {outside} are no frames of 0 to {frames - 1}")
    if len(missing) == frames:
        raise RenderError("every frame of the batch was given up: there is nothing to publish")
    generator_digest = generator.digest()

    def write() -> DatasetManifest:
        with VersionWriter(store) as writer:
            for index in range(frames):
                if index not in missing:
                    folder = f"{staging}/frames/{index:06d}"
                    record, files = _read_staged(folder, index)
                    origin = record.generator.digest if record.generator is not None else None
                    if (record.index, record.seed, origin) != (index, seed, generator_digest):
                        raise ConflictError(
                            f"{folder} holds frame {record.index} of seed {record.seed} and generator {origin}, "
                            f"not frame {index} of seed {seed} and generator {generator_digest}",
                            code="foreign_frame",
                            hint="give every batch a staging folder of its own",
                        )
                    writer.add(record, files, what=f"staged frame {index} ({folder})")
                if on_progress is not None:
                    on_progress(index + 1, frames)
            return writer.finish(generator.label_table(), generator=generator, seed=seed, gaps=tuple(sorted(missing)))

    return publish_version(store, catalog, name, write, description=description, operation=operation)


def _read_staged(folder: str, index: int) -> tuple[FrameRecord, dict[FileRole, bytes]]:
    try:
        data = _read(f"{folder}/{RECORD_FILE}")
        record = FrameRecord.model_validate_json(data)
        return record, {role: _read(f"{folder}/{role}.png") for role in record.files}
    except FileNotFoundError as error:
        raise ConflictError(
            f"frame {index} is not complete: no {error.filename}",
            code="incomplete_batch",
            hint="resume the batch, which renders what is missing",
        ) from None
    except ValidationError as error:
        raise IntegrityError(
            f"{folder}/{RECORD_FILE} is not a frame record: {error.errors()[0]['msg']}",
            hint="delete the frame's folder and resume the batch, which renders it again",
        ) from None
    except OSError as error:
        raise storage_error(error, f"read {folder}") from error


def _read(path: str) -> bytes:
    # Called for every file of every frame: plain calls of the system take a third of the time of a file object.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = []
        while part := os.read(handle, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(handle)
