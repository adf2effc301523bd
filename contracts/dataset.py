"""The manifest of a dataset version: its content, and nothing about who, when or what it is called."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.document import Document, SchemaVersion
from contracts.erasure import Erasure
from contracts.frame import GeneratorReference
from contracts.frame_spec import Label
from contracts.ids import Digest, Name

TAG_PATTERN = r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?(?::[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?)?$"
ALIAS_PATTERN = r"^[a-z](?:[a-z0-9._-]{0,62}[a-z0-9])?$"
LATEST = "latest"
"""The alias that moves by itself: it stands for the newest version."""

Tag = Annotated[str, Field(pattern=TAG_PATTERN)]
"""A safe name, or two joined by a colon: `generation:6`."""
AliasName = Annotated[str, Field(pattern=ALIAS_PATTERN)]
"""A safe name that starts with a letter, so that `name@alias` is never `name@number`."""
Terms = Annotated[str, Field(max_length=1000)]


def _absent(value: object) -> bool:
    """Whether a field stays out of the bytes: so fields of later releases change no digest of earlier ones."""
    return value is None or value == ()


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


class SourceTerms(Document):
    """Terms of a version that something else was made of."""

    source: Digest
    """The version's manifest."""
    license: str | None = None
    consent: str | None = None


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
    consent: Annotated[str | None, Field(exclude_if=_absent)] = None
    """What the people shown agreed to, as given."""
    terms: Annotated[tuple[SourceTerms, ...], Field(exclude_if=_absent)] = ()
    """License and consent of everything that this version was made of; they hold for it too."""


class AliasMove(Document):
    """A change of an alias."""

    version: Annotated[int, Field(ge=1)] | None = None
    """What it stood for from then on; none when it was removed."""
    at: str
    """ISO 8601, UTC."""
    by: str = ""
    reason: str = ""


class AliasDescription(Document):
    """A name that stands for one version of a dataset, and can move to another."""

    name: Name
    """The dataset."""
    alias: AliasName
    version: Annotated[int, Field(ge=1)] | None = None
    """None where the alias was removed."""
    history: tuple[AliasMove, ...]
    """Oldest first."""


class Deletion(Document):
    """A version that was deleted; its number is never given again."""

    name: Name
    version: Annotated[int, Field(ge=1)]
    digest: Digest
    """As it was."""
    deleted_at: str
    """ISO 8601, UTC."""
    deleted_by: str = ""
    reason: str = ""


class VersionDescription(Document):
    """A version as shown to people: its manifest's digest, and what is recorded outside the digest."""

    name: Name
    version: Annotated[int, Field(ge=1)]
    digest: Digest
    created_at: str
    """ISO 8601, UTC."""
    created_by: str = ""
    """User of the process that published it; empty where an earlier release did."""
    description: str = ""
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """Aliases that stand for this version now."""
    frame_count: int
    labels: tuple[Label, ...]
    splits: dict[str, int]
    generator: GeneratorReference | None
    seed: int | None
    parents: tuple[Digest, ...]
    quality: QualitySummary
    license: str | None = None
    consent: str | None = None
    terms: tuple[SourceTerms, ...] = ()
    """License and consent of what the version was made of."""
    erasures: tuple[Erasure, ...] = ()
    """Groups whose frames were erased from it: the digest is as it was, and the bytes are gone."""
    operation: dict[str, int | float | str] = {}
    """How the making went: player restarts, retried frames, seconds; never part of the digest."""
