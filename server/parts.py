"""What an application is made of: databases, stores and engines on one home."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from contracts.ids import Digest
from registry.catalog import Catalog
from registry.erasure import ErasedFrames
from registry.store import Store
from server.dataset_frames import DatasetFrames
from server.derived import forget_frames, forget_version
from server.estimates import Estimates
from server.jobs.database import Database
from server.jobs.engine import Engine
from server.jobs.executors.process import Executor
from server.jobs.limits import Limits
from server.jobs.table import JobTable
from server.jobs.work import Modules, Places
from server.settings import Settings

_T = TypeVar("_T")


class Parts:
    """Databases and stores, opened when they are first asked for: listing generators writes nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.RLock()
        self._made: dict[str, Any] = {}
        self.statistics_lock = threading.Lock()
        """Held while statistics are computed: one computation uses all that the next one would wait for."""

    def database(self) -> Database:
        return self._once("database", lambda: Database(self._settings.jobs_url))

    def table(self) -> JobTable:
        return self._once("table", lambda: JobTable(self.database()))

    def estimates(self) -> Estimates:
        return self._once("estimates", lambda: Estimates(self.database()))

    def catalog(self) -> Catalog:
        return self._once("catalog", lambda: Catalog(self._settings.catalog_url))

    def store(self) -> Store:
        return self._once("store", lambda: Store(self._settings.store_url))

    def frames(self) -> DatasetFrames:
        return self._once(
            "frames",
            lambda: DatasetFrames(
                self.store(), self.catalog(), self._settings.cache / "labels", self.frame_index_folder
            ),
        )

    @property
    def frame_index_folder(self) -> Path:
        """Indexes of versions' frames."""
        return self._settings.cache / "frame-indexes"

    @property
    def statistics_folder(self) -> Path:
        """What statistics found before."""
        return self._settings.cache / "statistics"

    def forget(self, digest: Digest) -> None:
        """Remove what the cache holds of a version that was deleted; it can be made again."""
        forget_version(self._settings.cache, digest)

    def forget_frames(self, erased: Sequence[ErasedFrames]) -> list[str]:
        """Remove what this home holds of frames that were erased; what somebody may miss of it."""
        return forget_frames(self._settings.cache, self._settings.runs_folder, erased)

    def engine(self, executor: Executor, modules: Modules, only: set[str] | None) -> Engine:
        """A new engine for all jobs, or for some."""
        settings = self._settings
        places = Places(
            jobs=settings.jobs_folder,
            runs=settings.runs_folder,
            studies=settings.studies_folder,
            assets=settings.assets,
            cache=settings.cache,
            store_url=settings.store_url,
            catalog_url=settings.catalog_url,
        )
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
            for name in ("database", "catalog"):
                if name in self._made:
                    self._made[name].close()
            self._made.clear()

    def _once(self, name: str, make: Callable[[], _T]) -> _T:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            made: _T = self._made[name]
            return made
