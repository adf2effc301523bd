"""Speed of the embedded player's renderer, called directly: what a frame costs before service and bridge add theirs.

Run alone: `python -m tests.benchmarks.bench_player`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from contracts.ids import digest_of
from tests.player_frames import Frame, street_frame
from tests.player_rendering import renderer

SIZES = {
    "64x64 at 1 sample": (64, 1, False),
    "256x256 at 16 samples": (256, 16, False),
    "256x256 at 16 samples, denoised": (256, 16, True),
}
FRAMES = 20


def _seconds(frames: list[Frame], folder: Path) -> list[float]:
    """Seconds of each frame, files written to fresh folders as in a batch."""
    taken = []
    for number, frame in enumerate(frames):
        out = folder / f"{number}"
        out.mkdir()
        text = frame.text.encode()
        start = time.perf_counter()
        renderer().render(frame.spec, digest_of(text), folder / "assets", out)
        taken.append(time.perf_counter() - start)
    return taken


def measure() -> list[dict[str, Any]]:
    """Milliseconds a frame, median of 20 after 3 that compile kernels and fill caches."""
    rows = []
    for name, (side, samples, denoise) in SIZES.items():
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            frames = [street_frame((side, side), samples, denoise, seed) for seed in range(FRAMES + 3)]
            for frame in frames:
                frame.write_assets(folder / "assets")
            taken = _seconds(frames, folder)[3:]
        rows.append(
            {
                "name": f"player: frame of {name}",
                "value": 1000 * statistics.median(taken),
                "unit": "ms",
                "better": "lower",
            }
        )
    return rows


if __name__ == "__main__":
    for row in measure():
        print(f"{row['name']:50s} {row['value']:10.2f} {row['unit']}")
