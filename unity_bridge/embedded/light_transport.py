"""Path tracing of the colour image, and what its denoiser wants to know.

Compiled variants trace all paths of a pass at once from rays made here, so that any camera of the contract is exact.
The scalar variant renders through Mitsuba's own pinhole where the camera is one, and through a sensor that calls back
for every ray where it has distortion, skew or oblong pixels: the same picture, much slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera
from contracts.frame_spec import RenderSettings
from unity_bridge.embedded.exposure import LUMINANCE_WEIGHTS
from unity_bridge.embedded.lens import plane_positions
from unity_bridge.embedded.scene import is_compiled

PATHS_AT_ONCE = 1 << 23
"""More are traced in several passes, to bound memory."""
CLAMP = 16.0
"""Brightest single sample, in units of what saturates the sensor: tames fireflies."""
RUSSIAN_ROULETTE_DEPTH = 4
AUXILIARY_SAMPLES = 4
NEWTON_STEPS = 6
PANES_LOOKED_THROUGH = 2


@dataclass
class ColorImage:
    """color: (H, W, 3) float32, exposed linear RGB; albedo, normal: (H, W, 3) float32, for the denoiser."""

    color: NDArray[np.float32]
    albedo: NDArray[np.float32] | None
    normal: NDArray[np.float32] | None


def trace_color(
    scene: Any, camera: Camera, settings: RenderSettings, scale: float, glass: bool, auxiliary: bool
) -> ColorImage:
    """Render the colour image.

    Args:
        scene: The Mitsuba scene.
        camera: Any camera of the contract.
        settings: Samples, bounces, seed.
        scale: Factor from cd/m2 to units of what saturates the sensor.
        glass: Whether light passes through panes.
        auxiliary: Whether to return albedo and normals.
    """
    integrator = _integrator(glass, settings.maximum_bounces)
    if not is_compiled():
        color = _trace_scalar(scene, camera, settings, integrator) * np.float32(scale)
        return ColorImage(_clamped(color), None, None)
    film = _Film(camera)
    total = np.zeros((camera.height_px * camera.width_px, 3), np.float64)
    wanted = settings.samples_per_pixel
    passes = -(-wanted * camera.width_px * camera.height_px // PATHS_AT_ONCE)
    per_pass = -(-wanted // passes)
    done = 0
    while done < wanted:
        seed = _pass_seed(settings.seed, done)
        sums, samples = _trace_pass(scene, film, integrator, min(per_pass, wanted - done), seed, scale)
        total += sums
        done += samples
    color = (total / done).astype(np.float32).reshape(film.shape)
    if not auxiliary:
        return ColorImage(color, None, None)
    albedo, normal = _trace_auxiliary(scene, film, min(AUXILIARY_SAMPLES, per_pass), _pass_seed(settings.seed, 1 << 20))
    return ColorImage(color, albedo, normal)


@lru_cache(maxsize=32)
def _integrator(glass: bool, maximum_bounces: int) -> Any:
    # Only volpath lets light pass straight through panes on its way from a lamp or the sun.
    kind = "volpath" if glass else "path"
    return mi.load_dict({"type": kind, "max_depth": maximum_bounces + 1, "rr_depth": RUSSIAN_ROULETTE_DEPTH})


def _pass_seed(seed: int, first_sample: int) -> int:
    """Seed of a pass: passes of one frame, and frames of neighbouring seeds, draw from unrelated streams."""
    return int(np.random.SeedSequence((seed, first_sample)).generate_state(1)[0])


class _Film:
    """A camera as values that kernels take at run time, so that no camera asks for a kernel of its own."""

    def __init__(self, camera: Camera) -> None:
        (fx, skew, cx), (_, fy, cy), _ = camera.K
        self.shape = (camera.height_px, camera.width_px, 3)
        self.pixels = camera.width_px * camera.height_px
        self.width = dr.opaque(mi.UInt32, camera.width_px)
        self._intrinsics = [dr.opaque(mi.Float, float(value)) for value in (fx, skew, cx, fy, cy)]
        self._distortion = [dr.opaque(mi.Float, float(value)) for value in camera.distortion]
        self._pose = [[dr.opaque(mi.Float, float(value)) for value in row] for row in camera.world_from_camera[:3]]

    def rays(self, pixel: Any, jitter: Any) -> Any:
        """Rays through positions within pixels; jitter: Point2f in [0, 1)."""
        row = pixel // self.width
        column = pixel - row * self.width
        fx, skew, cx, fy, cy = self._intrinsics
        y = (mi.Float(row) + jitter.y - cy) / fy
        x = (mi.Float(column) + jitter.x - cx - skew * y) / fx
        x, y = self._undistorted(x, y)
        direction = mi.Vector3f(*(row[0] * x + row[1] * y + row[2] for row in self._pose))
        origin = mi.Point3f(*(row[3] for row in self._pose))
        return mi.RayDifferential3f(origin, dr.normalize(direction))

    def _undistorted(self, x_distorted: Any, y_distorted: Any) -> tuple[Any, Any]:
        """Newton's method as in `lens.undistort`, with a fixed number of steps."""
        k1, k2, p1, p2, k3 = self._distortion
        x, y = x_distorted, y_distorted
        for _ in range(NEWTON_STEPS):
            square = x * x + y * y
            radial = 1 + square * (k1 + square * (k2 + square * k3))
            slope = k1 + square * (2 * k2 + square * 3 * k3)
            error_x = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x * x) - x_distorted
            error_y = y * radial + p1 * (square + 2 * y * y) + 2 * p2 * x * y - y_distorted
            a = radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x
            b = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
            d = radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x
            determinant = a * d - b * b
            x, y = x - (d * error_x - b * error_y) / determinant, y - (a * error_y - b * error_x) / determinant
        return x, y


def _sampler(samples: int, seed: int, pixels: int) -> tuple[Any, int]:
    """A sampler for all paths of a pass, and how many a pixel gets: the next number above `samples` that makes a grid.

    Correlated multi-jittered samples (A. Kensler, "Correlated Multi-Jittered Sampling", Pixar 13-01, 2013) save half
    of the noise of independent ones at 16 a pixel.
    """
    sampler = mi.load_dict({"type": "multijitter", "sample_count": samples})
    count = int(sampler.sample_count())
    sampler.set_samples_per_wavefront(count)
    sampler.seed(seed, pixels * count)
    return sampler, count


def _trace_pass(
    scene: Any, film: _Film, integrator: Any, samples: int, seed: int, scale: float
) -> tuple[NDArray[np.float64], int]:
    """(pixels, 3) sums of exposed, clamped radiance, and how many samples they are over."""
    sampler, count = _sampler(samples, seed, film.pixels)
    pixel = dr.arange(mi.UInt32, film.pixels * count) // dr.opaque(mi.UInt32, count)
    ray = film.rays(pixel, sampler.next_2d())
    radiance, _, _ = integrator.sample(scene, sampler, ray, None, True)
    color = mi.Color3f(radiance) * dr.opaque(mi.Float, scale)
    brightness = color.x * LUMINANCE_WEIGHTS[0] + color.y * LUMINANCE_WEIGHTS[1] + color.z * LUMINANCE_WEIGHTS[2]
    color *= dr.minimum(1, CLAMP / dr.maximum(brightness, CLAMP))
    color = dr.select(dr.isfinite(brightness), color, 0)
    dr.eval(color)
    sums = np.stack([np.array(dr.block_sum(channel, count), np.float64) for channel in color], axis=1)
    return sums, count


def _trace_auxiliary(
    scene: Any, film: _Film, samples: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(H, W, 3) albedo and world normal of what is first seen, panes looked through."""
    sampler, count = _sampler(samples, seed, film.pixels)
    pixel = dr.arange(mi.UInt32, film.pixels * count) // dr.opaque(mi.UInt32, count)
    ray = mi.Ray3f(film.rays(pixel, sampler.next_2d()))
    hit = scene.ray_intersect(ray, mi.RayFlags.All, True, True)
    for _ in range(PANES_LOOKED_THROUGH):
        pane = hit.is_valid() & mi.has_flag(hit.bsdf().flags(), mi.BSDFFlags.Null)
        behind = scene.ray_intersect(hit.spawn_ray(ray.d), mi.RayFlags.All, True, pane)
        hit = dr.select(pane, behind, hit)
    albedo = mi.Color3f(hit.bsdf().eval_diffuse_reflectance(hit, hit.is_valid()))
    albedo = dr.select(hit.is_valid(), dr.clip(albedo, 0, 1), 0)
    normal = dr.select(hit.is_valid(), hit.sh_frame.n, 0)
    dr.eval(albedo, normal)
    images = [
        np.stack([np.array(dr.block_sum(channel, count)) for channel in values], axis=1).reshape(film.shape) / count
        for values in (albedo, normal)
    ]
    return images[0].astype(np.float32), images[1].astype(np.float32)


def _clamped(color: NDArray[np.float32]) -> NDArray[np.float32]:
    color = np.where(np.isfinite(color).all(axis=2, keepdims=True), color, np.float32(0))
    brightness = color @ np.array(LUMINANCE_WEIGHTS, np.float32)
    return (color * np.minimum(1, CLAMP / np.maximum(brightness, CLAMP))[:, :, None]).astype(np.float32)


def _trace_scalar(scene: Any, camera: Camera, settings: RenderSettings, integrator: Any) -> NDArray[np.float32]:
    film = {
        "type": "hdrfilm",
        "width": camera.width_px,
        "height": camera.height_px,
        "rfilter": {"type": "box"},
        "pixel_format": "rgb",
        "component_format": "float32",
    }
    sampler = {"type": "multijitter", "sample_count": settings.samples_per_pixel}
    seed = _pass_seed(settings.seed, 0)
    sensor = mi.load_dict({**_sensor_description(camera), "film": film, "sampler": sampler})
    picture = mi.render(scene, sensor=sensor, integrator=integrator, seed=seed, spp=settings.samples_per_pixel)
    return np.array(picture, np.float32)[:, :, :3]


def _sensor_description(camera: Camera) -> dict[str, Any]:
    (fx, skew, cx), (_, fy, cy), _ = camera.K
    pose = np.array(camera.world_from_camera)
    if any(camera.distortion) or skew or abs(fx - fy) > 1e-9 * fx:
        return {"type": "beltline_camera", "camera_json": camera.model_dump_json()}
    # Mitsuba's camera has x to the left and y up.
    pose = pose @ np.diag([-1.0, -1.0, 1.0, 1.0])
    return {
        "type": "perspective",
        "fov": float(np.degrees(2 * np.arctan(camera.width_px / 2 / fx))),
        "fov_axis": "x",
        "principal_point_offset_x": (cx - camera.width_px / 2) / camera.width_px,
        "principal_point_offset_y": (cy - camera.height_px / 2) / camera.height_px,
        "to_world": mi.ScalarTransform4f(pose),
        "near_clip": 1e-3,
        "far_clip": 1e5,
    }


def register_camera() -> None:
    """Make the sensor of the scalar variant known. Call once, after the variant is set."""

    class BeltlineCamera(mi.Sensor):  # type: ignore[misc, name-defined]
        """Any camera of the contract, one ray at a time.

        Undistorted positions are kept for the corners of all pixels; between them they are interpolated, which for a
        lens of any use is off by less than a thousandth of a pixel.
        """

        def __init__(self, properties: Any) -> None:
            super().__init__(properties)
            camera = Camera.model_validate_json(properties["camera_json"])
            self._width, self._height = camera.width_px, camera.height_px
            columns, rows = np.meshgrid(np.arange(self._width + 1.0), np.arange(self._height + 1.0))
            positions, _ = plane_positions(camera, np.stack([columns.ravel(), rows.ravel()], axis=1))
            pose = np.array(camera.world_from_camera)
            in_camera = np.concatenate([positions, np.ones((len(positions), 1))], axis=1)
            self._directions = (in_camera @ pose[:3, :3].T).reshape(self._height + 1, self._width + 1, 3).tolist()
            self._origin = mi.Point3f(*pose[:3, 3].tolist())

        def sample_ray(self, time: Any, wavelength: Any, position: Any, aperture: Any, active: Any = True) -> Any:
            """One ray; position: in [0, 1) over the film."""
            x, y = position[0] * self._width, position[1] * self._height
            column, row = min(int(x), self._width - 1), min(int(y), self._height - 1)
            right, down = x - column, y - row
            upper, lower = self._directions[row], self._directions[row + 1]
            direction = [
                (1 - down) * ((1 - right) * a + right * b) + down * ((1 - right) * c + right * d)
                for a, b, c, d in zip(upper[column], upper[column + 1], lower[column], lower[column + 1], strict=True)
            ]
            return mi.RayDifferential3f(self._origin, dr.normalize(mi.Vector3f(*direction))), mi.Spectrum(1.0)

        def sample_ray_differential(
            self, time: Any, wavelength: Any, position: Any, aperture: Any, active: Any = True
        ) -> Any:
            """As `sample_ray`; textures are not filtered by footprint."""
            return self.sample_ray(time, wavelength, position, aperture, active)

        def bbox(self) -> Any:
            """The camera's position."""
            point = mi.ScalarPoint3f(*self._origin)
            return mi.ScalarBoundingBox3f(point, point)

    mi.register_sensor("beltline_camera", BeltlineCamera)
