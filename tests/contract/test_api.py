"""REST as others script against it: every route, every refusal, and that a refusal changes nothing."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from contracts.job import Job
from server.api.app import create_app
from server.resources import Problem
from tests.service.homes import MODULES, settings

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    """A service with one published version, `boxes@1`."""
    (folder / "allowed").mkdir()
    chosen = settings(
        folder / "home",
        players={"slow": ("pause=0.3",), "fails": ("fail-at=0",), "dies": ("die-at=0",)},
        import_roots=(folder / "allowed",),
        upload_bytes_max=1 << 20,
    )
    app = create_app(chosen, modules=MODULES)
    with TestClient(app, raise_server_exceptions=False) as client:
        job = _follow(client, client.post("/v1/render-batches", json=BATCH))
        assert job["state"] == "succeeded", job["error"]
        yield client


def _follow(client: TestClient, accepted: httpx.Response) -> dict[str, Any]:
    """The job that a request became, when it has ended."""
    assert accepted.status_code == 202, accepted.text
    job = accepted.json().get("job", accepted.json())
    events = client.get(f"/v1/jobs/{job['id']}/events").text
    last: dict[str, Any] = json.loads(events.strip().rsplit("data: ", 1)[1])
    return last


def _refused(response: httpx.Response, status: int, code: str) -> Problem:
    assert response.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate(response.json())
    assert (response.status_code, problem.status, problem.code) == (status, status, code), problem
    assert problem.hint
    assert problem.detail
    return problem


def _jobs(client: TestClient) -> list[str]:
    return [job["id"] for job in client.get("/v1/jobs", params={"limit": 500}).json()["items"]]


def test_a_batch_from_request_to_pictures(client: TestClient) -> None:
    response = client.post("/v1/render-batches", json={**BATCH, "seed": 2, "dataset": "mine", "size": "48x32"})
    assert response.status_code == 202
    accepted = response.json()
    assert response.headers["location"] == f"/v1/jobs/{accepted['job']['id']}"
    assert accepted["estimate_s"] > 0
    assert accepted["job"]["state"] == "queued"
    job = _follow(client, response)
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
    before = _jobs(client)
    _refused(client.post("/v1/render-batches", json={**BATCH, **change}), status, code)
    assert _jobs(client) == before


def test_a_misspelt_word_is_answered_with_the_nearest(client: TestClient) -> None:
    problem = _refused(client.post("/v1/render-batches", json={**BATCH, "framez": 4}), 422, "invalid_document")
    assert "did you mean 'frames'" in problem.errors[0]["message"]
    problem = _refused(client.post("/v1/render-batches", json={**BATCH, "generator": "boxs"}), 404, "unknown_generator")
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
    _refused(response, status, code)


def test_a_long_body_of_unsaid_length_is_cut_off(client: TestClient) -> None:
    pieces = (b" " * 65536 for _ in range(64))
    headers = {"Content-Type": "application/json"}
    _refused(client.post("/v1/render-batches", content=pieces, headers=headers), 413, "body_too_large")


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
    _refused(client.request(method, path), status, code)


def test_illegal_transitions_are_conflicts(client: TestClient) -> None:
    job = client.get("/v1/jobs", params={"state": "succeeded"}).json()["items"][0]
    _refused(client.post(f"/v1/jobs/{job['id']}:cancel"), 409, "illegal_transition")


def test_cancel_and_retry(client: TestClient) -> None:
    accepted = client.post("/v1/render-batches", json={**BATCH, "player": "slow", "frames": 40, "dataset": "slow"})
    job_id = accepted.json()["job"]["id"]
    _refused(client.post(f"/v1/jobs/{job_id}:retry"), 409, "illegal_transition")
    assert client.post(f"/v1/jobs/{job_id}:cancel").status_code == 202
    assert _follow(client, accepted)["state"] == "cancelled"
    again = client.post(f"/v1/jobs/{job_id}:retry")
    assert (again.status_code, again.json()["state"]) == (202, "queued")
    client.post(f"/v1/jobs/{job_id}:cancel")
    assert _follow(client, again)["state"] == "cancelled"


def test_failures_say_why(client: TestClient) -> None:
    failed = _follow(client, client.post("/v1/render-batches", json={**BATCH, "player": "fails"}))
    assert (failed["state"], failed["error"]["code"], failed["error"]["hint"]) == (
        "failed",
        "frame_rejected",
        "look at it",
    )
    crashed = _follow(client, client.post("/v1/render-batches", json={**BATCH, "player": "dies"}))
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
    _refused(other, 422, "idempotency_key_reused")
    elsewhere = client.post(f"/v1/jobs/{first.json()['job']['id']}:retry", headers=key)
    _refused(elsewhere, 422, "idempotency_key_reused")
    for bad in ("", "x" * 201, "tab\there"):
        response = client.post("/v1/render-batches", json=BATCH, headers={"Idempotency-Key": bad})
        _refused(response, 422, "invalid_idempotency_key")


def test_a_refused_request_leaves_its_key_free(client: TestClient) -> None:
    key = {"Idempotency-Key": "refused-first"}
    _refused(client.post("/v1/render-batches", json={**BATCH, "frames": 0}, headers=key), 422, "invalid_document")
    assert client.post("/v1/render-batches", json=BATCH, headers=key).status_code == 202


def test_pages_lead_through_everything(client: TestClient) -> None:
    for job in _jobs(client):  # what other tests left running would change between two looks
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
    _refused(client.post("/v1/generators/boxs:preview", json={}), 404, "unknown_generator")
    _refused(client.post("/v1/generators/boxes:preview", json={"frame": -1}), 422, "invalid_document")
    _refused(client.post("/v1/generators/boxes:preview", json={"player": "x"}), 422, "unknown_player")
    _refused(client.post("/v1/generators/boxes:preview", json={"player": "fails"}), 500, "frame_rejected")


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
    _refused(client.post("/v1/datasets/boxes/versions/1:export", json={"format": "rar"}), 422, "invalid_document")
    _refused(client.post("/v1/datasets/boxes/versions/7:export", json={}), 404, "unknown_version")


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
        (spec(stages=[]), 422, "invalid_document"),
    ]
    before = _jobs(client)
    for body, status, code in cases:
        _refused(client.post("/v1/training-runs", json=body), status, code)
    assert _jobs(client) == before
    assert client.get("/v1/training-runs").json() == {"items": [], "next_cursor": None}


def test_a_training_run_is_listed(client: TestClient) -> None:
    accepted = client.post("/v1/training-runs", json=SPEC)
    job_id, run = accepted.json()["job"]["id"], accepted.json()["run"]
    client.post(f"/v1/jobs/{job_id}:cancel")
    _follow(client, accepted)
    shown = client.get(f"/v1/training-runs/{run}").json()
    assert (shown["id"], shown["job"], shown["state"]) == (run, job_id, "cancelled")
    assert client.get("/v1/training-runs").json()["items"][0] == shown
    _refused(client.get(f"/v1/training-runs/{run}/report"), 404, "no_report")


# Importing


def _photographs(folder: Path) -> Path:
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    for number in range(3):
        Image.fromarray(np.full((8, 10, 3), 60 * number, np.uint8)).save(folder / "images" / f"{number}.png")
        mask = np.zeros((8, 10), np.uint8)
        mask[: number + 1] = min(number, 1)
        Image.fromarray(mask).save(folder / "masks" / f"{number}.png")
    (folder / "classes.json").write_text(json.dumps({"classes": {"0": "background", "1": "mirror"}}))
    return folder


def test_import_from_an_allowed_root(client: TestClient, folder: Path) -> None:
    place = _photographs(folder / "allowed" / "photographs")
    body = {"format": "masks", "path": str(place), "name": "photographs"}
    job = _follow(client, client.post("/v1/datasets:import", json=body))
    assert job["state"] == "succeeded", job["error"]
    assert job["result"]["dataset"] == "photographs@1"
    frames = client.get("/v1/datasets/photographs/versions/1/frames", params={"label": "mirror"}).json()["items"]
    assert [frame["source"] for frame in frames] == ["images/1.png", "images/2.png"]
    assert client.get("/v1/datasets/photographs/versions/1/frames/0/overlay").status_code == 200


def test_import_reads_nothing_else(client: TestClient, folder: Path) -> None:
    outside = _photographs(folder / "outside")
    link = folder / "allowed" / "link"
    link.symlink_to(outside)
    mixed = _photographs(folder / "allowed" / "mixed")
    (mixed / "images" / "0.png").unlink()
    (mixed / "images" / "0.png").symlink_to(outside / "images" / "0.png")
    before = _jobs(client)
    base = {"format": "masks", "name": "stolen"}
    allowed = str(mixed)
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"path": str(outside)}, 422, "path_not_allowed"),
        ({"path": f"{folder}/allowed/../outside"}, 422, "path_not_allowed"),
        ({"path": str(link)}, 422, "path_not_allowed"),
        ({"path": "/etc"}, 422, "path_not_allowed"),
        ({"path": f"{folder}/allowed/none"}, 404, "import_not_found"),
        ({"path": f"{allowed}/classes.json"}, 422, "not_a_folder"),
        ({"path": allowed, "classes": "/etc/passwd"}, 422, "path_not_allowed"),
        ({"path": allowed, "classes": "none.json"}, 404, "import_not_found"),
        ({"path": allowed, "groups": "../../outside/classes.json"}, 422, "path_not_allowed"),
        ({"path": allowed, "splits": {"train": "../mixed/../../outside"}}, 422, "path_not_allowed"),
        ({"path": allowed, "splits": {"train": "none"}}, 404, "import_not_found"),
        ({"path": allowed, "format": "guess"}, 422, "invalid_document"),
        ({"path": allowed, "name": "../x"}, 422, "invalid_document"),
        ({"path": f"{allowed}\0"}, 422, "invalid_path"),
    ]
    for change, status, code in cases:
        _refused(client.post("/v1/datasets:import", json={**base, **change}), status, code)
    assert _jobs(client) == before
    job = _follow(client, client.post("/v1/datasets:import", json={**base, "path": allowed}))
    assert job["state"] == "failed"
    assert "link" in json.dumps(job["error"])
    assert client.get("/v1/datasets/stolen").status_code == 404


def _zip(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent))
    return buffer.getvalue()


def _upload(client: TestClient, data: bytes, wish: dict[str, Any], **headers: str) -> httpx.Response:
    files = {"request": (None, json.dumps(wish), "application/json"), "archive": ("photographs.zip", data)}
    return client.post("/v1/datasets:import", files=files, headers=headers)


def test_import_of_an_upload(client: TestClient, tmp_path: Path) -> None:
    data = _zip(_photographs(tmp_path / "photographs"))
    wish = {"format": "masks", "name": "uploaded"}
    key = {"Idempotency-Key": "upload"}
    first = _upload(client, data, wish, **key)
    job = _follow(client, first)
    assert job["state"] == "succeeded", job["error"]
    assert job["result"]["dataset"] == "uploaded@1"
    assert _upload(client, data, wish, **key).json() == first.json()
    _refused(_upload(client, data[:-1] + b"x", wish, **key), 422, "idempotency_key_reused")


def test_bad_uploads(client: TestClient, folder: Path, tmp_path: Path) -> None:
    wish = {"format": "masks", "name": "bad"}
    jobs = folder / "home" / "jobs"
    before = sorted(jobs.iterdir())
    _refused(_upload(client, b"no archive", wish), 422, "invalid_archive")
    _refused(_upload(client, b"", {**wish, "path": "/etc"}), 422, "invalid_document")
    _refused(_upload(client, bytes(2 << 20), wish), 413, "body_too_large")
    only = {"request": (None, json.dumps(wish))}
    _refused(client.post("/v1/datasets:import", files=only), 422, "invalid_upload")
    other = {"secret": (None, "x")}
    _refused(client.post("/v1/datasets:import", files=other), 422, "invalid_upload")
    plain = {"Content-Type": "multipart/form-data"}
    _refused(client.post("/v1/datasets:import", content=b"x", headers=plain), 422, "invalid_upload")
    assert sorted(jobs.iterdir()) == before, "nothing is kept of a refused upload"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../escaped.txt", "out")
    job = _follow(client, _upload(client, buffer.getvalue(), wish))
    assert (job["state"], job["error"]["code"]) == ("failed", "invalid_archive")
    assert not list(folder.rglob("escaped.txt"))


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
        _refused(client.get("/readyz"), 503, "no_space")


def test_an_unexpected_error_says_nothing_of_itself(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(client.app.state.application, "job", broken)  # type: ignore[attr-defined]
    problem = _refused(client.get("/v1/jobs/any"), 500, "internal_error")
    assert "secret" not in problem.model_dump_json()


def test_what_is_written_beside_a_version(client: TestClient) -> None:
    _follow(client, client.post("/v1/render-batches", json={**BATCH, "seed": 5, "dataset": "named"}))
    path = "/v1/datasets/named/versions/1"
    before = client.get(path).json()
    changed = client.patch(path, json={"description": "low sun", "add_tags": ["generation:6"]}).json()
    assert changed == {**before, "description": "low sun", "tags": ["generation:6"]}
    tagged = client.get("/v1/datasets", params={"tag": "generation:6"}).json()["items"]
    assert [(item["name"], [version["version"] for version in item["versions"]]) for item in tagged] == [("named", [1])]
    _refused(client.patch(path, json={"add_tags": ["Generation 6"]}), 422, "invalid_document")
    _refused(client.patch(path, json={"remove_tags": ["other"]}), 404, "unknown_tag")
    _refused(client.get("/v1/datasets", params={"tag": "a:b:c"}), 422, "invalid_tag")
    alias = "/v1/datasets/named/aliases/approved"
    _refused(client.get(alias), 404, "unknown_alias")
    moved = client.put(alias, json={"version": 1, "by": "reviewer", "reason": "seen"}).json()
    assert (moved["version"], moved["history"][0]["by"]) == (1, "reviewer")
    assert client.get(alias).json() == moved
    assert [item["alias"] for item in client.get("/v1/datasets/named/aliases").json()["items"]] == [
        "approved",
        "latest",
    ]
    _refused(client.put(alias, json={"version": 7}), 404, "unknown_version")
    _refused(client.put("/v1/datasets/named/aliases/latest", json={"version": 1}), 409, "reserved_alias")
    _refused(client.put("/v1/datasets/named/aliases/7", json={"version": 1}), 422, "invalid_alias")
    assert client.delete(alias, params={"by": "reviewer"}).json()["version"] is None
    _refused(client.delete(alias), 404, "unknown_alias")


def test_a_version_is_deleted_and_its_files_freed(client: TestClient) -> None:
    _follow(client, client.post("/v1/render-batches", json={**BATCH, "seed": 79, "dataset": "passing"}))
    path = "/v1/datasets/passing/versions/1"
    digest = client.get(path).json()["digest"]
    client.put("/v1/datasets/passing/aliases/approved", json={"version": 1})
    problem = _refused(client.delete(path), 409, "version_needed")
    assert "alias passing@approved" in problem.detail
    client.delete("/v1/datasets/passing/aliases/approved")
    deleted = client.delete(path, params={"reason": "mirrored"}).json()
    assert (deleted["digest"], deleted["reason"]) == (digest, "mirrored")
    _refused(client.get(path), 404, "deleted_version")
    _refused(client.delete(path), 404, "deleted_version")
    looked = client.post("/v1/datasets:collect-garbage", json={}).json()
    assert looked["dry_run"]
    assert looked["freed"] > 0
    freed = client.post("/v1/datasets:collect-garbage", json={"dry_run": False}).json()
    assert freed == {**looked, "dry_run": False}
    again = client.post("/v1/datasets:collect-garbage", json={"dry_run": True}).json()
    assert (again["freed"], again["blobs"]) == (0, freed["blobs"] - freed["freed"])


def test_what_a_training_run_learns_from_is_not_deleted(client: TestClient) -> None:
    accepted = client.post("/v1/training-runs", json=SPEC)
    _follow(client, accepted)
    problem = _refused(client.delete("/v1/datasets/boxes/versions/1"), 409, "version_needed")
    assert f"training run {accepted.json()['run']}" in problem.detail


def test_a_version_in_numbers_and_against_another(client: TestClient) -> None:
    job = _follow(client, client.post("/v1/render-batches", json={**BATCH, "seed": 80, "dataset": "counted"}))
    path = "/v1/datasets/counted/versions/1"
    found = client.get(f"{path}/stats").json()
    assert (found["digest"], found["frames"]) == (job["result"]["digest"], 4)
    assert [item["name"] for item in found["classes"]] == ["background", "lid", "wall"]
    page = client.get(f"{path}/stats/page")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "counted@1" in page.text
    diff = client.get(f"{path}/diff", params={"against": "boxes@1"}).json()
    assert (diff["version"], diff["against"]) == ("counted@1", "boxes@1")
    assert diff["frames"]["same"] + diff["frames"]["added"] + diff["frames"]["changed"] == 4
    _refused(client.get(f"{path}/diff", params={"against": "boxes@99"}), 404, "unknown_version")
    _refused(client.get(f"{path}/diff", params={"against": "../boxes"}), 422, "invalid_parameter")
    _refused(client.get("/v1/datasets/counted/versions/9/stats"), 404, "unknown_version")
