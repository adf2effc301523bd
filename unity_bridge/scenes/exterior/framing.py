"""Places the camera on its circle so that the vehicle takes the wanted share of the picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera
from unity_bridge.sampling import Value
from unity_bridge.scenes.composition import intrinsics, look_at

_ROUNDS = 14
_CLEARANCE_M = 0.45


def framed_camera(
    points: NDArray[np.floating],
    orbit: dict[str, Value],
    horizontal_fov_deg: float,
    size: tuple[int, int],
    squeeze: float = 1.0,
) -> Camera:
    """The camera of an `OrbitCamera` randomizer.

    points: (N, 3) of the vehicle's surface, metres, world frame. The distance follows from `fill`, but never brings
    the camera nearer than 0.45 m to the box around the points. size: width, height in pixels. squeeze: focal length
    across over focal length down.
    """
    width, height = size
    azimuth = np.deg2rad(float(orbit["azimuth_deg"]) + float(orbit["azimuth_jitter_deg"]))
    heading = np.array([np.cos(azimuth), np.sin(azimuth)])
    rows = intrinsics(width, height, horizontal_fov_deg, squeeze=squeeze)
    K = np.asarray(rows)
    low, high = points.min(axis=0), points.max(axis=0)
    target = np.array([0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), 0.5 * (low[2] + high[2])])
    center = target.copy()
    half = 0.5 * (high - low)[:2] + _CLEARANCE_M
    nearest = float(min(half[axis] / max(abs(heading[axis]), 1e-9) for axis in (0, 1)))
    # How far the vehicle reaches towards the camera: what is seen grows with the distance from there.
    reaches = float(np.abs(half - _CLEARANCE_M) @ np.abs(heading))
    distance = 8.0
    wanted = np.array([float(orbit["offset_x"]), float(orbit["offset_y"])])
    pose = np.eye(4)
    for _ in range(_ROUNDS):
        eye = np.array([center[0] + heading[0] * distance, center[1] + heading[1] * distance, float(orbit["height_m"])])
        pose = np.asarray(look_at(eye, target, float(orbit["roll_deg"])))
        local = (points - pose[:3, 3]) @ pose[:3, :3]
        depth = np.maximum(local[:, 2], 0.2)
        seen = np.stack([local[:, 0] / depth * K[0, 0] / width, local[:, 1] / depth * K[1, 1] / height], axis=1)
        first, last = seen.min(axis=0), seen.max(axis=0)
        extent = float((last - first).max())
        # The target moves so that the middle of what is seen comes to the wanted place.
        shift = 0.5 * (first + last) - wanted
        reach = float(np.linalg.norm(target - eye))
        right, down = pose[:3, 0], pose[:3, 1]
        target = target + right * shift[0] * width / K[0, 0] * reach + down * shift[1] * height / K[1, 1] * reach
        beyond = max(distance - reaches, 0.05) * (extent / float(orbit["fill"]))
        distance = float(np.clip(reaches + beyond, nearest, 60.0))
    rounded = np.round(pose, 9)
    return Camera(
        width_px=width,
        height_px=height,
        K=rows,
        world_from_camera=tuple(tuple(float(value + 0.0) for value in row) for row in rounded),  # type: ignore[arg-type]
    )
