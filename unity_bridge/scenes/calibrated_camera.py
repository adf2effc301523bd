"""Gives a frame's camera what the generator's calibration says of the real one."""

from __future__ import annotations

from contracts.camera import Camera
from unity_bridge.sampling import FrameParameters


def calibrated(parameters: FrameParameters, camera: Camera) -> Camera:
    """The camera with the intrinsics, distortion and, where there is one, pose of the generator's calibration; the same
    camera without a calibration.

    parameters: of the frame. camera: as the scene family places it.
    """
    calibration = parameters.generator.camera.calibration
    if calibration is None:
        return camera
    return camera.model_copy(
        update={
            "K": calibration.intrinsics_for((camera.width_px, camera.height_px)),
            "distortion": calibration.distortion,
            "world_from_camera": calibration.world_from_camera or camera.world_from_camera,
        }
    )
