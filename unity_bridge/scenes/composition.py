"""What scene families share when they turn sampled parameters into a frame specification.

Everything here is a pure function of its arguments; the same arguments give the same bytes on every run.
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera, Exposure, Matrix3, Matrix4, Vector3, Vector4
from contracts.errors import RenderError
from contracts.frame_spec import (
    Asset,
    DirectionalLight,
    Environment,
    Fact,
    FrameIdentity,
    FrameSpec,
    Material,
    RenderSettings,
    SceneObject,
    check_references,
)
from contracts.generator import Generator
from contracts.ids import Digest, digest_of
from contracts.sensor import SensorEffects
from unity_bridge.sampling import FrameParameters, stream
from unity_bridge.scenes.glb import write_glb
from unity_bridge.scenes.mesh import Model

FLAT_RECEPTOR_CONSTANT = 250.0
"""Incident-light calibration constant C of a flat receptor, lux seconds (ISO 2720:1974, 240 to 400)."""
LOWEST_EV100 = -10.0
HIGHEST_EV100 = 25.0
LARGEST_GAIN = 16.0
"""Largest white-balance multiplier, as cameras have one: a 2000 K lamp stays a little warm."""

LARGEST_SQUEEZE = 3.0
"""Largest ratio between the focal lengths across and down."""

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

MediaType = Literal["model/gltf-binary", "image/png", "image/vnd.radiance"]


@dataclass(frozen=True)
class ComposedFrame:
    """A frame specification and the bytes of every asset that it names."""

    spec: FrameSpec
    assets: dict[Digest, bytes]


_latest_digest: tuple[Generator | None, Digest] = (None, "")
_glb_lock = threading.Lock()
_glb_of_model: weakref.WeakKeyDictionary[Model, tuple[Digest, bytes]] = weakref.WeakKeyDictionary()


class AssetCollector:
    """Gathers the assets of one frame, each once, named by the digest of its bytes."""

    def __init__(self) -> None:
        self._data: dict[Digest, bytes] = {}
        self._media_types: dict[Digest, MediaType] = {}

    def add_model(self, model: Model) -> Digest:
        """Add a model as a GLB file; a model that lives on from frame to frame is written once."""
        with _glb_lock:
            known = _glb_of_model.get(model)
        if known is None:
            data = write_glb(model)
            known = (digest_of(data), data)
            with _glb_lock:
                _glb_of_model[model] = known
        digest, data = known
        self._data[digest] = data
        self._media_types[digest] = "model/gltf-binary"
        return digest

    def add_png(self, data: bytes) -> Digest:
        """Add a PNG file (8-bit sRGB).

        Raises:
            RenderError: The bytes are not a PNG file.
        """
        return self._add(data, "image/png", b"\x89PNG\r\n\x1a\n")

    def add_hdr(self, data: bytes) -> Digest:
        """Add a Radiance HDR file.

        Raises:
            RenderError: The bytes are not a Radiance HDR file.
        """
        return self._add(data, "image/vnd.radiance", b"#?R")

    def _add(self, data: bytes, media_type: MediaType, start: bytes) -> Digest:
        if not data.startswith(start):
            raise RenderError(
                f"an asset of {len(data)} bytes does not start as {media_type}",
                code="invalid_asset",
                hint="encode the image before it is added",
            )
        digest = digest_of(data)
        self._data[digest] = data
        self._media_types[digest] = media_type
        return digest

    @property
    def data(self) -> dict[Digest, bytes]:
        """Bytes of every asset by digest."""
        return dict(self._data)

    @property
    def table(self) -> tuple[Asset, ...]:
        """The assets as a spec lists them, sorted by digest."""
        return tuple(Asset(digest=digest, media_type=self._media_types[digest]) for digest in sorted(self._data))


def compose_frame(
    parameters: FrameParameters,
    *,
    camera: Camera,
    exposure: Exposure,
    materials: Mapping[str, Material],
    objects: Sequence[SceneObject],
    lights: Sequence[DirectionalLight],
    environment: Environment,
    assets: AssetCollector,
    facts: Mapping[str, Fact] | None = None,
    monochrome: bool = False,
) -> ComposedFrame:
    """Assemble a frame: identity, labels, render settings and demands come from the parameters.

    Raises:
        RenderError: The spec contradicts itself (`invalid_spec`); every fault is in `context["faults"]`.
    """
    generator = parameters.generator
    spec = FrameSpec(
        frame=frame_identity(parameters),
        camera=camera,
        exposure=exposure,
        sensor=sensor_effects(parameters).model_copy(update={"monochrome": True} if monochrome else {}),
        labels=generator.label_table(),
        materials=dict(materials),
        objects=tuple(objects),
        lights=tuple(lights),
        environment=environment,
        render=render_settings(parameters),
        assets=assets.table,
        must_appear=parameters.must_appear(),
        facts=dict(facts or {}),
    )
    faults = check_references(spec)
    if faults:
        raise RenderError(
            f"frame {parameters.index} of '{generator.name}' is composed wrongly: {faults[0]}",
            code="invalid_spec",
            hint=f"the fault lies in scene family '{generator.scenario}', or in labels that the generator leaves out",
            context={"faults": faults},
        )
    return ComposedFrame(spec, assets.data)


def frame_identity(parameters: FrameParameters) -> FrameIdentity:
    """Where a frame comes from."""
    return FrameIdentity(
        generator=parameters.generator.name,
        generator_digest=_digest_of_generator(parameters.generator),
        seed=parameters.seed,
        index=parameters.index,
        attempt=parameters.attempt,
    )


def _digest_of_generator(generator: Generator) -> Digest:
    """Its digest, taken once for all frames of a batch: documents are frozen."""
    global _latest_digest
    known, digest = _latest_digest
    if known is not generator:
        digest = generator.digest()
        _latest_digest = (generator, digest)
    return digest


def render_settings(parameters: FrameParameters) -> RenderSettings:
    """The generator's effort, with a noise seed from a stream of its own."""
    effort = parameters.generator.render
    rng = stream(parameters.seed, parameters.index, parameters.attempt, "render", "seed")
    return RenderSettings(
        samples_per_pixel=effort.samples_per_pixel,
        maximum_bounces=effort.maximum_bounces,
        denoise=effort.denoise,
        seed=int(rng.integers(2**32)),
    )


def sensor_effects(parameters: FrameParameters) -> SensorEffects:
    """Values of the `Sensor` randomizer, but for the aspect ratio, which is the camera's; no effects without one.

    Rounded to six decimals, so that the last bits of a draw, in which processors differ, do not reach a digest.
    """
    drawn = parameters.of_kind("Sensor")
    values = {name: round(float(drawn[name]), 6) for name in SensorEffects.model_fields if name in drawn}
    if values:
        values["jpeg_quality"] = round(values["jpeg_quality"])
    return SensorEffects.model_validate(values)


def horizontal_squeeze(parameters: FrameParameters, size: tuple[int, int]) -> float:
    """Focal length across over focal length down: the calibration's where there is one, else from the `aspect_ratio` of
    the `Sensor` randomizer; 1 without either.

    Args:
        parameters: As sampled.
        size: Width and height of the frame in pixels, to which the picture as taken was scaled.
    """
    calibration = parameters.generator.camera.calibration
    if calibration is not None:
        return calibration.squeeze
    taken = float(parameters.of_kind("Sensor").get("aspect_ratio", 0.0))
    if taken <= 0:
        return 1.0
    return round(min(max(size[0] / size[1] / taken, 1 / LARGEST_SQUEEZE), LARGEST_SQUEEZE), 6)


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
    return _vector(np.round(rgb / (LUMINANCE_OF_RGB @ rgb), 6))


def white_balance_gains(temperature_k: float) -> Vector3:
    """Multipliers of linear red, green and blue that render light of this temperature neutral, keeping luminance.

    No gain exceeds 16, the limit of `Exposure`.
    """
    rgb = np.asarray(rgb_of_temperature(temperature_k))
    return _vector(np.round(1.0 / np.maximum(rgb, 1.0 / LARGEST_GAIN), 6))


def look_at(eye: Sequence[float], target: Sequence[float], roll_deg: float = 0.0) -> Matrix4:
    """Pose of a camera at `eye` that looks at `target`, upright, then rolled clockwise about its axis.

    Args:
        eye: Position in the world, metres.
        target: Point in the world that lies on the optical axis, metres.
        roll_deg: Turn of the camera to its right, degrees.

    Returns:
        Rows of `world_from_camera` (OpenCV: x right, y down, z forward). Where the camera looks straight up or down,
        the world's x axis is the upper edge of the picture.
    """
    origin = np.asarray(eye, dtype=np.float64)
    forward = np.asarray(target, dtype=np.float64) - origin
    distance = float(np.linalg.norm(forward))
    if not distance > 0:
        raise ValueError("a camera can't look at the point where it stands")
    forward /= distance
    up = np.array([0.0, 0.0, 1.0]) if abs(forward[2]) < 1 - 1e-9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    angle = math.radians(roll_deg)
    pose = np.eye(4)
    pose[:3, 0] = math.cos(angle) * right + math.sin(angle) * down
    pose[:3, 1] = -math.sin(angle) * right + math.cos(angle) * down
    pose[:3, 2] = forward
    pose[:3, 3] = origin
    return matrix4(pose)


def intrinsics(
    width_px: int,
    height_px: int,
    horizontal_fov_deg: float,
    offset_px: tuple[float, float] = (0.0, 0.0),
    squeeze: float = 1.0,
) -> Matrix3:
    """Intrinsic matrix of a pinhole camera.

    Args:
        width_px: Image width.
        height_px: Image height.
        horizontal_fov_deg: Angle between the left and the right edge.
        offset_px: Of the principal point from the image's centre, right and down.
        squeeze: Focal length across over focal length down; 1 is square pixels, less is a picture squeezed from its
            sides, which shows less above and below.

    Returns:
        Rows of K; the origin of pixel coordinates is the corner of the top left pixel.
    """
    focal_px = width_px / 2 / math.tan(math.radians(horizontal_fov_deg) / 2)
    return (
        (focal_px, 0.0, width_px / 2 + offset_px[0]),
        (0.0, focal_px / squeeze, height_px / 2 + offset_px[1]),
        (0.0, 0.0, 1.0),
    )


def matrix4(values: NDArray[np.floating] | Sequence[Sequence[float]]) -> Matrix4:
    """A (4, 4) array as a document holds it; -0.0 becomes 0.0, so that equal poses have equal bytes."""
    array = np.asarray(values, dtype=np.float64)
    rows: list[Vector4] = [
        (float(row[0] + 0.0), float(row[1] + 0.0), float(row[2] + 0.0), float(row[3] + 0.0)) for row in array
    ]
    return (rows[0], rows[1], rows[2], rows[3])


def matrix3(values: NDArray[np.floating] | Sequence[Sequence[float]]) -> Matrix3:
    """A (3, 3) array as a document holds it; -0.0 becomes 0.0."""
    rows = [_vector(row) for row in np.asarray(values, dtype=np.float64)]
    return (rows[0], rows[1], rows[2])


def _vector(values: NDArray[np.floating]) -> Vector3:
    return (float(values[0] + 0.0), float(values[1] + 0.0), float(values[2] + 0.0))
