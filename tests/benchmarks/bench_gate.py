"""False alarms of the gate on good frames: half of them `exterior` at 96x96, half `belt-g3` at 128x96.

Run alone: `python tests/benchmarks/bench_gate.py 500`.

The embedded player renders every frame rightly, so that whatever a check of the renderer rejects is a false alarm.
Labels that are not seen and pixels without label are the generator's doing, and are listed apart.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from contracts.generator import load_generator  # noqa: E402
from contracts.shard import BridgeSettings, ShardReport  # noqa: E402
from tests.players.orders import write_order  # noqa: E402

SUBJECTS = (("exterior", (96, 96)), ("belt-g3", (128, 96)))
OF_THE_DRAW = {"labels_present", "pixels_labelled", "composition"}
FRAMES = 20


def measure(frames: int = FRAMES) -> list[dict[str, object]]:
    """Rows of figures over `frames` frames, half of each generator."""
    alarms: Counter[str] = Counter()
    draws: Counter[str] = Counter()
    not_judged: Counter[str] = Counter()
    accepted = 0
    for name, size in SUBJECTS:
        report = _render(name, size, frames // len(SUBJECTS))
        accepted += report.frames
        for check, count in report.transient_failures.items():
            alarms[check] += count
        for check, count in report.rejections.items():
            (draws if check in OF_THE_DRAW else alarms)[check] += count
        not_judged.update(report.not_judged)
    rows = [
        {"name": "gate: good frames", "value": accepted, "unit": "frames", "better": "higher"},
        {"name": "gate: false alarms", "value": alarms.total(), "unit": "frames", "better": "lower"},
        {"name": "gate: draws rejected for their content", "value": draws.total(), "unit": "frames", "better": "lower"},
    ]
    rows += [
        {"name": f"gate: not judged by {check}", "value": count, "unit": "frames", "better": "lower"}
        for check, count in sorted(not_judged.items())
    ]
    rows += [
        {"name": f"gate: false alarms of {check}", "value": count, "unit": "frames", "better": "lower"}
        for check, count in sorted(alarms.items())
    ]
    return rows


def _render(name: str, size: tuple[int, int], frames: int) -> ShardReport:
    with tempfile.TemporaryDirectory(prefix="bench-gate-") as folder:
        root = Path(folder)
        generator = load_generator(
            name, ROOT / "generator_configs", size=size, overrides={"render.samples_per_pixel": 4}
        )
        path = write_order(root, generator, frames, bridge=BridgeSettings(base_port=26005))
        done = subprocess.run([sys.executable, "-m", "unity_bridge.worker", str(path)], cwd=ROOT, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"rendering '{name}' failed")
        return ShardReport.model_validate_json((root / "workspace" / "result.json").read_bytes())


if __name__ == "__main__":
    for row in measure(int(sys.argv[1]) if len(sys.argv) > 1 else FRAMES):
        print(json.dumps(row))
