"""Examples of studies in the OpenAPI document; a test holds them to their schemas."""

from __future__ import annotations

from typing import Any

from server.api.examples import QUEUED_JOB, TRAINING_REQUEST

_DIGEST = "sha256:" + "5e" * 32

REQUEST: dict[str, Any] = {
    "schema_version": 1,
    "name": "carparts-transfer",
    "question": "How many photographs do synthetic vehicles replace?",
    "base": TRAINING_REQUEST,
    "axes": {
        "real": {"path": "data.train.0.take", "values": [16, 64, "all"], "role": "real_images"},
        "synthetic": {"path": "data.train.1.take", "values": [0, 512, 2048], "role": "synthetic_images"},
    },
    "repeats": {"until": {"confidence": 0.95, "half_width_of_mean": 0.025}, "at_least": 7, "at_most": 30},
    "report": {
        "metric": "test.mean_dataset_iou",
        "compare": {
            "each": "synthetic",
            "against": {"synthetic": 0},
            "test": "welch",
            "alternative": "greater",
            "correction": "holm",
        },
    },
}
ACCEPTED: dict[str, Any] = {
    "job": {**QUEUED_JOB, "kind": "study", "progress": {"done": 0, "total": 63, "message": ""}, "request": REQUEST},
    "estimate_s": None,
    "study": "carparts-transfer-5c2a90f3e1b8",
}
STUDY: dict[str, Any] = {
    "id": "carparts-transfer-5c2a90f3e1b8",
    "job": "job-8d11c09ab2f4",
    "state": "running",
    "created_at": "2026-01-05T09:40:00.000Z",
    "study": REQUEST,
    "terms": [{"source": _DIGEST, "license": "internal use only", "consent": None}],
    "estimate": {
        "cells": 9,
        "runs_at_least": 63,
        "runs_at_most": 270,
        "runs_done_before": 0,
        "seconds_at_least": 15120.0,
        "seconds_at_most": 64800.0,
        "parallel": 1,
        "threads": 2,
        "measured": [
            {
                "setting": "unet resnet18 128x128, batches of 16",
                "seconds_per_step": 0.58,
                "seconds_once": 9.1,
                "seconds_per_evaluation": 1.2,
                "memory_bytes": 1610612736,
                "gpu_memory_bytes": 0,
            }
        ],
        "not_run": {},
    },
    "result": None,
    "error": None,
    "report": None,
}
STUDIES: dict[str, Any] = {"items": [STUDY], "next_cursor": None}
