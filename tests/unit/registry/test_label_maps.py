"""The shipped label maps."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.errors import ConfigurationError, NotFoundError
from contracts.frame_spec import IGNORE_ID, Label
from contracts.label_map import LabelMap
from registry.label_maps.shipped import label_map_names, load_label_map
from unity_bridge.scenes.vehicle.labels import COARSE_LABELS, FINE_LABELS, PARTS


def table(*names: str) -> tuple[Label, ...]:
    return tuple(Label(id=number, name=name, color=(0, 0, 0)) for number, name in enumerate(names))


PHOTOGRAPHS = table(
    "background",
    "back_door",
    "back_window",
    "rear_window",
    "front_door",
    "front_window",
    "door_handle",
    "mirror",
    "tail_light",
)
RENDERED = table("background", "hood", "front_door", "front_door_handle", "front_window", "back_door_handle", "mirror")


def mapped(name: str, labels: tuple[Label, ...]) -> dict[str, str]:
    label_map = load_label_map(name)
    lookup = label_map.lookup(labels)
    names = dict(enumerate(label_map.class_names())) | {IGNORE_ID: "ignored"}
    return {label.name: names[lookup[label.id]] for label in labels}


@pytest.mark.parametrize("name", label_map_names())
def test_every_shipped_map_is_valid_and_named_as_its_file(name: str) -> None:
    assert load_label_map(name).name == name
    assert load_label_map(name).description


def test_the_maps_that_documents_name_are_there() -> None:
    assert {"belt-1", "bmw-8", "carparts-18", "carparts-5"} <= set(label_map_names())


def test_door_leaves_include_window_and_handle() -> None:
    assert load_label_map("carparts-5").class_names() == [
        "background",
        "back_door",
        "rear_window",
        "front_door",
        "mirror",
        "tail_light",
    ]
    assert mapped("carparts-5", RENDERED) == {
        "background": "background",
        "hood": "background",
        "front_door": "front_door",
        "front_door_handle": "front_door",
        "front_window": "front_door",
        "back_door_handle": "back_door",
        "mirror": "mirror",
    }
    assert mapped("carparts-5", PHOTOGRAPHS)["door_handle"] == "ignored"
    assert mapped("carparts-5", PHOTOGRAPHS)["back_window"] == "back_door"


def test_the_eight_parts_merge_both_handles() -> None:
    assert mapped("bmw-8", RENDERED)["back_door_handle"] == mapped("bmw-8", RENDERED)["front_door_handle"]
    assert mapped("bmw-8", PHOTOGRAPHS) == {label.name: label.name for label in PHOTOGRAPHS}


def test_the_belt_stands_against_everything_else() -> None:
    assert mapped("belt-1", table("background", "seat", "seat_belt")) == {
        "background": "background",
        "seat": "background",
        "seat_belt": "seat_belt",
    }


def test_ids_without_a_label_are_ignored() -> None:
    lookup = np.array(load_label_map("belt-1").lookup(table("background", "seat_belt")))
    assert lookup[255] == 255
    assert set(lookup[2:]) == {255}


def test_a_misspelt_map_gets_the_nearest_name() -> None:
    with pytest.raises(NotFoundError, match=r"no label map 'carpart-5'.*did you mean 'carparts-5'"):
        load_label_map("carpart-5")
    with pytest.raises(NotFoundError):
        load_label_map("../label_maps/bmw-8")


def test_in_a_mirror_image_left_is_right() -> None:
    label_map = load_label_map("carparts-18")
    names = label_map.class_names()
    mirrored = label_map.mirrored_ids()
    assert names[mirrored[names.index("front_left_door")]] == "front_right_door"
    assert names[mirrored[names.index("back_right_light")]] == "back_left_light"
    assert mirrored[names.index("hood")] == names.index("hood")
    assert [mirrored[mirrored[number]] for number in range(256)] == list(range(256))
    assert load_label_map("carparts-5").mirrored_ids() == list(range(256))


def test_a_class_of_one_side_alone_has_no_mirror_image() -> None:
    label_map = LabelMap(name="one-sided", classes={"left_mirror": ["left_mirror"]})
    with pytest.raises(ConfigurationError, match=r"no class 'right_mirror'") as raised:
        label_map.mirrored_ids()
    assert raised.value.code == "one_sided_class"
    assert "horizontal_flip" in raised.value.hint


FINE = table("background", *FINE_LABELS)
COARSE = table("background", *COARSE_LABELS)


@pytest.mark.parametrize("name", ["bmw-8", "carparts-5"])
def test_fine_and_coarse_labels_meet_in_the_same_classes(name: str) -> None:
    """Which parts a class is made of must not depend on how finely a generator labels them."""
    fine, coarse = mapped(name, FINE), mapped(name, COARSE)
    for part in PARTS.values():
        if part.labels[-1] != "door_handle" or name == "bmw-8":  # a handle that names its door belongs to its leaf
            assert fine[part.labels[0]] == coarse[part.labels[-1]], part


def test_the_eighteen_source_parts_all_have_a_rendered_part() -> None:
    assert set(mapped("carparts-18", FINE).values()) == set(load_label_map("carparts-18").class_names())


def test_the_maps_of_lund_and_axis_differ_where_the_papers_do() -> None:
    bdd = table(
        "background",
        "traffic_light",
        "motor",
        "train",
        "truck",
        "rider",
        "car",
        "bus",
        "bike",
        "traffic_sign",
        "person",
    )
    common = {"truck": "truck", "car": "car", "bus": "bus", "bike": "cycle", "person": "person"}
    dropped = dict.fromkeys(("background", "traffic_light", "train", "traffic_sign"), "background")
    assert mapped("bdd-lund", bdd) == {**dropped, **common, "rider": "cycle", "motor": "background"}
    assert mapped("bdd-axis", bdd) == {**dropped, **common, "rider": "person", "motor": "cycle"}
    gtav = table("background", "van", "trailer", "train", "motorcycle", "bicycle", "trafficlight", "person")
    assert mapped("gtav-5", gtav) == {
        "background": "background",
        "van": "car",
        "trailer": "truck",
        "train": "background",
        "motorcycle": "cycle",
        "bicycle": "cycle",
        "trafficlight": "background",
        "person": "person",
    }
    assert load_label_map("bdd-lund").class_names() == load_label_map("gtav-5").class_names()
