"""The identity of a version: bytes that must never change, or every digest ever recorded loses its meaning."""

from __future__ import annotations

from pathlib import Path

from registry_samples import GENERATOR, frame_record

from contracts.ids import canonical_json
from registry.catalog import Catalog
from registry.publish import publish_batch
from registry.reader import open_version
from registry.store import Store


def test_the_digest_of_a_known_batch_stays(tmp_path: Path) -> None:
    for index in range(3):
        folder = tmp_path / "staging" / "frames" / f"{index:06d}"
        folder.mkdir(parents=True)
        # Publishing does not decode: plain bytes keep codecs out of this test.
        files = {role: f"{role} {index}".encode() for role in ("image", "mask", "instances", "depth")}
        for role, data in files.items():
            (folder / f"{role}.png").write_bytes(data)
        (folder / "record.json").write_bytes(canonical_json(frame_record(3, index, files, redrawn=index == 1)))
    made = publish_batch(
        Store(tmp_path / "store"),
        Catalog(f"sqlite:///{tmp_path / 'catalog.db'}"),
        name="golden",
        staging=tmp_path / "staging",
        generator=GENERATOR,
        seed=3,
        frames=3,
    )
    manifest = open_version(tmp_path / "store", made.digest).manifest
    assert manifest.files.digest == "sha256:d8d629db6eb31022fde0ce453cf70a315cae018e9422bf73ba4b684090f1260b"
    assert manifest.frames.digest == "sha256:5ebb9c680ddb8221e1c0dda409b43749be140a1dbcd2bec0575a86a2b6e9d380"
    assert manifest.generator_document is not None
    document = manifest.generator_document.digest
    assert document == "sha256:ba12d21a40f7e7a53ab98c7245dfe94ea4d50f9e3d1efc6ce86ece3f5d3168ea"
    assert made.digest == "sha256:69b8b1293987c8a725e25462ca9a28981d07497679fe44b34192c611a183de48"
