"""The gap report's figures, and which errors of a run are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from contracts.document import validate
from contracts.errors import ConfigurationError, NotFoundError
from contracts.ids import canonical_json
from contracts.run import TrainingOrder
from contracts.study_cells import expand
from contracts.study_file import load_study
from registry.label_maps.shipped import load_label_map
from server.study_planning import shipped_studies
from tests.benchmarks.transfer import distribution, gaps, gaps_picture, worst
from tests.benchmarks.transfer.distribution import (
    GRID,
    SetMeasures,
    cohens_d,
    cohens_h,
    gather,
    measure_image,
    total_variation,
    view,
)

DIGEST = "sha256:" + "0" * 64
CLASSES = ["square", "disc"]


def grey(value: int) -> np.ndarray:
    return np.full((32, 32, 3), value, np.uint8)


def test_areas_and_places_of_a_class() -> None:
    target = np.zeros((32, 32), np.uint8)
    target[0:8, 0:4] = 1  # top left: cells (0, 0) and (1, 0)
    target[31, 31] = 2  # one pixel is nobody's mask
    target[16:, :16] = 255  # a quarter does not count
    measured = measure_image(grey(128), target, 2)
    assert measured.area == pytest.approx([32 / 768, 0])
    expected = np.zeros((GRID, GRID))
    expected[:2, [0, -1]] = 0.25
    assert measured.location[0] == pytest.approx(expected)
    assert measured.location[1].sum() == 0


def test_appearance_of_a_step_edge() -> None:
    image = grey(0)
    image[:, 16:] = 255
    brightness, contrast, gradient, saturation = measure_image(image, np.zeros((32, 32), np.uint8), 1).appearance
    assert (brightness, contrast, saturation) == pytest.approx((0.5, 0.5, 0))
    assert gradient == pytest.approx(1 / 31)  # one column of 31 rises by 1
    red = grey(0)
    red[..., 0] = 200
    assert measure_image(red, np.zeros((32, 32), np.uint8), 1).appearance[3] == pytest.approx(1)


@given(arrays.arrays(np.uint8, (24, 24, 3)), arrays.arrays(np.uint8, (24, 24), elements=st.integers(0, 2)))
def test_a_mirror_image_measures_the_same(image: np.ndarray, target: np.ndarray) -> None:
    one = measure_image(image, target, 2)
    other = measure_image(np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(target[:, ::-1]), 2)
    assert one.area == pytest.approx(other.area)
    assert one.location == pytest.approx(other.location)
    assert one.appearance[[0, 1, 3]] == pytest.approx(other.appearance[[0, 1, 3]])


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ({"front_bumper": 90, "head_light": 10}, "front"),
        ({"front_bumper": 50, "front_door": 30, "back_door": 20}, "front corner"),
        ({"front_bumper": 5, "back_bumper": 4, "front_left_door": 50, "back_left_door": 50}, "side"),
        ({"tail_light": 20, "back_bumper": 40, "back_window": 40}, "back corner"),
        ({"back_left_light": 10, "back_right_light": 10, "back_bumper": 60, "front_right_door": 2}, "back"),
        ({"wheel": 100}, "no end, no door"),
    ],
)
def test_the_view_follows_from_the_parts(pixels: dict[str, int], expected: str) -> None:
    assert view(pixels) == expected


@pytest.mark.parametrize(
    ("side", "names"),
    [
        ("front", "front_bumper head_light left_head_light front_right_light"),
        ("back", "back_bumper tail_light right_tail_light back_left_light"),
        ("doors", "front_door back_left_door back_window front_right_window"),
        (None, "background back_glass rear_window front_left_door_handle left_mirror front_left_wheel trunk hood"),
    ],
)
def test_a_part_s_side_follows_from_its_name(side: str | None, names: str) -> None:
    assert {name: distribution.side_of(name) for name in names.split()} == dict.fromkeys(names.split(), side)


def test_effect_sizes_by_hand() -> None:
    one, other = np.array([[1.0], [3.0]]), np.array([[4.0], [6.0]])
    assert cohens_d(one, other) == pytest.approx(3 / 2**0.5)  # pooled variance (2 + 2) / 2
    half, all_of_them = np.array([[0.0], [1.0]]), np.array([[1.0], [1.0]])
    assert cohens_h(half, all_of_them) == pytest.approx(np.pi - np.pi / 2)
    assert total_variation(np.eye(2), np.array([[1.0, 0.0]])) == pytest.approx(0.5)


def images(count: int, level: int, seed: int, share: float) -> SetMeasures:
    random = np.random.Generator(np.random.Philox(key=seed))
    measures = []
    for _ in range(count):
        target = np.zeros((32, 32), np.uint8)
        left, top = random.integers(0, 20, 2)
        target[top : top + 8, left : left + 8] = 1
        if random.random() < share:
            target[24:, :8] = 2
        noise = random.integers(-20, 20, (32, 32, 1))
        measures.append(measure_image((grey(level) + noise).clip(0, 255).astype(np.uint8), target, 2))
    return gather(measures, ["front" if random.random() < share else "side" for _ in range(count)])


def test_only_what_differs_is_beyond_chance() -> None:
    found = distribution.gaps(images(60, 100, 0, 0.5), images(50, 140, 1, 0.5), CLASSES, draws=200)
    beyond = {gap.what for gap in found if gap.beyond_chance > 2}
    assert beyond == {"brightness"}
    brightness = next(gap for gap in found if gap.what == "brightness")
    assert brightness.effect > 0  # positive: more in the synthetic images
    assert brightness.synthetic == pytest.approx(140 / 255, abs=0.01)
    found = distribution.gaps(images(60, 100, 0, 0.2), images(50, 100, 1, 0.8), CLASSES, draws=200)
    beyond = {gap.what for gap in found if gap.beyond_chance > 2}
    assert beyond == {"disc: share of images", "number of classes in an image", "viewpoint"}


def test_a_class_that_one_set_lacks_has_no_area_to_compare(tmp_path: Path) -> None:
    one, other = images(20, 100, 0, 0.5), images(20, 100, 1, 0.0)
    found = distribution.gaps(one, other, CLASSES, draws=20)
    assert "disc: area when present" not in {gap.what for gap in found}
    text = gaps.markdown(found, one, other, "exterior@1")
    assert "| disc: share of images |" in text
    gaps_picture.draw(one, other, CLASSES, "exterior@1", tmp_path / "gaps.png")
    with Image.open(tmp_path / "gaps.png") as picture:
        assert picture.width > 800


def test_the_most_wrong_pixels_come_first() -> None:
    counts = np.array([[50, 1, 0], [0, 0, 30], [9, 20, 20], [7, 0, 0]])
    assert worst.worst_places(counts, 2) == [2, 1]
    assert worst.worst_places(counts, 9) == [2, 1, 0]


def test_confusion_counts_what_is_taken_for_what() -> None:
    truth = np.array([[[0, 1, 1, 2, 255]]], np.uint8)
    said = np.array([[[0, 1, 2, 2, 1]]], np.uint8)
    assert worst.confusion(said, truth, 2).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert "| square, 2 | 0.000 | 0.500 | 0.500 |" in worst.confusion_text(worst.confusion(said, truth, 2), CLASSES)


def order_of(study: str, folder: Path) -> TrainingOrder:
    cells = expand(load_study(str(Path(worst.__file__).parent / f"{study}.yaml"), shipped_studies()))
    spec = next(cell.spec for cell in cells if dict(cell.values) == {"real": "16", "synthetic": "0"})
    return validate(
        TrainingOrder,
        {
            "run": "run",
            "spec": spec.model_dump(mode="json"),
            "label_map": load_label_map("carparts-5").model_dump(mode="json"),
            "versions": {spec.data.test.dataset: DIGEST},
            "store": str(folder),
            "workspace": str(folder),
            "cache": str(folder),
        },
        source="order",
    )


def test_test_photographs_are_never_looked_at(tmp_path: Path) -> None:
    screening, record = order_of("screening", tmp_path), order_of("record", tmp_path)
    assert worst.chosen_part(screening, None) == "development"
    assert worst.chosen_part(screening, "validation") == "validation"
    assert worst.chosen_part(record, None) == "validation"
    with pytest.raises(ConfigurationError, match="test_public"):
        worst.chosen_part(record, "development")


def test_an_unfinished_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"holds no order\.json"):
        worst.read_order(tmp_path)
    order = order_of("screening", tmp_path)
    (tmp_path / "order.json").write_bytes(canonical_json(order))
    assert worst.read_order(tmp_path) == order
    with pytest.raises(NotFoundError, match="finish the run first"):
        worst.predicted(order, tmp_path, "validation")


def test_classes_begin_lines_of_their_own() -> None:
    picture = grey(100)
    page = worst.sheet(
        [[("a", [picture] * 3), ("b", [picture] * 3)], [], [("c", [picture] * 3)]], [("disc", (9, 9, 9))]
    )
    alone = worst.sheet([[("a", [picture] * 3)]], [])
    assert page.width > 1.9 * alone.width - worst.GAP_PX
    assert page.height == 2 * (64 + worst.CAPTION_PX + worst.GAP_PX) + 2 * worst.CAPTION_PX
    assert worst.sheet([], []).height > 0
