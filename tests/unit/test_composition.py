"""Shared helpers of scene families: light, colour, camera, assets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError, RenderError
from contracts.frame_spec import DirectionalLight, Environment
from contracts.ids import digest_of
from unity_bridge.scenes.composition import (
    AssetCollector,
    intrinsics,
    look_at,
)
from unity_bridge.scenes.families import FAMILIES, compose_function
from unity_bridge.scenes.mesh import Model, Part
from unity_bridge.scenes.photometry import (
    LUMINANCE_OF_RGB,
    exposure_for,
    rgb_of_temperature,
    white_balance_gains,
    xyz_of_temperature,
)

SKY = Environment(
    image="sha256:" + "0" * 64,
    world_from_environment=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    luminance_cd_m2=5000.0,
)


def _sun(lux: float) -> DirectionalLight:
    return DirectionalLight(direction=(0.0, 0.0, -1.0), illuminance_lux=lux, color=(1, 1, 1))


def test_bright_sun_meters_as_the_sunny_sixteen_rule_says() -> None:
    # f/16 at 1/125 s and ISO 100 is EV 15; a clear day gives some 80 000 lux of sun and 1.2e4 lux of sky.
    clear = SKY.model_copy(update={"luminance_cd_m2": 4000.0})
    assert exposure_for([_sun(80_000)], clear) == pytest.approx(15, abs=0.3)


def test_compensation_brightens_and_a_doubled_light_is_one_stop() -> None:
    dark = SKY.model_copy(update={"luminance_cd_m2": 0.0})
    base = exposure_for([_sun(1000)], dark)
    assert base == pytest.approx(math.log2(1000 / 2.5))
    assert exposure_for([_sun(1000)], dark, 1.5) == pytest.approx(base - 1.5)
    assert exposure_for([_sun(2000)], dark) == pytest.approx(base + 1)


def test_no_light_at_all_still_has_an_exposure() -> None:
    assert exposure_for([], SKY.model_copy(update={"luminance_cd_m2": 0.0})) == -10


@pytest.mark.parametrize(
    ("kelvin", "x", "y"),
    [(2856, 0.4476, 0.4074), (4000, 0.3805, 0.3768), (6500, 0.3135, 0.3237), (10000, 0.2807, 0.2884)],
)
def test_black_bodies_lie_on_the_planckian_locus(kelvin: float, x: float, y: float) -> None:
    # Chromaticities of Wyszecki and Stiles, Color Science, 2nd ed., table 1(3.11).
    xyz = xyz_of_temperature(kelvin)
    assert xyz[0] / xyz.sum() == pytest.approx(x, abs=0.004)
    assert xyz[1] / xyz.sum() == pytest.approx(y, abs=0.004)


@given(st.floats(1000, 20000))
def test_colour_of_a_temperature_has_luminance_one_and_is_neutralised_by_its_gains(kelvin: float) -> None:
    rgb = np.array(rgb_of_temperature(kelvin))
    assert (rgb >= 0).all()
    assert LUMINANCE_OF_RGB @ rgb == pytest.approx(1, abs=1e-5)
    gains = np.array(white_balance_gains(kelvin))
    assert (gains <= 16).all()
    reachable = gains < 16
    assert (rgb * gains)[reachable] == pytest.approx(1.0, rel=1e-4)


def test_warm_light_is_red_and_daylight_is_neutral() -> None:
    red, _, blue = rgb_of_temperature(2700)
    assert red > 3 * blue
    assert rgb_of_temperature(6504) == pytest.approx((1, 1, 1), abs=0.06)


_coordinate = st.floats(-50, 50)
_point = st.tuples(_coordinate, _coordinate, _coordinate)


@given(_point, _point, st.floats(-180, 180))
def test_a_camera_looks_at_its_target(eye: tuple, target: tuple, roll_deg: float) -> None:
    if math.dist(eye, target) < 1e-3:
        return
    pose = np.array(look_at(eye, target, roll_deg))
    assert pose[:3, :3].T @ pose[:3, :3] == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
    seen = np.linalg.inv(pose) @ [*target, 1]
    assert seen[:2] == pytest.approx((0, 0), abs=1e-6)
    assert seen[2] == pytest.approx(math.dist(eye, target))


def test_an_upright_camera_has_up_above_and_left_to_the_left() -> None:
    camera_from_world = np.linalg.inv(np.array(look_at((0, 0, 0), (5, 0, 0))))[:3, :3]
    assert camera_from_world @ [0, 0, 1] == pytest.approx((0, -1, 0))
    assert camera_from_world @ [0, 1, 0] == pytest.approx((-1, 0, 0))
    rolled = np.linalg.inv(np.array(look_at((0, 0, 0), (5, 0, 0), 90)))[:3, :3]
    # Turned to its right by a quarter, the camera has its left side up: what was up now lies to its left.
    assert rolled @ [0, 0, 1] == pytest.approx((-1, 0, 0))


def test_a_camera_cannot_look_at_itself() -> None:
    with pytest.raises(ValueError, match="stands"):
        look_at((1, 2, 3), (1, 2, 3))


def test_the_field_of_view_spans_the_image() -> None:
    K = np.array(intrinsics(400, 300, 90, (3, -2)))
    assert pytest.approx((3, 148, 1)) == K @ [-1, 0, 1]
    assert pytest.approx((403, 148, 1)) == K @ [1, 0, 1]


def _triangle(size: float) -> Model:
    return Model("m", (Part("p", [[0, 0, 0], [size, 0, 0], [0, size, 0]], [[0, 1, 2]], [[0, 0, 1]] * 3),))


def test_equal_content_is_one_asset_named_by_its_bytes() -> None:
    assets = AssetCollector()
    first, second, third = (
        assets.add_model(_triangle(1)),
        assets.add_model(_triangle(1)),
        assets.add_model(_triangle(2)),
    )
    assert first == second != third
    assert {digest: digest_of(data) for digest, data in assets.data.items()} == {first: first, third: third}
    assert [asset.digest for asset in assets.table] == sorted((first, third))


def test_what_is_no_image_is_refused() -> None:
    assets = AssetCollector()
    with pytest.raises(RenderError, match="image/png"):
        assets.add_png(b"GIF89a")
    with pytest.raises(RenderError, match="radiance"):
        assets.add_hdr(b"")
    assert assets.table == ()


def test_an_unknown_scenario_names_the_nearest() -> None:
    with pytest.raises(ConfigurationError) as caught:
        compose_function("cabn")
    assert "cabin" in caught.value.hint
    assert set(FAMILIES) == {"cabin", "exterior"}
