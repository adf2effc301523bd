"""What an importer notes on its way: faults, which refuse the import, and what it leaves out or alters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from contracts.errors import ConfigurationError
from contracts.import_report import LISTED_MAX, NotTaken

SHOWN_FAULTS = 20
"""Most faults that one error message lists; its context holds more."""
_FAULTS_MAX = 10_000
"""Most faults that an error's context holds."""


@dataclass
class Findings:
    """Notes of one import, in the order of the source."""

    faults: list[str] = field(default_factory=list)
    """`location: message` each; any of them refuses the import."""
    not_taken: list[NotTaken] = field(default_factory=list)
    """The first `LISTED_MAX`."""
    counts: Counter[str] = field(default_factory=Counter)
    """All that was not taken, by reason."""

    def fault(self, location: str, message: str) -> None:
        """Note what must be mended before anything is imported."""
        self.faults.append(f"{location}: {message}")

    def leave_out(self, location: str, reason: str, message: str) -> None:
        """Note what is not taken as it is."""
        self.add([NotTaken(location=location, reason=reason, message=message)])

    def add(self, entries: Iterable[NotTaken]) -> None:
        """Note several at once."""
        for entry in entries:
            self.counts[entry.reason] += 1
            if len(self.not_taken) < LISTED_MAX:
                self.not_taken.append(entry)

    def refuse_faults(self, where: object) -> None:
        """Raise ConfigurationError when there is any fault, with all of them in its context."""
        if not self.faults:
            return
        shown = "; ".join(self.faults[:SHOWN_FAULTS])
        more = f"; and {len(self.faults) - SHOWN_FAULTS} more" if len(self.faults) > SHOWN_FAULTS else ""
        entries = [fault.split(": ", 1) for fault in self.faults[:_FAULTS_MAX]]
        raise ConfigurationError(
            f"{len(self.faults)} faults in {where}: {shown}{more}",
            code="import_refused",
            hint="mend or remove these files, then import again; nothing was imported",
            context={
                "errors": [{"location": location, "message": message} for location, message in entries],
                "fault_count": len(self.faults),
            },
        )
