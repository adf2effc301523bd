"""What a study costs before its first run: from the document to every run with its digest and whether it has a result.

python -m tests.benchmarks.bench_study
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from contracts.study_cells import expand
from registry.catalog import Catalog
from server.settings import load_settings
from server.study_planning import plan_study
from tests.unit.study.study_samples import BASE, study, study_order
from tests.unit.training.training_samples import publish
from training.study.checks import DataOfStudy
from training.study.runs import make_task

ROUNDS = 5
AMOUNTS = list(range(1, 6))
RATES = [1e-4 * (step + 1) for step in range(20)]
REPEATS = 10
"""5 amounts x 20 learning rates x 10 repeats: 1000 runs."""


def measure() -> list[dict[str, Any]]:
    """The benchmark's figures."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = _seconds(Path(folder))
    return [
        {"name": "1000-run study planned", "value": statistics.median(seconds), "unit": "s", "better": "lower"},
    ]


def _seconds(folder: Path) -> list[float]:
    versions = publish(folder, "shapes", {"train": 400, "test": 100}, size_px=(24, 24))
    changes: dict[str, Any] = {
        "base": {**BASE, "label_map": {"square": ["square"], "disc": ["disc"]}},
        "axes": {
            "real": {"path": "data.train.0.take", "values": AMOUNTS, "role": "real_images"},
            "rate": {"path": "optimizer.encoder_lr", "values": RATES},
        },
        "repeats": {"at_most": REPEATS},
    }
    order = study_order(versions, folder, **changes)
    settings = load_settings(folder / "home", allow_paths=True)
    found = []
    with Catalog(f"sqlite:///{folder / 'catalog.db'}") as catalog:
        for _ in range(ROUNDS):
            started = time.perf_counter()
            plan_study(settings, catalog, study(**changes))
            cells = expand(order.study)
            DataOfStudy(order, cells)
            tasks = [make_task(cell.run(repeat), order, {}) for repeat in range(REPEATS) for cell in cells]
            waiting = [task for task in tasks if task.result() is None]
            found.append(time.perf_counter() - started)
            if len({task.digest for task in waiting}) != 1000:
                raise AssertionError("the study has 1000 different runs")
    return found


if __name__ == "__main__":
    for row in measure():
        print(f"{row['value']:10.3f} {row['unit']:<6} {row['name']}")
