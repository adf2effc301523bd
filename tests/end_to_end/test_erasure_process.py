"""A person erased from a service whose files lie on S3 and whose tables on PostgreSQL, with all that was derived."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from contracts.errors import NotFoundError
from contracts.ids import VersionReference
from contracts.job import JobState
from registry.reader import open_version
from registry.store import Store
from server.resources import ErasureRequest, ImportRequest
from tests.service.homes import application
from training.data import open_frames

PHOTOS = VersionReference("photos", 1)


def photographs(folder: Path) -> Path:
    """Four images of two people, as an import takes them."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        Image.fromarray((pixels[..., 0] > 99).astype(np.uint8)).save(folder / "masks" / f"{number}.png")
    (folder / "classes.json").write_text('{"classes": {"0": "background", "1": "belt"}}')
    rows = "".join(f"{number}.png,person-{number % 2}\n" for number in range(4))
    (folder / "groups.csv").write_text("file_name,group\n" + rows)
    return folder


def keep_pictures(run: Path, images: dict[int, str]) -> None:
    """What a training run keeps of its test images."""
    (run / "pictures").mkdir(parents=True)
    entries = {str(frame): {"frame": frame, "digest": digest, "score": 0.5} for frame, digest in images.items()}
    index = {"frames": entries, "best": [0, 1], "worst": [2], "by_lot": []}
    (run / "pictures" / "pictures.json").write_text(json.dumps(index))
    for frame in images:
        for name in ("image.jpg", "truth.png", "prediction.png", "strip.jpg"):
            (run / "pictures" / f"{frame:06d}-{name}").write_bytes(b"picture")
    (run / "report.html").write_text("<img>")
    (run / "report.md").write_text("![frame 0](pictures/000000-strip.jpg)")


def test_a_person_is_erased_with_all_that_was_derived(
    home: Path, tmp_path: Path, s3_url: str, postgresql_url: str
) -> None:
    folder = photographs(tmp_path / "people")
    with application(home, store=s3_url, database=postgresql_url, allow_paths=True) as service:
        request = ImportRequest(format="masks", name="photos", path=str(folder), groups=str(folder / "groups.csv"))
        assert service.wait(service.import_dataset(request).job.id).state is JobState.SUCCEEDED
        assert not (home / "catalog.db").exists()
        assert not (home / "store").exists()
        before = service.statistics(PHOTOS)
        assert len(service.frames(PHOTOS, label="belt").items) == 4
        version = open_version(Store(s3_url), service.version(PHOTOS).digest, name="photos@1")
        decoded = open_frames(version, None, (16, 12), home / "cache" / "decoded")
        assert len(decoded.records) == 4
        images = {record.index: record.files["image"] for record in version.records()}
        gone = {record.index for record in version.records() if record.group == "person-1"}
        keep_pictures(home / "runs" / "run-1", images)
        keep_pictures(home / "runs" / "run-2", {7: "sha256:" + "00" * 32})

        looked = service.erase(PHOTOS, ErasureRequest(group="person-1"))
        assert (looked.dry_run, looked.files, looked.derived) == (True, 4, ())
        assert service.picture(PHOTOS, 1, "image")
        done = service.erase(PHOTOS, ErasureRequest(group="person-1", dry_run=False, by="reviewer"))
        assert done.files == 4
        assert done.derived == ("2 pictures and the report of training run run-1",)

        (shown,) = service.version(PHOTOS).erasures
        assert (shown.frames, shown.erased_by, shown.finished) == (2, "reviewer", True)
        for index in gone:
            with pytest.raises(NotFoundError, match="was erased"):
                service.picture(PHOTOS, index, "overlay")
        assert service.picture(PHOTOS, 0, "overlay")
        assert (before.frames, service.statistics(PHOTOS).frames) == (4, 2)
        left = {int(path.name[:6]) for path in (home / "runs" / "run-1" / "pictures").glob("*.*g")}
        assert left == set(images) - gone
        index = json.loads((home / "runs" / "run-1" / "pictures" / "pictures.json").read_text())
        assert {int(frame) for frame in index["frames"]} == left
        assert index["best"] == [0]
        assert not list((home / "runs" / "run-1").glob("report.*"))
        assert (home / "runs" / "run-2" / "report.html").exists()
        assert not list((home / "cache" / "decoded").glob("*/images.npy"))
        again = open_version(Store(s3_url), done.digest, name="photos@1")
        assert len(open_frames(again, None, (16, 12), home / "cache" / "decoded").records) == 2
        assert service.collect_garbage().freed == 0
