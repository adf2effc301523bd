"""A transfer study as JSON, as Markdown, and as a picture of its curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot

from tests.benchmarks.transfer.cells import Cell, Profile
from tests.benchmarks.transfer.findings import CellSummary, Finding, Flatness, compare, flatness, summarize

FLAT = 0.01
"""Mean IoU that the last quarter of the steps may still gain over the one before, for a curve to be called flat."""
SIGNIFICANT = 0.05


def as_json(findings: Sequence[Finding], profile: Profile, about: dict[str, Any]) -> dict[str, Any]:
    """All runs and what they say, as JSON types.

    Args:
        findings: The finished runs.
        profile: What was done.
        about: Versions, failures and whatever else a reader needs.
    """
    return {
        "schema_version": 1,
        "profile": asdict(profile) | {"scored": profile.scored},
        **about,
        "cells": [asdict(summary) for summary in summarize(findings)],
        "comparisons": [asdict(comparison) for comparison in compare(findings)],
        "flatness": [asdict(each) | {"last_gain": each.last_gain} for each in flatness(findings)],
        "runs": [
            {
                **asdict(finding.cell),
                "repeat": finding.repeat,
                "run": finding.run,
                "result": finding.result.model_dump(mode="json"),
            }
            for finding in findings
        ],
    }


def markdown(findings: Sequence[Finding], profile: Profile, title: str, failures: dict[str, str]) -> str:
    """The tables.

    Args:
        findings: The finished runs.
        profile: What was done.
        title: Which images, in a line.
        failures: What became of the other runs.
    """
    summaries = {summary.cell: summary for summary in summarize(findings)}
    parts = [f"# Transfer, {profile.name}: {title}", "", _protocol(profile, findings), "", _scores(summaries, profile)]
    parts += ["", "## With synthetic images against without", "", _comparisons(findings)]
    parts += ["", "## By class, mean over the repeats", "", _classes(list(summaries.values()))]
    parts += ["", "## Whether the curves are flat", "", _flatness(flatness(findings))]
    if failures:
        parts += ["", "## Runs without a result", "", *(f"- {run}: {reason}" for run, reason in failures.items())]
    return "\n".join(parts) + "\n"


def draw_curves(findings: Sequence[Finding], path: Path) -> None:
    """Validation curves of every cell, a panel for each number of photographs, as a PNG."""
    rows = list(dict.fromkeys(finding.cell.photographs for finding in findings))
    figure, axes = pyplot.subplots(1, len(rows), figsize=(4.6 * len(rows), 3.6), squeeze=False, sharey=True)
    columns = sorted({finding.cell.synthetic for finding in findings})
    colors = {column: f"C{number}" for number, column in enumerate(columns)}
    for axis, row in zip(axes[0], rows, strict=True):
        named = set()
        for finding in findings:
            if finding.cell.photographs != row:
                continue
            column = finding.cell.synthetic
            label = None if column in named else f"{column} synthetic"
            named.add(column)
            points = finding.result.curve
            steps, scores = [p.step for p in points], [p.validation_mean_iou for p in points]
            axis.plot(steps, scores, color=colors[column], linewidth=1.2, label=label)
        axis.set_title(f"{row} photographs")
        axis.set_xlabel("optimizer steps")
        axis.grid(alpha=0.3)
        axis.legend(loc="upper left")
    axes[0][0].set_ylabel("mean IoU, validation photographs")
    axes[0][0].set_ylim(bottom=0)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _protocol(profile: Profile, findings: Sequence[Finding]) -> str:
    if not findings:
        return "No run has a result."
    result = findings[0].result
    return (
        f"U-Net, ResNet-18 encoder, random initialisation, 128x128, {profile.steps} steps of 8 images,"
        f" {profile.precision}; checkpoints"
        f" chosen on {result.validation_images} photographs set apart from `train`; scored on the {result.test.images}"
        f" photographs of `{profile.scored}`. Figures are means over classes of dataset IoU."
    )


def _scores(summaries: dict[Cell, CellSummary], profile: Profile) -> str:
    rows = []
    for photographs in profile.photographs:
        row = [str(photographs)]
        for synthetic in profile.synthetic:
            summary = summaries.get(Cell(photographs, synthetic))
            row.append("–" if summary is None else _with_deviation(summary))
        rows.append(row)
    return _table(["photographs", *(f"{column} synthetic" for column in profile.synthetic)], rows)


def _with_deviation(summary: CellSummary) -> str:
    deviation = "" if summary.standard_deviation is None else f" ± {summary.standard_deviation:.3f}"
    return f"{summary.mean:.3f}{deviation} ({summary.repeats})"


def _comparisons(findings: Sequence[Finding]) -> str:
    rows = []
    for each in compare(findings):
        verdict = "not tested" if each.p_value is None else ("yes" if each.p_value < SIGNIFICANT else "no")
        p_value = "–" if each.p_value is None else f"{each.p_value:.4f}"
        rows.append([str(each.photographs), str(each.synthetic), f"{each.difference:+.3f}", p_value, verdict])
    if not rows:
        return "No two cells to compare."
    return _table(["photographs", "synthetic", "gain", "p, one-sided Welch", f"p < {SIGNIFICANT}"], rows)


def _classes(summaries: Sequence[CellSummary]) -> str:
    names = list(summaries[0].class_iou) if summaries else []
    rows = [
        [
            str(summary.cell.photographs),
            str(summary.cell.synthetic),
            *(_figure(summary.class_iou[name]) for name in names),
        ]
        for summary in summaries
    ]
    return _table(["photographs", "synthetic", *names], rows)


def _flatness(found: Sequence[Flatness]) -> str:
    rows = []
    for each in found:
        gain = each.last_gain
        verdict = "–" if gain is None else ("yes" if gain <= FLAT else "no")
        quarters = [_figure(value) for value in each.quarters]
        rows.append(
            [
                str(each.cell.photographs),
                str(each.cell.synthetic),
                *quarters,
                "–" if gain is None else f"{gain:+.3f}",
                verdict,
            ]
        )
    header = ["photographs", "synthetic", "1st quarter", "2nd", "3rd", "4th", "last gain", f"flat (gain ≤ {FLAT})"]
    return "Mean IoU on the validation photographs over each quarter of the steps.\n\n" + _table(header, rows)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
