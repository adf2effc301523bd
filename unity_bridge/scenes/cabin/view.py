"""Where the cabin's camera stands and what it sees by: sun, sky through the windows, exposure for the shade inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from contracts.camera import Camera, Exposure, Matrix3
from contracts.frame_spec import DirectionalLight, Environment
from contracts.randomizers.cabin import CabinCamera, Cutout, Outside, Spectrum
from contracts.randomizers.common import Light, SunDirection
from unity_bridge.sampling import FrameParameters
from unity_bridge.scenes import composition, photometry
from unity_bridge.scenes.cabin.interior import windscreen_x
from unity_bridge.scenes.cabin.parameters import values_of
from unity_bridge.scenes.calibrated_camera import calibrated
from unity_bridge.scenes.shades import detail_stream
from unity_bridge.scenes.surroundings.environments import environment_image
from unity_bridge.scenes.surroundings.panorama import panorama_file
from unity_bridge.scenes.surroundings.radiance import encode_radiance

SHADE_EV = 2.4
"""Stops by which the inside of a car is darker than the light outside, which the exposure is metered for."""
_BEHIND_WINDSCREEN_M = 0.05
"""Nearest that a camera comes to the windscreen; outside of it, the sky's reflection veils the cabin."""
_SHARE_OF_FOLD = 0.8
"""Of the barrel distortion with which a corner of the image would fold over: nearer to that it is smeared."""
_PASSENGER_M = 0.75
"""Of a passenger's chest and arms from the cameras."""
_FAMILY_M: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float]]] = {
    "dash": ((0.80, 0.92), (-0.05, 0.5), (0.40, 0.50)),
    "mirror": ((0.52, 0.62), (0.30, 0.45), (0.70, 0.80)),
    "a_pillar": ((0.60, 0.80), (0.95, 1.08), (0.48, 0.66)),
}
"""Ranges forward, left and up from the H-point of cameras that are built in."""


def cabin_camera(parameters: FrameParameters, size: tuple[int, int]) -> Camera:
    """The camera of a frame of that width and height in pixels."""
    values = values_of(parameters, CabinCamera)
    forward, left, up = _place(values)
    eye = (min(forward, windscreen_x(up) - _BEHIND_WINDSCREEN_M), left, up)
    target = (-0.05, float(values["aim_left_m"]), float(values["aim_up_m"]))
    intrinsics = composition.intrinsics(
        size[0], size[1], parameters.horizontal_fov_deg, squeeze=composition.horizontal_squeeze(parameters, size)
    )
    radial = max(float(values["radial_distortion"]), _strongest_barrel(intrinsics, size))
    placed = Camera(
        width_px=size[0],
        height_px=size[1],
        K=intrinsics,
        distortion=(round(radial, 6), 0.0, 0.0, 0.0, 0.0),
        world_from_camera=composition.look_at(eye, target, float(values["roll_deg"])),
    )
    return calibrated(parameters, placed)


def _strongest_barrel(intrinsics: Matrix3, size: tuple[int, int]) -> float:
    """The lowest k1 with which the corners of the image are still well inside of where the lens folds over.

    r (1 + k1 r^2) grows until r^2 = -1 / (3 k1), where it is 2/3 r: a corner at that distance has k1 = -4 / (27 d^2).
    """
    (fx, _, cx), (_, fy, cy), _ = intrinsics
    corner = np.hypot(max(cx, size[0] - cx) / fx, max(cy, size[1] - cy) / fy)
    return -_SHARE_OF_FOLD * 4 / (27 * float(corner) ** 2)


def _place(values: Mapping[str, Any]) -> tuple[float, float, float]:
    """Forward, left and up from the H-point, metres."""
    family = str(values["family"])
    if family == "free":
        return float(values["forward_m"]), float(values["left_m"]), float(values["up_m"])
    low, high = np.array(_FAMILY_M[family]).T
    forward, left, up = np.round(detail_stream(values, 1).uniform(low, high), 5)
    return float(forward), float(left), float(up)


def infrared(parameters: FrameParameters) -> Mapping[str, Any] | None:
    """Values of the `Spectrum` randomizer where the camera sees near infrared."""
    spectrum = values_of(parameters, Spectrum)
    return spectrum if spectrum["band"] == "near_infrared" else None


def cabin_light(
    parameters: FrameParameters, assets: composition.AssetCollector
) -> tuple[list[DirectionalLight], Environment, Exposure]:
    """Sunlight, what shines through the windows, and the camera's answer to both."""
    light, sun, outside = (values_of(parameters, kind) for kind in (Light, SunDirection, Outside))
    elevation, azimuth = np.deg2rad(float(sun["elevation_deg"])), np.deg2rad(float(sun["azimuth_deg"]))
    spectrum = infrared(parameters)
    share = 1.0 if spectrum is None else float(spectrum["daylight_share"])
    own = parameters.own_environment()
    lights = []
    # A panorama has the sun in it, or the clouds before it.
    if own is None and elevation > 0 and float(light["sun_illuminance_lux"]) > 0:
        towards = [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
        x, y, z = (float(-value + 0.0) for value in towards)
        lights.append(
            DirectionalLight(
                direction=(x, y, z),
                illuminance_lux=float(light["sun_illuminance_lux"]) * share,
                color=photometry.rgb_of_temperature(float(light["temperature_k"]) if spectrum is None else 6500.0),
            )
        )
    if own is None:
        data = encode_radiance(environment_image(str(outside["environment"]), detail_stream(outside, 1)))
    else:
        data = panorama_file(own)
    heading = np.deg2rad(float(outside["heading_deg"]))
    turn = np.array([[np.cos(heading), -np.sin(heading), 0], [np.sin(heading), np.cos(heading), 0], [0, 0, 1]])
    environment = Environment(
        image=assets.add_hdr(data),
        world_from_environment=composition.matrix3(turn),
        luminance_cd_m2=float(light["sky_luminance_cd_m2"]) * share,
    )
    if spectrum is not None:
        # Metered for the passenger, whom the lamp lights.
        shining = DirectionalLight(
            direction=(0.0, 0.0, -1.0),
            illuminance_lux=float(spectrum["lamp_illuminance_lux"]) / _PASSENGER_M**2,
            color=(1.0, 1.0, 1.0),
        )
        inside = environment.model_copy(update={"luminance_cd_m2": environment.luminance_cd_m2 * 2**-SHADE_EV})
        metered = photometry.exposure_for([shining], inside, float(light["exposure_ev"]))
        return lights, environment, Exposure(ev100=metered)
    shade_ev = 0.0 if parameters.of_kind(Cutout.__name__) else SHADE_EV
    exposure = Exposure(
        ev100=photometry.exposure_for(lights, environment, float(light["exposure_ev"]) + shade_ev),
        white_balance_gains=photometry.white_balance_gains(float(light["white_balance_k"])),
    )
    return lights, environment, exposure
