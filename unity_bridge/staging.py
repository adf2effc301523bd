"""Frames on disk: rendered in a fresh folder, moved into place when the gate has passed them, and finished by a record.

A frame with a valid record is done. Everything else in its folder is left over from a try that ended somewhere, and is
removed before the next one, so that a stale file can't be taken for a new one.
"""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from pydantic import ValidationError

from contracts.frame import (
    RECORD_FILE,
    SIDECAR_FILE,
    FileRole,
    FrameRecord,
    GeneratorReference,
    RecordCamera,
)
from contracts.ids import Digest, Name, canonical_json, digest_of
from unity_bridge.assets import storage_error, write_file
from unity_bridge.quality.rendered import FILES, RenderedFrame
from unity_bridge.sampling import FrameParameters


class Staging:
    """The frames of a batch under `<root>/frames/<index, 6 digits>/`.

    Args:
        root: Staging folder; made when absent.
        generator: Name of the generator.
        generator_digest: Of the resolved generator.
        seed: Of the request.
    """

    def __init__(self, root: Path, generator: Name, generator_digest: Digest, seed: int) -> None:
        self.root = root.absolute()
        self.generator = GeneratorReference(name=generator, digest=generator_digest)
        self.seed = seed

    def frame_folder(self, index: int) -> Path:
        """Where a frame's files lie."""
        return self.root / "frames" / f"{index:06d}"

    def finished(self, index: int) -> FrameRecord | None:
        """The record of a frame that is done: of this generator and seed, with every file as its digest says."""
        folder = self.frame_folder(index)
        try:
            record = FrameRecord.model_validate_json((folder / RECORD_FILE).read_bytes())
            if (record.index, record.generator, record.seed) != (index, self.generator, self.seed):
                return None
            for role, digest in record.files.items():
                if digest_of((folder / FILES[role]).read_bytes()) != digest:
                    return None
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None
        return record

    def fresh_folder(self, index: int) -> Path:
        """An empty folder to render a frame into; what earlier tries left is removed.

        Raises:
            StorageError: The disk is full, or staging can't be written.
        """
        self.clear(index)
        folder = self.frame_folder(index) / f".rendering-{secrets.token_hex(4)}"
        try:
            folder.mkdir(parents=True)
        except OSError as error:
            raise storage_error(error, folder) from error
        return folder

    def clear(self, index: int) -> None:
        """Remove all that lies in a frame's folder, the folder included."""
        folder = self.frame_folder(index)
        try:
            (folder / RECORD_FILE).unlink(missing_ok=True)  # first: half a folder must not look finished
            shutil.rmtree(folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise storage_error(error, folder) from error

    def accept(
        self, rendered: Path, frame: RenderedFrame, parameters: FrameParameters, checks: tuple[str, ...]
    ) -> FrameRecord:
        """Move a frame that the gate has passed into place, and write its record last.

        Args:
            rendered: Folder from `fresh_folder` that the player wrote into.
            frame: What was read and checked there.
            parameters: What the frame was composed from.
            checks: Content checks that rejected earlier attempts, in order.

        Raises:
            StorageError: The disk is full, or staging can't be written.
        """
        sidecar, camera = frame.sidecar, frame.sidecar.camera
        record = FrameRecord(
            index=parameters.index,
            seed=self.seed,
            generator=self.generator,
            spec_digest=frame.spec_digest,
            attempt=parameters.attempt,
            parameters=parameters.flat(),
            facts=sidecar.facts,
            camera=RecordCamera(K=camera.K, distortion=camera.distortion, world_from_camera=camera.world_from_camera),
            instances=sidecar.instances,
            files={role: sidecar.files[role] for role in _roles(sidecar.files)},
            size=(camera.width_px, camera.height_px),
            player=sidecar.player,
            checks=checks,
        )
        folder = self.frame_folder(parameters.index)
        try:
            for name in [*(FILES[role] for role in record.files), SIDECAR_FILE]:
                (rendered / name).replace(folder / name)
            shutil.rmtree(rendered)
        except OSError as error:
            raise storage_error(error, folder) from error
        write_file(folder / RECORD_FILE, canonical_json(record))
        return record

    def discard(self, rendered: Path) -> None:
        """Remove what a rejected or failed try wrote."""
        shutil.rmtree(rendered, ignore_errors=True)


def _roles(files: dict[FileRole, Digest]) -> list[FileRole]:
    return [role for role in FILES if role in files]
