"""Everything that can be asked of Beltline, in one process: what REST maps to HTTP and the command line calls itself.

with Application(load_settings("home")) as application:
    accepted = application.render(RenderBatchRequest(generator="exterior", frames=4, seed=1))
    job = application.wait(accepted.job.id)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from contracts.errors import NotFoundError
from contracts.generator import generator_names
from contracts.ids import check_name, new_id
from contracts.job import TERMINAL_STATES, Job, JobState, RenderBatchRequest
from contracts.lock import Trace, TraceRequest
from contracts.run import TrainingSpec
from server.application_datasets import DatasetCalls
from server.application_mixes import MixCalls
from server.application_studies import StudyCalls
from server.documents import check_document, show_run, summarize
from server.jobs.answers import FirstAnswer, IdempotencyKey
from server.jobs.engine import Engine
from server.jobs.executors.local import LocalExecutor
from server.jobs.plans import ImportPlan
from server.jobs.table import NewJob
from server.jobs.work import Modules
from server.paging import cursor_number, number_cursor, page_limit
from server.parts import Parts
from server.planning import checked_shares, find_generator, plan_import, plan_render, plan_training, training_steps
from server.previews import Previews
from server.resources import (
    PAGE_SIZE,
    Accepted,
    GeneratorDescription,
    GeneratorSummary,
    ImportRequest,
    ImportUpload,
    JobEvent,
    Page,
    Preview,
    PreviewRequest,
    Run,
    ValidationResult,
)
from server.service import OnJob
from server.settings import Settings
from server.traces import Traces
from server.uploads import check_archive

_WATCH_S = 0.1


class Application(DatasetCalls, MixCalls, StudyCalls):
    """Beltline on one home folder. Safe for several threads.

    Args:
        settings: The home and its limits.
        modules: What carries out the steps of jobs.
    """

    def __init__(self, settings: Settings, *, modules: Modules | None = None) -> None:
        self.settings = settings
        self._modules = modules or Modules()
        self._executor = LocalExecutor()
        self._parts = Parts(settings)
        self._previews = Previews(settings, self._executor, self._modules)
        self._traces = Traces(settings, self._executor, self._modules)
        self._engine: Engine | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the engine in an orderly way, handing its jobs back, and close the databases."""
        self._previews.close()
        self._traces.close()
        if self._engine is not None:
            self._engine.stop()
            self._engine = None
        self._parts.close()

    # The engine

    def start_engine(self) -> None:
        """Carry out jobs in a thread, until `close`; a service does."""
        self._engine = self._new_engine()
        self._engine.start()

    @property
    def engine_alive(self) -> bool:
        """Whether the engine's thread runs and comes round in time."""
        return self._engine is not None and self._engine.alive

    def _new_engine(self, only: set[str] | None = None) -> Engine:
        return self._parts.engine(self._executor, self._modules, only)

    def _wake(self) -> None:
        if self._engine is not None:
            self._engine.wake()

    # Generators

    def generators(self) -> list[GeneratorSummary]:
        return [summarize(find_generator(self.settings, name)) for name in generator_names(self.settings.generators)]

    def generator(self, name: str) -> GeneratorDescription:
        found = find_generator(self.settings, name)
        return GeneratorDescription(
            **summarize(found).model_dump(), label_table=list(found.label_table()), document=found
        )

    def validate(self, document: str | Mapping[str, Any], source: str = "request") -> ValidationResult:
        beside = Path.cwd() if self.settings.allow_paths else None
        return check_document(document, self.settings.generators, source=source, beside=beside)

    def preview(self, name: str, request: PreviewRequest) -> Preview:
        return self._previews.render(name, request)

    def trace(self, name: str, request: TraceRequest) -> Trace:
        return self._traces.trace(name, request)

    # Requests that become jobs

    def render(self, request: RenderBatchRequest, *, key: IdempotencyKey | None = None) -> Accepted:
        self.settings.home.mkdir(parents=True, exist_ok=True)
        plan = plan_render(self.settings, request)
        estimate_s = self._parts.estimates().seconds(
            plan.generator, plan.player.name, plan.frames, min(len(plan.shards), self.settings.workers)
        )
        new = NewJob(
            id=new_id("job"),
            kind="render",
            request=request.model_dump(mode="json"),
            plan=plan.model_dump(mode="json"),
            total=plan.frames,
        )
        return self._accept(new, key, estimate_s=estimate_s)

    def import_dataset(self, request: ImportRequest, *, key: IdempotencyKey | None = None) -> Accepted:
        return self._accept_import(request, plan_import(self.settings, request), new_id("job"), key)

    def import_archive(
        self, request: ImportUpload, archive: Path, job_id: str, *, key: IdempotencyKey | None = None
    ) -> Accepted:
        """Queue an import of an uploaded archive that lies in the folder of the job to be; see `upload_path`.

        Raises:
            ConfigurationError: It is no archive.
        """
        check_archive(archive)
        plan = ImportPlan(
            format=request.format,
            path=None,
            archive=str(archive),
            name=request.name,
            classes=request.classes,
            groups=request.groups,
            images=request.images,
            splits=dict(request.splits),
            shares=checked_shares(request),
            seed=request.seed,
            license=request.license,
            consent=request.consent,
            keep_metadata=tuple(request.keep_metadata),
            description=request.description,
        )
        return self._accept_import(request, plan, job_id, key)

    def upload_path(self, job_id: str) -> Path:
        """Where the uploaded archive of a job to be belongs."""
        folder = self.settings.jobs_folder / check_name(job_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "upload"

    def _accept_import(
        self, request: ImportUpload, plan: ImportPlan, job_id: str, key: IdempotencyKey | None
    ) -> Accepted:
        new = NewJob(
            id=job_id, kind="import", request=request.model_dump(mode="json"), plan=plan.model_dump(mode="json")
        )
        return self._accept(new, key)

    def train(self, spec: TrainingSpec, *, key: IdempotencyKey | None = None) -> Accepted:
        # While the catalog stands still: no version that the run names is deleted before the run is known to need it.
        with self._parts.catalog().steady():
            plan = plan_training(self.settings, self._parts.catalog(), spec)
            new = NewJob(
                id=new_id("job"),
                kind="train",
                request=spec.model_dump(mode="json"),
                plan=plan.model_dump(mode="json"),
                total=training_steps(spec),
                run=plan.run,
            )
            return self._accept(new, key)

    def _accept(self, new: NewJob, key: IdempotencyKey | None, estimate_s: float | None = None) -> Accepted:
        def answer(job: Job) -> FirstAnswer:
            accepted = Accepted(job=job, estimate_s=estimate_s, run=new.run)
            return FirstAnswer(202, accepted.model_dump(mode="json"))

        first = self._parts.table().create(new, key, answer)
        self._wake()
        return Accepted.model_validate(first.body)

    # Jobs

    def job(self, job_id: str) -> Job:
        return self._parts.table().get(job_id)

    def jobs(self, *, cursor: str | None = None, limit: int = PAGE_SIZE, state: JobState | None = None) -> Page[Job]:
        rows, following = self._parts.table().page(before=cursor_number(cursor), limit=page_limit(limit), state=state)
        return Page[Job](items=[row.job for row in rows], next_cursor=number_cursor(following))

    def job_counts(self) -> dict[JobState, int]:
        """Jobs by state."""
        return self._parts.table().counts()

    def cancel(self, job_id: str) -> Job:
        job = self._parts.table().cancel(job_id)
        self._wake()
        return job

    def retry(self, job_id: str, *, key: IdempotencyKey | None = None) -> Job:
        job = self._parts.table().retry(job_id, key)
        self._wake()
        return job

    def job_event(self, job_id: str, before: JobEvent | None = None) -> JobEvent:
        """The job now, as a change from an earlier one."""
        row = self._parts.table().get_row(job_id)
        same = before is not None and before.job.state == row.job.state and before.job.attempt == row.job.attempt
        return JobEvent(id=str(row.revision), type="progress" if same else "state", job=row.job)

    def events(self, job_id: str) -> Iterator[JobEvent]:
        last: JobEvent | None = None
        while True:
            event = self.job_event(job_id, last)
            if last is None or event.id != last.id:
                last = event
                yield event
            if event.job.state in TERMINAL_STATES:
                return
            time.sleep(_WATCH_S)

    def wait(self, job_id: str, on_change: OnJob | None = None) -> Job:
        last = self.job_event(job_id)
        if on_change is not None:
            on_change(last.job)
        if last.job.state in TERMINAL_STATES:
            return last.job
        # Without an engine of its own this process lends one to the job, unless another process holds it already.
        engine = self._new_engine({job_id}) if self._engine is None else None
        try:
            while True:
                if engine is not None:
                    engine.look()
                event = self.job_event(job_id, last)
                if event.id != last.id and on_change is not None:
                    on_change(event.job)
                last = event
                if event.job.state in TERMINAL_STATES:
                    return event.job
                time.sleep(min(_WATCH_S, self.settings.jobs.poll_s))
        finally:
            if engine is not None:
                engine.stop()

    def log(self, job_id: str) -> str:
        return b"".join(self.log_chunks(job_id)).decode("utf-8", "replace")

    def log_chunks(self, job_id: str) -> Iterator[bytes]:
        """What a job's processes printed, piece by piece."""
        path = self.log_path(job_id)
        if path is not None:
            with path.open("rb") as stream:
                while piece := stream.read(1 << 16):
                    yield piece

    def log_path(self, job_id: str) -> Path | None:
        """File of what a job's processes printed, if they have begun."""
        path = self.settings.jobs_folder / self.job(job_id).id / "log.txt"
        return path if path.is_file() else None

    # Training runs

    def runs(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Run]:
        rows, following = self._parts.table().page(before=cursor_number(cursor), limit=page_limit(limit), kind="train")
        return Page[Run](
            items=[show_run(row, self.settings.runs_folder) for row in rows], next_cursor=number_cursor(following)
        )

    def run(self, run_id: str) -> Run:
        return show_run(self._parts.table().get_run(run_id), self.settings.runs_folder)

    def report(self, run_id: str) -> str:
        path = self.run(run_id).report
        if path is None or not Path(path).is_file():
            raise NotFoundError(
                f"training run '{run_id}' has no report yet", code="no_report", hint="it is written at the end"
            )
        return Path(path).read_text(encoding="utf-8")
