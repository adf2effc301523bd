"""What this machine is, as far as it decides the bytes of images."""

from __future__ import annotations

import platform
from pathlib import Path

from contracts.lock import Platform


def this_platform() -> Platform:
    """What this process runs on."""
    return Platform(system=platform.system()[:100], machine=platform.machine()[:100], processor=_processor_name()[:200])


def _processor_name() -> str:
    """The processor's own name, such as a cloud machine's differ by."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
