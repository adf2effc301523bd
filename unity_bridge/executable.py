"""A player's executable: checked before it is launched, and launched through a script of our own.

`mlagents_envs` strips `.app`, `.exe`, `.x86_64` and `.x86` anywhere in a path, expands wildcards in it, and throws the
player's output away. A script in a folder whose name is safe avoids all three: it replaces itself with the player (same
process, so that signals and parent watching work) and keeps what the player prints.
"""

from __future__ import annotations

import os
import platform
import shlex
from pathlib import Path

from contracts.errors import PlayerLaunchError
from contracts.ids import digest_of
from contracts.player_protocol import PARENT_VARIABLE
from contracts.process import write_atomically
from contracts.shard import PlayerCommand
from unity_bridge import mlagents_compat
from unity_bridge.ports import own_folder

mlagents_compat.install()

from mlagents_envs.env_utils import validate_environment_path  # noqa: E402  (its messages must be registered first)

_ELF = b"\x7fELF"
_ELF_MACHINE = {"x86_64": 62, "aarch64": 183}
UNITY_ARGUMENTS = ("-batchmode", "-force-vulkan")
"""For a Unity build: no window, but cameras that render (`-nographics` would leave them without images)."""


def locate_player(command: PlayerCommand, folder: Path) -> Path:
    """The executable that a command means.

    Args:
        command: From the order.
        folder: Where the embedded player may put its launcher.

    Raises:
        PlayerLaunchError: There is no such executable.
    """
    if command.path is None:
        from unity_bridge.embedded.launcher import embedded_player_path

        return embedded_player_path(folder if _is_safe(folder) else own_folder("players"))
    return Path(command.path).absolute()


def check_executable(path: Path, name: str) -> None:
    """Raise unless a file can be started on this machine.

    Raises:
        PlayerLaunchError: Missing, not a file, not executable, or in a format of another system or processor.
    """

    def refuse(what: str, hint: str) -> PlayerLaunchError:
        return PlayerLaunchError(f"player '{name}': {path} {what}", hint=hint, context={"path": str(path)})

    if not path.exists():
        raise refuse("does not exist", "check the path of the player in the settings or the command")
    if not path.is_file():
        raise refuse("is not a file", "name the executable itself, such as Build/Player.x86_64")
    if not os.access(path, os.X_OK):
        raise refuse("is not executable", f"run: chmod +x {shlex.quote(str(path))}")
    try:
        with path.open("rb") as file:
            start = file.read(256)
    except PermissionError:
        raise refuse("can't be read", "grant read permission to the player") from None
    if start.startswith(b"#!"):
        words = start[2:].split(b"\n", 1)[0].decode(errors="replace").split()
        if not words or not Path(words[0]).is_file():
            raise refuse(
                f"is a script for {words[0] if words else 'nothing'}, which does not exist", "mend its first line"
            )
        return
    if not start.startswith(_ELF) or len(start) < 20:
        raise refuse("is neither a Linux program nor a script", "build the player as StandaloneLinux64")
    machine = int.from_bytes(start[18:20], "little" if start[5] == 1 else "big")
    if machine != _ELF_MACHINE.get(platform.machine(), machine):
        raise refuse(f"is built for another processor than {platform.machine()}", "build the player for this machine")


def write_launcher(player: Path, folder: Path, output: Path) -> Path:
    """A script that becomes the player and appends what it prints to `output`.

    Args:
        player: Checked executable.
        folder: Where the script goes, unless `mlagents_envs` would misread the folder's name.
        output: Log file.
    """
    quoted = (shlex.quote(str(place)) for place in (player, output))
    text = '#!/bin/sh\n{}={}\nexport {}\nexec {} "$@" >>{} 2>&1 </dev/null\n'.format(
        PARENT_VARIABLE, os.getpid(), PARENT_VARIABLE, *quoted
    ).encode()
    if _is_safe(folder):
        script = folder / "launch"
    else:
        script = own_folder("players") / f"launch-{digest_of(text).removeprefix('sha256:')[:16]}"
    write_atomically(script, text, mode=0o700)
    if validate_environment_path(str(script)) != str(script):
        raise PlayerLaunchError(
            f"mlagents_envs can't launch from {script.parent}: it misreads the folder's name",
            hint="set TMPDIR to a folder whose path has no '.app', '.exe', '.x86' and no wildcards",
        )
    return script


def _is_safe(path: Path) -> bool:
    """Whether `mlagents_envs` takes a path as it stands."""
    text = str(path)
    return text == text.strip() and not any(trap in text for trap in (".app", ".exe", ".x86", "*", "?", "["))
