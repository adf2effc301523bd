"""Small studies on tiny pictures, and the orders that ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contracts.document import validate
from contracts.ids import canonical_json, digest_of
from contracts.study import Study
from contracts.study_order import StudyOrder
from tests.unit.training.training_samples import LABEL_MAP, TINY, Versions

BASE: dict[str, Any] = {
    **{name: value for name, value in TINY.items() if name != "seed"},
    "data": {
        "train": [{"dataset": "photos", "split": "train", "take": 6}],
        "validation": {"dataset": "photos", "split": "train", "reserve": 4, "seed": 1},
        "test": {"dataset": "photos", "split": "test"},
    },
    "stages": [{"name": "all", "steps": 4}],
    "evaluate_every_steps": 4,
}


def study(**changes: Any) -> Study:
    """Two amounts of pictures, with fields replaced."""
    values: dict[str, Any] = {
        "schema_version": 1,
        "name": "shapes-study",
        "question": "Are four pictures better than two?",
        "datasets": {"photos": "shapes@1"},
        "base": BASE,
        "axes": {"real": {"path": "data.train.0.take", "values": [2, 4], "role": "real_images"}},
        "report": {"metric": "test.mean_image_iou"},
    }
    return validate(Study, {**values, **changes})


def study_order(versions: Versions, folder: Path, *, study_id: str = "study-1", **changes: Any) -> StudyOrder:
    """An order for `study(**changes)` with workspace, runs and cache under `folder`."""
    asked = study(**changes)
    return StudyOrder(
        study_id=study_id,
        study=asked,
        study_digest=digest_of(canonical_json(asked)),
        versions=versions.digests,
        label_maps={"shapes": LABEL_MAP},
        store=str(versions.store),
        workspace=str(folder / "studies" / study_id),
        runs=str(folder / "runs"),
        cache=str(folder / "cache"),
    )
