"""A training run: the document a user writes, the order the trainer gets, and the result it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from contracts.augmentation import Paste, Transform
from contracts.camera import SidePx
from contracts.document import Document, SchemaVersion
from contracts.errors import ConfigurationError, nearest
from contracts.ids import Digest, Name, Seed
from contracts.label_map import LabelMap
from contracts.mix import DataPlan
from contracts.scores import SegmentationScores

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Probability = Annotated[float, Field(ge=0, le=1)]


def _unless_said(default: object) -> Callable[[Any], bool]:
    """Whether a field stays out of an order's bytes: so fields of later releases change no digest of earlier orders."""
    return lambda value: bool(value == default)


FROZEN_PART_PATTERN = r"^(nothing|(encoder|decoder|segmentation_head|first|second)(\.[A-Za-z0-9_]+)*)$"
BMW_ARCHITECTURES = ("bmw-unet", "bmw-double-unet")
BMW_ENCODERS = ("plain", "vgg19")
DROPOUT_ARCHITECTURES = ("fpn", "deeplabv3", "deeplabv3plus", "pspnet")
DROPLESS_ARCHITECTURES = ("unet", "unetplusplus", "linknet")

FrozenPart = Annotated[str, Field(pattern=FROZEN_PART_PATTERN, max_length=200)]
"""A part of a network: `encoder`, `decoder`, `segmentation_head`, of a Double-U-Net `encoder` (that of its first
network), `first` and `second`; or a module in one of them, such as `decoder.blocks.0`."""


class Network(Document):
    """A network by name: of segmentation_models_pytorch, or of [BMW]."""

    architecture: Literal[
        "unet",
        "unetplusplus",
        "fpn",
        "deeplabv3",
        "deeplabv3plus",
        "linknet",
        "manet",
        "pan",
        "pspnet",
        "segformer",
        "upernet",
        "bmw-unet",
        "bmw-double-unet",
    ] = "unet"
    """Decoder; `bmw-unet` and `bmw-double-unet` are the U-Net and the Double-U-Net of [BMW]."""
    encoder: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] = "resnet18"
    """Encoder, by its name in segmentation_models_pytorch, or `tu-` and a timm name; the networks of [BMW] have `plain`
    and `vgg19`."""
    encoder_weights: str | None = None
    """`imagenet`, a path of a local weights file, or none for random initialisation. A checkpoint of a `bmw-unet` fills
    the whole first network of a `bmw-double-unet`."""
    weights: Annotated[str | None, Field(exclude_if=_unless_said(None), min_length=1)] = None
    """Path of the checkpoint of a run that the whole network goes on from, of the same architecture, encoder and
    classes; in place of `encoder_weights`."""
    decoder_dropout: Annotated[float | None, Field(ge=0, lt=1, exclude_if=_unless_said(None))] = None
    """Share of features that the decoders of `fpn`, `deeplabv3`, `deeplabv3plus` and `pspnet` drop while training; none
    is their own (0.2, 0.5, 0.5, 0.2). 0 is also said of `unet`, `unetplusplus` and `linknet`, which drop none."""

    @property
    def start(self) -> str | None:
        """Where weights come from, of the whole network or of its encoder."""
        return self.weights if self.weights is not None else self.encoder_weights

    def starting_from(self, source: str | None) -> Network:
        """The same network with other weights in the place of those that it names."""
        return self.model_copy(update={"weights" if self.weights is not None else "encoder_weights": source})

    @model_validator(mode="after")
    def _one_start(self) -> Network:
        if self.weights is not None and self.encoder_weights is not None:
            raise ValueError("weights, encoder_weights: give one of them, the whole network holds its encoder")
        return self

    @model_validator(mode="after")
    def _something_to_drop(self) -> Network:
        can_say = (*DROPOUT_ARCHITECTURES, *(() if self.decoder_dropout else DROPLESS_ARCHITECTURES))
        if self.decoder_dropout is not None and self.architecture not in can_say:
            raise ValueError(f"decoder_dropout: '{self.architecture}' has none that could be set, leave it out")
        return self

    @model_validator(mode="after")
    def _encoder_of_bmw(self) -> Network:
        if self.architecture in BMW_ARCHITECTURES and self.encoder not in BMW_ENCODERS:
            raise ValueError(
                f"encoder: '{self.architecture}' has no encoder '{self.encoder}', {nearest(self.encoder, BMW_ENCODERS)}"
            )
        return self


class Stage(Document):
    """A stretch of training with one setting of data and frozen parts."""

    name: Name
    on: tuple[Name, ...] | None = None
    """Dataset names (without version) whose sources take part; none is all."""
    steps: Annotated[int | None, Field(ge=1, le=10_000_000, exclude_if=_unless_said(None))] = None
    """Optimizer steps; or `epochs`."""
    epochs: Annotated[float | None, Field(gt=0, le=1_000_000, exclude_if=_unless_said(None))] = None
    """As many steps as show this many times the number of images that take part, in the shares of their sources."""
    freeze: FrozenPart | Annotated[tuple[FrozenPart, ...], Field(min_length=1, max_length=64)] = "nothing"
    """Part or parts whose parameters stay as they are (their batch statistics still update): `encoder`, `decoder`,
    `segmentation_head`, `first`, `second`, or a module in one of them, such as `decoder.blocks.0`."""
    frozen_statistics: Annotated[Literal["update", "keep"], Field(exclude_if=_unless_said("update"))] = "update"
    """Whether the batch statistics of frozen parts follow the batches, or stay and are what the parts normalise by."""
    learning_rate_factor: Positive = 1.0
    """Of the optimizer's learning rates, such as 0.2 for a gentle last stretch."""

    @model_validator(mode="after")
    def _one_length(self) -> Stage:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("a stage has steps or epochs, give one of them")
        return self

    @model_validator(mode="after")
    def _something_to_keep(self) -> Stage:
        if self.frozen_statistics == "keep" and not self.frozen_parts:
            raise ValueError("frozen_statistics: nothing is frozen whose statistics could be kept, set freeze too")
        return self

    @property
    def frozen_parts(self) -> tuple[str, ...]:
        """Names of what stays as it is."""
        parts = (self.freeze,) if isinstance(self.freeze, str) else self.freeze
        return tuple(part for part in parts if part != "nothing")


class StepDecay(Document):
    """Learning rates multiplied by a factor every so many steps of a stage."""

    kind: Literal["step"]
    every_steps: Annotated[int, Field(ge=1)]
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1


class ReduceOnPlateau(Document):
    """Learning rates multiplied by a factor whenever a score has not improved for a while, anew in each stage."""

    kind: Literal["reduce_on_plateau"]
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: Annotated[int, Field(ge=0)] = 6
    """Evaluations without improvement that are borne; at the next one the rates are lowered."""
    metric: Literal["validation.mean_iou", "validation.loss"] = "validation.loss"


class Optimizer(Document):
    """Optimizer and learning rates."""

    kind: Literal["adam", "adamw", "sgd"] = "adam"
    encoder_lr: Positive = 2.0e-4
    """Learning rate of the encoder."""
    decoder_lr: Positive = 2.5e-4
    """Learning rate of everything else."""
    weight_decay: NonNegative = 3.0e-4
    encoder_weight_decay: Annotated[NonNegative | None, Field(exclude_if=_unless_said(None))] = None
    """Of the encoder ([Volvo]'s *layer weight decay*); none is `weight_decay`, too."""
    schedule: Literal["constant", "cosine"] | Annotated[StepDecay | ReduceOnPlateau, Field(discriminator="kind")] = (
        "constant"
    )
    """Over the steps of each stage: `constant`, `cosine`, or by its `kind`."""
    clip_norm: Annotated[Positive | None, Field(exclude_if=_unless_said(None))] = None
    """Largest norm of all gradients together; longer ones are shortened to it."""


class ExponentialAverage(Document):
    """A running average of the weights, which is validated, kept and tested in their stead."""

    decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Of the average, a step; less in the first steps."""


class Loss(Document):
    """Weights of the loss's terms."""

    bce: NonNegative = 1.0
    """Binary cross entropy with logits, mean over classes and counted pixels."""
    dice: NonNegative = 1.0
    """1 - soft Dice, mean over classes."""
    iou: Annotated[NonNegative, Field(exclude_if=_unless_said(0.0))] = 0.0
    """1 - soft intersection over union, mean over classes."""
    focal: Annotated[NonNegative, Field(exclude_if=_unless_said(0.0))] = 0.0
    """Focal loss (Lin et al., 2017): the cross entropy times (1 - probability of the truth) to the power of gamma."""
    focal_gamma: Annotated[NonNegative, Field(exclude_if=_unless_said(2.0))] = 2.0
    cross_entropy: Annotated[NonNegative, Field(exclude_if=_unless_said(0.0))] = 0.0
    """Cross entropy of a softmax over background and the classes, which exclude each other: each learns from the
    others' pixels. Dice and IoU are then of its probabilities too, so it does not go with bce or focal, which take each
    class by itself."""
    mean_over: Annotated[Literal["occurring", "all"], Field(exclude_if=_unless_said("occurring"))] = "occurring"
    """Classes whose Dice and IoU count: those that occur in the batch, or all, so that the loss is the mean of the
    labels' losses ([Volvo])."""
    class_weights: Annotated[dict[str, Positive], Field(exclude_if=_unless_said({}))] = {}
    """Weight of a class in every mean over classes; 1 where none is given."""

    def check_classes(self, classes: Sequence[str]) -> None:
        """Refuse weights of classes that there are not.

        Raises:
            ConfigurationError: There is such a weight; the hint names the nearest class.
        """
        for name in self.class_weights:
            if name not in classes:
                raise ConfigurationError(
                    f"loss.class_weights: the label map has no class '{name}'", hint=nearest(name, classes)
                )

    @model_validator(mode="after")
    def _something(self) -> Loss:
        if self.bce + self.dice + self.iou + self.focal + self.cross_entropy <= 0:
            raise ValueError("one of bce, dice, iou, focal and cross_entropy must be positive")
        if self.cross_entropy and (self.bce or self.focal):
            raise ValueError("cross_entropy takes classes together, bce and focal each by itself: set those to 0")
        return self

    @property
    def is_exclusive(self) -> bool:
        """Whether probabilities are those of a softmax over background and classes; else a sigmoid each."""
        return self.cross_entropy > 0


class Augmentation(Document):
    """Random changes of training images, by their albumentations names where one exists."""

    horizontal_flip: Probability = 0.5
    """HorizontalFlip."""
    scale: tuple[Positive, Positive] = (0.75, 1.33)
    """RandomResizedCrop-like zoom: linear factor range."""
    rotate_deg: Annotated[float, Field(ge=0, le=180)] = 7.0
    """Affine: largest rotation."""
    brightness_contrast: Probability = 0.5
    """RandomBrightnessContrast."""
    hue_saturation: Probability = 0.3
    """HueSaturationValue."""
    blur: Probability = 0.2
    """GaussianBlur."""
    noise: Probability = 0.2
    """GaussNoise."""
    jpeg: Probability = 0.2
    """ImageCompression."""
    transforms: Annotated[tuple[Transform, ...], Field(max_length=64, exclude_if=_unless_said(()))] = ()
    """Further changes by their albumentations names with parameters, in this order, after those above."""
    paste: Annotated[Paste | None, Field(exclude_if=_unless_said(None))] = None
    """Things of other training images put onto an image, before all other changes; none pastes nothing."""

    @model_validator(mode="after")
    def _ordered(self) -> Augmentation:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale: the range {list(self.scale)} is upside down, write [smallest, largest]")
        return self


class EarlyStopping(Document):
    """When to stop before the steps are used up; the best checkpoint by the metric is the result either way."""

    metric: Literal["validation.mean_iou", "validation.loss"] = "validation.mean_iou"
    patience: Annotated[int, Field(ge=1)] = 10
    """Evaluations without improvement, after which a stage ends."""


class TrainingSpec(Document):
    """A training run, as a user writes it."""

    schema_version: SchemaVersion
    name: Name | None = None
    label_map: Name | dict[str, list[str]] | LabelMap
    """Name of a shipped map, or classes with the source labels merged into each."""
    data: DataPlan
    network: Network = Network()
    image_size: tuple[SidePx, SidePx] = (128, 128)
    """Width, height in pixels that images are scaled to."""
    batch_size: Annotated[int, Field(ge=1, le=65536)] = 16
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=32)]
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    accumulate_batches: Annotated[int, Field(ge=1, le=4096, exclude_if=_unless_said(1))] = 1
    """Batches whose gradients make up an optimizer step; batch statistics are still taken over one."""
    ema: Annotated[ExponentialAverage | None, Field(exclude_if=_unless_said(None))] = None
    """Running average of the weights to validate, keep and test; none keeps the weights themselves."""
    augmentation: Augmentation = Augmentation()
    early_stopping: EarlyStopping | None = None
    evaluate_every_steps: Annotated[int, Field(ge=1)] | Literal["epoch"] = 50
    """Steps between evaluations on the validation images; `epoch`: those of one epoch of the stage."""
    precision: Literal["auto", "float32", "mixed"] = "auto"
    """`auto` is mixed on a GPU and float32 elsewhere."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    processes: Annotated[int, Field(ge=1, le=1024, exclude_if=_unless_said(1))] = 1
    """Processes that share every batch, each with a GPU of its own or with a part of the processors."""
    deterministic: Annotated[bool, Field(exclude_if=_unless_said(False))] = False
    """Whether a GPU, too, must give the same bits every time: operations that can't are refused. A CPU always does."""
    seed: Seed = 0

    @property
    def known_steps(self) -> int:
        """Optimizer steps of all stages; 0 where one has epochs, whose length only the images tell."""
        steps = [stage.steps for stage in self.stages]
        return 0 if None in steps else sum(filter(None, steps))

    @model_validator(mode="after")
    def _stages_on_data(self) -> TrainingSpec:
        names = {source.dataset.split("@")[0] for source in self.data.train}
        is_double = self.network.architecture == "bmw-double-unet"
        parts = ("encoder", "first", "second") if is_double else ("encoder", "decoder", "segmentation_head")
        for number, stage in enumerate(self.stages):
            for part in stage.frozen_parts:
                if part.split(".")[0] not in parts:
                    raise ValueError(f"stages.{number}.freeze: no part '{part}', {nearest(part, parts)}")
            for name in stage.on or ():
                if name not in names and self.data.train:  # those of a mix are known when it has been read
                    raise ValueError(f"stages.{number}.on: no training source '{name}', {nearest(name, names)}")
        paste = self.augmentation.paste
        for field in ("of", "onto") if paste is not None and self.data.train else ():
            for name in getattr(paste, field) or ():
                if name not in names:
                    raise ValueError(f"augmentation.paste.{field}: no training source '{name}', {nearest(name, names)}")
        if self.processes > self.batch_size:
            raise ValueError(
                f"processes: {self.processes} can't share batches of {self.batch_size}, each takes an image at least"
            )
        if len({stage.name for stage in self.stages}) < len(self.stages):
            raise ValueError("stages: names must be unique")
        return self


class TrainingOrder(Document):
    """What the trainer's process is started with: a spec whose every name is resolved."""

    schema_version: SchemaVersion = 1
    run: Name
    """Id of the run."""
    spec: TrainingSpec
    label_map: LabelMap
    versions: dict[str, Digest]
    """Manifest digest of every `name@version` in the spec."""
    store: Annotated[str, Field(min_length=1)]
    """fsspec URL or path of the content-addressed store."""
    workspace: Annotated[str, Field(min_length=1)]
    """Folder for checkpoints, curves, pictures, report and result; what lies there is resumed."""
    cache: Annotated[str, Field(min_length=1)]
    """Folder for decoded images."""


class CurvePoint(Document):
    """One evaluation during training."""

    step: int
    stage: str
    train_loss: float
    validation_loss: float
    validation_mean_iou: float
    seconds: float


class RunResult(Document):
    """What a training run found."""

    schema_version: SchemaVersion = 1
    run: Name
    order_digest: Digest
    """Of the order's spec, label map and versions: the same digest asks for the same run."""
    best_step: int
    steps: int
    stopped_early: bool
    training_images: dict[str, int]
    """Images used, by source."""
    validation_images: int
    validation: SegmentationScores
    """Of the best checkpoint."""
    test: SegmentationScores
    """Of the best checkpoint, on the whole test set."""
    curve: tuple[CurvePoint, ...]
    seconds: float
    seconds_per_step: float
    files: dict[str, str]
    """Checkpoint, report and pictures, relative to the workspace."""
    environment: dict[str, Any]
    """Versions, device and determinism of the run."""
    batch_parts: Annotated[int, Field(ge=1, exclude_if=_unless_said(1))] = 1
    """Parts that each batch was learned from, one after the other, since memory did not hold it whole; batch
    statistics, Dice and IoU in the loss are then those of a part."""
    classes_not_shown: Annotated[tuple[str, ...], Field(exclude_if=_unless_said(()))] = ()
    """Classes of which no training image shows a pixel: nothing could be learned of them."""
