"""Models as ONNX files: all that knows onnx and onnxruntime (the extra `beltline[onnx]`).

A file takes images as they are, (B, 3, H, W) uint8 sRGB of the size it was trained at, any number of them, and gives
one logit a class and pixel, (B, C, H, W) float32: normalising and padding are part of its graph. Its metadata hold
`beltline.model`, a `ModelDescription`, and `beltline.weights`, a digest of all its constants.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numpy as np
import torch

from contracts.document import parse_json
from contracts.errors import (
    BeltlineError,
    CapabilityMissingError,
    ConfigurationError,
    IntegrityError,
    NotFoundError,
    TrainingError,
)
from contracts.ids import Digest, digest_of
from contracts.model import ModelDescription
from training.environment import usable_cpus
from training.models import FloatArray, Model
from training.networks.segmentation import SegmentationNetwork
from training.tasks.task import ByteArray

try:
    import onnx
    import onnx.numpy_helper
    import onnxruntime
    import onnxscript  # noqa: F401 - torch's exporter needs it
except ImportError as missing:
    raise CapabilityMissingError(
        f"ONNX files need a package that is not installed: {missing.name}", hint="pip install 'beltline[onnx]'"
    ) from missing

INPUT, OUTPUT = "images", "logits"
DESCRIPTION, WEIGHTS = "beltline.model", "beltline.weights"
OPSET = 20
_TRACED_IMAGES = 2


def encode(network: SegmentationNetwork, description: ModelDescription) -> bytes:
    """A network as an ONNX file, not yet compared with it.

    Args:
        network: On the CPU, in evaluation mode.
        description: What the file is to say of it.

    Raises:
        TrainingError: It can't be expressed in ONNX (`not_exportable`).
    """
    width, height = description.preprocessing.image_size
    images = torch.zeros(_TRACED_IMAGES, 3, height, width, dtype=torch.uint8)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's exporter warns of itself
            program = torch.onnx.export(
                network,
                (images,),
                dynamo=True,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim("images")},),
                verbose=False,
            )
        if program is None:
            raise RuntimeError("the exporter gave nothing")
        proto = program.model_proto
    except Exception as error:  # the exporter raises whatever its parts raise
        reason = error.__cause__ or error
        said = next(iter(str(reason).strip().splitlines()), "")
        raise TrainingError(
            f"a {description.network.architecture} with the encoder {description.network.encoder} can't be written as"
            f" ONNX: {type(reason).__name__}: {said}",
            code="not_exportable",
            hint="predict with the run itself",
        ) from error
    proto.producer_name = "beltline"
    proto.doc_string = f"Segmentation into {', '.join(description.label_map.classes)}; run {description.run}."
    values = {DESCRIPTION: description.model_dump_json(), WEIGHTS: _weights_digest(proto)}
    onnx.helper.set_model_props(proto, values)
    onnx.checker.check_model(proto, full_check=True)
    data: bytes = proto.SerializeToString()
    return data


def read(path: Path) -> Model:
    """Open an ONNX file.

    Raises:
        NotFoundError: There is no such file.
        ConfigurationError: It is no file of ours, or its inputs and outputs are not as its description says.
        IntegrityError: It is damaged.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(
            f"no file {path}", code="unknown_model", hint="name a run, a checkpoint or an ONNX file"
        ) from None
    return decode(data, str(path))


def decode(data: bytes, source: str) -> Model:
    """The model that an ONNX file holds.

    Args:
        data: The file.
        source: What errors call it.

    Raises:
        ConfigurationError: It is no file of ours, or its inputs and outputs are not as its description says.
        IntegrityError: It is damaged.
    """
    try:
        proto = onnx.load_from_string(data)
    except Exception as error:
        raise _damaged(source, error) from error
    values = {item.key: item.value for item in proto.metadata_props}
    if DESCRIPTION not in values or WEIGHTS not in values:
        raise ConfigurationError(
            f"{source} is no ONNX file of `beltline export-model`: its metadata say nothing of a run",
            code="invalid_model",
            hint="export the model with `beltline export-model`",
        )
    try:
        if _weights_digest(proto) != values[WEIGHTS]:
            raise IntegrityError(f"{source} is damaged: its weights are not those that were written")
        description = parse_json(ModelDescription, values[DESCRIPTION].encode(), source=f"{source}: {DESCRIPTION}")
        session = _session(data)
    except BeltlineError:
        raise
    except Exception as error:  # onnx and its runtime raise whatever damage leads to
        raise _damaged(source, error) from error
    _check(session, description, source)

    def logits(images: ByteArray) -> FloatArray:
        pixels = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        outputs: FloatArray = session.run([OUTPUT], {INPUT: pixels})[0]
        return outputs

    return Model(description, digest_of(data), logits, {"onnxruntime": onnxruntime.__version__})


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = usable_cpus()
    options.log_severity_level = 3  # errors; they are raised besides
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _check(session: onnxruntime.InferenceSession, description: ModelDescription, source: str) -> None:
    """Refuse a graph that does not take and give what its description says."""
    width, height = description.preprocessing.image_size
    takes = [(item.name, item.type, item.shape[1:]) for item in session.get_inputs()]
    gives = [(item.name, item.type, item.shape[1:]) for item in session.get_outputs()]
    classes = len(description.label_map.classes)
    if takes != [(INPUT, "tensor(uint8)", [3, height, width])] or gives != [
        (OUTPUT, "tensor(float)", [classes, height, width])
    ]:
        raise ConfigurationError(
            f"{source} takes {takes} and gives {gives}, which is not what it says of its {classes} classes and"
            f" images of {width}x{height}",
            code="wrong_architecture",
            hint="export the model again",
        )


def _weights_digest(proto: onnx.ModelProto) -> Digest:
    """Over name, type, shape and bytes of every constant of the graph."""
    digest = hashlib.sha256()
    for tensor in sorted(proto.graph.initializer, key=lambda item: str(item.name)):
        values = onnx.numpy_helper.to_array(tensor)
        digest.update(f"{tensor.name} {values.dtype.str} {values.shape}\n".encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return f"sha256:{digest.hexdigest()}"


def _damaged(source: str, error: Exception) -> IntegrityError:
    said = str(error).strip().splitlines()
    return IntegrityError(f"{source} can't be read as ONNX: {said[0] if said else type(error).__name__}")
