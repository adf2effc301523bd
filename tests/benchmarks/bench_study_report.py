"""Reporting a study of 500 runs, and how often its tests and intervals err on 1000 simulated tables.

python -m tests.benchmarks.bench_study_report
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from contracts.study import Comparison, Repeats, StudyReport, UntilConfident  # noqa: E402
from tests.study_simulations import BMW_RULE, exchange_coverage, levels, stopped  # noqa: E402
from tests.study_tables import METRIC, amounts_axis, learned, simulated  # noqa: E402
from training.report.study.report import write_study_report  # noqa: E402

REAL = (0, 16, 32, 64, 128, 256, 512, 1024)
SYNTHETIC = (0, 16, 32, 64, 128, 256, 512, 1024, 2048)
REPEATS = 7
SPREAD = 0.05
"""Standard deviation over the mean at which the rule of [BMW] covers least."""


def measure() -> list[dict[str, object]]:
    """The benchmark's figures."""
    runs, seconds, size = _report()
    corrected = dataclasses.replace(BMW_RULE, corrected=True)
    plain_stop, corrected_stop = stopped(BMW_RULE, SPREAD), stopped(corrected, SPREAD)
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
    for row in measure():
        print(f"{row['name']:<66} {row['value']:>10.4g} {row['unit']}")
