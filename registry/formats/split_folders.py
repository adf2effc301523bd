"""Where the parts of a dataset lie: named subfolders, else the format's own, else the whole folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from contracts.errors import ConfigurationError, NotFoundError
from contracts.ids import check_name
from registry.formats.importing import Origin


def subfolders(origin: Origin, *, own: Path | None = None) -> list[tuple[str | None, str]]:
    """Splits with the subfolder of each, relative to the imported folder.

    Args:
        origin: What was asked for.
        own: Folder whose subfolders are the format's own splits, where none were asked for.

    Returns:
        By name of split; one without a split, of the whole folder, where there are none.

    Raises:
        ConfigurationError: A subfolder leads out.
        NotFoundError: PATH is no folder.
    """
    if origin.document is not None:
        raise NotFoundError(f"{origin.document} is not a folder", code="no_such_folder", hint="check the path")
    for split, text in origin.splits.items():
        if not (origin.root / text).resolve().is_relative_to(origin.root):
            raise ConfigurationError(
                f"split {split}: {text} leads out of {origin.root}",
                code="invalid_split",
                hint="name a subfolder of the imported folder",
            )
    if origin.splits:
        return sorted((split, text) for split, text in origin.splits.items())
    if own is not None and own.is_dir():
        found = sorted(path.name for path in own.iterdir() if path.is_dir() and not path.name.startswith("."))
        if found:
            return [(check_name(name, "split"), name) for name in found]
    return [(None, ".")]


def refuse_images(origin: Origin) -> None:
    """Raise ConfigurationError where a folder of images is named and the format says itself where they lie."""
    if origin.images is not None:
        raise ConfigurationError(
            "this format says itself where its images lie", code="invalid_images", hint="leave --images out"
        )


def folder_named(bases: Iterable[Path], names: Iterable[str], subfolder: str, *, what: str) -> Path:
    """The folder of one kind of file in a part of a dataset: `part/name` or `name/part`.

    Args:
        bases: Where it may lie; the first that has it.
        names: What it may be called; the first that is there. An empty name is the part's folder itself, and
            `{part}` in a name stands for the part's subfolder.
        subfolder: The part's, relative to a base.
        what: What it holds, for the error.

    Raises:
        NotFoundError: There is none.
    """
    tried: list[Path] = []
    kinds = list(names)
    for base in bases:
        for name in kinds:
            if "{part}" in name:
                tried.append(base / name.format(part=subfolder))
            else:
                tried += [base / subfolder / name, base / name / subfolder]
    for folder in tried:
        if folder.is_dir():
            return folder
    raise NotFoundError(
        f"no folder {' or '.join(dict.fromkeys(str(folder) for folder in tried))}",
        code="no_such_folder",
        hint=f"{what} lie there; say where else with --split NAME=SUBFOLDER or --images DIR",
    )
