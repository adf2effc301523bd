"""Locks of generated datasets: made, resumed, written and read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from regeneration_samples import PATIENT, made, wanted_of

from contracts.document import parse_json
from contracts.errors import ConfigurationError, NotFoundError
from contracts.job import Job
from contracts.lock import DatasetsLock, LockedDataset
from server.api.app import create_app
from server.application import Application
from server.client import Client
from server.regeneration.checking import check
from server.regeneration.lock_file import UnfinishedJobs, lock_text, read_lock, update_lock
from server.regeneration.making import Made, choose, make
from server.regeneration.wanted import Wishes, find_wanted
from tests.service.homes import GENERATOR, MODULES, application, settings


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
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
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
