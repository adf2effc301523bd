"""Commands that launch the test player, and a look at what is left of it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psutil

from contracts.shard import PlayerCommand

ROOT = Path(__file__).resolve().parents[2]


def box_player(folder: Path, *arguments: str) -> PlayerCommand:
    """A command for the test player, as an executable in `folder`."""
    script = folder / "box_player"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.players.box_player "$@"\n')
    script.chmod(0o755)
    return PlayerCommand(name="box", path=str(script), arguments=(*arguments, "--folder", str(folder)))


def left_running(folder: Path, patience_s: float = 3.0) -> list[str]:
    """Command lines of processes that still name `folder` after a while."""
    deadline = time.monotonic() + patience_s
    while True:
        found = []
        for process in psutil.process_iter(["pid", "cmdline", "status"]):
            line = " ".join(process.info["cmdline"] or ())
            if str(folder) in line and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(line)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)
