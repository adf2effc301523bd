"""The plan of applying a spec, in C#, held against what the embedded player does with the same spec."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.camera import Camera
from contracts.frame_spec import FrameSpec, Label, asset_file_name
from tests.player_frames import Frame, street_frame
from tests.unity import random_specs
from tests.unity.mono_core import MonoCore
from tests.unity.test_unity_core import whole_spec
from unity_bridge.embedded.assets import AssetCache
from unity_bridge.embedded.exposure import LUMINANCE_WEIGHTS, exposure_scale
from unity_bridge.embedded.frame_files import encode_indexed
from unity_bridge.embedded.geometry import gather
from unity_bridge.embedded.lens import pixel_centers
from unity_bridge.embedded.scene import PANE_TRANSMITTANCE
from unity_bridge.scenes.glb import read_glb

Float64 = NDArray[np.float64]

ENGINE_FROM_WORLD = np.array([[-1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
IMPORTER = np.diag([-1.0, 1, 1])
"""What Unity's glTF importer does to a file's axes."""
FILE_FROM_MODEL = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
NEAR_M, FAR_M = 0.1, 100.0
"""Of the projection that the harness asks for."""


@dataclass
class Plan:
    """Operations by kind, and in their order."""

    operations: list[dict[str, Any]]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in self.operations if item["operation"] == kind]

    def one(self, kind: str) -> dict[str, Any]:
        (item,) = self.all(kind)
        return item


def planned(core: MonoCore, spec: FrameSpec | dict[str, Any]) -> Plan:
    text = spec.model_dump_json() if isinstance(spec, FrameSpec) else json.dumps(spec)
    answer = core.ask("plan", text)
    assert isinstance(answer, list), answer
    return Plan(answer)


@pytest.fixture(params=range(3))
def street(request: pytest.FixtureRequest) -> Frame:
    """The street, each of its objects turned, scaled and moved; one lamp is out, one light is off."""
    rng = Random(request.param)
    frame = street_frame()
    values = json.loads(frame.text)
    for item in values["objects"]:
        item["world_from_object"] = random_specs.pose(rng, rng.choice([1.0, 0.25, 3.0]))
    values["environment"]["world_from_environment"] = [row[:3] for row in random_specs.pose(rng, 1.0)[:3]]
    values["camera"]["world_from_camera"] = random_specs.pose(rng, 1.0)
    values["materials"]["spare"] = {}
    values["lights"].append(values["lights"][0] | {"illuminance_lux": 0})
    if request.param == 1:
        values["materials"]["lamp"]["luminance_cd_m2"] = 0
    return Frame(FrameSpec.model_validate(values), frame.assets)


def rotated(rotation: list[float], points: Float64) -> Float64:
    """(N, 3) points turned by a quaternion x, y, z, w."""
    axis, w = np.array(rotation[:3]), rotation[3]
    return points + 2 * np.cross(axis, np.cross(axis, points) + w * points)


def posed(pose: dict[str, Any], points: Float64) -> Float64:
    """(N, 3) points placed as an engine places them: scaled, turned, moved."""
    return rotated(pose["Rotation"], points * pose["Scale"]) + pose["Position"]


def test_parts_come_where_the_embedded_player_puts_them(core: MonoCore, street: Frame, tmp_path: Path) -> None:
    """A file's points, imported and placed by the engine, lie where the embedded player has them."""
    plan = planned(core, street.spec)
    geometry = gather(street.spec, AssetCache(), street.write_assets(tmp_path / "assets"))
    found: dict[int, list[Float64]] = {}
    for item, source in zip(plan.all("PlaceObject"), street.spec.objects, strict=True):
        assert (item["Name"], item["Asset"]) == (source.name, source.asset)
        parts = {part.name: part for part in read_glb(street.assets[source.asset]).parts}
        for part in item["Parts"]:
            in_file = parts[part["Part"]].vertices.astype(np.float64) @ FILE_FROM_MODEL.T
            in_engine = posed(item["Pose"], in_file @ IMPORTER.T)
            instance = geometry.part_instances[part["Row"]]
            if instance and not part["SeeThrough"]:
                found.setdefault(int(instance), []).append(in_engine @ ENGINE_FROM_WORLD)
    assert set(found) == set(geometry.instance_points) == {1, 2}
    for instance, points in found.items():
        assert np.allclose(np.concatenate(points), geometry.instance_points[instance], atol=1e-4)


def test_rows_mean_what_the_embedded_player_draws(core: MonoCore, street: Frame, tmp_path: Path) -> None:
    geometry = gather(street.spec, AssetCache(), street.write_assets(tmp_path / "assets"))
    rows = np.arange(len(geometry.part_labels), dtype=np.uint8)
    answer = core.ask("masks", street.spec.model_dump_json(), rows.tobytes(), "")
    assert answer["labels"][1:] == geometry.part_labels[1:].tolist()
    assert answer["instances"] == geometry.part_instances.tolist()
    assert answer["see_through"] == geometry.part_see_through.tolist()
    parts = [part for item in planned(core, street.spec).all("PlaceObject") for part in item["Parts"]]
    assert [part["Row"] for part in parts] == rows[1:].tolist()
    assert [part["SeeThrough"] for part in parts] == geometry.part_see_through[1:].tolist()


def test_materials_are_those_of_the_embedded_player(core: MonoCore, street: Frame, tmp_path: Path) -> None:
    """Kind by kind: plain, textured, glass, lamps; what nobody wears is left out."""
    geometry = gather(street.spec, AssetCache(), street.write_assets(tmp_path / "assets"))
    materials = {item["Name"]: item for item in planned(core, street.spec).all("UseMaterial")}
    assert set(materials) == set(street.spec.materials) - {"spare"}
    kinds = {
        kind: {name for name, item in materials.items() if item["Surface"] == kind}
        for kind in ("Opaque", "ThinGlass", "Lamp")
    }
    assert kinds["Lamp"] == {item.name for item in geometry.emissive}
    assert len(kinds["ThinGlass"]) == len(geometry.glass_materials)
    assert len(kinds["Opaque"]) == len(geometry.surface_materials) + len(geometry.textured)
    assert {name for name, item in materials.items() if item["Texture"]} == {item.name for item in geometry.textured}
    for name, item in materials.items():
        source = street.spec.materials[name]
        assert item["Texture"] == source.base_color_texture
        assert (item["Metallic"], item["Clearcoat"], item["Sheen"]) == (source.metallic, source.clearcoat, source.sheen)
        assert item["Smoothness"] == pytest.approx(1 - source.roughness)
        assert tuple(item["TextureScale"]) == source.texture_scale
        glass = item["Surface"] == "ThinGlass"
        color = np.array(source.base_color)
        assert item["Color"] == pytest.approx(np.minimum(color / PANE_TRANSMITTANCE, 1) if glass else color)
        luminance = source.luminance_cd_m2 if item["Surface"] == "Lamp" else 0
        assert np.dot(LUMINANCE_WEIGHTS, item["EmissionCdM2"]) == pytest.approx(luminance)
        assert np.allclose(np.cross(item["EmissionCdM2"], color), 0, atol=1e-9 * max(luminance, 1))


def test_light_exposure_and_palette_are_those_of_the_embedded_player(core: MonoCore, street: Frame) -> None:
    spec, plan = street.spec, planned(core, street.spec)
    lit = [light for light in spec.lights if light.illuminance_lux > 0]
    for item, light in zip(plan.all("ShineLight"), lit, strict=True):
        assert item["Direction"] == pytest.approx(ENGINE_FROM_WORLD @ light.direction)
        assert item["IlluminanceLux"] == pytest.approx(np.array(light.color) * light.illuminance_lux)
    sky = plan.one("SetEnvironment")
    assert (sky["Image"], sky["LuminanceCdM2"]) == (spec.environment.image, spec.environment.luminance_cd_m2)
    world = np.array(spec.environment.world_from_environment).T @ ENGINE_FROM_WORLD.T
    assert np.allclose(rotated(sky["Pose"]["Rotation"], ENGINE_FROM_WORLD.T), world)
    exposure = plan.one("SetExposure")
    assert exposure["Scale"] == pytest.approx(exposure_scale(spec.exposure))
    assert tuple(exposure["WhiteBalanceGains"]) == spec.exposure.white_balance_gains
    labels: tuple[Label, ...] = spec.labels
    png = encode_indexed(np.zeros((1, 1), np.uint8), labels)
    start = png.index(b"PLTE") + 4
    assert bytes(plan.one("SetPalette")["Colors"]) == png[start : start + 768]


def test_assets_come_before_what_needs_them(core: MonoCore, street: Frame) -> None:
    seen: set[str] = set()
    for item in planned(core, street.spec).operations:
        if item["operation"] == "UseAsset":
            assert item["Digest"] not in seen
            asset = street.spec.assets[int(item["Field"].removeprefix("assets."))]
            assert (item["Digest"], item["FileName"]) == (
                asset.digest,
                asset_file_name(asset.digest, asset.media_type),
            )
            seen.add(item["Digest"])
        needed = [item[key] for key in ("Asset", "Texture", "Image") if item.get(key)]
        names = [part["Material"] for part in item.get("Parts", ())]
        assert seen.issuperset([*needed, *names])
        seen.add(item.get("Name", ""))


@pytest.mark.parametrize("seed", range(8))
def test_a_pinhole_camera_shows_points_where_they_belong(core: MonoCore, seed: int) -> None:
    """Through pose and projection of the engine a point falls on the pixel that K gives it."""
    spec = whole_spec(seed)
    spec["camera"].pop("distortion", None)
    camera = Camera.model_validate(spec["camera"])
    view = planned(core, spec).one("SetCamera")
    assert not view["IsDistorted"]
    assert (view["SourceWidthPx"], view["SourceHeightPx"]) == (camera.width_px, camera.height_px)
    rng = np.random.default_rng(seed)
    in_camera = np.c_[rng.uniform(-3, 3, (50, 2)), rng.uniform(1, 20, 50)]
    pixels = in_camera @ np.array(camera.K).T
    pixels = pixels[:, :2] / pixels[:, 2:]
    pose = np.array(camera.world_from_camera)
    in_engine = (in_camera @ pose[:3, :3].T + pose[:3, 3]) @ ENGINE_FROM_WORLD.T
    x, y, z, w = view["Pose"]["Rotation"]
    local = rotated([-x, -y, -z, w], in_engine - view["Pose"]["Position"])
    clip = np.c_[local * [1, 1, -1], np.ones(50)] @ np.array(view["Projection"]).T
    screen = clip[:, :2] / clip[:, 3:]
    size = np.array([camera.width_px, camera.height_px])
    assert np.allclose((screen * [1, -1] + 1) / 2 * size, pixels, rtol=1e-6, atol=1e-3)
    depth = clip[:, 2] / clip[:, 3]
    expected = (FAR_M + NEAR_M) / (FAR_M - NEAR_M) - 2 * FAR_M * NEAR_M / (FAR_M - NEAR_M) / in_camera[:, 2]
    assert np.allclose(depth, expected)


@pytest.mark.parametrize(
    "distortion", [(-0.3, 0.08, 0, 0, 0), (0.15, 0, 0.01, -0.02, 0), (-0.2, 0, 0.003, 0.001, 0.01)]
)
def test_a_distorted_camera_renders_a_view_that_holds_the_image(core: MonoCore, distortion: tuple[float, ...]) -> None:
    spec = whole_spec(0)
    spec["camera"] |= {"width_px": 64, "height_px": 48, "K": [[50, 0, 30], [0, 55, 25], [0, 0, 1]]}
    spec["camera"]["distortion"] = distortion
    view = planned(core, spec).one("SetCamera")
    assert view["IsDistorted"]
    centers = pixel_centers(Camera.model_validate(spec["camera"]))
    low, high = centers.min(axis=0), centers.max(axis=0)
    bounds = np.array([[view["Left"], view["Top"]], [view["Right"], view["Bottom"]]])
    assert (bounds[0] < low).all()
    assert (bounds[1] > high).all()
    # Beyond the outermost centres lies half a pixel, which a lens stretches a little at the border.
    assert (np.r_[low - bounds[0], bounds[1] - high] < 1.5 / 50).all()
    pitch = (bounds[1] - bounds[0]) / [view["SourceWidthPx"], view["SourceHeightPx"]]
    assert (pitch <= [1 / 50, 1 / 55]).all()
