"""Locks of generated datasets: made, resumed, checked; every cause of drift is called by its name."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from contracts.document import parse_json
from contracts.errors import BeltlineError, ConfigurationError, NotFoundError
from contracts.frame import PlayerIdentity
from contracts.job import Job
from contracts.lock import DatasetsLock, LockedDataset, Trace, TraceRequest
from server.api.app import create_app
from server.application import Application
from server.client import Client
from server.regeneration.checking import check
from server.regeneration.drift import compare_frames
from server.regeneration.lock_file import UnfinishedJobs, lock_text, read_lock, update_lock
from server.regeneration.making import Made, choose, make
from server.regeneration.pixel_noise import FALSE_ALARM_LEVEL, FRAMES_MIN, compare_blocks
from server.regeneration.wanted import Wanted, Wishes, find_wanted
from server.service import Service
from server.settings import JobSettings
from server.traces import block_means, pixel_digest
from tests.service.homes import GENERATOR, MODULES, application, settings

FRAMES = 13
PATIENT = JobSettings(poll_s=0.02)
"""A busy machine is no fault of the process that is watched."""
ZERO = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    with application(tmp_path_factory.mktemp("regeneration") / "home", jobs=PATIENT) as opened:
        yield opened


def wanted_of(service: Service, lock: Path, *files: str, **wishes: Any) -> Wanted:
    (wanted,) = find_wanted(service, read_lock(lock), lock.parent, files, Wishes(**wishes), remote=False)
    return wanted


def made(service: Service, lock: Path, *files: str, **wishes: Any) -> Made:
    found = make(
        service, wanted_of(service, lock, *files, **wishes), UnfinishedJobs(lock), lambda job: service.wait(job.id)
    )
    if found.changed:
        update_lock(lock, found.dataset, found.entry)
    return found


@pytest.fixture(scope="module")
def first(service: Application, tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, Path]:
    """A dataset that was made, and the lock that it was written to."""
    lock = tmp_path_factory.mktemp("lock") / "datasets.lock"
    return made(service, lock, "boxes", frames=FRAMES, seed=3), lock


@pytest.fixture(scope="module")
def entry(first: tuple[Made, Path]) -> LockedDataset:
    return first[0].entry


@pytest.fixture(scope="module")
def trace(service: Application, entry: LockedDataset) -> Trace:
    """Its frames, rendered anew."""
    return service.trace("boxes", TraceRequest(frames=tuple(range(FRAMES)), seed=3))


@pytest.fixture
def lock(entry: LockedDataset, tmp_path: Path) -> Path:
    """A lock of its own for a test."""
    path = tmp_path / "datasets.lock"
    update_lock(path, "boxes", entry)
    return path


def of_each_frame(entry: LockedDataset, **changes: Any) -> LockedDataset:
    """The entry as if it had been locked with other values."""
    witnesses = tuple(frame.model_copy(update=changes) for frame in entry.witnesses)
    return entry.model_copy(update={"witnesses": witnesses})


def on_another_platform(entry: LockedDataset) -> LockedDataset:
    platform = entry.platform.model_copy(update={"processor": "another one"})
    return entry.model_copy(update={"platform": platform})


class TestMaking:
    def test_a_dataset_that_is_there_is_left_alone(self, service: Application, first: tuple[Made, Path]) -> None:
        text = first[1].read_bytes()
        again = made(service, first[1])
        assert (first[0].rendered, first[0].changed) == (True, True)
        assert (again.rendered, again.changed, again.version) == (False, False, first[0].version)
        assert first[1].read_bytes() == text
        assert [path.name for path in first[1].parent.iterdir()] == ["datasets.lock"]

    def test_what_is_missing_comes_back_as_it_was_although_interrupted(self, tmp_path: Path, lock: Path) -> None:
        text = lock.read_bytes()
        jobs: list[str] = []
        with application(tmp_path / "elsewhere" / "home", jobs=PATIENT) as service:

            def interrupted(job: Job) -> Job:
                jobs.append(job.id)
                raise KeyboardInterrupt

            def follow(job: Job) -> Job:
                jobs.append(job.id)
                return service.wait(job.id)

            with pytest.raises(KeyboardInterrupt):
                make(service, wanted_of(service, lock), UnfinishedJobs(lock), interrupted)
            service.cancel(jobs[0])
            again = make(service, wanted_of(service, lock), UnfinishedJobs(lock), follow)
        assert jobs[0] == jobs[1], "the job was taken up again"
        assert (again.rendered, again.changed) == (True, False)
        assert lock.read_bytes() == text
        assert [path for path in tmp_path.iterdir() if path.is_file()] == [lock]

    @pytest.mark.filterwarnings("ignore:You should not use the 'timeout' argument with the TestClient")
    def test_over_rest_a_changed_generator_is_rendered_and_the_change_is_named(self, tmp_path: Path) -> None:
        lock, file = tmp_path / "datasets.lock", tmp_path / "generators" / "mine.yaml"
        with TestClient(create_app(settings(tmp_path / "home", jobs=PATIENT), modules=MODULES)) as inner:
            remote = Client("http://testserver")
            remote.http = inner
            file.write_text(GENERATOR.replace("name: boxes", "name: mine"))
            made(remote, lock, "mine", frames=2)
            assert check(remote, wanted_of(remote, lock), sample=1, sample_seed=0).same
            file.write_text(file.read_text().replace("[5, 70]", "[5, 71]"))
            second = made(remote, lock)
            mine = tmp_path / "mine.yaml"
            mine.write_text(GENERATOR.replace("name: boxes", "name: mine"))
            with pytest.raises(ConfigurationError, match="'mine' has another text than"):
                find_wanted(remote, read_lock(lock), tmp_path, [str(mine)], Wishes(dataset="new"), remote=True)
        assert second.changed
        (finding,) = second.findings
        assert finding.kind == "generator"
        assert [(item.path, item.locked, item.now) for item in finding.changes] == [
            ("randomizers.sun.elevation_deg.uniform", [5.0, 70.0], [5.0, 71.0])
        ]


class TestWhatIsMeant:
    def test_another_file_cannot_take_a_datasets_name(self, lock: Path, tmp_path: Path) -> None:
        (tmp_path / "boxes.yaml").write_text(GENERATOR)
        with application(tmp_path / "home", allow_paths=True) as local:
            with pytest.raises(ConfigurationError, match=r"made by boxes, not by boxes\.yaml"):
                wanted_of(local, lock, str(tmp_path / "boxes.yaml"))
            more = wanted_of(local, lock, str(tmp_path / "boxes.yaml"), dataset="more")
            assert (more.dataset, more.generator, more.named) == ("more", "boxes.yaml", str(tmp_path / "boxes.yaml"))

    def test_an_empty_lock_and_unknown_names_are_refused(
        self, service: Application, lock: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(ConfigurationError, match="the lock names no dataset"):
            wanted_of(service, tmp_path / "other.lock")
        with pytest.raises(NotFoundError, match="no generator 'boxs'"):
            wanted_of(service, lock, "boxs")
        with pytest.raises(NotFoundError, match="no dataset 'boxs'"):
            wanted_of(service, lock, dataset="boxs")


class TestDrift:
    def test_what_is_as_locked_shows_none(self, entry: LockedDataset, trace: Trace) -> None:
        assert compare_frames(entry, trace.frames, trace.platform) == []

    @pytest.mark.parametrize(
        ("changes", "kinds"),
        [
            ({"parameters": {"view.azimuth_deg": 0.5}}, ["sampling"]),
            ({"attempt": 1}, ["gate"]),
            ({"assets_digest": ZERO}, ["assets"]),
            ({"spec_digest": ZERO}, ["composition"]),
            ({"pixels": {"image": ZERO, "mask": ZERO}}, ["labels", "pixels"]),
        ],
    )
    def test_it_is_called_by_its_name(
        self, entry: LockedDataset, trace: Trace, changes: dict[str, Any], kinds: list[str]
    ) -> None:
        found = compare_frames(of_each_frame(entry, **changes), trace.frames[:2], trace.platform)
        assert [(finding.kind, finding.drift) for finding in found] == [(kind, True) for kind in kinds]
        assert all(finding.frames == (0, 1) for finding in found)

    def test_a_value_drawn_otherwise_is_shown(self, entry: LockedDataset, trace: Trace) -> None:
        frame = entry.witnesses[4].model_copy(update={"parameters": {"view.azimuth_deg": 0.5}})
        locked = entry.model_copy(update={"witnesses": (*entry.witnesses[:4], frame, *entry.witnesses[5:])})
        (finding,) = compare_frames(locked, trace.frames, trace.platform)
        (change,) = finding.changes
        assert (change.path, change.locked, change.now) == ("view.azimuth_deg", 0.5, 4.0)
        assert finding.frames == (4,)

    def test_another_player_is_drift_and_another_platform_alone_is_not(
        self, entry: LockedDataset, trace: Trace
    ) -> None:
        locked = entry.model_copy(update={"rendered_by": PlayerIdentity(name="stand-in", version="0.9")})
        (finding,) = compare_frames(locked, trace.frames, trace.platform)
        assert (finding.kind, finding.drift) == ("player", True)
        (finding,) = compare_frames(on_another_platform(entry), trace.frames, trace.platform)
        assert (finding.kind, finding.drift) == ("platform", False)
        variant = entry.model_copy(update={"rendered_by": PlayerIdentity(name="stand-in", version="1.scalar")})
        (finding,) = compare_frames(variant, trace.frames, trace.platform)
        assert (finding.kind, finding.changes[0].locked) == ("platform", "scalar")


class TestChecking:
    @pytest.mark.parametrize("shift", [0.0, 1.5])
    def test_images_of_another_platform_are_compared_statistically(
        self, service: Application, entry: LockedDataset, trace: Trace, shift: float
    ) -> None:
        noise = np.random.Generator(np.random.Philox(5)).normal(0, 0.6, (FRAMES, 48))
        witnesses = tuple(
            frame.model_copy(
                update={
                    "pixels": {**frame.pixels, "image": ZERO},
                    "blocks": tuple(np.clip(np.array(frame.blocks) + row + shift, 0, 255).tolist()),
                }
            )
            for frame, row in zip(entry.witnesses, noise, strict=True)
        )
        here = entry.model_copy(update={"witnesses": witnesses})
        assert compare_frames(here, trace.frames, trace.platform)[0].drift, "here, images are the same bytes"
        found = check(service, as_wanted(on_another_platform(here)), sample=2, sample_seed=1)
        assert found.same is (shift == 0)
        assert found.frames_rendered == FRAMES, "the sample grows until the test can tell"

    def test_all_finds_a_frame_that_only_its_fingerprint_tells(
        self, service: Application, entry: LockedDataset
    ) -> None:
        few = entry.model_copy(update={"witnesses": entry.witnesses[:1], "records": "A" * len(entry.records)})
        found = check(service, as_wanted(few), sample=None, sample_seed=0)
        assert (found.same, found.frames_rendered) == (False, FRAMES)
        (finding,) = found.findings
        assert finding.message.startswith(f"parameters, labels or images differ in {FRAMES - 1} of")

    def test_all_of_what_is_as_locked_is_the_same(self, service: Application, entry: LockedDataset) -> None:
        few = entry.model_copy(update={"witnesses": entry.witnesses[:1]})
        found = check(service, as_wanted(few), sample=None, sample_seed=0)
        assert (found.same, found.findings, found.frames_rendered) == (True, (), FRAMES)

    def test_another_batch_than_locked_is_named(self, service: Application, entry: LockedDataset) -> None:
        wanted = replace(as_wanted(entry), seed=4)
        (finding,) = check(service, wanted, sample=1, sample_seed=0).findings
        assert (finding.kind, finding.changes[0].path, finding.changes[0].now) == ("request", "seed", 4)


def as_wanted(entry: LockedDataset) -> Wanted:
    return Wanted(
        dataset="boxes",
        generator="boxes",
        named="boxes",
        frames=entry.frames,
        seed=entry.seed,
        size=None,
        player="embedded",
        overrides={},
        locked=entry,
    )


class TestLockFile:
    def test_it_reads_as_it_was_written(self, entry: LockedDataset, tmp_path: Path) -> None:
        lock = tmp_path / "datasets.lock"
        update_lock(lock, "one", entry)
        update_lock(lock, "another", entry)
        assert read_lock(lock) == DatasetsLock(datasets={"another": entry, "one": entry})
        assert sum(line.startswith('    {"assets') for line in lock.read_text().splitlines()) == 2 * len(
            entry.witnesses
        ), "a frame stands in a line of its own"

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda text: text[:-40], "not valid JSON"),
            (lambda text: "<<<<<<< HEAD\n" + text, "not valid JSON"),
            (lambda text: text.replace('"seed"', '"sed"'), "Field required"),
            (lambda text: text.replace('"frames": 13', '"frames": 12'), "12 frames have 8 each"),
            (lambda text: text.replace('"schema_version": 1\n}', '"schema_version": 2\n}'), "schema_version"),
        ],
    )
    def test_a_damaged_lock_is_refused(
        self, entry: LockedDataset, tmp_path: Path, change: Callable[[str], str], message: str
    ) -> None:
        lock = tmp_path / "datasets.lock"
        text = lock_text(DatasetsLock(datasets={"one": entry}))
        assert parse_json(DatasetsLock, text) is not None
        lock.write_text(change(text))
        with pytest.raises(ConfigurationError, match=message):
            read_lock(lock)

    def test_killed_while_it_writes_it_leaves_a_whole_lock(self, entry: LockedDataset, tmp_path: Path) -> None:
        lock, writer = tmp_path / "datasets.lock", tmp_path / "writer.py"
        update_lock(lock, "one", entry)
        writer.write_text(
            "import itertools, pathlib, sys\n"
            "from server.regeneration.lock_file import read_lock, update_lock\n"
            "lock = pathlib.Path(sys.argv[1])\n"
            "entry = read_lock(lock).datasets['one']\n"
            "print('ready', flush=True)\n"
            "for number in itertools.count():\n"
            "    update_lock(lock, f'more-{number % 7}', entry)\n"
        )
        for pause_s in (0.011, 0.037):
            process = subprocess.Popen(
                [sys.executable, str(writer), str(lock)],
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            )
            with process:
                assert process.stdout is not None
                process.stdout.readline()
                for _ in range(20):
                    assert "one" in read_lock(lock).datasets
                time.sleep(pause_s)
                process.send_signal(signal.SIGKILL)
            assert "one" in read_lock(lock).datasets


class TestChoosing:
    @given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**53 - 1))
    def test_larger_choices_contain_the_smaller_ones(self, one: int, other: int, seed: int) -> None:
        among = list(range(100, 140))
        small, large = sorted((one, other))
        chosen = choose(small, among, seed), choose(large, among, seed)
        assert set(chosen[0]) <= set(chosen[1]) <= set(among)
        assert (len(chosen[0]), len(chosen[1])) == (small, large)
        assert chosen[1] == sorted(chosen[1])


class TestNoise:
    def test_false_alarms_are_as_rare_as_stated(self) -> None:
        """With heavy, uneven noise: p-values are at most as often small as they say, and no alarm is raised."""
        random = np.random.Generator(np.random.Philox(11))
        p_values = []
        for _ in range(120):
            scale = random.lognormal(0, 1, (FRAMES_MIN, 48))
            one, other = (random.standard_t(3, (FRAMES_MIN, 48)) * scale for _ in range(2))
            found = compare_blocks(one.tolist(), other.tolist())
            p_values.append(found.p_value)
            assert not found.differs or found.p_value <= FALSE_ALARM_LEVEL
        for level in (0.05, 0.2, 0.5):
            share = np.mean(np.array(p_values) <= level)
            assert share <= level + 3 * np.sqrt(level * (1 - level) / len(p_values))
        assert np.mean(p_values) == pytest.approx(0.5, abs=0.08), "and it is not blind either"

    def test_a_small_shift_of_one_block_is_found_in_noise(self) -> None:
        random = np.random.Generator(np.random.Philox(12))
        one, other = random.normal(100, 0.5, (16, 48)), random.normal(100, 0.5, (16, 48))
        other[:, 7] += 1.5
        assert compare_blocks(one.tolist(), other.tolist()).differs

    def test_a_shift_of_rounding_is_no_difference(self) -> None:
        one = np.full((16, 48), 100.0)
        found = compare_blocks(one.tolist(), (one + 0.4).tolist())
        assert found.p_value <= FALSE_ALARM_LEVEL
        assert not found.differs

    def test_few_frames_decide_nothing(self) -> None:
        one = np.full((FRAMES_MIN - 1, 48), 100.0)
        assert not compare_blocks(one.tolist(), (one + 50).tolist()).decided

    @given(st.integers(0, 2**32))
    def test_it_does_not_matter_which_came_first(self, seed: int) -> None:
        random = np.random.Generator(np.random.Philox(seed))
        one, other = random.normal(0, 1, (5, 48)), random.normal(0, 1, (5, 48))
        assert compare_blocks(one.tolist(), other.tolist()) == compare_blocks(other.tolist(), one.tolist())


class TestPixels:
    def test_digests_tell_values_and_shapes_apart(self) -> None:
        values = np.arange(12, dtype=np.uint8).reshape(3, 4)
        digests = {
            pixel_digest(values),
            pixel_digest(values.reshape(4, 3)),
            pixel_digest(values.astype(np.uint16)),
            pixel_digest(values[..., None].repeat(3, 2)),
        }
        assert len(digests) == 4
        assert pixel_digest(values.astype(">u2")) == pixel_digest(values.astype("<u2"))
        assert pixel_digest(np.asfortranarray(values)) == pixel_digest(values)

    def test_block_means_go_row_by_row(self) -> None:
        image = np.zeros((8, 12, 3), np.uint8)
        image[0:2, 3:6] = (10, 20, 30)
        means = block_means(image)
        assert means[3:6] == (10.0, 20.0, 30.0)
        assert sum(means) == 60.0


def test_a_trace_renders_anew_and_leaves_nothing(service: Application) -> None:
    found = service.trace("boxes", TraceRequest(frames=(5, 2), seed=1))
    assert [frame.record.index for frame in found.frames] == [5, 2]
    assert list((service.settings.cache / "traces").iterdir()) == []
    failing = application(service.settings.home.parent / "failing", players={"fails": ("fail-at=2",)})
    with failing, pytest.raises(BeltlineError, match="frame 2 was rejected"):
        failing.trace("boxes", TraceRequest(frames=(1, 2), player="fails"))
