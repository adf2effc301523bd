"""Lists that are longer than memory: hashed as they are written, sorted on disk, moved into the store."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ids import digest_of
from registry import spool
from registry.spool import DigestTable, LineFile, SortedEntries, ordered_bytes, ordered_text
from registry.store import Store


@given(st.lists(st.binary(max_size=4), max_size=60), st.integers(1, 9), st.integers(2, 4))
def test_a_table_gives_every_blob_once_and_sorted(blobs: list[bytes], at_a_time: int, open_at_a_time: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "SORTED_ENTRIES", at_a_time)
        patch.setattr(spool, "RUNS_MAX", open_at_a_time)
        table = DigestTable(Path(folder))
        for data in blobs:
            table.add(digest_of(data), len(data))
        expected = sorted({f"{digest_of(data)} {len(data)}".encode() for data in blobs})
        assert list(table.lines()) == expected
        assert list(table.lines()) == expected  # again from the first
        assert len(list(Path(folder).iterdir())) < open_at_a_time


@given(st.lists(st.binary(max_size=9), max_size=60), st.integers(1, 9), st.integers(1, 20), st.integers(2, 4))
def test_entries_of_any_width_are_sorted(entries: list[bytes], at_a_time: int, most_bytes: int, most_open: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "SORTED_ENTRIES", at_a_time)
        patch.setattr(spool, "SORTED_BYTES", most_bytes)
        patch.setattr(spool, "RUNS_MAX", most_open)
        lists = [SortedEntries(Path(folder, "lists")) for _ in range(2)]  # in one folder
        for number, entry in enumerate(entries):
            lists[number % 2].add(entry)
        for number in range(2):
            assert list(lists[number]) == sorted(set(entries[number::2]))


@given(st.lists(st.tuples(st.text(max_size=4), st.binary(max_size=3)), max_size=30))
def test_texts_sort_as_bytes_whatever_follows_them(items: list[tuple[str, bytes]]) -> None:
    items += [("", b""), ("\0", b"\0"), ("a", b"\0\0"), ("a\0", b""), ("a\0\0", b"\xff"), ("\udc80", b"")]
    entries = [ordered_bytes(text) + rest for text, rest in items]
    assert [ordered_text(entry) for entry in entries] == items
    assert [ordered_text(entry) for entry in sorted(entries)] == sorted(items)


def test_lines_are_hashed_as_they_are_written(tmp_path: Path) -> None:
    lines = LineFile(tmp_path / "lines")
    for line in (b"one", b"", "drei ä".encode()):
        lines.add(line)
    digest = lines.finish()
    data = (tmp_path / "lines").read_bytes()
    assert data == b"one\n\ndrei \xc3\xa4\n"
    assert (digest, lines.size_bytes) == (digest_of(data), len(data))


@pytest.mark.parametrize("kind", ["local", "memory"])
def test_a_file_of_the_scratch_folder_becomes_a_blob(tmp_path: Path, kind: str) -> None:
    store = Store(tmp_path / "store" if kind == "local" else f"memory://{tmp_path.name}")
    data = b"long" * 1000
    for _ in range(2):  # the second finds it stored
        with store.batch() as batch:
            path = batch.scratch() / "file"
            path.write_bytes(data)
            batch.add_file(path, digest_of(data), len(data))
            assert not path.exists()
        assert store.read(digest_of(data)) == data
        assert not path.parent.exists()
    with store.batch(hold=True) as batch:
        path = batch.scratch() / "file"
        path.write_bytes(b"never")
        if kind == "local":
            batch.add_file(path, digest_of(b"never"), 5)
        batch.close()  # as after a failure
    assert not store.exists(digest_of(b"never"))
    assert not path.parent.exists()
