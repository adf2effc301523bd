"""Peak memory of a process, from Linux's own account of it.

`ru_maxrss` won't do: a process starts with the peak of the one that started it.
"""

from __future__ import annotations

from pathlib import Path

CHILD_PEAK = "from peak_memory import peak_mib; print(peak_mib())"
"""Last line of a child's code; this folder must be on its path."""


def peak_mib() -> float:
    """Most memory that this process has held, since it began or `forget_peak` was called; MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def forget_peak() -> None:
    """Let the peak be what the process holds now."""
    Path("/proc/self/clear_refs").write_text("5")
