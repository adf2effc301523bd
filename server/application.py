"""Everything that can be asked of Beltline, in one process: what REST maps to HTTP and the command line calls itself.

with Application(load_settings("home")) as application:
    accepted = application.render(RenderBatchRequest(generator="exterior", frames=4, seed=1))
    job = application.wait(accepted.job.id)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from contracts.generator import generator_names
from contracts.ids import check_name, new_id
from contracts.job import RenderBatchRequest
from contracts.lock import Trace, TraceRequest
from server.application_datasets import DatasetCalls
from server.application_jobs import JobCalls
from server.application_mixes import MixCalls
from server.application_runs import RunCalls
from server.beside_jobs import BesideJobs
from server.documents import check_document, summarize
from server.jobs.answers import IdempotencyKey
from server.jobs.plans import ImportPlan
from server.jobs.table import NewJob
from server.jobs.work import Modules
from server.planning import find_generator, plan_import, plan_render, plan_upload
from server.previews import Previews
from server.resources import (
    Accepted,
    GeneratorDescription,
    GeneratorSummary,
    ImportRequest,
    ImportUpload,
    Preview,
    PreviewRequest,
    ValidationResult,
)
from server.settings import Settings
from server.traces import Traces
from server.uploads import check_archive


class Application(DatasetCalls, MixCalls, JobCalls, RunCalls):
    """Beltline on one home folder. Safe for several threads.

    Args:
        settings: The home and its limits.
        modules: What carries out the steps of jobs.
    """

    def __init__(self, settings: Settings, *, modules: Modules | None = None) -> None:
        super().__init__(settings, modules=modules)
        self._beside_jobs = BesideJobs(settings, self._executor, self._modules)
        self._previews = Previews(settings, self._beside_jobs)
        self._traces = Traces(settings, self._beside_jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the engine in an orderly way, handing its jobs back, and close the databases."""
        self._beside_jobs.close()
        super().close()

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
        plan = plan_upload(request, archive)
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
