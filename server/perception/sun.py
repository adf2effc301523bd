"""Where Perception's SunAngleRandomizer puts the sun, as distributions of elevation and azimuth.

Source: the class reference of SunAngleRandomizer (hours 0 to 24, days 0 to 364, latitudes -90 to 90 degrees); the
directional light is turned by 90 degrees about x after the inverse of tilt, spin and latitude of the earth. Axes are
Unity's: y up, z towards north, x towards east.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from scipy.stats import qmc, truncnorm

from server.perception.scenario import Sampler

AXIAL_TILT_DEG = 23.5
DAYS = 365.0
_DRAWS = 1 << 12
_QUANTILES = 48
_LOWEST_DEG = -5.0
"""Of our elevation: everything below is night alike."""

Float64 = NDArray[np.float64]


def towards_sun(hours: Float64, days: Float64, latitudes_deg: Float64) -> Float64:
    """Unit vectors towards the sun in Unity's axes, (N, 3), of (N,) hours, days and latitudes."""
    angle = days / DAYS * 2 * np.pi
    # Unity turns by Euler angles about z, then x, then y.
    tilt = _turn("x", np.cos(angle) * AXIAL_TILT_DEG) * _turn("z", np.sin(angle) * AXIAL_TILT_DEG)
    spin = _turn("y", -(hours + 12) / 24 * 360)
    light = _turn("x", np.array([90.0])) * (tilt * spin * _turn("x", latitudes_deg)).inv()
    directions: Float64 = -light.apply([0.0, 0.0, 1.0])
    return directions


def _turn(axis: str, angles_deg: Float64) -> Rotation:
    return Rotation.from_euler(axis, angles_deg[:, None], degrees=True)


def sun_angles(hour: Sampler, day: Sampler, latitude: Sampler) -> tuple[Sampler, Sampler]:
    """Distributions of elevation and azimuth in degrees, the azimuth from z towards -x.

    They are evenly spaced quantiles of what the three samplers give together; a constant where these are constants.
    """
    samplers = (hour, day, latitude)
    constant = all(isinstance(sampler, float | int) for sampler in samplers)
    # A low-discrepancy sequence: the same file gives the same generator, with quantiles closer than draws would be.
    points = np.full((1, 3), 0.5) if constant else qmc.Sobol(3, scramble=False).random(_DRAWS) + 0.5 / _DRAWS
    values = [_quantiles(sampler, points[:, column]) for column, sampler in enumerate(samplers)]
    x, y, z = towards_sun(*values).T
    elevation = np.maximum(np.rad2deg(np.arcsin(np.clip(y, -1, 1))), _LOWEST_DEG)
    azimuth = np.rad2deg(np.arctan2(-x, z))
    return _summary(elevation), _summary(azimuth)


def _quantiles(sampler: Sampler, shares: Float64) -> Float64:
    """Values below which `shares` of a sampler's draws lie."""
    if isinstance(sampler, float | int):
        return np.full(shares.shape, float(sampler))
    if "uniform" in sampler:
        low, high = sampler["uniform"]
        return np.asarray(low + (high - low) * shares)
    normal: dict[str, Any] = sampler["normal"]
    mean, deviation = normal["mean"], normal["standard_deviation"]
    low, high = ((bound - mean) / deviation for bound in normal["range"])
    return np.asarray(truncnorm.ppf(shares, low, high, loc=mean, scale=deviation))


def _summary(values: Float64) -> Sampler:
    if np.ptp(values) < 1e-6:
        return _rounded(values[:1])[0]
    shares = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return {"choice": _rounded(np.quantile(values, shares))}


def _rounded(values: Float64) -> Sequence[float]:
    return [round(float(value), 2) + 0.0 for value in values]
