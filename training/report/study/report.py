"""The report of a study: a page that stands alone, Markdown, CSV and Parquet, from its table and its questions."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from contracts.ids import canonical_json, digest_of
from contracts.process import write_atomically
from contracts.study import Repeats, StudyReport
from contracts.study_table import StudyTable
from training.report.pages import count, duration, svg, write_page
from training.report.study import figures
from training.report.study.answer import Answer, answer
from training.report.study.columns import as_csv, as_parquet
from training.report.study.findings import Findings, find
from training.report.study.layout import Table
from training.report.study.markdown import FIGURES_FOLDER, as_markdown
from training.report.study.sections import sections
from training.report.study.tables import all_tables
from training.report.study.wording import metric_title

PAGE_FILE = "report.html"
MARKDOWN_FILE = "report.md"
TABLES_FOLDER = "tables"


@dataclass(frozen=True)
class WrittenReport:
    """What a report consists of."""

    page: Path
    markdown: Path
    figures: tuple[Path, ...]
    tables: tuple[Path, ...]
    answer: Answer


def write_study_report(table: StudyTable, questions: StudyReport, repeats: Repeats, folder: Path) -> WrittenReport:
    """Answer a study's questions.

    `report.html` loads nothing; `report.md` shows the figures of `figures/`; `tables/` has each table as CSV and as
    Parquet. What an earlier report left in these two folders is gone, once all of the new one is written.

    Args:
        table: The results so far; a study that is not finished has a report too.
        questions: Metric, comparisons and figures.
        repeats: How the study repeats.
        folder: Where to write; made where it is not there.

    Raises:
        ConfigurationError: No run has the metric, though runs have scores; or there is no such figure or axis.
    """
    figures.check_names(questions.figures)
    findings = find(table, questions, repeats)
    metric = metric_title(questions.metric)
    found = answer(findings)
    groups = figures.draw(findings, metric.removesuffix(" on the test images"), questions.figures)
    parts = sections(findings, repeats, groups, questions.figures)
    about = _about(table)
    folder.mkdir(parents=True, exist_ok=True)
    plots = {f"{plot.name}.svg": plot.svg.encode() for group in groups for plot in group.plots}
    written = _replace_folder(folder / FIGURES_FOLDER, plots)
    files: dict[str, bytes] = {}
    said = {"study": table.study, "study_digest": table.study_digest, "metric": questions.metric}
    for name, rows in all_tables(findings).items():
        files[f"{name}.csv"] = as_csv(rows)
        files[f"{name}.parquet"] = as_parquet(rows, said)
    tables = _replace_folder(folder / TABLES_FOLDER, files)
    text = as_markdown(table.study, table.question, found, metric, table.notes, parts, about)
    write_atomically(folder / MARKDOWN_FILE, text.encode())
    write_page(
        folder / PAGE_FILE,
        "study/study.html.j2",
        title=table.study,
        question=table.question,
        answer=found,
        notes=table.notes,
        figures=_key_figures(findings),
        metric=metric,
        sections=parts,
        about=about,
        svg=svg,
    )
    return WrittenReport(folder / PAGE_FILE, folder / MARKDOWN_FILE, written, tables, found)


def _key_figures(findings: Findings) -> list[tuple[str, str]]:
    table = findings.cells.table
    succeeded = len(table.runs) - len(findings.cells.without_score)
    counts = [len(cell.values) for cell in findings.cells.scored]
    seconds = [run.seconds for run in table.runs if run.seconds is not None]
    repeats = "–" if not counts else str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    return [
        ("Runs with a result", f"{count(succeeded)} of {count(len(table.runs))}"),
        ("Cells", f"{count(len(counts))} of {count(len(findings.cells.ordered))}"),
        ("Repeats of a cell", repeats),
        *([("Time of all runs", duration(sum(seconds)))] if seconds else []),
    ]


def _about(table: StudyTable) -> Table:
    versions = sorted({(name, digest) for run in table.runs for name, digest in run.datasets.items()})
    digests = sorted(run.run_digest for run in table.runs if run.run_digest)
    rows = [
        ("study", f"{table.study} {table.study_digest}"),
        *((f"dataset {name}", digest) for name, digest in versions),
        (
            "all runs with a result",
            f"{len(digests)} runs, digest of their digests {digest_of(canonical_json(digests))}",
        ),
        ("each run", f"id, digest, seed and datasets of every run are in {TABLES_FOLDER}/runs.csv"),
    ]
    return Table(("what", "which"), tuple(rows), 2)


def _replace_folder(folder: Path, files: dict[str, bytes]) -> tuple[Path, ...]:
    """Fill a folder in another's place, so that no reader sees half of it for longer than two renames."""
    fresh = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    fresh.mkdir()
    try:
        for name, data in files.items():
            (fresh / name).write_bytes(data)
        if folder.exists():
            old = fresh.with_suffix(".old")
            folder.rename(old)
            fresh.rename(folder)
            shutil.rmtree(old)
        else:
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return tuple(folder / name for name in files)
