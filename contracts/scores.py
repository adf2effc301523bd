"""What a network scored on a set of images: by class, with intervals, calibration, and parts of the set."""

from __future__ import annotations

from contracts.document import Document


class ClassScore(Document):
    """Scores of one class over a set of images."""

    iou: float | None
    """Intersection over union of all pixels of the set; none where neither truth nor prediction has any."""
    precision: float | None
    recall: float | None
    truth_px: int
    predicted_px: int
    dice: float | None = None
    """Twice the shared pixels over those of truth and prediction; none where there are none."""
    boundary_f: float | None = None
    """Harmonic mean of the shares of predicted and true boundary pixels of the set that lie within 0.75 % of the
    image's diagonal of the other map's (Csurka et al., 2013); none where not measured."""


Interval = tuple[float, float]
"""Lowest, highest."""


class ClassIntervals(Document):
    """Intervals of one class's scores."""

    iou: Interval | None
    dice: Interval | None
    boundary_f: Interval | None


class ScoreIntervals(Document):
    """Percentile bootstrap over whole groups of images; none where a score can't be taken in most resamples."""

    confidence: float
    resamples: int
    groups: int
    """Groups that were drawn from."""
    grouped: bool
    """Whether the images say their groups; else each is one of its own."""
    mean_dataset_iou: Interval | None
    mean_image_iou: Interval | None
    mean_dice: Interval | None
    mean_boundary_f: Interval | None
    classes: dict[str, ClassIntervals]


class CalibrationBin(Document):
    """Pixels of about one confidence."""

    pixels: int
    confidence: float
    """Mean."""
    accuracy: float
    """Share that is predicted right."""


class Calibration(Document):
    """How far confidence is from accuracy."""

    error: float
    """Expected calibration error: mean distance over the bins, weighted by their pixels."""
    bins: tuple[CalibrationBin, ...]
    """Those of ten equal bins of the confidence from 0.5 to 1 that hold a pixel."""


class CalibrationScores(Document):
    """Calibration over a set of images (Guo et al., 2017)."""

    all: Calibration | None
    """Over all counted pixels."""
    classes: Calibration | None
    """Over those of them where a class is predicted."""


class PartScore(Document):
    """Scores of a part of a set of images."""

    of: str
    """`group`, or what a slice goes by: `brightness`, `visible area`, or a parameter of the generator."""
    part: str
    """The group, or the slice's value or range."""
    images: int
    mean_dataset_iou: float | None
    """Over the classes that occur in the part; none where none does."""
    mean_image_iou: float
    difference: float | None
    """Mean dataset IoU less that of the other images, over the classes that occur in both."""
    difference_interval: Interval | None
    """Bootstrap over groups; none for groups themselves."""


class SegmentationScores(Document):
    """Scores over a whole set of images."""

    images: int
    dataset_iou: dict[str, float | None]
    """By class, over all pixels of the set ([BMW]: per-pixel IoU, classes weighted equally)."""
    mean_dataset_iou: float
    """Mean over classes that occur in the truth, background left out."""
    mean_image_iou: float
    """Mean over images of the mean over classes of the image's IoU; empty against empty is 1 ([Volvo])."""
    classes: dict[str, ClassScore]
    loss: float | None = None
    mean_dice: float | None = None
    """Mean over classes that occur in the truth."""
    mean_boundary_f: float | None = None
    """Mean over classes that occur in the truth; none where not measured, as on validation images."""
    calibration: CalibrationScores | None = None
    intervals: ScoreIntervals | None = None
    groups: tuple[PartScore, ...] = ()
    """By group, where some group holds several images."""
    slices: tuple[PartScore, ...] = ()
    """By brightness, visible area, viewpoint and what the generator drew."""
