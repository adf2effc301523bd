"""The states of a job and every way between them, as a table.

*failed* is our code's verdict. *crashed* is a process that died: that ends an attempt, after which the job waits in the
queue for its next one, and is crashed itself when its tries are used up. A terminal state is left by a retry alone.
"""

from __future__ import annotations

from enum import StrEnum

from contracts.errors import ConflictError
from contracts.job import TERMINAL_STATES, JobState


class Event(StrEnum):
    """What happens to a job."""

    START = "start"
    """An engine begins an attempt."""
    PUBLISH = "publish"
    """All frames are there; the version is being made."""
    SUCCEED = "succeed"
    FAIL = "fail"
    """Our code found that the request can't be carried out."""
    DIE = "die"
    """A process of the attempt died, and tries are left: the job waits for its next attempt."""
    GIVE_UP = "give_up"
    """A process of the attempt died, and no try is left."""
    RELEASE = "release"
    """The engine stops or was lost, through no fault of the job: it waits for its next attempt."""
    CANCEL = "cancel"
    RETRY = "retry"
    """A person asks for one more attempt."""


TRANSITIONS: dict[tuple[JobState, Event], JobState] = {
    (JobState.QUEUED, Event.START): JobState.RUNNING,
    (JobState.QUEUED, Event.CANCEL): JobState.CANCELLED,
    (JobState.RUNNING, Event.PUBLISH): JobState.PUBLISHING,
    (JobState.RUNNING, Event.SUCCEED): JobState.SUCCEEDED,
    (JobState.RUNNING, Event.FAIL): JobState.FAILED,
    (JobState.RUNNING, Event.DIE): JobState.QUEUED,
    (JobState.RUNNING, Event.GIVE_UP): JobState.CRASHED,
    (JobState.RUNNING, Event.RELEASE): JobState.QUEUED,
    (JobState.RUNNING, Event.CANCEL): JobState.CANCELLED,
    (JobState.PUBLISHING, Event.SUCCEED): JobState.SUCCEEDED,
    (JobState.PUBLISHING, Event.FAIL): JobState.FAILED,
    (JobState.PUBLISHING, Event.DIE): JobState.QUEUED,
    (JobState.PUBLISHING, Event.GIVE_UP): JobState.CRASHED,
    (JobState.PUBLISHING, Event.RELEASE): JobState.QUEUED,
    (JobState.PUBLISHING, Event.CANCEL): JobState.CANCELLED,
    (JobState.SUCCEEDED, Event.RETRY): JobState.QUEUED,
    (JobState.FAILED, Event.RETRY): JobState.QUEUED,
    (JobState.CRASHED, Event.RETRY): JobState.QUEUED,
    (JobState.CANCELLED, Event.RETRY): JobState.QUEUED,
}
"""(state, event) -> state; what is not here is illegal."""

ACTIVE_STATES = frozenset({JobState.RUNNING, JobState.PUBLISHING})
"""States in which an engine holds the job."""

ATTEMPT_END: dict[Event, JobState] = {
    Event.SUCCEED: JobState.SUCCEEDED,
    Event.FAIL: JobState.FAILED,
    Event.DIE: JobState.CRASHED,
    Event.GIVE_UP: JobState.CRASHED,
    Event.RELEASE: JobState.CRASHED,
    Event.CANCEL: JobState.CANCELLED,
}
"""State in which an event leaves the running attempt."""


def next_state(state: JobState, event: Event) -> JobState:
    """The state after an event.

    Raises:
        ConflictError: The event can't happen in this state.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ConflictError(
            f"a job that is {state} can't {event.replace('_', ' ')}",
            code="illegal_transition",
            hint=_remedy(state, event),
            context={"state": str(state), "event": str(event)},
        ) from None


def _remedy(state: JobState, event: Event) -> str:
    if event is Event.RETRY:
        return "wait until it has ended, or cancel it first"
    if state in TERMINAL_STATES:
        return "it has ended; retry it for another attempt"
    return f"possible now: {', '.join(sorted(known for at, known in TRANSITIONS if at is state))}"
