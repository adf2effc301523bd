"""What a label map makes of a version's labels: the one place where training, export and all others apply it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.frame_spec import BACKGROUND_ID, Label
from contracts.generator import palette_color
from contracts.label_map import LabelMap


@dataclass(frozen=True)
class Classes:
    """The classes that a version's masks are read with, and how its label ids become theirs."""

    labels: tuple[Label, ...]
    """Background first, with id 0."""
    lookup: npt.NDArray[np.uint8]
    """(256,) class id by label id of the version; 255 is to be ignored."""
    label_map: LabelMap | None = None
    """What was applied; none where labels and ids are the version's own."""

    @property
    def names(self) -> dict[int, str]:
        """Names by class id."""
        return {label.id: label.name for label in self.labels}


def classes_of(labels: tuple[Label, ...], label_map: LabelMap | None) -> Classes:
    """Apply a label map to a version's labels.

    Args:
        labels: Of the version.
        label_map: None leaves names and ids as they are.

    Raises:
        ConfigurationError: The version has none of the labels that the map names.
    """
    if label_map is None:
        return Classes(labels, np.arange(256, dtype=np.uint8))
    lookup = np.array(label_map.lookup(labels), dtype=np.uint8)
    names = label_map.class_names()
    targets = tuple(Label(id=number, name=name, color=palette_color(number)) for number, name in enumerate(names))
    assert targets[0].id == BACKGROUND_ID
    return Classes(targets, lookup, label_map)
