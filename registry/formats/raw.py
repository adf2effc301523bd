"""The raw format: a folder that any script can read.

images/%06d.png     RGB
masks/%06d.png      indexed, uint8 label ids, 0 background, 255 ignore
instances/%06d.png  uint16, 0 none                                     (where rendered)
depth/%06d.png      uint16 millimetres along the optical axis          (where rendered)
frames.jsonl        a frame a line; boxes x, y, width, height in pixels from the top left corner, half open
labels.json         [{"id", "name", "color"}]
version.json        name, version, digest, lineage, quality summary, terms; the label map where one was applied
generator.json      the resolved generator                             (where rendered)
"""

from __future__ import annotations

from pathlib import Path

from contracts.frame import FileRole
from contracts.ids import digest_of
from registry.formats.export_folder import json_bytes
from registry.formats.exported import Export, ExportedFrame
from registry.formats.png import encode_short
from registry.reader import OnProgress

_FOLDERS: dict[FileRole, str] = {"image": "images", "mask": "masks", "instances": "instances", "depth": "depth"}


def write_raw(export: Export, folder: Path, on_progress: OnProgress | None) -> None:
    """Write a version as a folder of plain files."""
    with (folder / "frames.jsonl").open("wb") as lines:
        for frame, line, files in export.each(_prepare, on_progress):
            for role, data in files.items():
                (folder / _FOLDERS[role]).mkdir(exist_ok=True)
                (folder / _FOLDERS[role] / f"{frame.stem}.png").write_bytes(data)
            lines.write(line + b"\n")
    (folder / "labels.json").write_bytes(json_bytes(export.described_labels()))
    (folder / "version.json").write_bytes(json_bytes(export.about()))
    document = export.version.manifest.generator_document
    if document is not None:
        data = export.version.store.read(document.digest, what=f"generator of {export.version.name}")
        (folder / "generator.json").write_bytes(data)


def _prepare(frame: ExportedFrame) -> tuple[ExportedFrame, bytes, dict[FileRole, bytes]]:
    files = {role: frame.read(role) for role in frame.record.files if role not in ("mask", "instances")}
    if "mask" in frame.record.files:
        files["mask"] = frame.indexed_mask()
    if frame.export.classes.label_map is not None and frame.instance_mask is not None:
        files["instances"] = encode_short(frame.instance_mask)
    elif "instances" in frame.record.files:
        files["instances"] = frame.read("instances")
    line = frame.record.model_copy(update={"instances": frame.instances()}).model_dump(mode="json")
    line["files"] = {role: digest_of(files[role]) for role in frame.record.files}
    return frame, json_bytes(line), files
