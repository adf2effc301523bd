"""Light in numbers: metered exposure, the colour of a temperature, white balance.

Everything here is a pure function of its arguments; the same arguments give the same bytes on every run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Vector3
from contracts.frame_spec import DirectionalLight, Environment
from unity_bridge.scenes.composition import vector3

FLAT_RECEPTOR_CONSTANT = 250.0
"""Incident-light calibration constant C of a flat receptor, lux seconds (ISO 2720:1974, 240 to 400)."""
LOWEST_EV100 = -10.0
HIGHEST_EV100 = 25.0
LARGEST_GAIN = 16.0
"""Largest white-balance multiplier, as cameras have one: a 2000 K lamp stays a little warm."""

LUMINANCE_OF_RGB = np.array([0.2126, 0.7152, 0.0722])
"""CIE Y of linear Rec. 709 primaries (ITU-R BT.709-6, 3.2)."""

_RGB_OF_XYZ = np.array(
    [
        [3.2404541621, -1.5371385128, -0.4985314096],
        [-0.9692660305, 1.8760108454, 0.0415560175],
        [0.0556434310, -0.2040259135, 1.0572251882],
    ]
)
"""CIE XYZ to linear Rec. 709, white D65 (IEC 61966-2-1)."""


def incident_illuminance_lux(lights: Sequence[DirectionalLight], environment: Environment) -> float:
    """What a flat incident-light meter reads that faces the strongest light, or straight up where there is none.

    Directional lights count by the cosine of their angle to the receptor; the environment counts as a uniform
    hemisphere of its mean luminance L, which gives pi L lux.
    """
    total = math.pi * environment.luminance_cd_m2
    if lights:
        facing = -np.asarray(max(lights, key=lambda light: light.illuminance_lux).direction)
        for light in lights:
            total += light.illuminance_lux * max(0.0, float(facing @ -np.asarray(light.direction)))
    return total


def exposure_for(lights: Sequence[DirectionalLight], environment: Environment, compensation_ev: float = 0.0) -> float:
    """Correct exposure by incident-light metering, in stops at ISO 100.

    2^EV = E S / C with the illuminance E in lux, S = 100 and C = 250 for a flat receptor (ISO 2720:1974), so that
    EV100 = log2(E / 2.5). On an 18 % grey surface this agrees with reflected-light metering (K = 12.5) within 0.2 EV.

    Args:
        lights: Directional lights.
        environment: Light from everywhere.
        compensation_ev: Stops; positive is brighter.

    Returns:
        EV100, held within -10 to 25.
    """
    lowest_lux = 2.0**LOWEST_EV100 * FLAT_RECEPTOR_CONSTANT / 100
    illuminance_lux = max(incident_illuminance_lux(lights, environment), lowest_lux)
    ev100 = math.log2(illuminance_lux * 100 / FLAT_RECEPTOR_CONSTANT) - compensation_ev
    return min(max(ev100, LOWEST_EV100), HIGHEST_EV100)


def _gaussian(wavelength_nm: NDArray[np.float64], mean: float, below: float, above: float) -> NDArray[np.float64]:
    """A Gaussian whose width differs below and above its mean."""
    width = np.where(wavelength_nm < mean, below, above)
    return np.exp(-0.5 * ((wavelength_nm - mean) * width) ** 2)


def xyz_of_temperature(temperature_k: float) -> NDArray[np.float64]:
    """CIE 1931 XYZ of a black body, scaled to Y = 1.

    Planck's law integrated from 360 to 830 nm over the multi-lobe fit of the colour matching functions by Wyman, Sloan
    and Shirley, "Simple Analytic Approximations to the CIE XYZ Color Matching Functions", JCGT 2(2), 2013.

    Args:
        temperature_k: Kelvin, positive.

    Returns:
        (3,) float64.
    """
    if not (temperature_k > 0 and math.isfinite(temperature_k)):
        raise ValueError(f"a colour temperature of {temperature_k} K has no colour")
    nm = np.arange(360.0, 831.0, 1.0)
    radiance = nm**-5.0 / np.expm1(1.438776877e7 / (nm * temperature_k))
    x = (
        1.056 * _gaussian(nm, 599.8, 0.0264, 0.0323)
        + 0.362 * _gaussian(nm, 442.0, 0.0624, 0.0374)
        - 0.065 * _gaussian(nm, 501.1, 0.0490, 0.0382)
    )
    y = 0.821 * _gaussian(nm, 568.8, 0.0213, 0.0247) + 0.286 * _gaussian(nm, 530.9, 0.0613, 0.0322)
    z = 1.217 * _gaussian(nm, 437.0, 0.0845, 0.0278) + 0.681 * _gaussian(nm, 459.0, 0.0385, 0.0725)
    xyz = np.array([x @ radiance, y @ radiance, z @ radiance])
    return xyz / xyz[1]


def rgb_of_temperature(temperature_k: float) -> Vector3:
    """Colour of a black body in linear Rec. 709, of luminance 1; what lies outside the gamut is clipped to 0.

    6500 K is close to white; see `xyz_of_temperature` for the source. Rounded to six decimals, so that the last bits
    of a sum, in which processors differ, do not reach a digest.
    """
    rgb = np.clip(_RGB_OF_XYZ @ xyz_of_temperature(temperature_k), 0.0, None)
    return vector3(np.round(rgb / (LUMINANCE_OF_RGB @ rgb), 6))


def white_balance_gains(temperature_k: float) -> Vector3:
    """Multipliers of linear red, green and blue that render light of this temperature neutral, keeping luminance.

    No gain exceeds 16, the limit of `Exposure`.
    """
    rgb = np.asarray(rgb_of_temperature(temperature_k))
    return vector3(np.round(1.0 / np.maximum(rgb, 1.0 / LARGEST_GAIN), 6))
