"""Test images worth looking at: the best, the worst, and some by lot that are the same for every run on a test set."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from contracts.errors import IntegrityError
from contracts.process import write_atomically, write_document
from training.batches import plain_batches
from training.loop import Run
from training.networks.segmentation import SegmentationNetwork
from training.tasks.task import ByteArray, Counts

INDEX = "pictures/pictures.json"
EXTREMES = 4
"""Best and worst images kept, each."""
BY_LOT = 24
"""Images chosen by the hash of their content."""


def write(run: Run, network: SegmentationNetwork, counts: Counts) -> str:
    """Keep pictures of the test set in the workspace: image, truth and prediction, as the network saw and gave them.

    Args:
        run: The run.
        network: The network that was scored.
        counts: Its counts on each test image.

    Returns:
        The pictures' index, relative to the workspace.
    """
    selection = run.mix.test
    frames = run.data[selection.key]
    scores = run.task.image_scores(counts)
    order = [int(place) for place in np.argsort(scores, kind="stable")]
    worst, best = order[:EXTREMES], order[::-1][:EXTREMES]
    lot = sorted(range(len(scores)), key=lambda place: _lot(frames.records[place].files["image"]))[:BY_LOT]
    kept = sorted({*worst, *best, *lot})
    folder = run.workspace / "pictures"
    folder.mkdir(exist_ok=True)
    entries = {}
    for place, (images, targets) in zip(kept, plain_batches(frames, kept, 1), strict=True):
        prediction = predict(run, network, images)[0]
        record = frames.records[place]
        entries[place] = {
            "frame": record.index,
            "digest": record.files["image"],
            "source": record.source,
            "score": float(scores[place]),
        }
        name = f"{record.index:06d}"
        # JPEG: what a reader looks at; ids must stay exact.
        write_atomically(folder / f"{name}-image.jpg", _encode(frames.image(place)[..., ::-1], ".jpg", 92))
        write_atomically(folder / f"{name}-truth.png", _encode(targets[0].numpy(), ".png"))
        write_atomically(folder / f"{name}-prediction.png", _encode(prediction, ".png"))
    index = {
        "frames": {str(entry["frame"]): entry for entry in entries.values()},
        "best": [entries[place]["frame"] for place in best],
        "worst": [entries[place]["frame"] for place in worst],
        "by_lot": [entries[place]["frame"] for place in lot],
    }
    write_document(run.workspace / INDEX, index)
    return INDEX


def predict(run: Run, network: SegmentationNetwork, images: torch.Tensor) -> ByteArray:
    """Class ids (B, H, W) uint8 of images (B, 3, H, W) uint8."""
    network.eval()
    with (
        torch.inference_mode(),
        torch.autocast(run.device.kind, dtype=run.device.autocast_dtype, enabled=run.device.is_mixed),
    ):
        return np.asarray(run.task.predict(network(images.to(run.device.place))).cpu().numpy())


def read_index(workspace: Path) -> dict[str, Any]:
    """The index that `write` left.

    Raises:
        IntegrityError: It is missing or damaged.
    """
    try:
        index: dict[str, Any] = json.loads((workspace / INDEX).read_bytes())
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{workspace / INDEX} can't be read: {error}", hint="run the training again") from error
    return index


def read(workspace: Path, frame: int, role: str) -> ByteArray:
    """A kept picture: `image` as (H, W, 3) sRGB, `truth` or `prediction` as (H, W) class ids.

    Raises:
        IntegrityError: It is missing or damaged.
    """
    path = workspace / "pictures" / f"{frame:06d}-{role}.{'jpg' if role == 'image' else 'png'}"
    flag = cv2.IMREAD_COLOR if role == "image" else cv2.IMREAD_GRAYSCALE
    found = cv2.imread(str(path), flag) if path.exists() else None
    if found is None:
        raise IntegrityError(f"{path} is missing or no image", hint="run the training again")
    return np.asarray(found[..., ::-1] if role == "image" else found, dtype=np.uint8)


def data_url(image: ByteArray) -> str:
    """An image (H, W, 3) uint8 as a JPEG that a page carries in itself."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(image)).decode("ascii")


def jpeg(image: ByteArray) -> bytes:
    """An image (H, W, 3) uint8 sRGB as a reader looks at it."""
    return _encode(image[..., ::-1], ".jpg", 88)


def scale_for(image: ByteArray, wanted_px: int = 320) -> int:
    """Whole factor that brings an image's width near what a page shows."""
    return max(1, round(wanted_px / int(image.shape[1])))


def _lot(digest: str) -> str:
    return hashlib.sha256(f"picture of {digest}".encode()).hexdigest()


def _encode(image: ByteArray, suffix: str, quality: int = 95) -> bytes:
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality] if suffix == ".jpg" else []
    _, data = cv2.imencode(suffix, np.ascontiguousarray(image), settings)
    return data.tobytes()
