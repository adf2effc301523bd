"""Statistics of versions, counted in the background: who asks waits for as long as it likes, and may ask again."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import BeltlineError
from contracts.label_map import LabelMap
from contracts.process import Progress
from contracts.statistics import VersionStatistics
from registry.label_maps.applied import classes_of
from registry.reader import Version
from registry.statistics.version import known_statistics, version_statistics

_Key = tuple[str, int, str]
"""Of a version, of how many of its frames were erased, of the classes."""

_WAITING_MAX = 8
"""Requests that wait at a time; a service has threads for a few dozen. Further ones are told at once how far it is."""


class InterruptedStatisticsError(BeltlineError):
    """Whoever counted is being stopped; what was measured is kept."""

    default_code = "statistics_interrupted"
    default_retryable = True
    status = 503


@dataclass
class _Counting:
    """Statistics that are being counted, or wait for their turn."""

    progress: Progress


class StatisticsMaker:
    """Counts one version after another: what one measures, the next need not.

    Safe for several threads.

    Args:
        folder: What was found before; it may be deleted at any time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="statistics")
        self._lock = threading.RLock()  # a task that has ended already is forgotten by who began it
        self._tasks: dict[_Key, tuple[Future[VersionStatistics], _Counting]] = {}
        self._waiting = threading.BoundedSemaphore(_WAITING_MAX)
        self._closing = threading.Event()

    def close(self) -> None:
        """Stop after the frame that is being measured."""
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def ask(
        self, version: Version, label_map: LabelMap | None = None, *, wait_s: float | None = None
    ) -> VersionStatistics | Progress:
        """Statistics of a version; or how far they are, where they take longer than whoever asks waits.

        Args:
            version: The version.
            label_map: Classes, masks and instances are counted as it makes them.
            wait_s: How long to wait; none is as long as it takes.

        Raises:
            ConfigurationError: The version has none of the labels that the map names.
            IntegrityError: The version is damaged.
            InterruptedStatisticsError: The process is being stopped.
        """
        known = known_statistics(version, self._folder, label_map=label_map)
        if known is not None:
            return known
        future, counting = self._task(version, label_map)
        if wait_s is None:
            wait_for([future])
        elif self._waiting.acquire(blocking=False):
            try:
                wait_for([future], timeout=wait_s)
            finally:
                self._waiting.release()
        if not future.done():
            return counting.progress
        try:
            return future.result()
        except CancelledError:
            raise _interrupted(version) from None

    def _task(self, version: Version, label_map: LabelMap | None) -> tuple[Future[VersionStatistics], _Counting]:
        key = (version.digest, len(version.erased), classes_of(version.labels, label_map).digest)
        with self._lock:
            if self._closing.is_set():
                raise _interrupted(version)
            if key in self._tasks:
                return self._tasks[key]
            counting = _Counting(Progress(done=0, total=len(version), message="waiting for its turn"))
            future = self._pool.submit(self._count, counting, version, label_map)
            self._tasks[key] = future, counting
            future.add_done_callback(lambda _: self._forget(key))
            return future, counting

    def _count(self, counting: _Counting, version: Version, label_map: LabelMap | None) -> VersionStatistics:
        def show(done: int, total: int) -> None:
            counting.progress = Progress(done=done, total=total, message="measuring frames")
            if self._closing.is_set():
                raise _interrupted(version)

        counting.progress = Progress(done=0, total=len(version), message="reading records")
        return version_statistics(version, self._folder, label_map=label_map, on_progress=show)

    def _forget(self, key: _Key) -> None:
        with self._lock:
            self._tasks.pop(key, None)


def _interrupted(version: Version) -> InterruptedStatisticsError:
    return InterruptedStatisticsError(
        f"the statistics of {version.name} were not finished",
        hint="the service is stopping; ask again when it is back: what was measured is kept",
    )
