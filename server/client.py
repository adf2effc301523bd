"""A client of a running service, with the methods of `server.service.Service`.

with Client("http://127.0.0.1:8000") as service:
    accepted = service.render(RenderBatchRequest(generator="exterior", frames=4, seed=1))
    job = service.wait(accepted.job.id)
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urljoin

import httpx
from pydantic import BaseModel, ValidationError

from contracts.dataset import VersionDescription
from contracts.errors import (
    BeltlineError,
    CapabilityMissingError,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    StorageError,
    from_dict,
)
from contracts.frame import FrameRecord
from contracts.ids import VersionReference
from contracts.job import TERMINAL_STATES, Job, JobState, RenderBatchRequest
from contracts.run import TrainingSpec
from server.resources import (
    PAGE_SIZE,
    Accepted,
    DatasetSummary,
    ExportFormat,
    ExportRequest,
    GeneratorDescription,
    GeneratorSummary,
    ImportRequest,
    JobEvent,
    Page,
    PictureKind,
    Preview,
    PreviewRequest,
    Run,
    ValidationRequest,
    ValidationResult,
)
from server.service import OnJob
from server.uploads import unpack

_ModelT = TypeVar("_ModelT", bound=BaseModel)

TIMEOUT_S = 30.0
"""For an answer, where nothing is rendered."""
SLOW_TIMEOUT_S = 600.0
"""For an answer that takes a rendered frame or a whole dataset."""
SILENCE_S = 60.0
"""Silence of an event stream after which it is opened again; the service sends a sign of life far more often."""
PATIENCE_S = 120.0
"""How long a service may be out of reach while a job is followed: it may be restarting."""

# For answers that do not come from the service itself, such as a proxy's.
_KIND_BY_STATUS: dict[int, type[BeltlineError]] = {
    400: ConfigurationError,
    404: NotFoundError,
    409: ConflictError,
    413: ConfigurationError,
    422: ConfigurationError,
    501: CapabilityMissingError,
    507: StorageError,
}


class ServiceUnreachableError(BeltlineError):
    """No service answers at the address."""

    default_code = "service_unreachable"
    default_retryable = True
    status = 503


class Client:
    """A service at an address. Not for use by several threads at once."""

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        """
        Args:
            url: Such as `http://127.0.0.1:8000`.
            transport: Another way to the service, for example to an application in this process.

        Raises:
            ConfigurationError: Not an http address.
        """
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"'{url}' is not the address of a service", hint="such as http://127.0.0.1:8000")
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, timeout=TIMEOUT_S, transport=transport, follow_redirects=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    # Generators

    def generators(self) -> list[GeneratorSummary]:
        return list(self._all("/v1/generators", GeneratorSummary))

    def generator(self, name: str) -> GeneratorDescription:
        return self._get(f"/v1/generators/{_part(name)}", GeneratorDescription)

    def validate(self, document: str | Mapping[str, Any], source: str = "request") -> ValidationResult:
        value = document if isinstance(document, str) else dict(document)
        return self._post("/v1/generators:validate", ValidationRequest(document=value), ValidationResult)

    def preview(self, name: str, request: PreviewRequest) -> Preview:
        path = f"/v1/generators/{_part(name)}:preview"
        return self._post(path, request, Preview, timeout_s=SLOW_TIMEOUT_S)

    # What becomes a job

    def render(self, request: RenderBatchRequest) -> Accepted:
        return self._post("/v1/render-batches", request, Accepted)

    def import_dataset(self, request: ImportRequest) -> Accepted:
        return self._post("/v1/datasets:import", request, Accepted)

    def train(self, spec: TrainingSpec) -> Accepted:
        return self._post("/v1/training-runs", spec, Accepted)

    # Jobs

    def job(self, job_id: str) -> Job:
        return self._get(f"/v1/jobs/{_part(job_id)}", Job)

    def jobs(self, *, cursor: str | None = None, limit: int = PAGE_SIZE, state: JobState | None = None) -> Page[Job]:
        return self._page("/v1/jobs", Job, cursor, limit, state=state.value if state else None)

    def cancel(self, job_id: str) -> Job:
        return self._post(f"/v1/jobs/{_part(job_id)}:cancel", None, Job)

    def retry(self, job_id: str) -> Job:
        return self._post(f"/v1/jobs/{_part(job_id)}:retry", None, Job)

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
                    raise self._unreachable(error) from error
            time.sleep(0.5)

    def wait(self, job_id: str, on_change: OnJob | None = None) -> Job:
        for event in self.events(job_id):
            if on_change is not None:
                on_change(event.job)
            if event.job.state in TERMINAL_STATES:
                return event.job
        return self.job(job_id)

    def log(self, job_id: str) -> str:
        return self._request("GET", f"/v1/jobs/{_part(job_id)}/log").text

    # Datasets

    def datasets(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[DatasetSummary]:
        return self._page("/v1/datasets", DatasetSummary, cursor, limit)

    def dataset(self, name: str) -> DatasetSummary:
        return self._get(f"/v1/datasets/{_part(name)}", DatasetSummary)

    def version(self, reference: VersionReference) -> VersionDescription:
        return self._get(_version_path(reference), VersionDescription)

    def frames(
        self,
        reference: VersionReference,
        *,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
        label: str | None = None,
        split: str | None = None,
    ) -> Page[FrameRecord]:
        path = f"{_version_path(reference)}/frames"
        return self._page(path, FrameRecord, cursor, limit, label=label, split=split)

    def picture(self, reference: VersionReference, index: int, kind: PictureKind) -> bytes:
        return self._request("GET", f"{_version_path(reference)}/frames/{index}/{kind}").content

    def export(self, reference: VersionReference, export_format: ExportFormat, out: Path) -> None:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ConflictError(
                f"{out} holds something", code="output_exists", hint="name a folder that is empty or new"
            )
        body = ExportRequest(format=export_format).model_dump(mode="json")
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            archive = Path(folder) / "archive"
            self._download(f"{_version_path(reference)}:export", body, archive)
            unpacked = unpack(archive, Path(folder) / "unpacked")
            if out.exists():
                out.rmdir()
            unpacked.rename(out)

    # Training

    def runs(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Run]:
        page = self._page("/v1/training-runs", Run, cursor, limit)
        return Page[Run](items=[self._addressed(run) for run in page.items], next_cursor=page.next_cursor)

    def run(self, run_id: str) -> Run:
        return self._addressed(self._get(f"/v1/training-runs/{_part(run_id)}", Run))

    def report(self, run_id: str) -> str:
        return self._request("GET", f"/v1/training-runs/{_part(run_id)}/report").text

    def _addressed(self, run: Run) -> Run:
        """The run with the whole address of its report."""
        return run.model_copy(update={"report": urljoin(f"{self.url}/", run.report)}) if run.report else run

    # The ways of asking

    def _get(self, path: str, model: type[_ModelT]) -> _ModelT:
        return _parse(model, self._request("GET", path))

    def _post(
        self, path: str, body: BaseModel | None, model: type[_ModelT], *, timeout_s: float = TIMEOUT_S
    ) -> _ModelT:
        value = None if body is None else body.model_dump(mode="json")
        return _parse(model, self._request("POST", path, json=value, timeout=timeout_s))

    def _page(
        self, path: str, model: type[_ModelT], cursor: str | None, limit: int, **filters: str | None
    ) -> Page[_ModelT]:
        parameters = {"cursor": cursor, "limit": str(limit), **filters}
        wanted = {key: value for key, value in parameters.items() if value is not None}
        return _parse(Page[model], self._request("GET", path, params=wanted))  # type: ignore[valid-type]

    def _all(self, path: str, model: type[_ModelT]) -> Iterator[_ModelT]:
        cursor: str | None = None
        while True:
            page = self._page(path, model, cursor, PAGE_SIZE)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        _raise_for(response)
        return response

    def _download(self, path: str, body: dict[str, Any], target: Path) -> None:
        try:
            with (
                self._http.stream("POST", path, json=body, timeout=SLOW_TIMEOUT_S) as response,
                target.open("wb") as sink,
            ):
                if response.is_error:
                    response.read()
                    _raise_for(response)
                for chunk in response.iter_bytes():
                    sink.write(chunk)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        except OSError as error:
            raise StorageError(f"{target} can't be written: {error.strerror}", hint="free disk space") from error

    def _stream(self, job_id: str, last: str | None) -> Iterator[JobEvent]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
        timeout = httpx.Timeout(TIMEOUT_S, read=SILENCE_S)
        path = f"/v1/jobs/{_part(job_id)}/events"
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if response.is_error:
                response.read()
                _raise_for(response)
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

    def _unreachable(self, error: httpx.TransportError) -> ServiceUnreachableError:
        return ServiceUnreachableError(
            f"no service answers at {self.url}: {error}",
            hint="start one with `beltline serve`, or leave out --url to work on this machine",
        )


def _raise_for(response: httpx.Response) -> None:
    """Raise the error that a problem document describes.

    Raises:
        BeltlineError: The service refused or failed.
    """
    if not response.is_error:
        return
    try:
        problem = response.json()
        message = str(problem.get("detail") or problem.get("title"))
    except (json.JSONDecodeError, AttributeError):
        problem, message = {}, f"the service answered {response.status_code} {response.reason_phrase}"
    code = str(problem.get("code", f"http_{response.status_code}"))
    hint = str(problem.get("hint", ""))
    context = {"errors": problem["errors"]} if problem.get("errors") else {}
    if "category" in problem:
        raise from_dict({**problem, "code": code, "message": message, "hint": hint, "context": context})
    raise _KIND_BY_STATUS.get(response.status_code, BeltlineError)(message, code=code, hint=hint, context=context)


def _parse(model: type[_ModelT], response: httpx.Response) -> _ModelT:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise BeltlineError(
            f"{response.request.url}: the answer is not a {model.__name__}: {error.errors()[0]['msg']}",
            code="unexpected_answer",
            hint="service and command line must be of one version",
        ) from None


def _part(text: str) -> str:
    """A part of a path, with everything escaped that could leave it."""
    return quote(text, safe="")


def _version_path(reference: VersionReference) -> str:
    return f"/v1/datasets/{_part(reference.name)}/versions/{reference.number}"
