"""What can be asked of training runs and studies: the part of `server.application.Application` for jobs that learn."""

from __future__ import annotations

from contracts.errors import NotFoundError
from contracts.ids import new_id
from contracts.run import TrainingSpec
from contracts.study import Study
from server.application_base import HomeCalls
from server.jobs.answers import IdempotencyKey
from server.jobs.table import NewJob
from server.paging import cursor_number, number_cursor, page_limit
from server.planning import plan_training
from server.resources import PAGE_SIZE, Accepted, Page, Run, StudyDescription
from server.results import read_report, show_run, show_study
from server.study_planning import plan_study


class RunCalls(HomeCalls):
    """Training runs and studies of one home."""

    def train(self, spec: TrainingSpec, *, key: IdempotencyKey | None = None) -> Accepted:
        # While the catalog stands still: no version that the run names is deleted before the run is known to need it.
        with self._parts.catalog().steady():
            plan = plan_training(self.settings, self._parts.catalog(), spec)
            new = NewJob(
                id=new_id("job"),
                kind="train",
                request=spec.model_dump(mode="json"),
                plan=plan.model_dump(mode="json"),
                total=spec.known_steps,
                run=plan.run,
            )
            return self._accept(new, key, run=plan.run)

    def runs(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Run]:
        rows, following = self._parts.table().page(before=cursor_number(cursor), limit=page_limit(limit), kind="train")
        items = [show_run(row, self.settings.runs_folder) for row in rows]
        return Page[Run](items=items, next_cursor=number_cursor(following))

    def run(self, run_id: str) -> Run:
        return show_run(self._parts.table().get_run(run_id), self.settings.runs_folder)

    def report(self, run_id: str) -> str:
        return read_report(f"training run '{run_id}'", self.run(run_id).report)

    def study(self, study: Study, *, parallel: int | None = None, key: IdempotencyKey | None = None) -> Accepted:
        # While the catalog stands still: no version that the study names is deleted before it is known to need it.
        with self._parts.catalog().steady():
            plan = plan_study(self.settings, self._parts.catalog(), study, parallel)
            new = NewJob(
                id=new_id("job"),
                kind="study",
                request=study.model_dump(mode="json"),
                plan=plan.model_dump(mode="json"),
                total=plan.runs,
                run=plan.study_id,
            )
            return self._accept(new, key, study=plan.study_id)

    def studies(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[StudyDescription]:
        rows, following = self._parts.table().page(before=cursor_number(cursor), limit=page_limit(limit), kind="study")
        items = [show_study(row, self.settings.studies_folder) for row in rows]
        return Page[StudyDescription](items=items, next_cursor=number_cursor(following))

    def study_of(self, study_id: str) -> StudyDescription:
        try:
            return show_study(self._parts.table().get_run(study_id), self.settings.studies_folder)
        except NotFoundError:
            raise NotFoundError(
                f"no study '{study_id}'", code="unknown_study", hint="list the studies for their ids"
            ) from None

    def study_report(self, study_id: str) -> str:
        return read_report(f"study '{study_id}'", self.study_of(study_id).report)
