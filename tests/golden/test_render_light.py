"""Light in physical units, colours, textures and the sky's orientation, against what can be computed by hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from contracts.camera import Exposure
from contracts.frame_spec import DirectionalLight, Material, PartBinding, RenderSettings
from contracts.ids import digest_of
from tests.player_frames import Frame, facing_quad, frame, placed
from tests.player_rendering import luminance_image, picture
from unity_bridge.embedded.exposure import encode_srgb, tone_curve
from unity_bridge.scenes.mesh import Model

WALL = {"wall": Model("wall", (facing_quad("face", 5, (-30, 30), (-30, 30)),))}
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def wall(material: Material, **options: object) -> Frame:
    """A wall that fills the image, of one material."""
    binding = PartBinding(material="m", label="box")
    return frame([placed("wall", "wall", {"face": binding})], WALL, {"m": material}, size=(16, 16), **options)  # type: ignore[arg-type]


WHITE = Material(base_color=(0.8, 0.8, 0.8), roughness=1.0)


def test_sunlit_diffuse_wall_has_the_luminance_of_lamberts_law(tmp_path: Path) -> None:
    sun = DirectionalLight(direction=(1.0, 0.0, 0.0), illuminance_lux=10000, color=(1.0, 1.0, 1.0))
    image, _ = luminance_image(wall(WHITE, lights=[sun], luminance_cd_m2=0, samples=16, bounces=1), tmp_path)
    # E albedo / pi, and a rough dielectric's faint gloss on top.
    expected = 10000 * 0.8 / np.pi
    assert image.mean() == pytest.approx(expected, rel=0.03)
    assert image.std() < 0.03 * image.mean()  # one light that shines: nothing to be uncertain about


def test_two_suns_add_and_keep_their_colours(tmp_path: Path) -> None:
    suns = [
        DirectionalLight(direction=(1.0, 0.0, 0.0), illuminance_lux=6000, color=(1 / 0.2126, 0.0, 0.0)),
        DirectionalLight(direction=(1.0, 0.0, 0.0), illuminance_lux=3000, color=(0.0, 1 / 0.7152, 0.0)),
    ]
    image, _ = luminance_image(wall(WHITE, lights=suns, luminance_cd_m2=0, samples=64, bounces=1), tmp_path)
    shares = image.mean(axis=(0, 1)) * LUMINANCE / (0.8 / np.pi)
    assert shares == pytest.approx([6000, 3000, 0], rel=0.05, abs=1)


def test_a_wall_under_an_even_sky_reflects_its_albedo(tmp_path: Path) -> None:
    image, _ = luminance_image(wall(WHITE, luminance_cd_m2=1000, samples=64, bounces=1), tmp_path)
    assert image.mean() == pytest.approx(800, rel=0.08)


def test_sky_and_lamp_have_the_luminance_they_are_given(tmp_path: Path) -> None:
    image, masks = luminance_image(frame([], {}, {}, luminance_cd_m2=1234, samples=4), tmp_path)
    assert image == pytest.approx(1234, rel=1e-3)
    assert (masks.labels == 0).all()
    assert masks.listed == ()
    lamp = Material(model="emissive", base_color=(1.0, 0.5, 0.2), luminance_cd_m2=2000)
    image, _ = luminance_image(wall(lamp, luminance_cd_m2=0, samples=4), tmp_path)
    assert image @ LUMINANCE == pytest.approx(2000, rel=1e-3)
    assert image[..., 1] / image[..., 0] == pytest.approx(0.5, rel=1e-3)


def test_a_lamp_lights_what_stands_before_it(tmp_path: Path) -> None:
    """A disc-like lamp of area A and luminance L at distance d gives L A / d^2 lux straight ahead."""
    models = {**WALL, "lamp": Model("lamp", (facing_quad("face", 0, (-0.1, 0.1), (-0.1, 0.1)),))}
    lamp = placed("lamp", "lamp", {"face": PartBinding(material="lamp", label="ball")})
    turned = ((-1.0, 0.0, 0.0, 1.0), (0.0, -1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 3.0), (0.0, 0.0, 0.0, 1.0))
    lamp = lamp.model_copy(update={"world_from_object": turned})
    materials = {"m": WHITE, "lamp": Material(model="emissive", base_color=(1, 1, 1), luminance_cd_m2=1e5)}
    scene = frame(
        [placed("wall", "wall", {"face": PartBinding(material="m", label="box")}), lamp],
        models,
        materials,
        size=(16, 16),
        focal_px=400.0,
        luminance_cd_m2=0,
        samples=64,
        bounces=1,
    )
    image, _ = luminance_image(scene, tmp_path)
    cosine = 4 / 5  # four metres ahead, three below
    expected = 1e5 * 0.04 * cosine**2 / 25 * 0.8 / np.pi
    assert image.mean() == pytest.approx(expected, rel=0.05)


def test_a_pane_transmits_its_colour_and_lets_the_sun_through(tmp_path: Path) -> None:
    pane = PartBinding(material="pane", see_through=True)
    glass = Material(model="thin_glass", base_color=(0.5, 0.7, 0.3))
    models = {**WALL, "pane": Model("pane", (facing_quad("face", 2, (-30, 30), (-30, 30)),))}
    objects = [placed("wall", "wall", {"face": PartBinding(material="m", label="box")})]
    sun = DirectionalLight(direction=(1.0, 0.0, 0.0), illuminance_lux=10000, color=(1.0, 1.0, 1.0))
    options = {"size": (16, 16), "focal_px": 100.0, "luminance_cd_m2": 0, "samples": 256, "bounces": 1, "lights": [sun]}
    bare, _ = luminance_image(frame(objects, models, {"m": WHITE}, **options), tmp_path)  # type: ignore[arg-type]
    objects.append(placed("pane", "pane", {"face": pane}))
    seen, _ = luminance_image(frame(objects, models, {"m": WHITE, "pane": glass}, **options), tmp_path)  # type: ignore[arg-type]
    # The light passes the pane twice: to the wall and back.
    ratio = seen.mean(axis=(0, 1)) / bare.mean(axis=(0, 1))
    assert ratio == pytest.approx(np.array([0.5, 0.7, 0.3]) ** 2, rel=0.08)


def test_sky_stands_upright_with_its_left_half_to_the_left_and_turns_with_its_pose(tmp_path: Path) -> None:
    sky = np.zeros((32, 64, 3), np.float32)
    sky[:16, :, 2] = 1  # above: blue
    sky[:, :32, 0] = 1  # left half: red
    scene = frame([], {}, {}, environment=sky, luminance_cd_m2=1000, samples=4, size=(32, 32))
    image, _ = luminance_image(scene, tmp_path)
    assert image[4, 8] == pytest.approx([1000, 0, 1000], abs=5)
    assert image[4, 24] == pytest.approx([0, 0, 1000], abs=5)
    assert image[28, 8] == pytest.approx([1000, 0, 0], abs=5)
    assert image[28, 24] == pytest.approx([0, 0, 0], abs=5)
    turned = ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))  # image centre to +y, to the left of the camera
    spec = scene.spec.model_copy(
        update={"environment": scene.spec.environment.model_copy(update={"world_from_environment": turned})}
    )
    image, _ = luminance_image(Frame(spec, scene.assets), tmp_path)
    assert image[28, 1:31] == pytest.approx(np.zeros((30, 3)), abs=5)  # the right half of the image lies ahead


def test_texture_lies_upright_and_is_multiplied_and_repeated(tmp_path: Path) -> None:
    texture = np.full((64, 64, 3), 255, np.uint8)
    texture[:32, :32] = (0, 0, 255)  # upper left quarter red (OpenCV's order is blue, green, red)
    png = bytes(cv2.imencode(".png", texture)[1])
    quad = {"wall": Model("wall", (facing_quad("face", 4, (-4, 4), (-4, 4)),))}
    for repeats, count in (((1.0, 1.0), 1), ((2.0, 2.0), 4)):
        material = Material(
            base_color=(0.8, 0.4, 0.4),
            roughness=1.0,
            base_color_texture=digest_of(png),
            texture_scale=repeats,
        )
        scene = frame(
            [placed("wall", "wall", {"face": PartBinding(material="m", label="box")})],
            quad,
            {"m": material},
            size=(32, 32),
            textures=[png],
            samples=64,
            bounces=1,
        )
        image, _ = luminance_image(scene, tmp_path)
        red = image[..., 1] < 0.25 * image[..., 0]
        assert red[2, 2]
        assert not red[2, 29]
        assert not red[29, 2] if count == 1 else red[2, 18]
        assert red.mean() == pytest.approx(0.25, abs=0.03)
        assert image[29, 29, 1] / image[29, 29, 0] == pytest.approx(0.5, rel=0.1)


def test_exposure_and_white_balance_act_as_the_contract_says(tmp_path: Path) -> None:
    scene = frame([], {}, {}, luminance_cd_m2=1.2 * 2**10 * 0.25, ev100=10.0, gains=(2.0, 1.0, 0.5), samples=1)
    image, _ = picture(scene, tmp_path)
    expected = encode_srgb(tone_curve(np.array([[[0.5, 0.25, 0.125]]], np.float32)))
    assert np.abs(image.astype(int) - expected).max() <= 1
    brighter = scene.spec.model_copy(update={"exposure": Exposure(ev100=9.0, white_balance_gains=(2.0, 1.0, 0.5))})
    image, _ = picture(Frame(brighter, scene.assets), tmp_path)
    expected = encode_srgb(tone_curve(np.array([[[1.0, 0.5, 0.25]]], np.float32)))
    assert np.abs(image.astype(int) - expected).max() <= 1


def test_tone_curve_rises_from_black_to_white() -> None:
    values = np.linspace(0, 20, 2000, dtype=np.float32)
    curve = tone_curve(values)
    assert curve[0] == 0
    assert (np.diff(curve) >= 0).all()
    assert curve[-1] == 1
    assert encode_srgb(np.array([0, 0.0031308, 0.2140411, 1], np.float32)).tolist() == [0, 10, 127, 255]


def test_more_samples_mean_less_noise_and_another_seed_other_noise(tmp_path: Path) -> None:
    def render(samples: int, seed: int) -> np.ndarray:
        scene = wall(WHITE, luminance_cd_m2=1000)
        settings = RenderSettings(samples_per_pixel=samples, maximum_bounces=2, denoise=False, seed=seed)
        return luminance_image(Frame(scene.spec.model_copy(update={"render": settings}), scene.assets), tmp_path)[0]

    few, many = render(4, 0), render(64, 0)
    assert many.std() < 0.5 * few.std()
    assert not np.array_equal(few, render(4, 1))
    assert np.array_equal(few, render(4, 0))
