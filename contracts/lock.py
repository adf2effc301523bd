"""The lock of generated datasets: what was rendered, from what, and the evidence by which it is known again.

A lock lies beside the generators in version control (`beltline regenerate --lock datasets.lock`). It holds no images: a
check renders some frames anew and compares them with what the lock says of them.
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from contracts.camera import SidePx, SizeText
from contracts.document import Document, SchemaVersion
from contracts.frame import FileRole, FrameRecord, PlayerIdentity
from contracts.generator import MAXIMUM_FRAMES, Generator
from contracts.ids import Digest, Name, Seed
from contracts.job import RenderBatchRequest
from contracts.shard import FrameIndex

BLOCKS = 4
"""Rows and columns that an image is cut into for its means."""

FINGERPRINT_BYTES = 8
"""Of a frame, in `LockedDataset.records` and `.labels`."""

Blocks = Annotated[
    tuple[Annotated[float, Field(ge=0, le=255)], ...], Field(min_length=BLOCKS**2 * 3, max_length=BLOCKS**2 * 3)
]
"""Means of red, green and blue, 0 to 255, of each block: from the top left, row by row."""


class Platform(Document):
    """What images were rendered on: images are the same bytes on the same platform, labels on every one."""

    system: Annotated[str, Field(max_length=100)]
    """Such as `Linux`."""
    machine: Annotated[str, Field(max_length=100)]
    """Such as `x86_64`."""
    processor: Annotated[str, Field(max_length=200)] = ""
    """The processor's own name; empty where the system does not tell."""


class FrameTrace(Document):
    """A frame that was rendered for its own sake: what it is made of, without the images."""

    record: FrameRecord
    assets_digest: Digest
    """Of the digests of the scene assets, sorted, one a line."""
    pixels: dict[FileRole, Digest]
    """Of each file's decoded values: over `<height> <width> <channels> <bits>`, a line feed, and the values in rows,
    each least byte first. So how a PNG was packed plays no part."""
    blocks: Blocks


class TraceRequest(Document):
    """Body of `POST /v1/generators/{name}:trace`."""

    frames: Annotated[tuple[FrameIndex, ...], Field(max_length=64)] = ()
    """Indices of the frames to render anew; none only resolves the generator."""
    seed: Seed = 0
    size: SizeText | None = None
    """`WxH` in pixels; none is the generator's own."""
    player: Annotated[str, Field(min_length=1, max_length=255)] = "embedded"
    overrides: dict[str, Any] = {}
    """Values by dotted path in the generator."""


class Trace(Document):
    """Frames rendered anew, whatever was rendered before."""

    generator: Generator
    """Resolved."""
    generator_digest: Digest
    platform: Platform
    frames: tuple[FrameTrace, ...]
    """In the order of the request."""


class LockedFrame(Document):
    """What the lock remembers of a frame."""

    index: FrameIndex
    attempt: Annotated[int, Field(ge=0)]
    """Redraws after the gate rejected the content."""
    parameters: dict[str, Any]
    """Every sampled value as `randomizer.field`."""
    spec_digest: Digest
    assets_digest: Digest
    pixels: dict[FileRole, Digest]
    blocks: Blocks


class LockedDataset(Document):
    """A generated dataset: what was asked, what it gave, and on what."""

    generator: Annotated[str, Field(min_length=1, max_length=4096)]
    """Name of a generator, or path of its file from the lock's folder."""
    overrides: dict[str, Any] = {}
    """Values by dotted path in the generator."""
    size: tuple[SidePx, SidePx] | None = None
    """Width, height in pixels that were asked for; none is the generator's own."""
    seed: Seed
    frames: Annotated[int, Field(ge=1, le=MAXIMUM_FRAMES)]
    player: Annotated[str, Field(min_length=1, max_length=255)] = "embedded"
    """Name of the player that was asked for."""
    document: Generator
    """The generator as it was resolved: what a check tells the difference from."""
    generator_digest: Digest
    version_digest: Digest
    """Of the dataset version."""
    rendered_by: PlayerIdentity
    platform: Platform
    assets_digest: Digest
    """Of the assets digests of `witnesses`, in their order, one a line."""
    witnesses: Annotated[tuple[LockedFrame, ...], Field(min_length=1, max_length=64)]
    """Frames that a check can explain; chosen at random by the seed, in the order of their index."""
    records: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+=*$")]
    """Base64 of 8 bytes a frame: the start of the SHA-256 of its record's canonical JSON, without index and player."""
    labels: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+=*$")]
    """Base64 of 8 bytes a frame: the same of the record without index, player, image and depth."""

    @model_validator(mode="after")
    def _of_all_frames(self) -> LockedDataset:
        for name in ("records", "labels"):
            try:
                known = len(base64.b64decode(getattr(self, name), validate=True))
            except ValueError as error:
                raise ValueError(f"{name}: not base64: {error}") from None
            if known != FINGERPRINT_BYTES * self.frames:
                raise ValueError(f"{name}: {known} bytes where {self.frames} frames have {FINGERPRINT_BYTES} each")
        indices = [frame.index for frame in self.witnesses]
        if indices != sorted(set(indices)) or indices[-1] >= self.frames:
            raise ValueError(f"witnesses: not different frames of 0 to {self.frames - 1} in their order")
        return self

    def request(self, dataset: Name) -> RenderBatchRequest:
        """The batch that makes it."""
        return RenderBatchRequest(
            generator=self.generator,
            frames=self.frames,
            seed=self.seed,
            size=None if self.size is None else f"{self.size[0]}x{self.size[1]}",
            dataset=dataset,
            player=self.player,
            overrides=self.overrides,
        )


class DatasetsLock(Document):
    """The file that `beltline regenerate --lock` keeps."""

    schema_version: SchemaVersion = 1
    datasets: dict[Name, LockedDataset] = {}


FindingKind = Literal[
    "request",
    "generator",
    "sampling",
    "gate",
    "assets",
    "composition",
    "player",
    "platform",
    "labels",
    "depth",
    "pixels",
]


class FieldChange(Document):
    """A value that differs."""

    path: str
    """Dotted."""
    locked: Any = None
    """None where there was nothing."""
    now: Any = None
    """None where there is nothing."""


class Finding(Document):
    """One cause or consequence of drift, or a difference that is none."""

    kind: FindingKind
    drift: bool
    """Whether it makes the check fail; else it is said for information."""
    message: str
    frames: tuple[int, ...] = ()
    """Indices of the frames that show it; the first ones."""
    changes: tuple[FieldChange, ...] = ()
    """What differs; the first ones."""


class DatasetCheck(Document):
    """What a check found of a dataset."""

    dataset: Name
    same: bool
    frames_rendered: int
    findings: tuple[Finding, ...] = ()
    """Causes before consequences."""


class LockCheck(Document):
    """What `beltline regenerate --check` prints as JSON."""

    same: bool
    datasets: tuple[DatasetCheck, ...]
