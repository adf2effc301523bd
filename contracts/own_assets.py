"""Files of a user's own that a generator draws from: panoramas that light its scenes, and vehicles.

In a generator's file stands the path of each, as seen from that file. Loading puts the digest of the bytes in its
place, so that a generator's digest is of what is drawn and not of where it lay; the bytes travel to the workers in the
folder of assets, named by that digest.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from contracts.distributions import WordDistribution, weights_of
from contracts.document import Document
from contracts.errors import ConfigurationError, NotFoundError, nearest
from contracts.frame_spec import LabelName
from contracts.ids import Digest, digest_of

PARAMETRIC = "parametric"
"""The word for the scene family's own content, beside the names of own files."""
OWN_FILES = "own"
"""Name of the folder of own files within a folder of assets."""
MAXIMUM_ENVIRONMENT_BYTES = 512 << 20
"""Larger panoramas are refused before they are read."""
MAXIMUM_VEHICLE_BYTES = 256 << 20
"""Larger vehicles are refused before they are read."""

OwnName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
FoundFile = Callable[[str, Path], None]
"""Told the digest of each own file, and where it lies."""


class OwnEnvironment(Document):
    """A panorama of light from everywhere. In a generator's file: the path of a Radiance HDR or OpenEXR file."""

    digest: Digest
    """SHA-256 of the file."""
    media_type: Literal["image/vnd.radiance", "image/x-exr"]


PartPattern = Annotated[str, Field(min_length=1, max_length=128)]
"""A name, or a pattern with `*`, `?` and `[abc]`; case counts."""
Finish = Literal["paint", "windshield_glass", "front_glass", "back_glass", "rear_glass"]


class OwnVehicle(Document):
    """A vehicle in a binary glTF 2.0 file; in a generator's file, its path is `file`."""

    digest: Digest
    """SHA-256 of the file."""
    forward: Literal["x", "-x", "z", "-z"] = "z"
    """Axis of the file that points ahead; y is up, as in all glTF."""
    unit_m: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Metres that a unit of the file is."""
    parts: Annotated[dict[PartPattern, LabelName], Field(min_length=1, max_length=4096)]
    """Labels of nodes, by name; a node that is not named has the label of the nearest one above it that is."""
    materials: Annotated[dict[PartPattern, Finish], Field(max_length=256)] = {}
    """Materials of the file, by name, in whose place the `Paint` and `Glass` randomizers' stand; others stay."""


class OwnAssets(Document):
    """Own files, and how often each is drawn."""

    environments: Annotated[dict[OwnName, OwnEnvironment], Field(max_length=1000)] = {}
    """By name."""
    environment: Annotated[WordDistribution | None, Field(exclude_if=lambda words: words is None)] = None
    """Which one a frame has: names, and `parametric` for the scene family's own; none is every own one alike."""
    vehicles: Annotated[dict[OwnName, OwnVehicle], Field(max_length=1000)] = {}
    """By name; of the exterior family."""
    vehicle: Annotated[WordDistribution | None, Field(exclude_if=lambda words: words is None)] = None
    """Which one a frame shows, as with `environment`."""

    @model_validator(mode="after")
    def _drawn_is_there(self) -> OwnAssets:
        _check_drawn("environment", self.environment, self.environments)
        _check_drawn("vehicle", self.vehicle, self.vehicles)
        return self

    def environment_weights(self) -> dict[str, float]:
        """Names of environments with relative weights; empty where there is no own one."""
        return _weights(self.environment, self.environments)

    def vehicle_weights(self) -> dict[str, float]:
        """Names of vehicles with relative weights; empty where there is no own one."""
        return _weights(self.vehicle, self.vehicles)


def _check_drawn(field: str, drawn: WordDistribution | None, things: Mapping[str, Any]) -> None:
    valid = {*things, PARAMETRIC}
    if PARAMETRIC in things:
        raise ValueError(f"{field}s: '{PARAMETRIC}' means the scene family's own; give the file another name")
    for word in {} if drawn is None else _words(drawn):
        if word not in valid:
            raise ValueError(f"{field}: there is no '{word}' under {field}s, {nearest(word, valid)}")


def _words(drawn: Any) -> dict[str, float]:
    return {drawn: 1.0} if isinstance(drawn, str) else weights_of(drawn.choice)


def _weights(drawn: WordDistribution | None, things: Mapping[str, Any]) -> dict[str, float]:
    return dict.fromkeys(things, 1.0) if drawn is None else _words(drawn)


def own_file_name(digest: str) -> str:
    """Name of an own file within the folder of own files."""
    return digest.removeprefix("sha256:")


def with_own_files(value: Any, source: Path, found: FoundFile) -> Any:
    """A generator as it is written, with digests in place of the paths of own files.

    Args:
        value: As read from YAML.
        source: File that it was read from; paths are as seen from there.
        found: Told of each own file.

    Raises:
        NotFoundError: A file is not there.
        ConfigurationError: It is too large, or not of a form that is read here.
    """
    assets = value.get("assets") if isinstance(value, dict) else None
    if not isinstance(assets, dict):
        return value
    resolved = dict(assets)
    for field, resolve in (("environments", _environment), ("vehicles", _vehicle)):
        if isinstance(stated := assets.get(field), dict):
            resolved[field] = {
                name: resolve(item, source, f"{source}: assets.{field}.{name}", found) for name, item in stated.items()
            }
    return {**value, "assets": resolved}


def _environment(stated: Any, source: Path, where: str, found: FoundFile) -> Any:
    if not isinstance(stated, str):
        return stated
    path = source.parent / stated
    data = _read(path, where, MAXIMUM_ENVIRONMENT_BYTES, "scale it down to at most 8192 pixels wide")
    digest = digest_of(data)
    found(digest, path)
    return {"digest": digest, "media_type": _panorama_type(data, f"{where}: {path.name}")}


def _vehicle(stated: Any, source: Path, where: str, found: FoundFile) -> Any:
    if not isinstance(stated, dict) or not isinstance(stated.get("file"), str):
        return stated
    path = source.parent / stated["file"]
    data = _read(path, where, MAXIMUM_VEHICLE_BYTES, "reduce its meshes and textures")
    if not data.startswith(b"glTF"):
        raise ConfigurationError(
            f"{where}: {path.name} is no binary glTF file",
            code="own_vehicle_not_glb",
            hint="export the vehicle as .glb (glTF 2.0, one file)",
        )
    digest = digest_of(data)
    found(digest, path)
    return {**{key: item for key, item in stated.items() if key != "file"}, "digest": digest}


def _read(path: Path, where: str, maximum_bytes: int, remedy: str) -> bytes:
    try:
        size_bytes = path.stat().st_size
        if size_bytes > maximum_bytes:
            raise ConfigurationError(
                f"{where}: {path} has {size_bytes >> 20} MiB, more than {maximum_bytes >> 20}",
                code="own_file_too_large",
                hint=remedy,
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFoundError(
            f"{where}: there is no file {path}",
            code="own_file_missing",
            hint="write the path as seen from the generator's file",
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{where}: {path} can't be read: {error.strerror}", code="unreadable", hint="name a file that may be read"
        ) from None


def _panorama_type(data: bytes, where: str) -> str:
    """Media type by content, of a panorama twice as wide as high."""
    if data.startswith(b"#?"):
        media_type, size = "image/vnd.radiance", _radiance_size(data)
    elif data.startswith(b"\x76\x2f\x31\x01"):
        media_type, size = "image/x-exr", _exr_size(data)
    else:
        raise ConfigurationError(
            f"{where}: neither a Radiance HDR nor an OpenEXR file",
            code="own_environment_format",
            hint="save the panorama as .hdr or .exr; pictures of 8 bits have no light of the sun in them",
        )
    if size is None:
        raise ConfigurationError(
            f"{where}: its header is damaged", code="own_environment_format", hint="save or download it again"
        )
    if size[0] != 2 * size[1] or size[1] < 4:
        raise ConfigurationError(
            f"{where}: {size[0]}x{size[1]} pixels, not twice as wide as high",
            code="own_environment_shape",
            hint="an equirectangular panorama of all directions is needed, such as 4096x2048",
        )
    return media_type


def _radiance_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in a Radiance header; none where it has none. Only upright pictures (-Y, +X) are read."""
    _, blank, rest = data[:65536].partition(b"\n\n")
    words = rest.split(b"\n", 1)[0].split()
    if not blank or len(words) != 4 or words[0] != b"-Y" or words[2] != b"+X":
        return None
    return (int(words[3]), int(words[1])) if words[1].isdigit() and words[3].isdigit() else None


def _exr_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of an OpenEXR file's data window; none where the header has none.

    Source: "OpenEXR File Layout", section Header: attributes of name, type, size and value, ended by a zero byte.
    """
    place, limit = 8, min(len(data), 1 << 20)
    while place < limit and data[place]:
        texts = data[place:limit].split(b"\0", 2)
        if len(texts) < 3:
            return None
        name, kind = texts[0], texts[1]
        place += len(name) + len(kind) + 2
        if place + 4 > limit:
            return None
        (length,) = struct.unpack_from("<i", data, place)
        place += 4
        if name == b"dataWindow" and kind == b"box2i" and length == 16 and place + 16 <= limit:
            left, top, right, bottom = struct.unpack_from("<4i", data, place)
            return right - left + 1, bottom - top + 1
        if length < 0:
            return None
        place += length
    return None
