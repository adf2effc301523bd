"""Named random streams: every random choice of a run is a pure function of its seed and the choice's name.

So a batch does not depend on the batches before it, a resumed run draws what an undisturbed one would have drawn, and
adding a source or an augmentation changes no other draw.
"""

from __future__ import annotations

import hashlib

import numpy as np


def key(seed: int, *name: str | int) -> int:
    """A 128-bit number for a seed and a name."""
    text = "\x1f".join([str(seed), *(f"{type(part).__name__}:{part}" for part in name)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def stream(seed: int, *name: str | int) -> np.random.Generator:
    """The random generator of a seed and a name."""
    return np.random.Generator(np.random.Philox(key=key(seed, *name)))


def torch_seed(seed: int, *name: str | int) -> int:
    """A seed for torch: non-negative and below 2**63."""
    return key(seed, *name) >> 65
