"""Pictures of every player against what can be computed by hand: boxes before an even sky, seen from the origin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from contracts.camera import Camera, Exposure
from contracts.frame import FrameSidecar
from contracts.frame_spec import DirectionalLight, Material, PartBinding, SceneObject
from tests.player_frames import LOOK_ALONG_X, Frame, box, frame, placed
from tests.player_session import Session
from tests.players import registered
from tests.players.registered import TestedPlayer
from unity_bridge.embedded.exposure import encode_srgb, exposure_scale, tone_curve
from unity_bridge.embedded.lens import plane_positions
from unity_bridge.scenes.mesh import Model

SIDE_PX = 64
FOCAL_PX = 32.0
GREY = Material(base_color=(0.5, 0.5, 0.5), roughness=1.0)
CUBE = {"cube": Model("cube", (box("side", (2, 2, 2)),))}
SUN = DirectionalLight(direction=(1.0, 0.0, 0.0), illuminance_lux=20000, color=(1.0, 1.0, 1.0))
GLOSS = 0.04
"""Share of the light that the rough surface of a dielectric adds on top of its colour, at most."""


@pytest.fixture(scope="module", params=registered.names())
def tested(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TestedPlayer:
    return registered.player(request.param, tmp_path_factory.mktemp("executable"))


@pytest.fixture(scope="module")
def player(tested: TestedPlayer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with tested.session(tmp_path_factory.mktemp("player")) as opened:
        yield opened


def cube(name: str, at: tuple[float, float, float], label: str | None = "box", instance: int = 1) -> SceneObject:
    """A cube of two metres; its near side is a metre nearer than its middle."""
    return placed(name, "cube", {"side": PartBinding(material="grey", label=label, instance=instance)}, at)


def rendered(player: Session, made: Frame, folder: Path) -> tuple[dict[str, NDArray[np.int64]], FrameSidecar]:
    """Images by role, and the sidecar."""
    answer = player.render(made.text, made.write_assets(folder / "assets"), folder / "out")
    assert answer.type == "done", answer
    flags = {"image": cv2.IMREAD_COLOR_RGB, "instances": cv2.IMREAD_UNCHANGED, "depth": cv2.IMREAD_UNCHANGED}
    images = {name: cv2.imread(str(folder / "out" / f"{name}.png"), flag) for name, flag in flags.items()}
    with Image.open(folder / "out" / "mask.png") as mask:
        images["mask"] = np.asarray(mask)
    sidecar = FrameSidecar.model_validate_json((folder / "out" / "sidecar.json").read_bytes())
    return {name: image.astype(np.int64) for name, image in images.items()}, sidecar


def scene(*objects: SceneObject, **options: object) -> Frame:
    chosen: dict[str, object] = {"size": (SIDE_PX, SIDE_PX), "focal_px": FOCAL_PX, "samples": 16} | options
    return frame(list(objects), CUBE if objects else {}, {"grey": GREY} if objects else {}, **chosen)  # type: ignore[arg-type]


def shown(luminance_cd_m2: float, ev100: float, gain: float = 1.0) -> int:
    """Value of a pixel of a luminance."""
    exposed = luminance_cd_m2 * exposure_scale(Exposure(ev100=ev100)) * gain
    return int(encode_srgb(tone_curve(np.full((1, 1, 3), exposed, np.float32)))[0, 0, 0])


def test_a_cube_lies_where_the_pinhole_puts_it(player: Session, tested: TestedPlayer, tmp_path: Path) -> None:
    """Its near side, a metre up and down at 4 m, takes 16 pixels; depth is 4 m in all of them."""
    images, sidecar = rendered(player, scene(cube("cube", (5, 0, 0))), tmp_path)
    expected = np.zeros((SIDE_PX, SIDE_PX), np.int64)
    expected[24:40, 24:40] = 1
    assert np.array_equal(images["mask"], expected)
    assert np.array_equal(images["instances"], expected)
    assert np.abs(images["depth"] - expected * 4000).max() <= tested.depth_tolerance_mm
    (seen,) = sidecar.instances
    assert (seen.id, seen.label, seen.area_px, seen.box) == (1, "box", 256, (24, 24, 16, 16))
    assert seen.visible_fraction == 1.0


def test_what_stands_before_hides_what_stands_behind(player: Session, tmp_path: Path) -> None:
    """The nearer cube's right side lies in the camera's plane of symmetry, and hides half of the other one."""
    nearer, farther = cube("nearer", (3, 1, 0), "ball", 2), cube("farther", (5, 0, 0))
    images, sidecar = rendered(player, scene(nearer, farther), tmp_path)
    assert set(np.unique(images["mask"][24:40, 24:32])) == {2}
    assert set(np.unique(images["mask"][24:40, 32:40])) == {1}
    fractions = {item.id: item.visible_fraction for item in sidecar.instances}
    assert fractions == {1: 0.5, 2: 1.0}


def test_a_part_without_a_label_hides_and_is_marked(player: Session, tmp_path: Path) -> None:
    images, sidecar = rendered(player, scene(cube("cube", (5, 0, 0), None, 0)), tmp_path)
    assert set(np.unique(images["mask"][24:40, 24:40])) == {255}
    assert images["instances"].max() == 0
    assert sidecar.instances == ()


@pytest.mark.parametrize("ev100", [11.0, 13.0])
def test_a_sunlit_side_has_the_luminance_of_lamberts_law(
    ev100: float, player: Session, tested: TestedPlayer, tmp_path: Path
) -> None:
    options = {"lights": [SUN], "luminance_cd_m2": 0.0, "ev100": ev100, "gains": (1.0, 0.8, 1.3)}
    images, _ = rendered(player, scene(cube("cube", (5, 0, 0)), **options), tmp_path)
    side = images["image"][26:38, 26:38].reshape(-1, 3)
    luminance = 20000 * 0.5 / np.pi
    for channel, gain in enumerate((1.0, 0.8, 1.3)):
        least, most = shown(luminance, ev100, gain), shown(luminance * (1 + GLOSS), ev100, gain)
        assert least - 2 <= side[:, channel].mean() <= most + 2, (channel, least, most)
    assert images["image"][:20].max() == 0  # a sky without light


def test_an_even_sky_has_the_luminance_that_it_is_given(player: Session, tmp_path: Path) -> None:
    images, _ = rendered(player, scene(luminance_cd_m2=3000.0), tmp_path)
    assert np.abs(images["image"] - shown(3000, 13)).max() <= 1
    assert images["mask"].max() == images["instances"].max() == images["depth"].max() == 0


def test_a_lens_bends_image_ids_and_depth_alike(player: Session, tested: TestedPlayer, tmp_path: Path) -> None:
    camera = Camera(
        width_px=SIDE_PX,
        height_px=SIDE_PX,
        K=((FOCAL_PX, 0.0, 30.0), (0.0, FOCAL_PX + 4, 35.0), (0.0, 0.0, 1.0)),
        distortion=(-0.2, 0.04, 0.002, -0.001, 0.0),
        world_from_camera=LOOK_ALONG_X,
    )
    lit = {"camera": camera, "lights": [SUN], "luminance_cd_m2": 0.0}
    images, _ = rendered(player, scene(cube("cube", (2.2, 0.2, -0.1)), **lit), tmp_path)
    rows, columns = np.indices((SIDE_PX, SIDE_PX))
    points = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    plane, _ = plane_positions(camera, points)
    # The near side stands at 1.2 m; left of the camera is y, up is z.
    y, z = -plane[:, 0] * 1.2, -plane[:, 1] * 1.2
    near = ((np.abs(y - 0.2) < 1) & (np.abs(z + 0.1) < 1)).reshape(SIDE_PX, SIDE_PX)
    # A player that bends what an engine drew through a pinhole takes the nearest pixel: at the border that is another.
    inside = cv2.erode(near.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    assert inside.sum() > 1500
    assert (images["mask"][inside] == 1).all()
    assert np.abs(images["depth"][inside] - 1200).max() <= tested.depth_tolerance_mm
    bright = images["image"].min(axis=2) > shown(20000 * 0.5 / np.pi, 13) // 2
    # Only the near side faces the sun; a pixel at its border may be half lit.
    assert (bright != near).sum() <= 0.1 * near.sum()
