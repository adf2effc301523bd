"""From pixels to rays: intrinsics and Brown-Conrady distortion, inverted exactly.

Source: D. C. Brown, "Close-Range Camera Calibration", Photogrammetric Engineering 37(8), 1971; coefficients and signs
as in OpenCV's `projectPoints`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera
from unity_bridge.embedded.faults import INVALID_SPEC, spec_fault

Float64 = NDArray[np.float64]

NEWTON_STEPS = 30
CONVERGED = 1e-10
LARGEST_SLOPE = 1e300
"""Coefficients beyond it are taken as this: either way the lens folds at its very middle."""


def distort(x: Float64, y: Float64, coefficients: tuple[float, ...]) -> tuple[Float64, Float64]:
    """Distorted image-plane positions (on the plane z = 1) of undistorted ones; k1, k2, p1, p2, k3."""
    k1, k2, p1, p2, k3 = coefficients
    square = x * x + y * y
    radial = 1 + square * (k1 + square * (k2 + square * k3))
    return (
        x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x),
        y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y,
    )


def _jacobian(x: Float64, y: Float64, coefficients: tuple[float, ...]) -> tuple[Float64, Float64, Float64]:
    """Derivatives of `distort`: d(x')/dx, d(x')/dy = d(y')/dx, d(y')/dy."""
    k1, k2, p1, p2, k3 = coefficients
    square = x * x + y * y
    radial = 1 + square * (k1 + square * (k2 + square * k3))
    slope = k1 + square * (2 * k2 + square * 3 * k3)
    return (
        radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x,
        2 * x * y * slope + 2 * p1 * x + 2 * p2 * y,
        radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x,
    )


def undistort(
    x_distorted: Float64, y_distorted: Float64, coefficients: tuple[float, ...]
) -> tuple[Float64, Float64, NDArray[np.bool_]]:
    """Invert `distort` by Newton's method, starting from the distorted position.

    Returns:
        x, y, and whether each was found on the side of the lens where distortion keeps the order of points.
    """
    x, y = x_distorted.copy(), y_distorted.copy()
    if not any(coefficients):
        return x, y, np.ones(x.shape, dtype=bool)
    with np.errstate(all="ignore"):
        for _ in range(NEWTON_STEPS):
            x_now, y_now = distort(x, y, coefficients)
            a, b, d = _jacobian(x, y, coefficients)
            determinant = a * d - b * b
            error_x, error_y = x_now - x_distorted, y_now - y_distorted
            x = x - (d * error_x - b * error_y) / determinant
            y = y - (a * error_y - b * error_x) / determinant
        x_now, y_now = distort(x, y, coefficients)
        a, b, d = _jacobian(x, y, coefficients)
        sound = (np.hypot(x_now - x_distorted, y_now - y_distorted) < CONVERGED) & (a * d - b * b > 0) & (a + d > 0)
    return x, y, sound & _before_fold(np.hypot(x, y), coefficients)


@np.errstate(all="ignore")  # of a fold so far out that its radius is no finite number
def _before_fold(radius: Float64, coefficients: tuple[float, ...]) -> NDArray[np.bool_]:
    """Whether the radial part r (1 + k1 r^2 + k2 r^4 + k3 r^6) still grows all the way out to `radius`."""
    k1, k2, _, _, k3 = coefficients
    # Solved for 1 / r^2, as the leading coefficient is then 1: dividing by a vanishing k3 would overflow.
    roots = np.roots([1.0, *np.clip([3 * k1, 5 * k2, 7 * k3], -LARGEST_SLOPE, LARGEST_SLOPE)])
    squares = [1 / root for root in roots if root != 0]
    folds = [float(square.real) ** 0.5 for square in squares if abs(square.imag) < 1e-12 and square.real > 0]
    return np.asarray(radius < min(folds, default=np.inf))


@np.errstate(over="ignore", invalid="ignore")  # of intrinsics that are hardly any: what they map is not sound
def plane_positions(camera: Camera, points_px: Float64) -> tuple[Float64, NDArray[np.bool_]]:
    """Undistorted positions on the plane z = 1 of the camera frame.

    Args:
        points_px: (N, 2) pixel positions, origin at the corner of the top left pixel.

    Returns:
        (N, 2) float64, and (N,) whether the lens maps a direction there.
    """
    (fx, skew, cx), (_, fy, cy), _ = camera.K
    y = (points_px[:, 1] - cy) / fy
    x = (points_px[:, 0] - cx - skew * y) / fx
    x, y, sound = undistort(x, y, camera.distortion)
    return np.stack([x, y], axis=1), sound


def pixel_centers(camera: Camera) -> Float64:
    """(H * W, 2) float64: positions on the plane z = 1 of every pixel's centre, row by row."""
    columns, rows = np.meshgrid(np.arange(camera.width_px) + 0.5, np.arange(camera.height_px) + 0.5)
    positions, _ = plane_positions(camera, np.stack([columns.ravel(), rows.ravel()], axis=1))
    return positions


def check_lens(camera: Camera) -> None:
    """Refuse intrinsics that are none, and a distortion that can't be inverted somewhere in the image.

    Raises:
        RenderError: `invalid_spec`, naming `camera.K` or `camera.distortion`.
    """
    (fx, _, _), (zero, fy, _), bottom = camera.K
    if not (fx > 0 and fy > 0 and zero == 0 and tuple(bottom) == (0, 0, 1)):
        raise spec_fault(INVALID_SPEC, "camera.K", "not rows (fx, skew, cx), (0, fy, cy), (0, 0, 1) with fx, fy > 0")
    if not any(camera.distortion):
        return
    # Distortion is smooth and worst at the border: a dense border and a sparse inside stand for all positions.
    along = np.linspace(0, 1, 65)
    inside = np.stack(np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 9)), axis=-1).reshape(-1, 2)
    border = [np.stack([along, np.full(65, side)], axis=1) for side in (0.0, 1.0)]
    points = np.concatenate([inside, *border, *[edge[:, ::-1] for edge in border]])
    _, sound = plane_positions(camera, points * [camera.width_px, camera.height_px])
    if not sound.all():
        raise spec_fault(INVALID_SPEC, "camera.distortion", "folds over within the image: it can't be inverted there")
