"""Statistics of versions: right against a plain count of the pixels, remembered, and never held all at once."""

from __future__ import annotations

import json
import math
import statistics
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_homes import Home
from registry_samples import GENERATOR, frame_files, frame_record, stage_batch

from contracts.dataset import VersionDescription
from contracts.errors import IntegrityError
from contracts.statistics import VersionStatistics
from registry.reader import Version, open_version
from registry.statistics import measures
from registry.statistics.difference import cohens_d, compare_versions
from registry.statistics.numbers import Moments, Numbers, even_edges
from registry.statistics.page import statistics_page
from registry.statistics.parameters import flat_parameters, viewpoint
from registry.statistics.version import version_statistics
from registry.version_writer import VersionWriter

FRAMES = 5


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def version(home: Home, tmp_path: Path) -> Version:
    return opened(home, home.publish(stage_batch(tmp_path / "staging", frames=FRAMES)))


def opened(home: Home, made: VersionDescription) -> Version:
    return open_version(home.store, made.digest, name=f"{made.name}@{made.version}")


def test_classes_are_counted_as_a_plain_count_of_the_pixels_says(version: Version, tmp_path: Path) -> None:
    found = version_statistics(version, tmp_path / "cache")
    masks = [version.read_mask(record) for record in version.records()]
    assert (found.frames, found.sizes, found.ignored_share) == (FRAMES, {"32x24": FRAMES}, 0.0)
    for label, item in zip(version.labels, found.classes, strict=True):
        shares = [float((mask == label.id).mean()) for mask in masks]
        assert item.name == label.name
        assert item.images == sum(share > 0 for share in shares)
        assert item.pixels == sum(int((mask == label.id).sum()) for mask in masks)
        assert item.pixel_share == pytest.approx(statistics.mean(shares))
        assert item.area_share_mean == pytest.approx(statistics.mean(shares))
        assert item.area_share_standard_deviation == pytest.approx(statistics.stdev(shares))
        assert item.area_share is not None
        assert sum(item.area_share.histogram.counts) == item.images
        assert sum(map(sum, item.location)) == pytest.approx(1)
    ids = [label.id for label in version.labels]
    together = [[sum((mask == a).any() and (mask == b).any() for mask in masks) for b in ids] for a in ids]
    assert found.cooccurrence == tuple(tuple(row) for row in together)
    mirror = found.classes[2]
    assert mirror.location[4][3] > 0  # rows 12 to 15 of 24, columns 10 to 19 of 32: in no corner
    assert mirror.location[0][0] == mirror.location[7][7] == 0


def test_instances_images_parameters_and_cameras_are_summed_up(version: Version, tmp_path: Path) -> None:
    found = version_statistics(version, tmp_path / "cache")
    door = found.classes[1]
    assert (door.instances, door.instances_per_image) == (FRAMES, {"1": FRAMES})
    assert door.instance_area_px is not None
    assert (door.instance_area_px.minimum, door.instance_area_px.maximum) == (35, 63)
    assert found.classes[0].instances_per_image == {"0": FRAMES}
    images = [version.read_image(record) / 255 for record in version.records()]
    assert found.image["red"].mean == pytest.approx(np.mean([image[..., 0].mean() for image in images]), abs=1e-5)
    luma = [float((image @ [0.2126, 0.7152, 0.0722]).mean()) for image in images]
    assert found.image["brightness"].mean == pytest.approx(np.mean(luma), abs=1e-5)
    exposure = found.numbers["light.exposure_ev"]
    assert (exposure.minimum, exposure.maximum, exposure.count) == (0, (FRAMES - 1) / 7, FRAMES)
    assert sum(exposure.histogram.counts) == FRAMES
    assert found.choices["body.kind"].counts == {"sedan": FRAMES}
    assert found.viewpoint["distance_m"].mean == pytest.approx(math.hypot(0.5, 2))
    assert found.viewpoint["horizontal_fov_deg"].mean == pytest.approx(2 * math.degrees(math.atan(16 / 40)))


def test_what_was_found_is_remembered_and_what_is_shared_is_not_measured_again(
    home: Home, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    first = version_statistics(version, cache)
    larger = opened(home, home.publish(stage_batch(tmp_path / "larger", frames=FRAMES + 2), frames=FRAMES + 2))
    measured: list[int] = []
    real = measures.measure_frame

    def count(of: Version, record: object, classes: object) -> object:
        measured.append(record.index)  # type: ignore[attr-defined]
        return real(of, record, classes)  # type: ignore[arg-type]

    monkeypatch.setattr(measures, "measure_frame", count)
    assert version_statistics(version, cache) == first
    assert measured == []
    shared = version_statistics(larger, cache)
    assert measured == [FRAMES, FRAMES + 1]
    assert shared == version_statistics(larger, tmp_path / "fresh")


def test_an_interrupted_computation_goes_on_where_it_was(version: Version, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        version_statistics(version, tmp_path / "cache", on_progress=stop)
    with measures.MeasureTable(tmp_path / "cache" / "measures.db") as table:
        assert table._connection.execute("SELECT COUNT(*) FROM measures").fetchone() == (3,)
    assert version_statistics(version, tmp_path / "cache") == version_statistics(version, tmp_path / "fresh")


def test_damaged_files_are_named_and_a_damaged_cache_is_made_anew(version: Version, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "measures.db").write_bytes(b"this is not a database" * 100)
    (cache / f"{version.digest.removeprefix('sha256:')}.json").write_bytes(b"{}")
    assert version_statistics(version, cache).frames == FRAMES
    record = version.records()[2]
    mask = Path(version.store.path_of(record.files["mask"]))
    mask.write_bytes(mask.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match=r"mask of frame 2 of sample@1"):
        version_statistics(version, tmp_path / "fresh")
    lines = Path(version.store.path_of(version.manifest.frames.digest))
    whole = lines.read_bytes()
    for damaged in (whole[:-200], whole.replace(b'"seed":3', b'"seed":4')):
        lines.write_bytes(damaged)
        with pytest.raises(IntegrityError, match=r"frames.jsonl"):
            version_statistics(version, cache.parent / "another")


def test_frames_without_instances_or_parameters_are_fine_too(home: Home, tmp_path: Path) -> None:
    files = {role: data for role, data in frame_files(3, 0).items() if role in ("image", "mask")}
    record = frame_record(3, 0, files).model_copy(
        update={"instances": (), "parameters": {}, "camera": None, "split": "train", "group": "car"}
    )
    with VersionWriter(home.store) as writer:
        writer.add(record, files, what="frame")  # type: ignore[arg-type]
        manifest = writer.finish(GENERATOR.label_table())
    found = version_statistics(opened(home, home.catalog.add("real", manifest)), tmp_path / "cache")
    assert (found.splits, found.groups, found.numbers, found.viewpoint) == ({"train": 1}, 1, {}, {})
    assert found.classes[1].instances_per_image == {}
    assert "in no image" not in statistics_page("real@1", found)


def test_the_page_holds_everything_and_loads_nothing(version: Version, tmp_path: Path) -> None:
    page = statistics_page("sample@1 <script>", version_statistics(version, tmp_path / "cache"))
    assert "<script>" not in page
    for word in ("front_door", "light.exposure_ev", "sedan", "brightness", "azimuth_deg", "Shown together"):
        assert word in page
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert page.count("<svg") == page.count("</svg>") > 10


def test_two_versions_are_compared_frame_by_frame(home: Home, tmp_path: Path) -> None:
    def publish(name: str, indices: list[int], changed: tuple[int, ...] = ()) -> Version:
        with VersionWriter(home.store) as writer:
            for index in indices:
                files = frame_files(3, index) | (
                    {"mask": frame_files(3, index + 1)["mask"]} if index in changed else {}
                )
                writer.add(frame_record(3, index, files), files, what="frame")  # type: ignore[arg-type]
            manifest = writer.finish(GENERATOR.label_table())
        return opened(home, home.catalog.add(name, manifest))

    one, two = publish("one", [0, 1, 2, 3]), publish("two", [0, 1, 2, 3, 4, 5], changed=(1,))
    cache = tmp_path / "cache"
    found = compare_versions(two, one, version_statistics(two, cache), version_statistics(one, cache))
    assert (found.version, found.against) == ("two@1", "one@1")
    frames = found.frames
    assert (frames.same, frames.added, frames.removed, frames.changed) == (3, 2, 0, 1)
    assert frames.added_indices == (4, 5)
    assert [(item.index, item.against_index, item.files) for item in frames.changed_frames] == [(1, 1, ("mask",))]
    back = compare_versions(one, two, version_statistics(one, cache), version_statistics(two, cache))
    assert (back.frames.added, back.frames.removed, back.frames.removed_indices) == (0, 2, (4, 5))
    assert back.areas["front_door"].effect_size == pytest.approx(-(found.areas["front_door"].effect_size or 0))
    same = compare_versions(one, one, version_statistics(one, cache), version_statistics(one, cache))
    assert (same.frames.same, same.frames.changed) == (4, 0)
    assert all(shift.effect_size == 0 for shift in same.areas.values())
    assert set(found.numbers) == {"light.exposure_ev", "light.temperature_k"}
    assert found.choices == {"body.kind": 0}


def test_memory_does_not_grow_with_the_number_of_frames(home: Home, tmp_path: Path) -> None:
    def peak(frames: int) -> int:
        staging = stage_batch(tmp_path / str(frames), frames=frames)
        made = opened(home, home.publish(staging, frames=frames))
        tracemalloc.start()
        version_statistics(made, tmp_path / "cache")
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(10)  # what is loaded once
    assert peak(400) < peak(40) + 2_500_000  # a stretch of lines at a time, and the measures not yet written


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_moments_and_histograms_hold_every_value(values: list[float]) -> None:
    moments = Moments()
    for value in values:
        moments.add(value)
    numbers = Numbers(even_edges(moments.minimum, moments.maximum))
    for value in values:
        numbers.add(value)
    found = numbers.summary()
    assert found is not None
    assert sum(found.histogram.counts) == found.count == len(values)
    assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    expected = statistics.stdev(values) if len(values) > 1 else 0
    assert found.standard_deviation == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_parameters_are_flattened_and_seeds_left_out() -> None:
    values = {"a.on": True, "a.color": [0.1, 0.2], "a.seed": 3, "b.detail_seed": 9, "c": {"d": "x"}, "e": list("abcde")}
    assert dict(flat_parameters(values)) == {
        "a.on": "true",
        "a.color[0]": 0.1,
        "a.color[1]": 0.2,
        "a.seed": 3.0,
        "c.d": "x",
    }
    assert viewpoint(None, 32) == {}


def test_effect_sizes_are_those_of_the_textbook() -> None:
    assert cohens_d((5.0, 2.0, 10), (4.0, 2.0, 10)) == pytest.approx(0.5)
    assert cohens_d((1.0, 0.0, 5), (1.0, 0.0, 5)) == 0
    assert cohens_d((1.0, 0.0, 5), (2.0, 0.0, 5)) is None
    assert cohens_d((1.0, 0.0, 1), (2.0, 0.0, 1)) is None


def test_statistics_are_json_that_reads_back(version: Version, tmp_path: Path) -> None:
    found = version_statistics(version, tmp_path / "cache")
    assert VersionStatistics.model_validate(json.loads(found.model_dump_json())) == found
