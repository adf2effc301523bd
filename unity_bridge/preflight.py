"""One small test frame that a player must render correctly before it is trusted with a batch."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from contracts.camera import Camera, Exposure
from contracts.errors import ProtocolError, RenderError
from contracts.frame_spec import (
    DirectionalLight,
    Environment,
    FrameIdentity,
    FrameSpec,
    Label,
    Material,
    PartBinding,
    RenderSettings,
    SceneObject,
)
from contracts.generator import QualitySettings
from contracts.ids import canonical_json, digest_of
from unity_bridge.assets import write_assets
from unity_bridge.quality.gate import inspect
from unity_bridge.quality.rendered import read_rendered
from unity_bridge.scenes.composition import AssetCollector, ComposedFrame, intrinsics, look_at
from unity_bridge.scenes.mesh import Model, Part
from unity_bridge.scenes.photometry import exposure_for
from unity_bridge.scenes.surroundings.radiance import encode_radiance

if TYPE_CHECKING:
    from unity_bridge.session import PlayerSession

SIZE_PX = 64
LABEL_ID = 7
INSTANCE_ID = 3


def check_player(session: PlayerSession) -> None:
    """Render the test frame and hold it to everything a batch's frames are held to.

    Raises:
        RenderError: The frame is wrong; the message says how.
    """
    composed = preflight_frame()
    write_assets(session.assets, composed)
    folder = Path(tempfile.mkdtemp(prefix="preflight-", dir=session.log_folder))
    try:
        spec = canonical_json(composed.spec)
        done = session.render(spec, folder)
        frame = read_rendered(folder, composed.spec, digest_of(spec), done.sidecar_digest, composed.assets)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if session.hello is not None and frame.sidecar.player != session.hello.player:
        raise ProtocolError(
            f"the player greets as {session.hello.player.name} {session.hello.player.version} and signs as "
            f"{frame.sidecar.player.name} {frame.sidecar.player.version}",
            hint="name and version are part of every frame's record, and must not change",
        )
    failed = [verdict for verdict in inspect(frame, QualitySettings()) if not verdict.passed]
    middle, corner = SIZE_PX // 2, 2
    ids = [
        (int(frame.mask[middle, middle]), int(frame.instances[middle, middle])),
        (int(frame.mask[corner, corner]), int(frame.instances[corner, corner])),
    ]
    if failed or ids != [(LABEL_ID, INSTANCE_ID), (0, 0)]:
        wrong = "; ".join(f"{verdict.check}: {verdict.message}" for verdict in failed) or (
            f"label and instance are {ids[0]} on the box and {ids[1]} beside it, "
            f"not {(LABEL_ID, INSTANCE_ID)} and (0, 0)"
        )
        raise RenderError(
            f"the test frame is wrong: {wrong}",
            code="preflight_failed",
            hint="this player can't be trusted with a batch; check its build and its graphics driver",
            context={"checks": [verdict.check for verdict in failed]},
        )


@cache
def preflight_frame() -> ComposedFrame:
    """A labelled red box in the sun under a grey sky, 64x64, seen from above its corner."""
    assets = AssetCollector()
    box = assets.add_model(box_model("preflight_box", (1.0, 1.0, 1.0)))
    sky = assets.add_hdr(uniform_hdr())
    light = DirectionalLight(direction=(-0.48, 0.6, -0.64), illuminance_lux=50_000.0, color=(1.0, 1.0, 1.0))
    environment = Environment(
        image=sky,
        world_from_environment=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        luminance_cd_m2=5000.0,
    )
    spec = FrameSpec(
        frame=FrameIdentity(generator="preflight", generator_digest=digest_of(b"preflight"), seed=0, index=0),
        camera=Camera(
            width_px=SIZE_PX,
            height_px=SIZE_PX,
            K=intrinsics(SIZE_PX, SIZE_PX, 40.0),
            world_from_camera=look_at((2.4, -2.0, 1.6), (0.0, 0.0, 0.0)),
        ),
        exposure=Exposure(ev100=exposure_for([light], environment)),
        labels=(
            Label(id=0, name="background", color=(0, 0, 0)),
            Label(id=LABEL_ID, name="box", color=(255, 0, 0)),
        ),
        materials={"red": Material(base_color=(0.6, 0.05, 0.05), roughness=0.8)},
        objects=(
            SceneObject(
                name="box",
                asset=box,
                world_from_object=((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)),
                parts={"box": PartBinding(material="red", label="box", instance=INSTANCE_ID)},
            ),
        ),
        lights=(light,),
        environment=environment,
        render=RenderSettings(samples_per_pixel=4, maximum_bounces=2, denoise=False),
        assets=assets.table,
        must_appear=("box",),
    )
    return ComposedFrame(spec, assets.data)


def box_model(name: str, size_m: tuple[float, float, float]) -> Model:
    """A box around the origin with one part `box`; each side has its own vertices, so that edges are sharp."""
    vertices, normals, faces = [], [], []
    half = np.asarray(size_m) / 2
    for axis in range(3):
        u, v = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3]
        for sign in (1.0, -1.0):
            normal = sign * np.eye(3)[axis]
            start = len(vertices)
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                vertices.append((normal + sign * a * u + b * v) * half)
                normals.append(normal)
            faces += [[start, start + 1, start + 2], [start, start + 2, start + 3]]
    return Model(name, (Part("box", np.array(vertices), np.array(faces), np.array(normals)),))


def uniform_hdr() -> bytes:
    """A Radiance HDR image of luminance 1 everywhere."""
    return encode_radiance(np.ones((4, 8, 3), np.float32))
