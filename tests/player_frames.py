"""Small frames for tests of players: boxes, quads and spheres with known places, lights and labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from contracts.camera import Camera, Exposure
from contracts.frame_spec import (
    Asset,
    DirectionalLight,
    Environment,
    FrameIdentity,
    FrameSpec,
    Label,
    Material,
    PartBinding,
    RenderSettings,
    SceneObject,
    asset_file_name,
)
from contracts.ids import canonical_json, digest_of
from unity_bridge.scenes.glb import write_glb
from unity_bridge.scenes.mesh import Model, Part

LABELS = (
    Label(id=0, name="background", color=(0, 0, 0)),
    Label(id=1, name="box", color=(200, 60, 40)),
    Label(id=2, name="ball", color=(40, 120, 220)),
    Label(id=7, name="ground", color=(90, 90, 90)),
)
IDENTITY4 = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
IDENTITY3 = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
LOOK_ALONG_X = ((0.0, 0.0, 1.0, 0.0), (-1.0, 0.0, 0.0, 0.0), (0.0, -1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
"""Pose of a camera at the origin that looks along the world's x axis, z up."""


@dataclass(frozen=True)
class Frame:
    """A spec with the bytes of its assets."""

    spec: FrameSpec
    assets: dict[str, bytes]

    @property
    def text(self) -> str:
        """The spec as it travels."""
        return canonical_json(self.spec).decode()

    def write_assets(self, folder: Path) -> Path:
        """Put the assets into a folder under their digests' names."""
        folder.mkdir(parents=True, exist_ok=True)
        for asset in self.spec.assets:
            (folder / asset_file_name(asset.digest, asset.media_type)).write_bytes(self.assets[asset.digest])
        return folder


def frame(
    objects: Sequence[SceneObject],
    models: Mapping[str, Model],
    materials: Mapping[str, Material],
    *,
    size: tuple[int, int] = (64, 64),
    focal_px: float | None = None,
    camera: Camera | None = None,
    lights: Sequence[DirectionalLight] = (),
    environment: NDArray[np.float32] | None = None,
    luminance_cd_m2: float = 3000.0,
    ev100: float = 13.0,
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0),
    samples: int = 1,
    bounces: int = 4,
    denoise: bool = False,
    seed: int = 0,
    textures: Sequence[bytes] = (),
) -> Frame:
    """Assemble a frame; `asset` of each object is a key of `models` here."""
    glbs = {name: write_glb(model) for name, model in models.items()}
    sky = np.ones((8, 16, 3), np.float32) if environment is None else environment
    encoded, hdr = cv2.imencode(".hdr", sky[:, :, ::-1])
    assert encoded
    assets = {digest_of(data): ("model/gltf-binary", data) for data in glbs.values()}
    assets[digest_of(bytes(hdr))] = ("image/vnd.radiance", bytes(hdr))
    assets |= {digest_of(data): ("image/png", data) for data in textures}
    width, height = size
    focal = width / 2 if focal_px is None else focal_px
    spec = FrameSpec(
        frame=FrameIdentity(generator="test", generator_digest=digest_of(b"test"), seed=1, index=0),
        camera=camera
        or Camera(
            width_px=width,
            height_px=height,
            K=((focal, 0.0, width / 2), (0.0, focal, height / 2), (0.0, 0.0, 1.0)),
            world_from_camera=LOOK_ALONG_X,
        ),
        exposure=Exposure(ev100=ev100, white_balance_gains=gains),
        labels=LABELS,
        materials=dict(materials),
        objects=tuple(item.model_copy(update={"asset": digest_of(glbs[item.asset])}) for item in objects),
        lights=tuple(lights),
        environment=Environment(
            image=digest_of(bytes(hdr)), world_from_environment=IDENTITY3, luminance_cd_m2=luminance_cd_m2
        ),
        render=RenderSettings(samples_per_pixel=samples, maximum_bounces=bounces, denoise=denoise, seed=seed),
        assets=tuple(Asset(digest=digest, media_type=assets[digest][0]) for digest in sorted(assets)),
    )
    return Frame(spec, {digest: data for digest, (_, data) in assets.items()})


def placed(name: str, model: str, parts: Mapping[str, PartBinding], at: Sequence[float] = (0, 0, 0)) -> SceneObject:
    """A model moved to a place; its digest is filled in by `frame`."""
    pose = tuple((*row[:3], float(at[index]) if index < 3 else 1.0) for index, row in enumerate(IDENTITY4))
    return SceneObject.model_construct(name=name, asset=model, world_from_object=pose, parts=dict(parts))


def quad(name: str, corners: Sequence[Sequence[float]]) -> Part:
    """Two triangles; corners counterclockwise seen from the front, texture coordinates from the lower left on."""
    points = np.array(corners, np.float64)
    normal = np.cross(points[1] - points[0], points[3] - points[0])
    normal /= np.linalg.norm(normal)
    uvs = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
    return Part(name, points, np.array([[0, 1, 2], [0, 2, 3]]), np.tile(normal, (4, 1)), uvs)


def facing_quad(name: str, x: float, y: tuple[float, float], z: tuple[float, float]) -> Part:
    """A quad across the x axis that faces a camera at the origin."""
    return quad(name, [(x, y[1], z[0]), (x, y[0], z[0]), (x, y[0], z[1]), (x, y[1], z[1])])


def box(name: str, size: Sequence[float]) -> Part:
    """A box around the origin with flat sides."""
    half = np.array(size) / 2
    vertices, normals, faces, uvs = [], [], [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            first, second = (axis + 1) % 3, (axis + 2) % 3
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                point = np.zeros(3)
                point[axis], point[first], point[second] = sign, a, b
                vertices.append(point * half)
                normals.append(np.eye(3)[axis] * sign)
                uvs.append([(a + 1) / 2, (1 - b) / 2])
            start = len(vertices) - 4
            turn = [0, 1, 2, 3] if sign > 0 else [0, 3, 2, 1]
            faces += [
                [start + turn[0], start + turn[1], start + turn[2]],
                [start + turn[0], start + turn[2], start + turn[3]],
            ]
    return Part(name, np.array(vertices), np.array(faces), np.array(normals), np.array(uvs))


def ball(name: str, radius: float, rings: int = 24) -> Part:
    """A sphere around the origin."""
    u, v = np.meshgrid(np.linspace(0, 1, 2 * rings + 1), np.linspace(0, 1, rings + 1))
    direction = np.stack(
        [np.cos(2 * np.pi * u) * np.sin(np.pi * v), np.sin(2 * np.pi * u) * np.sin(np.pi * v), np.cos(np.pi * v)], -1
    )
    index = np.arange(u.size).reshape(u.shape)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    # The triangles that would collapse at the poles are left out.
    faces = np.concatenate([np.stack([a, b, c], -1)[:-1].reshape(-1, 3), np.stack([a, c, d], -1)[1:].reshape(-1, 3)])
    points = direction.reshape(-1, 3)
    return Part(name, points * radius, faces, points, np.stack([u, v], -1).reshape(-1, 2))


def street_frame(
    size: tuple[int, int] = (64, 64),
    samples: int = 1,
    denoise: bool = False,
    seed: int = 0,
    pane: bool = True,
    camera: Camera | None = None,
) -> Frame:
    """A box, a ball, a textured ground, a pane of glass before the ball, a lamp, sun and a two-coloured sky."""
    checks = np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8)))[..., None]
    texture = (np.array([90, 110, 120]) + checks * 90).astype(np.uint8)
    png = bytes(cv2.imencode(".png", texture)[1])
    sky = np.ones((32, 64, 3), np.float32)
    sky[:16] = [0.7, 0.95, 1.5]
    sky[16:] = [0.35, 0.3, 0.25]
    models = {
        "box": Model("box", (box("body", (1, 1.2, 1)),)),
        "ball": Model("ball", (ball("skin", 0.5),)),
        "ground": Model("ground", (quad("top", [(0, 8, 0), (0, -8, 0), (16, -8, 0), (16, 8, 0)]),)),
        "pane": Model("pane", (facing_quad("glass", 0, (-1, 0), (-0.6, 0.6)),)),
        "lamp": Model("lamp", (facing_quad("face", 0, (-0.15, 0.15), (-0.1, 0.1)),)),
    }
    materials = {
        "paint": Material(base_color=(0.5, 0.05, 0.04), roughness=0.35, clearcoat=1.0),
        "chrome": Material(base_color=(0.8, 0.8, 0.82), metallic=1.0, roughness=0.25),
        "asphalt": Material(
            base_color=(0.9, 0.9, 0.9), base_color_texture=digest_of(png), roughness=0.9, texture_scale=(2, 2)
        ),
        "glass": Material(model="thin_glass", base_color=(0.5, 0.8, 0.6)),
        "lamp": Material(model="emissive", base_color=(1.0, 0.8, 0.5), luminance_cd_m2=40000),
    }
    objects = [
        placed("ground", "ground", {"top": PartBinding(material="asphalt", label="ground")}, (0, 0, -1)),
        placed("box", "box", {"body": PartBinding(material="paint", label="box", instance=1)}, (5, 1, -0.5)),
        placed("ball", "ball", {"skin": PartBinding(material="chrome", label="ball", instance=2)}, (4, -0.9, -0.5)),
        placed("lamp", "lamp", {"face": PartBinding(material="lamp", label="box", instance=1)}, (4.45, 1, -0.3)),
    ]
    if pane:
        objects.append(
            placed("pane", "pane", {"glass": PartBinding(material="glass", see_through=True)}, (3, -0.4, -0.3))
        )
    else:
        del models["pane"]
    return frame(
        objects,
        models,
        materials,
        size=size,
        camera=camera,
        samples=samples,
        denoise=denoise,
        seed=seed,
        textures=[png],
        environment=sky,
        luminance_cd_m2=4000,
        ev100=14.3,
        lights=[DirectionalLight(direction=(0.48, 0.6, -0.64), illuminance_lux=60000, color=(1.05, 0.99, 0.95))],
    )
