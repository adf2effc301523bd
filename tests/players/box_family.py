"""A small scene family for tests: three labelled boxes on a floor, seen from around, composed in milliseconds."""

from __future__ import annotations

import math

import numpy as np

from contracts.camera import Camera, Exposure
from contracts.errors import RenderError
from contracts.frame_spec import DirectionalLight, Environment, Material, PartBinding, SceneObject
from contracts.generator import Generator
from unity_bridge.preflight import box_model, uniform_hdr
from unity_bridge.sampling import FrameParameters, stream
from unity_bridge.scenes import families
from unity_bridge.scenes.composition import (
    AssetCollector,
    ComposedFrame,
    compose_frame,
    intrinsics,
    look_at,
)
from unity_bridge.scenes.photometry import (
    exposure_for,
)

COLORS = {"crate": (0.5, 0.04, 0.04), "chest": (0.05, 0.3, 0.06), "case": (0.05, 0.1, 0.5)}
HIGHEST_VIEW_M = 3.5
"""A view from higher up is a draw that this family gives up."""
PLACES = {"crate": (-1.1, 0.2), "chest": (0.0, -0.3), "case": (1.1, 0.3)}


def generator(size_px: int = 32, **changes: object) -> Generator:
    """A generator of box scenes. It borrows the name of a real scenario, which `install` gives to this family."""
    document = {
        "schema_version": 1,
        "name": "boxes",
        "scenario": "exterior",
        "camera": {"size": [size_px, size_px], "horizontal_fov_deg": {"uniform": [45, 55]}},
        "render": {"samples_per_pixel": 1, "maximum_bounces": 1, "denoise": False},
        "randomizers": {
            "view": {"kind": "OrbitCamera", "azimuth_deg": {"uniform": [-150, -30]}, "height_m": {"uniform": [1, 3]}},
            "variant": {"kind": "Choice", "of": {"all": 0.7, "no_crate": 0.3}},
        },
        "labels": {"crate": {"must_appear_in": "all"}, "chest": {}, "case": {}},
    }
    return Generator.model_validate(document | changes)


def install() -> None:
    """Put this family in the place of the exterior one, in this process."""
    families.FAMILIES["exterior"] = "tests.players.box_family:compose"


def compose(parameters: FrameParameters, size_px: tuple[int, int]) -> ComposedFrame:
    """Three boxes, one of them missing in the variant `no_crate`."""
    view, variant = parameters.values["view"], parameters.choice("variant")
    if float(view["height_m"]) > HIGHEST_VIEW_M:
        raise RenderError("there is no such scene", code="impossible_scene")
    assets = AssetCollector()
    rng = stream(int(view["detail_seed"]), 0, 0, "boxes")
    objects = [_placed("floor", assets.add_model(box_model("floor", (8, 8, 0.1))), (0, 0, -0.05), "background", 0)]
    for number, (name, place) in enumerate(PLACES.items(), start=1):
        if name == "crate" and variant == "no_crate":
            continue
        side = 0.7 + 0.3 * float(rng.random())
        asset = assets.add_model(box_model(name, (side, side, side)))
        objects.append(_placed(name, asset, (*place, side / 2), name, number))
    azimuth = math.radians(float(view["azimuth_deg"]))
    eye = (4 * math.cos(azimuth), 4 * math.sin(azimuth), float(view["height_m"]))
    light = DirectionalLight(direction=(-0.48, 0.6, -0.64), illuminance_lux=50_000.0, color=(1.0, 1.0, 1.0))
    sky = Environment(
        image=assets.add_hdr(uniform_hdr()),
        world_from_environment=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        luminance_cd_m2=4000.0,
    )
    return compose_frame(
        parameters,
        camera=Camera(
            width_px=size_px[0],
            height_px=size_px[1],
            K=intrinsics(*size_px, parameters.horizontal_fov_deg),
            world_from_camera=look_at(eye, (0, 0, 0.3)),
        ),
        exposure=Exposure(ev100=exposure_for([light], sky)),
        materials={name: Material(base_color=color) for name, color in COLORS.items()}
        | {"floor": Material(base_color=(0.4, 0.38, 0.35))},
        objects=objects,
        lights=[light],
        environment=sky,
        assets=assets,
    )


def _placed(name: str, asset: str, place: tuple[float, float, float], label: str, instance: int) -> SceneObject:
    pose = np.eye(4)
    pose[:3, 3] = place
    return SceneObject(
        name=name,
        asset=asset,
        world_from_object=pose.tolist(),
        parts={"box": PartBinding(material=name, label=label, instance=instance)},
    )
