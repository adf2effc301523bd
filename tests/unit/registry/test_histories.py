"""Random histories of publishing, naming, deleting, erasing, collecting and real kills: what must hold, always does."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from killing import collect, delete, erase, fast_folder, killed
from registry_homes import Home, live_blobs, publish_people
from registry_samples import stage_batch

from contracts.errors import ConflictError, NotFoundError
from contracts.ids import VersionReference
from registry.naming import change_version, find_alias, list_aliases, move_alias, remove_alias, tagged
from registry.reader import open_version
from registry.verify import verify

NAMES = st.sampled_from(["belt", "car"])
SEEDS = st.integers(0, 3)
GROUPED = 3
GROUPS = st.sampled_from(["anna", "bert"])
ALIASES = st.sampled_from(["approved", "best"])
TAGS = st.sampled_from(["checked", "generation:6"])
STEPS = st.integers(1, 120)


class Histories(RuleBasedStateMachine):
    """A home, and beside it what it must hold.

    Content `seed` is a batch of one frame; content 3 has frames of two groups, of which both can be erased. Every
    version is a number under a name, given once and never again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = fast_folder()
        self.home = Home(self.folder / "home")
        self.versions: dict[tuple[str, int], int] = {}
        self.digests: dict[int, str] = {}
        self.tags: dict[tuple[str, int], set[str]] = {}
        self.aliases: dict[tuple[str, str], list[int | None]] = {}
        self.given: dict[str, int] = {"belt": 0, "car": 0}
        self.erased: set[str] = set()

    @initialize()
    def stage(self) -> None:
        for seed in range(3):
            stage_batch(self.folder / str(seed), seed=seed, frames=1)

    def teardown(self) -> None:
        self.home.catalog.close()
        shutil.rmtree(self.folder)

    # What is done

    @rule(name=NAMES, seed=SEEDS)
    def publish(self, name: str, seed: int) -> None:
        if seed == GROUPED and self.erased:
            with pytest.raises(ConflictError, match="were erased"):
                self._publish(self.home, name, seed)
            collect(self.home)  # what was stored again
        else:
            self._publish(self.home, name, seed)
            self._published(name, seed, self._number_of(name, seed))

    @rule(name=NAMES, seed=SEEDS, step=STEPS)
    def publish_and_die(self, name: str, seed: int, step: int) -> None:
        if seed == GROUPED and self.erased:
            return
        self._die(lambda: self._publish(Home(self.folder / "home"), name, seed), step)
        self._free_shared_bytes()
        there = [int(number) for number in self._numbers(name)]
        new = [number for number in there if (name, number) not in self.versions]
        assert len(new) <= 1
        if new:  # it died after its row was there
            self._published(name, seed, new[0])

    @precondition(lambda self: self.versions)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name, number = self._choose(data)
        if any(moves[-1] == number for (of, _), moves in self.aliases.items() if of == name):
            with pytest.raises(ConflictError, match="needed by alias"):
                delete(self.home, name, number)
        else:
            delete(self.home, name, number)
            self._deleted(name, number)
            self._free_shared_bytes()

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), step=STEPS)
    def delete_and_die(self, data: st.DataObject, step: int) -> None:
        name, number = self._choose(data)
        if not any(moves[-1] == number for (of, _), moves in self.aliases.items() if of == name):
            self._die(lambda: delete(Home(self.folder / "home"), name, number), step)
            if number not in self._numbers(name):
                self._deleted(name, number)
                self._free_shared_bytes()

    @precondition(lambda self: GROUPED in self.versions.values())
    @rule(group=GROUPS)
    def erase(self, group: str) -> None:
        erase(self.home, *self._grouped(), group)
        self.erased.add(group)

    @precondition(lambda self: GROUPED in self.versions.values())
    @rule(group=GROUPS, step=STEPS)
    def erase_and_die(self, group: str, step: int) -> None:
        version = self._grouped()
        self._die(lambda: erase(Home(self.folder / "home"), *version, group), step)
        described = self.home.catalog.describe(VersionReference(*version))
        if group in {item.group for item in described.erasures}:
            self.erased.add(group)
        collect(self.home)  # completes it

    @rule()
    def collect(self) -> None:
        collect(self.home)
        assert set(self.home.store.digests()) == live_blobs(self.home)
        assert collect(self.home) == 0

    @rule(step=STEPS)
    def collect_and_die(self, step: int) -> None:
        self._die(lambda: collect(Home(self.folder / "home")), step)

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), tag=TAGS)
    def tag(self, data: st.DataObject, tag: str) -> None:
        version = self._choose(data)
        present = self.tags[version]
        if tag in present:
            change_version(self.home.catalog, VersionReference(*version), remove_tags=[tag])
            present.remove(tag)
        else:
            change_version(self.home.catalog, VersionReference(*version), add_tags=[tag])
            present.add(tag)

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), alias=ALIASES)
    def move(self, data: st.DataObject, alias: str) -> None:
        name, number = self._choose(data)
        move_alias(self.home.catalog, VersionReference(name, number), alias)
        moves = self.aliases.setdefault((name, alias), [])
        if not moves or moves[-1] != number:
            moves.append(number)

    @rule(name=NAMES, alias=ALIASES)
    def unname(self, name: str, alias: str) -> None:
        moves = self.aliases.get((name, alias))
        if moves and moves[-1] is not None:
            remove_alias(self.home.catalog, name, alias)
            moves.append(None)
        else:
            with pytest.raises(NotFoundError):
                remove_alias(self.home.catalog, name, alias)

    # What always holds

    @invariant()
    def every_version_is_whole(self) -> None:
        assert verify(self.home.store, self.home.catalog) == []

    @invariant()
    def what_is_erased_is_gone_and_the_rest_is_there(self) -> None:
        if GROUPED in self.versions.values():
            version = open_version(self.home.store, self.digests[GROUPED])
            assert {record.group for record in version.records()} == {"anna", "bert"} - self.erased
            shown = self.home.catalog.describe(VersionReference(*self._grouped())).erasures
            assert {item.group for item in shown if item.finished} == self.erased

    @invariant()
    def numbers_mean_what_they_meant(self) -> None:
        there = {(ref.name, ref.number): digest for ref, digest in self.home.catalog.all_versions()}
        assert there == {version: self.digests[seed] for version, seed in self.versions.items()}

    @invariant()
    def names_are_as_they_were_given(self) -> None:
        for version, tags in self.tags.items():
            assert set(self.home.catalog.describe(VersionReference(*version)).tags) == tags
        for tag in ("checked", "generation:6"):
            carrying = {(ref.name, ref.number) for ref in tagged(self.home.catalog, tag)}
            assert carrying == {version for version, tags in self.tags.items() if tag in tags}
        for (name, alias), moves in self.aliases.items():
            found = find_alias(self.home.catalog, name, alias)
            assert found.version == moves[-1]
            assert [move.version for move in found.history] == moves

    @invariant()
    def latest_is_the_newest(self) -> None:
        for name, given in self.given.items():
            if given:
                found = {item.alias: item.version for item in list_aliases(self.home.catalog, name)}
                assert found["latest"] == max((number for of, number in self.versions if of == name), default=None)

    # Means

    def _free_shared_bytes(self) -> None:
        """All contents share bytes with the frames that can be erased: those that were stored for a version that never
        came, or that is gone, are bytes of an erased frame, which `verify` names until they are collected."""
        if self.erased:
            collect(self.home)

    def _publish(self, home: Home, name: str, seed: int) -> Any:
        if seed == GROUPED:
            return publish_people(home, {5: "anna", 6: "bert"}, name)
        return home.publish(self.folder / str(seed), name=name, seed=seed, frames=1)

    def _number_of(self, name: str, seed: int) -> int:
        wanted = self.digests.get(seed)
        numbers = {digest: ref.number for ref, digest in self.home.catalog.all_versions() if ref.name == name}
        return numbers[wanted] if wanted in numbers else max(numbers.values())

    def _grouped(self) -> tuple[str, int]:
        return next(version for version, seed in sorted(self.versions.items()) if seed == GROUPED)

    def _published(self, name: str, seed: int, number: int) -> None:
        known = {of: number for of, number in self.versions if of == name and self.versions[of, number] == seed}
        if known:
            assert number == known[name]  # what is there under this name is not published twice
            return
        assert number == self.given[name] + 1
        self.given[name] = number
        self.versions[name, number] = seed
        self.tags[name, number] = set()
        digest = self.home.catalog.resolve(VersionReference(name, number))
        assert self.digests.setdefault(seed, digest) == digest

    def _deleted(self, name: str, number: int) -> None:
        del self.versions[name, number], self.tags[name, number]

    def _choose(self, data: st.DataObject) -> tuple[str, int]:
        return data.draw(st.sampled_from(sorted(self.versions)))

    def _numbers(self, name: str) -> list[int]:
        return [ref.number for ref, _ in self.home.catalog.all_versions() if ref.name == name]

    def _die(self, action: Any, step: int) -> None:
        self.home.catalog.close()
        killed(action, step, self.folder / "log")
        self.home = Home(self.folder / "home")


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=12, stateful_step_count=25)
