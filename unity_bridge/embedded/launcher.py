"""The embedded player as a file that `UnityEnvironment(file_name=...)` can launch.

A wheel does not keep executable bits, and the interpreter must be the one that has the renderer, so a small launcher
is written where it is needed.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.process import write_atomically

LAUNCHER_NAME = "beltline_player"
STRIPPED_BY_UNITY_ENVIRONMENT = (".app", ".exe", ".x86_64", ".x86")
"""Cut out of the path of a player wherever they stand in it."""


def embedded_player_path(folder: Path) -> Path:
    """Write the launcher of the embedded player into a folder and return its path.

    Idempotent, atomic, safe for several processes at once. The launcher starts `python -m unity_bridge.embedded` with
    this interpreter, in place of itself: the player's parent is whoever launched it.

    Raises:
        ConfigurationError: `mlagents_envs` could not find a player in that folder because of its name.
        OSError: The folder can't be written.
    """
    folder = folder.resolve()
    bad = [text for text in STRIPPED_BY_UNITY_ENVIRONMENT if text in str(folder)]
    if bad or any(character in str(folder) for character in "*?[") or str(folder) != str(folder).strip():
        raise ConfigurationError(
            f"a player can't be launched from '{folder}': mlagents_envs alters paths that hold "
            f"{' or '.join(STRIPPED_BY_UNITY_ENVIRONMENT)}, a wildcard or outer spaces",
            code="invalid_player_folder",
            hint="choose a home folder with a plainer name",
        )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LAUNCHER_NAME
    text = launcher_text().encode()
    if path.is_file() and os.access(path, os.X_OK) and path.read_bytes() == text:
        return path
    write_atomically(path, text, mode=0o755)
    return path


def launcher_text() -> str:
    """A shell script that becomes the player. The shell finds an interpreter whose path a `#!` line could not hold."""
    root = Path(__file__).resolve().parents[2]
    return (
        "#!/bin/sh\n"
        f"PYTHONPATH={shlex.quote(str(root))}${{PYTHONPATH:+:$PYTHONPATH}}\n"
        "export PYTHONPATH\n"
        f'exec {shlex.quote(sys.executable)} -m unity_bridge.embedded "$@"\n'
    )
