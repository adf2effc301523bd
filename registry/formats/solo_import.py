"""Import of SOLO, as Unity Perception writes it: `sequence.N/stepM.frame_data.json` and the images it names.

Semantic segmentation, instance segmentation, 2D boxes and metrics are taken, each with the labels and colours that the
frame's JSON gives; where there are only boxes, they are the instances. A sequence is a group. A frame's metrics of
plain values become its parameters `metric.ID`; visibility becomes the visible fraction of the instances. Numbers of
labels are those of `annotation_definitions.json`, which Perception writes when a run completes; without it names are
counted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError
from contracts.frame_spec import IGNORE_ID, Label
from contracts.ids import check_name
from registry.formats.annotation_files import MAXIMUM_DOCUMENT_BYTES, finite, list_of, read_json
from registry.formats.canvas import INSTANCES_MAX, Thing, numbered
from registry.formats.class_table import Classes, classes_of, plain_name
from registry.formats.file_list import FileList
from registry.formats.findings import Findings
from registry.formats.importing import Annotated, Origin
from registry.formats.painting import Easel
from registry.formats.photographs import Refused, decode_colors, read_source
from registry.formats.picture_list import Picture, PictureList
from registry.formats.split_folders import refuse_images, subfolders

_FRAME_FILE = re.compile(r"step(\d+)\.frame_data\.json")
_SEQUENCE = re.compile(r"sequence\.(\d+)")
_KINDS = ("SemanticSegmentationAnnotation", "InstanceSegmentationAnnotation", "BoundingBox2DAnnotation")
_TEXT_MAX = 200
_IGNORE = "ignore"


def kind_of(value: Any) -> str:
    """The last word of an object's `@type`."""
    return str(value.get("@type", "")).rsplit(".", 1)[-1] if isinstance(value, dict) else ""


@dataclass(frozen=True)
class Solo:
    """Captures of a SOLO dataset."""

    pictures: PictureList
    classes: Classes

    @property
    def labels(self) -> tuple[Label, ...]:
        return self.classes.labels

    def annotate(self, picture: Picture, size: tuple[int, int] | None, faults: list[str]) -> Annotated | None:
        if size is None:
            return None
        path, place = Path(picture.note[0]), picture.note[1]
        frame = read_json(path)
        capture = list_of(frame, "captures")[place]
        easel = Easel(size, picture.source)
        try:
            return self._read(path.parent, frame, capture, easel)
        except Refused as refusal:
            faults.append(f"{picture.source}: {refusal}")
            return None

    def _read(self, folder: Path, frame: dict[str, Any], capture: dict[str, Any], easel: Easel) -> Annotated:
        found: dict[str, dict[str, Any]] = {}
        for annotation in list_of(capture, "annotations"):
            kind = kind_of(annotation)
            if kind in _KINDS and kind not in found:
                found[kind] = annotation
            else:
                easel.leave_out("", "annotation", f"{kind or 'an annotation without @type'} is not taken")
        visible, parameters = _metrics(frame, capture, easel)
        semantic, coded, boxes = (found.get(kind) for kind in _KINDS)
        listed = boxes is not None and bool(list_of(boxes, "values"))
        if coded is not None and listed and not list_of(coded, "instances"):
            coded = None
        if semantic is None and coded is None:
            return self._boxes(boxes, visible, parameters, easel)
        mask = np.zeros(easel.size[::-1], np.uint8)
        if semantic is not None:
            colors = {}
            for item in list_of(semantic, "instances"):
                colors[_color(item, "pixelValue")] = self._label(item)
            mask = self._by_color(folder, semantic, colors, easel).astype(np.uint8)
        if coded is None:
            things = self._boxes(boxes, visible, parameters, easel).things if listed else ()
            return Annotated(mask, None, things, parameters, tuple(easel.not_taken))
        return self._instances(folder, coded, visible, parameters, mask if semantic is not None else None, easel)

    def _instances(
        self,
        folder: Path,
        coded: dict[str, Any],
        visible: Mapping[int, float],
        parameters: Mapping[str, Any],
        mask: npt.NDArray[np.uint8] | None,
        easel: Easel,
    ) -> Annotated:
        colors: dict[int, int] = {}
        things: list[Thing] = []
        ids = [0]
        for item in list_of(coded, "instances"):
            label_id = self._label(item)
            name = self.classes.name_of(label_id) if 0 < label_id < IGNORE_ID else ""
            if name:
                fraction = visible.get(item.get("instanceId"))
                things.append(Thing(name, f"instance {item.get('instanceId')}", fraction))
                ids.append(label_id)
                colors[_color(item, "color")] = len(things)
        if len(things) > INSTANCES_MAX:
            raise Refused(f"more than {INSTANCES_MAX} instances")
        found = self._by_color(folder, coded, colors, easel)
        unknown = found < 0
        numbers = np.where(unknown, 0, found).astype(np.uint16)
        labels = np.array(ids, np.uint8)[numbers]
        if mask is None:
            mask = np.where(unknown, IGNORE_ID, labels).astype(np.uint8)
        differ = int(((numbers > 0) & (mask != labels)).sum())
        if differ:
            message = f"{differ} pixels are of another class in the mask than in the instances, which are taken"
            easel.leave_out("", "classes_differ", message)
        mask = np.where(numbers > 0, labels, mask).astype(np.uint8)
        described, hidden = numbered(numbers, things)
        for thing in hidden:
            easel.leave_out(thing.location, "covered", "has no pixel in the image of instances")
        return Annotated(mask, numbers, described, parameters, tuple(easel.not_taken))

    def _boxes(
        self, boxes: dict[str, Any] | None, visible: Mapping[int, float], parameters: Mapping[str, Any], easel: Easel
    ) -> Annotated:
        if boxes is None:
            easel.leave_out("", "no_annotation", "has no annotation that is taken")
        for place, item in enumerate(list_of(boxes, "values") if boxes is not None else []):
            label_id = self._label(item)
            x, y = finite(item.get("origin"), 2, "origin")
            width, height = finite(item.get("dimension"), 2, "dimension")
            name = self.classes.name_of(label_id) if label_id < IGNORE_ID else "ignore"
            easel.add_box(
                f"values[{place}]",
                label_id,
                name,
                (x, y, x + width, y + height),
                is_thing=0 < label_id < IGNORE_ID,
                visible_fraction=visible.get(item.get("instanceId")),
            )
        return easel.finish(with_regions=False, smaller_on_top=True, parameters=parameters)

    def _label(self, item: Any) -> int:
        name = item.get("labelName") if isinstance(item, dict) else None
        label_id = self.classes.of_name(name)
        if label_id is None and name == _IGNORE:
            return IGNORE_ID
        if label_id is None:
            raise Refused(f"its label {name!r} is not in the class table")
        return label_id

    def _by_color(
        self, folder: Path, annotation: dict[str, Any], colors: Mapping[int, int], easel: Easel
    ) -> npt.NDArray[np.int32]:
        """(H, W) numbers by colour; black is 0, and a colour that the JSON does not give is -1 (as uint8: 255)."""
        name = annotation.get("filename")
        if not isinstance(name, str) or not _is_plain(name):
            raise Refused(f"its {kind_of(annotation)} names no file: {name!r}")
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise Refused(f"{name} is a link that leads out")
        try:
            pixels = decode_colors(read_source(path)).astype(np.int32)
        except Refused as refusal:
            raise Refused(f"{name}: {refusal}") from None
        if pixels.shape[1::-1] != easel.size:
            raise Refused(f"{name} is of {pixels.shape[1]}x{pixels.shape[0]} px, its image of {easel.size} px")
        keys = pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2]
        seen, places = np.unique(keys, return_inverse=True)
        table = {0: 0, **colors}
        known = np.array([table.get(key, -1) for key in seen.tolist()], np.int32)
        numbers: npt.NDArray[np.int32] = known[places.reshape(keys.shape)]
        strange = int((numbers < 0).sum())
        if strange:
            message = f"{strange} pixels of {name} have colours that the JSON does not give; they are ignored"
            easel.leave_out("", "unknown_color", message)
        return numbers


def _is_plain(name: str) -> bool:
    return bool(name) and "/" not in name and "\\" not in name and "\0" not in name and name not in (".", "..")


def _color(item: dict[str, Any], key: str) -> int:
    value = item.get(key)
    if (
        not isinstance(value, list)
        or len(value) not in (3, 4)
        or any(type(part) is not int or not 0 <= part <= 255 for part in value)
    ):
        raise Refused(f"its {key} is {value!r}, not four bytes")
    return int(value[0]) << 16 | int(value[1]) << 8 | int(value[2])


def _metrics(frame: dict[str, Any], capture: dict[str, Any], easel: Easel) -> tuple[dict[int, float], dict[str, Any]]:
    """Visible fractions by instance, and parameters, of the metrics of a frame that belong to a capture."""
    visible: dict[int, float] = {}
    parameters: dict[str, Any] = {}
    for metric in list_of(frame, "metrics"):
        if not isinstance(metric, dict) or metric.get("sensorId", "") not in ("", None, capture.get("id")):
            continue
        kind, name = kind_of(metric), str(metric.get("id", ""))[:_TEXT_MAX]
        values = metric.get("values", [metric["value"]] if "value" in metric else [])
        values = values if isinstance(values, list) else [values]
        if kind == "OcclusionMetric":
            for item in values:
                fraction = item.get("visibilityInFrame") if isinstance(item, dict) else None
                if isinstance(fraction, int | float) and 0 <= fraction <= 1 and type(item.get("instanceId")) is int:
                    visible[item["instanceId"]] = float(fraction)
                else:
                    easel.leave_out("", "metric", f"metric '{name}': a visibility that is no fraction of an instance")
            continue
        known = {key: value for key, value in _plain_values(name, values) if key}
        if known and kind != "RenderedObjectInfoMetric":
            parameters |= known
        else:
            easel.leave_out("", "metric", f"metric '{name}' ({kind}) is not of plain values")
    return visible, parameters


def _plain_values(name: str, values: list[Any]) -> Iterator[tuple[str, Any]]:
    for place, item in enumerate(values):
        if isinstance(item, dict) and isinstance(item.get("labelName"), str) and _is_scalar(item.get("count")):
            yield f"metric.{name}.{plain_name(item['labelName'])}", item["count"]
        elif _is_scalar(item):
            yield f"metric.{name}" if len(values) == 1 else f"metric.{name}.{place}", item


def _is_scalar(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= _TEXT_MAX)


def open_solo(origin: Origin, findings: Findings) -> Solo:
    """Find the captures and the labels.

    Raises:
        NotFoundError: PATH is no folder.
        ConfigurationError: There are no frames, or labels are not usable.
    """
    refuse_images(origin)
    pictures = PictureList(origin.scratch)
    names: set[str] = set()
    numbers: dict[str, set[int]] = {}
    for split, text in subfolders(origin):
        folder = _dataset_folder(origin.root / text)
        _read_definitions(origin, folder, numbers, findings)
        for path, sequence in _frame_files(folder, origin.scratch):
            where = origin.relative(path)
            if not origin.is_inside(path):
                findings.fault(where, "is a link that leads out of the imported folder")
                continue
            try:
                frame = read_json(path)
                own = frame.get("origin") if isinstance(frame, dict) else None
                for place, capture in enumerate(list_of(frame, "captures")):
                    part, group = _own_words(own, split, sequence)
                    picture = _capture(origin, path, place, capture, part, group, findings)
                    if picture is not None:
                        pictures.add(picture)
                        names |= set(_label_names(capture))
            except Refused as refusal:
                findings.fault(where, str(refusal))
    findings.refuse_faults(origin.root)
    if len(pictures):
        findings.leave_out("captures", "camera", "poses and matrices of the cameras are not taken")
    table = _number(names, numbers)
    return Solo(pictures, classes_of(origin.root, table, table=origin.classes))


def _dataset_folder(folder: Path) -> Path:
    """The folder itself, or the only one in it, that holds sequences."""
    for candidate in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        with os.scandir(candidate) as entries:
            if any(_SEQUENCE.fullmatch(entry.name) for entry in entries):
                return candidate
    raise ConfigurationError(
        f"no sequence.N in {folder}", code="no_annotations", hint="PATH is the folder that Unity Perception wrote"
    )


def _frame_files(folder: Path, scratch: Path) -> Iterator[tuple[Path, str]]:
    """Frame files with their sequences, in the order of their numbers."""
    for sequence in _by_number(folder, _SEQUENCE, scratch):
        yield from ((path, sequence.name) for path in _by_number(sequence, _FRAME_FILE, scratch))


def _by_number(folder: Path, pattern: re.Pattern[str], scratch: Path) -> Iterator[Path]:
    """What in a folder is called by a pattern, by the number in its name."""
    found = FileList(folder, scratch)
    with os.scandir(folder) as entries:
        for entry in entries:
            match = pattern.fullmatch(entry.name)
            if match is not None:
                digits = str(int(match[1]))
                found.add(f"{len(digits):03d}{digits}", Path(entry.path))
    yield from (path for _, path in found)


def _own_words(own: Any, split: str | None, sequence: str) -> tuple[str | None, str | None]:
    """Split and group: the sequence, unless an export of ours has said them."""
    if not isinstance(own, dict):
        return split, f"{split}/{sequence}" if split is not None else sequence
    said = {key: own[key] for key in ("split", "group") if isinstance(own.get(key), str)}
    part = split or said.get("split")
    return check_name(part, "split") if part is not None else None, said.get("group")


def _capture(
    origin: Origin, path: Path, place: int, capture: Any, split: str | None, group: str | None, findings: Findings
) -> Picture | None:
    where = f"{origin.relative(path)} captures[{place}]"
    name = capture.get("filename") if isinstance(capture, dict) else None
    if kind_of(capture) != "RGBCamera":
        findings.leave_out(where, "sensor", f"{kind_of(capture) or 'a capture without @type'} is no RGB camera")
        return None
    if not isinstance(name, str) or not _is_plain(name):
        findings.fault(where, f"names no image: {name!r}")
        return None
    image = path.with_name(name)
    if not image.is_file():
        findings.fault(where, f"its image {name} is not there")
    elif not origin.is_inside(image):
        findings.fault(where, f"its image {name} is a link that leads out of the imported folder")
    source = origin.relative(image)
    return Picture(source, image, split, origin.group_of(source, group, findings), note=(path, place))


def _label_names(capture: dict[str, Any]) -> Iterator[str]:
    for annotation in list_of(capture, "annotations"):
        if kind_of(annotation) in _KINDS:
            for key in ("instances", "values"):
                for item in list_of(annotation, key):
                    if (
                        isinstance(item, dict)
                        and isinstance(item.get("labelName"), str)
                        and item["labelName"] != _IGNORE
                    ):
                        yield item["labelName"]


def _read_definitions(origin: Origin, folder: Path, numbers: dict[str, set[int]], findings: Findings) -> None:
    path = folder / "annotation_definitions.json"
    if not path.is_file():
        findings.leave_out(
            origin.relative(path), "incomplete", "is not there: the run did not complete, and labels are counted anew"
        )
        return
    try:
        for definition in list_of(read_json(path, MAXIMUM_DOCUMENT_BYTES), "annotationDefinitions"):
            if kind_of(definition) not in (*_KINDS, *(f"{kind[:-10]}Definition" for kind in _KINDS)):
                continue
            for item in list_of(definition, "spec"):
                name, number = (
                    (item.get("label_name"), item.get("label_id")) if isinstance(item, dict) else (None, None)
                )
                if isinstance(name, str) and name != _IGNORE:
                    numbers.setdefault(name, set()).update([number] if type(number) is int and number >= 0 else [])
    except Refused as refusal:
        findings.fault(origin.relative(path), str(refusal))


def _number(names: set[str], numbers: Mapping[str, set[int]]) -> dict[int, str]:
    """Names by number: as defined where that is one number each, else in the order of names."""
    known = {name: next(iter(found)) for name, found in numbers.items() if len(found) == 1}
    everything = names | set(numbers)
    if everything == set(known) and len(set(known.values())) == len(known):
        return {number: name for name, number in known.items()}
    return dict(enumerate(sorted(everything), 1))
