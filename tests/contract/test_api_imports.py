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
