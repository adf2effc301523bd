"""Label maps: rename, merge, drop and ignore labels, applied on reading and never by copying."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from contracts.document import Document, SchemaVersion
from contracts.errors import ConfigurationError, nearest
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID, Label, LabelName
from contracts.ids import Name

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

    @model_validator(mode="after")
    def _unambiguous(self) -> LabelMap:
        seen: dict[str, str] = {}
        for target, sources in [*self.classes.items(), ("ignore", self.ignore)]:
            for source in sources:
                if source in seen:
                    raise ValueError(f"label '{source}' is mapped to both '{seen[source]}' and '{target}'")
                seen[source] = target
        if "background" in self.classes:
            raise ValueError("classes: background is always there with id 0; leave it out")
        return self

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
