"""What is known of a rendered or imported frame: the player's sidecar, and the record that a dataset keeps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.camera import Camera, Exposure
from contracts.document import Document, SchemaVersion
from contracts.frame_spec import Facts, FrameIdentity, LabelName
from contracts.ids import Digest, Name
from contracts.sensor import SensorEffects

IMAGE_FILE = "image.png"
MASK_FILE = "mask.png"
INSTANCES_FILE = "instances.png"
DEPTH_FILE = "depth.png"
SIDECAR_FILE = "sidecar.json"
RECORD_FILE = "record.json"
"""Names in a frame's staging folder. `record.json` is written last: a frame with a record is done."""

FileRole = Literal["image", "mask", "instances", "depth"]


_Place = Annotated[int, Field(ge=0, le=2**31 - 1)]
_Extent = Annotated[int, Field(ge=1, le=2**31 - 1)]


def _unknown(value: object) -> bool:
    """Whether a field stays out of the bytes: so fields of later releases change no digest of earlier ones."""
    return value is None


class PlayerIdentity(Document):
    """Which player rendered a frame."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    version: Annotated[str, Field(min_length=1, max_length=64)]


class Instance(Document):
    """One labelled thing in a frame."""

    id: Annotated[int, Field(ge=1, le=65535)]
    """Value in the instance mask; from 1 in order where the frame has boxes only."""
    label: LabelName
    area_px: Annotated[int, Field(ge=1, le=2**53 - 1)]
    """Visible pixels; those of the box where the frame has boxes only."""
    box: tuple[_Place, _Place, _Extent, _Extent]
    """x, y, width, height of the visible pixels: from the top left corner, half open."""
    visible_fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    """Visible pixels over those it would cover in the image with nothing before it; none when not measured."""
    truncated: Annotated[bool | None, Field(exclude_if=_unknown)] = None
    """Whether it reaches out of the image; left out where the source does not say."""
    occluded: Annotated[bool | None, Field(exclude_if=_unknown)] = None
    """Whether something hides a part of it; left out where the source does not say."""


class FrameSidecar(Document):
    """Written by the player beside the images of a frame."""

    schema_version: SchemaVersion = 1
    frame: FrameIdentity
    """As the spec said."""
    spec_digest: Digest
    """Over the bytes of the spec as received."""
    camera: Camera
    """As rendered."""
    exposure: Exposure
    sensor: SensorEffects = SensorEffects()
    """As rendered; a player that leaves it out has rendered no such effects."""
    facts: Facts = {}
    """As the spec said."""
    instances: tuple[Instance, ...]
    """In the order of their ids."""
    files: dict[FileRole, Digest]
    """Over the bytes of each file as written."""
    player: PlayerIdentity


class GeneratorReference(Document):
    """A generator by name and digest."""

    name: Name
    digest: Digest


class RecordCamera(Document):
    """A camera as a line of `frames.jsonl` shows it."""

    K: tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]
    distortion: tuple[float, ...]
    world_from_camera: tuple[tuple[float, float, float, float], ...]


class FrameRecord(Document):
    """A frame of a dataset version: a line of `frames.jsonl`."""

    index: Annotated[int, Field(ge=0)]
    """Place in the version, from 0, without holes."""
    seed: int | None = None
    """Of the request; none for real images."""
    generator: GeneratorReference | None = None
    spec_digest: Digest | None = None
    attempt: Annotated[int, Field(ge=0)] = 0
    """Redraws after rejected content."""
    parameters: dict[str, Any] = {}
    """Every sampled value as `randomizer.field`."""
    facts: Facts = {}
    """What composing the frame has settled, such as how the belt is worn and where it runs."""
    camera: RecordCamera | None = None
    instances: tuple[Instance, ...] = ()
    files: dict[FileRole, Digest]
    size: tuple[int, int]
    """Width, height in pixels."""
    player: PlayerIdentity | None = None
    split: Name | None = None
    """Named part of the version; none is the whole."""
    group: str | None = None
    """Frames that share a person, car, drive; splits never cut a group."""
    source: str | None = None
    """File name of an imported image, relative to the imported folder."""
    checks: tuple[str, ...] = ()
    """Names of content checks that rejected earlier attempts of this frame, in order."""
