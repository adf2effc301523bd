"""One Mono process for all tests of the C# core, compiled once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unity import mono_core


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mono_core.MonoCore]:
    """The C# core; tests that need it are skipped, with the reason, where Mono is not installed."""
    reason = mono_core.missing()
    if reason:
        pytest.skip(reason)
    running = mono_core.MonoCore(mono_core.build(tmp_path_factory.mktemp("mono")))
    yield running
    running.close()
