"""Import of YOLO boxes and segments: https://docs.ultralytics.com/datasets/detect/ and …/segment/.

PATH holds `data.yaml` (or another YAML file with `names`), which names the classes and the images of each split; or
`images/` and `labels/`, with the names in `classes.txt` or in a class table. The text file of an image lies where its
path has `labels` instead of `images`; without one the image shows nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from contracts.document import read_file, read_yaml
from contracts.errors import ConfigurationError, NotFoundError
from contracts.frame_spec import Label
from contracts.ids import check_name
from registry.formats.annotation_files import finite, images_below, read_text
from registry.formats.areas import fill
from registry.formats.class_table import Classes, classes_of
from registry.formats.file_list import FileList, matched
from registry.formats.findings import Findings
from registry.formats.importing import Annotated, Origin
from registry.formats.mask_folders import IMAGE_SUFFIXES
from registry.formats.painting import Easel
from registry.formats.photographs import Refused
from registry.formats.picture_list import Picture, PictureList
from registry.formats.regions import points_of, reaches_out
from registry.formats.split_folders import folder_named, subfolders

_BOX_FIELDS = 5
_SPLITS = ("train", "val", "test")
_OTHER_KEYS = ("path", "names", "dataset", "license", "consent", "description", "download")
_NAMES_FILE = "classes.txt"


@dataclass(frozen=True)
class _Dataset:
    """What a YAML file says."""

    where: str
    names: Mapping[int, Any]
    parts: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    """Folders or lists of images by split."""
    base: Path | None = None
    """Where the paths in lists begin."""
    has_keypoints: bool = False


@dataclass(frozen=True)
class Yolo:
    """Images with a text file each: a line an object, a box or a polygon, in shares of the image's sides."""

    pictures: PictureList
    classes: Classes
    with_regions: bool
    has_keypoints: bool

    @property
    def labels(self) -> tuple[Label, ...]:
        return self.classes.labels

    def annotate(self, picture: Picture, size: tuple[int, int] | None, faults: list[str]) -> Annotated | None:
        if size is None:
            return None
        easel = Easel(size, picture.source)
        if picture.note is None:
            easel.leave_out("", "no_label_file", "has no label file: it is taken as showing nothing")
        else:
            path = Path(picture.note)
            for number, fields in _lines(read_text(path)):
                try:
                    self._draw(easel, f"line {number}", fields)
                except Refused as refusal:
                    faults.append(f"{path.name}:{number}: {refusal}")
        return None if faults else easel.finish(with_regions=self.with_regions, smaller_on_top=True)

    def _draw(self, easel: Easel, place: str, fields: Sequence[str]) -> None:
        number, values = _numbers(fields)
        label_id = self.classes.by_number.get(number)
        if label_id is None:
            raise Refused(f"class {number} has no name")
        label = "ignore" if label_id == 255 else self.classes.name_of(label_id)
        known = {"is_thing": 0 < label_id < 255}
        width, height = easel.size
        if self.has_keypoints and len(values) > 4:
            easel.leave_out(place, "keypoints", "its keypoints are not taken")
            values = values[:4]
        if len(values) == 4:
            x, y, across, down = values[0] * width, values[1] * height, values[2] * width, values[3] * height
            corners = (x - across / 2, y - down / 2, x + across / 2, y + down / 2)
            easel.add_box(place, label_id, label, corners, **known)
            return
        points = points_of(values) * (width, height)
        bits = fill([points], easel.size)
        easel.add_bits(place, label_id, label, bits, reached_out=reaches_out(points, width, height), **known)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield number, line.split()


def _numbers(fields: Sequence[str]) -> tuple[int, list[float]]:
    if len(fields) < _BOX_FIELDS or len(fields) % 2 == 0:
        raise Refused(f"{len(fields)} fields; a box has 5, a polygon 7 or more, an odd number")
    try:
        number, values = int(fields[0]), [float(field) for field in fields[1:]]
    except ValueError:
        raise Refused("it is not a class index and numbers") from None
    return number, finite(values, len(values), "line")


def open_yolo(origin: Origin, findings: Findings) -> Yolo:
    """Find the images of each split and their text files.

    Raises:
        NotFoundError: A folder is missing.
        ConfigurationError: The classes are not named, or the YAML file is not usable.
    """
    dataset = _read_dataset(origin)
    pictures = PictureList(origin.scratch, by_source=True)
    for split, path in _images(origin, dataset, findings):
        source = origin.relative(path)
        label = _label_path(path, origin)
        if label.is_file() and not origin.is_inside(label):
            findings.fault(origin.relative(label), "is a link that leads out of the imported folder")
        note = label if label.is_file() else None
        pictures.add(Picture(source, path, split, origin.group_of(source, None, findings), note))
    for before, picture in pairwise(pictures):
        if (before.split, before.path) == (picture.split, picture.path):
            findings.fault(picture.source, "is listed twice")
    _refuse_orphans(origin, pictures, findings)
    classes = classes_of(dataset.where, dataset.names, table=origin.classes)
    with_regions = not dataset.has_keypoints and any(
        _has_polygon(Path(picture.note)) for picture in pictures if picture.note is not None
    )
    return Yolo(pictures, classes, with_regions, dataset.has_keypoints)


def _has_polygon(path: Path) -> bool:
    try:
        return any(len(fields) > _BOX_FIELDS for _, fields in _lines(read_text(path)))
    except Refused:  # said when the picture is read
        return False


def _read_dataset(origin: Origin) -> _Dataset:
    files = sorted(path for path in origin.root.iterdir() if path.suffix in (".yaml", ".yml") and path.is_file())
    for path in [origin.document] if origin.document is not None else files:
        value, _ = read_yaml(read_file(path), str(path))
        if isinstance(value, dict) and "names" in value:
            return _from_yaml(origin, path, value)
    if origin.document is not None:
        raise ConfigurationError(f"{origin.document}: names no classes", code="invalid_class_table")
    path = origin.root / _NAMES_FILE
    if not path.is_file() and origin.classes is None:
        raise ConfigurationError(
            f"{origin.root} holds no YAML file with names and no {_NAMES_FILE}",
            code="no_class_table",
            hint="name a class table with --classes FILE",
        )
    names = [line.strip() for line in read_file(path).splitlines()] if path.is_file() else []
    return _Dataset(str(path), {number: name for number, name in enumerate(names) if name})


def _from_yaml(origin: Origin, path: Path, value: dict[Any, Any]) -> _Dataset:
    names = dict(enumerate(value["names"])) if isinstance(value["names"], list) else value["names"]
    if not isinstance(names, dict) or any(type(key) is not int or key < 0 for key in names):
        raise ConfigurationError(f"{path}: names are neither a list nor a table by index", code="invalid_class_table")
    base = path.parent
    if isinstance(value.get("path"), str) and (base / value["path"]).resolve().is_relative_to(origin.root):
        base = base / value["path"] if (base / value["path"]).is_dir() else base
    parts: dict[str, list[Path]] = {}
    for key, entry in value.items():
        entries = entry if isinstance(entry, list) else [entry]
        if not isinstance(key, str) or key in _OTHER_KEYS or not all(isinstance(item, str) for item in entries):
            continue
        places = [_place(origin, base, item) for item in entries if item]
        if key in _SPLITS and None in places:
            raise NotFoundError(
                f"{path}: nothing at {key}: {entry!r}", code="no_such_folder", hint="mend the YAML file, or use --split"
            )
        found = [place for place in places if place is not None]
        if found and len(found) == len(entries):
            parts[check_name(key, "split")] = found
    return _Dataset(str(path), names, parts, base, value.get("kpt_shape") is not None)


def _place(origin: Origin, base: Path, text: str) -> Path | None:
    """A folder or list that a YAML file names. Some tools write `../train/images` for a folder beside the file."""
    for place in (base / text, base / text.removeprefix("../")):
        if place.resolve().is_relative_to(origin.root) and (
            place.is_dir() or (place.suffix == ".txt" and place.is_file())
        ):
            return place
    return None


def _images(origin: Origin, dataset: _Dataset, findings: Findings) -> Iterator[tuple[str | None, Path]]:
    if origin.splits or not dataset.parts:
        for split, text in subfolders(origin):
            names = ("images", "") if split is not None else ("images",)
            bases = [origin.root] if origin.images is None else [origin.images]
            names = names if origin.images is None else ("",)
            folder = folder_named(bases, names, text, what="images")
            yield from ((split, path) for _, path in images_below(origin, folder, findings))
        return
    for split, places in dataset.parts.items():
        for place in places:
            if place.is_dir():
                yield from ((split, path) for _, path in images_below(origin, place, findings))
                continue
            for number, line in enumerate(read_file(place).splitlines(), 1):
                path = (dataset.base or place.parent) / line.strip()
                if not line.strip():
                    continue
                if path.suffix.lower() not in IMAGE_SUFFIXES or not path.is_file():
                    findings.fault(f"{origin.relative(place)}:{number}", f"no image at '{line.strip()[:200]}'")
                elif not origin.is_inside(path):
                    findings.fault(f"{origin.relative(place)}:{number}", "leads out of the imported folder")
                else:
                    yield split, path


def _label_path(path: Path, origin: Origin) -> Path:
    """Where the text file of an image lies: `labels` for the last `images` on its way, else beside it."""
    base = next(base for base in (origin.root, origin.images, path.parent) if base and path.is_relative_to(base))
    parts = list(path.relative_to(base).with_suffix(".txt").parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            return base.joinpath(*parts)
    return (origin.root / "labels").joinpath(*parts) if base == origin.images else base.joinpath(*parts)


def _refuse_orphans(origin: Origin, pictures: PictureList, findings: Findings) -> None:
    """Text files beside those of the images, without an image of their own."""
    top = Path(origin.root.anchor)
    expected, there = FileList(top, origin.scratch), FileList(top, origin.scratch)
    folders: set[Path] = set()
    lists = (_NAMES_FILE, *(f"{split}.txt" for split in _SPLITS))
    for picture in pictures:
        path = _label_path(picture.path, origin)
        expected.add(str(path), path)
        folders.add(path.parent)
    for folder in sorted(folder for folder in folders if folder.is_dir()):
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(".txt"):
                    there.add(entry.path, Path(entry.path))
    for _, (label, text) in matched(expected, there):
        if label is None and text is not None and text.name not in lists:
            findings.fault(origin.relative(text), "has no image")
