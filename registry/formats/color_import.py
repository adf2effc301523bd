"""Import of masks whose colours name the classes: CamVid, and label images of "Playing for Data" (GTAV).

CamVid: `701_StillsRaw_full/` and `LabeledApproved_full/` (`…_L.png`), or `SPLIT/` and `SPLIT_labels/`, or `images/` and
`labels/`; black (`Void`) is to be ignored; the group of an image is its drive. GTAV: `images/` and `labels/`, indexed
or not, in the colours of Cityscapes; what is black is background, and a license plate has the colour of the car it is
on. Areas that touch are not told apart by their colour, so there are no instances.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError
from contracts.frame_spec import IGNORE_ID
from registry.formats.class_table import Classes, classes_of, load_class_table
from registry.formats.findings import Findings
from registry.formats.importing import Annotated, Origin
from registry.formats.known_classes import CAMVID, CITYSCAPES, Color, KnownClass, colors_of, names_of
from registry.formats.paired_masks import Layout, Masked, find_masked, read_plain
from registry.formats.photographs import Refused, decode_colors

_CAMVID_LAYOUT = Layout(
    images=("701_StillsRaw_full", "images", ""),
    masks=("LabeledApproved_full", "labels", "masks", "{part}_labels"),
    mask_suffix="_L",
    group=lambda key: (match := re.match(r"[^/_]+(?=_)", key.rsplit("/", 1)[-1])) and match[0],
)
_GTAV_LAYOUT = Layout(images=("images",), masks=("labels",))
_BLACK = (0, 0, 0)


@dataclass(frozen=True)
class Colors:
    """Label ids by colour."""

    ids: npt.NDArray[np.uint8]
    """(2^24,) label id by colour as a number; valid where `known`."""
    known: npt.NDArray[np.bool_]

    def read(self, classes: Classes, files: Sequence[Path | None], source: str) -> Annotated:
        """Label ids of a mask.

        Raises:
            Refused: It holds a colour without a class, or is not opaque.
        """
        pixels = decode_colors(read_plain(files[0]))
        if (pixels[..., 3] != 255).any():
            raise Refused("it has transparent pixels")
        keys = _keys(pixels[..., :3])
        unknown = np.unique(keys[~self.known[keys]])
        if len(unknown):
            shown = ", ".join(f"({key >> 16}, {key >> 8 & 255}, {key & 255})" for key in unknown[:20].tolist())
            count = int((~self.known[keys]).sum())
            raise Refused(f"{count} pixels of {len(unknown)} colours that are in no class table: {shown}")
        return Annotated(self.ids[keys])


def _keys(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    wide = colors.astype(np.uint32)
    return (wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]).astype(np.uint32)


def _table(ids: Mapping[Color, int]) -> Colors:
    table, known = np.zeros(1 << 24, np.uint8), np.zeros(1 << 24, bool)
    for color, label_id in ids.items():
        key = int(_keys(np.array(color, np.uint8)))
        table[key], known[key] = label_id, True
    return Colors(table, known)


def _open(
    origin: Origin, findings: Findings, layout: Layout, known: tuple[KnownClass, ...], what: str, black: int
) -> Masked:
    if origin.classes is not None:
        table = load_class_table(origin.classes)
        classes = Classes(table.labels, {}, {label.name: label.id for label in table.labels})
        ids = {label.color: label.id for label in reversed(table.labels) if label.id in table.colored}
    else:
        classes = classes_of(what, names_of(known), table=None, colors=colors_of(known))
        # Where classes share a colour, the first of them has it: black is no class of its own.
        ids = {item.color: classes.by_number[item.number] for item in reversed(known) if item.color != _BLACK}
    if not ids:
        raise ConfigurationError(
            f"{origin.classes}: no class has a colour, and masks of {what} tell classes by colours",
            code="invalid_class_table",
            hint='write a list of {"id": 1, "name": "vehicle", "color": [64, 0, 128]}',
        )
    colors = _table({_BLACK: black, **ids})
    return Masked(find_masked(origin, findings, layout), classes, colors.read)


def open_camvid(origin: Origin, findings: Findings) -> Masked:
    """Match images and colour masks of CamVid. `--classes` takes a list of `{"id", "name", "color"}`."""
    return _open(origin, findings, _CAMVID_LAYOUT, CAMVID, "CamVid", IGNORE_ID)


def open_gtav(origin: Origin, findings: Findings) -> Masked:
    """Match images and colour masks of "Playing for Data". `--classes` as for CamVid."""
    return _open(origin, findings, _GTAV_LAYOUT, CITYSCAPES, "GTAV", 0)
