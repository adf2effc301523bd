"""Studies of a running service: the part of `server.client.Client` that mirrors `server.application_studies`."""

from __future__ import annotations

from urllib.parse import urljoin

from contracts.errors import ConfigurationError
from contracts.study import Study
from server.client_requests import Requests, path_part
from server.resources import PAGE_SIZE, Accepted, Page, StudyDescription


class StudyRequests(Requests):
    """Studies of a service."""

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
        items = [self._with_address(item) for item in page.items]
        return Page[StudyDescription](items=items, next_cursor=page.next_cursor)

    def study_of(self, study_id: str) -> StudyDescription:
        return self._with_address(self.get(f"/v1/studies/{path_part(study_id)}", StudyDescription))

    def study_report(self, study_id: str) -> str:
        return self.request("GET", f"/v1/studies/{path_part(study_id)}/report").text

    def _with_address(self, study: StudyDescription) -> StudyDescription:
        """The study with the whole address of its report."""
        if study.report is None:
            return study
        return study.model_copy(update={"report": urljoin(f"{self.url}/", study.report)})
