"""A trained model as others get it: where it comes from, what it expects, and what it said of photographs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.camera import SidePx
from contracts.document import Document, SchemaVersion
from contracts.ids import Digest, Name, VersionText
from contracts.label_map import LabelMap
from contracts.run import Network

Pixels = Annotated[int, Field(ge=0)]
PositivePixels = Annotated[int, Field(ge=1)]
Channels = tuple[float, float, float]
"""Red, green, blue."""


class Preprocessing(Document):
    """What happens to a photograph before a network sees it, in this order."""

    orientation: Literal["exif"] = "exif"
    """Turned upright as its EXIF data say."""
    color: Literal["rgb"] = "rgb"
    """sRGB values as stored, 0 to 255."""
    image_size: tuple[SidePx, SidePx]
    """Width, height in pixels that it is scaled to, whatever its own proportions."""
    shrinking: Literal["area"] = "area"
    """Interpolation where the scaled image has fewer pixels."""
    enlarging: Literal["bilinear"] = "bilinear"
    """Interpolation elsewhere."""
    mean: Channels
    """Subtracted; the network does this itself."""
    standard_deviation: Channels
    """Divided by; the network does this itself."""


class ModelDescription(Document):
    """Where a segmentation model comes from and what it expects."""

    schema_version: SchemaVersion = 1
    run: Name
    """Training run that made it."""
    order_digest: Digest
    """Of the run's spec, label map and versions."""
    step: Annotated[int, Field(ge=0)]
    """Optimizer steps after which the weights were as they are."""
    versions: dict[VersionText, Digest]
    """Dataset versions that it was trained, chosen and tested on, with the digests of their manifests."""
    label_map: LabelMap
    """Class ids, from 1 in the order of its classes; 0 is background."""
    network: Network
    preprocessing: Preprocessing
    trained_with: dict[str, str] = {}
    """Packages of the training and their versions."""


class TrainedModel(Document):
    """A model that a finished run of this home has left, as a line of a list."""

    run: Name
    """Training run that made it; what commands take for a model."""
    studies: tuple[Name, ...] = ()
    """Studies whose tables the run stands in."""
    order_digest: Digest
    """Of the run's spec, label map and versions."""
    step: Annotated[int, Field(ge=0)]
    """Optimizer steps after which the weights were as they are."""
    network: Network
    label_map: Name
    image_size: tuple[SidePx, SidePx]
    """Width, height in pixels."""
    versions: dict[VersionText, Digest]
    """Dataset versions that it was trained, chosen and tested on, with the digests of their manifests."""
    trained_on: dict[str, Pixels]
    """Images, by source."""
    tested_on: VersionText
    test_images: Pixels
    mean_dataset_iou: float
    """Of the test set."""
    mean_image_iou: float
    checkpoint: str
    """Path of the weights."""


class ModelExportOrder(Document):
    """What the process is started with that writes a model as an ONNX file."""

    schema_version: SchemaVersion = 1
    model: Annotated[str, Field(min_length=1)]
    """A run's folder, or a checkpoint in one."""
    out: Annotated[str, Field(min_length=1)]
    """The file; one that is there is never written over."""
    workspace: Annotated[str, Field(min_length=1)]
    """Folder for progress, result and error."""


class ModelExport(Document):
    """An ONNX file, and how near it comes to what it was made of."""

    schema_version: SchemaVersion = 1
    model: ModelDescription
    checkpoint_digest: Digest
    """Of the file that it was made of."""
    digest: Digest
    """Of the file."""
    opset: Annotated[int, Field(ge=1)]
    """Version of ONNX's operators that it needs."""
    compared_images: Annotated[int, Field(ge=1)]
    """Images on which PyTorch and onnxruntime were compared: those that the run kept of its test set, and noise."""
    largest_difference: Annotated[float, Field(ge=0)]
    """Of any logit of any pixel."""
    tolerated_difference: Annotated[float, Field(gt=0)]
    """0.001, or 0.001 of the largest logit where that is above 1."""
    differing_pixels: Pixels
    """Of all compared pixels, those whose class differs."""
    compared_pixels: Pixels


class PredictionOrder(Document):
    """What the process is started with that applies a model to photographs."""

    schema_version: SchemaVersion = 1
    model: Annotated[str, Field(min_length=1)]
    """A run's folder, a checkpoint in one, or an ONNX file of `beltline export-model`."""
    images: Annotated[str, Field(min_length=1)]
    """Folder of photographs."""
    out: Annotated[str, Field(min_length=1)]
    """Folder to be made; what lies there is never written over."""
    overlays: bool = False
    """Whether to draw the classes over each photograph, too."""
    workspace: Annotated[str, Field(min_length=1)]
    """Folder for progress, result and error."""


class PredictedPhotograph(Document):
    """A photograph and what the model made of it."""

    photograph: str
    """Path within the folder of photographs."""
    digest: Digest
    """Of the file."""
    size: tuple[PositivePixels, PositivePixels]
    """Width, height in pixels, upright; the mask's, too."""
    mask: str
    """Path within the folder of predictions: an indexed PNG of class ids."""
    overlay: str | None = None
    """Path within the folder of predictions."""
    area_px: dict[str, Pixels]
    """Pixels of each class."""


class Predictions(Document):
    """What a model said of a folder of photographs."""

    schema_version: SchemaVersion = 1
    model: ModelDescription
    model_digest: Digest
    """Of the file of the model."""
    computed_with: dict[str, str]
    """Packages that computed it, and their versions."""
    classes: dict[Annotated[str, Field(pattern=r"^[0-9]{1,3}$")], str]
    """Name by id in the masks."""
    photographs: tuple[PredictedPhotograph, ...]
    left_out: tuple[str, ...] = ()
    """Files of the folder that are neither JPEG nor PNG by their name."""
