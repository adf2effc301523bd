"""Masks painted region by region: what is painted later covers what was there, and instances keep what is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from contracts.frame import Instance
from contracts.frame_spec import IGNORE_ID
from registry.formats.photographs import Refused
from registry.formats.regions import Region

INSTANCES_MAX = 65535


@dataclass(frozen=True)
class Thing:
    """What is known of an instance beside its pixels."""

    label: str
    location: str
    """What reports call it."""
    visible_fraction: float | None = None
    truncated: bool | None = None
    occluded: bool | None = None


class Canvas:
    """A semantic mask and an instance mask in the making.

    Args:
        width: Pixels.
        height: Pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self.mask: npt.NDArray[np.uint8] = np.zeros((height, width), np.uint8)
        """(H, W) label ids, 0 background, 255 ignore."""
        self.instances: npt.NDArray[np.uint16] = np.zeros((height, width), np.uint16)
        """(H, W) instance ids, 0 none."""
        self._things: list[Thing] = []

    def add(self, thing: Thing) -> int:
        """Number an instance whose pixels are painted later.

        Raises:
            Refused: More than 65535 instances.
        """
        self._things.append(thing)
        if len(self._things) > INSTANCES_MAX:
            raise Refused(f"more than {INSTANCES_MAX} instances")
        return len(self._things)

    def paint(self, region: Region, label_id: int, number: int = 0) -> None:
        """Cover a region.

        Args:
            region: The pixels.
            label_id: Of the class.
            number: Of the instance, from `add`; 0 where the region is no single thing.
        """
        self.mask[region.place][region.bits] = label_id
        self.instances[region.place][region.bits] = number

    def ignore_empty(self, box: Sequence[int]) -> None:
        """Let the pixels of a box (x, y, width, height) that nothing has covered neither train nor count."""
        x, y, width, height = box
        part = self.mask[y : y + height, x : x + width]
        part[part == 0] = IGNORE_ID

    def finish(self) -> tuple[tuple[Instance, ...], list[Thing]]:
        """The instances that are seen, numbered from 1 without holes, and those that others cover wholly."""
        return numbered(self.instances, self._things)


def numbered(instances: npt.NDArray[np.uint16], things: Sequence[Thing]) -> tuple[tuple[Instance, ...], list[Thing]]:
    """Describe the instances of a mask, and give them numbers from 1 without holes, in place.

    Args:
        instances: (H, W) uint16; instance n is `things[n - 1]`.
        things: What is known of each.

    Returns:
        The instances that have pixels, and the things that have none.
    """
    found: list[Instance] = []
    hidden: list[Thing] = []
    table = np.zeros(len(things) + 1, np.uint16)
    counts = np.bincount(instances.ravel(), minlength=len(things) + 1)
    slices = ndimage.find_objects(instances, max_label=len(things))
    for number, (thing, place) in enumerate(zip(things, slices, strict=True), 1):
        if place is None:
            hidden.append(thing)
            continue
        table[number] = len(found) + 1
        rows, columns = place
        found.append(
            Instance(
                id=len(found) + 1,
                label=thing.label,
                area_px=int(counts[number]),
                box=(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start),
                visible_fraction=thing.visible_fraction,
                truncated=thing.truncated,
                occluded=thing.occluded,
            )
        )
    instances[:] = table[instances]
    return tuple(found), hidden
