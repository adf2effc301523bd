"""Images that look the same are found across splits, and only there."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from registry.near_duplicates import NEAR_BITS, near_pairs, perceptual_hash


def _photograph(seed: int) -> np.ndarray:
    random = np.random.Generator(np.random.Philox(seed))
    coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.array(Image.fromarray(coarse).resize((160, 120), Image.Resampling.BICUBIC))


def _distance(first: np.ndarray, second: np.ndarray) -> int:
    one, other = perceptual_hash(first), perceptual_hash(second)
    assert one is not None
    assert other is not None
    return (one ^ other).bit_count()


def test_scaled_compressed_and_brightened_images_look_the_same_and_others_do_not() -> None:
    for seed in range(12):
        image = _photograph(seed)
        stream = io.BytesIO()
        Image.fromarray(image).resize((110, 80)).save(stream, "JPEG", quality=40)
        compressed = np.array(Image.open(stream))
        brightened = np.clip(image.astype(int) * 0.9 + 20, 0, 255).astype(np.uint8)
        assert _distance(image, compressed) <= NEAR_BITS
        assert _distance(image, brightened) <= NEAR_BITS
        assert _distance(image, _photograph(seed + 100)) > 2 * NEAR_BITS
        assert _distance(image, image[:, ::-1].copy()) > 2 * NEAR_BITS


def test_an_image_of_one_brightness_is_compared_with_nothing() -> None:
    assert perceptual_hash(np.full((40, 60, 3), 90, np.uint8)) is None


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2**64 - 1), st.integers(-1, 2)), max_size=25),
    st.integers(0, 8),
)
def test_pairs_are_those_of_comparing_all_with_all(items: list[tuple[int, int, int]], most: int) -> None:
    # Few base values and masks with few bits, so that there are near pairs at all.
    hashes = [(0x0123456789ABCDEF * base) % 2**64 ^ (noise & (noise >> 7) & (noise >> 20)) for base, noise, _ in items]
    parts = [part for _, _, part in items]
    arrays = np.array(hashes, np.uint64), np.array(parts, np.int32)
    pairs, count = near_pairs(*arrays, most)
    expected = sorted(
        (
            ((hashes[first] ^ hashes[second]).bit_count(), first, second)
            for first in range(len(items))
            for second in range(first + 1, len(items))
            if min(parts[first], parts[second]) >= 0 and parts[first] != parts[second]
        ),
    )
    expected = [item for item in expected if item[0] <= most]
    assert pairs == [(first, second, bits) for bits, first, second in expected]
    assert count == len(expected)
    some, count = near_pairs(*arrays, most, limit=2)
    assert count == len(expected)
    assert [bits for _, _, bits in some] == [bits for bits, _, _ in expected[:2]]


def test_so_many_pairs_that_they_can_not_be_kept_are_counted() -> None:
    """Two films of one scene: a hundred thousand images of one look, and some beside it."""
    hashes = np.full(100_000, 0x0123456789ABCDEF, np.uint64)
    hashes[:300] ^= np.uint64(1) << np.arange(300, dtype=np.uint64) % np.uint64(60)
    parts = np.arange(100_000) % 2
    pairs, count = near_pairs(hashes, parts, limit=50)
    assert count == 50_000 * 50_000
    assert [bits for _, _, bits in pairs] == [0] * 50
    assert all(parts[first] != parts[second] for first, second, _ in pairs)


def test_what_belongs_to_no_part_is_compared_with_nothing() -> None:
    hashes = np.array([5, 5, 5], np.uint64)
    assert near_pairs(hashes, np.array([-1, -1, 0])) == ([], 0)
    assert near_pairs(hashes[:0], np.zeros(0, int)) == ([], 0)
