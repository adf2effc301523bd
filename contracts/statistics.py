"""What a dataset version holds, in numbers, and how two versions differ."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.document import Document, SchemaVersion
from contracts.frame_spec import LabelName
from contracts.ids import Digest
from contracts.label_map import LabelMap

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _absent(value: object) -> bool:
    return value is None


Applied = Annotated[LabelMap | None, Field(exclude_if=_absent)]


class Histogram(Document):
    """Counts between edges; a value on an inner edge belongs to the bin above it, the last edge to the last bin."""

    edges: tuple[float, ...]
    counts: tuple[Count, ...]


class NumberSummary(Document):
    """A number of every frame."""

    count: Count
    """Frames that have it."""
    minimum: float
    maximum: float
    mean: float
    standard_deviation: Annotated[float, Field(ge=0)]
    """Of the sample, with n - 1."""
    histogram: Histogram


class ChoiceSummary(Document):
    """A word of every frame."""

    counts: dict[str, Count]
    """By word, most frequent first; at most 50 words."""
    other: Count = 0
    """Frames with any further word."""


class ClassStatistics(Document):
    """One label."""

    name: LabelName
    color: tuple[int, int, int]
    images: Count
    """Frames that show it."""
    frequency: Share
    """`images` over all frames."""
    pixels: Count
    pixel_share: Share
    """`pixels` over all pixels but the ignored."""
    area_share: NumberSummary | None
    """Share of the image that it covers, in the frames that show it, in logarithmic bins; none where none does."""
    area_share_mean: float
    """Over all frames, 0 where it is not shown."""
    area_share_standard_deviation: Annotated[float, Field(ge=0)]
    """Over all frames."""
    location: tuple[tuple[Share, ...], ...]
    """Share of its pixels in each cell of an 8x8 grid over the image, rows from the top; zeros where none shows it."""
    instances: Count
    """Labelled things; 0 where the frames have none, as imported masks."""
    instances_per_image: dict[str, Count]
    """Frames by number of instances, `10+` the last; over all frames that have instances of any label."""
    instance_area_px: NumberSummary | None
    """Visible pixels of an instance, in logarithmic bins."""


class VersionStatistics(Document):
    """A version in numbers; a function of its content."""

    schema_version: SchemaVersion = 1
    digest: Digest
    label_map: Applied = None
    """Applied to masks and instances before they were counted; left out where labels are the version's own."""
    frames: Count
    sizes: dict[str, Count]
    """Frames by `WxH`, most frequent first; at most 50."""
    splits: dict[str, Count]
    groups: Count
    """Different groups."""
    ignored_share: Share
    """Pixels without a label over all pixels."""
    classes: tuple[ClassStatistics, ...]
    """In the order of their ids, background first."""
    cooccurrence: tuple[tuple[Count, ...], ...]
    """Frames that show both the row's and the column's class."""
    image: dict[str, NumberSummary]
    """Of every image, 0 to 1: `brightness` and `contrast` (mean and standard deviation of luma), `saturation`, and the
    mean of `red`, `green`, `blue`; sRGB values."""
    viewpoint: dict[str, NumberSummary]
    """Of every camera that is known: where it stands about the world's origin, and how wide it sees."""
    numbers: dict[str, NumberSummary]
    """Sampled generator parameters that are numbers, as `randomizer.field`; vectors as `randomizer.field[0]`."""
    choices: dict[str, ChoiceSummary]
    """Sampled generator parameters that are words or truth values."""


class Shift(Document):
    """How a number differs between two versions."""

    mean: float
    """In the version asked for."""
    against_mean: float
    """In the version it is compared with."""
    effect_size: float | None
    """Cohen's d: the difference of the means over the pooled standard deviation; none where nothing varies."""


class PixelDifference(Document):
    """How far the pixels of two frames of one specification lie apart."""

    image: Share
    """Pixels whose colour differs, over all."""
    image_mean: Annotated[float, Field(ge=0, le=255)]
    """Absolute difference of sRGB values of 0 to 255, the mean over pixels and channels."""
    image_most: Annotated[int, Field(ge=0, le=255)]
    """The largest of these differences."""
    mask: Share | None
    """Pixels that bear another label, over all; none where one of the frames has no mask."""


class FrameDifference(Document):
    """A frame that is in both versions with different files."""

    index: Count
    """In the version asked for."""
    against_index: Count
    files: tuple[str, ...]
    """Roles whose bytes differ."""
    pixels: PixelDifference | None = None
    """Of the first 50 frames that both versions rendered to one specification at one size; none of the others."""


class FrameDifferences(Document):
    """Frames of two versions side by side. Frames with the same files are the same wherever they stand; others belong
    together when they have one source file and split, or one seed and index."""

    same: Count
    added: Count
    removed: Count
    changed: Count
    added_indices: tuple[Count, ...]
    """In the version asked for; the first 1000."""
    removed_indices: tuple[Count, ...]
    """In the version it is compared with; the first 1000."""
    changed_frames: tuple[FrameDifference, ...]
    """The first 1000."""


class VersionDiff(Document):
    """What a version has that another has not."""

    version: str
    against: str
    digest: Digest
    against_digest: Digest
    label_map: Applied = None
    """Applied to both; left out where labels are the versions' own. Frames are compared by their files all the same."""
    frames: FrameDifferences
    labels_added: tuple[str, ...]
    labels_removed: tuple[str, ...]
    areas: dict[str, Shift]
    """By label: share of the image that it covers, over all frames."""
    frequencies: dict[str, Shift]
    """By label: share of the frames that show it; the effect size is Cohen's h."""
    image: dict[str, Shift]
    viewpoint: dict[str, Shift]
    numbers: dict[str, Shift]
    """Sampled parameters that both versions have."""
    choices: dict[str, Share]
    """Total variation distance of the words: 0 the same, 1 nothing in common."""
