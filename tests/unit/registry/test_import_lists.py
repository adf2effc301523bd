"""Lists of an import are on disk, in the order that is wanted, and memory does not grow with them."""

from __future__ import annotations

import shutil
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from killing import fast_folder
from PIL import Image

from contracts.errors import ConfigurationError
from registry import spool
from registry.catalog import Catalog
from registry.formats.file_list import FileList, list_folder, matched
from registry.formats.importing import import_dataset
from registry.formats.masks import open_masks
from registry.formats.picture_list import Picture, PictureList
from registry.formats.splitting import Splits
from registry.splits import deal
from registry.store import Store

names = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=3)
splits = st.sampled_from([None, "test", "train"])


@given(st.lists(st.tuples(splits, names, st.one_of(st.none(), names)), max_size=30), st.integers(1, 9))
def test_pictures_come_in_their_order_with_all_that_is_known(
    items: list[tuple[str | None, str, str | None]], at_a_time: int
) -> None:
    pictures = [
        Picture(source, Path("/base") / source, split, group, {"boxes": [[1, 2.5, place]], "name": source})
        for place, (split, source, group) in enumerate(items)
    ]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "SORTED_ENTRIES", at_a_time)
        added, by_source = PictureList(Path(folder)), PictureList(Path(folder), by_source=True)
        for picture in pictures:
            added.add(picture)
            by_source.add(picture)
        assert list(added) == list(added) == pictures
        assert list(by_source) == sorted(pictures, key=lambda picture: (picture.split or "", picture.source))
        assert len(added) == len(by_source) == len(pictures)
        places = range(0, len(pictures), 3)
        assert added.sources(places) == {place: pictures[place].source for place in places}


def test_an_annotation_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    note: list[object] = []
    for _ in range(100_000):
        note = [note]
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        PictureList(tmp_path).add(Picture("a.jpg", tmp_path / "a.jpg", None, None, note))


@given(st.lists(st.sampled_from([None, "", "a", "b", "c\0", "c\0\0", "ä"]), max_size=40), st.integers(0, 9))
def test_shares_are_dealt_as_from_a_list(groups: list[str | None], seed: int) -> None:
    shares = {"train": 0.7, "test": 0.3}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "SORTED_ENTRIES", 7)
        pictures = PictureList(Path(folder))
        for place, group in enumerate(groups):
            pictures.add(Picture(f"{place}", Path(f"/{place}"), None, group))
        dealt = Splits(pictures, shares, seed, Path(folder))
        assert [picture.split for picture in dealt.pictures()] == deal(groups, shares, seed)


@given(
    st.lists(st.tuples(st.sampled_from(["a", "a\0", "b", None]), st.sampled_from(["x", "y", None])), max_size=12),
)
def test_a_group_in_two_splits_is_found_wherever_its_pictures_stand(
    placed: list[tuple[str | None, str | None]],
) -> None:
    found: dict[str, set[str]] = {}
    for group, split in placed:
        if group is not None and split is not None:
            found.setdefault(group, set()).add(split)
    leaks = sorted(group for group, its in found.items() if len(its) > 1)
    with tempfile.TemporaryDirectory() as folder:
        pictures = PictureList(Path(folder))
        for place, (group, split) in enumerate(placed):
            pictures.add(Picture(f"{place}", Path(f"/{place}"), split, group))
        if leaks:
            with pytest.raises(ConfigurationError) as caught:
                Splits(pictures, {}, 0, Path(folder))
            assert caught.value.context["groups"] == leaks
        else:
            its = Splits(pictures, {}, 0, Path(folder))
            assert [picture.split for picture in its.pictures()] == [split for _, split in placed]


@given(st.lists(st.tuples(names, names), max_size=20), st.lists(st.tuples(names, names), max_size=20))
def test_matching_is_what_two_tables_say(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    base = Path("/base")
    with tempfile.TemporaryDirectory() as folder:
        lists = [FileList(base, Path(folder)) for _ in range(2)]
        tables: list[dict[str, Path]] = []
        for files, items in zip(lists, (one, other), strict=True):
            usable = sorted((key, name) for key, name in items if name not in (".", ".."))
            for key, name in usable:
                files.add(key, base / name)
            tables.append({key: base / name for key, name in usable})
        rows = [(key, *row) for key, row in matched(*lists, ())]
        assert rows == [(key, *(table.get(key) for table in tables), None) for key in sorted({*tables[0], *tables[1]})]


def test_a_folder_is_listed_by_path_without_what_is_hidden_or_behind_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("b/2.txt", "b/10.txt", "b-1/x.txt", "a.tar.gz", ".hidden", ".git/config", "b/.keep", "plain"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    (root / "link").symlink_to(root / "b")
    found = list(list_folder(root, tmp_path, deep=True))
    assert [key for key, _ in found] == ["a.tar", "b-1/x", "b/10", "b/2", "link", "plain"]
    assert [path.relative_to(root).as_posix() for _, path in found][:2] == ["a.tar.gz", "b-1/x.txt"]
    assert [key for key, _ in list_folder(root, tmp_path, deep=False)] == ["a.tar", "b", "b-1", "link", "plain"]


@pytest.mark.slow
def test_memory_of_an_import_does_not_grow_with_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SORTED_ENTRIES", 20)
    monkeypatch.setattr(spool, "RUNS_MAX", 3)
    monkeypatch.setattr(spool, "_BUFFER_BYTES", 1 << 12)

    def peak(images: int) -> int:
        folder = fast_folder()
        with Catalog(f"sqlite:///{folder / 'catalog.db'}") as catalog:
            _photographs(folder / "photographs", images)
            tracemalloc.start()
            import_dataset(
                open_masks,
                Store(folder / "store"),
                catalog,
                folder / "photographs",
                name="photos",
                shares={"train": 0.8, "test": 0.2},
            )
            used = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        shutil.rmtree(folder)
        return used

    peak(10)  # what is loaded once
    assert peak(1300) < peak(300) + 100_000  # a hundred bytes an image


def _photographs(root: Path, count: int) -> None:
    random = np.random.default_rng(5)
    for role in ("images", "masks"):
        (root / role).mkdir(parents=True)
    (root / "classes.json").write_text('{"classes": {"0": "background", "1": "belt"}}')
    for number in range(count):
        Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8)).save(root / f"images/{number:05d}.png")
        Image.fromarray(np.zeros((6, 8), np.uint8)).save(root / f"masks/{number:05d}.png")
