"""REST as others script against it: every route, every refusal, and that a refusal changes nothing."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from contracts.job import Job
from server.api.app import create_app
from tests.service.api import BATCH, SPEC, follow, job_ids, refused
from tests.service.homes import MODULES, settings


def test_a_batch_from_request_to_pictures(client: TestClient) -> None:
    response = client.post("/v1/render-batches", json={**BATCH, "seed": 2, "dataset": "mine", "size": "48x32"})
    assert response.status_code == 202
    accepted = response.json()
    assert response.headers["location"] == f"/v1/jobs/{accepted['job']['id']}"
    assert accepted["estimate_s"] > 0
    assert accepted["job"]["state"] == "queued"
    job = follow(client, response)
    assert job["result"]["dataset"] == "mine@1"
    assert client.get(response.headers["location"]).json() == job
    version = client.get("/v1/datasets/mine/versions/1").json()
    assert (version["digest"], version["frame_count"]) == (job["result"]["digest"], 4)
    assert [label["name"] for label in version["labels"]] == ["background", "lid", "wall"]
    for kind, mode in (("image", "RGB"), ("mask", "P"), ("overlay", "RGB")):
        picture = client.get(f"/v1/datasets/mine/versions/1/frames/3/{kind}")
        assert picture.headers["content-type"] == "image/png"
        image = Image.open(io.BytesIO(picture.content))
        assert (image.size, image.mode) == ((48, 32), mode)
        tag = {"If-None-Match": picture.headers["etag"]}
        assert client.get(f"/v1/datasets/mine/versions/1/frames/3/{kind}", headers=tag).status_code == 304
    assert "shard from 0" in client.get(f"/v1/jobs/{job['id']}/log").text


def test_jobs_validate_as_their_contract(client: TestClient) -> None:
    for job in client.get("/v1/jobs").json()["items"]:
        assert set(job) >= {"id", "kind", "state", "progress", "attempt", "attempts", "error", "result"}
        Job.model_validate_json(json.dumps(job), strict=True)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"generator": "boxs"}, 404, "unknown_generator"),
        ({"generator": "../generators/boxes"}, 422, "invalid_name"),
        ({"generator": "/etc/passwd.yaml"}, 422, "invalid_name"),
        ({"generator": "a" * 255}, 422, "invalid_name"),
        ({"generator": "boxes\0"}, 422, "invalid_name"),
        ({"frames": 0}, 422, "invalid_document"),
        ({"frames": -3}, 422, "invalid_document"),
        ({"frames": 10**12}, 422, "invalid_document"),
        ({"frames": 1.5}, 422, "invalid_document"),
        ({"frames": "4"}, 422, "invalid_document"),
        ({"frames": True}, 422, "invalid_document"),
        ({"frames": 1_000_000, "size": "8192x8192"}, 422, "no_space"),
        ({"seed": -1}, 422, "invalid_document"),
        ({"seed": 2**60}, 422, "invalid_document"),
        ({"size": "0x10"}, 422, "invalid_document"),
        ({"size": "8x8"}, 422, "invalid_size"),
        ({"size": "99999x64"}, 422, "invalid_size"),
        ({"size": "64"}, 422, "invalid_document"),
        ({"overrides": {"randomizers.moon.elevation_deg": 4}}, 422, "unknown_override"),
        ({"overrides": {"randomizers.sun.elevation_degg": 4}}, 422, "invalid_document"),
        ({"overrides": {"randomizers.sun.elevation_deg": {"uniform": [9, 1]}}}, 422, "invalid_document"),
        ({"overrides": {"extends": "boxes"}}, 422, "invalid_document"),
        ({"player": "nobody"}, 422, "unknown_player"),
        ({"player": "/bin/sh"}, 422, "unknown_player"),
        ({"dataset": "../up"}, 422, "invalid_document"),
        ({"dataset": "a/b"}, 422, "invalid_document"),
        ({"workers": 0}, 422, "invalid_document"),
        ({"colour": "red"}, 422, "invalid_document"),
    ],
)
def test_bad_batches_queue_nothing(client: TestClient, change: dict[str, Any], status: int, code: str) -> None:
    before = job_ids(client)
    refused(client.post("/v1/render-batches", json={**BATCH, **change}), status, code)
    assert job_ids(client) == before


def test_a_misspelt_word_is_answered_with_the_nearest(client: TestClient) -> None:
    problem = refused(client.post("/v1/render-batches", json={**BATCH, "framez": 4}), 422, "invalid_document")
    assert "did you mean 'frames'" in problem.errors[0]["message"]
    problem = refused(client.post("/v1/render-batches", json={**BATCH, "generator": "boxs"}), 404, "unknown_generator")
    assert problem.hint == "did you mean 'boxes'?"


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 422, "invalid_json"),
        (b"", "application/json", 422, "invalid_json"),
        (b"[]", "application/json", 422, "invalid_document"),
        (b'{"frames": NaN}', "application/json", 422, "invalid_json"),
        (b"[" * 100_000, "application/json", 422, "invalid_json"),
        (b'{"frames": ' + b"9" * 10_000 + b"}", "application/json", 422, "invalid_json"),
        (b"\xff\xfe", "application/json", 422, "invalid_json"),
        (b"generator=boxes", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b" " * ((1 << 20) + 1), "application/json", 413, "body_too_large"),
    ],
)
def test_bad_bodies(client: TestClient, content: bytes, kind: str, status: int, code: str) -> None:
    response = client.post("/v1/render-batches", content=content, headers={"Content-Type": kind})
    refused(response, status, code)


def test_a_long_body_of_unsaid_length_is_cut_off(client: TestClient) -> None:
    pieces = (b" " * 65536 for _ in range(64))
    headers = {"Content-Type": "application/json"}
    refused(client.post("/v1/render-batches", content=pieces, headers=headers), 413, "body_too_large")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("DELETE", "/v1/jobs", 405, "method_not_allowed"),
        ("GET", "/v1/render-batches", 405, "method_not_allowed"),
        ("GET", "/v1/generators/boxs", 404, "unknown_generator"),
        ("GET", "/v1/generators/..", 404, "not_found"),
        ("GET", "/v1/generators/%2e%2e%2fboxes", 404, "not_found"),
        ("GET", "/v1/generators/UPPER", 422, "invalid_name"),
        ("GET", "/v1/jobs/job-000000000000", 404, "unknown_job"),
        ("GET", "/v1/jobs/job-000000000000/events", 404, "unknown_job"),
        ("GET", "/v1/jobs/job-000000000000/log", 404, "unknown_job"),
        ("POST", "/v1/jobs/job-000000000000:cancel", 404, "unknown_job"),
        ("POST", "/v1/jobs/job-000000000000:retry", 404, "unknown_job"),
        ("GET", "/v1/jobs?limit=0", 422, "invalid_parameter"),
        ("GET", "/v1/jobs?limit=many", 422, "invalid_parameter"),
        ("GET", "/v1/jobs?cursor=x", 422, "invalid_cursor"),
        ("GET", "/v1/jobs?state=sleeping", 422, "invalid_parameter"),
        ("GET", "/v1/datasets/nothing", 404, "unknown_dataset"),
        ("GET", "/v1/datasets/UP", 422, "invalid_name"),
        ("GET", "/v1/datasets/boxes/versions/9", 404, "unknown_version"),
        ("GET", "/v1/datasets/boxes/versions/0", 422, "invalid_parameter"),
        ("GET", "/v1/datasets/boxes/versions/one", 422, "invalid_parameter"),
        ("GET", "/v1/datasets/boxes/versions/1/frames?label=lids", 404, "unknown_label"),
        ("GET", "/v1/datasets/boxes/versions/1/frames?split=train", 404, "unknown_split"),
        ("GET", "/v1/datasets/boxes/versions/1/frames/4/image", 404, "unknown_frame"),
        ("GET", "/v1/datasets/boxes/versions/1/frames/-1/image", 404, "unknown_frame"),
        ("GET", "/v1/datasets/boxes/versions/1/frames/0/depth", 404, "not_found"),
        ("GET", "/v1/datasets/boxes/versions/1/frames/0/secrets", 422, "invalid_parameter"),
        ("GET", "/v1/training-runs/nothing", 404, "unknown_run"),
        ("GET", "/v1/training-runs/nothing/report", 404, "unknown_run"),
    ],
)
def test_every_refusal_is_a_problem_document(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    refused(client.request(method, path), status, code)


def test_illegal_transitions_are_conflicts(client: TestClient) -> None:
    job = client.get("/v1/jobs", params={"state": "succeeded"}).json()["items"][0]
    refused(client.post(f"/v1/jobs/{job['id']}:cancel"), 409, "illegal_transition")


def test_cancel_and_retry(client: TestClient) -> None:
    accepted = client.post("/v1/render-batches", json={**BATCH, "player": "slow", "frames": 40, "dataset": "slow"})
    job_id = accepted.json()["job"]["id"]
    refused(client.post(f"/v1/jobs/{job_id}:retry"), 409, "illegal_transition")
    assert client.post(f"/v1/jobs/{job_id}:cancel").status_code == 202
    assert follow(client, accepted)["state"] == "cancelled"
    again = client.post(f"/v1/jobs/{job_id}:retry")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    client.post(f"/v1/jobs/{job_id}:cancel")
    assert follow(client, again)["state"] == "cancelled"


def test_failures_say_why(client: TestClient) -> None:
    failed = follow(client, client.post("/v1/render-batches", json={**BATCH, "player": "fails"}))
    assert (failed["state"], failed["error"]["code"], failed["error"]["hint"]) == (
        "failed",
        "frame_rejected",
        "look at it",
    )
    crashed = follow(client, client.post("/v1/render-batches", json={**BATCH, "player": "dies"}))
    assert (crashed["state"], crashed["error"]["code"]) == ("crashed", "process_died")
    assert [attempt["state"] for attempt in crashed["attempts"]] == ["crashed"] * 3


def test_an_idempotency_key_gives_the_first_answer(client: TestClient) -> None:
    key = {"Idempotency-Key": "b7c1"}
    first = client.post("/v1/render-batches", json=BATCH, headers=key)
    spaced = json.dumps(dict(reversed(BATCH.items())), indent=4).encode()
    again = client.post("/v1/render-batches", content=spaced, headers={**key, "Content-Type": "application/json"})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["location"] == first.headers["location"]
    other = client.post("/v1/render-batches", json={**BATCH, "seed": 9}, headers=key)
    refused(other, 422, "idempotency_key_reused")
    elsewhere = client.post(f"/v1/jobs/{first.json()['job']['id']}:retry", headers=key)
    refused(elsewhere, 422, "idempotency_key_reused")
    for bad in ("", "x" * 201, "tab\there"):
        response = client.post("/v1/render-batches", json=BATCH, headers={"Idempotency-Key": bad})
        refused(response, 422, "invalid_idempotency_key")


def test_a_refused_request_leaves_its_key_free(client: TestClient) -> None:
    key = {"Idempotency-Key": "refused-first"}
    refused(client.post("/v1/render-batches", json={**BATCH, "frames": 0}, headers=key), 422, "invalid_document")
    assert client.post("/v1/render-batches", json=BATCH, headers=key).status_code == 202


def test_pages_lead_through_everything(client: TestClient) -> None:
    for job in job_ids(client):  # what other tests left running would change between two looks
        client.get(f"/v1/jobs/{job}/events")
    for path in ("/v1/jobs", "/v1/datasets", "/v1/datasets/boxes/versions/1/frames"):
        everything = client.get(path, params={"limit": 500}).json()
        assert everything["next_cursor"] is None
        found: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = client.get(path, params={"limit": 1, **cursor}).json()
            assert len(page["items"]) <= 1
            found += page["items"]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert found == everything["items"]


def test_frames_by_label(client: TestClient) -> None:
    path = "/v1/datasets/boxes/versions/1/frames"
    assert [frame["index"] for frame in client.get(path, params={"label": "lid"}).json()["items"]] == [0, 2]
    page = client.get(path, params={"label": "wall", "limit": 1}).json()
    assert [frame["index"] for frame in page["items"]] == [1]
    rest = client.get(path, params={"label": "wall", "cursor": page["next_cursor"]}).json()
    assert [frame["index"] for frame in rest["items"]] == [3]


def test_events_are_server_sent(client: TestClient) -> None:
    accepted = client.post("/v1/render-batches", json={**BATCH, "player": "slow", "seed": 77, "workers": 1})
    job_id = accepted.json()["job"]["id"]
    with client.stream("GET", f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": "9999"}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        text = stream.read().decode()
    blocks = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    assert blocks[0] == {"retry": "1000"}
    events = blocks[1:]
    assert {event["event"] for event in events} == {"state", "progress"}
    numbers = [int(event["id"]) for event in events]
    assert numbers == sorted(set(numbers))
    jobs = [Job.model_validate_json(event["data"]) for event in events]
    assert jobs[-1].state == "succeeded"
    done = [job.progress.done for job in jobs]
    assert done == sorted(done)
    ended = client.get(f"/v1/jobs/{job_id}/events").text
    assert ended.count("event:") == 1


def test_validation(client: TestClient) -> None:
    text = "schema_version: 1\nname: dusk\nextends: boxes\nrandomizers:\n  sun: {elevation_deg: {uniform: [2, 9]}}\n"
    good = client.post("/v1/generators:validate", json={"document": text}).json()
    assert (good["valid"], good["kind"], good["name"]) == (True, "generator", "dusk")
    spec = client.post("/v1/generators:validate", json={"document": SPEC}).json()
    assert spec["kind"] == "training-run"
    cases = {
        text.replace("elevation_deg", "elevation_degg"): "request:5",
        text + "a: &x [1]\nb: *x\n": "aliases",
        text + "name: twice\n": "duplicate",
        "!!python/object/apply:os.system [true]": "request:1",
        "extends: ../../boxes\nschema_version: 1": "no generator",
        "a: [": "request",
    }
    for bad, said in cases.items():
        response = client.post("/v1/generators:validate", json={"document": bad})
        assert response.status_code in (404, 422)
        assert said in response.json()["detail"]


def test_generators(client: TestClient) -> None:
    page = client.get("/v1/generators").json()
    assert [(item["name"], item["labels"]) for item in page["items"]] == [("boxes", ["lid", "wall"])]
    shown = client.get("/v1/generators/boxes").json()
    assert shown["digest"] == page["items"][0]["digest"]
    assert [label["id"] for label in shown["label_table"]] == [0, 1, 2]


def test_preview(client: TestClient) -> None:
    shown = client.post("/v1/generators/boxes:preview", json={"frame": 3, "seed": 1, "size": "40x30"}).json()
    assert (shown["frame"]["index"], shown["frame"]["size"]) == (3, [40, 30])
    assert {"image", "mask", "overlay"} <= shown["files"].keys()
    assert client.get("/v1/datasets").json()["items"][0]["name"] == "boxes"
    refused(client.post("/v1/generators/boxs:preview", json={}), 404, "unknown_generator")
    refused(client.post("/v1/generators/boxes:preview", json={"frame": -1}), 422, "invalid_document")
    refused(client.post("/v1/generators/boxes:preview", json={"player": "x"}), 422, "unknown_player")
    refused(client.post("/v1/generators/boxes:preview", json={"player": "fails"}), 500, "frame_rejected")


def test_export_is_a_folder_in_an_archive(client: TestClient) -> None:
    response = client.post("/v1/datasets/boxes/versions/1:export", json={"format": "raw"})
    assert response.headers["content-type"] == "application/x-tar"
    assert len(response.content) == int(response.headers["content-length"])
    with tarfile.open(fileobj=io.BytesIO(response.content)) as archive:
        names = archive.getnames()
        lines = archive.extractfile("boxes-1/frames.jsonl")
        assert lines is not None
        assert len(lines.read().splitlines()) == 4
    assert {"boxes-1/images/000003.png", "boxes-1/masks/000000.png", "boxes-1/labels.json"} <= set(names)
    refused(client.post("/v1/datasets/boxes/versions/1:export", json={"format": "rar"}), 422, "invalid_document")
    refused(client.post("/v1/datasets/boxes/versions/7:export", json={}), 404, "unknown_version")


def test_training_names_are_resolved_before_anything_is_queued(client: TestClient) -> None:
    def spec(**changes: Any) -> dict[str, Any]:
        return {**SPEC, **changes}

    source = {"dataset": "boxes@9"}
    cases: list[tuple[dict[str, Any], int, str]] = [
        (spec(data={**SPEC["data"], "test": source}), 404, "unknown_version"),
        (spec(data={**SPEC["data"], "test": {"dataset": "boxs@1"}}), 404, "unknown_dataset"),
        (spec(data={**SPEC["data"], "test": {"dataset": "boxes@1", "split": "x"}}), 404, "unknown_split"),
        (spec(data={**SPEC["data"], "test": {"dataset": "boxes"}}), 422, "invalid_document"),
        (spec(label_map="carparts"), 404, "unknown_label_map"),
        (spec(label_map={"door": ["door"]}), 422, "label_map_mismatch"),
        (spec(label_map={"left_mirror": ["mirror"]}), 422, "one_sided_class"),
        (spec(network={"encoder_weights": "/etc/passwd"}), 422, "path_not_allowed"),
        (spec(network={"weights": "passwd"}), 422, "path_not_allowed"),
        (spec(stages=[]), 422, "invalid_document"),
    ]
    before = job_ids(client)
    for body, status, code in cases:
        refused(client.post("/v1/training-runs", json=body), status, code)
    assert job_ids(client) == before
    assert client.get("/v1/training-runs").json() == {"items": [], "next_cursor": None}


def test_a_training_run_is_listed(client: TestClient) -> None:
    accepted = client.post("/v1/training-runs", json=SPEC)
    job_id, run = accepted.json()["job"]["id"], accepted.json()["run"]
    client.post(f"/v1/jobs/{job_id}:cancel")
    follow(client, accepted)
    shown = client.get(f"/v1/training-runs/{run}").json()
    assert (shown["id"], shown["job"], shown["state"]) == (run, job_id, "cancelled")
    assert client.get("/v1/training-runs").json()["items"][0] == shown
    refused(client.get(f"/v1/training-runs/{run}/report"), 404, "no_report")


# The service itself


def test_health_readiness_version_metrics(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}
    assert client.get("/v1/version").json()["api"] == "v1"
    client.get("/v1/jobs/job-000000000000")
    text = client.get("/metrics").text
    assert 'beltline_jobs{state="succeeded"}' in text
    assert "beltline_engine_up 1.0" in text
    assert 'beltline_http_requests_total{method="GET",route="/v1/jobs/{id}",status="404"}' in text
    assert "job-000000000000" not in text, "metrics must not grow with what people ask for"


def test_not_ready_without_space(tmp_path: Path) -> None:
    with TestClient(create_app(settings(tmp_path / "home", free_bytes_min=1 << 62), modules=MODULES)) as client:
        refused(client.get("/readyz"), 503, "no_space")


def test_an_unexpected_error_says_nothing_of_itself(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(client.app.state.application, "job", broken)  # type: ignore[attr-defined]
    problem = refused(client.get("/v1/jobs/any"), 500, "internal_error")
    assert "secret" not in problem.model_dump_json()
