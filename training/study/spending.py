"""What a study has spent of its budget, over all attempts at it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from contracts.process import write_document

SPENDING_FILE = "spending.json"


class Spending:
    """Time and runs of a study.

    Args:
        workspace: Of the study; what earlier attempts spent is read there.
    """

    def __init__(self, workspace: Path) -> None:
        self._path = workspace / SPENDING_FILE
        self._started = time.monotonic()
        try:
            value = json.loads(self._path.read_bytes())
            self._before_s, self._runs = float(value["seconds"]), set(value["runs"])
        except (OSError, ValueError, KeyError, TypeError):
            self._before_s, self._runs = 0.0, set()

    def seconds(self) -> float:
        """Of all attempts together, interruptions left out."""
        return self._before_s + time.monotonic() - self._started

    @property
    def runs(self) -> int:
        """Runs that were begun."""
        return len(self._runs)

    def begin(self, run: str) -> None:
        """A run is begun, or gone on with."""
        self._runs.add(run)
        self.keep()

    def keep(self) -> None:
        """Write it down for a later attempt."""
        write_document(self._path, {"seconds": self.seconds(), "runs": sorted(self._runs)})
