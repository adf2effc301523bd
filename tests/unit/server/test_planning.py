"""Cutting batches into shards, and guessing how long they take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import BeltlineError
from contracts.generator import resolve_generator
from server.estimates import Estimates, Measurement, estimate
from server.jobs.database import Database
from server.jobs.plans import choose_workers, cut
from server.planning import plan_render
from tests.service.homes import GENERATOR, request, settings

BOXES = resolve_generator(GENERATOR, Path())
MEASURED = Measurement(
    generator="boxes",
    scenario="exterior",
    player="embedded",
    pixels=32 * 24,
    samples_per_pixel=1,
    workers=2,
    frames=20,
    seconds=14.0,
    first_frame_s=5.0,
)


@given(frames=st.integers(1, 100_000), workers=st.integers(1, 256))
def test_shards_cover_every_frame_once(frames: int, workers: int) -> None:
    stretches = cut(frames, workers)
    assert len(stretches) == min(frames, workers)
    place = 0
    for stretch in stretches:
        assert stretch.first == place
        place += stretch.count
    assert place == frames
    counts = [stretch.count for stretch in stretches]
    assert max(counts) - min(counts) <= 1


@given(frames=st.integers(1, 10_000), available=st.integers(1, 64))
def test_workers_are_chosen_within_what_there_is(frames: int, available: int) -> None:
    assert 1 <= choose_workers(frames, available) <= min(available, frames)


def test_an_estimate_says_what_was_measured() -> None:
    assert estimate([MEASURED], BOXES, 20, 2) == pytest.approx(14.0, abs=0.1)
    assert estimate([MEASURED], BOXES, 39, 2) > 20
    assert estimate([MEASURED], BOXES, 20, 1) > 20


def test_an_estimate_scales_with_pixels_and_samples() -> None:
    heavy = replace(MEASURED, pixels=512 * 512, samples_per_pixel=64)
    assert estimate([heavy], BOXES, 20, 2) < estimate([MEASURED], BOXES, 20, 2)


def test_the_same_generator_counts_before_its_family() -> None:
    other = replace(MEASURED, generator="other", seconds=500.0)
    assert estimate([other, MEASURED], BOXES, 20, 2) == estimate([MEASURED], BOXES, 20, 2)
    assert estimate([other], BOXES, 20, 2) > 400


def test_estimates_learn(tmp_path: Path) -> None:
    estimates = Estimates(Database(f"sqlite:///{tmp_path / 'jobs.db'}"))
    before = estimates.seconds(BOXES, "embedded", 20, 2)
    estimates.record(replace(MEASURED, seconds=400.0))
    assert estimates.seconds(BOXES, "embedded", 20, 2) > before
    assert estimates.seconds(BOXES, "unity", 20, 2) == before, "another player is another matter"


def test_a_plan_is_whole(home: Path) -> None:
    home.mkdir()
    chosen = settings(home, players={"mine": ("-fast",)})
    plan = plan_render(chosen, request(10, player="mine", size="64x48", workers=3))
    assert plan.generator.camera.size == (64, 48)
    assert [stretch.count for stretch in plan.shards] == [4, 3, 3]
    assert (plan.player.path, plan.player.arguments) == ("/bin/true", ("-fast",))
    assert plan.dataset == "boxes"


def test_a_path_is_taken_from_the_command_line_alone(home: Path) -> None:
    home.mkdir()
    chosen = settings(home)
    path = chosen.generators / "boxes.yaml"
    asked = request().model_copy(update={"generator": str(path)})
    assert plan_render(chosen.model_copy(update={"allow_paths": True}), asked).generator.name == "boxes"
    with pytest.raises(BeltlineError) as caught:
        plan_render(chosen, asked)
    assert caught.value.code == "invalid_name"


def test_a_player_that_can_not_start_is_refused_at_once(home: Path, tmp_path: Path) -> None:
    home.mkdir()
    chosen = settings(home).model_copy(update={"allow_paths": True})
    plain = tmp_path / "plain"
    plain.write_text("no program")
    for path, code in (
        (tmp_path / "missing", "player_not_found"),
        (tmp_path, "player_not_found"),
        (plain, "player_not_executable"),
    ):
        with pytest.raises(BeltlineError) as caught:
            plan_render(chosen, request(player=str(path)))
        assert (caught.value.code, caught.value.exit_code) == (code, 2)
