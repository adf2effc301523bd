"""Users' own vehicles: GLB files that other tools write become labelled parts, or are refused with a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from own_generators import SHIPPED, loaded, write_generator

from contracts.errors import BeltlineError, ConfigurationError
from contracts.generator import load_generator, resolve_generator
from contracts.own_assets import OwnVehicle
from server.documents import check_document
from tests.own_vehicles import HEIGHT_M, LABELS, LENGTH_M, WIDTH_M, car, changed, node
from tests.player_frames import Frame
from tests.player_rendering import picture
from unity_bridge.sampling import sample_frame
from unity_bridge.scenes import own_files
from unity_bridge.scenes.families import compose
from unity_bridge.scenes.vehicle import own as own_module
from unity_bridge.vehicle_files import VehicleMesh, read_vehicle

DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A car, and a home whose assets are open."""
    (tmp_path / "car.glb").write_bytes(car(texture=True))
    monkeypatch.setattr(own_files, "_folder", None)
    own_files.open_own_files(tmp_path / "assets")
    yield tmp_path
    own_module._read.cache_clear()


def written(folder: Path, vehicle: Any = None, **more: Any) -> Path:
    assets = {"vehicles": {"boxes": {"file": "car.glb", "parts": LABELS} | (vehicle or {})}} | more.pop("assets", {})
    return write_generator(folder, assets, **more)


def read(data: bytes, **stated: Any) -> dict[str, VehicleMesh]:
    own = OwnVehicle(digest=DIGEST, **{"parts": LABELS, **stated})
    return {mesh.name.rpartition(" ")[0]: mesh for mesh in read_vehicle(data, own, "boxes")}


def box(mesh: VehicleMesh) -> np.ndarray:
    return np.array([mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)])


@pytest.mark.parametrize(("turn_deg", "forward"), [(0, "z"), (90, "x"), (180, "-z"), (270, "-x")])
def test_a_car_stands_on_the_ground_and_looks_ahead_however_it_was_made(turn_deg: float, forward: Any) -> None:
    found = read(car(turn_deg=turn_deg, unit=100), forward=forward, unit_m=0.01)
    whole = np.array([box(mesh) for mesh in found.values()])
    assert whole[:, 0].min(axis=0) == pytest.approx([-LENGTH_M / 2, -WIDTH_M / 2, 0], abs=1e-4)
    assert whole[:, 1].max(axis=0) == pytest.approx([LENGTH_M / 2, WIDTH_M / 2, HEIGHT_M], abs=1e-4)
    assert box(found["bonnet"])[:, 0] == pytest.approx([0.95, 2.05], abs=1e-4), "the bonnet is in front"
    assert box(found["wheel_fl"])[:, 1].min() > 0.7 > -0.7 > box(found["wheel_fr"])[:, 1].max(), "left is left"
    for mesh in found.values():
        corners = mesh.vertices[mesh.faces]
        out = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        assert (np.einsum("ij,ij->i", out, corners.mean(axis=1) - box(mesh).mean(axis=0)) > 0).all(), "outward"
        assert mesh.normals is not None
        assert np.einsum("ij,ij->i", out, mesh.normals[mesh.faces[:, 0]]).min() > 0


def test_labels_come_by_name_by_pattern_and_from_the_node_above() -> None:
    found = {name: mesh.label for name, mesh in read(car()).items()}
    wheels = {"wheel_fl": "front_left_wheel", "wheel_fr": "front_right_wheel", "rim_1": "back_left_wheel"}
    bodies = {"body_lower": "body", "body_upper": "body"}
    assert found == {**wheels, **bodies, "bonnet": "hood", "screen": "windshield"}
    one_else = read(car(), parts={**LABELS, "body_upper": "roof"})
    assert one_else["body_upper"].label == "roof", "a name goes before a pattern"


def test_a_mirrored_node_is_not_turned_inside_out() -> None:
    def mirror(document: dict[str, Any]) -> None:
        wheel = node(document, "wheel_fl")
        wheel.pop("matrix", None)
        wheel |= {"translation": [0.85, 0.3, 1.4], "scale": [-1, 1, 1]}

    plain, mirrored = read(car()), read(changed(car(), mirror))
    assert box(plain["wheel_fl"]) == pytest.approx(box(mirrored["wheel_fl"]))
    mesh = mirrored["wheel_fl"]
    corners = mesh.vertices[mesh.faces]
    out = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("ij,ij->i", out, corners.mean(axis=1) - box(mesh).mean(axis=0)) > 0).all()


def test_primitives_of_one_node_share_its_label_and_keep_their_materials() -> None:
    def join(document: dict[str, Any]) -> None:
        meshes = document["meshes"]
        wheel, bonnet = node(document, "wheel_fl")["mesh"], node(document, "bonnet")["mesh"]
        meshes[bonnet]["primitives"] += meshes[wheel]["primitives"]

    own = OwnVehicle(digest=DIGEST, parts=LABELS)
    both = [mesh for mesh in read_vehicle(changed(car(), join), own, "boxes") if mesh.name.startswith("bonnet")]
    assert [mesh.label for mesh in both] == ["hood", "hood"]
    assert [mesh.material.base_color[0] for mesh in both] == pytest.approx([0.8, 0.05], abs=0.003)


def test_materials_are_the_files_but_for_those_that_are_mapped(folder: Path) -> None:
    generator = loaded(written(folder, {"materials": {"Glass": "windshield_glass"}}))
    frame = compose(sample_frame(generator, 1, 0))
    vehicle = next(item for item in frame.spec.objects if item.name == "vehicle")
    made = {name.rpartition(" ")[0]: frame.spec.materials[part.material] for name, part in vehicle.parts.items()}
    painted = made["body_lower"]
    assert painted.base_color == pytest.approx((0.8, 0.1, 0.1), abs=0.003)
    assert (painted.metallic, painted.roughness) == pytest.approx((0.25, 0.375), abs=0.003)
    assert made["screen"].model == "thin_glass"
    drawn = sample_frame(generator, 1, 0).values["glass"]["windshield_transmittance"]
    assert made["screen"].base_color[1] == pytest.approx(drawn, abs=1e-4)
    sticker = made["body_sticker"].base_color_texture
    assert sticker is not None
    pixels = cv2.imdecode(np.frombuffer(frame.assets[sticker], np.uint8), cv2.IMREAD_COLOR)
    assert pixels[[0, -1], 0].tolist() == [[0, 0, 255], [255, 0, 0]], "blue, green, red"
    assert read(car())["screen"].material.is_glass
    assert read(car())["screen"].material.base_color == pytest.approx((0.75, 0.75, 0.75), abs=0.003)


def test_only_mapped_paint_is_drawn(folder: Path) -> None:
    colors: dict[str, set[object]] = {}
    for name, mapped in (("own", {}), ("mapped", {"Car*": "paint"})):
        generator = loaded(written(folder, {"materials": mapped}))
        for index in range(4):
            frame = compose(sample_frame(generator, 2, index))
            vehicle = next(item for item in frame.spec.objects if item.name == "vehicle")
            part = next(part for key, part in vehicle.parts.items() if key.startswith("bonnet"))
            colors.setdefault(name, set()).add(frame.spec.materials[part.material].base_color)
    assert (len(colors["own"]), len(colors["mapped"])) == (1, 4)


def test_own_vehicles_change_no_other_draw_and_leave_parametric_frames_alone(folder: Path) -> None:
    stated = {"vehicle": {"choice": {"boxes": 1, "parametric": 1}}}
    own, plain = loaded(written(folder, assets=stated)), load_generator("exterior", SHIPPED)
    drawn = []
    for index in range(60):
        values = sample_frame(own, 7, index).values
        drawn.append(values.pop("assets")["vehicle"])
        assert values == sample_frame(plain, 7, index).values
    assert 15 < drawn.count("boxes") < 45
    index = drawn.index("parametric")
    mine, theirs = (compose(sample_frame(item, 7, index)) for item in (own, plain))
    assert mine.assets == theirs.assets
    assert mine.spec.model_copy(update={"frame": theirs.spec.frame}) == theirs.spec


@pytest.mark.parametrize("normals", [True, False])
def test_the_mask_shows_the_mapped_labels_where_the_parts_are(folder: Path, normals: bool) -> None:
    (folder / "car.glb").write_bytes(car(normals=normals, texture=True))
    changes: dict[str, Any] = {
        "camera": {"size": [96, 72], "horizontal_fov_deg": 40},
        "render": {"samples_per_pixel": 4, "denoise": False},
        "randomizers": {
            "camera": {"azimuth_deg": 60, "azimuth_jitter_deg": 0, "height_m": 4, "roll_deg": 0},
            "sensor": None,
            "surroundings": {"wall": "none", "other_vehicles": 0, "clutter": 0},
        },
    }
    generator = loaded(written(folder, **changes))
    composed = compose(sample_frame(generator, 1, 0))
    image, masks = picture(Frame(composed.spec, composed.assets), folder / "frame")
    ids = {label.name: label.id for label in composed.spec.labels}
    middles = {}
    for name in ("body", "hood", "windshield", "front_left_wheel", "back_left_wheel"):
        rows, columns = np.nonzero(masks.labels == ids[name])
        assert len(rows) > 15, name
        middles[name] = columns.mean()
    assert set(np.unique(masks.labels)) <= {0, *(ids[name] for name in set(LABELS.values()))}
    # From its front left, a car's front lies to the left of the picture.
    assert middles["hood"] < middles["windshield"] < middles["body"]
    assert middles["front_left_wheel"] < middles["back_left_wheel"]
    assert set(np.unique(masks.instances)) == {0, 1}
    red, green, blue = (image[..., channel].astype(int) for channel in range(3))
    is_blue = (masks.labels == ids["body"]) & (blue > 2 * red) & (blue > 2 * green)
    assert is_blue.sum() > 15, "the sticker's lower half, which lies behind"
    assert np.nonzero(is_blue)[1].mean() > middles["windshield"]


def rename(name: str, new: str | None) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        item = node(document, name)
        item.pop("name")
        if new is not None:
            item["name"] = new

    return change


def flatten(document: dict[str, Any]) -> None:
    node(document, "bonnet")["matrix"] = [0.0] * 15 + [1.0]


def lines(document: dict[str, Any]) -> None:
    document["meshes"][0]["primitives"][0]["mode"] = 1


def webp(document: dict[str, Any]) -> None:
    document["textures"] = [{"extensions": {"EXT_texture_webp": {"source": 0}}}]


def ktx(document: dict[str, Any]) -> None:
    document["images"][0] |= {"mimeType": "image/ktx2", "bufferView": 0}


def unwrapped(document: dict[str, Any]) -> None:
    for mesh in document["meshes"]:
        mesh["primitives"][0]["attributes"].pop("TEXCOORD_0", None)


def beyond(document: dict[str, Any]) -> None:
    document["accessors"][0]["count"] = 10**9


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        (rename("bonnet", None), "1 of its meshes stand in nodes without a name", "unnamed"),
        (rename("bonnet", "Object_12"), "no label for 'Object_12'", "unmapped"),
        (flatten, "node 'bonnet': its mesh has no area", "degenerate"),
        (lines, "holds lines, points or a fan", "unsupported"),
        (webp, "neither PNG nor JPEG", "texture"),
        (ktx, r"texture \(image/ktx2\) can't be read", "texture"),
        (unwrapped, "it has a texture and no coordinates", "texture"),
        (beyond, "contradicts itself", "malformed"),
        (lambda found: found.update(extensionsRequired=["KHR_draco_mesh_compression"]), "draco", "unsupported"),
        (lambda found: found["buffers"][0].update(uri="car.bin"), "refers to other files", "unsupported"),
        (lambda found: found["accessors"][0].update(sparse={}), "sparse accessors", "unsupported"),
        (lambda found: found["scenes"][0].update(nodes=[]), "no node is called", "unmapped"),
        (lambda found: found["nodes"][0].update(children=[0]), "contradicts itself", "malformed"),
        (lambda found: found.pop("accessors"), "contradicts itself", "malformed"),
    ],
)
def test_a_file_that_would_give_a_wrong_mask_is_refused(change: Any, said: str, code: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        read(changed(car(texture=True), change))
    assert (caught.value.code, bool(caught.value.hint)) == (f"own_vehicle_{code}", True)
    assert caught.value.message.startswith("boxes: ")


@pytest.mark.parametrize(
    ("data", "stated", "said"),
    [
        (b"", {}, "no binary glTF"),
        (b"glTF" + bytes(40), {}, "no binary glTF"),
        (car()[:900], {}, "truncated"),
        (car(unit=100), {}, "440 m long"),
        (car(), {"forward": "x"}, "1.9 m long, 4.4 m wide"),
        (car(), {"parts": {**LABELS, "bonet": "hood"}}, "no node is called 'bonet'"),
        (car(), {"materials": {"Chrome": "paint"}}, "no material is called 'Chrome'"),
        (car(), {"parts": {**LABELS, "b*": "hood"}}, "which say body, hood"),
    ],
)
def test_what_the_generator_says_of_a_file_must_fit_it(data: bytes, stated: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        read(data, **stated)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("vehicle", "more", "said"),
    [
        ({"file": "none.glb"}, {}, r"assets\.vehicles\.boxes: there is no file .*none\.glb"),
        ({"file": "mine.yaml"}, {}, "mine.yaml is no binary glTF file"),
        ({"parts": {"*": "bodie"}}, {}, "no label 'bodie', did you mean 'body'"),
        ({"parts": {"*": "hood"}}, {}, "none is 'body', which must appear in every frame"),
        ({"parts": {"body*": "body"}}, {}, "no label for 'bonnet', 'screen'"),
        ({"forward": "y"}, {}, "forward"),
        ({"unit_m": 0}, {}, "unit_m"),
        ({"colour": 1}, {}, "unknown field 'colour'"),
        ({}, {"assets": {"vehicle": "box"}}, "there is no 'box' under vehicles"),
        ({}, {"extends": "belt-g3"}, "no label 'body'|only the scenario 'exterior'"),
    ],
)
def test_validating_a_generator_says_what_is_wrong_with_its_vehicles(
    folder: Path, vehicle: Any, more: Any, said: str
) -> None:
    path = written(folder, vehicle, **more)
    with pytest.raises(BeltlineError, match=said) as caught:
        check_document(path.read_text(), SHIPPED, source=str(path), beside=folder)
    assert caught.value.hint or "errors" in caught.value.context


def test_a_valid_generator_has_the_digest_of_its_files(folder: Path) -> None:
    path = written(folder)
    first = check_document(path.read_text(), SHIPPED, source=str(path), beside=folder)
    assert first.digest == loaded(path).digest()
    (folder / "car.glb").write_bytes(car())
    assert check_document(path.read_text(), SHIPPED, source=str(path), beside=folder).digest != first.digest


def test_a_request_names_no_path(folder: Path) -> None:
    stated = yaml.safe_load(written(folder).read_text())
    with pytest.raises(ConfigurationError, match=r"unknown field 'file'|digest"):
        resolve_generator(stated, SHIPPED)


def test_a_file_that_is_not_in_the_home_fails_the_batch_by_name(folder: Path) -> None:
    generator = load_generator(str(written(folder)), SHIPPED)
    with pytest.raises(ConfigurationError, match="not in this home"):
        compose(sample_frame(generator, 0, 0))
