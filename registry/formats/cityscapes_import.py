"""Import of Cityscapes: https://github.com/mcordts/cityscapesScripts#dataset-structure.

PATH holds `leftImg8bit/` and `gtFine/` (or `gtCoarse/`), with `SPLIT/CITY/CITY_SEQUENCE_FRAME_…` in each. Splits are
the format's own unless others are asked for; the group of an image is its city. Where `…_instanceIds.png` lies beside
the polygons it is read instead: those are the pixels that the format's own tool made of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from contracts.errors import NotFoundError
from contracts.frame_spec import IGNORE_ID, Label
from registry.formats.annotation_files import files_below, images_below, list_of, pairs, read_json
from registry.formats.canvas import Thing, numbered
from registry.formats.class_table import Classes, classes_of, plain_name
from registry.formats.file_list import FileList
from registry.formats.findings import Findings
from registry.formats.importing import Annotated, Origin
from registry.formats.known_classes import CITYSCAPES, colors_of, names_of
from registry.formats.painting import Easel
from registry.formats.photographs import Refused, decode_ids, read_source
from registry.formats.picture_list import Picture, PictureList
from registry.formats.regions import Bits, Points, clip_polygon, points_of, reaches_out
from registry.formats.split_folders import folder_named, subfolders

_POLYGONS = re.compile(r"(?P<stem>.+)_(?P<kind>gt[A-Za-z]+)_polygons")
_IMAGE = re.compile(r"(?P<stem>.+?)(_leftImg8bit)?")
_THINGS = frozenset(plain_name(item.name) for item in CITYSCAPES if item.is_thing)
_KNOWN = frozenset(plain_name(item.name) for item in CITYSCAPES)
_NO_CLASS = ("unlabeled", "license_plate")
_IGNORE = "ignore"
_FIRST_INSTANCE = 1000
_TABLES = ("classes.json", "labels.json")
_OWN_LABELS = "labels.json"
"""Class table of what an export of ours has written."""


@dataclass(frozen=True)
class Cityscapes:
    """Images with polygons painted in their order. A group of things keeps its class and is no instance."""

    pictures: PictureList
    classes: Classes

    @property
    def labels(self) -> tuple[Label, ...]:
        return self.classes.labels

    def annotate(self, picture: Picture, size: tuple[int, int] | None, faults: list[str]) -> Annotated | None:
        path = Path(picture.note)
        if size is None:
            return None
        try:
            value = read_json(path)
            said = (value.get("imgWidth"), value.get("imgHeight")) if isinstance(value, dict) else (None, None)
            if said != size:
                raise Refused(f"it is of an image of {said[0]}x{said[1]} px, the image has {size[0]}x{size[1]} px")
            pixels = path.with_name(path.name.replace("_polygons.json", "_instanceIds.png"))
            if pixels.is_file():
                return self._from_pixels(pixels, size)
            easel = Easel(size, picture.source)
            for place, item in enumerate(list_of(value, "objects")):
                try:
                    self._draw(easel, f"objects[{place}]", item)
                except Refused as refusal:
                    faults.append(f"{path.name} objects[{place}]: {refusal}")
        except Refused as refusal:
            faults.append(f"{path.name}: {refusal}")
            return None
        return None if faults else easel.finish(with_regions=True, smaller_on_top=False)

    def _draw(self, easel: Easel, place: str, item: Any) -> None:
        if not isinstance(item, dict) or not isinstance(item.get("label"), str):
            raise Refused("it has no label")
        if item.get("deleted"):
            easel.leave_out(place, "deleted", "is marked as deleted")
            return
        name = plain_name(item["label"])
        points = points_of(item.get("polygon"))
        out = reaches_out(points, *easel.size)
        bits = _fill(clip_polygon(points, *easel.size) if out else points, easel.size)
        if name == _IGNORE and name not in self.classes.by_name:
            easel.add_bits(place, IGNORE_ID, name, bits, reached_out=out, is_thing=False)
            return
        if name in _NO_CLASS and name not in self.classes.by_name:
            easel.leave_out(place, "no_class", f"'{item['label']}' is no class")
            return
        is_thing = name in _THINGS or name not in _KNOWN
        if name not in self.classes.by_name and name.endswith("group"):
            name, is_thing = name.removesuffix("group").rstrip("_"), False
            easel.leave_out(place, "crowd", "a group keeps its class in the mask and is no instance")
        if name not in self.classes.by_name:
            raise Refused(f"its label '{item['label']}' is not in the class table")
        label_id = self.classes.by_name[name]
        easel.add_bits(place, label_id, name, bits, reached_out=out, is_thing=is_thing and label_id > 0)

    def _from_pixels(self, path: Path, size: tuple[int, int]) -> Annotated:
        """Pixels as the format's tool writes them: a class's number, or it times 1000 plus the number of the thing."""
        ids = decode_ids(read_source(path))
        if (ids.shape[1], ids.shape[0]) != size:
            raise Refused(f"{path.name} is of {ids.shape[1]}x{ids.shape[0]} px, the image of {size[0]}x{size[1]} px")
        things: list[Thing] = []
        mask = np.zeros(ids.shape, np.uint8)
        instances = np.zeros(ids.shape, np.uint16)
        for number in np.unique(ids).tolist():
            class_number = number // _FIRST_INSTANCE if number >= _FIRST_INSTANCE else number
            label_id = self.classes.by_number.get(class_number)
            if label_id is None:
                raise Refused(f"{path.name} holds the number {number}, and class {class_number} is not known")
            pixels = ids == number
            mask[pixels] = label_id
            if number >= _FIRST_INSTANCE and 0 < label_id < 255:
                things.append(Thing(self.classes.name_of(label_id), f"{number}"))
                instances[pixels] = len(things)
        found, _ = numbered(instances, things)
        return Annotated(mask, instances, found)


def _fill(points: Points, size: tuple[int, int]) -> Bits:
    """A polygon's pixels by the rule of the format's own tool, which draws with Pillow."""
    picture = Image.new("1", size)
    if len(points) >= 3:
        ImageDraw.Draw(picture).polygon([(x, y) for x, y in points.tolist()], fill=1)
    return np.array(picture, dtype=bool)


def open_cityscapes(origin: Origin, findings: Findings) -> Cityscapes:
    """Match images and polygons by city, sequence and frame.

    Raises:
        NotFoundError: A folder is missing.
        ConfigurationError: A class table or a split's subfolder is not valid.
    """
    annotations = next((origin.root / name for name in ("gtFine", "gtCoarse") if (origin.root / name).is_dir()), None)
    if annotations is None:
        raise NotFoundError(
            f"no folder {origin.root / 'gtFine'}", code="no_such_folder", hint="PATH holds leftImg8bit/ and gtFine/"
        )
    own = next((path for path in (origin.root / name for name in _TABLES) if path.is_file()), None)
    pictures = PictureList(origin.scratch)
    for split, text in subfolders(origin, own=annotations):
        kinds = ("",) if origin.images is not None else ("leftImg8bit",)
        folder = folder_named([origin.images or origin.root], kinds, text, what="images")
        images = _by_stem(images_below(origin, folder, findings), _IMAGE, FileList(folder, origin.scratch))
        below = folder_named([annotations], ("",), text, what="polygons")
        polygons = _by_stem(
            files_below(origin, below, (".json",), Findings()), _POLYGONS, FileList(below, origin.scratch)
        )
        for stem, image, annotation, _ in pairs(origin, findings, "polygons", images, polygons):
            source = origin.relative(image)
            part, group = split, stem.rsplit("/", 1)[-1].split("_", 1)[0]
            if own is not None and own.name == _OWN_LABELS:
                part, group = _own_words(annotation, split)
            pictures.add(Picture(source, image, part, origin.group_of(source, group, findings), note=annotation))
    classes = classes_of("Cityscapes", names_of(CITYSCAPES), table=origin.classes or own, colors=colors_of(CITYSCAPES))
    return Cityscapes(pictures, classes)


def _own_words(path: Path, split: str | None) -> tuple[str | None, Any]:
    """Split and group that an export of ours wrote beside the polygons, where its folders only stand in for them."""
    try:
        value = read_json(path)
    except Refused:  # said when the picture is read
        return split, None
    group = value.get("group") if isinstance(value, dict) else None
    is_split = isinstance(value, dict) and value.get("split") == split
    return split if is_split else None, group if isinstance(group, str) else None


def _by_stem(files: FileList, pattern: re.Pattern[str], found: FileList) -> FileList:
    """Files by what images and annotations share of their names."""
    for key, path in files:
        match = pattern.fullmatch(key)
        if match is not None:
            found.add(match["stem"], path)
    return found
