"""Reading a version: verified bytes, exact arrays, no catalog."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from registry_samples import GENERATOR, frame_files, png, stage_batch

from contracts.errors import IntegrityError, NotFoundError
from contracts.frame import FrameRecord
from contracts.frame_spec import Label
from contracts.ids import canonical_json, digest_of
from contracts.label_map import LabelMap
from registry.catalog import Catalog
from registry.publish import publish_batch
from registry.reader import Version, open_version
from registry.store import Store
from registry.verify import verify
from registry.version_writer import VersionWriter

LABELS = (
    Label(id=0, name="background", color=(0, 0, 0)),
    Label(id=1, name="front_door", color=(200, 0, 0)),
    Label(id=2, name="mirror", color=(0, 200, 0)),
)


def build(store: Store, frames: list[tuple[str | None, dict[str, bytes]]], size: tuple[int, int] = (4, 3)) -> Version:
    with VersionWriter(store) as writer:
        for split, files in frames:
            digests = {role: digest_of(data) for role, data in files.items()}
            record = FrameRecord.model_validate({"index": 0, "files": digests, "size": size, "split": split})
            writer.add(record, files, what="frame")  # type: ignore[arg-type]
        manifest = writer.finish(LABELS)
    return open_version(store, digest_of(canonical_json(manifest)), name="sample@1")


@pytest.fixture
def version(tmp_path: Path) -> Version:
    pixels = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    mask = np.array([[0, 1, 2, 255]] * 3, np.uint8)
    short = np.array([[0, 1, 300, 65535]] * 3, np.uint16)
    files = {"image": png(pixels), "mask": png(mask), "instances": png(short), "depth": png(short)}
    other = {"image": png(pixels[:, ::-1].copy()), "mask": png(mask)}
    return build(Store(tmp_path / "store"), [("train", files), ("test_public", other), ("train", other)])


def flip(version: Version, digest: str, place: int = -1) -> Path:
    path = Path(version.store.path_of(digest))
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    return path


def test_arrays_are_exact_and_may_be_written_to(version: Version) -> None:
    record = version.records()[0]
    image, mask = version.read_image(record), version.read_mask(record)
    assert image.dtype == mask.dtype == np.uint8
    np.testing.assert_array_equal(image, np.arange(36).reshape(3, 4, 3))
    np.testing.assert_array_equal(mask, [[0, 1, 2, 255]] * 3)
    np.testing.assert_array_equal(version.read_instances(record), [[0, 1, 300, 65535]] * 3)
    np.testing.assert_array_equal(version.read_depth(record), [[0, 1, 300, 65535]] * 3)
    assert version.read_depth(record).dtype == version.read_instances(record).dtype == np.uint16
    assert image.flags.writeable
    assert mask.flags.writeable


def test_a_lookup_changes_ids_and_keeps_what_is_to_be_ignored(version: Version) -> None:
    lookup = LabelMap.model_validate({"name": "m", "classes": {"glass": ["mirror"]}, "ignore": ["front_door"]})
    mask = version.read_mask(version.records()[0], lookup.lookup(version.labels))
    np.testing.assert_array_equal(mask, [[0, 255, 1, 255]] * 3)
    assert mask.dtype == np.uint8


def test_splits_are_parts_in_the_order_of_the_index(version: Version) -> None:
    assert [record.index for record in version.records("train")] == [0, 2]
    assert [record.index for record in version.records("test_public")] == [1]
    assert len(version) == len(version.records()) == 3
    with pytest.raises(NotFoundError, match=r"no split 'tain'.*did you mean 'train'"):
        version.records("tain")


def test_a_version_without_splits_says_so(tmp_path: Path) -> None:
    pixels = np.zeros((3, 4, 3), np.uint8)
    version = build(Store(tmp_path), [(None, {"image": png(pixels), "mask": png(pixels[..., 0])})])
    with pytest.raises(NotFoundError, match="no splits"):
        version.records("train")


def test_what_a_frame_does_not_have_is_not_found(version: Version) -> None:
    with pytest.raises(NotFoundError, match=r"frame 1 of sample@1 has no depth.*image, mask"):
        version.read_depth(version.records()[1])


@pytest.mark.parametrize("role", ["image", "mask"])
def test_one_flipped_byte_of_a_file_names_file_and_version(version: Version, role: str) -> None:
    record = version.records()[1]
    path = flip(version, record.files[role])  # type: ignore[index]
    with pytest.raises(IntegrityError) as caught:
        version.read_image(record) if role == "image" else version.read_mask(record)
    assert f"{role} of frame 1 of sample@1" in caught.value.message
    assert str(path) in caught.value.message


def test_one_flipped_byte_of_the_frames_or_the_manifest_names_the_version(version: Version) -> None:
    flip(version, version.manifest.frames.digest)
    with pytest.raises(IntegrityError, match=r"frames.jsonl of sample@1"):
        open_version(version.store, version.digest, name="sample@1").records()
    flip(version, version.digest)
    with pytest.raises(IntegrityError, match="manifest of sample@1"):
        open_version(version.store, version.digest, name="sample@1")


def test_bytes_that_are_a_digest_but_no_manifest_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(IntegrityError, match="not a dataset manifest"):
        open_version(store, store.put(b"{}"))


PIXELS = np.zeros((3, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("role", "data", "reason"),
    [
        ("image", b"not a picture", "can't be decoded"),
        ("image", png(PIXELS)[:-30], "can't be decoded"),
        ("image", png(PIXELS[:2]), "where"),
        ("mask", png(PIXELS), "mode RGB"),
        ("depth", png(PIXELS[..., 0]), "16 bits"),
    ],
    ids=["garbage", "truncated", "other size", "RGB mask", "8-bit depth"],
)
def test_whole_bytes_that_are_no_picture_of_the_kind_are_refused(
    tmp_path: Path, role: str, data: bytes, reason: str
) -> None:
    files = {"image": png(PIXELS), "mask": png(PIXELS[..., 0])} | {role: data}
    version = build(Store(tmp_path), [(None, files)])
    record = version.records()[0]
    read = {"image": version.read_image, "mask": version.read_mask, "depth": version.read_depth}[role]
    with pytest.raises(IntegrityError, match=reason) as caught:
        read(record)  # type: ignore[operator]
    assert f"{role} of frame 0 of sample@1" in caught.value.message


def test_an_indexed_mask_gives_ids_and_not_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(np.array([[0, 1, 2, 255]] * 3, np.uint8))
    picture.putpalette([value % 256 for value in range(768)])
    picture.save(tmp_path / "mask.png")
    version = build(Store(tmp_path), [(None, {"image": png(PIXELS), "mask": (tmp_path / "mask.png").read_bytes()})])
    np.testing.assert_array_equal(version.read_mask(version.records()[0]), [[0, 1, 2, 255]] * 3)


def test_a_version_travels_to_worker_processes(version: Version) -> None:
    version.records()
    copy = pickle.loads(pickle.dumps(version))
    np.testing.assert_array_equal(copy.read_mask(copy.records()[0]), version.read_mask(version.records()[0]))


def test_verify_names_every_bad_file_once_with_all_that_it_is(version: Version) -> None:
    shared = version.records()[1].files["image"]  # of frames 1 and 2
    flip(version, shared)
    missing = Path(version.store.path_of(version.records()[0].files["depth"]))
    missing.unlink()  # the same bytes are the instances
    calls: list[tuple[int, int]] = []
    faults = version.verify(lambda done, total: calls.append((done, total)))
    assert {fault.files: fault.reason.split(":")[0] for fault in faults} == {
        ("frame 1 image", "frame 2 image"): "damaged",
        ("frame 0 depth", "frame 0 instances"): "missing",
    }
    assert all(fault.versions == ("sample@1",) for fault in faults)
    assert calls[-1][0] == calls[-1][1] == len(calls)


def test_verify_goes_on_where_the_list_of_frames_is_damaged(version: Version) -> None:
    image = version.records()[0].files["image"]
    flip(version, image)
    flip(version, version.manifest.frames.digest)
    fresh = open_version(version.store, version.digest, name="sample@1")
    assert {fault.digest for fault in fresh.verify()} == {image, version.manifest.frames.digest}


def test_verifying_everything_names_all_versions_of_a_bad_file(tmp_path: Path) -> None:
    store, catalog = Store(tmp_path / "store"), Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    staging = stage_batch(tmp_path / "staging", frames=3)
    order = {"staging": staging, "generator": GENERATOR, "seed": 3}
    three = publish_batch(store, catalog, name="three", frames=3, **order)  # type: ignore[arg-type]
    publish_batch(store, catalog, name="two", frames=2, **order)  # type: ignore[arg-type]
    store.put(b"nobody's")
    assert verify(store, catalog) == []
    for digest in (digest_of(frame_files(3, 1)["image"]), digest_of(b"nobody's"), three.digest):
        path = Path(store.path_of(digest))
        path.write_bytes(path.read_bytes() + b"!")
    faults = {fault.files: fault for fault in verify(store, catalog)}
    assert faults.keys() == {("frame 1 image",), ("unused",), ("manifest",)}
    assert faults[("frame 1 image",)].versions == ("three@1", "two@1")
    assert faults[("unused",)].versions == ()
    assert faults[("manifest",)].versions == ("three@1",)
    assert "three@1, two@1" in str(faults[("frame 1 image",)])
    assert "no version" in str(faults[("unused",)])
    some = verify(store, catalog, [reference for reference, _ in catalog.all_versions() if reference.name == "two"])
    assert [fault.versions for fault in some] == [("two@1",)]


def test_reading_loads_no_database_web_or_learning_library() -> None:
    script = (
        "import sys\n"
        "import contracts.dataset, contracts.run, registry.reader, registry.splits, registry.label_maps.shipped\n"
        "import registry.pictures\n"
        "print([name for name in ('sqlalchemy', 'alembic', 'fastapi', 'torch', 'mitsuba', 'mlagents_envs')"
        " if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
