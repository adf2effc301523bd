"""Export as Parquet in the image layout of Hugging Face: https://huggingface.co/docs/hub/datasets-image

data/PART-%05d-of-%05d.parquet  a frame a row; PART is the split (`-` and `.` become `_`), or `train`
README.md                       what `datasets` and the Hub read: parts, license; for people: classes, consent

Columns `image`, `mask` (indexed PNG, class ids, 255 ignore), and where rendered `instances` and `depth` (16-bit PNG)
are images; `objects` has id, instance, label, box (x, y, width, height in pixels), area and visible fraction of every
object; then index, size, split, group, source and seed, and camera, parameters and facts as JSON. The schema's metadata
carry `huggingface` (the features) and `beltline` (version, digest, classes, license, consent).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from contracts.errors import ConfigurationError
from contracts.frame import FileRole
from registry.formats.export_folder import json_bytes
from registry.formats.exported import Export, ExportedFrame
from registry.formats.png import encode_short
from registry.parquet import Kind, ParquetFile
from registry.reader import OnProgress

SHARD_BYTES = 512 << 20
"""A file ends with the group of rows that reaches this."""
GROUP_BYTES = 32 << 20
GROUP_ROWS = 100
"""A group of rows ends with the row that reaches one of these: `datasets` and viewers read a group at once."""
_IMAGES: tuple[FileRole, ...] = ("image", "mask", "instances", "depth")
_IMAGE: Kind = {"bytes": "binary", "path": "string"}
_OBJECTS: dict[str, Kind] = {
    "id": "int32",
    "instance_id": "int32",
    "label": "string",
    "label_id": "int32",
    "box": ["int32"],
    "area_px": "int64",
    "visible_fraction": "float64",
}
_PLAIN: dict[str, Kind] = {
    "index": "int64",
    "width": "int32",
    "height": "int32",
    "split": "string",
    "group": "string",
    "source": "string",
    "seed": "int64",
    "camera": "string",
    "parameters": "string",
    "facts": "string",
}
_COLUMNS: dict[str, Kind] = {
    **dict.fromkeys(_IMAGES, _IMAGE),
    "objects": {name: [kind] for name, kind in _OBJECTS.items()},
    **_PLAIN,
}


def write_parquet(export: Export, folder: Path, on_progress: OnProgress | None) -> None:
    """Write a version as Parquet.

    Raises:
        ConfigurationError: Two splits would get one name.
    """
    names = _part_names(export)
    (folder / "data").mkdir()
    with ExitStack() as stack:
        about = _about(export)
        parts = {part: stack.enter_context(_Part(folder / "data", name, about)) for part, name in names.items()}
        for frame, row in export.each(_row, on_progress):
            parts[frame.part].add(row)
    (folder / "README.md").write_text(_readme(export, sorted(names.values())))


class _Part:
    """The files of a part; how many there are is known at the end, when they get their names."""

    def __init__(self, folder: Path, name: str, about: Mapping[str, bytes]) -> None:
        self._folder, self._name, self._about = folder, name, about
        self._file: ParquetFile | None = None
        self._paths: list[Path] = []
        self._rows: list[dict[str, Any]] = []
        self._waiting_bytes = self._written_bytes = 0

    def __enter__(self) -> _Part:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
        if self._file is not None:
            self._file.close()
        if kind is None:
            for number, path in enumerate(self._paths):
                path.replace(self._folder / f"{self._name}-{number:05d}-of-{len(self._paths):05d}.parquet")

    def add(self, row: dict[str, Any]) -> None:
        """Write a row."""
        self._rows.append(row)
        self._waiting_bytes += sum(len(row[role]["bytes"]) for role in _IMAGES if row[role] is not None)
        if self._waiting_bytes >= GROUP_BYTES or len(self._rows) >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._file is None:
            self._paths.append(self._folder / f"{self._name}.{len(self._paths)}.part")
            self._file = ParquetFile(self._paths[-1], _COLUMNS, self._about)
            self._written_bytes = 0
        self._file.write(self._rows)
        self._rows.clear()
        self._written_bytes += self._waiting_bytes
        self._waiting_bytes = 0
        if self._written_bytes >= SHARD_BYTES:
            self._file.close()
            self._file = None


def _part_names(export: Export) -> dict[str, str]:
    """Names by part: `datasets` takes words only."""
    names = {part: re.sub(r"\W", "_", part) for part in export.parts}
    by_name = defaultdict(list)
    for part, name in names.items():
        by_name[name].append(part)
    for name, parts in by_name.items():
        if len(parts) > 1:
            raise ConfigurationError(
                f"the splits {', '.join(parts)} of {export.version.name} would all be called '{name}'",
                code="ambiguous_split",
                hint="export in another format",
            )
    return names


def _about(export: Export) -> dict[str, bytes]:
    features: dict[str, Any] = {role: {"_type": "Image"} for role in _IMAGES}
    features["objects"] = {name: {"feature": _feature(kind), "_type": "Sequence"} for name, kind in _OBJECTS.items()}
    features |= {name: _feature(kind) for name, kind in _PLAIN.items()}
    about = {**export.about(), "labels": export.described_labels()}
    return {"huggingface": json_bytes({"info": {"features": features}}), "beltline": json_bytes(about)}


def _feature(kind: Kind) -> dict[str, Any]:
    """A kind of values as `datasets` describes it."""
    if isinstance(kind, list):
        return {"feature": _feature(kind[0]), "_type": "Sequence"}
    return {"dtype": kind, "_type": "Value"}


def _row(frame: ExportedFrame) -> tuple[ExportedFrame, dict[str, Any]]:
    record = frame.record
    files: dict[FileRole, bytes | None] = {"image": frame.read("image"), "mask": frame.indexed_mask()}
    mapped = frame.export.classes.label_map is not None
    if frame.instance_mask is not None:
        files["instances"] = encode_short(frame.instance_mask) if mapped else frame.read("instances")
    if "depth" in record.files:
        files["depth"] = frame.read("depth")
    described = frame.described_objects()
    row: dict[str, Any] = {
        role: {"bytes": data, "path": f"{frame.stem}.{role}.png"} if (data := files.get(role)) is not None else None
        for role in _IMAGES
    }
    row["objects"] = {name: [item[name] for item in described] for name in _OBJECTS}
    row |= {
        "index": record.index,
        "width": record.size[0],
        "height": record.size[1],
        "split": record.split,
        "group": record.group,
        "source": record.source,
        "seed": record.seed,
        "camera": json_bytes(record.camera.model_dump(mode="json")).decode() if record.camera is not None else None,
        "parameters": json_bytes(record.parameters).decode(),
        "facts": json_bytes(record.facts).decode(),
    }
    return frame, row


def _readme(export: Export, parts: list[str]) -> str:
    manifest = export.version.manifest
    head: dict[str, Any] = {"pretty_name": str(export.reference), "task_categories": ["image-segmentation"]}
    if manifest.license is not None:
        head |= {"license": "other", "license_name": manifest.license}
    head["configs"] = [
        {
            "config_name": "default",
            "data_files": [{"split": part, "path": f"data/{part}-*"} for part in parts],
        }
    ]
    lines = [
        "---",
        yaml.safe_dump(head, sort_keys=False, allow_unicode=True).rstrip(),
        "---",
        f"# {export.reference}",
        "",
        f"`{export.version.digest}`, {len(export.version)} frames. Masks hold these ids, and 255 for pixels to ignore:",
        "",
        "| id | class |",
        "|---|---|",
        *(f"| {label.id} | {label.name} |" for label in export.classes.labels),
    ]
    for item in export.licenses():
        lines += ["", f"Terms of {item['source']}:" if "source" in item else "Terms:", ""]
        lines += [f"- {key}: {item[key]}" for key in ("license", "consent") if item[key] is not None]
    return "\n".join(lines) + "\n"
