"""`export NAME@V raw OUT`: scripts outside the project read exactly this layout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from registry_samples import GENERATOR, frame_files, png, stage_batch

from contracts.errors import ConflictError, IntegrityError, StorageError
from contracts.frame import FrameRecord
from contracts.ids import VersionReference, canonical_json, digest_of
from registry.catalog import Catalog
from registry.formats.exporting import export_version
from registry.formats.raw import write_raw
from registry.publish import publish_batch
from registry.reader import Version, open_version
from registry.store import Store
from registry.version_writer import VersionWriter

REFERENCE = VersionReference("sample", 1)


@pytest.fixture
def version(tmp_path: Path) -> Version:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    made = publish_batch(
        Store(tmp_path / "store"),
        catalog,
        name="sample",
        staging=stage_batch(tmp_path / "staging", frames=3, redrawn=(1,)),
        generator=GENERATOR,
        seed=3,
        frames=3,
    )
    return open_version(tmp_path / "store", made.digest, name="sample@1")


@pytest.fixture
def out(version: Version, tmp_path: Path) -> Path:
    export_version(write_raw, version, REFERENCE, tmp_path / "out")
    return tmp_path / "out"


def test_the_folder_holds_exactly_the_files_of_the_layout(out: Path) -> None:
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert found == sorted(
        ["frames.jsonl", "generator.json", "labels.json", "version.json"]
        + [f"{folder}/{n:06d}.png" for folder in ("images", "masks", "instances", "depth") for n in range(3)]
    )


def test_pictures_have_the_kinds_that_scripts_expect(out: Path) -> None:
    for index in range(3):
        with Image.open(out / f"images/{index:06d}.png") as image:
            assert (image.mode, image.size) == ("RGB", (32, 24))
        with Image.open(out / f"masks/{index:06d}.png") as mask:
            assert mask.mode == "P"
            ids = np.array(mask)
            colors = np.array(mask.getpalette("RGB")).reshape(-1, 3)
        assert ids.dtype == np.uint8
        assert set(np.unique(ids)) == {0, 1, 2}
        for label in GENERATOR.label_table():
            assert colors[label.id].tolist() == list(label.color)
        for folder in ("instances", "depth"):
            with Image.open(out / f"{folder}/{index:06d}.png") as picture:
                assert np.array(picture).dtype == np.uint16
        for role, folder in (("image", "images"), ("instances", "instances"), ("depth", "depth")):
            assert (out / f"{folder}/{index:06d}.png").read_bytes() == frame_files(3, index)[role]


def test_ids_of_the_exported_mask_are_those_of_the_version(version: Version, out: Path) -> None:
    for record in version.records():
        with Image.open(out / f"masks/{record.index:06d}.png") as mask:
            np.testing.assert_array_equal(np.array(mask), version.read_mask(record))


def test_a_line_of_frames_has_the_shape_that_is_promised(out: Path) -> None:
    lines = [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2]
    promised = {
        *("index", "seed", "generator", "spec_digest", "attempt", "parameters", "camera", "instances", "files"),
        *("player", "split", "group", "source"),
    }
    line = lines[1]
    assert promised <= set(line)
    assert line["seed"] == 3
    assert line["attempt"] == 1
    assert line["generator"] == {"name": "sample", "digest": GENERATOR.digest()}
    assert line["parameters"]["light.exposure_ev"] == 1 / 7
    assert set(line["camera"]) == {"K", "distortion", "world_from_camera"}
    assert line["camera"]["K"][0] == [40.0, 0.0, 16.0]
    assert line["instances"][0] == {
        "id": 301,
        "label": "front_door",
        "area_px": 42,
        "box": [3, 2, 6, 7],
        "visible_fraction": None,
    }
    assert line["player"] == {"name": "embedded", "version": "0.1.0"}
    assert line["split"] is line["group"] is line["source"] is None


def test_digests_of_the_lines_are_those_of_the_exported_files(out: Path) -> None:
    folders = {"image": "images", "mask": "masks", "instances": "instances", "depth": "depth"}
    for line in map(json.loads, (out / "frames.jsonl").read_text().splitlines()):
        for role, digest in line["files"].items():
            assert digest_of((out / folders[role] / f"{line['index']:06d}.png").read_bytes()) == digest


def test_boxes_are_half_open_and_agree_with_the_instance_masks(out: Path) -> None:
    for line in map(json.loads, (out / "frames.jsonl").read_text().splitlines()):
        with Image.open(out / f"instances/{line['index']:06d}.png") as picture:
            instances = np.array(picture)
        for instance in line["instances"]:
            x, y, width, height = instance["box"]
            inside = instances[y : y + height, x : x + width] == instance["id"]
            assert inside.sum() == (instances == instance["id"]).sum() == instance["area_px"]


def test_labels_and_version_say_what_it_is(version: Version, out: Path) -> None:
    labels = json.loads((out / "labels.json").read_text())
    assert [(label["id"], label["name"]) for label in labels] == [(0, "background"), (1, "front_door"), (2, "mirror")]
    assert all(set(label) == {"id", "name", "color"} for label in labels)
    said = json.loads((out / "version.json").read_text())
    assert (said["name"], said["version"], said["digest"]) == ("sample", 1, version.digest)
    assert said["lineage"] == {"generator": {"name": "sample", "digest": GENERATOR.digest()}, "seed": 3, "parents": []}
    assert said["quality"]["redrawn_frames"] == 1
    assert digest_of((out / "generator.json").read_bytes()) == GENERATOR.digest()


def test_real_images_have_no_instances_depth_or_generator(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    files = {"image": png(np.zeros((4, 4, 3), np.uint8)), "mask": png(np.full((4, 4), 255, np.uint8))}
    with VersionWriter(store) as writer:
        digests = {role: digest_of(data) for role, data in files.items()}
        record = FrameRecord.model_validate(
            {"index": 0, "files": digests, "size": (4, 4), "split": "train", "group": "g1", "source": "train/a.jpg"}
        )
        writer.add(record, files, what="frame 0")  # type: ignore[arg-type]
        manifest = writer.finish(GENERATOR.label_table())
    version = open_version(store, digest_of(canonical_json(manifest)))
    export_version(write_raw, version, REFERENCE, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "frames.jsonl",
        "images",
        "labels.json",
        "masks",
        "version.json",
    ]
    line = json.loads((tmp_path / "out" / "frames.jsonl").read_text())
    assert (line["split"], line["group"], line["source"], line["seed"]) == ("train", "g1", "train/a.jpg", None)
    with Image.open(tmp_path / "out" / "masks" / "000000.png") as mask:
        assert mask.mode == "P"
        assert (np.array(mask) == 255).all()


def test_an_empty_folder_is_taken_and_progress_is_told(version: Version, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    calls: list[tuple[int, int]] = []
    export_version(
        write_raw,
        version,
        REFERENCE,
        tmp_path / "empty",
        on_progress=lambda done, total: calls.append((done, total)),
    )
    assert (tmp_path / "empty" / "version.json").is_file()
    assert calls == [(1, 3), (2, 3), (3, 3)]
    export_version(write_raw, version, REFERENCE, tmp_path / "new" / "deep")
    assert (tmp_path / "new" / "deep" / "version.json").is_file()


def test_a_folder_with_something_in_it_is_left_alone(version: Version, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not lose")
    with pytest.raises(ConflictError, match="not empty"):
        export_version(write_raw, version, REFERENCE, tmp_path / "mine")
    with pytest.raises(ConflictError, match="not empty"):
        export_version(write_raw, version, REFERENCE, tmp_path / "mine" / "thesis.txt")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "do not lose"


def test_a_damaged_version_is_not_exported_and_nothing_stays(version: Version, tmp_path: Path) -> None:
    path = Path(version.store.path_of(version.records()[2].files["depth"]))
    path.write_bytes(path.read_bytes()[:-1])
    before = set(tmp_path.iterdir())
    with pytest.raises(IntegrityError, match="depth of frame 2 of sample@1"):
        export_version(write_raw, version, REFERENCE, tmp_path / "out")
    assert set(tmp_path.iterdir()) == before


def test_a_place_that_can_not_be_written_is_a_storage_error(version: Version, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="write"):
        export_version(write_raw, version, REFERENCE, tmp_path / "file" / "out")
