"""Dataset versions over REST: names, aliases, deletion, statistics, differences."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from contracts.errors import IntegrityError
from contracts.ids import VersionReference
from registry.statistics import measures
from server.client import Client
from tests.service.api import BATCH, SPEC, follow, refused


def test_what_is_written_beside_a_version(client: TestClient) -> None:
    follow(client, client.post("/v1/render-batches", json={**BATCH, "seed": 5, "dataset": "named"}))
    path = "/v1/datasets/named/versions/1"
    before = client.get(path).json()
    changed = client.patch(path, json={"description": "low sun", "add_tags": ["generation:6"]}).json()
    assert changed == {**before, "description": "low sun", "tags": ["generation:6"]}
    tagged = client.get("/v1/datasets", params={"tag": "generation:6"}).json()["items"]
    assert [(item["name"], [version["version"] for version in item["versions"]]) for item in tagged] == [("named", [1])]
    refused(client.patch(path, json={"add_tags": ["Generation 6"]}), 422, "invalid_document")
    refused(client.patch(path, json={"remove_tags": ["other"]}), 404, "unknown_tag")
    refused(client.get("/v1/datasets", params={"tag": "a:b:c"}), 422, "invalid_tag")
    alias = "/v1/datasets/named/aliases/approved"
    refused(client.get(alias), 404, "unknown_alias")
    moved = client.put(alias, json={"version": 1, "by": "reviewer", "reason": "seen"}).json()
    assert (moved["version"], moved["history"][0]["by"]) == (1, "reviewer")
    assert client.get(alias).json() == moved
    assert [item["alias"] for item in client.get("/v1/datasets/named/aliases").json()["items"]] == [
        "approved",
        "latest",
    ]
    refused(client.put(alias, json={"version": 7}), 404, "unknown_version")
    refused(client.put("/v1/datasets/named/aliases/latest", json={"version": 1}), 409, "reserved_alias")
    refused(client.put("/v1/datasets/named/aliases/7", json={"version": 1}), 422, "invalid_alias")
    assert client.delete(alias, params={"by": "reviewer"}).json()["version"] is None
    refused(client.delete(alias), 404, "unknown_alias")


def test_a_version_is_deleted_and_its_files_freed(client: TestClient) -> None:
    follow(client, client.post("/v1/render-batches", json={**BATCH, "seed": 79, "dataset": "passing"}))
    path = "/v1/datasets/passing/versions/1"
    digest = client.get(path).json()["digest"]
    client.put("/v1/datasets/passing/aliases/approved", json={"version": 1})
    problem = refused(client.delete(path), 409, "version_needed")
    assert "alias passing@approved" in problem.detail
    client.delete("/v1/datasets/passing/aliases/approved")
    deleted = client.delete(path, params={"reason": "mirrored"}).json()
    assert (deleted["digest"], deleted["reason"]) == (digest, "mirrored")
    refused(client.get(path), 404, "deleted_version")
    refused(client.delete(path), 404, "deleted_version")
    looked = client.post("/v1/datasets:collect-garbage", json={}).json()
    assert looked["dry_run"]
    assert looked["freed"] > 0
    freed = client.post("/v1/datasets:collect-garbage", json={"dry_run": False}).json()
    assert freed == {**looked, "dry_run": False}
    again = client.post("/v1/datasets:collect-garbage", json={"dry_run": True}).json()
    assert (again["freed"], again["blobs"]) == (0, freed["blobs"] - freed["freed"])


def test_a_group_to_erase_is_one_that_there_is(client: TestClient) -> None:
    follow(client, client.post("/v1/render-batches", json={**BATCH, "seed": 80, "dataset": "people"}))
    path = "/v1/datasets/people/versions/1:erase"
    problem = refused(client.post(path, json={"group": "person-17", "dry_run": False}), 404, "unknown_group")
    assert problem.hint == "its frames have no groups"
    refused(client.post("/v1/datasets/people/versions/7:erase", json={"group": "person-17"}), 404, "unknown_version")
    refused(client.post(path, json={}), 422, "invalid_document")


def test_what_a_training_run_learns_from_is_not_deleted(client: TestClient) -> None:
    accepted = client.post("/v1/training-runs", json=SPEC)
    problem = refused(client.delete("/v1/datasets/boxes/versions/1"), 409, "version_needed")
    assert f"training run {accepted.json()['run']}" in problem.detail
    client.post(f"/v1/jobs/{accepted.json()['job']['id']}:cancel")
    follow(client, accepted)


def test_a_version_in_numbers_and_against_another(client: TestClient) -> None:
    job = follow(client, client.post("/v1/render-batches", json={**BATCH, "seed": 80, "dataset": "counted"}))
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
    refused(client.get(f"{path}/diff", params={"against": "boxes@99"}), 404, "unknown_version")
    refused(client.get(f"{path}/diff", params={"against": "../boxes"}), 422, "invalid_parameter")
    refused(client.get("/v1/datasets/counted/versions/9/stats"), 404, "unknown_version")


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """No frame is measured before it is set."""
    go = threading.Event()
    real = measures.measure_frame

    def wait(*arguments: Any) -> Any:
        assert go.wait(60)
        return real(*arguments)

    monkeypatch.setattr(measures, "measure_frame", wait)
    yield go
    go.set()


def test_numbers_that_take_long_are_counted_on_while_others_are_answered(
    client: TestClient, measuring: threading.Event
) -> None:
    path = "/v1/datasets/boxes/versions/1"
    other = {"against": "boxes@1", "label_map": '{"slowly": ["lid"]}'}
    for part in ("stats", "diff"):
        answer = client.get(f"{path}/{part}", params=other, headers={"Prefer": "respond-async, wait=0"})
        assert (answer.status_code, answer.headers["retry-after"]) == (202, "2")
        assert answer.json()["progress"].items() >= {"done": 0, "total": 4}.items()
        page = client.get(f"{path}/{part}/page", params=other, headers={"Prefer": "wait=0"})
        assert (page.status_code, page.headers["refresh"]) == (202, "2")
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "boxes@1" in page.text
        assert "of 4" in page.text
    refused(client.get("/v1/datasets/boxes/versions/9/stats", headers={"Prefer": "wait=0"}), 404, "unknown_version")
    threading.Timer(0.3, measuring.set).start()
    found = client.get(f"{path}/stats", params=other)  # which waits
    assert (found.status_code, found.json()["frames"]) == (200, 4)
    assert client.get(f"{path}/stats", params=other, headers={"Prefer": "wait=0"}).json() == found.json()
    diff = client.get(f"{path}/diff", params=other)
    assert diff.status_code == 200
    page = client.get(f"{path}/diff/page", params=other)
    assert "boxes@1 against boxes@1" in page.text
    assert "slowly" in page.text


class Through(httpx.BaseTransport):
    """The way of our client to the service in this process."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.client.request(request.method, str(request.url), headers=dict(request.headers))
        return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


def test_a_client_asks_again_until_the_numbers_are_there(
    client: TestClient, measuring: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    label_map = {"patiently": ["lid"]}
    monkeypatch.setattr("server.client_requests.TIMEOUT_S", 0)
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        measuring.set()
        client.get("/v1/datasets/boxes/versions/1/stats", params={"label_map": json.dumps(label_map)})

    monkeypatch.setattr("server.client_requests.time.sleep", pause)
    with Client("http://testserver", transport=Through(client)) as asking:
        found = asking.statistics(VersionReference("boxes", 1), label_map=label_map)
    assert (found.frames, pauses) == (4, [2.0])


def test_numbers_that_can_not_be_counted_are_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"label_map": '{"damaged": ["lid"]}'}

    def damaged(*_: Any) -> Any:
        raise IntegrityError("image of frame 0 is damaged", hint="`beltline verify` lists every damaged file")

    monkeypatch.setattr(measures, "measure_frame", damaged)
    for _ in range(2):
        refused(client.get("/v1/datasets/boxes/versions/1/stats", params=asked), 500, "integrity")
    monkeypatch.undo()
    assert client.get("/v1/datasets/boxes/versions/1/stats", params=asked).status_code == 200  # nothing of it stays


def test_numbers_and_differences_under_a_label_map(client: TestClient) -> None:
    follow(client, client.post("/v1/render-batches", json={**BATCH, "seed": 80, "dataset": "mapped"}))
    path = "/v1/datasets/mapped/versions/1"
    plain = client.get(f"{path}/stats").json()
    assert "label_map" not in plain
    asked = {"label_map": json.dumps({"box": ["lid", "wall"]})}
    found = client.get(f"{path}/stats", params=asked).json()
    assert found["label_map"]["classes"] == {"box": ["lid", "wall"]}
    assert [item["name"] for item in found["classes"]] == ["background", "box"]
    assert found["classes"][1]["pixels"] == sum(item["pixels"] for item in plain["classes"][1:])
    assert client.get(f"{path}/stats").json() == plain
    whole = {"schema_version": 1, "name": "lids", "classes": {"lid": ["lid"]}, "ignore": ["wall"]}
    page = client.get(f"{path}/stats/page", params={"label_map": json.dumps(whole)})
    assert "under the label map lids" in page.text
    diff = client.get(f"{path}/diff", params={"against": "boxes@1", **asked}).json()
    assert (set(diff["areas"]), diff["label_map"]["name"]) == ({"background", "box"}, "inline")
    for part in ("stats", "stats/page", "diff?against=boxes@1"):
        answer = client.get(f"{path}/{part}", params={**asked, "against": "boxes@1", "label_map": "carparts-6"})
        assert "carparts-5" in str(refused(answer, 404, "unknown_label_map").hint)
    refused(client.get(f"{path}/stats", params={"label_map": "carparts-5"}), 422, "label_map_mismatch")
    refused(client.get(f"{path}/stats", params={"label_map": '{"name": "x"'}), 422, "invalid_json")
    refused(client.get(f"{path}/stats", params={"label_map": '{"name": "x", "classes": {}}'}), 422, "invalid_document")
