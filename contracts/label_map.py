"""Label maps: rename, merge, drop and ignore labels, and remove instances, applied on reading and never by copying."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.document import Document, SchemaVersion
from contracts.errors import ConfigurationError, nearest
from contracts.frame import Instance
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID, Label, LabelName
from contracts.ids import Name

Share = Annotated[float, Field(gt=0, le=1)]
Side = Literal["left", "top", "right", "bottom"]
MINIMUM_AREA = "minimum_area"
"""What removed instances are counted under that are smaller than `minimum_area_px2`."""


def _absent(value: object) -> bool:
    """Whether a field stays out of the bytes: so fields of later releases change no digest of earlier ones."""
    return value in (0, [], "ignore")


class RemovalRule(Document):
    """Instances that are worth nothing to a task, such as the hood of the own car. All conditions given must hold."""

    name: Name
    """What it is called in counts of removed instances."""
    labels: Annotated[list[LabelName], Field(min_length=1)] | None = None
    """Source labels that it is for; none is for all."""
    area_below_px2: Annotated[int, Field(ge=1)] | None = None
    """Fewer visible pixels than this."""
    box_area_below_px2: Annotated[int, Field(ge=1)] | None = None
    """A box of a smaller area."""
    box_width_above: Share | None = None
    """A box wider than this share of the image."""
    visible_fraction_below: Share | None = None
    """Too occluded: a smaller part is visible. Instances of which that is not known stay."""
    occluded: Literal[True] | None = None
    """Something hides a part of it, as the source says."""
    truncated: Literal[True] | None = None
    """It reaches out of the image, as the source says or else as its box touches the border."""
    touches: Annotated[list[Side], Field(min_length=1, max_length=4)] | None = None
    """Its box touches each of these borders of the image."""

    @model_validator(mode="after")
    def _has_a_condition(self) -> RemovalRule:
        if all(value is None for key, value in self if key not in ("name", "labels")):
            raise ValueError(f"rule '{self.name}' has no condition: it would remove every instance")
        return self

    def applies(self, instance: Instance, size: tuple[int, int]) -> bool:
        """Whether an instance in an image of width, height pixels is removed."""
        x, y, width, height = instance.box
        sides = {"left": x <= 0, "top": y <= 0, "right": x + width >= size[0], "bottom": y + height >= size[1]}
        truncated = any(sides.values()) if instance.truncated is None else instance.truncated
        visible = instance.visible_fraction
        return all(
            (
                self.labels is None or instance.label in self.labels,
                self.area_below_px2 is None or instance.area_px < self.area_below_px2,
                self.box_area_below_px2 is None or width * height < self.box_area_below_px2,
                self.box_width_above is None or width > self.box_width_above * size[0],
                self.visible_fraction_below is None or (visible is not None and visible < self.visible_fraction_below),
                self.occluded is None or instance.occluded is True,
                self.truncated is None or truncated,
                self.touches is None or all(sides[side] for side in self.touches),
            )
        )


SourceLabels = Annotated[list[LabelName], Field(min_length=1)]


class LabelMap(Document):
    """From the labels of any source to the classes of a task.

    Source labels that are not named become background. A class may list labels that a source does not have: one map
    serves synthetic and real sources.
    """

    schema_version: SchemaVersion = 1
    name: Name
    description: str = ""
    classes: Annotated[dict[LabelName, SourceLabels], Field(min_length=1, max_length=254)]
    """Classes in the order of their ids from 1, each with the source labels merged into it."""
    ignore: list[LabelName] = []
    """Source labels whose pixels neither train nor count."""
    minimum_area_px2: Annotated[int, Field(ge=0, exclude_if=_absent)] = 0
    """Instances of fewer visible pixels are removed. Frames without instances are left as they are."""
    remove: Annotated[list[RemovalRule], Field(exclude_if=_absent)] = []
    """Further instances that are removed: those that any rule applies to."""
    removed_pixels: Annotated[Literal["ignore", "background"], Field(exclude_if=_absent)] = "ignore"
    """What the pixels of removed instances become."""

    @model_validator(mode="after")
    def _unambiguous(self) -> LabelMap:
        seen: dict[str, str] = {}
        for target, sources in [*self.classes.items(), ("ignore", self.ignore)]:
            for source in sources:
                if source in seen:
                    raise ValueError(f"label '{source}' is mapped to both '{seen[source]}' and '{target}'")
                seen[source] = target
        names = [rule.name for rule in self.remove]
        if len(set(names)) != len(names) or MINIMUM_AREA in names:
            raise ValueError(f"remove: rules need names of their own, other than '{MINIMUM_AREA}'; they are {names}")
        if "background" in self.classes:
            raise ValueError("classes: background is always there with id 0; leave it out")
        return self

    @property
    def removes_instances(self) -> bool:
        """Whether masks depend on instances as well as on labels."""
        return self.minimum_area_px2 > 0 or bool(self.remove)

    def removed_by(self, instance: Instance, size: tuple[int, int]) -> str | None:
        """The rule that removes an instance of an image of width, height pixels; none where it stays."""
        if instance.area_px < self.minimum_area_px2:
            return MINIMUM_AREA
        return next((rule.name for rule in self.remove if rule.applies(instance, size)), None)

    def class_names(self) -> list[str]:
        """Names by id, background first."""
        return ["background", *self.classes]

    def mirrored_ids(self) -> list[int]:
        """Table of 256 class ids by class id, for masks of an image that is turned left to right: `left_mirror`
        becomes `right_mirror`. Classes that name no side stay.

        Raises:
            ConfigurationError: A class names a side and there is none of the other (`one_sided_class`).
        """
        ids = {name: number for number, name in enumerate(self.class_names())}
        table = list(range(256))
        for name, number in ids.items():
            other = _other_side(name)
            if other not in ids:
                raise ConfigurationError(
                    f"label map '{self.name}' has a class '{name}' and no class '{other}': a mirror image has no name"
                    " for it",
                    code="one_sided_class",
                    hint=f"add '{other}', merge both sides into one class, or set augmentation.horizontal_flip to 0",
                )
            table[number] = ids[other]
        return table

    def lookup(self, labels: tuple[Label, ...]) -> list[int]:
        """Table of 256 target ids by source id, for masks of a source with these labels.

        Raises:
            ConfigurationError: The source has none of the labels that the map names.
        """
        target_of = {source: number for number, sources in enumerate(self.classes.values(), 1) for source in sources}
        target_of |= dict.fromkeys(self.ignore, IGNORE_ID)
        names = {label.name for label in labels}
        if not names & target_of.keys():
            raise ConfigurationError(
                f"label map '{self.name}' names none of the source's labels ({', '.join(sorted(names))})",
                code="label_map_mismatch",
                hint=nearest(next(iter(target_of)), names),
            )
        table = [IGNORE_ID] * 256
        for label in labels:
            table[label.id] = target_of.get(label.name, BACKGROUND_ID)
        return table


def _other_side(name: str) -> str:
    """A name with left and right exchanged, as whole words between underscores."""
    other = {"left": "right", "right": "left"}
    return "_".join(other.get(word, word) for word in name.split("_"))
