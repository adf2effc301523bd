"""The generator: what a user writes to get images. Resolved (extends merged, overrides applied) it has one digest."""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from contracts.calibration import Calibration, read_calibration
from contracts.camera import SidePx
from contracts.distributions import NumberDistribution, Within
from contracts.document import Document, SchemaVersion, is_path, read_file, read_yaml, validate
from contracts.errors import ConfigurationError, NotFoundError, nearest
from contracts.frame_spec import BACKGROUND_ID, Byte, Fraction, Label, LabelName
from contracts.ids import Name, canonical_json, digest_of
from contracts.overrides import apply_overrides, merge
from contracts.own_assets import FoundFile, OwnAssets, with_own_files
from contracts.randomizers.cabin import CabinRandomizer
from contracts.randomizers.common import Choice, Light, Sensor, SunDirection
from contracts.randomizers.exterior import ExteriorRandomizer

MAXIMUM_FRAMES = 1_000_000
"""Most frames in one request."""
_MAXIMUM_ANCESTORS = 16

AnyRandomizer = Annotated[
    SunDirection | Light | Sensor | Choice | ExteriorRandomizer | CabinRandomizer, Field(discriminator="kind")
]


class CameraSettings(Document):
    """The camera's picture; where it stands is a randomizer's business."""

    size: tuple[SidePx, SidePx]
    """Width, height in pixels."""
    horizontal_fov_deg: Annotated[NumberDistribution, Within(5, 150)] = 60.0
    """Horizontal field of view, where there is no calibration."""
    calibration: Annotated[Calibration | None, Field(exclude_if=lambda calibration: calibration is None)] = None
    """Of a real camera, in place of the field of view; in a file, the path of its file, from where it is named. Not
    written where there is none, so that generators without one keep their digest."""

    @model_validator(mode="after")
    def _calibration_fits(self) -> CameraSettings:
        if self.calibration is not None and not self.calibration.fits(self.size):
            width, height = self.calibration.size
            fitting = round(self.size[0] * height / width)
            raise ValueError(
                f"size: {self.size[0]}x{self.size[1]} is not the calibration's {width}x{height} scaled; "
                f"{self.size[0]}x{fitting} would be"
            )
        return self


class LabelSettings(Document):
    """A class of the masks."""

    id: Annotated[int, Field(ge=1, le=254)] | None = None
    """Value in the masks; where not given, the first that is free, from 1, in the order written."""
    must_appear_in: str | None = None
    """Variant of a `Choice` randomizer in whose frames the gate demands this label; `always` for every frame."""
    color: tuple[Byte, Byte, Byte] | None = None
    """sRGB for palettes; chosen when not given."""


class QualitySettings(Document):
    """What the gate holds frames to."""

    unlabelled_pixels_max: Fraction = 0.001
    """Largest share of pixels that no label covers."""
    must_appear_min_px: Annotated[int, Field(ge=1)] = 8
    """Pixels from which a label that must appear does."""
    redraws_max: Annotated[int, Field(ge=0, le=100)] = 8
    """Redraws of a frame whose content is rejected, before the batch fails."""


class RenderEffort(Document):
    """How much work a renderer spends on a frame."""

    samples_per_pixel: Annotated[int, Field(ge=1, le=4096)] = 16
    """Paths per pixel."""
    maximum_bounces: Annotated[int, Field(ge=1, le=64)] = 6
    """Longest path."""
    denoise: bool = True
    """Whether to denoise the colour image."""


class Generator(Document):
    """A resolved generator."""

    schema_version: SchemaVersion
    name: Name
    description: str = ""
    scenario: Literal["exterior", "cabin"]
    """The scene family."""
    camera: CameraSettings
    render: RenderEffort = RenderEffort()
    randomizers: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")], AnyRandomizer], Field(min_length=1)
    ]
    """By name; the name is the name of its random stream."""
    labels: Annotated[dict[LabelName, LabelSettings], Field(min_length=1, max_length=254)]
    """Classes in the order of their ids; everything else is background."""
    quality: QualitySettings = QualitySettings()
    assets: Annotated[OwnAssets | None, Field(exclude_if=lambda assets: assets is None)] = None
    """Own files to draw from. Not written where there are none, so that generators without any keep their digest."""

    @model_validator(mode="after")
    def _consistent(self) -> Generator:
        variants = {word for item in self.randomizers.values() if isinstance(item, Choice) for word in item.of}
        ids = [label.id for label in self.labels.values() if label.id is not None]
        if len(set(ids)) < len(ids):
            raise ValueError("labels: two have the same id")
        if self.assets is not None:
            self._check_assets(self.assets)
        for name, label in self.labels.items():
            if name == "background":
                raise ValueError("labels: background is always there with id 0; leave it out")
            wanted = label.must_appear_in
            if wanted is not None and wanted != "always" and wanted not in variants:
                raise ValueError(
                    f"labels.{name}.must_appear_in: no Choice randomizer has a variant '{wanted}', "
                    f"{nearest(wanted, variants | {'always'})}"
                )
        return self

    def _check_assets(self, assets: OwnAssets) -> None:
        if "assets" in self.randomizers:
            raise ValueError("randomizers.assets: which own files are drawn is recorded by this name; take another")
        if assets.vehicles and self.scenario != "exterior":
            raise ValueError("assets.vehicles: only the scenario 'exterior' shows own vehicles")
        always = [name for name, label in self.labels.items() if label.must_appear_in == "always"]
        for vehicle, own in assets.vehicles.items():
            for part, label in own.parts.items():
                if label != "background" and label not in self.labels:
                    raise ValueError(
                        f"assets.vehicles.{vehicle}.parts.{part}: the generator has no label '{label}', "
                        f"{nearest(label, {*self.labels, 'background'})}"
                    )
            if missing := [label for label in always if label not in own.parts.values()]:
                raise ValueError(
                    f"assets.vehicles.{vehicle}.parts: none is '{missing[0]}', which must appear in every frame; "
                    f"label one, or set labels.{missing[0]}.must_appear_in to null"
                )

    def label_table(self) -> tuple[Label, ...]:
        """Background and the generator's labels with their ids and colours."""
        ids = label_ids({name: label.id for name, label in self.labels.items()})
        table = [
            Label(id=ids[name], name=name, color=label.color or palette_color(ids[name]))
            for name, label in self.labels.items()
        ]
        background = Label(id=0, name="background", color=(0, 0, 0))
        return (background, *sorted(table, key=lambda label: label.id))

    def digest(self) -> str:
        """SHA-256 over the resolved document's canonical JSON."""
        return digest_of(canonical_json(self))


def label_ids(given: Mapping[str, int | None]) -> dict[str, int]:
    """Ids of labels: those given, and for the others the first that is free, from 1, in their order."""
    taken = set(given.values())
    free = (number for number in itertools.count(1) if number not in taken)
    return {name: next(free) if number is None else number for name, number in given.items()}


def palette_color(number: int) -> tuple[int, int, int]:
    """A bright sRGB colour, far in hue from its neighbours': the hue turns by the golden section from id to id.

    That of background is black.
    """
    if number == BACKGROUND_ID:
        return 0, 0, 0
    hue = number * 0.618033988749895 % 1.0
    saturation, value = ((0.85, 0.95), (0.6, 0.95), (0.9, 0.75))[number % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def generator_names(folder: Path) -> list[str]:
    """Names of the generators in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def load_generator(
    name_or_path: str,
    folder: Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    size: tuple[int, int] | None = None,
    allow_paths: bool = True,
    found: FoundFile = lambda digest, path: None,
) -> Generator:
    """Read, merge and validate a generator.

    Args:
        name_or_path: A name in `folder`, or a path that ends in .yaml or .yml.
        folder: Where named generators lie.
        overrides: Values by dotted path, such as `{"camera.size": [64, 64]}`.
        size: Width and height in pixels, in place of the generator's own.
        allow_paths: Whether a path may be given; a service allows names only.
        found: Told of each own file under `assets`: its digest, and where it lies.

    Raises:
        NotFoundError: No such generator.
        ConfigurationError: Invalid, with line and field.
    """
    path = _locate(name_or_path, folder, allow_paths)
    value, lines = read_yaml(read_file(path), str(path))
    merged = _with_ancestors(_with_files(value, path, found), path, folder, (), found)
    changes = dict(overrides or {})
    if size is not None:
        changes["camera.size"] = list(size)
    if changes:
        merged = apply_overrides(merged, changes)
    return validate(Generator, _with_label_ids(merged), source=str(path), lines=lines)


def resolve_generator(
    text: str | Mapping[str, Any],
    folder: Path,
    *,
    source: str = "request",
    beside: Path | None = None,
    found: FoundFile = lambda digest, path: None,
) -> Generator:
    """Merge and validate a generator that does not lie in a file of its own.

    Args:
        text: YAML, or a plain value.
        folder: Where the generators lie that it may extend.
        source: What an error calls the document.
        beside: Folder that is searched for them first, and from which paths of files are seen; none allows no paths.
        found: As in `load_generator`.

    Raises:
        NotFoundError: It extends a generator that there is not.
        ConfigurationError: Invalid; of a text, with line and field.
    """
    value, lines = read_yaml(text, source) if isinstance(text, str) else (dict(text), None)
    path = (beside or folder) / Path(source).name
    if beside is not None:
        value = _with_files(value, path, found)
    merged = _with_ancestors(value, path, folder, (), found)
    return validate(Generator, _with_label_ids(merged), source=source, lines=lines)


def _with_label_ids(value: Any) -> Any:
    """Write every label's id down, so that canonical JSON, which sorts, keeps the order of the classes."""
    labels = value.get("labels") if isinstance(value, dict) else None
    if not isinstance(labels, dict) or not all(isinstance(label, dict) for label in labels.values()):
        return value
    given = {name: label.get("id") for name, label in labels.items()}
    if not all(number is None or isinstance(number, int) for number in given.values()):
        return value
    ids = label_ids(given)
    return {**value, "labels": {name: {**label, "id": ids[name]} for name, label in labels.items()}}


def _locate(name_or_path: str, folder: Path, allow_paths: bool) -> Path:
    if is_path(name_or_path):
        if allow_paths:
            return Path(name_or_path)
    elif (folder / f"{name_or_path}.yaml").is_file():
        return folder / f"{name_or_path}.yaml"
    raise NotFoundError(
        f"no generator '{name_or_path}'",
        code="unknown_generator",
        hint=nearest(name_or_path, generator_names(folder)),
    )


def _with_ancestors(value: Any, path: Path, folder: Path, seen: tuple[str, ...], found: FoundFile) -> Any:
    """Merge what `extends` names under `value`."""
    if not isinstance(value, dict) or "extends" not in value:
        return value
    parent = value["extends"]
    if not isinstance(parent, str):
        raise ConfigurationError(f"{path}: extends: name one generator")
    if parent in seen or len(seen) > _MAXIMUM_ANCESTORS:
        raise ConfigurationError(f"{path}: extends: circle through '{parent}'")
    own_folder = path.parent if (path.parent / f"{parent}.yaml").is_file() else folder
    parent_path = _locate(parent, own_folder, allow_paths=False)
    base, _ = read_yaml(read_file(parent_path), str(parent_path))
    base = _with_files(base, parent_path, found)
    base = _with_ancestors(base, parent_path, folder, (*seen, parent), found)
    return merge(base, {key: item for key, item in value.items() if key != "extends"})


def _with_files(value: Any, path: Path, found: FoundFile) -> Any:
    """Put what the files that it names hold, or their digests, in place of their paths, as seen from `path`."""
    return with_own_files(_with_calibration(value, path.parent), path, found)


def _with_calibration(value: Any, folder: Path) -> Any:
    """Put what a calibration file says in place of its path, so that the digest is of the values."""
    camera = value.get("camera") if isinstance(value, dict) else None
    if not isinstance(camera, dict) or not isinstance(named := camera.get("calibration"), str):
        return value
    calibration = read_calibration(folder / named).model_dump(mode="json", exclude_none=True)
    return {**value, "camera": {**camera, "calibration": calibration}}
