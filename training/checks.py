"""What the images of a run show to be wrong, before anything is trained."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np

from contracts.errors import ConfigurationError
from training.batches import LabelledFrames
from training.mixing import Mix, Selection, SourceKey
from training.tasks.task import Task

NAMED_MAX = 5
"""Images that an error names."""
SAMPLE_PX = 8
"""Distance of the pixels that are looked at first."""


def check_images(mix: Mix, data: Mapping[SourceKey, LabelledFrames], task: Task, label_map: str) -> tuple[str, ...]:
    """Refuse images without anything on them, and sets without a pixel of any class; name classes nobody can learn.

    Args:
        mix: Images of the run.
        data: What they are, by version and split.
        task: Has the classes.
        label_map: Its name.

    Returns:
        Classes of which no training image shows a pixel.

    Raises:
        ConfigurationError: An image has one colour throughout, or no validation or test image shows any class.
    """
    for what, selection in (
        *((f"train ({source.name})", source) for source in mix.train),
        ("validation", mix.validation),
        ("test", mix.test),
    ):
        _refuse_blank(what, selection, data[selection.key])
    for what, selection in (("validation", mix.validation), ("test", mix.test)):
        if not _classes(selection, data, task, stop_at=1):
            raise ConfigurationError(
                f"data.{what}: no pixel of {len(selection.places)} images of {selection.dataset} is of a class of label"
                f" map '{label_map}'",
                code="empty_classes",
                hint="check the label map, or take other images",
            )
    names = [name for name, _ in task.legend()]
    learned: set[int] = set()
    for source in mix.train:
        learned |= _classes(source, data, task, stop_at=len(names))
        if len(learned) == len(names):
            return ()
    absent = tuple(name for number, name in enumerate(names, 1) if number not in learned)
    print(f"no training image shows {', '.join(absent)}: nothing can be learned of it", file=sys.stderr)
    return absent


def _refuse_blank(what: str, selection: Selection, frames: LabelledFrames) -> None:
    blank = []
    for place in map(int, selection.places):
        image = frames.image(place)
        if (image[::SAMPLE_PX, ::SAMPLE_PX] == image[0, 0]).all() and (image == image[0, 0]).all():
            blank.append(frames.records[place].index)
    if blank:
        some = ", ".join(map(str, blank[:NAMED_MAX])) + (", ..." if len(blank) > NAMED_MAX else "")
        raise ConfigurationError(
            f"data.{what}: {len(blank)} of {len(selection.places)} images of {selection.dataset} are blank, of one"
            f" colour throughout: frames {some}",
            code="blank_image",
            hint="publish a version without them",
            context={"frames": blank},
        )


def _classes(selection: Selection, data: Mapping[SourceKey, LabelledFrames], task: Task, *, stop_at: int) -> set[int]:
    """Ids of the classes that images show, or `stop_at` of them."""
    frames = data[selection.key]
    found: set[int] = set()
    for place in selection.places:
        counts = np.bincount(frames.target(int(place)).reshape(-1), minlength=256)
        found |= {number for number in range(1, task.output_channels + 1) if counts[number]}
        if len(found) >= stop_at:
            break
    return found
