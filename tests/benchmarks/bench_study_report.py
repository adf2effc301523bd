"""Reporting a study of 500 runs, and how often its tests and intervals err on 1000 simulated tables.

python -m tests.benchmarks.bench_study_report          # the benchmark's figures
python -m tests.benchmarks.bench_study_report --all    # those that docs/study-reports.md gives beside them, too
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from contracts.study import Comparison, Repeats, StudyReport, UntilConfident  # noqa: E402
from tests.study_simulations import BMW_RULE, break_coverage, exchange_coverage, levels, stopped  # noqa: E402
from tests.study_tables import METRIC, amounts_axis, learned, simulated  # noqa: E402
from training.report.study.report import write_study_report  # noqa: E402
from training.statistics.stopping import worst_coverage  # noqa: E402

REAL = (0, 16, 32, 64, 128, 256, 512, 1024)
SYNTHETIC = (0, 16, 32, 64, 128, 256, 512, 1024, 2048)
REPEATS = 7
SPREAD = 0.05
"""Standard deviation over the mean at which the rule of [BMW] covers least."""
SPREADS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08)
CORRECTED_RULE = dataclasses.replace(BMW_RULE, corrected=True)


def measure() -> list[dict[str, object]]:
    """The benchmark's figures."""
    runs, seconds, size = _report()
    plain_stop, corrected_stop = stopped(BMW_RULE, SPREAD), stopped(CORRECTED_RULE, SPREAD)
    found = levels()
    return [
        _row(f"report of a study of {runs} runs", seconds, "s", "lower"),
        _row(f"page of a study of {runs} runs", size, "bytes", "lower"),
        _row("Welch's test where nothing differs: refused at 5 %", 100 * found["welch"], "%", "lower"),
        _row("paired test where nothing differs: refused at 5 %", 100 * found["paired"], "%", "lower"),
        _row("tables of 6 tests with any refused after Holm", 100 * found["holm"], "%", "lower"),
        _row("coverage of adaptive repeats, rule of [BMW]", 100 * plain_stop["coverage"], "%", "higher"),
        _row("coverage of adaptive repeats, corrected rule", 100 * corrected_stop["coverage"], "%", "higher"),
        _row("repeats of a cell, rule of [BMW]", plain_stop["repeats"], "runs", "lower"),
        _row("repeats of a cell, corrected rule", corrected_stop["repeats"], "runs", "lower"),
        _row("Welch's test between adaptive cells: refused at 5 %", 100 * plain_stop["level"], "%", "lower"),
        _row("coverage of the exchange rate's 95 % interval", 100 * exchange_coverage(), "%", "higher"),
    ]


def further() -> Iterator[dict[str, object]]:
    """What the documentation gives beside: every spread, fewer repeats, break-points."""
    yield _row("tables of 6 tests with any refused, uncorrected", 100 * levels()["uncorrected"], "%", "lower")
    for rule, name in ((BMW_RULE, "rule of [BMW]"), (CORRECTED_RULE, "corrected rule")):
        for spread in SPREADS:
            found = stopped(rule, spread)
            where = f"{name}, deviation {spread:g} of the mean"
            yield _row(f"coverage, {where}", 100 * found["coverage"], "%", "higher")
            yield _row(f"repeats, {where}", found["repeats"], "runs", "lower")
            yield _row(f"Welch's test refuses at 5 %, {where}", 100 * found["level"], "%", "lower")
        yield _row(f"coverage at worst, {name}", 100 * worst_coverage(rule), "%", "higher")
    for repeats in (5, 3, 2):
        held = exchange_coverage(500, repeats)
        yield _row(f"coverage of the exchange rate, {repeats} repeats", 100 * held, "%", "higher")
    for tables, repeats in ((300, 7), (200, 3)):
        breaks = break_coverage(tables, repeats)
        yield _row(f"coverage of the break-point, {repeats} repeats", 100 * breaks["coverage"], "%", "higher")
        yield _row(f"breaks told where none is, {repeats} repeats", 100 * breaks["wrong breaks"], "%", "lower")


def _report() -> tuple[int, float, int]:
    """Runs, seconds and bytes of the page."""

    def without(cell: dict[str, str], repeat: int) -> tuple[str, str] | None:
        return ("not_run", "no images to learn from") if cell == {"real": "0", "synthetic": "0"} else None

    table = simulated(
        [amounts_axis("real", REAL), amounts_axis("synthetic", SYNTHETIC)],
        lambda cell, numbers: learned(numbers["real"] or 0, numbers["synthetic"] or 0),
        REPEATS,
        without=without,
        parts=True,
    )
    gain = Comparison(each="synthetic", against={"synthetic": 0}, test="welch", alternative="greater")
    repeats = Repeats(until=UntilConfident(), at_least=REPEATS, at_most=30)
    with tempfile.TemporaryDirectory(prefix="bench-study-report-") as folder:
        started = time.perf_counter()
        report = write_study_report(table, StudyReport(metric=METRIC, compare=gain), repeats, Path(folder))
        seconds = time.perf_counter() - started
        return len(table.runs), seconds, report.page.stat().st_size


def _row(name: str, value: float, unit: str, better: str) -> dict[str, object]:
    return {"name": f"study: {name}", "value": value, "unit": unit, "better": better}


if __name__ == "__main__":
    for row in chain(measure(), further() if "--all" in sys.argv[1:] else ()):
        print(f"{row['name']:<88} {row['value']:>10.4g} {row['unit']}", flush=True)
