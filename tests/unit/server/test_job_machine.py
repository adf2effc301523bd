"""The state machine as a grid: what is legal, what is not, and what no state may ever do."""

from __future__ import annotations

from itertools import product

import pytest

from contracts.errors import ConflictError
from contracts.job import TERMINAL_STATES, JobState
from server.jobs.machine import ACTIVE_STATES, ATTEMPT_END, TRANSITIONS, Event, next_state

GRID = """
              start    publish     succeed    fail    die     give_up  release  cancel     retry
queued        running  -           -          -       -       -        -        cancelled  -
running       -        publishing  succeeded  failed  queued  crashed  queued   cancelled  -
publishing    -        -           succeeded  failed  queued  crashed  queued   cancelled  -
succeeded     -        -           -          -       -       -        -        -          queued
failed        -        -           -          -       -       -        -        -          queued
crashed       -        -           -          -       -       -        -        -          queued
cancelled     -        -           -          -       -       -        -        -          queued
"""


def _grid() -> dict[tuple[JobState, Event], JobState | None]:
    header, *rows = (line.split() for line in GRID.strip().splitlines())
    return {
        (JobState(row[0]), Event(event)): None if target == "-" else JobState(target)
        for row in rows
        for event, target in zip(header, row[1:], strict=True)
    }


@pytest.mark.parametrize(("state", "event"), list(product(JobState, Event)))
def test_every_state_and_event(state: JobState, event: Event) -> None:
    expected = _grid()[state, event]
    if expected is not None:
        assert next_state(state, event) is expected
        return
    with pytest.raises(ConflictError) as caught:
        next_state(state, event)
    assert caught.value.code == "illegal_transition"
    assert caught.value.hint


def test_terminal_states_are_left_by_retry_alone() -> None:
    leaving = {(state, event) for state, event in TRANSITIONS if state in TERMINAL_STATES}
    assert leaving == {(state, Event.RETRY) for state in TERMINAL_STATES}


def test_every_way_out_of_an_active_state_ends_its_attempt() -> None:
    for (state, event), target in TRANSITIONS.items():
        if state in ACTIVE_STATES and target not in ACTIVE_STATES:
            assert event in ATTEMPT_END, f"{event} would leave an attempt open"


def test_every_state_can_be_reached_and_left() -> None:
    reached = {JobState.QUEUED}
    while True:
        more = {target for (state, _), target in TRANSITIONS.items() if state in reached} | reached
        if more == reached:
            break
        reached = more
    assert reached == set(JobState)
    assert {state for state, _ in TRANSITIONS} == set(JobState)
