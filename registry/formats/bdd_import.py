"""Import of BDD100K: https://doc.bdd100k.com/format.html (Scalabel).

PATH is a JSON file with a list of frames (or `{"frames": […]}`), a folder with one for each split, or a folder of one
JSON file an image, as first released. Images lie in `--images`, else in `images/` (or its subfolders) beside the files.
Weather, scene and time of day become parameters of a frame. Lanes and drivable areas are not objects and are not taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from contracts.errors import ConfigurationError
from contracts.frame_spec import Label
from contracts.ids import check_name
from registry.formats.annotation_files import (
    MAXIMUM_DOCUMENT_BYTES,
    files_below,
    finite,
    images_below,
    list_of,
    read_json,
)
from registry.formats.areas import fill
from registry.formats.class_table import Classes, classes_of, plain_name
from registry.formats.findings import Findings
from registry.formats.importing import Annotated, Origin
from registry.formats.known_classes import BDD, colors_of, names_of
from registry.formats.painting import Easel
from registry.formats.photographs import Refused
from registry.formats.picture_list import Picture, PictureList
from registry.formats.regions import Bits, Points, flatten_curve, points_of, reaches_out
from registry.formats.split_folders import subfolders

_ATTRIBUTES = ("weather", "scene", "timeofday")
_OTHER_TASKS = ("lane", "area", "drivable")


@dataclass(frozen=True)
class Bdd:
    """Images with labelled boxes or outlines."""

    pictures: PictureList
    classes: Classes
    with_regions: bool

    @property
    def labels(self) -> tuple[Label, ...]:
        return self.classes.labels

    def annotate(self, picture: Picture, size: tuple[int, int] | None, faults: list[str]) -> Annotated | None:
        frame: dict[str, Any] = picture.note
        if size is None:
            return None
        easel = Easel(size, picture.source)
        for place, label in enumerate(_labels(frame)):
            try:
                self._draw(easel, f"labels[{place}]", label)
            except Refused as refusal:
                faults.append(f"{picture.source} labels[{place}]: {refusal}")
        attributes = frame.get("attributes")
        known = {
            f"attributes.{key}": attributes[key]
            for key in _ATTRIBUTES
            if isinstance(attributes, dict) and isinstance(attributes.get(key), str)
        }
        if faults:
            return None
        return easel.finish(with_regions=self.with_regions, smaller_on_top=True, parameters=known)

    def _draw(self, easel: Easel, place: str, label: Any) -> None:
        if not isinstance(label, dict) or not isinstance(label.get("category"), str):
            raise Refused("it has no category")
        if _is_of_another_task(label["category"]):
            easel.leave_out(place, "other_task", f"'{label['category']}' is no object")
            return
        name = plain_name(label["category"])
        label_id = self.classes.by_name.get(name)
        if label_id is None:
            raise Refused(f"its category '{label['category']}' is not in the class table")
        attributes = label.get("attributes") if isinstance(label.get("attributes"), dict) else {}
        known: dict[str, Any] = {
            key: attributes[key]
            for key in ("truncated", "occluded")
            if attributes is not None and isinstance(attributes.get(key), bool)
        }
        if attributes and (attributes.get("crowd") is True or attributes.get("ignored") is True):
            known["is_thing"] = False
            easel.leave_out(place, "crowd", "a crowd keeps its class in the mask and is no instance")
        if label.get("poly2d"):
            bits, reached_out = _bits(label["poly2d"], easel)
            easel.add_bits(place, label_id, name, bits, reached_out=reached_out, **known)
        elif isinstance(label.get("box2d"), dict):
            box = label["box2d"]
            corners = finite([box.get(key) for key in ("x1", "y1", "x2", "y2")], 4, "box2d")
            easel.add_box(place, label_id, name, corners, **known)
        elif label.get("box3d") is not None:
            easel.leave_out(place, "box3d", "boxes in space are not taken")
        else:
            raise Refused("it has neither poly2d nor box2d")


def _is_of_another_task(category: str) -> bool:
    return category.split("/", 1)[0].split(" ", 1)[0].lower() in _OTHER_TASKS


def _labels(frame: dict[str, Any]) -> list[Any]:
    """Labels of a frame: its own, or the objects of its first frame as first released."""
    if isinstance(frame.get("frames"), list) and frame["frames"] and isinstance(frame["frames"][0], dict):
        return list_of(frame["frames"][0], "objects")
    return list_of(frame, "labels")


def _bits(outlines: Any, easel: Easel) -> tuple[Bits, bool]:
    """Pixels of outlines; a hole lies within another of them, so a pixel in two is in none."""
    if not isinstance(outlines, list):
        raise Refused("its poly2d is not a list")
    # As first released, one outline of [x, y, "L" or "C"] stood for the list.
    if all(isinstance(item, list) and len(item) == 3 and isinstance(item[2], str) for item in outlines):
        outlines = [{"vertices": [item[:2] for item in outlines], "types": "".join(item[2] for item in outlines)}]
    polygons: list[Points] = []
    for outline in outlines:
        if not isinstance(outline, dict):
            raise Refused("its poly2d is neither outlines nor points")
        if outline.get("closed") is False:
            raise Refused("its outline is open")
        points = points_of(outline.get("vertices"))
        types = outline.get("types") or "L" * len(points)
        polygons.append(flatten_curve(points, types if isinstance(types, str) else ""))
    out = any(reaches_out(points, *easel.size) for points in polygons)
    return fill(polygons, easel.size), out


def open_bdd(origin: Origin, findings: Findings) -> Bdd:
    """Read the frames and match them with images by name.

    Raises:
        NotFoundError: A folder is missing.
        ConfigurationError: There is no JSON file, or a split's is not told.
    """
    pictures = PictureList(origin.scratch, by_source=True)
    with_regions = False
    for split, where, frames in _documents(origin, findings):
        images = _images(origin, split, findings)
        seen: set[str] = set()
        for place, frame in enumerate(frames):
            at = f"{where} frames[{place}]"
            name = frame.get("name") if isinstance(frame, dict) else None
            if not isinstance(name, str) or not name:
                findings.fault(at, "has no name")
                continue
            stem = PurePosixPath(name).name.removesuffix(PurePosixPath(name).suffix)
            if name in seen:
                findings.fault(at, f"name '{name[:200]}' stands twice")
            elif stem not in images:
                findings.fault(at, f"no image is called '{name[:200]}'")
            else:
                try:
                    with_regions |= any(isinstance(item, dict) and _has_outline(item) for item in _labels(frame))
                except Refused as refusal:
                    findings.fault(at, str(refusal))
                source = origin.relative(images[stem])
                video = frame.get("videoName") or frame.get("video_name")
                group = origin.group_of(source, video if isinstance(video, str) else None, findings)
                pictures.add(Picture(source, images[stem], split, group, note=frame))
            seen.add(name)
    findings.refuse_faults(origin.document or origin.root)
    classes = classes_of("BDD100K", names_of(BDD), table=origin.classes, colors=colors_of(BDD))
    return Bdd(pictures, classes, with_regions)


def _has_outline(label: dict[str, Any]) -> bool:
    return bool(label.get("poly2d")) and not _is_of_another_task(str(label.get("category")))


def _documents(origin: Origin, findings: Findings) -> Iterator[tuple[str | None, str, Iterable[Any]]]:
    """Frames by split."""
    places: list[tuple[str | None, Path]] = []
    if origin.document is not None:
        places = [(None, origin.document)]
    else:
        places = [(split, origin.root / text) for split, text in subfolders(origin)]
        if not origin.splits:
            files = sorted(path for path in origin.root.glob("*.json") if path.name != "classes.json")
            if len(files) == 1:
                places = [(None, files[0])]
            elif files and all(_split_of(path) for path in files):
                places = [(check_name(str(_split_of(path)), "split"), path) for path in files]
    for split, path in places:
        if path.is_file():
            yield split, origin.relative(path), _read_frames(origin, path, findings)
            continue
        below = files_below(origin, path, (".json",), Findings())
        if next(iter(below), None) is None:
            raise ConfigurationError(
                f"no JSON file in {path}",
                code="no_annotations",
                hint="give the file as PATH, or each split's with --split NAME=FILE.json",
            )
        frames = (frame for _, item in below for frame in _read_frames(origin, item, findings))
        yield split, origin.relative(path), frames


def _split_of(path: Path) -> str | None:
    """Of `bdd100k_labels_images_train.json`, `det_train.json` and the like."""
    return next(
        (name for name in ("train", "val", "test") if path.stem == name or path.stem.endswith(f"_{name}")), None
    )


def _read_frames(origin: Origin, path: Path, findings: Findings) -> list[Any]:
    try:
        value = read_json(path, MAXIMUM_DOCUMENT_BYTES)
        if isinstance(value, list):
            return value
        if isinstance(value, dict) and "name" in value:
            return [value]
        return list_of(value, "frames")
    except Refused as refusal:
        findings.fault(origin.relative(path), str(refusal))
        return []


def _images(origin: Origin, split: str | None, findings: Findings) -> dict[str, Path]:
    """Images by stem, of the split's own folder where there is one."""
    bases = [origin.images] if origin.images is not None else [origin.root / "images", origin.root]
    folders = [base / part for base in bases if base is not None for part in ((split,) if split else ())] + list(bases)
    folder = next((folder for folder in folders if folder is not None and folder.is_dir()), origin.root)
    found: dict[str, Path] = {}
    for _, path in images_below(origin, folder, Findings()):
        if path.stem in found:
            findings.fault(origin.relative(path), f"has the same name as {origin.relative(found[path.stem])}")
        found[path.stem] = path
    return found
