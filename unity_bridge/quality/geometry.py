"""Where the spec says that labels are, independent of the renderer: boxes of parts, and points that pixels show."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera
from contracts.errors import IntegrityError
from contracts.frame_spec import IGNORE_ID, FrameSpec
from contracts.ids import Digest

Float64 = NDArray[np.float64]
_UNDISTORTION_STEPS = 20


def labels_by_instance(spec: FrameSpec) -> dict[int, set[int]]:
    """Label ids that the spec gives to the parts of each instance; 0 are parts that belong to none."""
    ids = {label.name: label.id for label in spec.labels}
    found: dict[int, set[int]] = {}
    for item in spec.objects:
        for binding in item.parts.values():
            if not binding.see_through:
                label = IGNORE_ID if binding.label is None else ids[binding.label]
                found.setdefault(binding.instance, set()).add(label)
    return found


_boxes_of_asset: dict[Digest, dict[str, Float64]] = {}
_ASSETS_REMEMBERED = 1024


def _part_boxes(digest: Digest, data: bytes) -> dict[str, Float64]:
    """Axis-aligned box of each part of a GLB file by its header: (2, 3) float64 in the model's frame (z up)."""
    known = _boxes_of_asset.get(digest)
    if known is not None:
        return known
    try:
        length, _ = struct.unpack_from("<II", data, 12)
        document = json.loads(data[20 : 20 + length])
        boxes = {}
        for node in document["nodes"]:
            primitive = document["meshes"][node["mesh"]]["primitives"][0]
            accessor = document["accessors"][primitive["attributes"]["POSITION"]]
            (x0, y0, z0), (x1, y1, z1) = accessor["min"], accessor["max"]
            boxes[node["name"]] = np.array([[x0, -z1, y0], [x1, -z0, y1]], dtype=np.float64)  # glTF is y up
    except (struct.error, ValueError, KeyError, IndexError, TypeError) as error:
        raise IntegrityError(f"asset {digest} is not a readable GLB file: {error}") from error
    if len(_boxes_of_asset) >= _ASSETS_REMEMBERED:
        _boxes_of_asset.clear()
    _boxes_of_asset[digest] = boxes
    return boxes


@dataclass(frozen=True, eq=False)
class PartBox:
    """The box of one placed part.

    low, high: (3,) float64 in the object's frame, metres.
    object_from_world: (4, 4) float64.
    scale: of the object, world over object.
    """

    low: Float64
    high: Float64
    object_from_world: Float64
    scale: float

    def contains(self, points_m: Float64, margin_m: Float64) -> NDArray[np.bool_]:
        """Which of (N, 3) world points lie in the box, widened by (N,) margins in metres."""
        local = points_m @ self.object_from_world[:3, :3].T + self.object_from_world[:3, 3]
        margin = (margin_m / self.scale)[:, None]
        return ((local >= self.low - margin) & (local <= self.high + margin)).all(axis=1)


def boxes_by_ids(spec: FrameSpec, assets: Mapping[Digest, bytes]) -> dict[tuple[int, int], list[PartBox]]:
    """Boxes of all parts that masks show, by (label id, instance id)."""
    ids = {label.name: label.id for label in spec.labels}
    found: dict[tuple[int, int], list[PartBox]] = {}
    for item in spec.objects:
        boxes = _part_boxes(item.asset, assets[item.asset])
        pose = np.asarray(item.world_from_object, dtype=np.float64)
        object_from_world = np.linalg.inv(pose)
        scale = float(np.cbrt(abs(np.linalg.det(pose[:3, :3]))))
        for part, binding in item.parts.items():
            if binding.see_through or part not in boxes:
                continue
            label = IGNORE_ID if binding.label is None else ids[binding.label]
            low, high = boxes[part]
            found.setdefault((label, binding.instance), []).append(PartBox(low, high, object_from_world, scale))
    return found


def world_points(camera: Camera, rows: NDArray[np.intp], columns: NDArray[np.intp], depth_m: Float64) -> Float64:
    """World position of what pixels show.

    Args:
        camera: As rendered.
        rows, columns: (N,) pixel indices.
        depth_m: (N,) along the optical axis, metres.

    Returns:
        (N, 3) float64, metres.
    """
    K = np.asarray(camera.K)
    x = (columns + 0.5 - K[0, 2]) / K[0, 0]
    y = (rows + 0.5 - K[1, 2]) / K[1, 1]
    x, y = undistort(x, y, camera.distortion)
    pose = np.asarray(camera.world_from_camera)
    seen = np.stack([x * depth_m, y * depth_m, depth_m], axis=1)
    return seen @ pose[:3, :3].T + pose[:3, 3]


def undistort(x: Float64, y: Float64, distortion: tuple[float, ...]) -> tuple[Float64, Float64]:
    """Ideal image coordinates of distorted ones, by fixed-point iteration of the Brown-Conrady model.

    Source: D. C. Brown, "Decentering Distortion of Lenses", 1966; the iteration is the usual one of OpenCV.
    """
    if not any(distortion):
        return x, y
    k1, k2, p1, p2, k3 = distortion
    ideal_x, ideal_y = x, y
    for _ in range(_UNDISTORTION_STEPS):
        square = ideal_x**2 + ideal_y**2
        radial = 1 + square * (k1 + square * (k2 + square * k3))
        offset_x = 2 * p1 * ideal_x * ideal_y + p2 * (square + 2 * ideal_x**2)
        offset_y = p1 * (square + 2 * ideal_y**2) + 2 * p2 * ideal_x * ideal_y
        ideal_x, ideal_y = (x - offset_x) / radial, (y - offset_y) / radial
    return ideal_x, ideal_y


SAME_SURFACE = 0.002
"""Share of the depth by which a smooth surface may depart from the plane through its surroundings."""
OTHER_SURFACE = 0.01
"""Share of the depth from which it is another surface, however rough the surroundings are."""


def surface_goes_on(depth: NDArray[np.uint16], hole: NDArray[np.bool_], rim: NDArray[np.bool_]) -> bool:
    """Whether the depth in a hole continues that of its rim.

    The inverse depth of a plane is linear in image coordinates; so a plane is fitted to the rim, and the hole's depths
    may depart from it by twice as much as the rim's own.

    Args:
        depth: (H, W) uint16, positive in hole and rim.
        hole, rim: (H, W) bool.
    """
    rows, columns = np.nonzero(rim)
    design = np.stack([rows, columns, np.ones(len(rows))], axis=1)
    inverse = 1.0 / depth[rim].astype(np.float64)
    plane, *_ = np.linalg.lstsq(design, inverse, rcond=None)
    rim_departure = float(np.median(np.abs(design @ plane - inverse) / inverse))
    rows, columns = np.nonzero(hole)
    inverse = 1.0 / depth[hole].astype(np.float64)
    expected = np.stack([rows, columns, np.ones(len(rows))], axis=1) @ plane
    departure = float(np.median(np.abs(expected - inverse) / inverse))
    return departure <= min(max(2 * rim_departure, SAME_SURFACE), OTHER_SURFACE)
