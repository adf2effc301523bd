"""Export as SOLO, the output of Unity Perception 1.0, which pysolotools opens.

sequence.%d/step0.camera.png                            RGB; a sequence a frame, numbered from 0
sequence.%d/step0.camera.instance segmentation.png      RGBA, a colour an object
sequence.%d/step0.camera.semantic segmentation.png      RGBA, a colour a class
sequence.%d/step0.frame_data.json                       camera, boxes, colours of both images
metadata.json, annotation_definitions.json, sensor_definitions.json, metric_definitions.json

Positions and rotations are Unity's (left-handed, metres, x right, y up, z forward); `matrix` is the upper left part of
the projection matrix, column by column, with the far plane at infinity. Without a known camera they are zero and one.
Boxes and instances stand in one order, an object each; an instance that shows several classes is several. Pixels to
ignore have the label `ignore` in the semantic image. Split, group, source and digest of a frame stand under `origin`,
version, license and consent under `dataset` of metadata.json. What the format has no place for: visible fractions of
the area in the image, depth in millimetres (Perception writes OpenEXR), and what was sampled.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from contracts.frame import RecordCamera
from contracts.frame_spec import BACKGROUND_ID, IGNORE_ID, Label
from registry.formats.export_folder import json_bytes
from registry.formats.exported import Export, ExportedFrame
from registry.formats.png import IGNORE_COLOR
from registry.reader import OnProgress

_TYPE = "type.unity.com/unity.solo."
_SENSOR = "camera"
_BOXES, _INSTANCES, _SEMANTIC = "bounding box", "instance segmentation", "semantic segmentation"
_ANNOTATORS = {
    _BOXES: ("BoundingBox2DAnnotation", "Boxes of the visible pixels"),
    _INSTANCES: ("InstanceSegmentationAnnotation", "A colour an object"),
    _SEMANTIC: ("SemanticSegmentationAnnotation", "A colour a class"),
}
IGNORE_LABEL = "ignore"
_SPREAD = 0x9E3779
"""Odd, so that no two numbers of 24 bits have one product modulo 2^24; neighbours get colours far apart."""
_UNITY_FROM_OURS = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
"""Vehicle axes (x forward, y left, z up) to Unity's."""
_CAMERA_FROM_UNITY_CAMERA = np.diag([1.0, -1.0, 1.0])


def write_solo(export: Export, folder: Path, on_progress: OnProgress | None) -> None:
    """Write a version as SOLO."""
    colors = class_colors(export.classes.labels)
    count = 0
    for frame, files in export.each(lambda frame: _prepare(frame, colors), on_progress):
        place = folder / f"sequence.{frame.place}"
        place.mkdir()
        for name, data in files.items():
            (place / f"step0.{name}").write_bytes(data)
        count += 1
    for name, value in _definitions(export, colors, count).items():
        (folder / f"{name}.json").write_bytes(json_bytes(value))


def class_colors(labels: tuple[Label, ...]) -> dict[int, tuple[int, int, int]]:
    """Colours by class id, no two alike: the labels' own where they are, black for background."""
    found: dict[int, tuple[int, int, int]] = {BACKGROUND_ID: (0, 0, 0), IGNORE_ID: IGNORE_COLOR}
    for label in labels:
        if label.id == BACKGROUND_ID:
            continue
        color, number = label.color, label.id
        while color in found.values():
            number += 256
            color = object_color(number)
        found[label.id] = color
    return found


def object_color(number: int) -> tuple[int, int, int]:
    """The colour of an object, unlike any other's and never black; numbers from 1 to 2^24 - 1."""
    value = number * _SPREAD & 0xFFFFFF
    return value >> 16, value >> 8 & 0xFF, value & 0xFF


def _prepare(frame: ExportedFrame, colors: dict[int, tuple[int, int, int]]) -> tuple[ExportedFrame, dict[str, bytes]]:
    width, height = frame.record.size
    names = frame.export.classes.names
    drawn = [item for item in frame.objects if item.counts is not None]
    objects_image = np.zeros((height, width, 4), np.uint8)
    objects_image[..., 3] = 255
    for item in drawn:
        x, y, box_width, box_height = item.box
        window = slice(y, y + box_height), slice(x, x + box_width)
        objects_image[window][frame.keys[window] == item.key, :3] = object_color(item.number)
    table = np.zeros((256, 4), np.uint8)
    table[:, 3] = 255
    for class_id, color in colors.items():
        table[class_id, :3] = color
    shown = [class_id for class_id in np.unique(frame.mask).tolist() if class_id != BACKGROUND_ID]
    listed = {item.number: {"instanceId": item.number, "labelId": item.class_id, "labelName": names[item.class_id]}
              for item in frame.objects}  # fmt: skip
    boxes = [
        {
            **listed[item.number],
            "origin": [float(v) for v in item.box[:2]],
            "dimension": [float(v) for v in item.box[2:]],
        }
        for item in frame.objects
    ]
    instances = [{**listed[item.number], "color": [*object_color(item.number), 255]} for item in drawn]
    classes = [
        {"labelName": names.get(class_id, IGNORE_LABEL), "pixelValue": [*colors[class_id], 255]} for class_id in shown
    ]
    annotations = [
        {**_annotation(_BOXES), "values": boxes},
        {**_annotation(_INSTANCES), **_picture(frame, _INSTANCES), "instances": instances},
        {**_annotation(_SEMANTIC), **_picture(frame, _SEMANTIC), "instances": classes},
    ]
    capture = {
        "@type": f"{_TYPE}RGBCamera",
        "id": _SENSOR,
        "description": "",
        **_pose(frame.record.camera, width, height),
        "velocity": [0.0, 0.0, 0.0],
        "acceleration": [0.0, 0.0, 0.0],
        **_picture(frame, None),
        "projection": "Perspective",
        "annotations": annotations,
    }
    document = {
        "frame": frame.place,
        "sequence": frame.place,
        "step": 0,
        "timestamp": 0.0,
        "captures": [capture],
        "metrics": [],
        "origin": {"index": frame.record.index, **frame.origin()},
    }
    return frame, {
        f"{_SENSOR}.png": frame.read("image"),
        f"{_SENSOR}.{_INSTANCES}.png": _png(objects_image),
        f"{_SENSOR}.{_SEMANTIC}.png": _png(table[frame.mask]),
        "frame_data.json": json_bytes(document),
    }


def _annotation(name: str) -> dict[str, Any]:
    kind, description = _ANNOTATORS[name]
    return {"@type": f"{_TYPE}{kind}", "id": name, "sensorId": _SENSOR, "description": description}


def _picture(frame: ExportedFrame, name: str | None) -> dict[str, Any]:
    ending = f"{_SENSOR}.png" if name is None else f"{_SENSOR}.{name}.png"
    return {
        "filename": f"step0.{ending}",
        "imageFormat": "Png",
        "dimension": [float(length) for length in frame.record.size],
    }


def _pose(camera: RecordCamera | None, width: int, height: int) -> dict[str, Any]:
    if camera is None:
        return {
            "position": [0.0, 0.0, 0.0],
            "rotation": [0.0, 0.0, 0.0, 1.0],
            "matrix": np.eye(3).ravel().tolist(),
        }
    world_from_camera = np.array(camera.world_from_camera)
    rotation = _UNITY_FROM_OURS @ world_from_camera[:3, :3] @ _CAMERA_FROM_UNITY_CAMERA
    (fx, _, cx), (_, fy, cy), _ = camera.K
    projection = np.array(
        [[2 * fx / width, 0.0, 1 - 2 * cx / width], [0.0, 2 * fy / height, 2 * cy / height - 1], [0.0, 0.0, -1.0]]
    )
    return {
        "position": (_UNITY_FROM_OURS @ world_from_camera[:3, 3]).tolist(),
        "rotation": _quaternion(rotation),
        "matrix": projection.T.ravel().tolist(),
    }


def _quaternion(rotation: npt.NDArray[np.float64]) -> list[float]:
    """x, y, z, w of a rotation matrix, w not negative."""
    # The eigenvector of the largest eigenvalue (Bar-Itzhack, 2000): no case is ill conditioned.
    (a, b, c), (d, e, f), (g, h, i) = rotation
    matrix = np.array(
        [
            [a - e - i, b + d, c + g, h - f],
            [b + d, e - a - i, f + h, c - g],
            [c + g, f + h, i - a - e, d - b],
            [h - f, c - g, d - b, a + e + i],
        ]
    )
    found = np.linalg.eigh(matrix)[1][:, -1]
    return [float(value) for value in (found if found[3] >= 0 else -found)]


def _definitions(export: Export, colors: dict[int, tuple[int, int, int]], count: int) -> dict[str, Any]:
    labels = [label for label in export.classes.labels if label.id != BACKGROUND_ID]
    spec = [{"label_id": label.id, "label_name": label.name} for label in labels]
    semantic = [{"label_name": label.name, "pixel_value": [*colors[label.id], 255]} for label in labels]
    semantic.append({"label_name": IGNORE_LABEL, "pixel_value": [*IGNORE_COLOR, 255]})
    specs = {_BOXES: spec, _INSTANCES: spec, _SEMANTIC: semantic}
    generator = export.version.manifest.generator
    return {
        "metadata": {
            "unityVersion": "",
            "perceptionVersion": "1.0.0",
            "renderPipeline": "",
            "simulationStartTime": "",
            "simulationEndTime": "",
            "scenarioRandomSeed": export.version.manifest.seed or 0,
            "scenarioActiveRandomizers": [],
            "totalFrames": count,
            "totalSequences": count,
            "sensors": [_SENSOR],
            "metricCollectors": [],
            "annotators": [{"name": name, "type": f"{_TYPE}{kind}"} for name, (kind, _) in _ANNOTATORS.items()],
            "dataset": export.about(),
        },
        "annotation_definitions": {
            "annotationDefinitions": [
                {"@type": f"{_TYPE}{kind}", "id": name, "description": description, "spec": specs[name]}
                for name, (kind, description) in _ANNOTATORS.items()
            ]
        },
        "sensor_definitions": {
            "sensorDefinitions": [
                {
                    "@type": f"{_TYPE}RGBCamera",
                    "id": _SENSOR,
                    "modality": _SENSOR,
                    "description": generator.name if generator is not None else "",
                    "firstCaptureFrame": 0,
                    "captureTriggerMode": "Scheduled",
                    "simulationDeltaTime": 0.0,
                    "framesBetweenCaptures": 0,
                    "manualSensorsAffectTiming": False,
                }
            ]
        },
        "metric_definitions": {"metricDefinitions": []},
    }


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=3)
    return stream.getvalue()
