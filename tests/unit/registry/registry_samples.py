"""Small staged batches with real PNG files, for the tests and benchmarks of the registry."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from contracts.frame import FrameRecord
from contracts.generator import Generator
from contracts.ids import canonical_json, digest_of

GENERATOR = Generator.model_validate(
    {
        "schema_version": 1,
        "name": "sample",
        "scenario": "exterior",
        "camera": {"size": [32, 24]},
        "randomizers": {"light": {"kind": "Light", "exposure_ev": {"uniform": [-1, 1]}}},
        "labels": {"front_door": {}, "mirror": {}},
    }
)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def frame_files(seed: int, index: int, size: tuple[int, int] = (32, 24)) -> dict[str, bytes]:
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, index])))
    shape = (size[1], size[0])
    mask = np.zeros(shape, np.uint8)
    mask[2:9, 3 : 8 + index % 5] = 1
    mask[12:16, 10:20] = 2
    instances = (mask > 0).astype(np.uint16) * (mask.astype(np.uint16) + 300)
    depth = random.integers(1000, 9000, shape, dtype=np.uint16)
    return {
        "image": png(random.integers(0, 256, (*shape, 3), dtype=np.uint8)),
        "mask": png(mask),
        "instances": png(instances),
        "depth": png(depth),
    }


def frame_record(seed: int, index: int, files: dict[str, bytes], *, redrawn: bool = False) -> FrameRecord:
    width = 5 + index % 5
    return FrameRecord.model_validate(
        {
            "index": index,
            "seed": seed,
            "generator": {"name": GENERATOR.name, "digest": GENERATOR.digest()},
            "spec_digest": digest_of(f"spec {seed} {index}".encode()),
            "attempt": int(redrawn),
            "parameters": {"light.exposure_ev": index / 7, "light.temperature_k": 5600.25, "body.kind": "sedan"},
            "camera": {
                "K": [[40.0, 0.0, 16.0], [0.0, 40.0, 12.0], [0.0, 0.0, 1.0]],
                "distortion": [0.0] * 5,
                "world_from_camera": [[1.0, 0.0, 0.0, 0.5], [0.0, 1.0, 0.0, 1e-7], [0.0, 0.0, 1.0, 2.0], [0, 0, 0, 1]],
            },
            "instances": [
                {"id": 301, "label": "front_door", "area_px": 7 * width, "box": [3, 2, width, 7]},
                {"id": 302, "label": "mirror", "area_px": 40, "box": [10, 12, 10, 4], "visible_fraction": 0.5},
            ],
            "files": {role: digest_of(data) for role, data in files.items()},
            "size": [32, 24],
            "player": {"name": "embedded", "version": "0.1.0"},
            "checks": ["must_appear"] if redrawn else [],
        }
    )


def stage_frame(staging: Path, seed: int, index: int, *, redrawn: bool = False) -> Path:
    folder = staging / "frames" / f"{index:06d}"
    folder.mkdir(parents=True)
    files = frame_files(seed, index)
    for role, data in files.items():
        (folder / f"{role}.png").write_bytes(data)
    (folder / "record.json").write_bytes(canonical_json(frame_record(seed, index, files, redrawn=redrawn)))
    return folder


def stage_batch(staging: Path, *, seed: int = 3, frames: int = 5, redrawn: tuple[int, ...] = ()) -> Path:
    for index in range(frames):
        stage_frame(staging, seed, index, redrawn=index in redrawn)
    return staging
