"""Images that look the same: a perceptual hash of each, and pairs of hashes that differ in few bits.

The hash is that of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.1
(pHash, DCT based): it stays nearly the same when an image is scaled, compressed or slightly brightened.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

BITS = 64
NEAR_BITS = 4
"""Hashes that differ in no more bits belong to images that are taken to look the same."""
_SIDE_PX = 32
_KEPT = 8
_FLAT_LEVELS = 1.0
"""Images whose brightness varies less (standard deviation, of 255) have no structure to be compared by."""


def perceptual_hash(image: npt.NDArray[np.uint8]) -> int | None:
    """The signs of an image's lowest frequencies against their median.

    Args:
        image: (H, W, 3) uint8 sRGB.

    Returns:
        64 bits; none for an image of one brightness, which would be like any other of that kind.
    """
    small = Image.fromarray(image).convert("L").resize((_SIDE_PX, _SIDE_PX), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float64)
    if grey.std() < _FLAT_LEVELS:
        return None
    low = dctn(grey, type=2)[:_KEPT, :_KEPT].ravel()
    bits = low > np.median(low[1:])
    bits[0] = False  # the mean brightness says nothing of what is seen
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def near_pairs(
    hashes: Sequence[int | None], parts: Sequence[str | None], most_bits: int = NEAR_BITS, *, limit: int = 1_000_000
) -> tuple[list[tuple[int, int, int]], int]:
    """Pairs of hashes that differ in at most `most_bits` bits and belong to different parts.

    Hashes that differ in so few bits agree in at least one of `most_bits + 1` bands of bits, so only those that share
    a band are compared.

    Args:
        hashes: 64 bits each; none is compared with nothing.
        parts: The part that each belongs to; none belongs to no part and is compared with nothing.
        most_bits: Largest difference.
        limit: Most pairs returned.

    Returns:
        (place, place, bits) with the smaller place first, by bits and then by places; and how many pairs there are.
    """
    places: dict[tuple[int, str], list[int]] = {}
    for place, (value, part) in enumerate(zip(hashes, parts, strict=True)):
        if value is not None and part is not None:
            places.setdefault((value, part), []).append(place)
    keys = sorted(places)
    numbers = {part: number for number, part in enumerate(sorted({part for _, part in keys}))}
    values = np.array([value for value, _ in keys], dtype=np.uint64)
    owners = np.array([numbers[part] for _, part in keys], dtype=np.int64)
    found = sorted((bits, first, second) for (first, second), bits in _near_keys(values, owners, most_bits).items())
    count = sum(len(places[keys[first]]) * len(places[keys[second]]) for _, first, second in found)
    pairs: list[tuple[int, int, int]] = []
    for bits, first, second in found:
        if len(pairs) >= limit:
            break
        pairs += [
            (min(one, other), max(one, other), bits) for one in places[keys[first]] for other in places[keys[second]]
        ]
    return sorted(pairs, key=lambda pair: (pair[2], pair[0], pair[1]))[:limit], count


def _near_keys(
    values: npt.NDArray[np.uint64], owners: npt.NDArray[np.int64], most_bits: int
) -> dict[tuple[int, int], int]:
    near: dict[tuple[int, int], int] = {}
    edges = np.linspace(0, BITS, most_bits + 2).round().astype(int)
    for low, high in pairwise(edges.tolist()):
        band = (values >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(band, kind="stable")
        ends = [*(np.flatnonzero(np.diff(band[order])) + 1).tolist(), len(order)]
        for start, end in pairwise([0, *ends]):
            members = np.sort(order[start:end])
            for place, first in enumerate(members[:-1]):
                others = members[place + 1 :]
                others = others[owners[others] != owners[first]]
                bits = np.bitwise_count(values[others] ^ values[first])
                for second, difference in zip(others[bits <= most_bits], bits[bits <= most_bits], strict=True):
                    near[int(first), int(second)] = int(difference)
    return near
