"""What a plan means: the processes of each of its steps, and what their results say."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from contracts.errors import BeltlineError
from contracts.job import Job
from contracts.process import RESULT_FILE, Progress, read_progress
from contracts.run import RunResult, TrainingOrder
from contracts.shard import ShardOrder, ShardReport
from contracts.study_order import StudyOrder, StudyResult
from server.estimates import Measurement
from server.jobs.executors.process import ProcessOrder
from server.jobs.machine import Event
from server.jobs.orders import ImportOrder, PublishOrder
from server.jobs.plans import ImportPlan, RenderPlan, StudyPlan, TrainPlan


@dataclass(frozen=True)
class Places:
    """Where jobs keep what they need and make."""

    jobs: Path
    runs: Path
    studies: Path
    assets: Path
    cache: Path
    store_url: str
    catalog_url: str


@dataclass(frozen=True)
class Modules:
    """Modules that carry out the steps; tests put their own in place."""

    render: str = "unity_bridge.worker"
    train: str = "training.run"
    study: str = "training.study.process"
    publish: str = "server.jobs.publish_worker"
    import_: str = "server.jobs.import_worker"


@dataclass(frozen=True)
class Step:
    """A part of a job whose processes run side by side."""

    processes: tuple[ProcessOrder, ...]
    event: Event | None = None
    """What entering the step means to the job."""
    in_slots: bool = False
    """Whether each process takes one of the engine's places for render workers."""


class Work(Protocol):
    """One attempt of one job, without its processes."""

    def next_step(self) -> Step | None:
        """The step after the last one, whose processes all ended well; none at the end."""

    def progress(self) -> Progress:
        """How far it is."""

    def result(self) -> dict[str, Any]:
        """What the job says of its success."""

    def measurement(self) -> Measurement | None:
        """How long it took, where that says something of the next one."""

    def clean(self) -> None:
        """Remove what only the making needed."""


@dataclass
class RenderWork:
    """Shards side by side, then publishing."""

    plan: RenderPlan
    job: Job
    places: Places
    modules: Modules
    _stage: int = 0
    _started: float = field(default_factory=time.monotonic)
    _rendered_s: float = 0.0

    @property
    def _folder(self) -> Path:
        return self.places.jobs / self.job.id

    def next_step(self) -> Step | None:
        self._stage += 1
        if self._stage == 1:
            shards = tuple(
                self._shard(number) for number in range(len(self.plan.shards)) if self._report(number) is None
            )
            if shards:
                return Step(shards, in_slots=True)
            self._stage += 1
        if self._stage == 2:
            self._rendered_s = time.monotonic() - self._started
            return Step((self._publish(),), Event.PUBLISH)
        return None

    def progress(self) -> Progress:
        done = 0
        for number, stretch in enumerate(self.plan.shards):
            if self._report(number) is not None:
                done += stretch.count
            else:
                done += min(stretch.count, _progress_of(self._workspace(number)).done)
        if self._stage < 2:
            return Progress(done=done, total=self.plan.frames, message="rendering")
        publishing = _progress_of(self._folder / "publish")
        return Progress(
            done=self.plan.frames,
            total=self.plan.frames,
            message=f"publishing {publishing.done} of {publishing.total or self.plan.frames}",
        )

    def result(self) -> dict[str, Any]:
        return _read_json(self._folder / "publish" / RESULT_FILE)

    def measurement(self) -> Measurement | None:
        reports = [self._report(number) for number in range(len(self.plan.shards))]
        if self.job.attempt != 1 or self._rendered_s <= 0:
            return None  # an interrupted batch does not tell how long one takes
        width, height = self.plan.generator.camera.size
        first = [report.seconds_to_first_frame or 0.0 for report in reports if report is not None]
        return Measurement(
            generator=self.plan.generator.name,
            scenario=self.plan.generator.scenario,
            player=self.plan.player.name,
            pixels=width * height,
            samples_per_pixel=self.plan.generator.render.samples_per_pixel,
            workers=len(self.plan.shards),
            frames=self.plan.frames,
            seconds=self._rendered_s,
            first_frame_s=max(first, default=0.0),
        )

    def clean(self) -> None:
        # Frames go last: a shard's result must never outlive its frames, or a retry would think them there.
        for path in [*self._folder.glob("shard-*"), self._folder / "publish", self._folder / "staging"]:
            shutil.rmtree(path, ignore_errors=True)

    def _workspace(self, number: int) -> Path:
        return self._folder / f"shard-{number}"

    def _report(self, number: int) -> ShardReport | None:
        """What a shard said when it was finished, now or in an earlier attempt."""
        try:
            return ShardReport.model_validate_json((self._workspace(number) / RESULT_FILE).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _shard(self, number: int) -> ProcessOrder:
        stretch = self.plan.shards[number]
        workspace = self._workspace(number)
        order = ShardOrder(
            generator=self.plan.generator,
            seed=self.plan.seed,
            first=stretch.first,
            count=stretch.count,
            player=self.plan.player,
            bridge=self.plan.bridge,
            allow_gaps=self.plan.allow_gaps,
            staging=str(self._folder / "staging"),
            assets=str(self.places.assets),
            workspace=str(workspace),
        )
        return ProcessOrder(f"shard {number}", self.modules.render, order, workspace)

    def _publish(self) -> ProcessOrder:
        reports = [self._report(number) for number in range(len(self.plan.shards))]
        gaps = sorted(gap for report in reports if report is not None for gap in report.gaps)
        workspace = self._folder / "publish"
        order = PublishOrder(
            name=self.plan.dataset,
            staging=str(self._folder / "staging"),
            generator=self.plan.generator,
            seed=self.plan.seed,
            frames=self.plan.frames,
            gaps=tuple(gaps),
            operation=self._operation([report for report in reports if report is not None]),
            store_url=self.places.store_url,
            catalog_url=self.places.catalog_url,
            workspace=str(workspace),
        )
        return ProcessOrder("publishing", self.modules.publish, order, workspace)

    def _operation(self, reports: list[ShardReport]) -> dict[str, int | float | str]:
        failures: dict[str, int] = {}
        for report in reports:
            for code, count in report.transient_failures.items():
                failures[f"transient_failures.{code}"] = failures.get(f"transient_failures.{code}", 0) + count
        return {
            "job": self.job.id,
            "attempts": self.job.attempt,
            "workers": len(self.plan.shards),
            "player": self.plan.player.name,
            "player_starts": sum(report.player_starts for report in reports),
            "worker_seconds": round(sum(report.seconds for report in reports), 3),
            **failures,
        }


@dataclass
class ImportWork:
    """One process that reads, checks and publishes."""

    plan: ImportPlan
    job: Job
    places: Places
    modules: Modules
    _stage: int = 0

    def next_step(self) -> Step | None:
        self._stage += 1
        if self._stage > 1:
            return None
        order = ImportOrder(
            plan=self.plan,
            store_url=self.places.store_url,
            catalog_url=self.places.catalog_url,
            workspace=str(self._workspace),
        )
        return Step((ProcessOrder("import", self.modules.import_, order, self._workspace),))

    def progress(self) -> Progress:
        return _progress_of(self._workspace)

    def result(self) -> dict[str, Any]:
        return _read_json(self._workspace / RESULT_FILE)

    def measurement(self) -> Measurement | None:
        return None

    def clean(self) -> None:
        shutil.rmtree(self._workspace, ignore_errors=True)
        if self.plan.archive is not None:
            Path(self.plan.archive).unlink(missing_ok=True)

    @property
    def _workspace(self) -> Path:
        return self.places.jobs / self.job.id / "import"


@dataclass
class TrainWork:
    """One trainer."""

    plan: TrainPlan
    job: Job
    places: Places
    modules: Modules
    _stage: int = 0

    def next_step(self) -> Step | None:
        self._stage += 1
        if self._stage > 1:
            return None
        order = TrainingOrder(
            run=self.plan.run,
            spec=self.plan.spec,
            label_map=self.plan.label_map,
            versions=self.plan.versions,
            store=self.places.store_url,
            workspace=str(self._workspace),
            cache=str(self.places.cache / "decoded"),
        )
        return Step((ProcessOrder("training", self.modules.train, order, self._workspace),))

    def progress(self) -> Progress:
        return _progress_of(self._workspace)

    def result(self) -> dict[str, Any]:
        found = RunResult.model_validate_json((self._workspace / RESULT_FILE).read_bytes())
        report = found.files.get("report")
        return {
            "run": self.plan.run,
            "validation": found.validation.model_dump(mode="json"),
            "test": found.test.model_dump(mode="json"),
            "best_step": found.best_step,
            "report": str(self._workspace / report) if report is not None else None,
        }

    def measurement(self) -> Measurement | None:
        return None

    def clean(self) -> None:
        """Everything in a run's folder stays: it is the result."""

    @property
    def _workspace(self) -> Path:
        return self.places.runs / self.plan.run


@dataclass
class StudyWork:
    """One process that plans, and starts its runs itself."""

    plan: StudyPlan
    job: Job
    places: Places
    modules: Modules
    _stage: int = 0

    def next_step(self) -> Step | None:
        self._stage += 1
        if self._stage > 1:
            return None
        order = StudyOrder(
            study_id=self.plan.study_id,
            study=self.plan.study,
            study_digest=self.plan.study_digest,
            versions=self.plan.versions,
            label_maps=self.plan.label_maps,
            store=self.places.store_url,
            workspace=str(self._workspace),
            runs=str(self.places.runs),
            cache=str(self.places.cache / "decoded"),
            parallel=self.plan.parallel,
        )
        return Step((ProcessOrder("study", self.modules.study, order, self._workspace),))

    def progress(self) -> Progress:
        return _progress_of(self._workspace)

    def result(self) -> dict[str, Any]:
        found = StudyResult.model_validate_json((self._workspace / RESULT_FILE).read_bytes())
        report = found.files.get("report")
        return {
            "study": self.plan.study_id,
            "succeeded": found.succeeded,
            "failed": found.failed,
            "not_run": found.not_run,
            "report": str(self._workspace / report) if report is not None else None,
        }

    def measurement(self) -> Measurement | None:
        return None

    def clean(self) -> None:
        """Everything in a study's folder stays: it is the result."""

    @property
    def _workspace(self) -> Path:
        return self.places.studies / self.plan.study_id


def work_of(plan: RenderPlan | ImportPlan | TrainPlan | StudyPlan, job: Job, places: Places, modules: Modules) -> Work:
    """One attempt at a plan."""
    match plan:
        case RenderPlan():
            return RenderWork(plan, job, places, modules)
        case ImportPlan():
            return ImportWork(plan, job, places, modules)
        case TrainPlan():
            return TrainWork(plan, job, places, modules)
        case StudyPlan():
            return StudyWork(plan, job, places, modules)


def _progress_of(workspace: Path) -> Progress:
    try:
        return read_progress(workspace) or Progress(done=0, total=0)
    except ValidationError:
        return Progress(done=0, total=0)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BeltlineError(f"{path}: no result can be read: {error}", code="result_unreadable") from None
    if not isinstance(value, dict):
        raise BeltlineError(f"{path}: not a result", code="result_unreadable")
    return value
