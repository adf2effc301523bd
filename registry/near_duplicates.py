"""Images that look the same: a perceptual hash of each, and pairs of hashes that differ in few bits.

The hash is that of Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.1
(pHash, DCT based): it stays nearly the same when an image is scaled, compressed or slightly brightened.
"""

from __future__ import annotations

from itertools import islice, pairwise, repeat

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

BITS = 64
NEAR_BITS = 4
"""Hashes that differ in no more bits belong to images that are taken to look the same."""
_SIDE_PX = 32
_KEPT = 8
_SLACK = 1 << 14
"""Pairs that may be kept beyond those that are wanted before the farther ones are dropped."""
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
    hashes: npt.NDArray[np.uint64],
    parts: npt.NDArray[np.signedinteger],
    most_bits: int = NEAR_BITS,
    *,
    limit: int = 1_000_000,
) -> tuple[list[tuple[int, int, int]], int]:
    """Pairs of hashes that differ in at most `most_bits` bits and belong to different parts.

    Hashes that differ in so few bits agree in at least one of `most_bits + 1` bands of bits, so only those that share
    a band are compared, and a pair is counted in the first band that it shares. Memory grows by some tens of bytes a
    hash, and with `limit`, not with the pairs.

    Args:
        hashes: (N,) 64 bits each.
        parts: (N,) number of the part that each belongs to; those below 0 are compared with nothing.
        most_bits: Largest difference.
        limit: Most pairs returned.

    Returns:
        (place, place, bits) with the smaller place first, by bits and then by places; and how many pairs there are.
    """
    places = np.flatnonzero(parts >= 0)
    places = places[np.lexsort((places, parts[places], hashes[places]))]
    values, owners = hashes[places], parts[places]
    # Hashes that are the same, of one part, are compared once: their places lie one after another.
    starts = np.flatnonzero((np.diff(values, prepend=~values[:1]) != 0) | (np.diff(owners, prepend=-1) != 0))
    sizes = np.diff(starts, append=len(places))
    nearest, count = _near_keys(values[starts], owners[starts], sizes, most_bits, limit)
    pairs: list[tuple[int, int, int]] = []
    for bits, first, second in nearest:
        ones, others = (places[starts[key] : starts[key] + sizes[key]].tolist() for key in (first, second))
        room = limit - len(pairs)
        pairs += islice(((min(one, other), max(one, other), bits) for one in ones for other in others), room)
    return sorted(pairs, key=lambda pair: (pair[2], pair[0], pair[1])), count


def _near_keys(
    values: npt.NDArray[np.uint64],
    owners: npt.NDArray[np.signedinteger],
    sizes: npt.NDArray[np.signedinteger],
    most_bits: int,
    limit: int,
) -> tuple[list[tuple[int, int, int]], int]:
    """The `limit` nearest pairs of keys, as (bits, key, key), and how many pairs of `sizes` hashes each there are."""
    near: list[tuple[int, int, int]] = []
    count = 0
    edges = np.linspace(0, BITS, most_bits + 2).round().astype(int)
    bands = [np.uint64(((1 << (high - low)) - 1) << low) for low, high in pairwise(edges.tolist())]
    for number, band in enumerate(bands):
        order = np.argsort(values & band, kind="stable")
        ends = np.flatnonzero(np.diff(values[order] & band, append=~values[order[-1:]] & band)) + 1
        several = np.flatnonzero(np.diff(ends, prepend=0) > 1)
        for group in several:
            members = order[ends[group - 1] if group else 0 : ends[group]]
            for place, first in enumerate(members[:-1]):
                others = members[place + 1 :]
                apart = values[others] ^ values[first]
                bits = np.bitwise_count(apart)
                chosen = (bits <= most_bits) & (owners[others] != owners[first])
                for earlier in bands[:number]:
                    chosen &= (apart & earlier) != 0
                count += int(sizes[first]) * int(sizes[others[chosen]].sum())
                near += zip(bits[chosen].tolist(), repeat(int(first)), others[chosen].tolist(), strict=False)
                if len(near) > 2 * limit + _SLACK:
                    near = sorted(near)[:limit]
    return sorted(near)[:limit], count
