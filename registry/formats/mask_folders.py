"""What lies in folders of images and masks: pairs by stem, groups, and everything that does not fit."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.document import read_file
from contracts.errors import ConfigurationError, NotFoundError
from contracts.ids import check_name

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
MASK_SUFFIXES = (".png",)


@dataclass(frozen=True)
class Pair:
    """An image with its mask."""

    split: str | None
    source: str
    """The image relative to the imported folder."""
    image: Path
    mask: Path
    group: str | None


def find_pairs(
    root: Path, splits: Mapping[str, str], groups: Mapping[str, str] | None, faults: list[str]
) -> list[Pair]:
    """Match images and masks by stem.

    Args:
        root: The imported folder, resolved.
        splits: Subfolder by split name; without any, `root` itself holds images/ and masks/.
        groups: Group by file name or by path relative to `root`; none when frames have no groups.
        faults: What does not fit is added here.

    Returns:
        Pairs by split and source.

    Raises:
        NotFoundError: A folder is missing.
        ConfigurationError: A split's name or subfolder is not valid.
    """
    places: list[tuple[str | None, Path]] = []
    for split, subfolder in sorted(splits.items()):
        check_name(split, "split")
        folder = (root / subfolder).resolve()
        if not folder.is_relative_to(root):
            raise ConfigurationError(
                f"split {split}: {subfolder} leads out of {root}",
                code="invalid_split",
                hint="name a subfolder of the imported folder",
            )
        places.append((split, root / subfolder))
    pairs = []
    for part, folder in places or [(None, root)]:
        images = _files_by_stem(root, folder / "images", IMAGE_SUFFIXES, faults)
        masks = _files_by_stem(root, folder / "masks", MASK_SUFFIXES, faults)
        faults += [f"{_relative(images[stem], root)}: has no mask" for stem in sorted(images.keys() - masks.keys())]
        faults += [f"{_relative(masks[stem], root)}: has no image" for stem in sorted(masks.keys() - images.keys())]
        for stem in sorted(images.keys() & masks.keys()):
            source = _relative(images[stem], root)
            group = None
            if groups is not None:
                group = groups.get(source, groups.get(images[stem].name))
                if group is None:
                    faults.append(f"{source}: has no group in the table of groups")
            pairs.append(Pair(part, source, images[stem], masks[stem], group))
    return pairs


def load_groups(path: Path) -> dict[str, str]:
    """Read a CSV of `file_name,group`.

    Raises:
        NotFoundError: There is no such file.
        ConfigurationError: Other columns, an empty cell, or a file in two groups.
    """
    groups: dict[str, str] = {}
    try:
        rows = csv.DictReader(io.StringIO(read_file(path).removeprefix("\ufeff"), newline=""), strict=True)
        if not {"file_name", "group"} <= set(rows.fieldnames or ()):
            raise _invalid_groups(f"{path}:1: the columns are {rows.fieldnames}, not file_name and group")
        for row in rows:
            name, group = (row["file_name"] or "").strip(), (row["group"] or "").strip()
            if not name or not group:
                raise _invalid_groups(f"{path}:{rows.line_num}: an empty cell")
            if groups.setdefault(name, group) != group:
                raise _invalid_groups(f"{path}:{rows.line_num}: {name} is in two groups, {groups[name]} and {group}")
    except csv.Error as error:
        raise _invalid_groups(f"{path}: not a CSV file: {error}") from None
    return groups


def _files_by_stem(root: Path, folder: Path, suffixes: tuple[str, ...], faults: list[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise NotFoundError(
            f"no folder {folder}",
            code="no_such_folder",
            hint="the imported folder, or each split's subfolder, holds images/ and masks/",
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        where = _relative(path, root)
        if not path.resolve().is_relative_to(root):
            faults.append(f"{where}: is a link that leads out of the imported folder")
        elif not path.is_file():
            faults.append(f"{where}: is not a file; folders inside {folder.name}/ are not read")
        elif path.suffix.lower() not in suffixes:
            faults.append(f"{where}: is none of {', '.join(suffixes)}")
        elif path.stem in found:
            faults.append(f"{where}: has the same stem as {found[path.stem].name}")
        else:
            found[path.stem] = path
    return found


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _invalid_groups(message: str) -> ConfigurationError:
    return ConfigurationError(message, code="invalid_groups", hint="write a CSV with the columns file_name,group")
