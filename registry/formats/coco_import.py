"""Import of COCO: https://cocodataset.org/#format-data, object detection.

PATH is a JSON file, or a folder with one, or with `annotations/instances_*.json`, of which each is a split. Images are
looked for in `--images`, else beside the JSON file, in `images/` beside it, and in the folders of that kind above it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from contracts.errors import ConfigurationError
from contracts.frame_spec import Label
from contracts.ids import check_name
from registry.formats.annotation_files import MAXIMUM_DOCUMENT_BYTES, finite, list_of, read_json
from registry.formats.class_table import Classes, classes_of
from registry.formats.findings import Findings
from registry.formats.importing import Annotated, Origin
from registry.formats.painting import Easel
from registry.formats.photographs import Refused
from registry.formats.picture_list import Picture, PictureList
from registry.formats.regions import Bits, decode_run_lengths, fill_polygons, points_of, reaches_out

_PREFIX = "instances_"


@dataclass
class _Entry:
    """An image of a COCO file."""

    width: Any
    height: Any
    ignore: Any
    annotations: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True)
class Coco:
    """Images with their annotations. A crowd keeps its class in the mask and is no instance."""

    pictures: PictureList
    classes: Classes
    with_regions: bool

    @property
    def labels(self) -> tuple[Label, ...]:
        return self.classes.labels

    def annotate(self, picture: Picture, size: tuple[int, int] | None, faults: list[str]) -> Annotated | None:
        entry = _Entry(**picture.note)
        if size is None:
            return None
        said = (entry.width, entry.height)
        if said not in ((None, None), size):
            raise Refused(f"its upright image has {size[0]}x{size[1]} px, the annotations say {said[0]}x{said[1]}")
        easel = Easel(size, picture.source)
        for place, annotation in entry.annotations:
            try:
                self._draw(easel, place, annotation)
            except Refused as refusal:
                faults.append(f"{picture.source} {place}: {refusal}")
        if isinstance(entry.ignore, dict):
            easel.ignored = decode_run_lengths(entry.ignore, *size)
        return None if faults else easel.finish(with_regions=self.with_regions, smaller_on_top=True)

    def _draw(self, easel: Easel, place: str, annotation: dict[str, Any]) -> None:
        label_id = self.classes.by_number[annotation["category_id"]]
        label = "ignore" if label_id == 255 else self.classes.name_of(label_id)
        crowd = annotation.get("iscrowd", 0)
        if crowd not in (0, 1):
            raise Refused(f"iscrowd is {crowd!r}, neither 0 nor 1")
        if crowd:
            easel.leave_out(place, "crowd", "a crowd keeps its class in the mask and is no instance")
        for key in ("keypoints", "caption"):
            if annotation.get(key):
                easel.leave_out(place, key, f"its {key} are not taken" if key == "keypoints" else "a caption")
        known = {"is_thing": not crowd and 0 < label_id < 255, **_known(annotation)}
        if _has_region(annotation):
            bits, reached_out = _bits(annotation["segmentation"], easel.size)
            easel.add_bits(place, label_id, label, bits, reached_out=reached_out, **known)
        elif annotation.get("bbox") is not None:
            x, y, width, height = finite(annotation["bbox"], 4, "bbox")
            easel.add_box(place, label_id, label, (x, y, x + width, y + height), **known)
        else:
            raise Refused("it has neither a segmentation nor a bbox")


def _has_region(annotation: dict[str, Any]) -> bool:
    return annotation.get("segmentation") not in (None, [], {})


def _bits(segmentation: Any, size: tuple[int, int]) -> tuple[Bits, bool]:
    if isinstance(segmentation, dict):
        return decode_run_lengths(segmentation, *size), False
    if not isinstance(segmentation, list):
        raise Refused("its segmentation is neither polygons nor run lengths")
    polygons = [points_of(item) for item in segmentation]
    return fill_polygons(polygons, *size), any(reaches_out(points, *size) for points in polygons)


def _known(annotation: dict[str, Any]) -> dict[str, Any]:
    """What annotation tools write beside an object, such as CVAT, and what an export of ours does."""
    attributes = annotation.get("attributes")
    known: dict[str, Any] = {}
    if isinstance(attributes, dict):
        known = {key: attributes[key] for key in ("truncated", "occluded") if isinstance(attributes.get(key), bool)}
    visible = annotation.get("visible_fraction")
    if isinstance(visible, int | float) and 0 <= visible <= 1:
        known["visible_fraction"] = float(visible)
    return known


def open_coco(origin: Origin, findings: Findings) -> Coco:
    """Read the annotations and match them with images.

    Raises:
        ConfigurationError: There is no JSON file or several, a split's name is not valid, or categories are not usable.
    """
    pictures = PictureList(origin.scratch, by_source=True)
    names: dict[int, Any] = {}
    colors: dict[int, Any] = {}
    used: set[int] = set()
    with_regions = False
    for split, path in _documents(origin):
        where = origin.relative(path)
        try:
            value = read_json(path, MAXIMUM_DOCUMENT_BYTES)
            _read_categories(where, value, names, colors, findings)
            entries = _read_images(where, value, findings)
            with_regions |= _read_annotations(where, value, entries, used, findings)
        except Refused as refusal:
            findings.fault(where, str(refusal))
            continue
        _find_images(origin, path, split, value, entries, pictures, findings)
    findings.refuse_faults(origin.document or origin.root)
    classes = classes_of(origin.document or origin.root, names, table=origin.classes, colors=colors)
    for number in sorted(used - set(classes.by_number)):
        findings.fault("categories", f"category {number} is annotated and has no name; name it in a class table")
    findings.refuse_faults(origin.document or origin.root)
    return Coco(pictures, classes, with_regions)


def _documents(origin: Origin) -> list[tuple[str | None, Path]]:
    if origin.document is not None:
        return [(None, origin.document)]
    if origin.splits:
        found: list[tuple[str | None, Path]] = []
        for split, text in sorted(origin.splits.items()):
            path = origin.root / text
            if not origin.is_inside(path):
                raise ConfigurationError(
                    f"split {split}: {text} leads out of {origin.root}",
                    code="invalid_split",
                    hint="name a file of the imported folder",
                )
            found.append((split, _only(path, sorted(path.glob("*.json"))) if path.is_dir() else path))
        return found
    instances = sorted((origin.root / "annotations").glob(f"{_PREFIX}*.json"))
    if len(instances) > 1:
        return [(check_name(path.stem.removeprefix(_PREFIX), "split"), path) for path in instances]
    candidates = instances or sorted({*origin.root.glob("*.json"), *origin.root.glob("annotations/*.json")})
    return [(None, _only(origin.root, candidates))]


def _only(folder: Path, candidates: Sequence[Path]) -> Path:
    if len(candidates) == 1:
        return candidates[0]
    shown = ", ".join(path.name for path in candidates[:5]) or "none"
    raise ConfigurationError(
        f"{folder}: {len(candidates)} JSON files ({shown}) where one describes the images",
        code="no_annotations",
        hint="give the file as PATH, or each split's with --split NAME=FILE.json",
    )


def _read_categories(where: str, value: Any, names: dict[int, Any], colors: dict[int, Any], findings: Findings) -> None:
    for place, category in enumerate(list_of(value, "categories")):
        number = category.get("id") if isinstance(category, dict) else None
        if type(number) is not int or not 0 <= number < 1 << 31:
            findings.fault(f"{where} categories[{place}]", "has no id from 0")
        elif not isinstance(category.get("name"), str):
            findings.fault(f"{where} categories[{place}]", f"category {number} has no name")
        elif names.setdefault(number, category["name"]) != category["name"]:
            findings.fault(f"{where} categories[{place}]", f"category {number} is also called '{names[number]}'")
        elif _is_color(category.get("color")):
            colors[number] = tuple(category["color"])
        if isinstance(category, dict) and category.get("keypoints"):
            findings.leave_out(f"{where} categories[{place}]", "keypoints", "keypoints are not taken")


def _is_color(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(type(item) is int and 0 <= item < 256 for item in value)


def _read_images(where: str, value: Any, findings: Findings) -> dict[Any, _Entry]:
    entries: dict[Any, _Entry] = {}
    names: set[str] = set()
    for place, image in enumerate(list_of(value, "images")):
        at = f"{where} images[{place}]"
        number, name = (image.get("id"), image.get("file_name")) if isinstance(image, dict) else (None, None)
        if type(number) not in (int, str) or not isinstance(name, str) or not name:
            findings.fault(at, "has no id or no file_name")
            continue
        if number in entries:
            findings.fault(at, f"id {number} stands twice")
            continue
        if name in names:
            findings.fault(at, f"file_name '{name}' stands twice")
        names.add(name)
        entries[number] = _Entry(image.get("width"), image.get("height"), image.get("ignore"))
    return entries


def _read_annotations(where: str, value: Any, entries: dict[Any, _Entry], used: set[int], findings: Findings) -> bool:
    """Hand annotations to their images; gives whether any has pixels."""
    with_regions = False
    for place, annotation in enumerate(list_of(value, "annotations")):
        at = f"annotations[{place}]"
        if not isinstance(annotation, dict):
            findings.fault(f"{where} {at}", "is not an object")
            continue
        image = annotation.get("image_id")
        entry = entries.get(image) if isinstance(image, int | str) else None
        category = annotation.get("category_id")
        if entry is None:
            findings.fault(f"{where} {at}", f"no image has the id {image!r}")
        elif type(category) is not int:
            findings.fault(f"{where} {at}", f"its category_id is {category!r}")
        else:
            used.add(category)
            entry.annotations.append((at, annotation))
            with_regions |= _has_region(annotation)
    return with_regions


def _find_images(
    origin: Origin,
    document: Path,
    split: str | None,
    value: Any,
    entries: Mapping[Any, _Entry],
    pictures: PictureList,
    findings: Findings,
) -> None:
    bases = [origin.images] if origin.images is not None else [document.parent, origin.root, document.parent.parent]
    parts = {document.stem.removeprefix(_PREFIX), *([split] if split else [])}
    folders: list[Path] = []
    for base in bases:
        if base is not None and (base.is_relative_to(origin.root) or base == origin.images):
            folders += [base, base / "images", *(base / part for part in sorted(parts))]
            folders += [base / "images" / part for part in sorted(parts)]
    folders = [folder for folder in dict.fromkeys(folders) if folder.is_dir()]
    for image in list_of(value, "images"):
        if not isinstance(image, dict) or not isinstance(image.get("file_name"), str):
            continue
        name, number = image["file_name"], image.get("id")
        entry = entries.get(number) if type(number) in (int, str) else None
        if entry is None:  # said already
            continue
        where = f"{origin.relative(document)} image '{name[:200]}'"
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or re.search(r"[\\\0]", name):
            findings.fault(where, "its file_name leads out of the folder of images")
            continue
        path = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if path is None:
            findings.fault(where, f"is in none of {', '.join(map(str, folders))}")
        elif not origin.is_inside(path):
            findings.fault(where, "is a link that leads out of the imported folder")
        else:
            source = origin.relative(path)
            own = str(image["group"]) if type(image.get("group")) in (str, int) else None
            part = image.get("split", split)
            if part is not None and not isinstance(part, str):
                findings.fault(where, f"its split is {part!r}")
                continue
            if part is not None:
                check_name(part, "split")
            group = origin.group_of(source, own, findings)
            pictures.add(Picture(source, path, part, group, note=vars(entry)))
