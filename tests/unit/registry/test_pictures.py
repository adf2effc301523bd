"""Pictures for people: what they show, pixel by pixel where that can be said."""

from __future__ import annotations

import numpy as np
import pytest

from contracts.frame_spec import Label
from registry.formats.png import IGNORE_COLOR
from registry.pictures import colorize, contact_sheet, overlay

LABELS = (
    Label(id=0, name="background", color=(0, 0, 0)),
    Label(id=1, name="front_door", color=(250, 10, 0)),
    Label(id=7, name="mirror", color=(0, 200, 30)),
)


def frame(height: int = 40, width: int = 60) -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((height, width), np.uint8)
    mask[10:20, 10:30] = 1
    mask[25:30, 40:50] = 7
    return np.full((height, width, 3), 90, np.uint8), mask


def test_a_colorized_mask_has_exactly_the_labels_colours() -> None:
    colored = colorize(np.array([[0, 1, 7, 255, 3]], np.uint8), LABELS)
    assert colored.dtype == np.uint8
    assert colored[0].tolist() == [[0, 0, 0], [250, 10, 0], [0, 200, 30], list(IGNORE_COLOR), [255, 0, 255]]


def test_an_overlay_leaves_the_background_tints_areas_and_draws_their_edges() -> None:
    image, mask = frame()
    result = overlay(image, mask, LABELS, alpha=0.5)
    assert result.shape == image.shape
    assert (result[mask == 0] == 90).all()
    assert result[15, 20].tolist() == [170, 50, 45]
    assert result[10, 20].tolist() == [250, 10, 0]
    assert result[29, 45].tolist() == [0, 200, 30]
    assert (image == 90).all()


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_the_strength_of_the_tint_reaches_both_ends(alpha: float) -> None:
    image, mask = frame()
    expected = [250, 10, 0] if alpha else [90, 90, 90]
    assert overlay(image, mask, LABELS, alpha)[15, 20].tolist() == expected


def test_ignored_pixels_are_hatched_and_have_no_edge() -> None:
    image = np.full((12, 12, 3), 90, np.uint8)
    result = overlay(image, np.full((12, 12), 255, np.uint8), LABELS)
    assert len(np.unique(result.reshape(-1, 3), axis=0)) == 2


def test_a_sheet_shows_every_frame_whole_and_the_legend_only_what_appears() -> None:
    frames = [frame() for _ in range(5)]
    sheet = contact_sheet(frames, LABELS, title="sample@1", columns=2, cell_width_px=120)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] == 2 * 16 + 2 * 120 + 10
    swatches = (sheet[-80:] == (250, 10, 0)).all(-1).sum(), (sheet[-80:] == (0, 200, 30)).all(-1).sum()
    assert swatches == (15 * 15, 15 * 15)
    doors = (np.abs(sheet.astype(int) - (170, 50, 45)).max(-1) < 3).sum()
    assert doors == 5 * (20 * 2 - 2) * (10 * 2 - 2)
    without_mirror = [(image, np.where(mask == 7, 0, mask).astype(np.uint8)) for image, mask in frames]
    other = contact_sheet(without_mirror, LABELS, columns=2, cell_width_px=120)
    assert not (other == (0, 200, 30)).all(-1).any()


def test_captions_are_drawn_and_long_ones_do_not_spread() -> None:
    frames = [frame(), frame()]
    plain = contact_sheet(frames, LABELS, captions=["", ""], columns=2, cell_width_px=120)
    named = contact_sheet(frames, LABELS, captions=["x" * 500, ""], columns=2, cell_width_px=120)
    changed = np.flatnonzero((plain != named).any(axis=(0, 2)))
    assert changed.min() >= 14
    assert changed.max() < 16 + 120


def test_frames_of_different_sizes_keep_their_shape() -> None:
    tall = frame(80, 40)
    sheet = contact_sheet([frame(40, 60), tall, frame(40, 60)], LABELS, columns=3, cell_width_px=120)
    mount = (sheet == 242).all(-1)
    assert mount.any()
    columns_of_tall = np.flatnonzero((sheet[60] == 90).all(-1))
    columns_of_tall = columns_of_tall[(columns_of_tall > 140) & (columns_of_tall < 270)]
    assert len(columns_of_tall) == 40


@pytest.mark.parametrize("count", range(1, 26))
def test_any_number_of_frames_makes_a_sheet_of_pleasant_shape(count: int) -> None:
    sheet = contact_sheet([frame()] * count, LABELS, cell_width_px=100)
    assert 0.3 < sheet.shape[1] / sheet.shape[0] < 4


def test_a_large_table_of_classes_stays_inside_the_sheet() -> None:
    labels = tuple(Label(id=n, name=f"class_number_{n}", color=(n, 255 - n, 7)) for n in range(255))
    mask = np.arange(255, dtype=np.uint8).repeat(4).reshape(30, 34)
    sheet = contact_sheet([(np.zeros((30, 34, 3), np.uint8), mask)], labels, cell_width_px=300)
    assert (sheet[:, -15:] == 255).all()


def test_a_sheet_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([], LABELS)
    with pytest.raises(ValueError, match="2 captions for 1"):
        contact_sheet([frame()], LABELS, captions=["a", "b"])
