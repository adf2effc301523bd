"""What a study's process is started with, what it expects before it begins, and what it comes to."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.document import Document, SchemaVersion
from contracts.ids import Digest, Name
from contracts.label_map import LabelMap
from contracts.study import Study

ESTIMATE_FILE = "estimate.json"
"""In the folder of a study, from the moment it is known."""


class StudyOrder(Document):
    """A study whose every name is resolved."""

    schema_version: SchemaVersion = 1
    study_id: Name
    study: Study
    """With the base run in place."""
    study_digest: Digest
    """Over the study's document."""
    versions: dict[str, Digest]
    """Manifest digest of every `name@version` in any of its runs."""
    label_maps: dict[Name, LabelMap]
    """Those that runs name."""
    store: Annotated[str, Field(min_length=1)]
    """fsspec URL or path of the content-addressed store."""
    workspace: Annotated[str, Field(min_length=1)]
    """Folder for table, report and result; what lies there is resumed."""
    runs: Annotated[str, Field(min_length=1)]
    """Folder of the runs' own folders, which several studies share."""
    cache: Annotated[str, Field(min_length=1)]
    """Folder for decoded images."""
    parallel: Annotated[int, Field(ge=1, le=256)] | None = None
    """Runs at a time; none: as many as cores and memory allow."""


class MeasuredSetting(Document):
    """What runs of one network, image size and batch size take, by a short run of it."""

    setting: str
    """Such as `unet resnet18 128x128, batches of 16`."""
    seconds_per_step: float
    seconds_once: float
    """Starting, reading, scoring and reporting, whatever the steps."""
    seconds_per_evaluation: float
    memory_bytes: int
    """Largest, of the process."""
    gpu_memory_bytes: int = 0
    """Largest, of the GPU; 0 where none was used."""


class StudyEstimate(Document):
    """What a study says before its first run."""

    cells: int
    runs_at_least: int
    """Runs that it makes whatever they show, preparatory ones among them."""
    runs_at_most: int
    runs_done_before: int
    """Of those at least, runs whose result is there already."""
    seconds_at_least: float
    """Wall clock, of the runs that are still to be made."""
    seconds_at_most: float
    parallel: int
    """Runs at a time."""
    threads: int
    """Of each."""
    measured: tuple[MeasuredSetting, ...]
    not_run: dict[str, str] = {}
    """Settings that this machine can't run, with the reason."""

    def said(self) -> str:
        """How many runs and how long, in a sentence."""
        runs = f"{self.runs_at_least}"
        time = duration(self.seconds_at_least)
        if self.runs_at_most > self.runs_at_least:
            runs += f" to {self.runs_at_most}"
            time += f" to {duration(self.seconds_at_most)}"
        before = f" ({self.runs_done_before} have their result already)" if self.runs_done_before else ""
        missing = "".join(f"; not run: {setting}: {reason}" for setting, reason in self.not_run.items())
        return f"{self.cells} cells, {runs} runs{before}, about {time}, {self.parallel} at a time{missing}"


class CellResult(Document):
    """What a cell came to."""

    cell: dict[Name, str]
    """Value of every axis, as shown."""
    repeats: int
    """Runs with a result."""
    mean: float | None = None
    """Of the metric."""
    low: float | None = None
    high: float | None = None
    """Interval of the mean at the study's confidence; none of fewer than two runs."""
    reason: str | None = None
    """Why it has fewer runs than it should."""


class StudyResult(Document):
    """What a study came to; every run stands in its table."""

    schema_version: SchemaVersion = 1
    study_id: Name
    study: Name
    study_digest: Digest
    metric: str
    succeeded: int
    failed: int
    not_run: int
    trained: int
    """Runs that this study trained; the results of the others were there before."""
    cells: tuple[CellResult, ...]
    files: dict[str, str]
    """Table and report, relative to the workspace."""
    seconds: float
    """Of all attempts together."""


def duration(seconds: float) -> str:
    """A time for people, such as `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours / 24:.1f} days"
