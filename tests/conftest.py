"""What tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import database_url, postgresql_server, postgresql_url
from hypothesis import settings
from s3_server import broken_s3, s3_server, s3_url

__all__ = ["broken_s3", "database_url", "postgresql_server", "postgresql_url", "s3_server", "s3_url"]

settings.register_profile("suite", deadline=None)  # how long an example takes says how busy the machine is
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a person's settings out of tests, and tests out of a person's home."""
    for name in ("BELTLINE_HOME", "BELTLINE_URL", "BELTLINE_SETTINGS", "BELTLINE_IMPORT_ROOTS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Children that heed SIGINT, also where tests run in a shell's background, which has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that does not exist yet."""
    return tmp_path / "home"


@pytest.fixture
def real_data() -> Path:
    """The folder of photographs, for tests marked `real_data`; they are skipped, with this reason, without it."""
    named = os.environ.get("BELTLINE_REAL_DATA")
    if not named:
        pytest.skip("BELTLINE_REAL_DATA is not set: it names the folder that holds carparts/ and camvid/")
    return Path(named)
