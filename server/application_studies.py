"""What can be asked of studies: the part of `server.application.Application` that plans and shows them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from contracts.errors import NotFoundError
from contracts.ids import new_id
from contracts.job import Job
from contracts.process import RESULT_FILE
from contracts.study import Study
from contracts.study_order import ESTIMATE_FILE, StudyEstimate, StudyResult
from server.jobs.answers import FirstAnswer, IdempotencyKey
from server.jobs.plans import PLAN, StudyPlan
from server.jobs.rows import JobRow
from server.jobs.table import NewJob
from server.paging import cursor_number, number_cursor, page_limit
from server.parts import Parts
from server.resources import PAGE_SIZE, Accepted, Page, StudyDescription
from server.settings import Settings
from server.study_planning import STUDIES_FOLDER, plan_study

_DocumentT = TypeVar("_DocumentT", StudyResult, StudyEstimate)


class StudyCalls:
    """Studies of one home. Safe for several threads."""

    settings: Settings
    _parts: Parts

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

            def answer(job: Job) -> FirstAnswer:
                return FirstAnswer(202, Accepted(job=job, study=plan.study_id).model_dump(mode="json"))

            first = self._parts.table().create(new, key, answer)
        self._wake()
        return Accepted.model_validate(first.body)

    def studies(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[StudyDescription]:
        rows, following = self._parts.table().page(before=cursor_number(cursor), limit=page_limit(limit), kind="study")
        items = [self._described(row) for row in rows]
        return Page[StudyDescription](items=items, next_cursor=number_cursor(following))

    def study_of(self, study_id: str) -> StudyDescription:
        try:
            return self._described(self._parts.table().get_run(study_id))
        except NotFoundError:
            raise NotFoundError(
                f"no study '{study_id}'", code="unknown_study", hint="list the studies for their ids"
            ) from None

    def study_report(self, study_id: str) -> str:
        path = self.study_of(study_id).report
        if path is None or not Path(path).is_file():
            raise NotFoundError(
                f"study '{study_id}' has no report yet", code="no_report", hint="it is written at the end"
            )
        return Path(path).read_text(encoding="utf-8")

    def _wake(self) -> None:
        raise NotImplementedError

    def _described(self, row: JobRow) -> StudyDescription:
        plan = PLAN.validate_python(row.plan)
        if not isinstance(plan, StudyPlan):
            raise NotFoundError(f"job '{row.job.id}' is no study", code="unknown_study")
        folder = self.settings.home / STUDIES_FOLDER / plan.study_id
        result = _read(StudyResult, folder / RESULT_FILE)
        report = result.files.get("report") if result is not None else None
        return StudyDescription(
            id=plan.study_id,
            job=row.job.id,
            state=row.job.state,
            created_at=row.job.created_at,
            study=plan.study,
            terms=plan.terms,
            estimate=_read(StudyEstimate, folder / ESTIMATE_FILE),
            result=result,
            error=row.job.error,
            report=str(folder / report) if report is not None else None,
        )


def _read(model: type[_DocumentT], path: Path) -> _DocumentT | None:
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
