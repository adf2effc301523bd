"""Verifying names every bad file with all that it is, whatever versions share, in memory that does not grow."""

from __future__ import annotations

import shutil
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from killing import fast_folder
from registry_homes import Home
from registry_samples import GENERATOR, frame_record

from contracts.ids import digest_of
from registry import spool
from registry.publication import publish_version
from registry.reader import open_version
from registry.verify import verify
from registry.version_writer import VersionWriter

Files = dict[str, bytes]


def publish(home: Home, name: str, frames: list[Files]) -> str:
    """A version of frames with these files; its digest."""

    def write() -> object:
        with VersionWriter(home.store) as writer:
            for index, files in enumerate(frames):
                writer.add(frame_record(3, index, files), files, what=f"frame {index}")  # type: ignore[arg-type]
            return writer.finish(GENERATOR.label_table(), generator=GENERATOR, seed=3)

    return publish_version(home.store, home.catalog, name, write).digest  # type: ignore[arg-type]


contents = st.sampled_from([b"empty", b"door", b"mirror", b"belt"])
frames_of = st.lists(
    st.fixed_dictionaries({"image": contents, "mask": contents}, optional={"depth": contents}), min_size=1, max_size=5
)


@example_settings(max_examples=12)
@given(
    versions=st.lists(frames_of, min_size=1, max_size=3),
    bad=st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["damaged", "missing"])), max_size=4),
    at_a_time=st.integers(1, 6),
)
def test_faults_are_those_of_a_plain_list(
    versions: list[list[Files]],
    bad: list[tuple[int, str]],
    at_a_time: int,
) -> None:
    folder = fast_folder()
    home = Home(folder)
    expected: dict[str, tuple[list[str], list[str]]] = {}
    for number, frames in enumerate(versions):
        name = f"v{number}"
        digest = publish(home, name, frames)
        manifest = open_version(home.store, digest).manifest
        assert manifest.generator_document is not None
        uses = [
            (digest, "manifest"),
            (manifest.frames.digest, "frames.jsonl"),
            (manifest.files.digest, "file table"),
            (manifest.generator_document.digest, "generator"),
        ]
        uses += [
            (digest_of(data), f"frame {index} {role}")
            for index, files in enumerate(frames)
            for role, data in sorted(files.items())
        ]
        for blob, what in uses:
            files_of, versions_of = expected.setdefault(blob, ([], []))
            files_of += [what] * (what not in files_of)
            versions_of += [f"{name}@1"] * (f"{name}@1" not in versions_of)
    expected[home.store.put(b"nobody's")] = (["unused"], [])
    lists = [digest for digest, (files, _) in expected.items() if {"frames.jsonl", "file table"} & set(files)]
    spoilt: dict[str, str] = {}
    for place, how in bad:
        digest = sorted(expected.keys() - set(lists))[place % (len(expected) - len(lists))]
        if digest not in spoilt and not (how == "missing" and expected[digest][0] == ["unused"]):
            spoilt[digest] = how
            path = Path(home.store.path_of(digest))
            path.write_bytes(path.read_bytes() + b"!") if how == "damaged" else path.unlink()
    calls: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "SORTED_ENTRIES", at_a_time)
        found = verify(home.store, home.catalog, on_progress=lambda done, total: calls.append((done, total)))
    assert {fault.digest: (fault.reason.split(":")[0], fault.files, fault.versions) for fault in found} == {
        digest: (how, tuple(expected[digest][0]), tuple(expected[digest][1])) for digest, how in spoilt.items()
    }
    assert calls == [(done, len(expected)) for done in range(1, len(expected) + 1)]
    home.catalog.close()
    shutil.rmtree(folder)


def test_damaged_lists_leave_what_is_still_known(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    digest = publish(home, "one", [{"image": b"a", "mask": b"b"}, {"image": b"c", "mask": b"b"}])
    manifest = open_version(home.store, digest).manifest
    Path(home.store.path_of(digest_of(b"c"))).unlink()
    lines = Path(home.store.path_of(manifest.frames.digest))
    lines.write_bytes(lines.read_bytes().replace(b'"seed":3', b'"seed":4'))  # still records, and not these
    found = {fault.files: fault for fault in verify(home.store, home.catalog)}
    assert found.keys() == {("frames.jsonl",), ("file of a frame",)}
    assert found[("file of a frame",)].digest == digest_of(b"c")
    table = Path(home.store.path_of(manifest.files.digest))
    table.write_bytes(table.read_bytes()[:-3])
    assert {fault.files for fault in verify(home.store, home.catalog)} == {("frames.jsonl",), ("file table",)}


def test_memory_does_not_grow_with_the_number_of_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SORTED_ENTRIES", 100)

    def peak(frames: int) -> int:
        folder = fast_folder()
        home = Home(folder)
        publish(home, "flat", [{"image": b"%d" % index, "mask": b"shared"} for index in range(frames)])
        tracemalloc.start()
        assert verify(home.store, home.catalog) == []
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        home.catalog.close()
        shutil.rmtree(folder)
        return used

    peak(10)  # what is loaded once
    assert peak(1200) < peak(400) + 80_000  # a hundred bytes a frame would be as much
