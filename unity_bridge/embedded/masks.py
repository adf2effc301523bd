"""Masks and depth from rays through exact pixel centres: integers, never blended.

Every ray is followed from surface to surface. The first one that is not seen through decides label, instance and
depth. Going on behind it finds which pixels each instance would cover with nothing before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera
from contracts.frame import Instance
from contracts.frame_spec import BACKGROUND_ID, Label
from unity_bridge.embedded.geometry import FrameGeometry
from unity_bridge.embedded.lens import pixel_centers

STEP_M = 2e-5
RELATIVE_STEP = 4e-6
"""How far behind a surface the next cast starts: above the rounding of a hit, below any gap that is modelled."""
PIXELS_AT_ONCE = 1 << 18
DEPTH_UNITS_PER_M = 1000.0
MAXIMUM_DEPTH = 65535


class RayCaster(Protocol):
    """Finds the nearest triangle along rays."""

    face_parts: NDArray[np.int32]
    """(F,) part of every triangle."""

    def __call__(
        self, origins: NDArray[np.float32], directions: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Distances (N,), infinite where nothing is hit, and triangles (N,) for origins and directions (N, 3)."""
        ...


@dataclass
class FrameMasks:
    """labels: (H, W) uint8; instances: (H, W) uint16; depth: (H, W) uint16 millimetres along the optical axis;
    listed: the visible instances, in the order of their ids."""

    labels: NDArray[np.uint8]
    instances: NDArray[np.uint16]
    depth: NDArray[np.uint16]
    listed: tuple[Instance, ...]


def trace_masks(camera: Camera, geometry: FrameGeometry, labels: tuple[Label, ...], cast: RayCaster) -> FrameMasks:
    """Masks, depth and visible instances of a frame."""
    positions = pixel_centers(camera)
    pose = np.array(camera.world_from_camera)
    numbers = np.array(sorted(geometry.instance_points), np.int64)
    bounds = [_bounds(geometry.instance_points[number], pose) for number in numbers.tolist()]
    slots = np.full(65536, -1, np.int64)
    slots[numbers] = np.arange(len(numbers))
    part_slots = np.where(geometry.part_see_through, -1, slots[geometry.part_instances])
    count = len(positions)
    part_of_pixel = np.zeros(count, np.int64)
    depth_m = np.zeros(count)
    covered = np.zeros(len(numbers), np.int64)
    for start in range(0, count, PIXELS_AT_ONCE):
        window = slice(start, min(start + PIXELS_AT_ONCE, count))
        part_of_pixel[window], depth_m[window], found = _peel(
            positions[window], pose, bounds, geometry.part_see_through, part_slots, cast
        )
        covered += found
    shape = (camera.height_px, camera.width_px)
    label_image = geometry.part_labels[part_of_pixel]
    label_image[part_of_pixel == 0] = BACKGROUND_ID
    millimetres = np.rint(depth_m * DEPTH_UNITS_PER_M)
    depth = np.where(millimetres <= MAXIMUM_DEPTH, millimetres, 0).astype(np.uint16)
    instance_image = geometry.part_instances[part_of_pixel].reshape(shape)
    label_image = label_image.reshape(shape)
    listed = _list_instances(instance_image, label_image, labels, dict(zip(numbers.tolist(), covered, strict=True)))
    return FrameMasks(label_image, instance_image, depth.reshape(shape), listed)


def _peel(
    positions: NDArray[np.float64],
    pose: NDArray[np.float64],
    bounds: list[NDArray[np.float64]],
    see_through: NDArray[np.bool_],
    part_slots: NDArray[np.int64],
    cast: RayCaster,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Follow rays until nothing that could still be found lies ahead.

    Returns:
        (N,) part first seen, 0 for none; (N,) its depth along the optical axis in metres; covered pixels by instance.
    """
    count = len(positions)
    lengths = np.sqrt(1 + np.einsum("ij,ij->i", positions, positions))
    in_camera = np.concatenate([positions, np.ones((count, 1))], axis=1) / lengths[:, None]
    directions = in_camera @ pose[:3, :3].T
    origin = pose[:3, 3]
    # An instance can cover only pixels within the bounds of its projection: elsewhere nobody looks for it.
    sought = np.zeros((len(bounds), count), np.bool_)
    for slot, bound in enumerate(bounds):
        sought[slot] = (positions >= bound[0]).all(axis=1) & (positions <= bound[1]).all(axis=1)
    wanted = sought.sum(axis=0)
    first_part = np.zeros(count, np.int64)
    first_depth = np.zeros(count)
    covered = np.zeros(len(bounds), np.int64)
    travelled = np.zeros(count)
    last_face = np.full(count, -1, np.int64)
    patience = np.ones(count)
    active = np.arange(count)
    while len(active):
        heading = directions[active]
        start = origin + heading * travelled[active, None]
        distance, face = cast(start.astype(np.float32), heading.astype(np.float32))
        hit = np.isfinite(distance)
        active, face = active[hit], face[hit]
        travelled[active] += distance[hit]
        # The same triangle again is rounding: step further each time.
        again = face == last_face[active]
        patience[active] = np.where(again, patience[active] * 2, 1)
        last_face[active] = face
        part = cast.face_parts[face]
        opaque = ~see_through[part]
        fresh = opaque & (first_part[active] == 0)
        first_part[active[fresh]] = part[fresh]
        first_depth[active[fresh]] = travelled[active[fresh]] / lengths[active[fresh]]
        slots = part_slots[part]
        new = (slots >= 0) & sought[np.maximum(slots, 0), active] if len(bounds) else np.zeros(len(active), np.bool_)
        sought[slots[new], active[new]] = False
        covered += np.bincount(slots[new], minlength=len(bounds))
        wanted[active[new]] -= 1
        active = active[(first_part[active] == 0) | (wanted[active] > 0)]
        travelled[active] += (STEP_M + RELATIVE_STEP * travelled[active]) * patience[active]
    return first_part, first_depth, covered


def _bounds(points: NDArray[np.float32], pose: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 2) lowest and highest position on the plane z = 1 that an instance may cover; unbounded where part of it
    lies beside or behind the camera."""
    in_camera = (points - pose[:3, 3]) @ pose[:3, :3]
    if in_camera[:, 2].min() <= 1e-6:
        return np.array([[-np.inf, -np.inf], [np.inf, np.inf]])
    projected = in_camera[:, :2] / in_camera[:, 2:]
    margin = 1e-5
    return np.stack([projected.min(axis=0) - margin, projected.max(axis=0) + margin])


def _list_instances(
    instances: NDArray[np.uint16],
    label_image: NDArray[np.uint8],
    labels: tuple[Label, ...],
    covered: dict[int, np.int64],
) -> tuple[Instance, ...]:
    names = {label.id: label.name for label in labels}
    flat = instances.ravel()
    order = np.argsort(flat, kind="stable")
    order = order[np.searchsorted(flat[order], 1) :]
    numbers, starts = np.unique(flat[order], return_index=True)
    listed = []
    ends = np.append(starts, len(order))[1:]
    for number, start, end in zip(numbers.tolist(), starts, ends, strict=True):
        pixels = order[start:end]
        rows, columns = np.divmod(pixels, instances.shape[1])
        x, y = int(columns.min()), int(rows.min())
        # Parts of one instance may differ in label: it is listed by the one that shows most.
        counts = np.bincount(label_image.ravel()[pixels], minlength=256)
        area = len(pixels)
        listed.append(
            Instance(
                id=number,
                label=names[int(counts.argmax())],
                area_px=area,
                box=(x, y, int(columns.max()) - x + 1, int(rows.max()) - y + 1),
                visible_fraction=area / max(area, int(covered[number])),
            )
        )
    return tuple(listed)
