"""What the C# core does around an engine's drawing: files in, lens, development, reuse, and a build's self-test."""

from __future__ import annotations

import base64
import json
import re
import struct
from collections import OrderedDict
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from contracts.camera import Camera, Exposure
from contracts.frame_spec import FrameSpec, asset_file_name
from scripts import unity_self_test
from tests.player_frames import street_frame
from tests.players import box_family
from tests.unity import random_specs
from tests.unity.mono_core import MonoCore
from tests.unity.test_unity_core import IN_ONE_PROCESS
from unity_bridge.embedded.exposure import develop
from unity_bridge.embedded.lens import pixel_centers
from unity_bridge.sampling import sample_frame
from unity_bridge.scenes.glb import write_glb
from unity_bridge.scenes.mesh import Model, Part
from unity_bridge.scenes.surroundings.radiance import encode_radiance

Float32 = NDArray[np.float32]


def floats(text: str) -> Float32:
    return np.frombuffer(base64.b64decode(text), "<f4")


def radiance(seed: int, width_px: int = 64) -> Float32:
    """An environment with a smooth sky and bright spots."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.random((4, 8, 3), np.float32), (width_px, width_px // 2))
    image[rng.random(image.shape[:2]) < 0.02] = 500.0
    return image.astype(np.float32)


@pytest.mark.parametrize("width_px", [8, 64, 512])
def test_environments_are_decoded_as_by_opencv(core: MonoCore, width_px: int) -> None:
    data = encode_radiance(radiance(1, width_px))
    there = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[:, :, ::-1]
    answer = core.ask("radiance", data)
    assert (answer["width"], answer["height"]) == (width_px, width_px // 2)
    assert np.array_equal(floats(answer["rgb"]).reshape(there.shape), there)


def test_run_length_codes_are_unpacked(core: MonoCore) -> None:
    """Files of other tools compress runs; ours holds literals only."""
    image = np.full((8, 16, 3), 0.25, np.float32)
    image[3, 5:] = 2.0
    encoded = cv2.imencode(".hdr", image)[1].tobytes()
    assert len(encoded) < image.size
    there = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)[:, :, ::-1]
    assert np.array_equal(floats(core.ask("radiance", encoded)["rgb"]).reshape(there.shape), there)


def test_damaged_environments_are_refused_whatever_is_cut(core: MonoCore) -> None:
    data = encode_radiance(radiance(2, 16))
    for length in (0, 1, 10, 40, data.index(b"+X"), len(data) // 2, len(data) - 1):
        assert isinstance(core.ask("radiance", data[:length]), str), length
    rng = Random(0)
    for _ in range(200):
        damaged = bytearray(data)
        damaged[rng.randrange(len(data))] = rng.randrange(256)
        assert core.ask("radiance", bytes(damaged)) is not None
    square = data.replace(b"-Y 8 +X 16", b"-Y 16 +X 16")
    assert "twice as wide" in core.ask("radiance", square)


@pytest.mark.parametrize("seed", range(3))
def test_cube_faces_show_the_environment_in_every_direction(core: MonoCore, seed: int) -> None:
    """The direction of each texel is that of the OpenGL specification's table; light is a function of direction."""
    rng = np.random.default_rng(seed)
    quaternion = rng.normal(size=4) if seed else np.array([0.0, 0, 0, 1])
    quaternion = (quaternion / np.linalg.norm(quaternion)).astype(np.float32)
    latitude, longitude = np.mgrid[:64, :128] + 0.5
    polar, azimuth = latitude / 64 * np.pi, (0.5 - longitude / 128) * 2 * np.pi
    directions = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], axis=-1)
    smooth = (0.6 + 0.4 * directions).astype(np.float32)
    faces = core.ask("cube", encode_radiance(smooth), quaternion.tobytes())
    side = int(np.sqrt(floats(faces[0]).size / 4))
    t, s = (np.mgrid[:side, :side] + 0.5) / side * 2 - 1
    one = np.ones_like(s)
    table = [(one, -t, -s), (-one, -t, s), (s, one, t), (s, -one, -t), (s, -t, one), (-s, -t, -one)]
    axis, w = -quaternion[:3], quaternion[3]
    for face, direction in zip(faces, table, strict=True):
        engine = np.stack(direction, axis=-1)
        turned = engine + 2 * np.cross(axis, np.cross(axis, engine) + w * engine)
        world = np.stack([-turned[..., 0], -turned[..., 2], turned[..., 1]], axis=-1)
        expected = 0.6 + 0.4 * world / np.linalg.norm(world, axis=-1, keepdims=True)
        got = floats(face).reshape(side, side, 4)
        assert np.abs(got[..., :3] - expected).max() < 0.02
        assert np.all(got[..., 3] == 1)


@pytest.mark.parametrize("gains", [(1.0, 1.0, 1.0), (1.7, 1.0, 0.6)])
def test_light_is_developed_as_by_the_embedded_player(core: MonoCore, gains: tuple[float, float, float]) -> None:
    linear = np.random.default_rng(0).gamma(0.4, 0.8, (40, 50, 3)).astype(np.float32) - np.float32(0.01)
    there = develop(linear, Exposure(ev100=10, white_balance_gains=gains))
    answer = core.ask("develop", linear.tobytes(), " ".join(map(str, gains)))
    here = np.frombuffer(base64.b64decode(answer), np.uint8).reshape(there.shape)
    assert np.abs(here.astype(int) - there.astype(int)).max() <= 1
    assert (here != there).mean() < 0.01


def lens_spec(distortion: list[float], width_px: int = 48, height_px: int = 32) -> dict[str, Any]:
    spec = json.loads(street_frame(size=(width_px, height_px)).text)
    spec["camera"]["K"] = [[50, 2.5, 22], [0, 48, 17], [0, 0, 1]]
    spec["camera"]["distortion"] = distortion
    return spec


@pytest.mark.parametrize("from_bottom", [False, True])
@pytest.mark.parametrize("samples", [1, 2, 3])
@pytest.mark.parametrize("distortion", [[0.0] * 5, [-0.3, 0.1, 0.002, -0.003, 0.0]], ids=["pinhole", "lens"])
def test_images_come_through_the_lens(core: MonoCore, distortion: list[float], samples: int, from_bottom: bool) -> None:
    """A view whose light is its position on the plane z = 1 shows, in each delivered pixel, the ray of that pixel."""
    spec = lens_spec(distortion)
    camera = Camera.model_validate(spec["camera"])
    text, form = json.dumps(spec), f"{samples} {int(from_bottom)}"
    width, height = core.ask("lens", text, form, b"")
    plan = next(item for item in core.ask("plan", text) if item["operation"] == "SetCamera")
    down, across = (np.mgrid[: height * samples, : width * samples] + 0.5) / samples
    y = plan["Top"] + (plan["Bottom"] - plan["Top"]) * down / height
    x = plan["Left"] + (plan["Right"] - plan["Left"]) * across / width - (0 if any(distortion) else 2.5 / 50) * y
    light = np.stack([x + 2, y + 2, x * 0 + 1, x * 0], axis=-1).astype("<f4")
    rows = np.arange(width * height).reshape(height, width)
    if from_bottom:
        light, rows = light[::-1], rows[::-1]
    answer = core.ask("lens", text, form, np.ascontiguousarray(light).tobytes())
    picture = floats(answer["picture"]).reshape(-1, 3)
    expected = pixel_centers(camera)
    assert answer["fits"]
    apart = np.abs(picture[:, :2] - 2 - expected).max(axis=1).reshape(camera.height_px, camera.width_px)
    assert apart[1:-1, 1:-1].max() < 1e-5
    # The border of a view has no neighbours to blend with: half of a pixel at most.
    assert apart.max() < (0.5 / 48 if any(distortion) else 1e-5)
    assert np.allclose(picture[:, 2], 1, atol=1e-6)
    column, row = answer["indices"] % np.array(width), np.array(answer["indices"]) // width
    row = height - 1 - row if from_bottom else row
    nearest = np.stack(
        [
            plan["Left"] + (plan["Right"] - plan["Left"]) * (column + 0.5) / width,
            plan["Top"] + (plan["Bottom"] - plan["Top"]) * (row + 0.5) / height,
        ],
        axis=1,
    )
    nearest[:, 0] -= (0 if any(distortion) else 2.5 / 50) * nearest[:, 1]
    half = 0.5 * np.array([(plan["Right"] - plan["Left"]) / width, (plan["Bottom"] - plan["Top"]) / height])
    assert np.all(np.abs(nearest - expected) <= half * 1.01 if any(distortion) else np.abs(nearest - expected) < 1e-9)


def test_light_that_is_no_number_is_dark_and_glints_are_tamed(core: MonoCore) -> None:
    spec = lens_spec([0.0] * 5, 24, 16)
    light = np.ones((16, 24, 4), "<f4")
    light[0, 0], light[1, 1], light[2, 2], light[3, 3] = np.nan, np.inf, -5.0, 1e9
    picture = floats(core.ask("lens", json.dumps(spec), "1 0", light.tobytes())["picture"]).reshape(16, 24, 3)
    assert [float(picture[index, index, 0]) for index in range(5)] == [0, 16, 0, 16, 1]


def test_more_pictures_are_thrown_away_where_more_changes(core: MonoCore) -> None:
    """First of a process, same again, another turn of the sky, another brightness, same again."""
    spec = json.loads(street_frame().text)
    turned = json.loads(json.dumps(spec))
    turned["environment"]["world_from_environment"] = [row[:3] for row in random_specs.pose(Random(0), 1.0)[:3]]
    brighter = json.loads(json.dumps(turned))
    brighter["environment"]["luminance_cd_m2"] += 1
    texts = [json.dumps(item) for item in (spec, spec, turned, brighter, brighter)]
    first, again, other, light, last = core.ask("warm_up", "\n".join(texts))
    assert first > other == light > again == last > 0


@IN_ONE_PROCESS
@given(
    st.integers(1, 12),
    st.lists(st.sets(st.sampled_from("abcdef"), min_size=1, max_size=4), min_size=1, max_size=12),
)
def test_the_least_recently_used_assets_go_first(core: MonoCore, capacity: int, frames: list[set[str]]) -> None:
    sizes = {name: number for number, name in enumerate("abcdef", start=1)}
    wanted = [sorted(frame) for frame in frames]
    text = " ".join(",".join(f"{name}:{sizes[name]}" for name in frame) for frame in wanted)
    kept: OrderedDict[str, None] = OrderedDict()
    for frame, answer in zip(wanted, core.ask("shelf", str(capacity), text), strict=True):
        assert answer["made"] == [name for name in frame if name not in kept]
        for name in frame:
            kept[name] = None
            kept.move_to_end(name)
        for name in list(kept):
            if sum(sizes[other] for other in kept) > capacity and name not in frame:
                del kept[name]
        assert answer["kept"] == list(kept)


@pytest.mark.parametrize("asset_bytes", [0, 1 << 30])
def test_nothing_is_let_go_while_it_is_in_the_scene(core: MonoCore, asset_bytes: int, tmp_path: Path) -> None:
    """Frames that share some of their models: what a frame shows was loaded, and is there until it is taken away."""
    texts = []
    for index in (0, 1, 0, 2):
        frame = box_family.compose(sample_frame(box_family.generator(), 1, index), (16, 16))
        texts.append(frame.spec.model_dump_json())
        for asset in frame.spec.assets:
            (tmp_path / asset_file_name(asset.digest, asset.media_type)).write_bytes(frame.assets[asset.digest])
    calls = core.ask("frames", "\n".join(texts), str(tmp_path), str(tmp_path), str(asset_bytes))
    loaded: set[str] = set()
    shown: set[str] = set()
    for action, _, digest in (call.partition(" ") for call in calls):
        if action == "load":
            assert digest not in loaded
            loaded.add(digest)
        elif action == "place":
            assert digest in loaded
            shown.add(digest)
        elif action == "dispose":
            assert digest not in shown
            loaded.remove(digest)
        else:
            shown.clear()
    assert calls.count("clear") == len(texts)
    assert any(call.startswith("dispose") for call in calls) == (asset_bytes == 0)


@IN_ONE_PROCESS
@given(st.text(alphabet="rrra", max_size=30))
def test_pooled_things_are_made_only_where_none_is_free(core: MonoCore, actions: str) -> None:
    rounds = [len(part) for part in actions.split("a")]
    answer = core.ask("pool", actions)
    assert answer["rented"] == [number for count in rounds for number in range(count)]
    assert (answer["made"], answer["used"]) == (max(rounds), rounds[-1])


def glb(extras: Any = None) -> bytes:
    points = np.eye(3)
    data = write_glb(
        Model(
            "m",
            (Part("Tür", points, np.array([[0, 1, 2]]), points), Part("lid", points, np.array([[0, 1, 2]]), points)),
        )
    )
    if extras is None:
        return data
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    document["asset"]["extras"] = extras
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    return struct.pack("<IIIII", 0x46546C67, 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A) + text + rest


def test_a_model_names_its_parts_and_the_prefab_that_stands_for_it(core: MonoCore) -> None:
    assert core.ask("glb", glb()) == {"parts": ["Tür", "lid"], "prefab": None}
    assert core.ask("glb", glb({"beltline_prefab": "Wagen 3-b"}))["prefab"] == "Wagen 3-b"
    assert core.ask("glb", glb({"other": 1}))["prefab"] is None
    for name in ("../etc/passwd", "a/b", "", "x" * 200, "a\\b", "a.b"):
        assert "no plain name" in core.ask("glb", glb({"beltline_prefab": name})), name


def test_damaged_models_are_refused_whatever_is_cut_or_changed(core: MonoCore) -> None:
    data = glb()
    for length in (0, 4, 19, 20, 60, len(data) - 1):
        assert isinstance(core.ask("glb", data[:length]), str), length
    rng = Random(1)
    for _ in range(300):
        damaged = bytearray(data)
        damaged[rng.randrange(300)] = rng.randrange(256)
        assert core.ask("glb", bytes(damaged)) is not None


FAULTS = {
    "no_ids": "drew nothing",
    "ids_upside_down": "upside down",
    "ids_mirrored": "mirrored",
    "wrong_depth": "m away",
    "instances_hidden": "without the others",
    "blank": "-nographics",
    "picture_upside_down": "picture.*upside down",
    "dark": "exposure or the sky",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_self_test_says_what_is_wrong_with_a_build(core: MonoCore, fault: str) -> None:
    answer = core.ask("self_test", fault)
    assert answer["code"] == "internal"
    assert re.search(FAULTS[fault], answer["message"]), answer["message"]


@pytest.mark.parametrize("form", ["", "from_bottom"])
def test_the_self_test_passes_where_all_is_well(core: MonoCore, form: str) -> None:
    assert core.ask("self_test", form) == "passed"


def test_the_self_test_tells_every_mirror_image_apart() -> None:
    """What its probes find must not be found where a mirrored or inverted image would have it."""
    rows, depth, visible = unity_self_test.expected()
    spec, _ = unity_self_test.self_test()
    assert isinstance(spec, FrameSpec)
    assert 0.5 < visible < 0.9
    for column, line, row, metres in unity_self_test.probes():
        assert rows[line, column] == row
        assert rows[::-1][line, column] != row
        assert rows[:, ::-1][line, column] != row
        assert metres == pytest.approx(depth[line, column])
