"""An erasure whose process was killed is completed by whoever opens the home next, without being asked again."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from contracts.errors import NotFoundError
from contracts.ids import VersionReference
from contracts.job import JobState
from registry.reader import open_version
from registry.store import Store
from server.resources import ErasureRequest, ImportRequest
from tests.end_to_end.test_erasure_process import photographs
from tests.service.homes import application
from tests.service.running import RunningService

PHOTOS = VersionReference("photos", 1)
_KILLED = """
import os, signal, sys
import registry.erasure
registry.erasure.remove_garbage = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from pathlib import Path
from contracts.ids import VersionReference
from server.application import Application
from server.resources import ErasureRequest
from server.settings import load_settings
with Application(load_settings(Path(sys.argv[1]))) as service:
    service.erase(VersionReference("photos", 1), ErasureRequest(group="person-1", dry_run=False))
"""


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with a version of four photographs from which a killed process had begun to erase a person; its digest."""
    folder = tmp_path_factory.mktemp("interrupted")
    people, home = photographs(folder / "people"), folder / "home"
    with application(home, allow_paths=True) as service:
        request = ImportRequest(format="masks", name="photos", path=str(people), groups=str(people / "groups.csv"))
        assert service.wait(service.import_dataset(request).job.id).state is JobState.SUCCEEDED
        digest = service.version(PHOTOS).digest
    done = subprocess.run([sys.executable, "-c", _KILLED, str(home)], check=False)
    assert done.returncode == -signal.SIGKILL
    return home, digest


@pytest.fixture
def erased(interrupted: tuple[Path, str], home: Path) -> str:
    """Digest of the version; the home is a copy for this test."""
    shutil.copytree(interrupted[0], home)
    return interrupted[1]


def bytes_left(home: Path, digest: str) -> int:
    """Files of erased frames that are there."""
    version = open_version(Store(home / "store"), digest)
    gone = [record for record in version.iterate_all() if record.index in version.erased]
    assert len(gone) == 2
    return sum(version.store.exists(file) for record in gone for file in record.files.values())


def test_the_next_command_completes_it_and_says_so(home: Path, erased: str, caplog: pytest.LogCaptureFixture) -> None:
    assert bytes_left(home, erased) == 4
    with FileLock(home / ".erasing.lock"), application(home) as service:  # as while it goes on in another process
        (shown,) = service.version(PHOTOS).erasures
        assert not shown.finished
    with caplog.at_level(logging.WARNING, "beltline.erasure"), application(home) as service:
        (shown,) = service.version(PHOTOS).erasures
        assert shown.finished
        with pytest.raises(NotFoundError, match="was erased"):
            service.picture(PHOTOS, 1, "image")
    assert "completing the erasure of group 'person-1'" in caplog.text
    assert bytes_left(home, erased) == 0
    caplog.clear()
    with application(home) as service:
        assert service.collect_garbage().freed == 0
        assert service.erase(PHOTOS, ErasureRequest(group="person-1", dry_run=False)).erased == ()
    assert caplog.text == ""


def test_a_service_completes_it_when_it_starts(home: Path, erased: str) -> None:
    service = RunningService(home)
    try:
        with service.client() as asking:  # answered when the start is over
            assert asking.version(PHOTOS).erasures[0].finished
        assert bytes_left(home, erased) == 0
    finally:
        service.stop()
    assert any("completing the erasure" in line for line in service.lines)


def test_a_store_that_refuses_does_not_keep_the_home_from_opening(
    home: Path, erased: str, caplog: pytest.LogCaptureFixture
) -> None:
    index = home / "runs" / "run-1" / "pictures" / "pictures.json"
    index.parent.mkdir(parents=True)
    index.write_text("no index")  # what was derived can't be told
    with caplog.at_level(logging.WARNING, "beltline.erasure"), application(home) as service:
        assert not service.version(PHOTOS).erasures[0].finished
    assert "is not complete" in caplog.text
    index.write_text(json.dumps({"frames": {}}))
    with application(home) as service:
        assert service.version(PHOTOS).erasures[0].finished
    assert bytes_left(home, erased) == 0
