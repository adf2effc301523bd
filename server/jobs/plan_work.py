"""What a plan means: the work of an attempt at it. All but a render batch is the work of one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.job import Job
from contracts.process import RESULT_FILE, Progress
from contracts.run import RunResult, TrainingOrder
from contracts.study_order import StudyOrder, StudyResult
from server.estimates import Measurement
from server.jobs.executors.process import ProcessOrder
from server.jobs.orders import ImportOrder
from server.jobs.plans import ImportPlan, RenderPlan, StudyPlan, TrainPlan
from server.jobs.render_work import RenderWork
from server.jobs.work import Modules, Places, Step, Work, progress_of, read_json
from server.results import report_path


@dataclass
class OneProcess:
    """The work of a process that does everything itself."""

    process: ProcessOrder
    read_result: Callable[[Path], dict[str, Any]]
    """What the job says, from the process's result file."""
    temporary: tuple[Path, ...] = ()
    """Folders that only the making needed; a run's or study's folder stays: it is the result."""
    needed: tuple[Path, ...] = ()
    """Files that every attempt needs."""
    _begun: bool = False

    def next_step(self) -> Step | None:
        if self._begun:
            return None
        self._begun = True
        return Step((self.process,))

    def progress(self) -> Progress:
        return progress_of(self.process.workspace)

    def result(self) -> dict[str, Any]:
        return self.read_result(self.process.workspace / RESULT_FILE)

    def measurement(self) -> Measurement | None:
        return None

    def rubbish(self, *, may_be_retried: bool) -> list[Path]:
        return [*self.temporary, *(() if may_be_retried else self.needed)]


def work_of(plan: RenderPlan | ImportPlan | TrainPlan | StudyPlan, job: Job, places: Places, modules: Modules) -> Work:
    """One attempt at a plan."""
    match plan:
        case RenderPlan():
            return RenderWork(plan, job, places, modules)
        case ImportPlan():
            return _importing(plan, job, places, modules)
        case TrainPlan():
            return _training(plan, places, modules)
        case StudyPlan():
            return _studying(plan, places, modules)


def _importing(plan: ImportPlan, job: Job, places: Places, modules: Modules) -> OneProcess:
    workspace = places.jobs / job.id / "import"
    order = ImportOrder(plan=plan, store_url=places.store_url, catalog_url=places.catalog_url, workspace=str(workspace))
    archive = () if plan.archive is None else (Path(plan.archive),)
    process = ProcessOrder("import", modules.import_, order, workspace)
    return OneProcess(process, read_json, temporary=(workspace,), needed=archive)


def _training(plan: TrainPlan, places: Places, modules: Modules) -> OneProcess:
    workspace = places.runs / plan.run
    order = TrainingOrder(
        run=plan.run,
        spec=plan.spec,
        label_map=plan.label_map,
        versions=plan.versions,
        store=places.store_url,
        workspace=str(workspace),
        cache=str(places.cache / "decoded"),
    )

    def result(path: Path) -> dict[str, Any]:
        found = RunResult.model_validate_json(path.read_bytes())
        return {
            "run": plan.run,
            "validation": found.validation.model_dump(mode="json"),
            "test": found.test.model_dump(mode="json"),
            "best_step": found.best_step,
            "report": report_path(workspace, found),
        }

    return OneProcess(ProcessOrder("training", modules.train, order, workspace), result)


def _studying(plan: StudyPlan, places: Places, modules: Modules) -> OneProcess:
    workspace = places.studies / plan.study_id
    order = StudyOrder(
        study_id=plan.study_id,
        study=plan.study,
        study_digest=plan.study_digest,
        versions=plan.versions,
        label_maps=plan.label_maps,
        store=places.store_url,
        workspace=str(workspace),
        runs=str(places.runs),
        cache=str(places.cache / "decoded"),
        parallel=plan.parallel,
    )

    def result(path: Path) -> dict[str, Any]:
        found = StudyResult.model_validate_json(path.read_bytes())
        return {
            "study": plan.study_id,
            "succeeded": found.succeeded,
            "failed": found.failed,
            "not_run": found.not_run,
            "report": report_path(workspace, found),
        }

    return OneProcess(ProcessOrder("study", modules.study, order, workspace), result)
