"""The gate: good frames pass, and each check catches the damage it is there for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from contracts.errors import FrameRejectedError
from contracts.frame import FrameSidecar
from contracts.frame_spec import FrameSpec
from contracts.generator import QualitySettings
from contracts.ids import canonical_json, digest_of
from contracts.sensor import SensorEffects
from tests.players import box_family, raycaster
from unity_bridge.assets import write_assets
from unity_bridge.quality.edges import edge_agreement
from unity_bridge.quality.gate import CHECKS, inspect
from unity_bridge.quality.geometry import undistort
from unity_bridge.quality.rendered import RenderedFrame, decode, read_rendered
from unity_bridge.sampling import sample_frame

SIZE_PX = 64
SETTINGS = QualitySettings(must_appear_min_px=4)
GENERATOR = box_family.generator(SIZE_PX)


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[RenderedFrame]:
    """Good frames of the test family."""
    return [_rendered(tmp_path_factory.mktemp("frame"), index) for index in range(12)]


def _rendered(folder: Path, index: int) -> RenderedFrame:
    composed = box_family.compose(sample_frame(GENERATOR, 5, index), (SIZE_PX, SIZE_PX))
    write_assets(folder, composed)
    spec = canonical_json(composed.spec)
    sidecar = raycaster.write_frame(spec.decode(), folder, folder)
    return read_rendered(folder, composed.spec, digest_of(spec), sidecar, composed.assets)


def _failed(frame: RenderedFrame) -> set[str]:
    return {verdict.check for verdict in inspect(frame, SETTINGS) if not verdict.passed}


def _with_true_sidecar(frame: RenderedFrame) -> RenderedFrame:
    """The frame as a player that damages it before it measures would hand it over."""
    images = {"image": frame.image, "mask": frame.mask, "instances": frame.instances, "depth": frame.depth}
    files = {role: raycaster.encode(image) for role, image in images.items()}
    data = raycaster.sidecar_of(frame.spec, frame.spec_digest, images, files)
    return replace(frame, sidecar=FrameSidecar.model_validate_json(data))


def test_good_frames_pass_every_check(frames: list[RenderedFrame]) -> None:
    not_judged = 0
    for frame in frames:
        verdicts = inspect(frame, SETTINGS)
        assert [verdict.check for verdict in verdicts] == list(CHECKS)
        assert {verdict.check: verdict.message for verdict in verdicts if not verdict.passed} == {}
        not_judged += sum(not verdict.judged for verdict in verdicts)
    assert not_judged <= 2 * len(frames) // 4  # two checks need more border than some of these small frames have


@pytest.mark.parametrize("offset", [(2, 0), (-2, 0), (0, 2), (0, -2)])
def test_masks_shifted_by_two_pixels_are_caught(frames: list[RenderedFrame], offset: tuple[int, int]) -> None:
    def shifted(image: np.ndarray) -> np.ndarray:
        return np.roll(image, offset, axis=(1, 0))

    for frame in frames:
        assert {"masks_consistent", "labels_in_place"} <= _failed(replace(frame, mask=shifted(frame.mask)))
        together = replace(frame, mask=shifted(frame.mask), instances=shifted(frame.instances))
        assert "labels_in_place" in _failed(_with_true_sidecar(together))
        # Ids, depth and sidecar all wrong alike, as when the camera lags behind: only geometry and colours can tell.
        assert _failed(_with_true_sidecar(replace(together, depth=shifted(frame.depth)))) & {
            "labels_in_place",
            "edges_agree",
        }


def test_a_shifted_image_is_caught_by_its_edges(frames: list[RenderedFrame]) -> None:
    caught = [
        "edges_agree" in _failed(replace(frame, image=np.roll(frame.image, step, axis=axis)))
        for frame in frames
        for step in (-2, 2)
        for axis in (0, 1)
    ]
    assert np.mean(caught) >= 0.9


def test_two_swapped_ids_are_caught(frames: list[RenderedFrame]) -> None:
    for frame in frames:
        values = [int(value) for value in np.unique(frame.mask) if value]
        assert len(values) >= 2
        first, second = values[0], values[1]
        swap = np.arange(256, dtype=np.uint8)
        swap[[first, second]] = second, first
        swapped = swap[frame.mask]
        assert "masks_consistent" in _failed(replace(frame, mask=swapped))
        # Here label and instance of a box have the same number, so both swap alike.
        both = replace(frame, mask=swapped, instances=swapped.astype(np.uint16))
        assert _failed(_with_true_sidecar(both)) == {"labels_in_place"}


def _patch(frame: RenderedFrame) -> tuple[slice, slice]:
    """3x3 pixels well inside one side of a box."""
    bend = np.abs(cv2.Laplacian(1000.0 / np.maximum(frame.depth, 1), cv2.CV_64F))  # a plane's inverse depth is linear
    side = (frame.mask == 2) & (bend < 1e-3)
    row, column = np.argwhere(cv2.erode(side.astype(np.uint8), np.ones((7, 7))))[0]
    return np.s_[row - 1 : row + 2, column - 1 : column + 2]


def test_a_hole_is_caught(frames: list[RenderedFrame]) -> None:
    frame = frames[0]
    hole = _patch(frame)
    mask, instances = frame.mask.copy(), frame.instances.copy()
    mask[hole] = 0
    assert {"masks_consistent", "labels_in_place"} & _failed(replace(frame, mask=mask))
    instances[hole] = 0
    assert "sidecar_consistent" in _failed(replace(frame, mask=mask, instances=instances))
    assert "no_holes" in _failed(_with_true_sidecar(replace(frame, mask=mask, instances=instances)))


def test_seeing_through_is_no_hole(frames: list[RenderedFrame]) -> None:
    # A window: no ids, and what lies behind is half a metre farther.
    frame = frames[0]
    window = _patch(frame)
    mask, instances, depth = frame.mask.copy(), frame.instances.copy(), frame.depth.copy()
    mask[window], instances[window] = 0, 0
    depth[window] += 500
    assert "no_holes" not in _failed(_with_true_sidecar(replace(frame, mask=mask, instances=instances, depth=depth)))


def test_a_stale_image_is_caught(frames: list[RenderedFrame]) -> None:
    before, frame = frames[0], frames[1]
    stale = replace(
        frame,
        image=before.image,
        sidecar=frame.sidecar.model_copy(
            update={"files": frame.sidecar.files | {"image": before.sidecar.files["image"]}}
        ),
        earlier={before.sidecar.files["image"]: before.spec},
    )
    assert "image_fresh" in _failed(stale)
    # The same picture of the same scene is nothing to complain of.
    twin = frame.spec.model_copy(update={"frame": frame.spec.frame.model_copy(update={"index": 99})})
    assert "image_fresh" not in _failed(replace(frame, earlier={frame.sidecar.files["image"]: twin}))


def test_noise_is_no_image(frames: list[RenderedFrame]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, frames[0].image.shape).astype(np.uint8)
    assert "borders_visible" in _failed(replace(frames[0], image=noise))


def _blank(frame: RenderedFrame) -> RenderedFrame:
    return replace(frame, image=np.full_like(frame.image, 3))


def _foreign_label(frame: RenderedFrame) -> RenderedFrame:
    mask = frame.mask.copy()
    mask[0, 0] = 200
    return replace(frame, mask=mask)


def _foreign_instance(frame: RenderedFrame) -> RenderedFrame:
    instances = frame.instances.copy()
    instances[frame.mask == 2] = 77
    return replace(frame, instances=instances)


def _unlabelled(frame: RenderedFrame) -> RenderedFrame:
    mask = frame.mask.copy()
    mask[:, :3] = 255
    return replace(frame, mask=mask)


def _wrong_area(frame: RenderedFrame) -> RenderedFrame:
    first, *rest = frame.sidecar.instances
    changed = first.model_copy(update={"area_px": first.area_px + 1})
    return replace(frame, sidecar=frame.sidecar.model_copy(update={"instances": (changed, *rest)}))


def _other_camera(frame: RenderedFrame) -> RenderedFrame:
    camera = frame.sidecar.camera.model_copy(update={"distortion": (0.1, 0.0, 0.0, 0.0, 0.0)})
    return replace(frame, sidecar=frame.sidecar.model_copy(update={"camera": camera}))


def _other_sensor(frame: RenderedFrame) -> RenderedFrame:
    """A player that was asked for noise and rendered none."""
    return replace(frame, spec=frame.spec.model_copy(update={"sensor": SensorEffects(iso_gain=4)}))


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (_blank, "not_blank"),
        (_foreign_label, "palette_closed"),
        (_foreign_instance, "palette_closed"),
        (_unlabelled, "pixels_labelled"),
        (_wrong_area, "sidecar_consistent"),
        (_other_camera, "sidecar_consistent"),
        (_other_sensor, "sidecar_consistent"),
    ],
)
def test_damage_is_caught_by_name(
    frames: list[RenderedFrame], damage: Callable[[RenderedFrame], RenderedFrame], check: str
) -> None:
    verdicts = {verdict.check: verdict for verdict in inspect(damage(frames[0]), SETTINGS)}
    assert not verdicts[check].passed
    assert verdicts[check].measured > verdicts[check].threshold
    assert verdicts[check].message


def test_a_label_that_must_appear_is_counted_in_pixels(frames: list[RenderedFrame]) -> None:
    frame = next(frame for frame in frames if (frame.mask == 1).any())
    area = int(np.count_nonzero(frame.mask == 1))
    demanded = replace(frame, spec=frame.spec.model_copy(update={"must_appear": ("crate",)}))
    for minimum, fails in ((area, False), (area + 1, True)):
        settings = QualitySettings(must_appear_min_px=minimum)
        failed = {verdict.check for verdict in inspect(demanded, settings) if not verdict.passed}
        assert ("labels_present" in failed) is fails


def test_a_lone_dark_strip_beside_a_clear_edge_is_not_judged() -> None:
    # An unworn belt along a dark pillar before a bright window: the pillar's edge is the clearer one.
    image, mask = np.full((96, 128, 3), 20, np.uint8), np.zeros((96, 128), np.uint8)
    image[:, :40] = 240
    mask[10:60, 43:46] = 1
    image[mask == 1] = 26
    assert not edge_agreement(image, mask).judged


def test_too_little_border_is_not_judged(frames: list[RenderedFrame]) -> None:
    frame = frames[0]
    empty = replace(frame, mask=np.zeros_like(frame.mask), instances=np.zeros_like(frame.instances))
    verdict = next(verdict for verdict in inspect(empty, SETTINGS) if verdict.check == "edges_agree")
    assert (verdict.judged, verdict.passed) == (False, True)


def _write(folder: Path, frame_index: int = 0) -> tuple[FrameSpec, str, str]:
    composed = box_family.compose(sample_frame(GENERATOR, 5, frame_index), (SIZE_PX, SIZE_PX))
    write_assets(folder, composed)
    spec = canonical_json(composed.spec)
    return composed.spec, digest_of(spec), raycaster.write_frame(spec.decode(), folder, folder)


@pytest.mark.parametrize("name", ["image.png", "mask.png", "instances.png", "depth.png", "sidecar.json"])
def test_missing_truncated_and_changed_files_are_named(tmp_path: Path, name: str) -> None:
    spec, digest, sidecar = _write(tmp_path)
    data = (tmp_path / name).read_bytes()
    for damaged in (None, b"", data[:-9], data + b"\n"):
        if damaged is None:
            (tmp_path / name).unlink()
        else:
            (tmp_path / name).write_bytes(damaged)
        with pytest.raises(FrameRejectedError, match=name) as caught:
            read_rendered(tmp_path, spec, digest, sidecar, {})
        assert caught.value.retryable


def test_files_of_another_frame_are_not_taken_for_this_one(tmp_path: Path) -> None:
    spec, digest, _ = _write(tmp_path)
    _, _, other = _write(tmp_path, 1)
    with pytest.raises(FrameRejectedError, match="another spec"):
        read_rendered(tmp_path, spec, digest, other, {})


def test_images_have_the_size_and_kind_they_should() -> None:
    rgb, ids = np.zeros((4, 6, 3), np.uint8), np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert decode(raycaster.encode(rgb), "rgb8", "x", 6, 4).shape == (4, 6, 3)
    assert (decode(raycaster.encode(ids), "ids8", "x", 6, 4) == ids).all()
    assert decode(raycaster.encode(ids.astype(np.uint16) * 1000), "ids16", "x", 6, 4).max() == 23000
    for data, kind, message in (
        (raycaster.encode(rgb), "ids8", "not ids8"),
        (raycaster.encode(ids), "rgb8", "not rgb8"),
        (raycaster.encode(ids), "ids16", "not ids16"),
        (raycaster.encode(rgb[:2]), "rgb8", "6x2"),
        (raycaster.encode(rgb)[:-4], "rgb8", "truncated"),
        (b"\xff\xd8 a photograph", "rgb8", "not a PNG"),
    ):
        with pytest.raises(FrameRejectedError, match=message):
            decode(data, kind, "x", 6, 4)


def test_a_palette_image_gives_its_indices() -> None:
    import io

    from PIL import Image

    ids = np.arange(24, dtype=np.uint8).reshape(4, 6)
    image = Image.fromarray(ids, mode="L").convert("P")
    image.putdata(ids.ravel().tolist())
    image.putpalette([255 - value // 3 for value in range(768)])
    stream = io.BytesIO()
    image.save(stream, "PNG", bits=8)
    assert (decode(stream.getvalue(), "ids8", "x", 6, 4) == ids).all()


def test_undistortion_inverts_the_lens() -> None:
    k1, k2, p1, p2, k3 = -0.3, 0.1, 0.002, -0.001, 0.0
    x, y = np.meshgrid(np.linspace(-0.7, 0.7, 9), np.linspace(-0.5, 0.5, 7))
    square = x**2 + y**2
    radial = 1 + k1 * square + k2 * square**2
    seen_x = x * radial + 2 * p1 * x * y + p2 * (square + 2 * x**2)
    seen_y = y * radial + p1 * (square + 2 * y**2) + 2 * p2 * x * y
    ideal_x, ideal_y = undistort(seen_x, seen_y, (k1, k2, p1, p2, k3))
    assert np.abs(ideal_x - x).max() < 1e-4
    assert np.abs(ideal_y - y).max() < 1e-4


def test_the_manual_names_every_check() -> None:
    text = (Path(__file__).parents[2] / "docs" / "quality.md").read_text()
    named = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert named == ["unreadable_frame", *CHECKS, "composition"]
