"""What a label map makes of a version's labels: the one place where training, export and all others apply it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contracts.frame import FrameRecord, Instance
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID, Label
from contracts.generator import palette_color
from contracts.label_map import LabelMap
from registry.reader import ByteImage, Version


@dataclass(frozen=True)
class Classes:
    """The classes that a version's masks are read with, and how its label ids become theirs."""

    labels: tuple[Label, ...]
    """Background first, with id 0."""
    lookup: npt.NDArray[np.uint8]
    """(256,) class id by label id of the version; 255 is to be ignored."""
    label_map: LabelMap | None = None
    """What was applied; none where labels and ids are the version's own."""

    def read_mask(self, version: Version, record: FrameRecord) -> ByteImage:
        """The mask of a frame, (H, W) uint8 class ids, 255 ignore.

        Raises:
            IntegrityError: The bytes are damaged.
        """
        if self.label_map is None:
            return version.read_mask(record)
        return self.lookup[read_labels(version, record, self.label_map)]

    def kept(self, record: FrameRecord) -> tuple[Instance, ...]:
        """The instances of a frame that no rule of the label map removes, with their own labels."""
        if self.label_map is None:
            return record.instances
        return tuple(item for item in record.instances if self.label_map.removed_by(item, record.size) is None)

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


def read_labels(version: Version, record: FrameRecord, label_map: LabelMap) -> ByteImage:
    """The mask of a frame without the instances that a label map removes.

    Where a frame has boxes only, its mask stays as it is: pixels in boxes are ignored anyway.

    Returns:
        (H, W) uint8 label ids of the version, 255 ignore; `LabelMap.lookup` makes them class ids.

    Raises:
        IntegrityError: The bytes are damaged.
    """
    mask = version.read_mask(record)
    if not label_map.removes_instances or "instances" not in record.files:
        return mask
    removed = [item.id for item in record.instances if label_map.removed_by(item, record.size) is not None]
    if removed:
        gone = np.zeros(1 << 16, bool)
        gone[removed] = True
        value = IGNORE_ID if label_map.removed_pixels == "ignore" else BACKGROUND_ID
        mask[gone[version.read_instances(record)]] = value
    return mask
