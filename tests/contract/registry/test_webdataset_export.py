"""`export … webdataset`, read with webdataset."""

from __future__ import annotations

import gc
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import webdataset
from export_samples import CONSENT, LICENSE, MAP, REFERENCE, make_version, photograph, rendered

from registry.formats import webdataset_export
from registry.formats.exporting import export_version
from registry.formats.webdataset_export import write_webdataset
from registry.reader import Version


@pytest.fixture
def version(tmp_path: Path) -> Version:
    return make_version(
        tmp_path, [rendered(0, "train"), rendered(1, "val"), photograph(2, "train"), rendered(3, "train")]
    )


def samples(path: str) -> list[dict[str, object]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its files to the garbage collector
        found = list(webdataset.WebDataset(path, shardshuffle=False).decode("rgb8"))
        gc.collect()
    return found


def test_samples_hold_what_the_version_holds(version: Version, tmp_path: Path) -> None:
    export_version(write_webdataset, version, REFERENCE, tmp_path / "out")
    found = [*samples(f"{tmp_path}/out/train-000000.tar"), *samples(f"{tmp_path}/out/val-000000.tar")]
    assert [sample["__key__"] for sample in found] == ["000000", "000002", "000003", "000001"]
    for sample in found:
        described = sample["json"]
        record = version.records()[described["index"]]
        np.testing.assert_array_equal(sample["png"], version.read_image(record))
        mask = version.read_mask(record)
        np.testing.assert_array_equal(sample["mask.png"][..., 0], mask)
        if "instances" in record.files:
            ids = sample["instances.npz"]["instances"]
            np.testing.assert_array_equal(ids, version.read_instances(record))
            np.testing.assert_array_equal(sample["depth.npz"]["depth"], version.read_depth(record))
            first = {item["instance_id"]: item for item in reversed(described["objects"])}
            for instance in record.instances:
                assert first[instance.id]["box"] == list(instance.box)
                assert first[instance.id]["label"] == instance.label
        assert sum(item["area_px"] for item in described["objects"]) == np.isin(mask, [1, 4, 7]).sum()
        assert described["split"] == record.split
        assert described["parameters"] == record.parameters
        assert (described["dataset"], described["digest"], described["license"]) == (
            str(REFERENCE),
            version.digest,
            LICENSE,
        )


def test_shards_end_when_they_are_full(version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset_export, "SHARD_SAMPLES", 2)
    export_version(write_webdataset, version, REFERENCE, tmp_path / "out")
    said = json.loads((tmp_path / "out/version.json").read_text())
    assert said["shards"] == {"train-000000.tar": 2, "train-000001.tar": 1, "val-000000.tar": 1}
    assert said["consent"] == CONSENT
    assert [sample["__key__"] for sample in samples(f"{tmp_path}/out/train-{{000000..000001}}.tar")] == [
        *("000000", "000002", "000003"),
    ]


def test_a_label_map_is_applied_and_the_same_version_gives_the_same_bytes(version: Version, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_version(write_webdataset, version, REFERENCE, tmp_path / name, label_map=MAP)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    lookup = MAP.lookup(version.labels)
    for sample in samples(f"{tmp_path}/one/train-000000.tar"):
        record = version.records()[sample["json"]["index"]]
        expected = version.read_mask(record, lookup)
        np.testing.assert_array_equal(sample["mask.png"][..., 0], expected)
        if "instances" in record.files:
            kept = np.where(expected == 1, version.read_instances(record), 0)
            np.testing.assert_array_equal(sample["instances.npz"]["instances"], kept)
