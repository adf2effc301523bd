"""Two versions of one batch, pixel by pixel: what another player made of the same specifications."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from registry_homes import Home
from registry_samples import GENERATOR, frame_files, frame_record, png

from contracts.frame_spec import Label
from contracts.ids import canonical_json, digest_of
from contracts.statistics import FrameDifference
from registry.reader import Version, open_version
from registry.statistics import difference
from registry.statistics.difference import compare_frames, compare_versions
from registry.statistics.difference_page import difference_page
from registry.statistics.version import version_statistics
from registry.version_writer import VersionWriter

FRAMES = 4


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def pixels(data: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(data)))


def version(
    home: Home,
    changed: dict[int, dict[str, bytes]],
    *,
    labels: tuple[Label, ...] = GENERATOR.label_table(),
    specifications: int = 0,
    rendered: bool = True,
) -> Version:
    """A batch in which some frames have other files."""
    with VersionWriter(home.store) as writer:
        for index in range(FRAMES):
            files = frame_files(3, index) | changed.get(index, {})
            record = frame_record(3, index, files)
            if specifications:
                record = record.model_copy(update={"spec_digest": digest_of(b"%d %d" % (specifications, index))})
            writer.add(record, files, what="frame")  # type: ignore[arg-type]
        manifest = writer.finish(labels, **({"generator": GENERATOR, "seed": 3} if rendered else {}))
    return open_version(home.store, digest_of(canonical_json(manifest)))


def changed_frames(one: Version, other: Version, pixels_of: int = 50) -> tuple[FrameDifference, ...]:
    return compare_frames(one, other, pixels_of=pixels_of).changed_frames


def test_colours_and_labels_are_compared_where_the_specification_is_the_same(home: Home) -> None:
    image, mask = pixels(frame_files(3, 1)["image"]), pixels(frame_files(3, 2)["mask"])
    brighter = image.copy()
    brighter[:6] = np.where(image[:6] > 200, image[:6] - 20, image[:6] + 20)
    less = mask.copy()
    less[mask == 2] = 0
    base = version(home, {})
    moved = version(home, {1: {"image": png(brighter)}, 2: {"mask": png(less)}})
    one, two = changed_frames(moved, base)
    assert (one.index, one.files, two.index, two.files) == (1, ("image",), 2, ("mask",))
    assert one.pixels is not None
    assert one.pixels.image == 0.25  # 6 of 24 rows
    assert one.pixels.image_mean == pytest.approx(5)
    assert one.pixels.image_most == 20
    assert one.pixels.mask == 0
    assert two.pixels is not None
    assert (two.pixels.image, two.pixels.image_most) == (0, 0)
    assert two.pixels.mask == pytest.approx(float((mask == 2).mean()))


def test_labels_are_compared_by_their_names(home: Home) -> None:
    background, door, mirror = GENERATOR.label_table()
    exchanged = (background, mirror.model_copy(update={"id": 1}), door.model_copy(update={"id": 2}))
    mask = pixels(frame_files(3, 0)["mask"])
    swapped = np.array([0, 2, 1], np.uint8)[mask]
    (same,) = changed_frames(version(home, {0: {"mask": png(swapped)}}, labels=exchanged), version(home, {}))
    assert same.pixels is not None
    assert same.pixels.mask == 0
    renamed = (background, door, mirror.model_copy(update={"name": "other_mirror"}))
    (gone,) = changed_frames(
        version(home, {0: {"image": frame_files(9, 0)["image"]}}, labels=renamed), version(home, {})
    )
    assert gone.pixels is not None
    assert gone.pixels.mask == pytest.approx(float((mask == 2).mean()))


def test_frames_of_other_specifications_or_sizes_or_sources_are_not_compared(home: Home) -> None:
    changed = {0: {"image": frame_files(9, 0)["image"]}}
    base = version(home, {})
    for other in (version(home, changed, specifications=1), version(home, changed, rendered=False)):
        assert changed_frames(other, base)
        assert all(item.pixels is None for item in changed_frames(other, base))
    two = changed | {1: {"image": frame_files(9, 1)["image"]}}
    assert [item.pixels is not None for item in changed_frames(version(home, two), base, pixels_of=1)] == [True, False]
    assert [item.pixels for item in changed_frames(version(home, two), base, pixels_of=0)] == [None, None]
    assert difference.PIXELS_COMPARED_MAX >= 50  # as the document says


def test_two_versions_side_by_side_on_one_page(home: Home, tmp_path: Path) -> None:
    image = pixels(frame_files(3, 1)["image"])
    base, moved = version(home, {}), version(home, {1: {"image": png(255 - image)}, 2: frame_files(9, 2)})
    cache = tmp_path / "cache"
    counted = version_statistics(moved, cache), version_statistics(base, cache)
    found = compare_versions(moved, base, *counted).model_copy(update={"version": "a@2 <script>", "against": "a@1"})
    page = difference_page(found, *counted)
    assert "<script>" not in page
    assert "http" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    for word in ("front_door", "light.exposure_ev", "sedan", "brightness", "2 frames the same", "2 changed", "a@1"):
        assert word in page
    for tag in ("svg", "tr", "td", "table", "div", "p", "h3"):
        assert len(re.findall(rf"<{tag}[ >]", page)) == page.count(f"</{tag}>") > 0, tag
    differences = [frame.pixels for frame in found.frames.changed_frames]
    assert all(item is not None and item.image > 0.9 for item in differences)
    same = difference_page(compare_versions(base, base, *counted[1:] * 2), *counted[1:] * 2)
    assert "another colour" not in same
