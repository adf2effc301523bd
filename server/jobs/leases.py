"""Who holds a job: a name for this engine that others can check for life.

A lease expires by time; where holder and observer see the same processes, a holder that is gone is known at once.
"""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

import psutil


def new_owner() -> str:
    """A name for an engine in this process: where its process can be seen, which one it is, and a random part."""
    return "/".join([_place(), str(os.getpid()), _start_time(os.getpid()), secrets.token_hex(4)])


def is_gone(owner: str) -> bool:
    """Whether an engine's process is known to have ended. False where that can't be seen from here."""
    parts = owner.rsplit("/", 3)
    if len(parts) != 4 or parts[0] != _place() or not parts[1].isdigit():
        return False
    try:
        return _start_time(int(parts[1])) != parts[2]
    except (psutil.NoSuchProcess, ProcessLookupError):
        return True


def _place() -> str:
    """Names the set of processes that share one numbering: host, boot, process namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:13]
        namespace = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        boot, namespace = str(int(psutil.boot_time())), "0"
    return f"{socket.gethostname()}/{boot}/{namespace}"


def _start_time(pid: int) -> str:
    """When a process began, in a form that does not move with the clock; ProcessLookupError where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            raise ProcessLookupError(pid) from None
        return f"{psutil.Process(pid).create_time():.1f}"  # a system without /proc
    if fields[0] in "ZX":
        raise ProcessLookupError(pid)
    return fields[19]
