"""Mixes over REST and on the command line: kept, shown, learned from, and what they keep from being deleted."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from contracts.ids import canonical_json, digest_of
from server.api.app import create_app
from server.cli import main
from tests.service.api import BATCH, SPEC, follow, refused
from tests.service.homes import MODULES, settings

TEXT = "0.5 of boxes@1, nested, seed 4"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mixes") / "home"


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(settings(home), modules=MODULES)) as client:
        assert follow(client, client.post("/v1/render-batches", json=BATCH))["state"] == "succeeded"
        yield client


def test_a_mix_is_kept_shown_learned_from_and_forgotten(client: TestClient, home: Path) -> None:
    answer = client.post("/v1/mixes", json={"name": "half", "text": TEXT})
    assert answer.status_code == 201, answer.text
    kept = answer.json()
    assert (kept["text"], kept["images"]) == (TEXT, [2])
    assert kept["digest"] == digest_of(canonical_json(kept["mix"]))
    assert client.post("/v1/mixes", json={"name": "half", "text": TEXT}).json() == kept
    assert client.get("/v1/mixes").json() == {"items": [kept], "next_cursor": None}
    assert client.get("/v1/mixes/half").json() == client.get(f"/v1/mixes/{kept['digest']}").json() == kept
    said = refused(client.delete("/v1/datasets/boxes/versions/1"), 409, "version_needed")
    assert "mix half" in said.detail

    data = {key: SPEC["data"][key] for key in ("validation", "test")}
    accepted = client.post("/v1/training-runs", json={**SPEC, "data": {**data, "mix": "half"}})
    assert accepted.status_code == 202, accepted.text
    found = client.get(f"/v1/training-runs/{accepted.json()['run']}").json()["spec"]["data"]
    assert found["mix"] == kept["digest"]
    assert [(item["dataset"], item["share"], item["seed"]) for item in found["train"]] == [("boxes@1", 0.5, 4)]
    client.post(f"/v1/jobs/{accepted.json()['job']['id']}:cancel")

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["--home", str(home), "--json", "mix", "half"]) == 0
    assert json.loads(out.getvalue()) == kept
    assert client.delete("/v1/mixes/half").json() == kept
    refused(client.get("/v1/mixes/half"), 404, "unknown_mix")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "half", "text": "half of boxes@1"}, 422, "invalid_mix"),
        ({"name": "half", "text": "5 of boxes@1"}, 422, "mix_too_large"),
        ({"name": "half", "text": "1 of boxes@9"}, 404, "unknown_version"),
        ({"name": "../half", "text": "1 of boxes@1"}, 422, "invalid_document"),
        ({"name": "half", "txt": "1 of boxes@1"}, 422, "invalid_document"),
    ],
)
def test_what_is_no_mix_is_refused(client: TestClient, body: dict[str, str], status: int, code: str) -> None:
    refused(client.post("/v1/mixes", json=body), status, code)
    assert client.get("/v1/mixes").json()["items"] == []


def test_a_study_of_an_unknown_mix_is_refused(client: TestClient) -> None:
    base = {**SPEC, "data": {key: SPEC["data"][key] for key in ("validation", "test")} | {"mix": "half"}}
    study = {
        "schema_version": 1,
        "name": "mixed",
        "question": "How much does the rate matter?",
        "base": base,
        "axes": {"rate": {"path": "optimizer.encoder_lr", "values": [0.001, 0.0001]}},
        "repeats": {"until": {"confidence": 0.95, "half_width_of_mean": 0.1}, "at_least": 2, "at_most": 3},
        "report": {"metric": "test.mean_dataset_iou"},
    }
    refused(client.post("/v1/studies", json=study), 404, "unknown_mix")
    base["data"]["train"] = SPEC["data"]["train"]
    refused(client.post("/v1/studies", json=study), 422, "invalid_study")


def test_a_run_of_an_unknown_mix_is_refused(client: TestClient) -> None:
    data = {key: SPEC["data"][key] for key in ("validation", "test")}
    refused(client.post("/v1/training-runs", json={**SPEC, "data": {**data, "mix": "nothing"}}), 404, "unknown_mix")
    both = {**SPEC, "data": {**SPEC["data"], "mix": "nothing"}}
    refused(client.post("/v1/training-runs", json=both), 422, "invalid_document")
