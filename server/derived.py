"""What is derived from frames and lies outside the store: caches, and the pictures that training runs keep."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from contracts.errors import IntegrityError
from contracts.ids import Digest
from contracts.process import write_document
from registry.erasure import ErasedFrames
from registry.statistics.measures import forget_measures

MEASURES_FILE = "measures.db"
_PICTURES_INDEX = "pictures/pictures.json"
_REPORTS = ("report.html", "report.md")


def forget_frames(cache: Path, runs: Path, erased: Sequence[ErasedFrames]) -> list[str]:
    """Remove everything on this home that was made of erased frames, beyond networks and scores.

    Args:
        cache: The home's cache.
        runs: Its training runs.
        erased: The frames.

    Returns:
        What somebody may miss: pictures and reports of training runs. Caches are made again.

    Raises:
        IntegrityError: The index of a run's pictures can't be read.
    """
    for part in erased:
        forget_version(cache, part.digest)
        forget_measures(cache / "statistics" / MEASURES_FILE, part.records)
    images = {record.files["image"] for part in erased for record in part.records if "image" in record.files}
    return [said for index in sorted(runs.glob(f"*/{_PICTURES_INDEX}")) for said in _forget_pictures(index, images)]


def forget_version(cache: Path, digest: Digest) -> None:
    """Remove what a cache holds of a version; it can be made again."""
    for path in cache.glob(f"*/{digest.removeprefix('sha256:')}.*"):
        path.unlink(missing_ok=True)
    for key in cache.glob("*/*/key.json"):  # decoded frames of the trainer
        if json.loads(key.read_bytes()).get("manifest") == digest:
            shutil.rmtree(key.parent, ignore_errors=True)


def _forget_pictures(index: Path, images: set[Digest]) -> list[str]:
    """Of one run: the pictures of these images, and the report that shows them."""
    try:
        found = json.loads(index.read_bytes())
        gone = {int(frame) for frame, entry in found["frames"].items() if entry["digest"] in images}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityError(
            f"{index} can't be read: {error}", hint="remove the run's pictures and report by hand, then repeat"
        ) from None
    if not gone:
        return []
    run = index.parents[1]
    for frame in gone:
        for picture in index.parent.glob(f"{frame:06d}-*"):
            picture.unlink(missing_ok=True)
    for report in _REPORTS:
        (run / report).unlink(missing_ok=True)
    found["frames"] = {frame: entry for frame, entry in found["frames"].items() if int(frame) not in gone}
    for part in ("best", "worst", "by_lot"):
        found[part] = [frame for frame in found.get(part, []) if frame not in gone]
    write_document(index, found)  # last: until then, repeating finds them again
    return [f"{len(gone)} pictures and the report of training run {run.name}"]
