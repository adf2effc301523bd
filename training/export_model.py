"""Write a trained model as an ONNX file that gives what PyTorch gives.

    python -m training.export_model ORDER.json

The order (`contracts/model.py: ModelExportOrder`) names a workspace, where `progress.json` is kept fresh and
`result.json` or `error.json` is left (`contracts/process.py`). The file appears once it is compared. Exit codes: 0
done, 1 failed, 2 the order can't be read, 143 stopped on request.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from contracts.errors import ConflictError, TrainingError
from contracts.ids import digest_of
from contracts.model import ModelExport, ModelExportOrder
from contracts.process import write_atomically
from contracts.run import Loss
from training.models import file_digest, open_network
from training.process import Monitor, carry_out_order, leaving_result
from training.tasks.segmentation import Segmentation
from training.tasks.task import ByteArray

TOLERANCE = 1e-3
"""Of a logit, where the largest is at most 1, else of the largest; it moves a probability by 0.00025 at most."""
_NOISE_IMAGES = 3
_PICTURES_MAX = 16
_BATCH = 5
"""Another number of images than the file was made with."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the order named on the command line."""
    return carry_out_order(
        ModelExportOrder, leaving_result(export, "training.export_model"), "training.export_model", arguments
    )


def export(order: ModelExportOrder, monitor: Monitor) -> ModelExport:
    """Write a model as an ONNX file, and compare the two.

    Args:
        order: What to do.
        monitor: Told of progress.

    Raises:
        NotFoundError: There is no such model.
        ConfigurationError: The model can't be used.
        ConflictError: The file is there already.
        IntegrityError: The model's file is damaged.
        CapabilityMissingError: What writes ONNX is not installed.
        TrainingError: The network can't be expressed in ONNX, or gives something else there; nothing was written.
        Stopped: The process was asked to stop; nothing was written.
    """
    from training import onnx_files  # needs an extra

    out = Path(order.out)
    if out.exists():
        raise ConflictError(f"{out} is there", code="export_exists", hint="name a new file")
    monitor.step(0, "opening the model", total=3)
    network, description, file = open_network(Path(order.model))
    monitor.say("writing ONNX")
    data = onnx_files.encode(network, description)
    monitor.step(1, "comparing", total=3)
    model = onnx_files.decode(data, str(out))
    images = _images(file.absolute().parent.parent, description.preprocessing.image_size)
    task = Segmentation(list(description.label_map.classes), Loss())
    difference, largest, differing = 0.0, 0.0, 0
    for first in range(0, len(images), _BATCH):
        monitor.say("comparing")
        batch = images[first : first + _BATCH]
        with torch.inference_mode():
            expected = network(torch.from_numpy(batch).permute(0, 3, 1, 2))
        found = torch.from_numpy(model.logits(batch))
        difference = max(difference, float((found - expected).abs().max()))
        largest = max(largest, float(expected.abs().max()))
        differing += int((task.predict(found) != task.predict(expected)).sum())
    tolerated = TOLERANCE * max(1.0, largest)
    if not difference <= tolerated:  # also where either is no number
        raise TrainingError(
            f"the ONNX file differs from PyTorch by {difference:.3g} in a logit, {tolerated:.3g} is tolerated",
            code="export_differs",
            hint="predict with the run itself",
        )
    monitor.step(2, "writing the file", total=3)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, data)
    monitor.step(3, "done", total=3)
    return ModelExport(
        model=description,
        checkpoint_digest=file_digest(file),
        digest=digest_of(data),
        opset=onnx_files.OPSET,
        compared_images=len(images),
        largest_difference=difference,
        tolerated_difference=tolerated,
        differing_pixels=differing,
        compared_pixels=int(np.prod(images.shape[:3])),
    )


def _images(run: Path, size_px: tuple[int, int]) -> ByteArray:
    """Images to compare on, (N, H, W, 3) uint8: those that the run kept of its test set, and noise."""
    width, height = size_px
    draws = np.random.Generator(np.random.Philox(key=0))
    images = [draws.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(_NOISE_IMAGES)]
    for path in sorted((run / "pictures").glob("*-image.jpg"))[:_PICTURES_MAX]:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is not None and picture.shape == (height, width, 3):
            images.append(np.asarray(picture[..., ::-1]))
    return np.stack(images)


if __name__ == "__main__":
    sys.exit(main())
