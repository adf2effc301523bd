"""Which run comes next: whole repeats first, then the cells whose interval is still wide, and never one twice."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from contracts.study import Repeats, UntilConfident
from training.statistics.stopping import StoppingRule
from training.study.schedule import Schedule


def carry_out(schedule: Schedule, spread: float, parallel: int, draws: random.Random) -> list[tuple[int, int]]:
    """Run everything, ending the running ones in any order; what was started, in order."""
    running: list[tuple[int, int]] = []
    started = []
    while not schedule.is_done():
        while len(running) < parallel and (following := schedule.next()) is not None:
            schedule.start(*following)
            running.append(following)
            started.append(following)
        cell, repeat = running.pop(draws.randrange(len(running)))
        if draws.random() < 0.1:
            schedule.release(cell, repeat)
            started.remove((cell, repeat))
        else:
            schedule.end(cell, repeat, 0.5 + spread * draws.gauss(0, 1))
    return started


@given(
    cells=st.integers(1, 5),
    least=st.integers(1, 4),
    more=st.integers(0, 5),
    parallel=st.integers(1, 4),
    spread=st.sampled_from([0.0, 0.001, 0.02, 0.5]),
    seed=st.integers(0, 1000),
)
def test_every_cell_gets_its_repeats_once_and_no_more_than_it_needs(cells, least, more, parallel, spread, seed):
    repeats = Repeats(until=UntilConfident(), at_least=least, at_most=least + more)
    schedule = Schedule(cells, repeats)
    started = carry_out(schedule, spread, parallel, random.Random(seed))
    assert max(Counter(started).values()) == 1
    rule = StoppingRule(confidence=0.95, half_width_of_mean=0.025, at_least=least, at_most=least + more)
    for cell in range(cells):
        scores = schedule.scores(cell)
        assert least <= len(scores) <= least + more
        assert sorted(repeat for number, repeat in started if number == cell) == list(range(len(scores)))
        if len(scores) < least + more:
            assert rule.is_met(scores)
        for count in range(max(least, 1), len(scores)):
            assert not rule.is_met(scores[:count])
    assert schedule.remaining() == (0, 0)


def test_a_study_that_is_stopped_is_even():
    schedule = Schedule(3, Repeats(at_most=2))
    order = []
    while (following := schedule.next()) is not None:
        order.append(following)
        schedule.start(*following)
    assert order == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert schedule.remaining() == (6, 6)


def test_beyond_the_planned_repeats_a_cell_waits_for_its_last_score():
    schedule = Schedule(1, Repeats(until=UntilConfident(), at_least=2, at_most=9))
    for repeat in range(2):
        schedule.start(0, repeat)
    assert schedule.next() is None
    schedule.end(0, 0, 0.1)
    assert schedule.next() is None
    schedule.end(0, 1, 0.9)
    assert schedule.next() == (0, 2)
    assert schedule.remaining() == (0, 7)


def test_a_closed_cell_and_one_without_scores_get_no_more_repeats():
    schedule = Schedule(2, Repeats(until=UntilConfident(), at_least=2, at_most=9))
    schedule.close(0, "weights absent")
    for repeat in range(2):
        assert schedule.next() == (1, repeat)
        schedule.start(1, repeat)
        schedule.end(1, repeat, None)
    assert schedule.is_done()
    assert schedule.closed(0) == "weights absent"
