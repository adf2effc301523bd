"""Previews: one frame by the same worker, gate and player as a batch, without a job and without a version."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import numpy as np
from filelock import FileLock
from PIL import Image

from contracts.errors import BeltlineError
from contracts.frame import FrameRecord
from contracts.ids import canonical_json, digest_of
from contracts.shard import ShardOrder
from server.beside_jobs import BesideJobs
from server.dataset_frames import overlay_png
from server.planning import in_workspace, plan_preview
from server.resources import PictureKind, Preview, PreviewRequest
from server.settings import Settings

_KEPT = 64
_ROLES: tuple[PictureKind, ...] = ("image", "mask", "instances", "depth")


class Previews:
    """Renders single frames, a few at a time, and remembers the last ones.

    Args:
        settings: Where things lie, and which players there are.
        workers: Render them.
    """

    def __init__(self, settings: Settings, workers: BesideJobs) -> None:
        self._settings = settings
        self._workers = workers
        self._folder = settings.cache / "previews"

    def render(self, name: str, request: PreviewRequest) -> Preview:
        """One frame.

        Raises:
            NotFoundError: Unknown generator.
            ConfigurationError: Unknown player, override path or size.
            RenderError: It could not be rendered.
        """
        order = plan_preview(self._settings, name, request, self._folder / "planned")
        identity = order.model_dump(mode="json", include={"generator", "seed", "first", "player"})
        workspace = self._folder / digest_of(canonical_json(identity)).removeprefix("sha256:")[:32]
        order = in_workspace(order, workspace)
        frame = workspace / "staging" / "frames" / f"{request.frame:06d}"
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._workers.turn(), FileLock(f"{workspace}.lock"):
            if not (frame / "record.json").is_file():
                shutil.rmtree(workspace, ignore_errors=True)
                self._workers.render("the preview", order)
            preview = _read(order, frame)
            workspace.touch()
        self._forget()
        return preview

    def _forget(self) -> None:
        """Drop the previews that were not asked for in the longest time."""
        kept = sorted(
            (path for path in self._folder.iterdir() if path.is_dir()),
            key=lambda path: path.stat().st_mtime,
            reverse=True,
        )
        for path in kept[_KEPT:]:
            shutil.rmtree(path, ignore_errors=True)
            path.with_name(f"{path.name}.lock").unlink(missing_ok=True)


def _read(order: ShardOrder, frame: Path) -> Preview:
    try:
        record = FrameRecord.model_validate_json((frame / "record.json").read_bytes())
        pictures: dict[PictureKind, bytes] = {
            role: (frame / f"{role}.png").read_bytes() for role in _ROLES if (frame / f"{role}.png").is_file()
        }
        with Image.open(frame / "image.png") as image, Image.open(frame / "mask.png") as mask:
            pictures["overlay"] = overlay_png(
                np.array(image.convert("RGB")), np.array(mask), order.generator.label_table()
            )
    except (OSError, ValueError) as error:
        raise BeltlineError(f"the preview can't be read: {error}", code="preview_unreadable") from error
    return Preview(
        frame=record, files={kind: base64.b64encode(data).decode("ascii") for kind, data in pictures.items()}
    )
