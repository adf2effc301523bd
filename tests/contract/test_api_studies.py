"""Studies over REST and in a plan: what is refused before anything is queued, and what a queued one shows."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.service.api import SPEC, job_ids, refused

SEEDS: dict[str, Any] = {"seed": {"path": "seed", "values": [1, 2]}}
STUDY: dict[str, Any] = {
    "schema_version": 1,
    "name": "lids",
    "datasets": {"own": {"version": "boxes@1", "made_by": "beltline render boxes --frames 4 --seed 1"}},
    "base": {
        **SPEC,
        "data": {
            "train": [{"dataset": "own", "take": 2}],
            "validation": {"dataset": "own", "reserve": 1},
            "test": {"dataset": "own"},
        },
    },
    "axes": {"real": {"path": "data.train.0.take", "values": [1, 2]}},
    "report": {"metric": "test.mean_dataset_iou"},
}


@pytest.mark.parametrize(
    ("change", "status", "code", "word"),
    [
        ({"axes": {}}, 422, "invalid_document", "axes"),
        ({"axis": {}}, 422, "invalid_document", "axis"),
        ({"base": "/etc/passwd"}, 422, "path_not_allowed", "is a path"),
        ({"set": {"network.encoder_weights": "/etc/passwd"}}, 422, "path_not_allowed", "real 1"),
        ({"set": {"network.weights": "/etc/passwd"}}, 422, "path_not_allowed", "real 1"),
        ({"set": {"label_map": "bmw9"}}, 404, "unknown_label_map", "bmw9"),
        ({"set": {"label_map": {"cat": ["cat"]}}}, 422, "label_map_mismatch", "real 1"),
        ({"set": {"data.test": {"dataset": "own", "split": "test"}}}, 404, "unknown_split", "test"),
        ({"set": {"data.train.0.take": 9}, "axes": SEEDS}, 422, "mix_too_large", "which has 4 images"),
        ({"datasets": {"own": "boxs@1"}}, 404, "unknown_dataset", "boxs"),
        ({"report": {"metric": "test.dataset_iou.lit"}}, 422, "unknown_metric", "lit"),
        ({"set": {"stages.0.freeze": "first"}}, 422, "invalid_document", "no part 'first'"),
    ],
)
def test_a_study_is_refused_whole(
    client: TestClient, change: dict[str, Any], status: int, code: str, word: str
) -> None:
    before = job_ids(client)
    problem = refused(client.post("/v1/studies", json={**STUDY, **change}), status, code)
    assert word in problem.detail
    assert job_ids(client) == before
    assert client.get("/v1/studies").json()["items"] == []


def test_the_error_of_a_missing_version_says_how_to_make_it(client: TestClient) -> None:
    own = {"version": "boxes@7", "made_by": "beltline render boxes --frames 4 --seed 7"}
    problem = refused(client.post("/v1/studies", json={**STUDY, "datasets": {"own": own}}), 404, "unknown_version")
    assert own["made_by"] in problem.hint
    assert "--set datasets.own=" in problem.hint


def test_a_study_that_there_is_not(client: TestClient) -> None:
    refused(client.get("/v1/studies/lids-000000000000"), 404, "unknown_study")
    refused(client.get("/v1/studies/lids-000000000000/report"), 404, "unknown_study")


def test_a_queued_study_is_shown_and_refused_by_what_its_images_show(client: TestClient) -> None:
    """Its test images are those it learns from, which only the manifests tell: the process refuses it as bad input."""
    accepted = client.post("/v1/studies", json=STUDY, headers={"Idempotency-Key": "once"})
    assert accepted.status_code == 202
    again = client.post("/v1/studies", json=STUDY, headers={"Idempotency-Key": "once"})
    assert again.json() == accepted.json()
    study_id = accepted.json()["study"]
    (shown,) = client.get("/v1/studies").json()["items"]
    assert shown["id"] == study_id
    assert shown["study"]["base"]["data"]["train"][0]["dataset"] == "own"
    refused(client.get(f"/v1/studies/{study_id}/report"), 404, "no_report")
    events = client.get(f"/v1/jobs/{accepted.json()['job']['id']}/events").text
    assert '"state":"failed"' in events
    error = client.get(f"/v1/studies/{study_id}").json()["error"]
    assert error["code"] == "test_set_leak"
    assert "cell real 1" in error["message"]
