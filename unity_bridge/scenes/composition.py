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

LARGEST_SQUEEZE = 3.0
"""Largest ratio between the focal lengths across and down."""

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
    rows = [vector3(row) for row in np.asarray(values, dtype=np.float64)]
    return (rows[0], rows[1], rows[2])


def vector3(values: NDArray[np.floating]) -> Vector3:
    """A (3,) array as a document holds it; -0.0 becomes 0.0."""
    return (float(values[0] + 0.0), float(values[1] + 0.0), float(values[2] + 0.0))
