"""What a label map makes of a version's labels: the one place where training, export and all others apply it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from contracts.frame import FrameRecord, Instance
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID, Label
from contracts.generator import palette_color
from contracts.ids import Digest, canonical_json, digest_of
from contracts.label_map import LabelMap
from registry.formats.areas import Area
from registry.reader import ByteImage, ShortImage, Version


@dataclass(frozen=True)
class Classes:
    """The classes that a version's masks are read with, and how its label ids become theirs."""

    labels: tuple[Label, ...]
    """Background first, with id 0."""
    sources: tuple[Label, ...]
    """The version's own."""
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

    def left(self, record: FrameRecord, areas: Iterable[Area]) -> tuple[Instance, ...]:
        """The instances of a frame as recorded; under a label map what is left of each: the pixels that bear a class,
        by the name of the one that most of them bear.

        Args:
            record: The frame.
            areas: Of `instance_keys`, in the order of their keys; further ones above all instance ids do no harm. Not
                looked at where the frame has boxes only.
        """
        if self.label_map is None:
            return record.instances
        names, by_source = self.names, self.by_source
        if "instances" not in record.files:
            boxed = ((item, by_source[item.label]) for item in self.kept(record))
            return tuple(
                item.model_copy(update={"label": names[class_id]})
                for item, class_id in boxed
                if class_id not in (BACKGROUND_ID, IGNORE_ID)
            )
        of_instance: dict[int, list[Area]] = {}
        for area in areas:
            of_instance.setdefault(area.key >> 8, []).append(area)
        left = []
        for instance in record.instances:
            shown = of_instance.get(instance.id)
            if shown is None:
                continue
            x0, y0 = min(item.box[0] for item in shown), min(item.box[1] for item in shown)
            x1 = max(item.box[0] + item.box[2] for item in shown)
            y1 = max(item.box[1] + item.box[3] for item in shown)
            class_id = max(shown, key=lambda item: item.area_px).key & 0xFF
            changes = {
                "label": names[class_id],
                "area_px": sum(item.area_px for item in shown),
                "box": (x0, y0, x1 - x0, y1 - y0),
                "visible_fraction": instance.visible_fraction if by_source.get(instance.label) == class_id else None,
            }
            left.append(instance.model_copy(update=changes))
        return tuple(left)

    @cached_property
    def digest(self) -> Digest:
        """Of all that is applied: the version's labels and the label map."""
        label_map = self.label_map.model_dump(mode="json") if self.label_map is not None else None
        return digest_of(canonical_json([label_map, [label.model_dump(mode="json") for label in self.sources]]))

    @cached_property
    def by_source(self) -> dict[str, int]:
        """Class id by the version's label name."""
        return {label.name: int(self.lookup[label.id]) for label in self.sources}

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
        return Classes(labels, labels, np.arange(256, dtype=np.uint8))
    lookup = np.array(label_map.lookup(labels), dtype=np.uint8)
    names = label_map.class_names()
    targets = tuple(Label(id=number, name=name, color=palette_color(number)) for number, name in enumerate(names))
    return Classes(targets, labels, lookup, label_map)


def instance_keys(
    mask: ByteImage, instances: ShortImage, shown: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.uint32]:
    """Instance and class of every pixel in one number.

    Args:
        mask: (H, W) class ids, 255 ignore.
        instances: (H, W) instance ids, 0 none.
        shown: What `has_class` says of the mask, where that is known already.

    Returns:
        (H, W) uint32: the instance id times 256, and the class id; 0 where a pixel has no class or no instance.
    """
    keys: npt.NDArray[np.uint32] = instances.astype(np.uint32)
    keys <<= np.uint32(8)
    keys |= mask
    keys *= (has_class(mask) if shown is None else shown) & (instances != 0)
    return keys


def has_class(mask: ByteImage) -> npt.NDArray[np.bool_]:
    """Where a mask shows a class, and not background or pixels to ignore."""
    # Bytes wrap around, so one comparison excludes the lowest and the highest id.
    found: npt.NDArray[np.bool_] = mask - np.uint8(BACKGROUND_ID + 1) < np.uint8(IGNORE_ID - 1)
    return found


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
