"""From annotated objects of an image to its masks and instances, the same for every format that lists objects.

Where objects share pixels, a pixel belongs to one of them: to the smaller one, or to the one written later, as the
format has it. An object of which only a box is known has no pixels: its box is to be ignored where nothing else lies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from contracts.frame import Instance
from contracts.frame_spec import IGNORE_ID
from contracts.import_report import NotTaken
from registry.formats.canvas import Canvas, Thing
from registry.formats.importing import Annotated
from registry.formats.photographs import Refused
from registry.formats.regions import Bits, Region, pixel_box, region_of

Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Drawn:
    """An object, on the pixels of its image."""

    location: str
    """What reports call it."""
    label_id: int
    label: str
    region: Region | None = None
    """Its pixels; none where only a box is known."""
    box: Box | None = None
    """x, y, width, height in pixels, where only a box is known."""
    is_thing: bool = True
    """Whether it is one thing, and not a crowd or a stretch of road."""
    visible_fraction: float | None = None
    truncated: bool | None = None
    occluded: bool | None = None


class Easel:
    """Collects the objects of one image.

    Args:
        size: Width, height of the image in pixels.
        source: What reports call the image.
    """

    def __init__(self, size: tuple[int, int], source: str) -> None:
        self.size = size
        self._source = source
        self._drawn: list[Drawn] = []
        self.not_taken: list[NotTaken] = []
        self.ignored: Bits | None = None
        """(H, W) pixels that are to be ignored where no object covers them."""

    def leave_out(self, place: str, reason: str, message: str) -> None:
        """Note what of the image is not taken."""
        self.not_taken.append(NotTaken(location=f"{self._source} {place}".rstrip(), reason=reason, message=message))

    def add_bits(self, place: str, label_id: int, label: str, bits: Bits, *, reached_out: bool, **known: Any) -> None:
        """Add an object by its pixels.

        Args:
            place: What reports call it, within the image.
            label_id: Its class.
            label: Name of the class.
            bits: (H, W) of the image.
            reached_out: Whether it was cut at the image's border.
            known: `is_thing`, `visible_fraction`, `truncated`, `occluded`, as of `Drawn`.
        """
        region = region_of(bits)
        if region is None:
            reason = ("outside", "lies outside the image") if reached_out else ("empty", "covers no pixel's centre")
            self.leave_out(place, *reason)
            return
        if reached_out:
            self.leave_out(place, "clipped", "reaches out of the image; what lies inside was taken")
        self._drawn.append(Drawn(place, label_id, label, region, **known))

    def add_box(self, place: str, label_id: int, label: str, corners: Sequence[float], **known: Any) -> None:
        """Add an object by its box.

        Args:
            place: What reports call it, within the image.
            label_id: Its class.
            label: Name of the class.
            corners: Left, top, right, bottom in pixels.
            known: As for `add_bits`.

        Raises:
            Refused: It is no box.
        """
        left, top, right, bottom = corners
        box = pixel_box(left, top, right, bottom, *self.size)
        if box is None:
            self.leave_out(place, "outside", "its box holds no pixel of the image")
            return
        if left < -1 or top < -1 or right > self.size[0] + 1 or bottom > self.size[1] + 1:
            self.leave_out(place, "clipped", "reaches out of the image; what lies inside was taken")
        self._drawn.append(Drawn(place, label_id, label, box=(box[0], box[1], box[2], box[3]), **known))

    def finish(
        self, *, with_regions: bool, smaller_on_top: bool, parameters: Mapping[str, Any] | None = None
    ) -> Annotated:
        """Masks and instances of the objects.

        Args:
            with_regions: Whether the dataset has pixels of its objects at all; else boxes become its instances.
            smaller_on_top: Whether smaller objects cover larger ones, whatever their order.
            parameters: What else is known of the image.

        Raises:
            Refused: More instances than an instance mask can hold.
        """
        canvas = Canvas(*self.size)
        if not with_regions:
            for drawn in self._drawn:
                canvas.mask[_place(drawn.box)] = IGNORE_ID
            self._ignore(canvas)
            things = [drawn for drawn in self._drawn if drawn.is_thing]
            return Annotated(
                canvas.mask,
                things=tuple(_boxed(number, drawn) for number, drawn in enumerate(things, 1)),
                parameters=parameters or {},
                not_taken=tuple(self.not_taken),
            )
        self._paint(canvas, smaller_on_top)
        for drawn in self._drawn:
            if drawn.box is not None:
                self.leave_out(drawn.location, "no_segmentation", "has only a box: its box is ignored")
                canvas.ignore_empty(drawn.box)
        self._ignore(canvas)
        instances, hidden = canvas.finish()
        for thing in hidden:
            self.leave_out(thing.location, "covered", "is covered wholly by other objects")
        return Annotated(canvas.mask, canvas.instances, instances, parameters or {}, tuple(self.not_taken))

    def _ignore(self, canvas: Canvas) -> None:
        if self.ignored is not None:
            canvas.mask[self.ignored & (canvas.mask == 0)] = IGNORE_ID

    def _paint(self, canvas: Canvas, smaller_on_top: bool) -> None:
        regions = [(drawn, drawn.region) for drawn in self._drawn if drawn.region is not None]
        numbers = {
            id(drawn): canvas.add(
                Thing(drawn.label, drawn.location, drawn.visible_fraction, drawn.truncated, drawn.occluded)
            )
            for drawn, _ in regions
            if drawn.is_thing
        }
        if smaller_on_top:
            regions.sort(key=lambda item: -item[1].area_px)
        shared = 0
        for drawn, region in regions:
            number = numbers.get(id(drawn), 0)
            shared += bool(np.any(canvas.instances[region.place][region.bits]))
            canvas.paint(region, drawn.label_id, number)
        if shared and smaller_on_top:
            self.leave_out("", "overlap", f"{shared} objects share pixels with larger ones, which lose these pixels")


def _place(box: Box | None) -> tuple[slice, slice]:
    if box is None:
        raise Refused("an object has neither pixels nor a box")
    x, y, width, height = box
    return slice(y, y + height), slice(x, x + width)


def _boxed(number: int, drawn: Drawn) -> Instance:
    box = drawn.box or (0, 0, 0, 0)
    return Instance(
        id=number,
        label=drawn.label,
        area_px=box[2] * box[3],
        box=box,
        visible_fraction=drawn.visible_fraction,
        truncated=drawn.truncated,
        occluded=drawn.occluded,
    )
