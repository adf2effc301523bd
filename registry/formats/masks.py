"""Import of photographs with masks of class ids: folders images/ and masks/ under each split's subfolder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from contracts.errors import ConfigurationError, NotFoundError
from contracts.frame_spec import Label
from registry.formats.class_table import ClassTable, load_class_table
from registry.formats.findings import Findings
from registry.formats.importing import Annotated, Origin, Picture, attempt
from registry.formats.mask_folders import find_pairs
from registry.formats.photographs import decode_mask, read_source
from registry.formats.split_folders import refuse_images


@dataclass(frozen=True)
class MaskFolders:
    """Images with masks of the same stem. Instances stay empty: areas that touch are not told apart in a mask."""

    pictures: tuple[Picture, ...]
    table: ClassTable

    @property
    def labels(self) -> tuple[Label, ...]:
        return self.table.labels

    def annotate(self, picture: Picture, size: tuple[int, int] | None, faults: list[str]) -> Annotated | None:
        path: Path = picture.note
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
    pairs = find_pairs(origin.root, origin.splits, origin.groups, findings.faults)
    return MaskFolders(
        tuple(Picture(pair.source, pair.image, pair.split, pair.group, note=pair.mask) for pair in pairs), table
    )


def _default_table(root: Path) -> Path:
    path = root / "classes.json"
    if not path.is_file():
        raise ConfigurationError(
            f"no class table: {path} is not there", code="no_class_table", hint="name one with --classes FILE"
        )
    return path
