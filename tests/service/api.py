"""What tests of the REST API share: requests that are good, and how answers are read."""

from __future__ import annotations

import json
from typing import Any

import httpx
from fastapi.testclient import TestClient

from server.resources import Problem

BATCH = {"generator": "boxes", "frames": 4, "seed": 1}
SPEC = {
    "schema_version": 1,
    "label_map": {"lid": ["lid"], "wall": ["wall"]},
    "data": {
        "train": [{"dataset": "boxes@1"}],
        "validation": {"dataset": "boxes@1"},
        "test": {"dataset": "boxes@1"},
    },
    "stages": [{"name": "all", "steps": 5}],
}


def follow(client: TestClient, accepted: httpx.Response) -> dict[str, Any]:
    """The job that a request became, when it has ended."""
    assert accepted.status_code == 202, accepted.text
    job = accepted.json().get("job", accepted.json())
    events = client.get(f"/v1/jobs/{job['id']}/events").text
    last: dict[str, Any] = json.loads(events.strip().rsplit("data: ", 1)[1])
    return last


def refused(response: httpx.Response, status: int, code: str) -> Problem:
    assert response.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate(response.json())
    assert (response.status_code, problem.status, problem.code) == (status, status, code), problem
    assert problem.hint
    assert problem.detail
    return problem


def job_ids(client: TestClient) -> list[str]:
    return [job["id"] for job in client.get("/v1/jobs", params={"limit": 500}).json()["items"]]
