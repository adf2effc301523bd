"""Trained models, opened from a run's folder or a file: weights only, and only by the network they were trained in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from contracts.document import parse_json, read_file
from contracts.errors import ConfigurationError, NotFoundError
from contracts.ids import Digest
from contracts.model import ModelDescription, Preprocessing
from contracts.process import RESULT_FILE
from contracts.run import RunResult, TrainingOrder
from training import checkpoint
from training.environment import choose_device
from training.networks.segmentation import MEAN, STANDARD_DEVIATION, SegmentationNetwork, build
from training.report.results import ORDER_FILE, read_run
from training.run import order_digest
from training.tasks.task import ByteArray

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    """A model that is ready to be asked."""

    description: ModelDescription
    digest: Digest
    """Of its file."""
    logits: Callable[[ByteArray], FloatArray]
    """From images, (B, H, W, 3) uint8 sRGB of the size that it expects, to one logit a class, (B, C, H, W)."""
    computed_with: dict[str, str]
    """Packages that compute it, and their versions."""


def open_model(path: Path) -> Model:
    """Open a model.

    Args:
        path: A finished run's folder, which means its best checkpoint; a checkpoint in a run's folder; or an ONNX file
            that `training.export_model` wrote.

    Raises:
        NotFoundError: There is no such file, or no finished run.
        ConfigurationError: The file is of another network, or no checkpoint of the trainer.
        IntegrityError: The file is damaged, or holds more than tensors and plain values.
        CapabilityMissingError: It is an ONNX file, and what reads those is not installed.
    """
    if path.suffix == ".onnx":
        from training import onnx_files  # needs an extra

        return onnx_files.read(path)
    network, description, file = open_network(path)
    place = choose_device("auto", "float32").place
    network.to(place)

    def logits(images: ByteArray) -> FloatArray:
        pixels = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).to(place)
        with torch.inference_mode():
            outputs: FloatArray = network(pixels).float().cpu().numpy()
        return outputs

    return Model(description, file_digest(file), logits, {"torch": torch.__version__})


def open_network(path: Path) -> tuple[SegmentationNetwork, ModelDescription, Path]:
    """The trained network of a run's folder or of a checkpoint in one, on the CPU and in evaluation mode, and its file.

    Raises:
        NotFoundError: There is no such file, or no finished run.
        ConfigurationError: The file is of another network, or no checkpoint of the trainer.
        IntegrityError: The file is damaged, or holds more than tensors and plain values.
    """
    file = path
    if path.is_dir():
        finished = read_run(path)
        file = path / finished.result.files["checkpoint"]
    values = checkpoint.load(file)
    if values is None:
        raise NotFoundError(f"no file {file}", code="unknown_model", hint="name a run, a checkpoint or an ONNX file")
    if not isinstance(values, dict) or not isinstance(values.get("model"), dict) or "order_digest" not in values:
        raise ConfigurationError(
            f"{file} is no checkpoint of a training run",
            code="invalid_model",
            hint="name a run's checkpoints/best.pt; weights alone don't say which network they are of",
        )
    order = order_of(file)
    if order_digest(order) != values["order_digest"]:
        raise ConfigurationError(
            f"{file} is of another run than the {ORDER_FILE} of its folder",
            code="wrong_architecture",
            hint="leave checkpoints in the folder of the run that wrote them",
            context={"found": str(values["order_digest"]), "expected": order_digest(order)},
        )
    return _built(order, values["model"], file), _described(order, values, file), file


def file_digest(file: Path) -> Digest:
    """SHA-256 of a file."""
    with file.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def order_of(path: Path) -> TrainingOrder:
    """The order of a run, by its folder or a checkpoint in it.

    Raises:
        ConfigurationError: It lies in no run's folder.
    """
    file = (path if path.is_dir() else path.absolute().parent.parent) / ORDER_FILE
    if not file.is_file():
        raise ConfigurationError(
            f"{path} lies in no run's folder: there is no {file}",
            code="invalid_model",
            hint="name a checkpoint where the trainer wrote it, or an ONNX file, which can be moved",
        )
    return parse_json(TrainingOrder, read_file(file).encode(), source=str(file))


def _built(order: TrainingOrder, weights: dict[str, Any], file: Path) -> SegmentationNetwork:
    untrained = order.spec.network.model_copy(update={"encoder_weights": None, "weights": None})
    network = build(untrained, len(order.label_map.classes))
    try:
        network.load_state_dict(weights)
    except (RuntimeError, TypeError) as error:
        raise ConfigurationError(
            f"{file} is no {untrained.architecture} with the encoder {untrained.encoder} and"
            f" {len(order.label_map.classes)} classes: {str(error).splitlines()[-1].strip()}",
            code="wrong_architecture",
            hint="leave checkpoints in the folder of the run that wrote them",
        ) from error
    return network.eval()


def _described(order: TrainingOrder, values: dict[str, Any], file: Path) -> ModelDescription:
    step = values["step"] if "step" in values else values["state"]["step"]
    try:
        result = RunResult.model_validate_json((file.absolute().parent.parent / RESULT_FILE).read_bytes())
        packages = result.environment.get("versions", {})
    except (OSError, ValueError):  # of a run that has not ended
        packages = {}
    return ModelDescription(
        run=order.run,
        order_digest=order_digest(order),
        step=step,
        versions=dict(order.versions),
        label_map=order.label_map,
        network=order.spec.network,
        preprocessing=Preprocessing(image_size=order.spec.image_size, mean=MEAN, standard_deviation=STANDARD_DEVIATION),
        trained_with=packages,
    )
