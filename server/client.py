"""A client of a running service, with the methods of `server.service.Service`.

with Client("http://127.0.0.1:8000") as service:
    accepted = service.render(RenderBatchRequest(generator="exterior", frames=4, seed=1))
    job = service.wait(accepted.job.id)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from contracts.job import TERMINAL_STATES, Job, JobState, RenderBatchRequest
from contracts.lock import Trace, TraceRequest
from server.client_datasets import DatasetRequests
from server.client_mixes import MixRequests
from server.client_requests import SLOW_TIMEOUT_S, TIMEOUT_S, path_part, raise_for
from server.client_runs import RunRequests
from server.resources import (
    PAGE_SIZE,
    Accepted,
    GeneratorDescription,
    GeneratorSummary,
    ImportRequest,
    JobEvent,
    Page,
    Preview,
    PreviewRequest,
    ValidationRequest,
    ValidationResult,
)
from server.service import OnJob

SILENCE_S = 60.0
"""Silence of an event stream after which it is opened again; the service sends a sign of life far more often."""
PATIENCE_S = 120.0
"""How long a service may be out of reach while a job is followed: it may be restarting."""


class Client(DatasetRequests, MixRequests, RunRequests):
    """A service at an address. Not for use by several threads at once."""

    # Generators

    def generators(self) -> list[GeneratorSummary]:
        return list(self.all("/v1/generators", GeneratorSummary))

    def generator(self, name: str) -> GeneratorDescription:
        return self.get(f"/v1/generators/{path_part(name)}", GeneratorDescription)

    def validate(self, document: str | Mapping[str, Any], source: str = "request") -> ValidationResult:
        value = document if isinstance(document, str) else dict(document)
        return self.post("/v1/generators:validate", ValidationRequest(document=value), ValidationResult)

    def preview(self, name: str, request: PreviewRequest) -> Preview:
        path = f"/v1/generators/{path_part(name)}:preview"
        return self.post(path, request, Preview, timeout_s=SLOW_TIMEOUT_S)

    def trace(self, name: str, request: TraceRequest) -> Trace:
        return self.post(f"/v1/generators/{path_part(name)}:trace", request, Trace, timeout_s=SLOW_TIMEOUT_S)

    # What becomes a job

    def render(self, request: RenderBatchRequest) -> Accepted:
        return self.post("/v1/render-batches", request, Accepted)

    def import_dataset(self, request: ImportRequest) -> Accepted:
        return self.post("/v1/datasets:import", request, Accepted)

    # Jobs

    def job(self, job_id: str) -> Job:
        return self.get(f"/v1/jobs/{path_part(job_id)}", Job)

    def jobs(self, *, cursor: str | None = None, limit: int = PAGE_SIZE, state: JobState | None = None) -> Page[Job]:
        return self.page("/v1/jobs", Job, cursor, limit, state=state.value if state else None)

    def cancel(self, job_id: str) -> Job:
        return self.post(f"/v1/jobs/{path_part(job_id)}:cancel", None, Job)

    def retry(self, job_id: str) -> Job:
        return self.post(f"/v1/jobs/{path_part(job_id)}:retry", None, Job)

    def events(self, job_id: str) -> Iterator[JobEvent]:
        """Every change of a job until it has ended, over broken connections and a restart of the service.

        Raises:
            NotFoundError: There is no such job.
            ServiceUnreachableError: The service stays away for more than `PATIENCE_S`.
        """
        last: str | None = None
        silent_since = time.monotonic()
        while True:
            try:
                for event in self._stream(job_id, last):
                    silent_since = time.monotonic()
                    last = event.id
                    yield event
                    if event.job.state in TERMINAL_STATES:
                        return
            except httpx.TransportError as error:
                if time.monotonic() - silent_since > PATIENCE_S:
                    raise self.unreachable(error) from error
            time.sleep(0.5)

    def wait(self, job_id: str, on_change: OnJob | None = None) -> Job:
        for event in self.events(job_id):
            if on_change is not None:
                on_change(event.job)
            if event.job.state in TERMINAL_STATES:
                return event.job
        return self.job(job_id)

    def log(self, job_id: str) -> str:
        return self.request("GET", f"/v1/jobs/{path_part(job_id)}/log").text

    def _stream(self, job_id: str, last: str | None) -> Iterator[JobEvent]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        timeout = httpx.Timeout(TIMEOUT_S, read=SILENCE_S)
        path = f"/v1/jobs/{path_part(job_id)}/events"
        with self.http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if response.is_error:
                response.read()
                raise_for(response)
            fields: dict[str, str] = {}
            for line in response.iter_lines():
                if line:
                    name, _, value = line.partition(":")
                    fields[name] = fields[name] + "\n" + value[1:] if name in fields else value.removeprefix(" ")
                elif "data" in fields:
                    job = Job.model_validate_json(fields["data"])
                    yield JobEvent.model_validate({"id": fields["id"], "type": fields["event"], "job": job})
                    fields = {}
                else:
                    fields = {}
