"""What the camera leaves in the colour image: `expose` in linear light, `process` on the encoded picture.

Only the colour image passes through here; ids and depth are those of a still, sharp camera. Every effect is centred, so
that edges stay where the masks have them.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera
from contracts.errors import RenderError
from contracts.sensor import UNCOMPRESSED_JPEG_QUALITY, SensorEffects
from unity_bridge.embedded.exposure import LUMINANCE_WEIGHTS
from unity_bridge.embedded.lens import pixel_centers, plane_positions

NOISE_STREAM = 1
"""Spawn key that sets the stream of the sensor's noise apart from those of the path tracer."""
LUMA_WEIGHTS = (0.299, 0.587, 0.114)
"""Of encoded red, green and blue (ITU-R BT.601-7, 2.5.1), as JPEG has them."""
_STEPS_PER_PX = 32
"""Points a pixel of a motion's line, from which its kernel is summed up."""


def expose(linear: NDArray[np.float32], camera: Camera, sensor: SensorEffects, seed: int) -> NDArray[np.float32]:
    """Vignetting, defocus, motion and noise.

    Args:
        linear: (H, W, 3) float32, linear RGB in units of what saturates the sensor.
        camera: Whose picture it is.
        sensor: What to apply.
        seed: Of the frame's noise.

    Returns:
        (H, W, 3) float32; noise takes dark pixels below 0, as it does before a camera cuts them off.
    """
    if sensor.vignetting_stops:
        linear = linear * vignetting(camera, sensor.vignetting_stops)[:, :, None]
    if sensor.defocus_sigma_px:
        linear = cv2.GaussianBlur(linear, (0, 0), sensor.defocus_sigma_px)
    if sensor.motion_blur_px:
        kernel = motion_kernel(sensor.motion_blur_px, sensor.motion_blur_angle_deg)
        linear = cv2.filter2D(linear, cv2.CV_32F, kernel)
    if sensor.monochrome:
        linear = (linear @ np.array(LUMINANCE_WEIGHTS, np.float32))[:, :, None].repeat(3, axis=2)
    if sensor.iso_gain:
        random = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(NOISE_STREAM,))))
        unit = random.standard_normal((*linear.shape[:2], 1 if sensor.monochrome else 3), dtype=np.float32)
        linear = linear + unit * np.sqrt(noise_variance(linear, sensor))
    return np.asarray(linear, np.float32)


def process(image: NDArray[np.uint8], sensor: SensorEffects) -> NDArray[np.uint8]:
    """Contrast, sharpening and JPEG on an (H, W, 3) uint8 sRGB picture; the result has the same form."""
    if sensor.contrast != 1:
        image = contrast_table(sensor.contrast)[image]
    if sensor.sharpening_amount:
        encoded = image.astype(np.float32)
        luma = encoded @ np.array(LUMA_WEIGHTS, np.float32)
        detail = luma - cv2.GaussianBlur(luma, (0, 0), sensor.sharpening_sigma_px)
        sharpened = encoded + np.float32(sensor.sharpening_amount) * detail[:, :, None]
        image = np.clip(np.rint(sharpened), 0, 255).astype(np.uint8)
    if sensor.jpeg_quality < UNCOMPRESSED_JPEG_QUALITY:
        image = compressed(image, sensor.jpeg_quality)
    return image


def contrast_table(slope: float) -> NDArray[np.uint8]:
    """(256,) uint8 by encoded value: an S through black, mid grey and white that has this slope at mid grey."""
    value = np.arange(256) / 255
    bright, dark = value**slope, (1 - value) ** slope
    return np.rint(255 * bright / (bright + dark)).astype(np.uint8)


def noise_variance(linear: NDArray[np.float32], sensor: SensorEffects) -> NDArray[np.float32]:
    """Variance of a signal, in squared units of what saturates the sensor.

    With W electrons at saturation, a signal S is S W electrons on average and has their Poisson variance, S W, and the
    square of the read noise R on top; in units of W that is S / W + (R / W)^2. Drawn as one normal distribution, which
    Poisson's is close to wherever it is the larger of the two. Source: A. Foi, M. Trimeche, V. Katkovnik and
    K. Egiazarian, "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data", IEEE
    Transactions on Image Processing 17(10), 2008.

    Args:
        linear: Any shape, float32; what is below 0 counts as dark.
        sensor: Full well, gain and read noise.
    """
    saturation_electrons = sensor.full_well_electrons / sensor.iso_gain if sensor.iso_gain else math.inf
    photons = np.maximum(linear, np.float32(0)) / np.float32(saturation_electrons)
    return np.asarray(photons + np.float32((sensor.read_noise_electrons / saturation_electrons) ** 2), np.float32)


def vignetting(camera: Camera, stops: float) -> NDArray[np.float32]:
    """(H, W) float32 share of the light that arrives: 1 on the optical axis, 2^-stops in the corner farthest from it.

    The loss in stops grows with the square of the tangent of the angle to the axis.
    """
    width, height = camera.width_px, camera.height_px
    corners, _ = plane_positions(camera, np.array([[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]]))
    square = (pixel_centers(camera) ** 2).sum(axis=1) / (corners**2).sum(axis=1).max()
    return np.asarray(np.exp2(-stops * square), np.float32).reshape(height, width)


def motion_kernel(length_px: float, angle_deg: float) -> NDArray[np.float32]:
    """Square kernel of odd side, float32, sum 1: an evenly lit straight line through its middle.

    Args:
        length_px: Length of the line.
        angle_deg: Its direction, from right towards down.
    """
    reach = math.ceil(length_px / 2)
    count = max(math.ceil(length_px * _STEPS_PER_PX), 1)
    along = ((np.arange(count) + 0.5) / count - 0.5) * length_px
    # Each point of the line is shared among its four neighbours, so that every angle and length is centred exactly.
    places = np.arange(-reach, reach + 1)
    across = _shares(along * math.cos(math.radians(angle_deg)), places)
    down = _shares(along * math.sin(math.radians(angle_deg)), places)
    kernel = down.T @ across
    return np.asarray(kernel / kernel.sum(), np.float32)


def _shares(positions: NDArray[np.float64], places: NDArray[np.int_]) -> NDArray[np.float64]:
    """(N, M): how much of each of N positions falls to each of M places, linearly by distance."""
    return np.maximum(1 - np.abs(positions[:, None] - places[None, :]), 0.0)


def compressed(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """An (H, W, 3) uint8 RGB picture after JPEG compression with 4:2:0 subsampling, decoded again."""
    settings = [
        *(cv2.IMWRITE_JPEG_QUALITY, quality),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
    ]
    encoded, data = cv2.imencode(".jpg", np.ascontiguousarray(image[:, :, ::-1]), settings)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if encoded else None
    if decoded is None:
        raise RenderError(f"an image of shape {image.shape} can't be compressed as JPEG", code="internal")
    return np.asarray(decoded, np.uint8)
