"""The results and findings of a study as flat rows, for CSV, Parquet and pages."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.study_table import TableAxis
from training.report.study.cells import Cells, Key, amount_of
from training.report.study.columns import Rows, Value
from training.report.study.differences import GAINS
from training.report.study.findings import Findings
from training.statistics.resampling import Amount

Row = dict[str, Value]


def all_tables(findings: Findings) -> dict[str, Rows]:
    """Every table that has a row, by the name of its file."""
    tables = {
        "runs": runs(findings),
        "scores": scores(findings),
        "cells": cells(findings),
        "comparisons": comparisons(findings),
        "exchange_rates": exchange_rates(findings),
        "break_points": break_points(findings),
        "stopping": stopping(findings),
        "parts": parts(findings),
        "training_curves": training_curves(findings),
    }
    return {name: rows for name, rows in tables.items() if rows}


def runs(findings: Findings) -> list[Row]:
    """One row a run, also of those without a result."""
    table = findings.cells.table
    return [
        _row(
            _values(findings.cells, findings.cells.key_of(run.cell)),
            {
                **_numbers(table.axes, tuple(run.cell[axis.name] for axis in table.axes)),
                "repeat": run.repeat,
                "seed": run.seed,
                "state": run.state,
                "reason": run.reason,
                "score": run.scores.get(findings.cells.metric),
                "metric": findings.cells.metric,
                "seconds": run.seconds,
                "run": run.run,
                "run_digest": run.run_digest,
                "datasets": " ".join(f"{name}={digest}" for name, digest in sorted(run.datasets.items())) or None,
            },
        )
        for run in table.runs
    ]


def scores(findings: Findings) -> list[Row]:
    """One row a run and score, so by class too."""
    table = findings.cells.table
    return [
        _row(
            _values(findings.cells, findings.cells.key_of(run.cell)),
            {
                "repeat": run.repeat,
                "metric": metric,
                "score": value,
            },
        )
        for run in table.runs
        for metric, value in sorted(run.scores.items())
    ]


def cells(findings: Findings) -> list[Row]:
    """One row a cell."""
    rows: list[Row] = []
    for cell in findings.cells.ordered:
        found = findings.means.get(cell.key)
        interval = found.interval if found else None
        rows.append(
            _row(
                _values(findings.cells, cell.key),
                {
                    **_numbers(findings.cells.axes, cell.key),
                    "repeats": len(cell.values),
                    "failed": sum(run.state == "failed" for run in cell.runs),
                    "not_run": sum(run.state == "not_run" for run in cell.runs),
                    "mean": found.mean if found else None,
                    "standard_deviation": found.deviation if found else None,
                    "low": interval.low if interval else None,
                    "high": interval.high if interval else None,
                    "lowest": min(found.values) if found else None,
                    "highest": max(found.values) if found else None,
                    "seconds": found.seconds if found else None,
                },
            )
        )
    return rows


def comparisons(findings: Findings) -> list[Row]:
    """One row a tested difference."""
    rows: list[Row] = []
    for each in findings.differences:
        comparison = findings.comparisons[each.comparison]
        powers = each.power or (None,) * len(GAINS)
        rows.append(
            _row(
                _values(findings.cells, each.key),
                {
                    "comparison": each.comparison + 1,
                    "each": comparison.each,
                    "against": findings.cells.value(each.against, findings.cells.table.axis(comparison.each)),
                    "repeats": each.counts[0],
                    "repeats_against": each.counts[1],
                    "difference": each.difference,
                    "percent": each.percent,
                    "low": each.low,
                    "high": each.high,
                    "test": comparison.test,
                    "alternative": comparison.alternative,
                    "p": each.p_value,
                    "correction": comparison.correction,
                    "p_corrected": each.p_corrected,
                    "is_shown": each.is_shown,
                    "p_welch": each.p_welch,
                    "p_paired": each.p_paired,
                    "detectable_difference": each.detectable,
                    "detectable_difference_corrected": each.detectable_corrected,
                    **{f"power_{gain:g}": power for gain, power in zip(GAINS, powers, strict=True)},
                },
            )
        )
    return rows


def exchange_rates(findings: Findings) -> list[Row]:
    """One row a mix."""
    return [
        _row(
            _values(findings.cells, worth.key),
            {
                "real_images": worth.real,
                "synthetic_images": worth.synthetic,
                "mean": worth.mean,
                **_amount("equivalent", worth.rate.equivalent),
                **_amount("low", worth.rate.low),
                **_amount("high", worth.rate.high),
                "replaced": worth.rate.equivalent.value - worth.real,
            },
        )
        for worth in findings.worths
    ]


def break_points(findings: Findings) -> list[Row]:
    """One row a number of real images."""
    real = findings.cells.by_role("real_images")
    return [
        _row(
            each.panel,
            {
                "real_images": amount_of(real, each.row) if real is not None else None,
                "amounts": each.amounts,
                **_amount("break_point", each.found.amount),
                **_amount("low", each.found.low),
                **_amount("high", each.found.high),
                "is_unknown": each.is_unknown,
            },
        )
        for each in findings.breaks
    ]


def stopping(findings: Findings) -> list[Row]:
    """One row a cell that was repeated until its interval was narrow."""
    found = findings.stopping
    if found is None:
        return []
    return [
        _row(
            _values(findings.cells, each.key),
            {
                "repeats": each.repeats,
                "low": each.plain.low if each.plain else None,
                "high": each.plain.high if each.plain else None,
                "is_narrow": each.is_plain_met,
                "corrected_low": each.corrected.low if each.corrected else None,
                "corrected_high": each.corrected.high if each.corrected else None,
                "corrected_is_narrow": each.is_corrected_met,
                "coverage": each.coverage.coverage if each.coverage else None,
            },
        )
        for each in found.cells
    ]


def parts(findings: Findings) -> list[Row]:
    """One row a run and group or slice of the test set."""
    table = findings.cells.table
    return [
        _row(
            _values(findings.cells, findings.cells.key_of(run.cell)),
            {
                "repeat": run.repeat,
                "of": part.of,
                "part": part.part,
                "images": part.images,
                "mean_dataset_iou": part.mean_dataset_iou,
                "mean_image_iou": part.mean_image_iou,
                "difference": part.difference,
            },
        )
        for run in table.runs
        for part in run.parts
    ]


def training_curves(findings: Findings) -> list[Row]:
    """One row an evaluation of a run on its validation images."""
    return [
        _row(
            _values(findings.cells, findings.cells.key_of(run.cell)),
            {"repeat": run.repeat, "step": point.step, "mean_dataset_iou": point.mean_dataset_iou},
        )
        for run in findings.cells.table.runs
        for point in run.validation_curve
    ]


def _row(values: Mapping[str, Value], rest: Row) -> Row:
    """Values of axes, then the rest; an axis that is called like a column is called `axis_` and its name."""
    return {**{f"axis_{name}" if name in rest else name: value for name, value in values.items()}, **rest}


def _values(cells: Cells, key: Key) -> dict[str, str]:
    return {axis.name: value for axis, value in zip(cells.axes, key, strict=True)}


def _numbers(axes: tuple[TableAxis, ...], key: Key) -> Row:
    """The numbers that values stand for, where an axis has any."""
    return {
        f"{axis.name}_amount": axis.amounts[axis.values.index(value)]
        for axis, value in zip(axes, key, strict=True)
        if axis.amounts
    }


def _amount(name: str, amount: Amount | None) -> Row:
    """A number, and whether it is one, or the bound that it lies below or above."""
    return {name: float(amount.value) if amount else None, f"{name}_is": amount.where if amount else None}
