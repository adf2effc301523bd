"""Examples in the OpenAPI document; a test holds every one to its schema."""

from __future__ import annotations

from typing import Any

_DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_IMAGE_DIGEST = "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

RENDER_REQUEST: dict[str, Any] = {"generator": "exterior", "frames": 100, "seed": 7}
RENDER_REQUEST_FULL: dict[str, Any] = {
    "generator": "exterior",
    "frames": 24,
    "seed": 1,
    "size": "256x208",
    "dataset": "exterior-low-sun",
    "player": "embedded",
    "workers": 2,
    "overrides": {"randomizers.sun.elevation_deg": {"uniform": [5, 20]}},
}
IMPORT_REQUEST: dict[str, Any] = {
    "format": "masks",
    "path": "/data/photographs/carparts",
    "name": "carparts",
    "classes": "classes.json",
    "groups": "groups.csv",
    "splits": {"train": "train", "test_public": "test_public"},
}
IMPORT_COCO_REQUEST: dict[str, Any] = {
    "format": "coco",
    "path": "/data/coco/annotations/instances_val2017.json",
    "images": "../val2017",
    "name": "coco-val2017",
    "shares": {"train": 0.8, "validation": 0.2},
    "seed": 1,
    "keep_metadata": ["camera", "exposure"],
}
EXPORT_REQUEST: dict[str, Any] = {"format": "raw"}
EXPORT_MAPPED_REQUEST: dict[str, Any] = {"format": "coco", "label_map": "carparts-5"}
PREVIEW_REQUEST: dict[str, Any] = {"frame": 0, "seed": 7, "size": "256x208"}
TRACE_REQUEST: dict[str, Any] = {"frames": [0, 5], "seed": 7, "size": "256x208"}
VALIDATION_REQUEST: dict[str, Any] = {
    "document": "schema_version: 1\nname: exterior-dusk\nextends: exterior\n"
    "randomizers:\n  sun: {elevation_deg: {uniform: [2, 12]}}\n"
}
TRAINING_REQUEST: dict[str, Any] = {
    "schema_version": 1,
    "label_map": "carparts-5",
    "data": {
        "train": [
            {"dataset": "carparts@1", "split": "train", "take": 16, "weight": 0.5},
            {"dataset": "exterior@1", "take": 2048, "weight": 0.5},
        ],
        "validation": {"dataset": "carparts@1", "split": "train", "reserve": 32, "by": "group", "seed": 1},
        "test": {"dataset": "carparts@1", "split": "test_public"},
    },
    "network": {"architecture": "unet", "encoder": "resnet18"},
    "image_size": [128, 128],
    "stages": [{"name": "all", "steps": 400}],
    "seed": 0,
}

JOB: dict[str, Any] = {
    "id": "job-3f9c01a2b4d7",
    "kind": "render",
    "state": "running",
    "progress": {"done": 12, "total": 100, "message": "rendering"},
    "attempt": 1,
    "created_at": "2026-01-05T09:30:00.000Z",
    "started_at": "2026-01-05T09:30:00.210Z",
    "finished_at": None,
    "error": None,
    "result": None,
    "attempts": [
        {"n": 1, "state": "running", "started_at": "2026-01-05T09:30:00.210Z", "ended_at": None, "error": None}
    ],
    "request": RENDER_REQUEST,
}
QUEUED_JOB: dict[str, Any] = {
    **JOB,
    "state": "queued",
    "progress": {"done": 0, "total": 100, "message": ""},
    "attempt": 0,
    "started_at": None,
    "attempts": [],
}
CANCELLED_JOB: dict[str, Any] = {**QUEUED_JOB, "state": "cancelled", "finished_at": "2026-01-05T09:31:00.000Z"}
ACCEPTED: dict[str, Any] = {"job": QUEUED_JOB, "estimate_s": 74.0, "run": None}
ACCEPTED_IMPORT: dict[str, Any] = {
    "job": {
        **QUEUED_JOB,
        "kind": "import",
        "progress": {"done": 0, "total": 0, "message": ""},
        "request": IMPORT_REQUEST,
    },
    "estimate_s": None,
    "run": None,
}
ACCEPTED_TRAINING: dict[str, Any] = {
    "job": {
        **QUEUED_JOB,
        "kind": "train",
        "progress": {"done": 0, "total": 400, "message": ""},
        "request": TRAINING_REQUEST,
    },
    "estimate_s": None,
    "run": "run-5c2a90f3e1b8",
}
JOBS: dict[str, Any] = {"items": [JOB], "next_cursor": None}

GENERATOR_SUMMARY: dict[str, Any] = {
    "name": "exterior",
    "description": "A parametric vehicle before busy, open or studio surroundings.",
    "scenario": "exterior",
    "size": [256, 208],
    "labels": ["back_door", "front_door", "mirror"],
    "digest": _DIGEST,
}
GENERATORS: dict[str, Any] = {"items": [GENERATOR_SUMMARY], "next_cursor": None}
GENERATOR: dict[str, Any] = {
    **GENERATOR_SUMMARY,
    "labels": ["tail_light"],
    "label_table": [
        {"id": 0, "name": "background", "color": [0, 0, 0]},
        {"id": 1, "name": "tail_light", "color": [128, 0, 0]},
    ],
    "document": {
        "schema_version": 1,
        "name": "exterior",
        "scenario": "exterior",
        "camera": {"size": [256, 208], "horizontal_fov_deg": 45.0},
        "randomizers": {"sun": {"kind": "SunDirection", "elevation_deg": {"uniform": [5, 70]}}},
        "labels": {"tail_light": {}},
    },
}
VALIDATION: dict[str, Any] = {"valid": True, "kind": "generator", "name": "exterior-dusk", "digest": _DIGEST}

VERSION: dict[str, Any] = {
    "name": "exterior",
    "version": 1,
    "digest": _DIGEST,
    "created_at": "2026-01-05T09:32:10Z",
    "created_by": "beltline",
    "description": "",
    "tags": ["generation:6"],
    "aliases": ["approved", "latest"],
    "frame_count": 100,
    "labels": GENERATOR["label_table"],
    "splits": {},
    "generator": {"name": "exterior", "digest": _DIGEST},
    "seed": 7,
    "parents": [],
    "quality": {"frames": 100, "redrawn_frames": 2, "rejections": {"must_appear": 2}, "gaps": []},
    "license": None,
    "consent": None,
    "terms": [],
    "operation": {"job": "job-3f9c01a2b4d7", "attempts": 1, "player_starts": 1},
}
VERSION_CHANGE: dict[str, Any] = {"description": "Low sun.", "add_tags": ["generation:6"], "remove_tags": []}
DELETION: dict[str, Any] = {
    "name": "exterior",
    "version": 1,
    "digest": _DIGEST,
    "deleted_at": "2026-02-02T08:00:00Z",
    "deleted_by": "reviewer",
    "reason": "left and right are exchanged",
}
ERASURE_REQUEST: dict[str, Any] = {"group": "person-17", "dry_run": True}
ERASURE: dict[str, Any] = {
    "dry_run": True,
    "name": "photos",
    "version": 1,
    "digest": "sha256:" + "7d" * 32,
    "group": "person-17",
    "erased": [{"name": "photos", "version": 1, "digest": "sha256:" + "7d" * 32, "frames": 12}],
    "files": 23,
    "freed_bytes": 4811022,
    "kept": [
        {
            "digest": "sha256:" + "3b" * 32,
            "what": "mask of frame 40",
            "held_by": ["photos@1 frame 7 (group 'person-4')"],
            "holders": 1,
        }
    ],
    "elsewhere": [],
    "dependents": ["training run run-5c2a90f3e1b8"],
    "derived": [],
}
COLLECTION_REQUEST: dict[str, Any] = {"dry_run": True, "keep_days": 7}
COLLECTION: dict[str, Any] = {
    "dry_run": True,
    "blobs": 4104,
    "freed": 403,
    "freed_bytes": 18400312,
    "jobs": 2,
    "jobs_bytes": 91250144,
}
_NUMBER: dict[str, Any] = {
    "count": 100,
    "minimum": 0.21,
    "maximum": 0.67,
    "mean": 0.44,
    "standard_deviation": 0.09,
    "histogram": {"edges": [0.0, 0.5, 1.0], "counts": [71, 29]},
}
STATISTICS: dict[str, Any] = {
    "schema_version": 1,
    "digest": _DIGEST,
    "frames": 100,
    "sizes": {"256x208": 100},
    "splits": {},
    "groups": 0,
    "ignored_share": 0.0,
    "classes": [
        {
            "name": "tail_light",
            "color": [128, 0, 0],
            "images": 64,
            "frequency": 0.64,
            "pixels": 21000,
            "pixel_share": 0.0039,
            "area_share": {**_NUMBER, "count": 64, "histogram": {"edges": [1e-6, 1e-3, 1.0], "counts": [9, 55]}},
            "area_share_mean": 0.0039,
            "area_share_standard_deviation": 0.0044,
            "location": [[0.015625] * 8] * 8,
            "instances": 101,
            "instances_per_image": {"0": 36, "1": 27, "2": 37},
            "instance_area_px": {**_NUMBER, "minimum": 3, "maximum": 804, "mean": 208.0, "standard_deviation": 119.0},
        }
    ],
    "cooccurrence": [[64]],
    "image": {"brightness": _NUMBER},
    "viewpoint": {"azimuth_deg": {**_NUMBER, "minimum": -180, "maximum": 180, "mean": 4, "standard_deviation": 101}},
    "numbers": {"sun.elevation_deg": {**_NUMBER, "minimum": 5, "maximum": 70, "mean": 37, "standard_deviation": 19}},
    "choices": {"vehicle.body": {"counts": {"sedan": 53, "suv": 47}, "other": 0}},
}
_SHIFT: dict[str, Any] = {"mean": 0.0039, "against_mean": 0.0031, "effect_size": 0.18}
DIFF: dict[str, Any] = {
    "version": "exterior@2",
    "against": "exterior@1",
    "digest": _IMAGE_DIGEST,
    "against_digest": _DIGEST,
    "frames": {
        "same": 90,
        "added": 4,
        "removed": 0,
        "changed": 10,
        "added_indices": [100, 101, 102, 103],
        "removed_indices": [],
        "changed_frames": [
            {
                "index": 7,
                "against_index": 7,
                "files": ["image", "mask"],
                "pixels": {"image": 0.31, "image_mean": 0.8, "image_most": 24, "mask": 0.002},
            }
        ],
    },
    "labels_added": [],
    "labels_removed": [],
    "areas": {"tail_light": _SHIFT},
    "frequencies": {"tail_light": {"mean": 0.64, "against_mean": 0.61, "effect_size": 0.06}},
    "image": {"brightness": {"mean": 0.44, "against_mean": 0.41, "effect_size": 0.33}},
    "viewpoint": {},
    "numbers": {"sun.elevation_deg": {"mean": 37, "against_mean": 12, "effect_size": 1.7}},
    "choices": {"vehicle.body": 0.06},
}
PENDING: dict[str, Any] = {"progress": {"done": 1200, "total": 20000, "message": "measuring frames"}}
ALIAS_TARGET: dict[str, Any] = {"version": 2, "by": "reviewer", "reason": "masks checked by eye"}
ALIAS: dict[str, Any] = {
    "name": "exterior",
    "alias": "approved",
    "version": 2,
    "history": [
        {"version": 1, "at": "2026-01-05T10:00:00Z", "by": "reviewer", "reason": ""},
        {"version": 2, "at": "2026-01-12T08:15:00Z", "by": "reviewer", "reason": "masks checked by eye"},
    ],
}
ALIASES: dict[str, Any] = {"items": [ALIAS], "next_cursor": None}
REMOVED_ALIAS: dict[str, Any] = {
    **ALIAS,
    "version": None,
    "history": [
        *ALIAS["history"],
        {"version": None, "at": "2026-02-02T08:00:00Z", "by": "reviewer", "reason": "mirrored"},
    ],
}
DATASET: dict[str, Any] = {
    "name": "exterior",
    "versions": [
        {
            "version": 1,
            "digest": _DIGEST,
            "created_at": "2026-01-05T09:32:10Z",
            "frame_count": 100,
            "description": "",
            "tags": ["generation:6"],
            "aliases": ["approved", "latest"],
        },
    ],
    "latest": VERSION,
}
DATASETS: dict[str, Any] = {"items": [DATASET], "next_cursor": None}
FRAME: dict[str, Any] = {
    "index": 0,
    "seed": 7,
    "generator": {"name": "exterior", "digest": _DIGEST},
    "spec_digest": _DIGEST,
    "attempt": 0,
    "parameters": {"sun.elevation_deg": 31.5},
    "camera": {
        "K": [[309.0, 0.0, 128.0], [0.0, 309.0, 104.0], [0.0, 0.0, 1.0]],
        "distortion": [0.0, 0.0, 0.0, 0.0, 0.0],
        "world_from_camera": [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, -6.0], [0.0, -1.0, 0.0, 1.4], [0.0, 0.0, 0.0, 1.0]],
    },
    "instances": [{"id": 1, "label": "tail_light", "area_px": 74, "box": [40, 88, 11, 9], "visible_fraction": 1.0}],
    "files": {"image": _IMAGE_DIGEST, "mask": _DIGEST, "instances": _DIGEST, "depth": _DIGEST},
    "size": [256, 208],
    "player": {"name": "embedded", "version": "0.1.0"},
    "split": None,
    "group": None,
    "source": None,
    "checks": [],
}
FRAMES: dict[str, Any] = {"items": [FRAME], "next_cursor": "1"}
PREVIEW: dict[str, Any] = {"frame": FRAME, "files": {"image": "iVBORw0KGgo="}}
TRACE: dict[str, Any] = {
    "generator": GENERATOR["document"],
    "generator_digest": _DIGEST,
    "platform": {"system": "Linux", "machine": "x86_64", "processor": "AMD EPYC 7763 64-Core Processor"},
    "frames": [
        {
            "record": FRAME,
            "assets_digest": _DIGEST,
            "pixels": {"image": _IMAGE_DIGEST, "mask": _DIGEST},
            "blocks": [127.5] * 48,
        }
    ],
}
RUN: dict[str, Any] = {
    "id": "run-5c2a90f3e1b8",
    "job": "job-8d11c09ab2f4",
    "state": "running",
    "created_at": "2026-01-05T09:40:00.000Z",
    "spec": TRAINING_REQUEST,
    "terms": [{"source": _DIGEST, "license": "internal use only", "consent": None}],
    "result": None,
    "error": None,
    "report": None,
}
RUNS: dict[str, Any] = {"items": [RUN], "next_cursor": None}


def answer(example: dict[str, Any], description: str = "Successful answer") -> dict[str, Any]:
    """OpenAPI of an answer with its example."""
    return {"description": description, "content": {"application/json": {"example": example}}}
