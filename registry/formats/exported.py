"""What every export format writes of a version: its frames, one after another, with the objects that they show.

Frames are read in a stream and prepared a few ahead of the one that is written, so that memory does not grow with the
version. Masks are those of the classes: a label map is applied here, for all formats, as training applies it.

An object is what an instance shows of one class. Pixels of a class that belong to no instance are objects by connected
areas (8 neighbours), as in photographs whose masks tell no instances apart. So the objects of a frame, painted with
their classes, are its mask, and with their instances its instance mask; what has no class (background, pixels to
ignore) is no object. Where a frame has no instance mask, its instances are objects of which only a box is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError
from contracts.frame import FileRole, FrameRecord, Instance
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID
from contracts.ids import VersionReference
from contracts.label_map import LabelMap
from registry.formats.areas import Area, find_areas
from registry.formats.parallel import in_parallel
from registry.formats.png import encode_indexed, is_indexed
from registry.label_maps.applied import Classes, classes_of, has_class, instance_keys
from registry.reader import ByteImage, OnProgress, ShortImage, Version

ONLY_PART = "train"
"""Where frames of a version without splits go: what the tools of these formats call a set that has no name."""
UNSPLIT_PART = "unsplit"
"""Where frames without a split go beside others that have one."""

_LOOSE = 1 << 16
"""Numbers above instance ids: connected areas without one."""
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class FrameObject:
    """What a frame shows of one thing in one class."""

    number: int
    """From 1, unlike any other in the frame; an instance's id where that is free."""
    class_id: int
    instance: Instance | None
    """As recorded; none of pixels that belong to none."""
    area_px: int
    box: tuple[int, int, int, int]
    """x, y, width, height in pixels from the top left corner, half open."""
    counts: str | None
    """COCO's compressed run lengths; none where only a box is known."""
    key: int
    """Value in the frame's `keys`; 0 where only a box is known."""
    visible_fraction: float | None
    """Of the instance, where most of it bears this class."""


class ExportedFrame:
    """A frame with its masks; what is not asked for is not read."""

    def __init__(self, export: Export, record: FrameRecord, place: int) -> None:
        self.export = export
        self.record = record
        self.place = place
        """Among the exported frames, from 0, without holes."""
        self.part = export.part_of(record)

    @property
    def stem(self) -> str:
        """File name without ending."""
        return f"{self.record.index:06d}"

    def read(self, role: FileRole) -> bytes:
        """A file as stored, verified."""
        return self.export.version.read_file(self.record, role)

    @cached_property
    def mask(self) -> ByteImage:
        """(H, W) uint8 class ids, 255 to be ignored."""
        return self.export.classes.read_mask(self.export.version, self.record)

    @cached_property
    def instance_mask(self) -> ShortImage | None:
        """(H, W) uint16 instance ids, 0 none; none where not rendered. A label map takes out what has no class."""
        if "instances" not in self.record.files:
            return None
        ids = self.export.version.read_instances(self.record)
        if self.export.classes.label_map is None:
            return ids
        return np.where((self.mask == BACKGROUND_ID) | (self.mask == IGNORE_ID), np.uint16(0), ids)

    def indexed_mask(self) -> bytes:
        """The mask as an indexed PNG; the stored bytes where they are that."""
        if self.export.classes.label_map is None:
            data = self.read("mask")
            if is_indexed(data):
                return data
        return encode_indexed(self.mask, self.export.classes.labels)

    @cached_property
    def keys(self) -> npt.NDArray[np.uint32]:
        """(H, W) uint32: which object a pixel belongs to, 0 none."""
        mask = self.mask
        loose = has_class(mask)
        if self.instance_mask is None:
            keys: npt.NDArray[np.uint32] = np.zeros(mask.shape, np.uint32)
        else:
            keys = instance_keys(mask, self.instance_mask, loose)
            loose &= self.instance_mask == 0
        if not loose.any():
            return keys
        first = _LOOSE
        for class_id in np.flatnonzero(np.bincount(mask[loose], minlength=256)).tolist():
            bits = (loose & (mask == class_id)).view(np.uint8)
            x, y, width, height = cv2.boundingRect(bits)
            window = slice(y, y + height), slice(x, x + width)
            count, areas = cv2.connectedComponents(bits[window], connectivity=8)
            shown = areas > 0
            keys[window][shown] = (areas[shown].astype(np.uint32) + np.uint32(first - 1)) << 8 | np.uint32(class_id)
            first += count - 1
        return keys

    @cached_property
    def areas(self) -> list[Area]:
        """Of `keys`, in their order."""
        return find_areas(self.keys)

    @cached_property
    def objects(self) -> tuple[FrameObject, ...]:
        """Ordered by instance and class, those without an instance last; boxes first where there are boxes only."""
        listed = {instance.id: instance for instance in self.record.instances}
        largest: dict[int, int] = {}
        for area in sorted(self.areas, key=lambda area: -area.area_px):
            largest.setdefault(area.key >> 8, area.key)
        highest = max((area.key >> 8 for area in self.areas if area.key >> 8 < _LOOSE), default=0)
        names = self.export.classes_by_label
        objects = [] if self.instance_mask is not None else self._boxed_objects()
        highest = max([highest, *(item.number for item in objects)])
        for area in self.areas:
            instance_id, class_id = area.key >> 8, area.key & 0xFF
            instance = listed.get(instance_id)
            if instance_id < _LOOSE and largest[instance_id] == area.key:
                number = instance_id
            else:
                highest += 1
                number = highest
            is_main = instance is not None and names.get(instance.label) == class_id
            objects.append(
                FrameObject(
                    number=number,
                    class_id=class_id,
                    instance=instance,
                    area_px=area.area_px,
                    box=area.box,
                    counts=area.counts,
                    key=area.key,
                    visible_fraction=instance.visible_fraction if instance is not None and is_main else None,
                )
            )
        return tuple(objects)

    def _boxed_objects(self) -> list[FrameObject]:
        kept = self.export.classes.kept(self.record)
        classes = ((instance, self.export.classes_by_label[instance.label]) for instance in kept)
        return [
            FrameObject(
                number=instance.id,
                class_id=class_id,
                instance=instance,
                area_px=instance.area_px,
                box=instance.box,
                counts=None,
                key=0,
                visible_fraction=instance.visible_fraction,
            )
            for instance, class_id in classes
            if class_id not in (BACKGROUND_ID, IGNORE_ID)
        ]

    def instances(self) -> tuple[Instance, ...]:
        """As recorded; under a label map, what is left of each, by the name of the class that most of it bears."""
        return self.export.classes.left(self.record, self.areas)

    def described_objects(self) -> list[dict[str, Any]]:
        """The objects as JSON."""
        names = self.export.classes.names
        return [
            {
                "id": item.number,
                "instance_id": item.instance.id if item.instance is not None else None,
                "label": names[item.class_id],
                "label_id": item.class_id,
                "box": list(item.box),
                "area_px": item.area_px,
                "visible_fraction": item.visible_fraction,
            }
            for item in self.objects
        ]

    def origin(self) -> dict[str, Any]:
        """What tells where the frame comes from, without what is not known."""
        record = self.record
        known = {
            "split": record.split,
            "group": record.group,
            "source": record.source,
            "seed": record.seed,
            "image_digest": record.files["image"],
        }
        return {name: value for name, value in known.items() if value is not None}


class Export:
    """A version on its way out.

    Args:
        version: The version.
        reference: Its name and number.
        label_map: None leaves labels and ids as they are.

    Raises:
        ConfigurationError: The version has none of the labels that the map names, or a split is called as the frames
            without one are.
    """

    def __init__(self, version: Version, reference: VersionReference, label_map: LabelMap | None = None) -> None:
        self.version = version
        self.reference = reference
        self.classes: Classes = classes_of(version.labels, label_map)
        splits = version.manifest.splits
        self._default_part = UNSPLIT_PART if splits else ONLY_PART
        if splits and sum(splits.values()) < len(version) and UNSPLIT_PART in splits:
            raise ConfigurationError(
                f"{version.name} has a split '{UNSPLIT_PART}', and frames without one would be called so",
                code="ambiguous_split",
                hint="export it as raw",
            )

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts, sorted."""
        splits = self.version.manifest.splits
        rest = sum(splits.values()) < len(self.version)
        return tuple(sorted({*splits, *([self._default_part] if rest else [])}))

    def part_of(self, record: FrameRecord) -> str:
        """The split of a frame, or what stands for it."""
        return record.split if record.split is not None else self._default_part

    @cached_property
    def classes_by_label(self) -> dict[str, int]:
        """Class id by the version's label name."""
        return self.classes.by_source

    def each(
        self, prepare: Callable[[ExportedFrame], _Result], on_progress: OnProgress | None = None
    ) -> Iterator[_Result]:
        """What `prepare` makes of every frame, in their order; called by several threads, a few frames ahead.

        Raises:
            IntegrityError: The version is damaged.
        """
        frames = (ExportedFrame(self, record, place) for place, record in enumerate(self.version.iterate()))
        total = len(self.version) - len(self.version.erased)
        for done, result in enumerate(in_parallel(prepare, frames), 1):
            yield result
            if on_progress is not None:
                on_progress(done, total)

    def about(self) -> dict[str, Any]:
        """The version in JSON types: identity, lineage, and terms under which it is used."""
        manifest = self.version.manifest.model_dump(mode="json")
        label_map = self.classes.label_map
        return {
            "name": self.reference.name,
            "version": self.reference.number,
            "digest": self.version.digest,
            "frame_count": manifest["frame_count"],
            "splits": manifest["splits"],
            "lineage": {key: manifest[key] for key in ("generator", "seed", "parents")},
            "quality": manifest["quality"],
            "license": manifest["license"],
            "consent": manifest.get("consent"),
            "terms": manifest.get("terms", []),
            **({"erased_frames": len(self.version.erased)} if self.version.erased else {}),
            **({"label_map": label_map.model_dump(mode="json")} if label_map is not None else {}),
        }

    def described_labels(self) -> list[dict[str, Any]]:
        """The classes as JSON: id, name, colour."""
        return [label.model_dump(mode="json") for label in self.classes.labels]

    def licenses(self) -> list[dict[str, Any]]:
        """License and consent of the version and of everything it was made of, without those that say nothing."""
        manifest = self.version.manifest
        own = [(None, manifest.license, manifest.consent)]
        inherited = [(item.source, item.license, item.consent) for item in manifest.terms]
        return [
            {"license": license_terms, "consent": consent, **({"source": source} if source is not None else {})}
            for source, license_terms, consent in chain(own, inherited)
            if license_terms is not None or consent is not None
        ]
