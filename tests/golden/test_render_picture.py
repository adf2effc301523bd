"""The picture of one small street against stored statistics, and what must not change or grow over many frames."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import psutil
import pytest

from contracts.ids import digest_of
from tests.player_frames import street_frame
from tests.player_rendering import picture, renderer

REGIONS = {
    "sky": (slice(2, 40), slice(4, 92)),
    "box": (slice(50, 56), slice(34, 42)),
    "ball": (slice(52, 58), slice(56, 62)),
    "ground in the sun": (slice(70, 94), slice(4, 92)),
    "ground before the pane": (slice(60, 64), slice(57, 68)),
}
# Mean and standard deviation of red, green and blue, from 4096 samples a pixel with the LLVM variant.
GOLDEN: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "sky": ((109.0, 131.0, 164.0), (0.0, 0.0, 0.0)),
    "box": ((192.7, 96.4, 88.6), (26.1, 76.5, 72.7)),
    "ball": ((84.7, 119.6, 100.2), (38.4, 33.5, 36.2)),
    "ground in the sun": ((156.9, 149.4, 137.4), (36.6, 39.0, 43.2)),
    "ground before the pane": ((140.3, 152.7, 128.2), (39.9, 41.1, 41.9)),
}


@pytest.mark.parametrize("denoise", [False, True], ids=["raw", "denoised"])
def test_regions_of_the_picture_have_their_stored_mean_and_spread(denoise: bool, tmp_path: Path) -> None:
    image, _ = picture(street_frame(size=(96, 96), samples=64, denoise=denoise), tmp_path)
    for name, (rows, columns) in REGIONS.items():
        pixels = image[rows, columns].reshape(-1, 3).astype(float)
        mean, deviation = GOLDEN[name]
        assert pixels.mean(axis=0) == pytest.approx(mean, abs=3.0), name
        assert pixels.std(axis=0) == pytest.approx(deviation, rel=0.2, abs=3.0), name


def test_a_picture_does_not_depend_on_the_frames_before_it(tmp_path: Path) -> None:
    scene = street_frame(size=(48, 48), samples=4, denoise=True)
    first, masks = picture(scene, tmp_path)
    for other in (street_frame(size=(32, 16), pane=False), street_frame(size=(64, 64), samples=2, seed=9)):
        picture(other, tmp_path)
    second, masks_again = picture(scene, tmp_path)
    assert np.array_equal(first, second)
    assert np.array_equal(masks.labels, masks_again.labels)
    assert masks.listed == masks_again.listed


def test_denoising_brings_a_noisy_picture_nearer_to_the_clean_one(tmp_path: Path) -> None:
    clean = picture(street_frame(size=(64, 64), samples=512), tmp_path)[0].astype(float)

    def error(denoise: bool) -> float:
        image = picture(street_frame(size=(64, 64), samples=4, denoise=denoise), tmp_path)[0]
        return float(((image - clean) ** 2).mean())

    assert error(denoise=True) < 0.5 * error(denoise=False)


@pytest.mark.slow
def test_memory_does_not_grow_over_many_frames(tmp_path: Path) -> None:
    frames = [street_frame(size=(32, 32), seed=seed, pane=seed % 8 != 0) for seed in range(20)]
    for item in frames:
        item.write_assets(tmp_path / "assets")
    (tmp_path / "out").mkdir()

    def render_all(rounds: int) -> int:
        for _ in range(rounds):
            for item in frames:
                renderer().render(item.spec, digest_of(b"spec"), tmp_path / "assets", tmp_path / "out")
        gc.collect()
        return int(psutil.Process().memory_info().rss)

    start = render_all(2)
    assert render_all(10) - start < 24 << 20  # 200 frames, so less than 128 KiB a frame
