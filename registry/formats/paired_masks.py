"""Images with a mask file each, of any encoding: which lie where, and what stands between file and label ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.frame_spec import Label
from registry.formats.annotation_files import files_below, images_below, pairs
from registry.formats.class_table import Classes
from registry.formats.file_list import FileList, matched
from registry.formats.findings import Findings
from registry.formats.importing import Annotated, Origin
from registry.formats.photographs import Refused, read_source
from registry.formats.picture_list import Picture, PictureList
from registry.formats.split_folders import folder_named, subfolders


@dataclass(frozen=True)
class Layout:
    """How a format lays out its files."""

    images: tuple[str, ...]
    """What the folder of images may be called, under a split's subfolder or above it; empty is the subfolder itself."""
    masks: tuple[str, ...]
    """The same of the masks; `{part}` stands for the subfolder."""
    mask_suffix: str = ""
    """What the stem of a mask may have beyond that of its image: a regular expression."""
    group: Callable[[str], str | None] = lambda key: None
    """The group of an image by its path without suffix, relative to the folder of images."""


def find_masked(
    origin: Origin, findings: Findings, layout: Layout, *, more: Sequence[tuple[str, ...]] = ()
) -> PictureList:
    """Match images with masks by path.

    Args:
        origin: What was asked for.
        findings: What does not fit is noted here.
        layout: Of the format.
        more: Further folders of masks that may be there, each by its names; a file in them need not be.

    Returns:
        Pictures; `note` is the mask, followed by the further files or none.

    Raises:
        NotFoundError: A folder is missing.
        ConfigurationError: A split's subfolder is not valid.
    """
    pictures = PictureList(origin.scratch)
    for split, text in subfolders(origin):
        own = origin.images is not None
        folder = folder_named([origin.images or origin.root], ("",) if own else layout.images, text, what="images")
        images = images_below(origin, folder, findings)
        masks = _masks(origin, folder_named([origin.root], layout.masks, text, what="masks"), layout, images, findings)
        others = [_optional(origin, kinds, text, layout, images) for kinds in more]
        for key, image, mask, further in pairs(origin, findings, "mask", images, masks, *others):
            source = origin.relative(image)
            group = origin.group_of(source, layout.group(key), findings)
            pictures.add(Picture(source, image, split, group, note=(mask, *further)))
    return pictures


def _masks(origin: Origin, folder: Path, layout: Layout, images: FileList, findings: Findings) -> FileList:
    """Masks by the path of their image, which has the same or lacks the suffix."""
    named = FileList(folder, origin.scratch)
    for key, (image, mask) in matched(images, files_below(origin, folder, (".png",), findings)):
        if mask is not None:
            named.add(key if image is not None else re.sub(f"(?:{layout.mask_suffix})$", "", key), mask)
    found = FileList(folder, origin.scratch)
    last: tuple[str, Path] | None = None
    for key, mask in named:
        if last is not None and key == last[0]:
            findings.fault(origin.relative(mask), f"is of the same image as {last[1].name}")
        else:
            last = key, mask
            found.add(key, mask)
    return found


def _optional(
    origin: Origin, names: tuple[str, ...], text: str, layout: Layout, images: FileList
) -> Iterable[tuple[str, Path]]:
    places = [place for name in names for place in (origin.root / text / name, origin.root / name / text)]
    folder = next((place for place in places if place.is_dir()), None)
    return _masks(origin, folder, layout, images, Findings()) if folder is not None else ()


@dataclass(frozen=True)
class Masked:
    """Images whose masks a function turns into label ids and instances."""

    pictures: PictureList
    classes: Classes
    read: Callable[[Classes, Sequence[Path | None], str], Annotated]
    """From classes, the mask and further files, and what reports call the image."""

    @property
    def labels(self) -> tuple[Label, ...]:
        return self.classes.labels

    def annotate(self, picture: Picture, size: tuple[int, int] | None, faults: list[str]) -> Annotated | None:
        files = [Path(file) if file is not None else None for file in picture.note]
        path = Path(picture.note[0])
        try:
            annotated = self.read(self.classes, files, picture.source)
            height, width = annotated.mask.shape
            if size is not None and size != (width, height):
                raise Refused(f"{width}x{height} px, but its upright image has {size[0]}x{size[1]} px")
        except Refused as refusal:
            faults.append(f"{path.parent.name}/{path.name}: {refusal}")
            return None
        return annotated


def by_table(ids: npt.NDArray[np.int32], classes: Classes, what: str) -> npt.NDArray[np.uint8]:
    """Label ids by a source's numbers.

    Raises:
        Refused: A number has no class.
    """
    present = np.unique(ids).tolist()
    unknown = [number for number in present if number not in classes.by_number]
    if unknown:
        raise Refused(f"{what} {', '.join(map(str, unknown[:20]))} are not in the class table")
    mask = np.zeros(ids.shape, np.uint8)
    for number in present:
        mask[ids == number] = classes.by_number[number]
    return mask


def read_plain(path: Path | None) -> bytes:
    """The bytes of a mask.

    Raises:
        Refused: It is not there, or can't be read.
    """
    if path is None:
        raise Refused("it is not there")
    return read_source(path)
