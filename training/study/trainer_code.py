"""The trainer's code as it is installed: which modules decide what a run gives, and a digest of their sources.

A result is reused only where the code that would make it is the code that made it: in a development checkout the
version stays the same from change to change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from contracts.ids import Digest, canonical_json, digest_of

DECIDING = frozenset(
    {
        "contracts.augmentation",
        "contracts.label_map",
        "contracts.mix",
        "contracts.run",
        "contracts.scores",
        "registry.formats.areas",
        "registry.label_maps.applied",
        "registry.reader",
        "registry.splits",
    }
)
"""Modules outside the trainer that decide what a run learns from, how, and what it scores."""
CARRYING = frozenset({"contracts", "registry"})
"""Packages of which the others only carry documents and bytes, whose digests stand in a run's identity."""
BESIDE = frozenset(
    {
        "training.compare",
        "training.explain",
        "training.export_model",
        "training.models",
        "training.onnx_files",
        "training.predict",
        "training.report",
        "training.statistics",
        "training.studies",
        "training.study",
    }
)
"""Parts of the trainer that come before a run or after it: everything else in it decides."""
_ROOT = Path(__file__).resolve().parents[2]


def decides(module: str) -> bool:
    """Whether what a run gives may change with a module, by its dotted name."""
    if module.split(".")[0] in CARRYING:
        return module in DECIDING
    return module.split(".")[0] == "training" and ".".join(module.split(".")[:2]) not in BESIDE


@cache
def code_digest(root: Path = _ROOT) -> Digest:
    """Digest of the sources of all modules that decide what a run gives.

    Args:
        root: Folder of the packages.
    """
    return digest_of(
        canonical_json({name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in _sources(root)})
    )


def _sources(root: Path) -> Iterator[tuple[str, Path]]:
    for name in sorted(DECIDING):
        yield name, root.joinpath(*name.split(".")).with_suffix(".py")
    for path in sorted((root / "training").rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts)
        if path.stem != "__init__" and decides(name):
            yield name, path
