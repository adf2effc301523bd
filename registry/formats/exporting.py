"""What all exports share: a version is written into a folder that appears when it is complete.

A format is a `Writer`; which frames, masks and objects there are, `Export` tells all of them alike.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from contracts.ids import VersionReference
from contracts.label_map import LabelMap
from registry.formats.export_folder import appearing_folder
from registry.formats.exported import Export
from registry.reader import OnProgress, Version

Writer = Callable[[Export, Path, OnProgress | None], None]
"""Writes what is exported into an empty folder, and tells a caller who asks (frames done, frames)."""


def export_version(
    write: Writer,
    version: Version,
    reference: VersionReference,
    out: Path,
    *,
    label_map: LabelMap | None = None,
    on_progress: OnProgress | None = None,
) -> None:
    """Write a version in a format; every byte is verified on the way.

    Args:
        write: The format.
        version: The version.
        reference: Its name and number, which the format may write down.
        out: The folder; it may exist when it is empty. It appears when it is complete.
        label_map: Applied to masks, instances and labels; none leaves them as they are.
        on_progress: Called with (frames done, frames).

    Raises:
        ConfigurationError: The version has none of the labels that the map names, or the format has no place for what
            it holds; nothing stays.
        ConflictError: The folder is not empty, or it is a file.
        IntegrityError: The version is damaged; nothing stays.
        StorageError: The folder can't be written; nothing stays.
    """
    export = Export(version, reference, label_map)
    with appearing_folder(out) as folder:
        write(export, folder, on_progress)
