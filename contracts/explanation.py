"""What a trained model looks at: which images are explained, how, and what was found."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from contracts.document import Document, SchemaVersion
from contracts.frame_spec import LabelName
from contracts.ids import Digest, Name, VersionText
from contracts.model import ModelDescription, Pixels

Method = Literal["guided-backprop", "saliency"]
"""[Volvo] section 3.4: guided backpropagation, and the simplistic saliency map."""
CountedPixels = Literal["predicted", "truth", "all"]
"""Whose logits guided backpropagation adds up: those predicted as the class, those that truly show it, or all."""
Place = Literal["best", "worst", "named"]
FrameIndex = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]

METHODS: tuple[Method, ...] = ("guided-backprop", "saliency")
COUNTED_PIXELS: tuple[CountedPixels, ...] = ("predicted", "truth", "all")
SQUARE_PX = 8
"""[Volvo] section 3.4.1."""
IMAGES = 3


def _distinct(values: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(values)) != len(values):
        raise ValueError("each may be named once")
    return values


_Distinct = AfterValidator(_distinct)
_UNIQUE: dict[str, JsonValue] = {"uniqueItems": True}
"""The same as JSON Schema says it."""


class ExplanationOrder(Document):
    """What the process is started with that explains a model on images of a dataset version."""

    schema_version: SchemaVersion = 1
    model: Annotated[str, Field(min_length=1)]
    """A run's folder, a checkpoint in one, or, for saliency maps, an ONNX file."""
    dataset: VersionText
    """What errors and the page call the version."""
    digest: Digest
    """Of the version's manifest."""
    store: Annotated[str, Field(min_length=1)]
    """Where its blobs lie: a folder or URL."""
    split: Name | None = None
    """One split; none is the one that the run was tested on where this is the version it was tested on, else all."""
    methods: Annotated[tuple[Method, ...], Field(min_length=1, json_schema_extra=_UNIQUE), _Distinct]
    classes: Annotated[tuple[LabelName, ...], Field(json_schema_extra=_UNIQUE), _Distinct] = ()
    """Classes that are explained one by one; none explains all of them together."""
    images: Annotated[int, Field(ge=1, le=100)] = IMAGES
    """Best images and worst ones, each, of each class."""
    frames: Annotated[tuple[FrameIndex, ...], Field(json_schema_extra=_UNIQUE), _Distinct] = ()
    """Frames that are explained in place of the best and worst ones."""
    square_px: Annotated[int, Field(ge=1)] = SQUARE_PX
    """Side of the squares that saliency maps whiten, at the size that the model takes."""
    counted: CountedPixels = "predicted"
    """Pixels whose logits guided backpropagation adds up."""
    out: Annotated[str, Field(min_length=1)]
    """Folder to be made; what lies there is never written over."""
    workspace: Annotated[str, Field(min_length=1)]
    """Folder for progress, result and error."""


class ExplanationMap(Document):
    """How much each pixel, or each square, of an image matters to what the model predicts there."""

    method: Method
    picture: str
    """Path within the folder: the map over the image, as PNG."""
    values: str
    """Path within the folder: the numbers, as NumPy file. `guided-backprop`: (H, W) float32, the largest of a pixel's
    three gradients by its absolute value, in logits per step of sRGB (0 to 255). `saliency`: (rows, columns) int32,
    pixels whose prediction changes when a square is whitened."""
    largest: Annotated[float, Field(ge=0)]
    """Largest of the numbers."""
    on_truth: Share | None
    """Share of the map's sum that lies on pixels that truly show the class; none where all of it is 0. Beside the share
    of such pixels it says whether the model looks at the thing or at its surroundings."""


class ExplainedImage(Document):
    """An image, what is there, what the model saw there, and why."""

    place: Place
    frame: FrameIndex
    digest: Digest
    """Of the image."""
    source: str | None = None
    """Where the frame comes from, as its record says."""
    iou: Share
    """Of the class in this image; of all classes the mean over those that are there or predicted. Where none is it is 1
    ([Volvo])."""
    truth_px: Pixels
    predicted_px: Pixels
    image: str
    """Path within the folder, as are the next two."""
    truth: str
    prediction: str
    maps: tuple[ExplanationMap, ...]


class ExplainedClass(Document):
    """Images explained for one class, or for all of them together."""

    class_name: LabelName | None
    """None is all classes together."""
    shown_by: Annotated[int, Field(ge=0)]
    """Images that truly show it, of those that were looked at."""
    mean_iou: Share | None
    """Over these; none where there are none."""
    images: tuple[ExplainedImage, ...]
    """Best first, the worst one last; or in the order in which they were named."""


class Explanation(Document):
    """What a model looks at in images of a dataset version."""

    schema_version: SchemaVersion = 1
    model: ModelDescription
    model_digest: Digest
    """Of the file of the model."""
    computed_with: dict[str, str]
    """Packages that computed it, and their versions."""
    dataset: VersionText
    digest: Digest
    """Of the version's manifest."""
    split: Name | None
    """None is the whole version."""
    methods: tuple[Method, ...]
    square_px: Annotated[int, Field(ge=1)]
    counted: CountedPixels
    compared_images: Annotated[int, Field(ge=1)]
    """Images that the model was asked about, and that the best and the worst are of."""
    classes: tuple[ExplainedClass, ...]
    page: str
    """Path within the folder: an HTML page that stands alone."""
