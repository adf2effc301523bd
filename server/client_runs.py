"""Training runs and studies of a service: the part of `server.client.Client` that mirrors `server.application_runs`."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import urljoin

from contracts.errors import ConfigurationError
from contracts.run import TrainingSpec
from contracts.study import Study
from server.client_requests import Requests, path_part
from server.resources import PAGE_SIZE, Accepted, Page, Run, StudyDescription

_ReportedT = TypeVar("_ReportedT", Run, StudyDescription)


class RunRequests(Requests):
    """Training runs and studies of a service."""

    def train(self, spec: TrainingSpec) -> Accepted:
        return self.post("/v1/training-runs", spec, Accepted)

    def runs(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Run]:
        page = self.page("/v1/training-runs", Run, cursor, limit)
        return Page[Run](items=[self._addressed(run) for run in page.items], next_cursor=page.next_cursor)

    def run(self, run_id: str) -> Run:
        return self._addressed(self.get(f"/v1/training-runs/{path_part(run_id)}", Run))

    def report(self, run_id: str) -> str:
        return self.request("GET", f"/v1/training-runs/{path_part(run_id)}/report").text

    def study(self, study: Study, *, parallel: int | None = None) -> Accepted:
        if parallel is not None:
            raise ConfigurationError(
                "how many runs a service makes at a time is its own choice",
                code="not_over_rest",
                hint="leave out --parallel",
            )
        return self.post("/v1/studies", study, Accepted)

    def studies(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[StudyDescription]:
        page = self.page("/v1/studies", StudyDescription, cursor, limit)
        items = [self._addressed(item) for item in page.items]
        return Page[StudyDescription](items=items, next_cursor=page.next_cursor)

    def study_of(self, study_id: str) -> StudyDescription:
        return self._addressed(self.get(f"/v1/studies/{path_part(study_id)}", StudyDescription))

    def study_report(self, study_id: str) -> str:
        return self.request("GET", f"/v1/studies/{path_part(study_id)}/report").text

    def _addressed(self, found: _ReportedT) -> _ReportedT:
        """The run or study with the whole address of its report."""
        if found.report is None:
            return found
        return found.model_copy(update={"report": urljoin(f"{self.url}/", found.report)})
