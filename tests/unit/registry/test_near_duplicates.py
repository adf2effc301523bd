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
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2**64 - 1), st.sampled_from(["a", "b", None])), max_size=25),
    st.integers(0, 8),
)
def test_pairs_are_those_of_comparing_all_with_all(items: list[tuple[int, int, str | None]], most: int) -> None:
    # Few base values and masks with few bits, so that there are near pairs at all.
    hashes = [(0x0123456789ABCDEF * base) % 2**64 ^ (noise & (noise >> 7) & (noise >> 20)) for base, noise, _ in items]
    parts = [part for _, _, part in items]
    pairs, count = near_pairs(hashes, parts, most)
    expected = sorted(
        (
            ((hashes[first] ^ hashes[second]).bit_count(), first, second)
            for first in range(len(items))
            for second in range(first + 1, len(items))
            if parts[first] and parts[second] and parts[first] != parts[second]
        ),
    )
    expected = [item for item in expected if item[0] <= most]
    assert pairs == [(first, second, bits) for bits, first, second in expected]
    assert count == len(expected)
    assert near_pairs(hashes, parts, most, limit=2)[1] == count


def test_none_is_compared_with_nothing() -> None:
    assert near_pairs([None, None, 5], ["a", "b", "a"]) == ([], 0)
