"""What the command line works with: the application in its own process, or a client of a running service.

`server.application.Application` and `server.client.Client` both have these methods, with the same results and the same
errors of `contracts.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from contracts.dataset import AliasDescription, Deletion, VersionDescription
from contracts.erasure import ErasureReport
from contracts.frame import FrameRecord
from contracts.ids import VersionReference
from contracts.job import Job, JobState, RenderBatchRequest
from contracts.lock import Trace, TraceRequest
from contracts.mix import MixDescription, MixRequest
from contracts.run import TrainingSpec
from contracts.statistics import VersionDiff, VersionStatistics
from contracts.study import Study
from server.resources import (
    KEEP_DAYS,
    PAGE_SIZE,
    Accepted,
    AliasTarget,
    AskedLabelMap,
    CollectionReport,
    DatasetSummary,
    ErasureRequest,
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
    StudyDescription,
    ValidationResult,
    VersionChange,
)

OnJob = Callable[[Job], None]


class Service(Protocol):
    """Everything that can be asked of Beltline."""

    def generators(self) -> list[GeneratorSummary]:
        """All named generators, sorted."""

    def generator(self, name: str) -> GeneratorDescription:
        """One generator, resolved.

        Raises:
            NotFoundError: There is none of that name.
            ConfigurationError: Its file is invalid.
        """

    def validate(self, document: str | Mapping[str, Any], source: str = "request") -> ValidationResult:
        """Check a generator, training run, study or label map, as YAML text or plain value.

        Raises:
            ConfigurationError: Invalid; `context["errors"]` lists every fault.
        """

    def preview(self, name: str, request: PreviewRequest) -> Preview:
        """Render one frame without a job; nothing is published.

        Raises:
            NotFoundError: Unknown generator.
            ConfigurationError: Unknown player, override path or size.
            RenderError: It could not be rendered.
        """

    def trace(self, name: str, request: TraceRequest) -> Trace:
        """Render frames anew and say what they are made of; nothing is kept.

        Raises:
            NotFoundError: Unknown generator.
            ConfigurationError: Unknown player, override path or size.
            RenderError: One could not be rendered.
        """

    def render(self, request: RenderBatchRequest) -> Accepted:
        """Queue a render batch, after validating it whole.

        Raises:
            NotFoundError: Unknown generator.
            ConfigurationError: Unknown player, override path or size, or too large.
        """

    def import_dataset(self, request: ImportRequest) -> Accepted:
        """Queue an import of real images.

        Raises:
            NotFoundError: Nothing lies at a path.
            ConfigurationError: A path outside the allowed roots.
        """

    def train(self, spec: TrainingSpec) -> Accepted:
        """Queue a training run; every name in it is resolved first.

        Raises:
            NotFoundError: Unknown dataset version, split or label map.
            ConfigurationError: Versions, labels and label map do not fit.
        """

    def job(self, job_id: str) -> Job:
        """A job.

        Raises:
            NotFoundError: There is none of that id.
        """

    def jobs(self, *, cursor: str | None = None, limit: int = PAGE_SIZE, state: JobState | None = None) -> Page[Job]:
        """Jobs, newest first."""

    def cancel(self, job_id: str) -> Job:
        """Ask a job to stop; a queued one stops at once.

        Raises:
            NotFoundError: There is none of that id.
            ConflictError: It has ended.
        """

    def retry(self, job_id: str) -> Job:
        """Queue a job that ended once more; what it had finished is kept.

        Raises:
            NotFoundError: There is none of that id.
            ConflictError: It has not ended.
        """

    def events(self, job_id: str) -> Iterator[JobEvent]:
        """The job now, then every change, until it has ended."""

    def wait(self, job_id: str, on_change: OnJob | None = None) -> Job:
        """Block until a job has ended. The application carries it out meanwhile, unless a service on its home does."""

    def log(self, job_id: str) -> str:
        """Everything that a job's processes printed."""

    def datasets(
        self, *, cursor: str | None = None, limit: int = PAGE_SIZE, tag: str | None = None
    ) -> Page[DatasetSummary]:
        """Datasets, sorted by name; with `tag`, those with a version that carries it, and these versions alone."""

    def dataset(self, name: str) -> DatasetSummary:
        """One dataset with its versions.

        Raises:
            NotFoundError: There is none of that name.
        """

    def version(self, reference: VersionReference) -> VersionDescription:
        """One version.

        Raises:
            NotFoundError: There is none.
        """

    def change_version(self, reference: VersionReference, change: VersionChange) -> VersionDescription:
        """Change description and tags.

        Raises:
            NotFoundError: Unknown version, or a tag to remove that it does not have.
            ConfigurationError: A tag that is none.
        """

    def delete_version(self, reference: VersionReference, *, by: str = "", reason: str = "") -> Deletion:
        """Delete a version; its bytes stay until garbage is collected.

        Raises:
            NotFoundError: There is none.
            ConflictError: An alias, another version or a training run needs it; `context["needed_by"]` names them.
        """

    def erase(self, reference: VersionReference, request: ErasureRequest) -> ErasureReport:
        """Remove the bytes of a group's frames for good; the version stays, listed as erased in part.

        Raises:
            NotFoundError: No such version, or no frame of it has the group.
            IntegrityError: It can't be told which frames hold the bytes.
        """

    def collect_garbage(self, *, dry_run: bool = False, keep_days: int = KEEP_DAYS) -> CollectionReport:
        """Free what no version and no training run needs, and what jobs that have ended left behind.

        Raises:
            IntegrityError: It can't be told what a version needs.
        """

    def statistics(self, reference: VersionReference, *, label_map: AskedLabelMap | None = None) -> VersionStatistics:
        """A version in numbers, as a label map shows it where one is given; computed when it is first asked for.

        Raises:
            NotFoundError: There is none, or no such label map.
            ConfigurationError: The version has none of the labels that the map names.
            IntegrityError: Stored bytes are damaged.
        """

    def statistics_page(self, reference: VersionReference, *, label_map: AskedLabelMap | None = None) -> str:
        """The same as one HTML page.

        Raises:
            NotFoundError, ConfigurationError, IntegrityError: As `statistics`.
        """

    def diff(
        self, reference: VersionReference, against: VersionReference, *, label_map: AskedLabelMap | None = None
    ) -> VersionDiff:
        """How a version differs from another one, both as a label map shows them where one is given.

        Raises:
            NotFoundError, ConfigurationError, IntegrityError: As `statistics`, of both.
        """

    def diff_page(
        self, reference: VersionReference, against: VersionReference, *, label_map: AskedLabelMap | None = None
    ) -> str:
        """The same as one HTML page, with the plots of both side by side.

        Raises:
            NotFoundError, ConfigurationError, IntegrityError: As `diff`.
        """

    def aliases(self, name: str) -> Page[AliasDescription]:
        """All aliases that a dataset has or had.

        Raises:
            NotFoundError: There is no such dataset.
        """

    def alias(self, name: str, alias: str) -> AliasDescription:
        """What an alias stands for, with its history.

        Raises:
            NotFoundError: Unknown dataset or alias.
        """

    def move_alias(self, name: str, alias: str, target: AliasTarget) -> AliasDescription:
        """Let an alias stand for a version.

        Raises:
            NotFoundError: Unknown version.
            ConfigurationError: Not an alias.
            ConflictError: `latest`, which moves by itself.
        """

    def remove_alias(self, name: str, alias: str, *, by: str = "", reason: str = "") -> AliasDescription:
        """Let an alias stand for nothing.

        Raises:
            NotFoundError: Unknown dataset or alias.
            ConflictError: `latest`, which moves by itself.
        """

    def frames(
        self,
        reference: VersionReference,
        *,
        cursor: str | None = None,
        limit: int = PAGE_SIZE,
        label: str | None = None,
        split: str | None = None,
    ) -> Page[FrameRecord]:
        """Frames of a version in their order; with `label`, those that show it.

        Raises:
            NotFoundError: Unknown version, label or split.
        """

    def picture(self, reference: VersionReference, index: int, kind: PictureKind) -> bytes:
        """PNG (or the imported image's own bytes) of one frame.

        Raises:
            NotFoundError: Unknown version or frame, or the frame has no such picture.
            IntegrityError: Stored bytes are damaged.
        """

    def export(
        self,
        reference: VersionReference,
        request: ExportRequest,
        out: Path,
        *,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Write a version into a folder that does not exist or is empty.

        Args:
            reference: The version.
            request: Format and label map.
            out: The folder.
            on_progress: Called with (frames done, frames) where this process writes them, and not a service.

        Raises:
            NotFoundError: Unknown version or label map.
            ConfigurationError: The version has none of the labels that the map names.
            ConflictError: `out` holds something.
        """

    def create_mix(self, request: MixRequest) -> MixDescription:
        """Keep a mix; the same text under the same name gives the mix that is there.

        Raises:
            ConfigurationError: The text is no mix, or it takes more images than there are.
            NotFoundError: A version or split is not there.
            ConflictError: The name stands for another mix.
        """

    def mixes(self) -> Page[MixDescription]:
        """All mixes, by name."""

    def mix(self, name_or_digest: str) -> MixDescription:
        """A mix by its name or digest.

        Raises:
            NotFoundError: There is none.
        """

    def remove_mix(self, name: str) -> MixDescription:
        """Forget a mix.

        Raises:
            NotFoundError: There is none.
        """

    def runs(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[Run]:
        """Training runs, newest first."""

    def run(self, run_id: str) -> Run:
        """A training run.

        Raises:
            NotFoundError: There is none of that id.
        """

    def study(self, study: Study, *, parallel: int | None = None) -> Accepted:
        """Queue a study; every run is validated and every name resolved first.

        Raises:
            NotFoundError: Unknown dataset version, split or label map.
            ConfigurationError: A run is invalid, or versions, labels and label map do not fit.
        """

    def studies(self, *, cursor: str | None = None, limit: int = PAGE_SIZE) -> Page[StudyDescription]:
        """Studies, newest first."""

    def study_of(self, study_id: str) -> StudyDescription:
        """A study.

        Raises:
            NotFoundError: There is none of that id.
        """

    def study_report(self, study_id: str) -> str:
        """The HTML report of a study that has ended.

        Raises:
            NotFoundError: There is no such study, or it has no report yet.
        """

    def report(self, run_id: str) -> str:
        """The HTML report of a finished run.

        Raises:
            NotFoundError: There is no such run, or it has no report yet.
        """
