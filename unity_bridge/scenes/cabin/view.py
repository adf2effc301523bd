"""Where the cabin's camera stands and what it sees by: sun, sky through the windows, exposure for the shade inside."""

from __future__ import annotations

import numpy as np

from contracts.camera import Camera, Exposure
from contracts.frame_spec import DirectionalLight, Environment
from contracts.randomizers.cabin import CabinCamera, Outside
from contracts.randomizers.common import Light, SunDirection
from unity_bridge.sampling import FrameParameters
from unity_bridge.scenes import composition
from unity_bridge.scenes.cabin.interior import windscreen_x
from unity_bridge.scenes.cabin.parameters import values_of
from unity_bridge.scenes.calibrated_camera import calibrated
from unity_bridge.scenes.shades import detail_stream
from unity_bridge.scenes.surroundings.environments import environment_image
from unity_bridge.scenes.surroundings.radiance import encode_radiance

SHADE_EV = 2.4
"""Stops by which the inside of a car is darker than the light outside, which the exposure is metered for."""
_BEHIND_WINDSCREEN_M = 0.05
"""Nearest that a camera comes to the windscreen; outside of it, the sky's reflection veils the cabin."""


def cabin_camera(parameters: FrameParameters, size: tuple[int, int]) -> Camera:
    """The camera of a frame of that width and height in pixels."""
    values = values_of(parameters, CabinCamera)
    up = float(values["up_m"])
    forward = min(float(values["forward_m"]), windscreen_x(up) - _BEHIND_WINDSCREEN_M)
    eye = (forward, float(values["left_m"]), up)
    target = (-0.05, float(values["aim_left_m"]), float(values["aim_up_m"]))
    placed = Camera(
        width_px=size[0],
        height_px=size[1],
        K=composition.intrinsics(
            size[0],
            size[1],
            parameters.horizontal_fov_deg,
            squeeze=composition.horizontal_squeeze(parameters, size),
        ),
        world_from_camera=composition.look_at(eye, target, float(values["roll_deg"])),
    )
    return calibrated(parameters, placed)


def cabin_light(
    parameters: FrameParameters, assets: composition.AssetCollector
) -> tuple[list[DirectionalLight], Environment, Exposure]:
    """Sunlight, what shines through the windows, and the camera's answer to both."""
    light, sun, outside = (values_of(parameters, kind) for kind in (Light, SunDirection, Outside))
    elevation, azimuth = np.deg2rad(float(sun["elevation_deg"])), np.deg2rad(float(sun["azimuth_deg"]))
    lights = []
    if elevation > 0 and float(light["sun_illuminance_lux"]) > 0:
        towards = [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
        x, y, z = (float(-value + 0.0) for value in towards)
        lights.append(
            DirectionalLight(
                direction=(x, y, z),
                illuminance_lux=float(light["sun_illuminance_lux"]),
                color=composition.rgb_of_temperature(float(light["temperature_k"])),
            )
        )
    image = environment_image(str(outside["environment"]), detail_stream(outside, 1))
    heading = np.deg2rad(float(outside["heading_deg"]))
    turn = np.array([[np.cos(heading), -np.sin(heading), 0], [np.sin(heading), np.cos(heading), 0], [0, 0, 1]])
    environment = Environment(
        image=assets.add_hdr(encode_radiance(image)),
        world_from_environment=composition.matrix3(turn),
        luminance_cd_m2=float(light["sky_luminance_cd_m2"]),
    )
    exposure = Exposure(
        ev100=composition.exposure_for(lights, environment, float(light["exposure_ev"]) + SHADE_EV),
        white_balance_gains=composition.white_balance_gains(float(light["white_balance_k"])),
    )
    return lights, environment, exposure
