"""What REST shows and the command line's `--json` prints, beyond the documents of `contracts`."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field

from contracts.camera import SizeText
from contracts.dataset import Deletion, SourceTerms, Tag, VersionDescription
from contracts.document import Document
from contracts.erasure import GroupName
from contracts.frame import FrameRecord
from contracts.frame_spec import Label
from contracts.generator import Generator
from contracts.ids import Digest, Name, Seed
from contracts.import_report import MetadataKind
from contracts.job import Job, JobState
from contracts.label_map import LabelMap
from contracts.process import Progress
from contracts.run import RunResult, TrainingSpec
from contracts.study import Study
from contracts.study_order import StudyEstimate, StudyResult

ItemT = TypeVar("ItemT")

PAGE_SIZE = 50
PAGE_SIZE_MAX = 500

PictureKind = Literal["image", "mask", "overlay", "instances", "depth"]
ImportFormat = Literal["bdd", "bdd-bitmasks", "camvid", "cityscapes", "coco", "gtav", "masks", "solo", "viper", "yolo"]
ExportFormat = Literal["cityscapes", "coco", "parquet", "raw", "solo", "webdataset", "yolo"]


class Page(Document, Generic[ItemT]):
    """A stretch of a list."""

    items: list[ItemT]
    next_cursor: str | None = None
    """Pass as `cursor` for the next stretch; none at the end."""


class GeneratorSummary(Document):
    """A line of the list of generators."""

    name: Name
    description: str
    scenario: str
    size: tuple[int, int]
    """Width, height in pixels."""
    labels: list[str]
    digest: Digest
    """Of the resolved generator."""


class GeneratorDescription(GeneratorSummary):
    """A generator, resolved."""

    label_table: list[Label]
    """Ids and colours, background first."""
    document: Generator
    """With what it extends merged in."""


class ValidationRequest(Document):
    """Body of `POST /v1/generators:validate`."""

    document: str | dict[str, Any]
    """A generator as YAML text or as JSON."""


class ValidationResult(Document):
    """A document that stood the test."""

    valid: Literal[True] = True
    kind: str
    """`generator`, `training-run`, `study` or `label-map`."""
    name: str | None = None
    digest: Digest | None = None
    """Of a resolved generator."""


class PreviewRequest(Document):
    """Body of `POST /v1/generators/{name}:preview`."""

    frame: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Index of the frame."""
    seed: Seed = 0
    size: SizeText | None = None
    """`WxH` in pixels; none is the generator's own."""
    player: Annotated[str, Field(min_length=1, max_length=255)] = "embedded"
    overrides: dict[str, Any] = {}
    """Values by dotted path in the generator."""


class Preview(Document):
    """One frame, rendered without a job."""

    frame: FrameRecord
    files: dict[PictureKind, str]
    """PNG by role, in base64."""


class Accepted(Document):
    """Answer to a request that became a job."""

    job: Job
    estimate_s: float | None = None
    """Expected seconds, from earlier jobs on this machine or, before the first, from a rule of thumb."""
    run: Name | None = None
    """Id of the training run."""
    study: Name | None = None
    """Id of the study."""


class ImportUpload(Document):
    """Part `request` of a multipart `POST /v1/datasets:import`; part `archive` is a zip or tar archive."""

    format: ImportFormat
    name: Name
    """Dataset to publish under."""
    classes: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """Class table: a JSON file; the format's own when not given, `classes.json` for `masks`. A relative path starts at
    the imported folder."""
    groups: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """CSV of `file_name,group`. A relative path starts at the imported folder."""
    images: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """Folder of the images where they lie elsewhere. A relative path starts at the imported folder."""
    splits: dict[Name, Annotated[str, Field(min_length=1, max_length=4096)]] = {}
    """Subfolder by split; for `coco` and `bdd` it may be a file."""
    shares: dict[Name, Annotated[float, Field(gt=0, le=1)]] = {}
    """Share of the images by split, together 1: whole groups are dealt out at random. Not together with `splits`."""
    seed: Seed = 0
    """Of the dealing."""
    license: Annotated[str, Field(max_length=1000)] | None = None
    """Terms of the images."""
    consent: Annotated[str, Field(max_length=1000)] | None = None
    """What the people shown agreed to."""
    keep_metadata: Annotated[list[MetadataKind], Field(max_length=4)] = []
    """EXIF fields to keep as parameters of each frame; all others are left behind. `place` is latitude, longitude and
    altitude."""
    description: Annotated[str, Field(max_length=10_000)] = ""


class ImportRequest(ImportUpload):
    """Body of `POST /v1/datasets:import`."""

    path: Annotated[str, Field(min_length=1, max_length=4096)]
    """Folder on the service's machine, under one of its import roots; for `coco`, `bdd` and `yolo` it may be the file
    that describes the images. What a format's folder holds is told in docs/importing.md."""


AskedLabelMap = Name | dict[str, list[str]] | LabelMap
"""The name of a shipped map, classes with their source labels, or a whole map."""


class StatisticsRequest(Document):
    """How the labels of a version are read before they are counted."""

    label_map: AskedLabelMap | None = None
    """None counts the version's own labels."""


class Pending(Document):
    """What is asked for is being worked out: ask the same again after `Retry-After` seconds."""

    progress: Progress
    """Frames done, of how many, and what is done with them."""


class ExportRequest(Document):
    """Body of `POST /v1/datasets/{name}/versions/{v}:export`."""

    format: ExportFormat = "raw"
    label_map: AskedLabelMap | None = None
    """Applied to masks, instances and labels: the name of a shipped map, classes with their source labels, or a map."""


class VersionSummary(Document):
    """A line of the list of a dataset's versions."""

    version: int
    digest: Digest
    created_at: str
    frame_count: int
    description: str = ""
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class VersionChange(Document):
    """Body of `PATCH /v1/datasets/{name}/versions/{v}`: what is written beside a version, never its content."""

    description: Annotated[str, Field(max_length=10_000)] | None = None
    """The new description; none keeps it."""
    add_tags: Annotated[tuple[Tag, ...], Field(max_length=200)] = ()
    remove_tags: Annotated[tuple[Tag, ...], Field(max_length=200)] = ()


KEEP_DAYS = 7
"""How long garbage collection leaves what a retry of an ended job would go on with."""


class CollectionRequest(Document):
    """Body of `POST /v1/datasets:collect-garbage`."""

    dry_run: bool = True
    """Whether to look only."""
    keep_days: Annotated[int, Field(ge=0)] = KEEP_DAYS
    """How long what a job that failed, crashed or was cancelled left behind stays for a retry."""


class ErasureRequest(Document):
    """Body of `POST /v1/datasets/{name}/versions/{v}:erase`."""

    group: GroupName
    """As the frames' records name it."""
    dry_run: bool = True
    """Whether to look only."""
    by: Annotated[str, Field(max_length=255)] = ""
    """Who erases; the service's own user when empty."""
    reason: Annotated[str, Field(max_length=1000)] = ""


class CollectionReport(Document):
    """What garbage collection freed, or would."""

    dry_run: bool
    blobs: int
    """In the store before."""
    freed: int
    """Blobs that nothing names."""
    freed_bytes: int
    jobs: int = 0
    """Jobs that had ended and left frames or files of their making behind."""
    jobs_bytes: int = 0


class AliasTarget(Document):
    """Body of `PUT /v1/datasets/{name}/aliases/{alias}`."""

    version: Annotated[int, Field(ge=1, le=999_999_999)]
    by: Annotated[str, Field(max_length=255)] = ""
    """Who moves it, for the history; the service's own user when empty."""
    reason: Annotated[str, Field(max_length=1000)] = ""


class DatasetSummary(Document):
    """A dataset: a name with versions."""

    name: Name
    versions: list[VersionSummary]
    """Oldest first."""
    latest: VersionDescription
    deletions: list[Deletion] = []
    """Versions that were deleted, by number."""


class Fault(Document):
    """A file that verification found wrong."""

    path: str
    message: str


class Verification(Document):
    """What `verify` found."""

    versions: list[str]
    """Versions examined, `name@v`."""
    files: int
    """Files whose bytes were hashed again."""
    faults: list[Fault]


class Run(Document):
    """A training run."""

    id: Name
    job: str
    state: JobState
    created_at: str
    spec: TrainingSpec
    terms: tuple[SourceTerms, ...] = ()
    """License and consent of the versions that the run learns from; they hold for its model too."""
    result: RunResult | None = None
    error: dict[str, Any] | None = None
    report: str | None = None
    """Path of the HTML report; over REST its address."""


class StudyDescription(Document):
    """A study."""

    id: Name
    job: str
    state: JobState
    created_at: str
    study: Study
    """With the base run in place."""
    terms: tuple[SourceTerms, ...] = ()
    """License and consent of the versions that its runs learn from; they hold for its models too."""
    estimate: StudyEstimate | None = None
    """How many runs and how long, once that is known."""
    result: StudyResult | None = None
    error: dict[str, Any] | None = None
    report: str | None = None
    """Path of the HTML report; over REST its address."""


class Problem(Document):
    """An error, as RFC 9457 describes it (`application/problem+json`)."""

    type: str
    """Stable identifier of the kind of error."""
    title: str
    status: int
    """HTTP status."""
    detail: str
    """What is wrong, and where."""
    code: str
    """Stable identifier in lower snake case."""
    category: str
    """Broader kind that the code belongs to."""
    hint: str
    """The remedy."""
    retryable: bool = False
    """Whether the same request may succeed later."""
    errors: list[dict[str, Any]] = []
    """Every faulty place: `location` and `message`."""


class Health(Document):
    """A sign of life."""

    status: Literal["ok"] = "ok"


class ServiceVersion(Document):
    """What answers."""

    name: Literal["beltline"] = "beltline"
    version: str
    api: Literal["v1"] = "v1"


class JobEvent(Document):
    """A change of a job."""

    id: str
    """Grows with every change of the job."""
    type: Literal["state", "progress"]
    job: Job
