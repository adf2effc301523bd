"""How long the runs of a study take, by short runs of each of its settings; and what this machine can't run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from contracts.errors import BeltlineError, CapabilityMissingError, ConfigurationError, NotFoundError
from contracts.ids import canonical_json, digest_of
from contracts.run import RunResult, Stage, TrainingSpec
from contracts.study_order import MeasuredSetting
from training.lengths import StageLength
from training.study.pool import run_all, usage
from training.study.runs import StudyTask

STEPS = 8
"""Optimizer steps of a short run."""
PROBES_MAX = 40
"""Settings that are measured; of more, as many are, and the others are taken to be like their mean."""
PROBES_MIN = 8
"""Settings that are measured however short the runs."""
STEPS_SHARE = 0.25
"""Of the steps of all runs, that measuring beyond that may cost: or an estimate takes longer than what it estimates."""
MEMORY_SHARE = 0.8
"""Of the free memory, that runs may use together."""
GPU_CONTEXT_BYTES = 600 << 20
"""That a process takes of a GPU beside its tensors."""
WEIGHTS_ABSENT = "weights absent"
OUT_OF_MEMORY = frozenset({"out_of_memory", "run_killed"})
"""Codes of errors that fewer runs at a time may avoid."""


@dataclass(frozen=True)
class Probe:
    """What short runs found."""

    measured: Mapping[str, MeasuredSetting]
    """By setting."""
    missing: Mapping[str, str]
    """Settings that this machine can't run, with the reason."""
    gpu_total_bytes: int

    def seconds(self, spec: TrainingSpec, lengths: Sequence[StageLength]) -> float:
        """That a run takes, alone."""
        known = self.measured.get(setting_of(spec))
        if known is None:
            if not self.measured:
                return 0.0
            return sum(run_seconds(each, lengths) for each in self.measured.values()) / len(self.measured)
        return run_seconds(known, lengths)

    def parallel(self, cores: int) -> int:
        """Runs that memory allows at a time, at most one a core."""
        if not self.measured:
            return 1
        memory = max(each.memory_bytes for each in self.measured.values())
        room = int(psutil.virtual_memory().available * MEMORY_SHARE) // max(1, memory)
        gpu_memory = max(each.gpu_memory_bytes for each in self.measured.values())
        if gpu_memory:
            room = min(room, self.gpu_total_bytes // (gpu_memory + GPU_CONTEXT_BYTES))
        return max(1, min(cores, room))


def setting_of(spec: TrainingSpec) -> str:
    """What decides how long a step takes, in words."""
    width, height = spec.image_size
    network = spec.network
    weights = f" from {network.start}" if network.start is not None else ""
    batches = f"batches of {spec.batch_size}"
    if spec.accumulate_batches > 1:
        batches = f"{spec.accumulate_batches} {batches}"
    if spec.processes > 1:
        batches += f" among {spec.processes} processes"
    return f"{network.architecture} {network.encoder}{weights} {width}x{height}, {batches}"


def run_seconds(measured: MeasuredSetting, lengths: Sequence[StageLength]) -> float:
    """That a run takes, alone, if no stage stops early."""
    steps = sum(length.steps for length in lengths)
    evaluations = sum(length.evaluations for length in lengths)
    return (
        measured.seconds_once
        + steps * measured.seconds_per_step
        + max(0, evaluations - 2) * measured.seconds_per_evaluation
    )


def short(task: StudyTask) -> StudyTask:
    """A run of a few steps in the setting of another one; weights of a run that is not made yet are random."""
    spec = task.spec
    network = spec.network
    if task.start is not None:
        network = network.starting_from(None)
    return StudyTask(
        spec=spec.model_copy(
            update={
                "network": network,
                "stages": (Stage(name="probe", steps=STEPS),),
                "evaluate_every_steps": STEPS // 2,
                "early_stopping": None,
            }
        ),
        label_map=task.label_map,
        versions=task.versions,
        study=task.study,
    )


def measure(
    tasks: Sequence[StudyTask], workspace: Path, *, steps: int, threads: int, look: Callable[[str], None]
) -> Probe:
    """Measure one run of every setting, alone, one after the other.

    Args:
        tasks: Runs of the study.
        workspace: Of the study; what was measured before is taken from there.
        steps: Of all runs together.
        threads: Of each run.
        look: Told how far it is; may raise.

    Raises:
        ConfigurationError: A setting can't be trained: no such encoder, images too small.
        BeltlineError: A version is damaged, or the machine refuses.
    """
    by_setting: dict[str, StudyTask] = {}
    for task in tasks:
        by_setting.setdefault(setting_of(task.spec), task)
    settings = chosen_settings([task.spec for task in by_setting.values()], steps)
    measured: dict[str, MeasuredSetting] = {}
    missing: dict[str, str] = {}
    gpu_total = 0
    for number, setting in enumerate(settings):
        task = short(by_setting[setting])
        name = digest_of(canonical_json([task.digest, threads])).removeprefix("sha256:")[:16]
        folder = workspace / "probe" / name
        order = task.order().model_copy(update={"run": f"probe-{name}", "workspace": str(folder)})
        found = _result(folder)
        if found is None:
            tell = partial(_tell, look, f"measuring {setting} ({number + 1} of {len(settings)})")
            outcome = run_all([order], parallel=1, threads=threads, look=tell)[order.run]
            if isinstance(outcome, CapabilityMissingError) or (outcome is not None and outcome.code in OUT_OF_MEMORY):
                missing[setting] = reason_of(outcome)
                continue
            if isinstance(outcome, ConfigurationError | NotFoundError):
                raise type(outcome)(
                    f"study '{task.study.study.name}', {setting}: {outcome.message}",
                    code=outcome.code,
                    hint=outcome.hint,
                    context=outcome.context,
                )
            if outcome is not None:
                raise outcome
            found = _result(folder)
        took = usage(folder)
        if found is None or took is None:
            raise BeltlineError(f"{folder}: the short run left no result", code="result_unreadable")
        gpu_total = max(gpu_total, took.gpu_total_bytes)
        between = found.curve[-1].seconds - found.curve[0].seconds if len(found.curve) > 1 else 0.0
        measured[setting] = MeasuredSetting(
            setting=setting,
            seconds_per_step=found.seconds_per_step,
            seconds_once=max(0.0, took.seconds - STEPS * found.seconds_per_step),
            seconds_per_evaluation=max(0.0, between - STEPS // 2 * found.seconds_per_step),
            memory_bytes=took.memory_bytes,
            gpu_memory_bytes=took.gpu_memory_bytes,
        )
    return Probe(measured, missing, gpu_total)


def reason_of(error: BeltlineError) -> str:
    """Why a run can't run here, in a few words."""
    if isinstance(error, CapabilityMissingError) and "weights" in error.message:
        return WEIGHTS_ABSENT
    return "out of memory" if error.code in OUT_OF_MEMORY else error.message


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tell(look: Callable[[str], None], message: str, _done: int) -> None:
    look(message)


def _result(folder: Path) -> RunResult | None:
    try:
        return RunResult.model_validate_json((folder / "result.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def chosen_settings(specs: Sequence[TrainingSpec], steps: int) -> list[str]:
    """Settings that are measured: all, or as many as are worth it, spread over the list; in its order.

    Args:
        specs: A run of each setting.
        steps: Of all runs of the study; whatever they are, settings that start from weights, which may be absent, are
            measured.
    """
    settings = [setting_of(spec) for spec in specs]
    most = min(PROBES_MAX, max(PROBES_MIN, int(STEPS_SHARE * steps) // STEPS))
    if len(settings) <= most:
        return settings
    places = {round(number * (len(settings) - 1) / (most - 1)) for number in range(most)}
    started = [place for place, spec in enumerate(specs) if spec.network.start is not None]
    places.update(started[:PROBES_MAX])
    return [settings[place] for place in sorted(places)]
