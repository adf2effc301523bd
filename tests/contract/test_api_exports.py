"""Exports over REST: every format as one archive, with a label map where one is wanted."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from registry.formats.registered import WRITERS
from tests.service.api import refused

PATH = "/v1/datasets/boxes/versions/1:export"
ONE_OF = {
    "cityscapes": "gtFine/train/boxes/boxes_000000_000003_gtFine_labelIds.png",
    "coco": "annotations/instances_train.json",
    "parquet": "data/train-00000-of-00001.parquet",
    "raw": "frames.jsonl",
    "solo": "sequence.3/step0.frame_data.json",
    "webdataset": "train-000000.tar",
    "yolo": "labels/train/000003.txt",
}


def members(client: TestClient, body: dict[str, Any]) -> dict[str, bytes]:
    """Files of the archive."""
    response = client.post(PATH, json=body)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-tar"
    assert len(response.content) == int(response.headers["content-length"])
    with tarfile.open(fileobj=io.BytesIO(response.content)) as archive:
        files = [(entry.name, archive.extractfile(entry)) for entry in archive if entry.isfile()]
        return {name.removeprefix("boxes-1/"): stream.read() for name, stream in files if stream is not None}


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_every_format_can_be_downloaded(client: TestClient, folder: Path, name: str) -> None:
    assert ONE_OF[name] in members(client, {"format": name})
    assert list((folder / "home" / "cache" / "exports").iterdir()) == []


def test_a_label_map_is_given_by_name_in_place_or_whole(client: TestClient) -> None:
    classes = {"part": ["lid", "wall"]}
    for label_map in (classes, {"schema_version": 1, "name": "parts", "classes": classes}):
        found = members(client, {"format": "coco", "label_map": label_map})
        document = json.loads(found["annotations/instances_train.json"])
        assert [item["name"] for item in document["categories"]] == ["part"]
        assert document["annotations"]
    refused(client.post(PATH, json={"format": "coco", "label_map": "carpart-5"}), 404, "unknown_label_map")
    refused(client.post(PATH, json={"format": "coco", "label_map": "belt-1"}), 422, "label_map_mismatch")
    refused(client.post(PATH, json={"format": "coco", "label_map": {"a": []}}), 422, "invalid_document")
