"""Jobs: what was asked, how far it is, how it ended."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.camera import SizeText
from contracts.document import Document
from contracts.generator import MAXIMUM_FRAMES
from contracts.ids import Name, Seed
from contracts.process import Progress


class JobState(StrEnum):
    """States of a job; the last four are terminal and are left only by an explicit retry."""

    QUEUED = "queued"
    RUNNING = "running"
    PUBLISHING = "publishing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Our code's verdict: the request can't be carried out."""
    CRASHED = "crashed"
    """Its process died, time and again."""
    CANCELLED = "cancelled"


TERMINAL_STATES = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CRASHED, JobState.CANCELLED})

JobKind = Literal["render", "import", "train", "study"]


class Attempt(Document):
    """One try of a job."""

    n: Annotated[int, Field(ge=1)]
    state: JobState
    started_at: str
    """ISO 8601, UTC."""
    ended_at: str | None = None
    error: dict[str, Any] | None = None


class Job(Document):
    """A job as REST and command line show it."""

    id: str
    kind: JobKind
    state: JobState
    progress: Progress
    attempt: int
    """Number of the present or last attempt; 0 before the first."""
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    error: dict[str, Any] | None = None
    """`code`, `message`, `hint`, `context`, `retryable` of the last attempt's failure."""
    result: dict[str, Any] | None = None
    """Of a render or import: `dataset` (`name@v`) and `digest`; of training: `run` and its scores."""
    attempts: tuple[Attempt, ...] = ()
    request: dict[str, Any] = {}
    """What was asked."""


class RenderBatchRequest(Document):
    """Body of `POST /v1/render-batches`."""

    generator: Annotated[str, Field(min_length=1, max_length=255)]
    """Name of a generator."""
    frames: Annotated[int, Field(ge=1, le=MAXIMUM_FRAMES)]
    seed: Seed
    size: SizeText | None = None
    """`WxH` in pixels; none is the generator's own."""
    dataset: Name | None = None
    """Name to publish under; none is the generator's."""
    player: Annotated[str, Field(min_length=1, max_length=255)] = "embedded"
    """Name of a player."""
    workers: Annotated[int, Field(ge=1, le=256)] | None = None
    """Worker processes; none lets the service choose."""
    overrides: dict[str, Any] = {}
    """Values by dotted path in the generator."""
    allow_gaps: bool = False
    """Whether frames that the gate rejects for good are left out and declared, instead of failing the batch."""
