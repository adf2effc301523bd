"""`export … parquet`, read with `datasets` and with pyarrow alone."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from export_samples import CONSENT, LICENSE, MAP, REFERENCE, make_version, photograph, rendered
from PIL import Image

from contracts.errors import ConfigurationError
from registry.formats import parquet_export
from registry.formats.exporting import export_version
from registry.formats.parquet_export import write_parquet
from registry.reader import Version


@pytest.fixture
def version(tmp_path: Path) -> Version:
    return make_version(tmp_path, [rendered(0, "train"), rendered(1, "val-easy"), photograph(2, "train")])


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The library, with its caches in a folder of the test and without a network."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, and those of what it imports
        import datasets

        datasets.disable_progress_bars()
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "hf" / "datasets"))
        yield datasets


def test_datasets_reads_what_the_version_holds(version: Version, tmp_path: Path, datasets: Any) -> None:
    export_version(write_parquet, version, REFERENCE, tmp_path / "out")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: part.num_rows for name, part in loaded.items()} == {"train": 2, "val_easy": 1}
    for part in loaded.values():
        assert {name for name, kind in part.features.items() if isinstance(kind, datasets.Image)} == {
            *("image", "mask", "instances", "depth"),
        }
        for row in part:
            record = version.records()[row["index"]]
            np.testing.assert_array_equal(np.array(row["image"]), version.read_image(record))
            np.testing.assert_array_equal(np.array(row["mask"]), version.read_mask(record))
            assert (row["split"], row["group"], row["source"]) == (record.split, record.group, record.source)
            if "instances" not in record.files:
                assert row["instances"] is row["depth"] is None
                continue
            np.testing.assert_array_equal(np.array(row["instances"]), version.read_instances(record))
            np.testing.assert_array_equal(np.array(row["depth"]), version.read_depth(record))
            objects = row["objects"]
            boxes = dict(zip(reversed(objects["instance_id"]), reversed(objects["box"]), strict=True))
            assert {instance.id: list(instance.box) for instance in record.instances}.items() <= boxes.items()
            assert json.loads(row["parameters"]) == record.parameters
            assert json.loads(row["camera"])["K"][0] == [40.0, 0.0, 18.0]


def test_groups_of_rows_and_files_are_of_limited_size(
    version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_export, "GROUP_ROWS", 1)
    monkeypatch.setattr(parquet_export, "SHARD_BYTES", 1)
    export_version(write_parquet, version, REFERENCE, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/data").iterdir()) == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
        "val_easy-00000-of-00001.parquet",
    ]


def test_terms_and_classes_are_carried_and_a_label_map_is_applied(version: Version, tmp_path: Path) -> None:
    export_version(write_parquet, version, REFERENCE, tmp_path / "out", label_map=MAP)
    table = pq.read_table(tmp_path / "out/data/train-00000-of-00001.parquet")
    about = json.loads(table.schema.metadata[b"beltline"])
    assert (about["digest"], about["license"], about["consent"]) == (version.digest, LICENSE, CONSENT)
    assert [label["name"] for label in about["labels"]] == ["background", "door"]
    lookup = MAP.lookup(version.labels)
    for row in table.to_pylist():
        record = version.records()[row["index"]]
        with Image.open(io.BytesIO(row["mask"]["bytes"])) as picture:
            np.testing.assert_array_equal(np.array(picture), version.read_mask(record, lookup))
        assert set(row["objects"]["label"]) == {"door"}
    _, head, text = (tmp_path / "out/README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(head)["license_name"] == LICENSE
    assert f"- consent: {CONSENT}" in text


def test_splits_that_would_share_a_name_are_refused(tmp_path: Path) -> None:
    version = make_version(tmp_path, [rendered(0, "val-easy"), rendered(1, "val.easy")])
    with pytest.raises(ConfigurationError, match="would all be called 'val_easy'"):
        export_version(write_parquet, version, REFERENCE, tmp_path / "out")
    assert not (tmp_path / "out").exists()
