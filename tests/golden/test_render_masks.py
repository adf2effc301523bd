"""Masks, depth and instances against scenes whose coverage at pixel centres is known by formula."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.camera import Camera
from contracts.frame_spec import Material, PartBinding
from contracts.player_protocol import RenderDone
from tests.player_frames import LOOK_ALONG_X, Frame, ball, box, facing_quad, frame, placed, street_frame
from tests.player_rendering import luminance_image
from tests.player_session import session
from unity_bridge.embedded.launcher import embedded_player_path
from unity_bridge.embedded.lens import pixel_centers
from unity_bridge.embedded.variant import choose_variant, probe_variants
from unity_bridge.scenes.mesh import Model

PLAIN = {"plain": Material(), "glass": Material(model="thin_glass", base_color=(0.9, 0.9, 0.9))}
BOX = PartBinding(material="plain", label="box", instance=1)
BALL = PartBinding(material="plain", label="ball", instance=2)


def quads(*items: tuple[str, float, tuple[float, float], tuple[float, float], PartBinding], **options: object) -> Frame:
    """Quads across the x axis before a camera at the origin."""
    models = {name: Model(name, (facing_quad("face", x, y, z),)) for name, x, y, z, _ in items}
    objects = [placed(name, name, {"face": binding}) for name, _, _, _, binding in items]
    return frame(objects, models, PLAIN, **options)  # type: ignore[arg-type]


def centers(spec: Frame) -> NDArray[np.float64]:
    """(H, W, 2) directions of pixel centres as slopes: right and down for each unit forward."""
    camera = spec.spec.camera
    return pixel_centers(camera).reshape(camera.height_px, camera.width_px, 2)


def test_a_quad_covers_exactly_the_pixel_centres_inside_it(tmp_path: Path) -> None:
    scene = quads(("q", 4, (-0.613, 0.877), (-0.551, 0.333), BOX), size=(61, 47))
    _, masks = luminance_image(scene, tmp_path)
    slopes = centers(scene)
    right, down = slopes[..., 0] * 4, slopes[..., 1] * 4
    inside = (-right > -0.613) & (-right < 0.877) & (-down > -0.551) & (-down < 0.333)
    assert np.array_equal(masks.labels, np.where(inside, 1, 0))
    assert np.array_equal(masks.instances, np.where(inside, 1, 0))
    assert np.array_equal(masks.depth, np.where(inside, 4000, 0))
    rows, columns = np.nonzero(inside)
    (listed,) = masks.listed
    assert listed.box == (
        columns.min(),
        rows.min(),
        columns.max() - columns.min() + 1,
        rows.max() - rows.min() + 1,
    )
    assert (listed.area_px, listed.visible_fraction, listed.label) == (inside.sum(), 1.0, "box")


def test_a_sphere_covers_its_analytic_outline_and_depth(tmp_path: Path) -> None:
    radius, distance, rings = 0.9, 3.0, 256
    scene = frame(
        [placed("b", "b", {"skin": BALL}, (distance, 0.2, -0.1))],
        {"b": Model("b", (ball("skin", radius, rings),))},
        PLAIN,
        size=(96, 96),
        focal_px=110.0,
    )
    _, masks = luminance_image(scene, tmp_path)
    slopes = centers(scene)
    direction = np.stack([np.ones(slopes.shape[:2]), -slopes[..., 0], -slopes[..., 1]], axis=-1)
    center = np.array([distance, 0.2, -0.1])
    squared = (direction**2).sum(-1)
    along = direction @ center
    discriminant = along**2 - squared * (center @ center - radius**2)
    # A mesh lies inside its sphere by at most the sagitta of its facets.
    shrunk = radius * np.cos(np.pi / (2 * rings)) ** 2
    certain = along**2 - squared * (center @ center - shrunk**2)
    inside, outside = certain > 0, discriminant < 0
    assert (~inside & ~outside).mean() < 0.001
    assert (masks.labels[inside] == 2).all()
    assert (masks.labels[outside] == 0).all()
    depth_mm = (along - np.sqrt(np.maximum(discriminant, 0))) / squared * 1000
    steep = discriminant > 0.05
    assert np.abs(masks.depth[steep] - depth_mm[steep]).max() <= 1.5


def test_depth_is_along_the_axis_and_ends_at_the_16_bit_limit(tmp_path: Path) -> None:
    near = quads(("wall", 65.5, (-200, 200), (-200, 200), BOX), size=(32, 32))
    _, masks = luminance_image(near, tmp_path)
    assert (masks.depth == 65500).all()  # not growing towards the corners
    far = quads(("wall", 65.6, (-200, 200), (-200, 200), BOX), size=(32, 32))
    _, masks = luminance_image(far, tmp_path)
    assert (masks.depth == 0).all()
    assert (masks.labels == 1).all()


def test_masks_look_through_panes_and_stop_at_what_is_labelled(tmp_path: Path) -> None:
    pane = PartBinding(material="glass", see_through=True)
    window = PartBinding(material="glass", label="ground", instance=9)
    scene = quads(
        ("first", 2.0, (-9, 9), (-9, 9), pane),
        ("second", 2.001, (-9, 9), (-9, 9), pane),
        ("window", 3.0, (0, 9), (-9, 9), window),
        ("wall", 4.0, (-2, 2), (-1, 1), BOX),
        size=(64, 64),
    )
    _, masks = luminance_image(scene, tmp_path)
    left, right = masks.labels[:, :32], masks.labels[:, 32:]
    assert (left == 7).all()
    assert set(np.unique(right).tolist()) == {0, 1}
    assert set(np.unique(masks.depth[:, 32:]).tolist()) == {0, 4000}
    assert (masks.depth[:, :32] == 3000).all()


def test_a_part_without_a_label_is_ignored_and_background_is_background(tmp_path: Path) -> None:
    scene = quads(
        ("unlabelled", 4.0, (0, 9), (-9, 9), PartBinding(material="plain")),
        ("meant", 4.0, (-9, 0), (-9, 9), PartBinding(material="plain", label="background")),
        size=(32, 32),
    )
    _, masks = luminance_image(scene, tmp_path)
    assert (masks.labels[:, :16] == 255).all()
    assert (masks.labels[:, 16:] == 0).all()
    assert (masks.depth == 4000).all()
    assert masks.listed == ()


def test_visible_fraction_counts_what_other_things_hide_and_not_the_image_border(tmp_path: Path) -> None:
    scene = quads(
        ("front", 3.0, (-0.75, 0.0), (-9, 9), BALL),
        ("behind", 4.0, (-1.0, 1.0), (-1.0, 1.0), BOX),
        ("hidden", 5.0, (-0.5, -0.25), (-0.5, 0.5), PartBinding(material="plain", label="ground", instance=3)),
        size=(64, 64),
    )
    _, masks = luminance_image(scene, tmp_path)
    slopes = centers(scene)
    y, z = -slopes[..., 0], -slopes[..., 1]
    behind = (np.abs(y * 4) < 1) & (np.abs(z * 4) < 1)
    front = (y * 3 < 0) & (y * 3 > -0.75)
    by_id = {item.id: item for item in masks.listed}
    assert sorted(by_id) == [1, 2]  # what is wholly hidden is not listed
    assert by_id[1].area_px == (behind & ~front).sum()
    assert by_id[1].visible_fraction == pytest.approx((behind & ~front).sum() / behind.sum(), abs=1e-12)
    assert by_id[2].visible_fraction == 1.0


def test_visible_fraction_of_an_instance_that_is_behind_itself_and_around_the_camera(tmp_path: Path) -> None:
    room = PartBinding(material="plain", label="ground", instance=4)
    models = {
        "room": Model("room", (box("walls", (8, 8, 8)),)),
        "q": Model("q", (facing_quad("face", 2, (-9, 0), (-9, 9)),)),
    }
    scene = frame(
        [placed("room", "room", {"walls": room}), placed("q", "q", {"face": BOX})], models, PLAIN, size=(32, 32)
    )
    _, masks = luminance_image(scene, tmp_path)
    by_id = {item.id: item for item in masks.listed}
    assert by_id[4].visible_fraction == 0.5
    assert by_id[1].visible_fraction == 1.0


def test_parts_that_are_not_named_are_not_drawn(tmp_path: Path) -> None:
    model = Model("two", (facing_quad("near", 2, (-9, 9), (-9, 9)), facing_quad("far", 4, (-9, 9), (-9, 9))))
    _, masks = luminance_image(frame([placed("two", "two", {"far": BOX})], {"two": model}, PLAIN), tmp_path)
    assert (masks.depth == 4000).all()


LENS = Camera(
    width_px=96,
    height_px=64,
    K=((70.0, 0.4, 41.5), (0.0, 74.0, 36.25), (0.0, 0.0, 1.0)),
    distortion=(-0.21, 0.06, 0.003, -0.002, 0.01),
    world_from_camera=LOOK_ALONG_X,
)


def test_distorted_off_centre_camera_agrees_with_opencv(tmp_path: Path) -> None:
    """Marks stand where OpenCV projects them, to half a pixel in the mask: their size is one and a half pixels."""
    points = [(y, z) for y in (-2.0, -1.0, 0.0, 1.0, 2.0) for z in (-1.2, 0.0, 1.2)]
    half = 0.75 * 4 / 72
    parts = tuple(
        facing_quad(f"mark_{i}", 4, (y - half, y + half), (z - half, z + half)) for i, (y, z) in enumerate(points)
    )
    bindings = {part.name: PartBinding(material="plain", label="box", instance=i + 1) for i, part in enumerate(parts)}
    scene = frame([placed("m", "m", bindings)], {"m": Model("m", parts)}, PLAIN, camera=LENS)
    _, masks = luminance_image(scene, tmp_path)
    in_camera = np.array([[-y, -z, 4.0] for y, z in points])
    matrix = np.array(LENS.K)
    matrix[0, 1] = 0.0
    projected = cv2.projectPoints(in_camera, np.zeros(3), np.zeros(3), matrix, np.array(LENS.distortion))[0][:, 0]
    projected[:, 0] += 0.4 * (projected[:, 1] - 36.25) / 74.0  # OpenCV knows no skew
    assert len(masks.listed) == len(points)
    for item in masks.listed:
        rows, columns = np.nonzero(masks.instances == item.id)
        found = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
        assert np.abs(found - projected[item.id - 1]).max() < 0.75


def test_pixel_centres_of_a_distorted_camera_project_back_onto_themselves() -> None:
    positions = pixel_centers(LENS.model_copy(update={"K": ((70.0, 0.0, 41.5), (0.0, 74.0, 36.25), (0.0, 0.0, 1.0))}))
    rays = np.concatenate([positions, np.ones((len(positions), 1))], axis=1)
    matrix = np.array([[70.0, 0, 41.5], [0, 74.0, 36.25], [0, 0, 1]])
    projected = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), matrix, np.array(LENS.distortion))[0][:, 0]
    columns, rows = np.meshgrid(np.arange(96) + 0.5, np.arange(64) + 0.5)
    assert np.abs(projected - np.stack([columns.ravel(), rows.ravel()], axis=1)).max() < 1e-6


@pytest.mark.parametrize("camera", [None, LENS], ids=["pinhole", "distorted"])
def test_scalar_and_compiled_variants_agree_on_every_mask_pixel(camera: Camera | None, tmp_path: Path) -> None:
    """Both ask Embree in single precision with the same rays, so not even ties differ; CUDA asks OptiX, where a ray
    that grazes an edge may go either way."""
    best = choose_variant().name
    scene = street_frame(size=(96, 64), samples=16, camera=camera)
    assets = scene.write_assets(tmp_path / "assets")
    for name in (best, "scalar"):
        with session(embedded_player_path(tmp_path), ["--variant", name], tmp_path) as player:
            assert isinstance(player.render(scene.text, assets, tmp_path / name), RenderDone)
    assert best != "scalar", f"no compiled variant runs here: {probe_variants()}"
    for name in ("mask.png", "instances.png", "depth.png"):
        first, second = (
            cv2.imread(str(tmp_path / variant / name), cv2.IMREAD_UNCHANGED) for variant in (best, "scalar")
        )
        differing = np.count_nonzero(first != second)
        assert differing <= (0 if best == "llvm" else 20), name
    first, second = (cv2.imread(str(tmp_path / variant / "image.png")).astype(float) for variant in (best, "scalar"))
    # The pictures differ in noise only: alike when averaged over blocks.
    blocks = [image.reshape(8, 8, 8, 12, 3).mean(axis=(1, 3)) for image in (first, second)]
    assert np.abs(blocks[0] - blocks[1]).max() < 10
