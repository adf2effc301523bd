"""A shard: the stretch of a render batch that one worker process carries out, and what it reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, model_validator

from contracts.document import Document, SchemaVersion
from contracts.generator import MAXIMUM_FRAMES, Generator
from contracts.ids import Digest, Seed

FrameIndex = Annotated[int, Field(ge=0, le=2**31 - 1)]
FrameKey = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,9})$")]
"""A frame's index as a key of a JSON object."""


class PlayerCommand(Document):
    """A player as the bridge launches it."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    """What people call it: `embedded`, or a name from the settings."""
    path: str | None = None
    """Executable; none is the embedded player."""
    arguments: tuple[str, ...] = ()
    """Passed on to it."""


class BridgeSettings(Document):
    """How patient the bridge is with a player."""

    launch_timeout_s: Annotated[float, Field(gt=0)] = 120.0
    """From launch to the end of the handshake."""
    frame_timeout_s: Annotated[float, Field(gt=0)] = 120.0
    """For one frame."""
    render_attempts_max: Annotated[int, Field(ge=1, le=20)] = 4
    """Tries of the same spec after transient failures."""
    restart_backoff_s: Annotated[float, Field(ge=0)] = 0.5
    """Pause before the first restart of a player; doubles up to 30 s."""
    recycle_after_frames: Annotated[int, Field(ge=1)] = 500
    """Frames after which a player is replaced by a fresh one."""
    recycle_growth_mib: Annotated[int, Field(ge=1)] = 2048
    """Growth of a player's memory since its first frame, after which it is replaced."""
    base_port: Annotated[int, Field(ge=1024, le=65000)] = 15005
    """First of the ports that players lease."""


class ShardOrder(Document):
    """What a render worker is started with."""

    schema_version: SchemaVersion = 1
    generator: Generator
    """Resolved."""
    seed: Seed
    first: Annotated[int, Field(ge=0)]
    """First frame index."""
    count: Annotated[int, Field(ge=1, le=MAXIMUM_FRAMES)]
    """Number of frames."""
    indices: Annotated[tuple[FrameIndex, ...], Field(max_length=4096, exclude_if=lambda indices: not indices)] = ()
    """Frame indices, as many as `count`, where they are no stretch; none is the stretch from `first` on."""
    player: PlayerCommand
    bridge: BridgeSettings = BridgeSettings()
    allow_gaps: bool = False
    """Whether an exhausted frame leaves a declared gap instead of failing the batch."""
    staging: Annotated[str, Field(min_length=1)]
    """Folder of the batch's frames: `<staging>/frames/<index, 6 digits>/`."""
    assets: Annotated[str, Field(min_length=1)]
    """Folder of content-addressed assets, shared by workers and players."""
    workspace: Annotated[str, Field(min_length=1)]
    """Folder for progress, result, error and logs."""

    @model_validator(mode="after")
    def _as_many_as_said(self) -> ShardOrder:
        if self.indices and len(set(self.indices)) != self.count:
            raise ValueError(f"indices: {len(set(self.indices))} different ones where count is {self.count}")
        return self

    def frame_indices(self) -> Sequence[int]:
        """Indices of the frames to render, in order."""
        return self.indices or range(self.first, self.first + self.count)


class ShardReport(Document):
    """What a finished shard says of its making; not part of any digest."""

    frames: int
    """Frames with a record, those of earlier attempts of this shard included."""
    gaps: tuple[int, ...] = ()
    """Frame indices given up, where the order allows it."""
    rejections: dict[str, int] = {}
    """Content rejections by check."""
    transient_failures: dict[str, int] = {}
    """Failures after which the same spec was rendered again, by code."""
    not_judged: dict[str, int] = {}
    """Accepted frames that gave a check too little to judge, by check; those of this process only."""
    player_starts: int = 0
    """Players launched."""
    assets: Annotated[dict[FrameKey, Digest], Field(exclude_if=lambda assets: not assets)] = {}
    """Of orders with `indices`: digest of the scene assets of each frame that this process composed, by index. It is
    taken over their digests, sorted, one a line."""
    seconds: float = 0.0
    seconds_to_first_frame: float | None = None
    """From the worker's start to its first accepted frame."""
