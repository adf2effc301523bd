"""The raw format: a folder that any script can read.

images/%06d.png     RGB
masks/%06d.png      indexed, uint8 label ids, 0 background, 255 ignore
instances/%06d.png  uint16, 0 none                                     (where rendered)
depth/%06d.png      uint16 millimetres along the optical axis          (where rendered)
frames.jsonl        a frame a line; boxes x, y, width, height in pixels from the top left corner, half open
labels.json         [{"id", "name", "color"}]
version.json        name, version, digest, lineage, quality summary
generator.json      the resolved generator                             (where rendered)
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contracts.errors import ConflictError
from contracts.frame import FileRole, FrameRecord
from contracts.ids import VersionReference, digest_of
from registry.durable import storage_error, sync_file_system, sync_path
from registry.formats.png import encode_indexed, is_indexed
from registry.reader import OnProgress, Version

_FOLDERS: dict[FileRole, str] = {"image": "images", "mask": "masks", "instances": "instances", "depth": "depth"}


def export_raw(
    version: Version, reference: VersionReference, out: Path, *, on_progress: OnProgress | None = None
) -> None:
    """Write a version as a folder of plain files; every byte is verified on the way.

    Args:
        version: The version.
        reference: Its name and number, for `version.json`.
        out: The folder; it may exist when it is empty. It appears when it is complete.
        on_progress: Called with (frames done, frames).

    Raises:
        ConflictError: The folder is not empty, or it is a file.
        IntegrityError: The version is damaged; nothing stays.
        StorageError: The folder can't be written; nothing stays.
    """
    with _appearing_folder(out) as folder:
        records = version.records()
        roles = {role for record in records for role in record.files}
        for role in roles:
            (folder / _FOLDERS[role]).mkdir()
        with (folder / "frames.jsonl").open("wb") as lines:
            for done, record in enumerate(records, 1):
                lines.write(_json(_export_frame(version, record, folder)) + b"\n")
                if on_progress is not None:
                    on_progress(done, len(records))
        (folder / "labels.json").write_bytes(_json([label.model_dump(mode="json") for label in version.labels]))
        (folder / "version.json").write_bytes(_json(_version(version, reference)))
        document = version.manifest.generator_document
        if document is not None:
            data = version.store.read(document.digest, what=f"generator of {version.name}")
            (folder / "generator.json").write_bytes(data)


def _export_frame(version: Version, record: FrameRecord, folder: Path) -> dict[str, Any]:
    line = record.model_dump(mode="json")
    for role in record.files:
        data = version.read_file(record, role)
        if role == "mask" and not is_indexed(data):
            data = encode_indexed(version.read_mask(record), version.labels)
            line["files"][role] = digest_of(data)
        (folder / _FOLDERS[role] / f"{record.index:06d}.png").write_bytes(data)
    return line


def _version(version: Version, reference: VersionReference) -> dict[str, Any]:
    manifest = version.manifest.model_dump(mode="json")
    return {
        "name": reference.name,
        "version": reference.number,
        "digest": version.digest,
        "frame_count": manifest["frame_count"],
        "splits": manifest["splits"],
        "lineage": {key: manifest[key] for key in ("generator", "seed", "parents")},
        "quality": manifest["quality"],
        "license": manifest["license"],
        "consent": manifest.get("consent"),
        "terms": manifest.get("terms", []),
    }


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


@contextmanager
def _appearing_folder(out: Path) -> Iterator[Path]:
    """A folder under a temporary name beside `out` that takes its name when the block ends well, and else goes."""
    out = out.absolute()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConflictError(
            f"{out} is there and not empty", code="export_exists", hint="export into a new or empty folder"
        )
    partial = out.with_name(f".{out.name}.{os.getpid()}.{os.urandom(4).hex()}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        if not sync_file_system(str(partial)):
            for path in partial.rglob("*"):
                sync_path(path)
        partial.replace(out)
        sync_path(out.parent)
    except OSError as error:
        raise storage_error(error, f"write {out}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
