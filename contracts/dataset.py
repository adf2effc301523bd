"""The manifest of a dataset version: its content, and nothing about who, when or what it is called."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.document import Document, SchemaVersion
from contracts.frame import GeneratorReference
from contracts.frame_spec import Label
from contracts.ids import Digest, Name


class QualitySummary(Document):
    """Deterministic verdicts of the gate over a version."""

    frames: Annotated[int, Field(ge=0)]
    """Frames in the version."""
    redrawn_frames: Annotated[int, Field(ge=0)] = 0
    """Frames whose content was rejected at least once."""
    rejections: dict[str, int] = {}
    """Rejected attempts by check."""
    gaps: tuple[int, ...] = ()
    """Frame indices of the request that are missing because it allowed gaps."""


class BlobReference(Document):
    """A stored blob."""

    digest: Digest
    size_bytes: Annotated[int, Field(ge=0)]


class DatasetManifest(Document):
    """The content of a version; its digest is that of this document's canonical JSON."""

    schema_version: SchemaVersion = 1
    digest_algorithm: Literal["sha256"] = "sha256"
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=255)]
    frame_count: Annotated[int, Field(ge=1)]
    frames: BlobReference
    """The version's `frames.jsonl`: one `FrameRecord` in canonical JSON a line, in the order of the index."""
    files: BlobReference
    """Table of all files: one `digest size_bytes` a line, sorted, unique."""
    splits: dict[Name, int] = {}
    """Frames by split."""
    generator: GeneratorReference | None = None
    generator_document: BlobReference | None = None
    """The resolved generator's canonical JSON."""
    seed: int | None = None
    parents: tuple[Digest, ...] = ()
    """Manifests that this version was made of."""
    quality: QualitySummary
    license: str | None = None
    """Terms of imported images, as given."""


class VersionDescription(Document):
    """A version as shown to people: its manifest's digest, and what is recorded outside the digest."""

    name: Name
    version: Annotated[int, Field(ge=1)]
    digest: Digest
    created_at: str
    """ISO 8601, UTC."""
    description: str = ""
    frame_count: int
    labels: tuple[Label, ...]
    splits: dict[str, int]
    generator: GeneratorReference | None
    seed: int | None
    parents: tuple[Digest, ...]
    quality: QualitySummary
    operation: dict[str, int | float | str] = {}
    """How the making went: player restarts, retried frames, seconds; never part of the digest."""
