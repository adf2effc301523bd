"""Import of photographs with masks of class ids: folders images/ and masks/ under each split's subfolder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.errors import ConfigurationError, NotFoundError
from contracts.frame_spec import Label
from registry.formats.annotation_files import files_below, pairs
from registry.formats.class_table import ClassTable, load_class_table
from registry.formats.file_list import FileList
from registry.formats.findings import Findings
from registry.formats.importing import Annotated, Origin, attempt
from registry.formats.mask_folders import IMAGE_SUFFIXES, MASK_SUFFIXES
from registry.formats.photographs import decode_mask, read_source
from registry.formats.picture_list import Picture, PictureList
from registry.formats.split_folders import refuse_images, subfolders


@dataclass(frozen=True)
class MaskFolders:
    """Images with masks of the same stem. Instances stay empty: areas that touch are not told apart in a mask."""

    pictures: PictureList
    table: ClassTable

    @property
    def labels(self) -> tuple[Label, ...]:
        return self.table.labels

    def annotate(self, picture: Picture, size: tuple[int, int] | None, faults: list[str]) -> Annotated | None:
        path = Path(picture.note)
        place = f"{Path(picture.source).parent.parent.as_posix()}/masks/{path.name}".removeprefix("./")
        mask = attempt(faults, place, lambda: decode_mask(read_source(path)))
        if mask is None:
            return None
        unknown = self.table.unknown_ids(mask)
        if unknown:
            faults.append(f"{place}: ids {', '.join(map(str, unknown))} are not in the class table")
        if size is not None and size != (mask.shape[1], mask.shape[0]):
            faults.append(
                f"{place}: {mask.shape[1]}x{mask.shape[0]} px, but its upright image has {size[0]}x{size[1]} px"
            )
        return None if faults else Annotated(self.table.lookup[mask].astype(np.uint8))


def open_masks(origin: Origin, findings: Findings) -> MaskFolders:
    """Look through `images/` and `masks/`.

    Raises:
        NotFoundError: A folder or the class table is missing.
        ConfigurationError: The class table or a split's subfolder is not valid.
    """
    if origin.document is not None:
        raise NotFoundError(f"{origin.document} is not a folder", code="no_such_folder", hint="check the path")
    refuse_images(origin)
    table = load_class_table(origin.classes if origin.classes is not None else _default_table(origin.root))
    return MaskFolders(_find_pairs(origin, findings), table)


def _find_pairs(origin: Origin, findings: Findings) -> PictureList:
    """Match images and masks by stem; without splits, the imported folder itself holds images/ and masks/."""
    pictures = PictureList(origin.scratch)
    for split, text in subfolders(origin):
        folder = origin.root / text
        images = _files_by_stem(origin, folder / "images", IMAGE_SUFFIXES, findings)
        masks = _files_by_stem(origin, folder / "masks", MASK_SUFFIXES, findings)
        for _, image, mask, _ in pairs(origin, findings, "mask", images, masks):
            source = origin.relative(image)
            pictures.add(Picture(source, image, split, origin.group_of(source, None, findings), note=mask))
    return pictures


def _files_by_stem(origin: Origin, folder: Path, suffixes: tuple[str, ...], findings: Findings) -> FileList:
    if not folder.is_dir():
        raise NotFoundError(
            f"no folder {folder}",
            code="no_such_folder",
            hint="the imported folder, or each split's subfolder, holds images/ and masks/",
        )
    return files_below(origin, folder, suffixes, findings, flat=True)


def _default_table(root: Path) -> Path:
    path = root / "classes.json"
    if not path.is_file():
        raise ConfigurationError(
            f"no class table: {path} is not there", code="no_class_table", hint="name one with --classes FILE"
        )
    return path
