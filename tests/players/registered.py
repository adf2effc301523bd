"""The players that tests run over: the embedded one, the Unity project's C# core without Unity, and a Unity build.

The build is the executable that `BELTLINE_UNITY_PLAYER` names; where it names none, there is no such player to test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.player_session import Session, session
from tests.unity import mono_core
from unity_bridge.embedded.launcher import embedded_player_path
from unity_bridge.executable import UNITY_ARGUMENTS

UNITY_VARIABLE = "BELTLINE_UNITY_PLAYER"
_compiled: list[Path] = []
"""The player under Mono, compiled once for a run of tests, into a folder that lasts as long."""


@dataclass(frozen=True)
class TestedPlayer:
    """A player that can be launched."""

    __test__ = False

    name: str
    path: Path
    arguments: tuple[str, ...] = ()
    """Passed on to it, before those of a test."""
    depth_tolerance_mm: int = 0
    """How far its depth may lie from the truth, beyond rounding."""
    timeout_s: int = 60

    @contextmanager
    def session(self, folder: Path, *arguments: str) -> Iterator[Session]:
        """The player, launched and shaken hands with; its log goes to `folder`."""
        # A Unity build renders nothing with -nographics, which mlagents_envs passes on where no graphics are wanted.
        graphics = self.name == "unity"
        with session(self.path, [*self.arguments, *arguments], folder, self.timeout_s, graphics=graphics) as opened:
            yield opened


def names() -> tuple[str, ...]:
    """Players there are on this machine; where Mono is not installed, its player is skipped with that reason."""
    return ("embedded", "mono", "unity") if os.environ.get(UNITY_VARIABLE) else ("embedded", "mono")


def player(name: str, folder: Path) -> TestedPlayer:
    """A player by its name, made in `folder` where it has to be made."""
    if name == "embedded":
        return TestedPlayer(name, embedded_player_path(folder), ("--threads", "1"))
    if name == "mono":
        reason = mono_core.missing()
        if reason:
            pytest.skip(reason)
        if not _compiled:
            _compiled.append(mono_core.build_player(folder))
        return TestedPlayer(name, _compiled[0], depth_tolerance_mm=1)
    return TestedPlayer(name, Path(os.environ[UNITY_VARIABLE]), UNITY_ARGUMENTS, depth_tolerance_mm=2, timeout_s=240)
