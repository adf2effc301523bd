"""Imports over REST: from folders under the allowed roots, and of uploads; nothing else is read."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from tests.service.api import follow, job_ids, refused


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
    job = follow(client, client.post("/v1/datasets:import", json=body))
    assert job["state"] == "succeeded", job["error"]
    assert job["result"]["dataset"] == "photographs@1"
    frames = client.get("/v1/datasets/photographs/versions/1/frames", params={"label": "mirror"}).json()["items"]
    assert [frame["source"] for frame in frames] == ["images/1.png", "images/2.png"]
    assert client.get("/v1/datasets/photographs/versions/1/frames/0/overlay").status_code == 200


def test_metadata_of_photographs_is_kept_on_request_only(client: TestClient, folder: Path) -> None:
    place = _photographs(folder / "allowed" / "taken")
    exif = Image.Exif()
    exif[0x010F], exif[0x013B] = "Acme", "the owner"
    Image.fromarray(np.full((8, 10, 3), 60, np.uint8)).save(place / "images" / "1.png", exif=exif)
    body = {"format": "masks", "path": str(place), "name": "taken"}
    for version, (wish, expected) in enumerate([({}, {}), ({"keep_metadata": ["camera"]}, {"exif.make": "Acme"})], 1):
        job = follow(client, client.post("/v1/datasets:import", json={**body, **wish}))
        assert job["state"] == "succeeded", job["error"]
        frames = client.get(f"/v1/datasets/taken/versions/{version}/frames").json()["items"]
        assert [frame["parameters"] for frame in frames] == [{}, expected, {}]
    packed = {
        "archive": ("x.zip", _zip(place)),
        "request": (None, json.dumps({"format": "masks", "name": "taken-too", "keep_metadata": ["camera"]})),
    }
    assert follow(client, client.post("/v1/datasets:import", files=packed))["state"] == "succeeded"
    frames = client.get("/v1/datasets/taken-too/versions/1/frames").json()["items"]
    assert frames[1]["parameters"] == {"exif.make": "Acme"}
    wrong = {**body, "keep_metadata": ["everything"]}
    refused(client.post("/v1/datasets:import", json=wrong), 422, "invalid_document")


def test_an_uploaded_folder_that_is_a_sequence_or_a_split_is_the_data(client: TestClient, folder: Path) -> None:
    solo = folder / "one-sequence" / "sequence.0"
    solo.mkdir(parents=True)
    Image.fromarray(np.full((8, 10, 3), 60, np.uint8)).save(solo / "step0.camera.png")
    box = {"instanceId": 1, "labelId": 1, "labelName": "Car", "origin": [2, 3], "dimension": [4, 2]}
    kind = "type.unity.com/unity.solo."
    capture = {
        "@type": f"{kind}RGBCamera",
        "id": "camera",
        "filename": "step0.camera.png",
        "dimension": [10, 8],
        "annotations": [{"@type": f"{kind}BoundingBox2DAnnotation", "id": "boxes", "values": [box]}],
    }
    (solo / "step0.frame_data.json").write_text(json.dumps({"frame": 0, "captures": [capture], "metrics": []}))
    split = _photographs(folder / "one-split" / "train")
    requests = [
        (solo.parent, {"format": "solo", "name": "one-sequence"}),
        (
            split.parent,
            {"format": "masks", "name": "one-split", "splits": {"train": "train"}, "classes": "train/classes.json"},
        ),
    ]
    for place, request in requests:
        packed = {"archive": ("x.zip", _zip(place)), "request": (None, json.dumps(request))}
        job = follow(client, client.post("/v1/datasets:import", files=packed))
        assert job["state"] == "succeeded", job["error"]
    (frame,) = client.get("/v1/datasets/one-sequence/versions/1/frames").json()["items"]
    assert (frame["group"], frame["instances"][0]["label"]) == ("sequence.0", "car")
    assert client.get("/v1/datasets/one-split/versions/1").json()["splits"] == {"train": 3}


def test_import_reads_nothing_else(client: TestClient, folder: Path) -> None:
    outside = _photographs(folder / "outside")
    link = folder / "allowed" / "link"
    link.symlink_to(outside)
    mixed = _photographs(folder / "allowed" / "mixed")
    (mixed / "images" / "0.png").unlink()
    (mixed / "images" / "0.png").symlink_to(outside / "images" / "0.png")
    before = job_ids(client)
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
        refused(client.post("/v1/datasets:import", json={**base, **change}), status, code)
    assert job_ids(client) == before
    job = follow(client, client.post("/v1/datasets:import", json={**base, "path": allowed}))
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
    job = follow(client, first)
    assert job["state"] == "succeeded", job["error"]
    assert job["result"]["dataset"] == "uploaded@1"
    assert _upload(client, data, wish, **key).json() == first.json()
    refused(_upload(client, data[:-1] + b"x", wish, **key), 422, "idempotency_key_reused")


def test_bad_uploads(client: TestClient, folder: Path, tmp_path: Path) -> None:
    wish = {"format": "masks", "name": "bad"}
    jobs = folder / "home" / "jobs"
    before = sorted(jobs.iterdir())
    refused(_upload(client, b"no archive", wish), 422, "invalid_archive")
    refused(_upload(client, b"", {**wish, "path": "/etc"}), 422, "invalid_document")
    refused(_upload(client, bytes(2 << 20), wish), 413, "body_too_large")
    only = {"request": (None, json.dumps(wish))}
    refused(client.post("/v1/datasets:import", files=only), 422, "invalid_upload")
    other = {"secret": (None, "x")}
    refused(client.post("/v1/datasets:import", files=other), 422, "invalid_upload")
    plain = {"Content-Type": "multipart/form-data"}
    refused(client.post("/v1/datasets:import", content=b"x", headers=plain), 422, "invalid_upload")
    assert sorted(jobs.iterdir()) == before, "nothing is kept of a refused upload"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../escaped.txt", "out")
    job = follow(client, _upload(client, buffer.getvalue(), wish))
    assert (job["state"], job["error"]["code"]) == ("failed", "invalid_archive")
    assert not list(folder.rglob("escaped.txt"))


def _coco(folder: Path) -> Path:
    """Two images of the same look in different files, one of them with a keypoint."""
    (folder / "images").mkdir(parents=True)
    rows, columns = np.mgrid[:24, :32]
    look = np.stack([rows * 9, columns * 7, rows * columns % 256], axis=-1).astype(np.uint8)
    Image.fromarray(look).save(folder / "images" / "a.png")
    Image.fromarray(np.clip(look.astype(int) + 1, 0, 255).astype(np.uint8)).save(folder / "images" / "b.png")
    corner = [[0, 0, 8, 0, 8, 6, 0, 6]]
    for name, number in (("a", 1), ("b", 2)):
        value = {
            "categories": [{"id": 1, "name": "mirror"}],
            "images": [{"id": number, "file_name": f"{name}.png", "width": 32, "height": 24}],
            "annotations": [
                {"id": 1, "image_id": number, "category_id": 1, "segmentation": corner, "keypoints": [1, 1, 2]}
            ],
        }
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder


def test_import_of_coco_reports_what_was_not_taken_and_what_looks_alike(
    client: TestClient, folder: Path, tmp_path: Path
) -> None:
    place = _coco(folder / "allowed" / "coco")
    body = {"format": "coco", "path": str(place), "name": "coco", "splits": {"train": "a.json", "test": "b.json"}}
    job = follow(client, client.post("/v1/datasets:import", json=body))
    assert job["state"] == "succeeded", job["error"]
    report = job["result"]["report"]
    assert (report["images"], report["instances"], report["not_taken_count"]) == (2, 2, {"keypoints": 2})
    assert report["not_taken"][0]["location"] == "images/b.png annotations[0]"
    assert report["near_duplicate_count"] == 1
    pair = report["near_duplicates"][0]
    assert {pair["first"], pair["second"]} == {"images/a.png", "images/b.png"}
    frame = client.get("/v1/datasets/coco/versions/1/frames", params={"label": "mirror"}).json()["items"][0]
    assert frame["instances"][0]["box"] == [0, 0, 8, 6]
    assert client.get("/v1/datasets/coco/versions/1/frames/0/instances").status_code == 200
    file = {"format": "coco", "path": str(place / "a.json"), "images": "images", "name": "one"}
    job = follow(client, client.post("/v1/datasets:import", json=file))
    assert job["result"]["frames"] == 1
    (place / "b.json").unlink()
    upload = _upload(client, _zip(place), {"format": "coco", "name": "uploaded-coco", "images": "images"})
    again = follow(client, upload)
    assert again["state"] == "succeeded", again["error"]
    assert again["result"]["digest"] == job["result"]["digest"]


def test_requests_that_can_not_be_imported_are_refused_at_once(client: TestClient, folder: Path) -> None:
    place = _coco(folder / "allowed" / "coco-bad")
    outside = _coco(folder / "outside-coco")
    before = job_ids(client)
    base = {"format": "coco", "path": str(place), "name": "bad"}
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"path": str(outside / "a.json")}, 422, "path_not_allowed"),
        ({"images": str(outside)}, 422, "path_not_allowed"),
        ({"images": "a.json"}, 422, "not_a_folder"),
        ({"images": "none"}, 404, "import_not_found"),
        ({"splits": {"a": "../../outside-coco/a.json"}}, 422, "path_not_allowed"),
        ({"format": "camvid", "splits": {"a": "a.json"}}, 422, "not_a_folder"),
        ({"shares": {"a": 0.5}}, 422, "invalid_split"),
        ({"shares": {"a": 1.0}, "splits": {"a": "a.json"}}, 422, "invalid_split"),
        ({"shares": {"a": -1.0}}, 422, "invalid_document"),
    ]
    for change, status, code in cases:
        refused(client.post("/v1/datasets:import", json={**base, **change}), status, code)
    assert job_ids(client) == before


def test_shares_deal_whole_groups_out(client: TestClient, folder: Path) -> None:
    place = _photographs(folder / "allowed" / "shared")
    (place / "groups.csv").write_text("file_name,group\n0.png,a\n1.png,a\n2.png,b\n")
    body = {"format": "masks", "path": str(place), "name": "shared", "groups": "groups.csv", "seed": 3}
    job = follow(client, client.post("/v1/datasets:import", json={**body, "shares": {"train": 0.6, "test": 0.4}}))
    assert sorted(job["result"]["splits"].values()) == [1, 2]
