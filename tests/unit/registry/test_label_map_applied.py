"""A label map gives every reader the same classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from registry_samples import GENERATOR

from contracts.errors import ConfigurationError
from contracts.generator import palette_color
from contracts.label_map import LabelMap
from registry.formats.class_table import load_class_table
from registry.label_maps.applied import classes_of

LABELS = GENERATOR.label_table()


def test_without_a_map_labels_and_ids_are_the_versions_own() -> None:
    classes = classes_of(LABELS, None)
    assert classes.labels == LABELS
    np.testing.assert_array_equal(classes.lookup, np.arange(256))


def test_a_map_renames_drops_and_ignores() -> None:
    label_map = LabelMap(name="doors", classes={"door": ["front_door"]}, ignore=["mirror"])
    classes = classes_of(LABELS, label_map)
    assert classes.names == {0: "background", 1: "door"}
    assert [int(classes.lookup[label.id]) for label in LABELS] == [0, 1, 255]
    assert classes.lookup.tolist() == label_map.lookup(LABELS)
    assert classes.labels[0].color == (0, 0, 0)
    assert classes.labels[1].color != (0, 0, 0)


def test_a_map_of_another_domain_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="names none of the source's labels"):
        classes_of(LABELS, LabelMap(name="belts", classes={"belt": ["seat_belt"]}))


def test_background_is_black_in_class_tables_without_colours(tmp_path: Path) -> None:
    path = tmp_path / "classes.json"
    path.write_text('{"classes": {"0": "background", "1": "door"}}')
    table = load_class_table(path)
    background, door = table.labels
    assert background.color == (0, 0, 0)
    assert door.color == palette_color(1) != (0, 0, 0)
    assert table.colored == frozenset()
