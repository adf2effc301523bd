"""How many runs of a study go on at a time: what cores, memory and a GPU allow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.run import TrainingSpec
from contracts.study_order import MeasuredSetting
from tests.unit.training.training_samples import spec
from training.study.probe import (
    GPU_CONTEXT_BYTES,
    MEMORY_SHARE,
    PROBES_MAX,
    PROBES_MIN,
    STEPS,
    STEPS_SHARE,
    Probe,
    chosen_settings,
    setting_of,
)

GIB = 1 << 30
ROOT = Path(__file__).resolve().parents[3]


def measured(*settings: tuple[float, float], gpu_gib: float = 0) -> Probe:
    """Short runs of settings that took so much memory, of the machine and of a GPU of this size; GiB."""
    found = {
        str(number): MeasuredSetting(
            setting=str(number),
            seconds_per_step=0.1,
            seconds_once=1,
            seconds_per_evaluation=0.1,
            memory_bytes=round(memory * GIB),
            gpu_memory_bytes=round(on_gpu * GIB),
        )
        for number, (memory, on_gpu) in enumerate(settings)
    }
    return Probe(found, {}, round(gpu_gib * GIB))


@pytest.fixture(autouse=True)
def _free_memory(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=round(100 * GIB / MEMORY_SHARE)))


@pytest.mark.parametrize(
    ("probe", "cores", "runs"),
    [
        (measured((1, 0)), 16, 16),
        (measured((10, 0)), 16, 10),
        (measured((1, 0), (30, 0)), 16, 3),
        (measured((300, 0)), 16, 1),
        (measured((1, 4), gpu_gib=24), 16, 5),
        (measured((1, 1), (1, 11), gpu_gib=24), 16, 2),
        (measured((1, 30), gpu_gib=24), 16, 1),
        (measured((50, 4), gpu_gib=24), 16, 2),
        (measured((1, 0.2), gpu_gib=140), 4, 4),
    ],
    ids=["cores", "memory", "largest", "one at least", "gpu", "largest on gpu", "one on gpu", "both", "cores on gpu"],
)
def test_as_many_run_as_the_scarcest_allows(probe, cores, runs):
    assert probe.parallel(cores) == runs
    if probe.gpu_total_bytes and runs > 1:
        taken = max(each.gpu_memory_bytes for each in probe.measured.values()) + GPU_CONTEXT_BYTES
        assert runs * taken <= probe.gpu_total_bytes


def runs_of_settings(number: int, weights: str | None = None) -> list[TrainingSpec]:
    """Runs of as many settings."""
    return [spec(image_size=[32, 32 + side], network={"encoder_weights": weights}) for side in range(number)]


@given(number=st.integers(1, 120), steps=st.integers(1, 10**5))
@settings(max_examples=30, deadline=None)
def test_measuring_costs_no_more_than_it_is_worth(number, steps):
    runs = runs_of_settings(number)
    chosen = chosen_settings(runs, steps)
    assert len(chosen) == len(set(chosen)) <= min(number, PROBES_MAX)
    assert len(chosen) == min(number, PROBES_MIN) or len(chosen) * STEPS <= STEPS_SHARE * steps
    assert [chosen[0], chosen[-1]] == [setting_of(runs[0]), setting_of(runs[-1])], "from one end to the other"
    if number * STEPS <= STEPS_SHARE * steps and number <= PROBES_MAX:
        assert len(chosen) == number


def test_weights_that_may_be_absent_are_always_tried():
    runs = [*runs_of_settings(12), *runs_of_settings(12, "imagenet")]
    assert {setting_of(run) for run in runs[12:]} < set(chosen_settings(runs, 1))


def test_a_run_is_not_charged_what_its_study_holds():
    """A process starts with its parent's peak in the kernel's older account, so a large study allowed too few runs."""
    child = "from training.study.child import peak_bytes; print(peak_bytes())"
    code = f"import subprocess, sys; held = b'x' * (400 << 20); subprocess.run([sys.executable, '-c', {child!r}])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 200 << 20
