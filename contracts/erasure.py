"""Erasing a group's frames from versions that never change: what stays known of it, and what it did."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.document import Document, SchemaVersion
from contracts.ids import Digest, Name

GroupName = Annotated[str, Field(min_length=1, max_length=1000)]


class ErasureMark(Document):
    """A note in the store about a version, for readers without a catalog."""

    schema_version: SchemaVersion = 1
    version: Digest
    group: str
    frames: tuple[int, ...]
    """Indices of the frames whose bytes are gone."""
    erased_at: str
    """ISO 8601, UTC."""


class Erasure(Document):
    """An erasure as a version shows it."""

    group: str
    frames: int
    """Frames of the version whose bytes are gone."""
    erased_at: str
    """ISO 8601, UTC."""
    erased_by: str = ""
    reason: str = ""
    finished: bool = True
    """False where it was interrupted: bytes may still be there until it is repeated or garbage is collected."""


class AffectedVersion(Document):
    """A version that an erasure touches, or leaves alone although it knows the group."""

    name: Name | None = None
    """None where the version was deleted, and only a run still needs it."""
    version: Annotated[int, Field(ge=1)] | None = None
    digest: Digest
    frames: int
    """Frames of the group."""


class KeptFile(Document):
    """A file of an erased frame that stays, because a frame of another group is made of the very same bytes."""

    digest: Digest
    what: str
    """Such as `mask of frame 3`."""
    held_by: tuple[str, ...]
    """Such as `belt@2 frame 7 (group 'driver-4')`; the first few."""
    holders: int
    """Frames that hold it."""


class ErasureReport(Document):
    """What an erasure did, or would do."""

    dry_run: bool
    name: Name
    version: int
    digest: Digest
    """Of the version, as it was and stays."""
    group: str
    erased: tuple[AffectedVersion, ...]
    """This version, and others that hold the same files for the same group; none where all was erased before."""
    files: int
    """Stored files removed."""
    freed_bytes: int
    kept: tuple[KeptFile, ...] = ()
    elsewhere: tuple[AffectedVersion, ...] = ()
    """Versions that hold other frames of a group of this name: erase there too, where it is the same person."""
    dependents: tuple[str, ...] = ()
    """What was made of these frames: aliases excepted, versions, training runs and studies. It stays as it is."""
    derived: tuple[str, ...] = ()
    """What was made of them and is gone too: such as the pictures of a training run."""
