"""What every export format does: all or nothing, told as it goes, one after another and not all at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from export_samples import MAP, REFERENCE, Frame, make_version, photograph, rendered
from PIL import Image

from contracts.erasure import ErasureMark
from contracts.errors import ConfigurationError, ConflictError, IntegrityError, NotFoundError
from contracts.label_map import LabelMap
from registry.formats.exporting import export_version
from registry.formats.parallel import WORKERS, in_parallel
from registry.formats.registered import WRITERS, load_writer
from registry.reader import ERASED_NOTE, Version, open_version

FORMATS = sorted(WRITERS)
FRAMES: list[Frame] = [rendered(0, "train"), rendered(1, "val"), photograph(2, "train")]


@pytest.fixture
def version(tmp_path: Path) -> Version:
    return make_version(tmp_path, FRAMES)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_formats_are_known_by_name() -> None:
    assert FORMATS == ["cityscapes", "coco", "parquet", "raw", "solo", "webdataset", "yolo"]
    with pytest.raises(NotFoundError, match="no export format 'cocoa'") as caught:
        load_writer("cocoa")
    assert "coco" in caught.value.hint


@pytest.mark.parametrize("name", FORMATS)
def test_it_tells_how_far_it_is_and_the_same_version_gives_the_same_bytes(
    version: Version, tmp_path: Path, name: str
) -> None:
    calls: list[tuple[int, int]] = []
    write = load_writer(name)
    (tmp_path / "one").mkdir()  # an empty folder is taken
    export_version(
        write, version, REFERENCE, tmp_path / "one", on_progress=lambda done, total: calls.append((done, total))
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]
    export_version(write, version, REFERENCE, tmp_path / "two" / "deep")
    assert contents(tmp_path / "one") == contents(tmp_path / "two" / "deep")


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_with_something_in_it_is_left_alone(version: Version, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not lose")
    with pytest.raises(ConflictError, match="not empty"):
        export_version(load_writer(name), version, REFERENCE, tmp_path / "mine")
    assert contents(tmp_path / "mine") == {"thesis.txt": b"do not lose"}


@pytest.mark.parametrize("name", FORMATS)
def test_of_a_damaged_version_nothing_stays(version: Version, tmp_path: Path, name: str) -> None:
    path = Path(version.store.path_of(version.records()[2].files["image"]))
    path.write_bytes(path.read_bytes()[:-1])
    before = set(tmp_path.iterdir())
    with pytest.raises(IntegrityError, match="image of frame 2 of cars_in_town@3"):
        export_version(load_writer(name), version, REFERENCE, tmp_path / "out")
    assert set(tmp_path.iterdir()) == before


def test_damage_of_the_list_of_frames_shows_at_its_end_and_nothing_stays(version: Version, tmp_path: Path) -> None:
    path = Path(version.store.path_of(version.manifest.frames.digest))
    path.write_bytes(path.read_bytes().replace(b'"group":"car 1"', b'"group":"car 7"'))
    before = set(tmp_path.iterdir())
    with pytest.raises(IntegrityError, match=r"frames.jsonl of cars_in_town@3: blob .* is damaged"):
        export_version(load_writer("coco"), version, REFERENCE, tmp_path / "out")
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", FORMATS)
def test_a_label_map_of_another_domain_is_refused_before_anything_is_written(
    version: Version, tmp_path: Path, name: str
) -> None:
    before = set(tmp_path.iterdir())
    other = LabelMap(name="belts", classes={"belt": ["seat_belt"]})
    with pytest.raises(ConfigurationError, match="names none of the source's labels"):
        export_version(load_writer(name), version, REFERENCE, tmp_path / "out", label_map=other)
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", FORMATS)
def test_a_label_map_that_leaves_nothing_of_a_frame_is_no_fault(version: Version, tmp_path: Path, name: str) -> None:
    nothing = LabelMap(name="none", classes={"door": ["back_door"]}, ignore=["front_door", "mirror", "window"])
    export_version(load_writer(name), version, REFERENCE, tmp_path / "out", label_map=nothing)
    assert (tmp_path / "out").is_dir()


KILLED = """
import sys, time
from pathlib import Path
from contracts.ids import VersionReference
from registry.formats.exporting import export_version
from registry.formats.registered import load_writer
from registry.reader import open_version

def wait(done, total):
    print(done, flush=True)
    time.sleep(60)

version = open_version(sys.argv[1], sys.argv[2])
export_version(load_writer(sys.argv[3]), version, VersionReference("a", 1), Path(sys.argv[4]), on_progress=wait)
"""


def test_a_kill_leaves_nothing_under_the_name(version: Version, tmp_path: Path) -> None:
    out = tmp_path / "exports" / "out"
    order = [sys.executable, "-c", KILLED, str(tmp_path / "store"), version.digest, "raw", str(out)]
    with subprocess.Popen(order, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    assert [path.name.startswith(".out.") for path in out.parent.iterdir()] == [True]
    export_version(load_writer("raw"), version, REFERENCE, out)
    assert out.is_dir()


def test_only_a_few_frames_are_prepared_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    given = in_parallel(lambda item: item * item, items())
    assert [next(given) for _ in range(5)] == [0, 1, 4, 9, 16]
    time.sleep(0.05)
    assert len(taken) <= 5 + 2 * WORKERS
    given.close()  # type: ignore[attr-defined]


def test_erased_frames_are_left_out_and_counted(version: Version, tmp_path: Path) -> None:
    mark = ErasureMark(version=version.digest, group="car 0", frames=(0,), erased_at="2026-01-01T00:00:00Z")
    version.store.put_note(ERASED_NOTE, version.digest, "one", mark.model_dump_json().encode())
    rest = open_version(version.store, version.digest, name="cars_in_town@3")
    calls: list[tuple[int, int]] = []
    export_version(
        load_writer("solo"),
        rest,
        REFERENCE,
        tmp_path / "out",
        on_progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(1, 2), (2, 2)]
    metadata = json.loads((tmp_path / "out/metadata.json").read_text())
    assert (metadata["totalFrames"], metadata["dataset"]["erased_frames"]) == (2, 1)
    assert {path.name for path in (tmp_path / "out").glob("sequence.*")} == {"sequence.0", "sequence.1"}


def test_raw_masks_and_instances_of_a_label_map(version: Version, tmp_path: Path) -> None:
    export_version(load_writer("raw"), version, REFERENCE, tmp_path / "out", label_map=MAP)
    line = json.loads((tmp_path / "out/frames.jsonl").read_text().splitlines()[0])
    record = version.records()[0]
    expected = version.read_mask(record, MAP.lookup(version.labels))
    with (
        Image.open(tmp_path / "out/masks/000000.png") as mask,
        Image.open(tmp_path / "out/instances/000000.png") as ids,
    ):
        np.testing.assert_array_equal(np.array(mask), expected)
        kept = np.where(expected == 1, version.read_instances(record), 0)
        np.testing.assert_array_equal(np.array(ids), kept)
    assert [(item["id"], item["label"], item["area_px"]) for item in line["instances"]] == [
        (301, "door", 184),
        (7, "door", 1),
    ]
