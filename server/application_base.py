"""What every part of `server.application.Application` stands on: a home, its databases, and the engine of its jobs."""

from __future__ import annotations

from contracts.job import Job
from server.jobs.answers import FirstAnswer, IdempotencyKey
from server.jobs.engine import Engine
from server.jobs.executors.local import LocalExecutor
from server.jobs.table import NewJob
from server.jobs.work import Modules
from server.parts import Parts
from server.resources import Accepted
from server.settings import Settings


class HomeCalls:
    """Calls on one home. Safe for several threads.

    Args:
        settings: The home and its limits.
        modules: What carries out the steps of jobs.
    """

    def __init__(self, settings: Settings, *, modules: Modules | None = None) -> None:
        self.settings = settings
        self._modules = modules or Modules()
        self._executor = LocalExecutor()
        self._parts = Parts(settings)
        self._engine: Engine | None = None

    def close(self) -> None:
        """Stop the engine in an orderly way, handing its jobs back, and close the databases."""
        if self._engine is not None:
            self._engine.stop()
            self._engine = None
        self._parts.close()

    def start_engine(self) -> None:
        """Carry out jobs in a thread, until `close`; a service does."""
        self._engine = self._new_engine()
        self._engine.start()

    @property
    def engine_alive(self) -> bool:
        """Whether the engine's thread runs and comes round in time."""
        return self._engine is not None and self._engine.alive

    def _new_engine(self, only: set[str] | None = None) -> Engine:
        return self._parts.engine(self._executor, self._modules, only)

    def _wake(self) -> None:
        if self._engine is not None:
            self._engine.wake()

    def _accept(
        self,
        new: NewJob,
        key: IdempotencyKey | None,
        *,
        estimate_s: float | None = None,
        run: str | None = None,
        study: str | None = None,
    ) -> Accepted:
        """Queue a job, unless the key is that of a request that was answered before: then that is the answer."""

        def answer(job: Job) -> FirstAnswer:
            accepted = Accepted(job=job, estimate_s=estimate_s, run=run, study=study)
            return FirstAnswer(202, accepted.model_dump(mode="json"))

        first = self._parts.table().create(new, key, answer)
        self._wake()
        return Accepted.model_validate(first.body)
