"""Import of images whose channels hold classes and instances: VIPER, and the bitmasks of BDD100K.

VIPER (https://playing-for-benchmarks.org): `img/`, `cls/` with class numbers and `inst/` with the class in red and the
instance as 256 green + blue, by sequence, which is the group; either of `cls/` and `inst/` will do. BDD100K
(https://doc.bdd100k.com/format.html): `images/` and `bitmasks/` with the class in red, in green the bits truncated,
occluded, crowd and ignored from the fourth down, and the instance as 256 blue + alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.errors import NotFoundError
from contracts.import_report import NotTaken
from registry.formats.canvas import INSTANCES_MAX, Thing, numbered
from registry.formats.class_table import Classes, classes_of
from registry.formats.findings import Findings
from registry.formats.importing import Annotated, Origin
from registry.formats.known_classes import BDD, VIPER, colors_of, names_of
from registry.formats.paired_masks import Layout, Masked, by_table, find_masked, read_plain
from registry.formats.photographs import Refused, decode_colors, decode_ids

_TRUNCATED, _OCCLUDED, _CROWD, _IGNORED = 8, 4, 2, 1


def _first_folder(key: str) -> str | None:
    return key.split("/", 1)[0] if "/" in key else None


_VIPER_CLASSES = Layout(images=("img", "images"), masks=("cls",), group=_first_folder)
_VIPER_INSTANCES = Layout(images=("img", "images"), masks=("inst", "instcs"), group=_first_folder)
_BITMASKS = Layout(images=("images",), masks=("bitmasks", "masks"))


def _read_viper(classes: Classes, files: Sequence[Path | None], source: str) -> Annotated:
    mask = by_table(decode_ids(read_plain(files[0])), classes, "classes")
    if files[1] is None:
        return Annotated(mask)
    seen, numbers = _read_coded(files[1])
    if mask.shape != seen.shape:
        raise Refused(f"cls is of {mask.shape[1]}x{mask.shape[0]} px, inst of {seen.shape[1]}x{seen.shape[0]} px")
    labels = by_table(np.where(numbers > 0, seen, 0), classes, "classes")
    differ = int(((numbers > 0) & (mask != labels)).sum())
    left_out = []
    if differ:
        message = f"{differ} pixels are of another class in cls than in inst, which is taken"
        left_out.append(NotTaken(location=source, reason="classes_differ", message=message))
    return _split_up(np.where(numbers > 0, labels, mask).astype(np.uint8), numbers, classes, {}, left_out)


def _read_viper_instances(classes: Classes, files: Sequence[Path | None], source: str) -> Annotated:
    seen, numbers = _read_coded(files[0])
    return _split_up(by_table(seen, classes, "classes"), numbers, classes, {}, [])


def _read_coded(path: Path | None) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Class and instance numbers."""
    pixels = decode_colors(read_plain(path)).astype(np.int32)
    return pixels[..., 0], pixels[..., 1] << 8 | pixels[..., 2]


def _read_bitmask(classes: Classes, files: Sequence[Path | None], source: str) -> Annotated:
    pixels = decode_colors(read_plain(files[0]), with_alpha=True).astype(np.int32)
    numbers = pixels[..., 2] << 8 | pixels[..., 3]
    flags = pixels[..., 1]
    if (flags > _TRUNCATED + _OCCLUDED + _CROWD + _IGNORED).any():
        raise Refused("its green channel holds more than the four bits of the format")
    mask = by_table(pixels[..., 0], classes, "classes")
    left_out: list[NotTaken] = []
    crowd = (numbers > 0) & ((flags & (_CROWD | _IGNORED)) > 0)
    if crowd.any():
        left_out.append(
            NotTaken(location=source, reason="crowd", message="a crowd keeps its class in the mask and is no instance")
        )
    numbers = np.where(crowd, 0, numbers)
    keys, first = np.unique(numbers, return_index=True)
    known = {int(key): int(flags.ravel()[place]) for key, place in zip(keys, first, strict=True)}
    return _split_up(mask, numbers, classes, known, left_out)


def _split_up(
    mask: npt.NDArray[np.uint8],
    numbers: npt.NDArray[np.int32],
    classes: Classes,
    flags: dict[int, int],
    left_out: list[NotTaken],
) -> Annotated:
    """Instances of a class and number each; background and what is to be ignored are none."""
    keys = np.where((numbers > 0) & (mask > 0) & (mask < 255), numbers | mask.astype(np.int32) << 16, 0)
    found, places = np.unique(keys, return_inverse=True)
    places = places.reshape(keys.shape)
    if found[0] != 0:
        found, places = np.concatenate([[0], found]), places + 1
    if len(found) - 1 > INSTANCES_MAX:
        raise Refused(f"more than {INSTANCES_MAX} instances")
    things = []
    for key in found[1:].tolist():
        bits = flags.get(key & 0xFFFF)
        things.append(
            Thing(
                classes.name_of(key >> 16),
                f"instance {key & 0xFFFF}",
                truncated=bool(bits & _TRUNCATED) if bits is not None else None,
                occluded=bool(bits & _OCCLUDED) if bits is not None else None,
            )
        )
    instances = places.astype(np.uint16)
    described, _ = numbered(instances, things)
    return Annotated(mask, instances, described, not_taken=tuple(left_out))


def open_viper(origin: Origin, findings: Findings) -> Masked:
    """Match images with classes and instances.

    Raises:
        NotFoundError: A folder is missing.
        ConfigurationError: A class table or a split's subfolder is not valid.
    """
    classes = classes_of("VIPER", names_of(VIPER), table=origin.classes, colors=colors_of(VIPER))
    try:
        pictures = find_masked(origin, findings, _VIPER_CLASSES, more=[_VIPER_INSTANCES.masks])
    except NotFoundError:
        return Masked(find_masked(origin, findings, _VIPER_INSTANCES), classes, _read_viper_instances)
    return Masked(pictures, classes, _read_viper)


def open_bitmasks(origin: Origin, findings: Findings) -> Masked:
    """Match images with bitmasks of BDD100K's instance segmentation.

    Raises:
        NotFoundError: A folder is missing.
        ConfigurationError: A class table or a split's subfolder is not valid.
    """
    names = {0: "background"} | {number: name for number, name in names_of(BDD).items() if number <= 8}
    classes = classes_of("BDD100K", names, table=origin.classes, colors=colors_of(BDD))
    return Masked(find_masked(origin, findings, _BITMASKS), classes, _read_bitmask)
