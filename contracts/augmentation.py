"""Random changes of training images by their albumentations names: the ten of [Volvo], and what cameras do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.document import Document
from contracts.ids import Name

Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class _Change(Document):
    p: Probability = 0.5
    """Share of the images that are changed."""

    @model_validator(mode="after")
    def _ordered(self) -> _Change:
        for name, value in self:
            if isinstance(value, tuple) and len(value) == 2 and value[0] > value[1]:
                raise ValueError(f"{name}: the range {list(value)} is upside down, write [smallest, largest]")
        return self


class RandomRotate90(_Change):
    """A turn by 0, 90, 180 or 270 degrees; an image that is not square is then scaled to its size again."""

    name: Literal["RandomRotate90"]


class RandomCrop(_Change):
    """A part of the image at a random place, scaled to the image's size."""

    name: Literal["RandomCrop"]
    width_share: Share = 0.75
    """Of the image's width."""
    height_share: Share = 0.75


class CoarseDropout(_Change):
    """Rectangles painted over in one colour (Cutout)."""

    name: Literal["CoarseDropout"]
    holes: tuple[Annotated[int, Field(ge=1, le=64)], Annotated[int, Field(ge=1, le=64)]] = (1, 8)
    """Smallest and largest number."""
    side_share: tuple[Share, Share] = (0.05, 0.15)
    """Of the image's width and height."""
    mask: Literal["keep", "ignore"] = "keep"
    """Whether covered pixels keep their class, as Cutout has it, or are left out of the loss."""


class ShiftScaleRotate(_Change):
    """A shift, a scaling and a rotation."""

    name: Literal["ShiftScaleRotate"]
    shift_share: Annotated[float, Field(ge=0, le=1)] = 0.0625
    """Largest, of the image's width and height."""
    scale: tuple[Positive, Positive] = (0.9, 1.1)
    rotate_deg: Annotated[float, Field(ge=0, le=180)] = 45.0
    """Largest, either way."""


class Solarize(_Change):
    """Values from a threshold on inverted."""

    name: Literal["Solarize"]
    threshold: tuple[Probability, Probability] = (0.5, 0.5)
    """Of the range of values."""


class RandomBrightnessContrast(_Change):
    """Brightness and contrast."""

    name: Literal["RandomBrightnessContrast"]
    brightness: Probability = 0.2
    """Largest change, of the range of values."""
    contrast: Probability = 0.2
    """Largest change of the factor."""


class ElasticTransform(_Change):
    """Pixels displaced at random, smoothly."""

    name: Literal["ElasticTransform"]
    alpha: Positive = 30.0
    """Scale of the displacements: in pixels, before smoothing."""
    sigma_px: Positive = 6.0
    """Of the Gaussian that smooths them."""


class RandomFog(_Change):
    """Grey circles as of fog, blurred."""

    name: Literal["RandomFog"]
    density: tuple[Share, Share] = (0.3, 1.0)
    alpha: Probability = 0.08
    """Opacity of a circle."""


class GridDistortion(_Change):
    """The cells of a grid stretched at random."""

    name: Literal["GridDistortion"]
    cells: Annotated[int, Field(ge=1, le=64)] = 5
    """A side."""
    distort: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Largest change of a cell's side."""


class HueSaturationValue(_Change):
    """Hue, saturation and value."""

    name: Literal["HueSaturationValue"]
    hue_deg: Annotated[float, Field(ge=0, le=180)] = 40.0
    """Largest turn, either way."""
    saturation: Annotated[float, Field(ge=0, le=255)] = 30.0
    """Largest change, of 255."""
    value: Annotated[float, Field(ge=0, le=255)] = 20.0
    """Largest change, of 255."""


class GaussNoise(_Change):
    """Noise of a sensor's electronics: the same at every brightness."""

    name: Literal["GaussNoise"]
    standard_deviation: tuple[Probability, Probability] = (0.02, 0.1)
    """Of the range of values."""


class ShotNoise(_Change):
    """Noise of photons: more in bright places, less of the value itself."""

    name: Literal["ShotNoise"]
    scale: tuple[Positive, Positive] = (0.001, 0.01)
    """Larger is noisier: at middle grey a standard deviation of 4 of 255 at 0.001, 12 at 0.01, and 50 at 0.1."""


class ImageCompression(_Change):
    """JPEG."""

    name: Literal["ImageCompression"]
    quality: tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]] = (40, 95)


class GaussianBlur(_Change):
    """A soft lens."""

    name: Literal["GaussianBlur"]
    sigma_px: tuple[NonNegative, NonNegative] = (0.5, 2.0)


class MotionBlur(_Change):
    """The camera, or all there is to see, moves while the shutter is open."""

    name: Literal["MotionBlur"]
    length_px: tuple[Annotated[int, Field(ge=3, le=99)], Annotated[int, Field(ge=3, le=99)]] = (3, 7)


class Defocus(_Change):
    """The lens is focussed elsewhere."""

    name: Literal["Defocus"]
    radius_px: tuple[Annotated[int, Field(ge=1, le=50)], Annotated[int, Field(ge=1, le=50)]] = (1, 3)


class RandomGamma(_Change):
    """Exposure and tone: values to the power of gamma."""

    name: Literal["RandomGamma"]
    gamma: tuple[Annotated[float, Field(ge=0.01, le=100)], Annotated[float, Field(ge=0.01, le=100)]] = (0.6, 1.6)


class PlanckianJitter(_Change):
    """White balance: as under a black body of another temperature (Zini et al., 2022)."""

    name: Literal["PlanckianJitter"]
    temperature_k: tuple[
        Annotated[int, Field(ge=3000, le=6000)],
        Annotated[int, Field(ge=6000, le=15000)],
    ] = (4000, 12000)
    """Warmest and coolest; the image as it is counts as 6000 K."""


Transform = Annotated[
    RandomRotate90
    | RandomCrop
    | CoarseDropout
    | ShiftScaleRotate
    | Solarize
    | RandomBrightnessContrast
    | ElasticTransform
    | RandomFog
    | GridDistortion
    | HueSaturationValue
    | GaussNoise
    | ShotNoise
    | ImageCompression
    | GaussianBlur
    | MotionBlur
    | Defocus
    | RandomGamma
    | PlanckianJitter,
    Field(discriminator="name"),
]
"""A random change, by its albumentations name."""


class Paste(Document):
    """Cut and paste: things of other training images, with their masks, put onto an image before all other changes."""

    p: Probability = 0.5
    """Share of the images that things are put onto."""
    things: tuple[Annotated[int, Field(ge=1, le=32)], Annotated[int, Field(ge=1, le=32)]] = (1, 3)
    """Smallest and largest number."""
    of: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """Dataset names (without version) of the training sources that things are cut from; none is all."""
    onto: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    """Dataset names of the sources whose images things are put onto; none is all."""
    cut: Literal["object", "class"] = "object"
    """`object` is a connected region of any classes, such as a whole vehicle with its parts; `class` is one of a single
    class."""
    scale: tuple[Positive, Positive] = (0.5, 1.25)
    """Linear factor range."""
    smallest_share: Share = 0.002
    """Of its image that a region must cover to be cut out."""

    @model_validator(mode="after")
    def _ordered(self) -> Paste:
        for name, value in (("things", self.things), ("scale", self.scale)):
            if value[0] > value[1]:
                raise ValueError(f"{name}: the range {list(value)} is upside down, write [smallest, largest]")
        return self
