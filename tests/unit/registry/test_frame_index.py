"""The index of frames says of every frame what its record says, and takes no damaged line for a whole one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from registry_samples import GENERATOR, frame_record

from contracts.errors import IntegrityError
from contracts.frame import FrameRecord
from contracts.ids import canonical_json, digest_of
from registry.frame_index import ROLES, frame_index
from registry.reader import Version, open_version
from registry.store import Store
from registry.version_writer import VersionWriter

LABELS = ("front_door", "mirror", "background")
awkward = st.text(alphabet='abc"\\{}[],:é\u2028 ', max_size=12) | st.sampled_from(
    ['"files":{"image":"sha256:0"}', '],"parameters":{', '"player":null,"seed":5', '"label":"mirror"', "\\"]
)


Made = tuple[FrameRecord, dict[str, bytes]]
"""A record and the bytes of its files."""


@st.composite
def frames(draw: st.DrawFn) -> Made:
    """Frames whose records' free texts try to look like other fields."""
    imported = draw(st.booleans())
    shown = draw(st.lists(st.sampled_from(LABELS), max_size=3))
    roles = ["image", *draw(st.lists(st.sampled_from(["mask", "instances", "depth"]), unique=True))]
    files = {role: draw(st.binary(max_size=3)) + role.encode() for role in roles}
    record = FrameRecord(
        index=0,
        seed=None if imported else draw(st.integers(0, 2**53 - 1)),
        parameters={draw(awkward) or "a": draw(awkward), "label": "mirror"},
        instances=tuple(
            {"id": number, "label": label, "area_px": 4, "box": (0, 0, 2, 2)} for number, label in enumerate(shown, 1)
        ),
        files={role: digest_of(data) for role, data in files.items()},
        size=(8, 8),
        player=draw(st.none() | st.builds(lambda name: {"name": name, "version": "1"}, awkward.filter(bool))),
        split=draw(st.sampled_from([None, "train", "test"])),
        group=draw(st.none() | awkward),
        source=draw(awkward) + "x" if imported else None,
    )
    return record, files


def rendered(count: int, files: dict[str, bytes]) -> list[Made]:
    return [(frame_record(3, index, files), files) for index in range(count)]


def version_of(store: Store, made: list[Made]) -> Version:
    with VersionWriter(store) as writer:
        for record, files in made:
            writer.add(record, files, what="a frame")
        manifest = writer.finish(GENERATOR.label_table())
    return open_version(store, digest_of(canonical_json(manifest)))


@example_settings(max_examples=25)
@given(made=st.lists(frames(), min_size=1, max_size=6))
def test_it_says_what_the_records_say(made: list[Made], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("index")
    version = version_of(Store(folder / "store"), made)
    for found in (frame_index(version, folder / "cache"), frame_index(version, folder / "cache")):  # made, then kept
        whole = version.records()
        assert [FrameRecord.model_validate_json(line) for line in found.read(version, range(len(made)))] == whole
        for label in LABELS:
            shown = [record.index for record in whole if label in {item.label for item in record.instances}]
            assert found.with_label(label).tolist() == shown
        for split in ("train", "test", "absent"):
            assert found.in_split(split).tolist() == [record.index for record in whole if record.split == split]
        for record, files in zip(whole, found.files.tolist(), strict=True):
            words = [int(record.files[role][7:23], 16) if role in record.files else 0 for role in ROLES]
            assert files == words
        for words, keys in (
            (found.content, [record.files for record in whole]),
            (found.origin, [(item.source, item.split) if item.source else (item.seed, item.index) for item in whole]),
        ):
            alike = [[one == other for other in keys] for one in keys]
            assert (words[:, None] == words).tolist() == alike


def test_a_page_is_held_against_the_index(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    version = version_of(store, rendered(4, {"image": b"image"}))
    found = frame_index(version, None)
    path = Path(store.path_of(version.manifest.frames.digest))
    data = bytearray(path.read_bytes())
    data[int(found.offsets[2]) + 30] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    assert len(found.read(version, [0, 1, 3])) == 3
    with pytest.raises(IntegrityError, match="line 3, is no frame record"):
        found.read(version, [1, 2])
    with pytest.raises(IntegrityError):
        frame_index(version, tmp_path / "cache")
    assert not (tmp_path / "cache").exists(), "nothing is kept of damaged bytes"
    path.unlink()
    with pytest.raises(IntegrityError):
        found.read(version, [0])


@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: b"", lambda data: b"no zip at all"])
def test_a_broken_cache_is_made_again(tmp_path: Path, damage) -> None:
    version = version_of(Store(tmp_path / "store"), rendered(3, {"image": b"i"}))
    good = frame_index(version, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.stem == version.digest.removeprefix("sha256:")
    kept.write_bytes(damage(kept.read_bytes()))
    again = frame_index(version, tmp_path / "cache")
    assert np.array_equal(again.lines, good.lines)
    assert kept.stat().st_size > 500
