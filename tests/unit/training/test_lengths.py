"""Stages as long as their images make them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from contracts.process import read_progress
from contracts.run import TrainingSpec
from tests.unit.training.training_samples import Versions, order, spec
from training.lengths import StageLength, stage_lengths
from training.process import Monitor
from training.run import carry_out

TWO_SOURCES = {
    "train": [{"dataset": "real@1", "take": 6}, {"dataset": "synthetic@1", "take": 20}],
    "validation": {"dataset": "real@1", "reserve": 4},
    "test": {"dataset": "others@1"},
}
EPOCH = {"name": "all", "epochs": 1}


def asked(*stages: object, batch_size: int = 4, **changes: object) -> TrainingSpec:
    return spec(data=TWO_SOURCES, stages=list(stages), batch_size=batch_size, **changes)


def test_an_epoch_shows_as_many_images_as_its_stage_learns_from():
    stages = asked(EPOCH, {"name": "real", "on": ["real"], "epochs": 3}, {"name": "more", "steps": 5})
    lengths = stage_lengths(stages, [("real", 6), ("synthetic", 20)])
    assert [length.steps for length in lengths] == [7, 5, 5]


@given(
    batch_size=st.integers(1, 64),
    batches=st.integers(1, 8),
    images=st.tuples(st.integers(0, 500), st.integers(1, 500)),
    epochs=st.floats(0.01, 50),
)
def test_epochs_show_their_images_with_less_than_a_step_too_many(batch_size, batches, images, epochs):
    document = asked(
        {"name": "all", "epochs": epochs},
        batch_size=batch_size,
        accumulate_batches=batches,
        evaluate_every_steps="epoch",
    )
    (length,) = stage_lengths(document, list(zip(("real", "synthetic"), images, strict=True)))
    a_step = batch_size * batches
    too_many = length.steps * a_step - epochs * sum(images)
    assert 0 <= too_many + 1e-6 < a_step + 2e-6
    assert 0 <= length.evaluate_every_steps * a_step - sum(images) < a_step
    assert 1 <= length.evaluations <= math.ceil(epochs)


def test_evaluations_count_the_one_after_the_last_step():
    assert [StageLength(steps, 4).evaluations for steps in (1, 4, 5, 8)] == [1, 1, 2, 2]


@pytest.mark.parametrize("length", [{}, {"steps": 3, "epochs": 2}, {"epochs": 0}, {"epochs": -1}])
def test_a_stage_has_one_length(length):
    with pytest.raises(ConfigurationError, match=r"stages\.0.*epochs"):
        asked({"name": "all", **length})


def test_steps_are_known_before_the_images_where_no_stage_has_epochs():
    assert asked({"name": "one", "steps": 3}, {"name": "two", "steps": 4}).known_steps == 7
    assert asked({"name": "one", "steps": 3}, EPOCH).known_steps == 0


def test_a_run_of_epochs_takes_their_steps_and_is_scored_after_each(shapes: Versions, tmp_path: Path):
    trained = order(shapes, tmp_path, stages=[{"name": "all", "epochs": 3}], evaluate_every_steps="epoch")
    workspace = Path(trained.workspace)
    workspace.mkdir()
    with Monitor(workspace, trained.spec.known_steps, "test", show_bar=False) as monitor:
        result = carry_out(trained, monitor, "python -m training.run order.json")
    assert result.training_images == {"shapes@1/train": 6}
    assert (result.steps, [point.step for point in result.curve]) == (5, [2, 4, 5])
    assert read_progress(workspace).total == 5
