"""Traces: frames rendered anew by the same worker, gate and player as a batch, to be compared and thrown away."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from contracts.errors import BeltlineError
from contracts.frame import FrameRecord
from contracts.ids import Digest, digest_of
from contracts.lock import BLOCKS, FrameTrace, Trace, TraceRequest
from contracts.process import RESULT_FILE
from contracts.shard import ShardReport
from server.beside_jobs import BesideJobs
from server.planning import in_workspace, plan_trace
from server.platforms import this_platform
from server.settings import Settings


class Traces:
    """Renders single frames and says what they are made of. Nothing that was rendered before is used.

    Args:
        settings: Where things lie, and which players there are.
        workers: Render them.
    """

    def __init__(self, settings: Settings, workers: BesideJobs) -> None:
        self._settings = settings
        self._workers = workers

    def trace(self, name: str, request: TraceRequest) -> Trace:
        """Frames of a generator, rendered anew.

        Raises:
            NotFoundError: Unknown generator.
            ConfigurationError: Unknown player, override path or size.
            RenderError: One could not be rendered.
        """
        parent = self._settings.cache / "traces"
        order = plan_trace(self._settings, name, request, parent / "planned")
        frames: tuple[FrameTrace, ...] = ()
        if order.indices:
            parent.mkdir(parents=True, exist_ok=True)
            with self._workers.turn():
                workspace = Path(tempfile.mkdtemp(dir=parent, prefix="trace-"))
                try:
                    self._workers.render("the trace", in_workspace(order, workspace))
                    frames = _read(workspace, order.indices)
                finally:
                    shutil.rmtree(workspace, ignore_errors=True)
        return Trace(
            generator=order.generator,
            generator_digest=order.generator.digest(),
            platform=this_platform(),
            frames=frames,
        )


def pixel_digest(values: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> Digest:
    """Of decoded values, as `contracts.lock.FrameTrace.pixels` says.

    Args:
        values: (H, W) or (H, W, channels), uint8 or uint16.
    """
    height, width, channels = (*values.shape, 1)[:3]
    bits = values.dtype.itemsize * 8
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return digest_of(f"{height} {width} {channels} {bits}\n".encode() + little.tobytes())


def block_means(image: npt.NDArray[np.uint8]) -> tuple[float, ...]:
    """Means of each channel of an image (H, W, 3) in each of its blocks, as `contracts.lock.Blocks`."""
    rows = np.array_split(image.astype(np.float64), BLOCKS, axis=0)
    means = [block.mean(axis=(0, 1)) for row in rows for block in np.array_split(row, BLOCKS, axis=1)]
    return tuple(round(float(value), 4) for mean in means for value in mean)


def _read(workspace: Path, indices: tuple[int, ...]) -> tuple[FrameTrace, ...]:
    try:
        report = ShardReport.model_validate_json((workspace / RESULT_FILE).read_bytes())
        return tuple(
            _frame(workspace / "staging" / "frames" / f"{index:06d}", report.assets[str(index)]) for index in indices
        )
    except (OSError, ValueError, KeyError) as error:
        raise BeltlineError(f"the trace can't be read: {error!r}", code="trace_unreadable") from error


def _frame(folder: Path, assets_digest: Digest) -> FrameTrace:
    record = FrameRecord.model_validate_json((folder / "record.json").read_bytes())
    pixels, blocks = {}, ()
    for role in record.files:
        with Image.open(folder / f"{role}.png") as picture:
            if role == "image":
                image = np.array(picture.convert("RGB"), dtype=np.uint8)
                pixels[role], blocks = pixel_digest(image), block_means(image)
            else:
                values = np.array(picture)
                pixels[role] = pixel_digest(values if values.dtype == np.uint8 else values.astype(np.uint16))
    return FrameTrace(record=record, assets_digest=assets_digest, pixels=pixels, blocks=blocks)
