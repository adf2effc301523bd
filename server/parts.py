"""What an application is made of: databases, stores and engines on one home."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from contracts.errors import BeltlineError
from contracts.ids import Digest
from registry.catalog import Catalog
from registry.erasure import ErasedFrames, finish_erasures, unfinished_erasures
from registry.store import Store
from server.dataset_frames import DatasetFrames
from server.derived import forget_frames, forget_version
from server.estimates import Estimates
from server.jobs.database import Database
from server.jobs.engine import Engine
from server.jobs.executors.process import Executor
from server.jobs.limits import Limits
from server.jobs.needs import training_runs
from server.jobs.table import JobTable
from server.jobs.work import Modules, Places
from server.settings import Settings
from server.statistics_making import StatisticsMaker

_T = TypeVar("_T")
_logger = logging.getLogger("beltline.erasure")


class Parts:
    """Databases and stores, opened when they are first asked for: listing generators writes nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._made: dict[str, Any] = {}

    def database(self) -> Database:
        return self._once("database", lambda: Database(self._settings.jobs_url))

    def table(self) -> JobTable:
        return self._once("table", lambda: JobTable(self.database()))

    def estimates(self) -> Estimates:
        return self._once("estimates", lambda: Estimates(self.database()))

    def catalog(self) -> Catalog:
        return self._once("catalog", self._open_catalog)

    def store(self) -> Store:
        return self._once("store", lambda: Store(self._settings.store_url))

    def frames(self) -> DatasetFrames:
        return self._once(
            "frames",
            lambda: DatasetFrames(
                self.store(), self.catalog(), self._settings.cache / "labels", self.frame_index_folder
            ),
        )

    def statistics(self) -> StatisticsMaker:
        return self._once("statistics", lambda: StatisticsMaker(self._settings.cache / "statistics"))

    @property
    def frame_index_folder(self) -> Path:
        """Indexes of versions' frames."""
        return self._settings.cache / "frame-indexes"

    def forget(self, digest: Digest) -> None:
        """Remove what the cache holds of a version that was deleted; it can be made again."""
        forget_version(self._settings.cache, digest)

    def forget_frames(self, erased: Sequence[ErasedFrames]) -> list[str]:
        """Remove what this home holds of frames that were erased; what somebody may miss of it."""
        return forget_frames(self._settings.cache, self._settings.runs_folder, erased)

    def needed_by_runs(self) -> set[Digest]:
        """Versions that training runs need, whatever became of their names."""
        return {digest for _, versions in training_runs(self.table()) for digest in versions.values()}

    @contextmanager
    def erasing(self) -> Iterator[None]:
        """While this home erases: who opens its catalog meanwhile does not take the erasure for an interrupted one."""
        with self._erasing_lock(-1):
            yield

    @property
    def places(self) -> Places:
        """Where jobs keep what they need and make."""
        settings = self._settings
        return Places(
            jobs=settings.jobs_folder,
            runs=settings.runs_folder,
            studies=settings.studies_folder,
            assets=settings.assets,
            cache=settings.cache,
            store_url=settings.store_url,
            catalog_url=settings.catalog_url,
        )

    def engine(self, executor: Executor, modules: Modules, only: set[str] | None) -> Engine:
        """A new engine for all jobs, or for some."""
        settings, places = self._settings, self.places
        limits = Limits(
            workers=settings.workers,
            training_runs=settings.training_runs,
            attempts_max=settings.jobs.attempts_max,
            lease_s=settings.jobs.lease_s,
            poll_s=settings.jobs.poll_s,
            heartbeat_timeout_s=settings.jobs.heartbeat_timeout_s,
            stop_grace_s=settings.jobs.stop_grace_s,
            free_bytes_min=settings.free_bytes_min,
        )
        for folder in (places.jobs, places.runs, places.studies, places.assets, places.cache):
            folder.mkdir(parents=True, exist_ok=True)
        self.catalog()  # made here, once, rather than by many workers at a time
        return Engine(self.table(), executor, places, limits, self.estimates(), modules=modules, only=only)

    def close(self) -> None:
        with self._lock:
            for name in ("statistics", "database", "catalog"):
                if name in self._made:
                    self._made[name].close()
            self._made.clear()

    def _open_catalog(self) -> Catalog:
        catalog = Catalog(self._settings.catalog_url)
        waiting = unfinished_erasures(catalog)
        if waiting:
            self._complete_erasures(catalog, ", ".join(waiting))
        return catalog

    def _complete_erasures(self, catalog: Catalog, waiting: str) -> None:
        """What a process that died had begun: bytes that somebody asked to be gone wait for nobody to ask again."""
        try:
            with self._erasing_lock(0):
                _logger.warning("completing the erasure of %s, which was interrupted", waiting)
                finish_erasures(self.store(), catalog, roots=self.needed_by_runs, forget=self.forget_frames)
        except Timeout:
            return  # it goes on in another process
        except BeltlineError as error:
            _logger.warning("the erasure of %s is not complete: %s; `beltline gc` tries it again", waiting, error)

    def _erasing_lock(self, timeout_s: float) -> FileLock:
        self._settings.home.mkdir(parents=True, exist_ok=True)
        return FileLock(self._settings.home / ".erasing.lock", timeout=timeout_s)

    def _once(self, name: str, make: Callable[[], _T]) -> _T:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            made: _T = self._made[name]
            return made
