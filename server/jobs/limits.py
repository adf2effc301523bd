"""How many processes an engine runs, and how patient it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one engine."""

    workers: int
    """Render workers side by side, over all batches."""
    imports: int = 1
    training_runs: int = 1
    studies: int = 1
    """Studies side by side; each runs as many trainings at a time as cores and memory allow."""
    attempts_max: int = 3
    """Tries of a job whose processes die, before it is crashed."""
    lease_s: float = 15.0
    """Time after which an engine that went silent loses its jobs to another one."""
    poll_s: float = 0.2
    """Pause between two looks."""
    heartbeat_timeout_s: float = 60.0
    """Silence of a process after which it is taken for hung and ended."""
    stop_grace_s: float = 10.0
    """Between asking a process to stop and ending it."""
    backoff_s: float = 0.5
    """Pause before the attempt after a first death; doubles with each further one."""
    free_bytes_min: int = 0
    """Free space below which no attempt is begun."""
