"""Keeps one healthy player at hand: starts it, replaces it when it is old, has grown, or failed."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from contracts.errors import PlayerLaunchError, RenderError
from contracts.shard import ShardOrder
from unity_bridge.session import PlayerSession

logger = logging.getLogger(__name__)

BACKOFF_MAX_S = 30.0
_MEMORY_EVERY_FRAMES = 10
_PAUSE_S = 0.05


class PlayerKeeper:
    """The player of a shard.

    Args:
        order: Names the player, its budgets, and the workspace for its logs.
        interrupted: Asked while waiting; raises to give up.
    """

    def __init__(self, order: ShardOrder, interrupted: Callable[[], None]) -> None:
        self._order = order
        self._bridge = order.bridge
        self._interrupted = interrupted
        self._session: PlayerSession | None = None
        self._frames = 0
        self._first_memory = 0
        self._failures_in_a_row = 0
        self.starts = 0
        """Players launched."""
        self.failures: Counter[str] = Counter()
        """Failures that the same spec was rendered again after, by code or check."""

    def get(self) -> PlayerSession:
        """A player that is fit to render; starts one where there is none, after a pause when the last one failed.

        Raises:
            PlayerLaunchError: The first player can't be started, or none of several after a failure.
        """
        if self._session is not None and self._session.pid is None:
            self.distrust()
        if self._session is not None and self._is_worn():
            self.close()
        while self._session is None:
            self._back_off()
            try:
                self._session = self._start()
            except PlayerLaunchError as error:
                first = self.starts == 1
                if first or self._failures_in_a_row >= self._bridge.render_attempts_max:
                    raise
                logger.warning("no player: %s", error)
                self.failures[error.code] += 1
                self._failures_in_a_row += 1
        return self._session

    def rendered(self) -> None:
        """Count a frame, and look at the player's memory now and then."""
        self._frames += 1
        if self._frames == 1 and self._session is not None:
            self._first_memory = self._session.memory_bytes()

    def succeeded(self) -> None:
        """A frame was accepted: the next failure is the first in its row again."""
        self._failures_in_a_row = 0

    def failed(self, error: RenderError) -> None:
        """Count a failure after which the same spec is rendered again."""
        for name in error.context.get("checks") or [error.code]:
            self.failures[str(name)] += 1
        self._failures_in_a_row += 1

    def distrust(self) -> None:
        """End the player at once: what it does next can't be trusted."""
        if self._session is not None:
            self._session.close(0.0)
            self._session = None

    def close(self) -> None:
        """Let the player quit in its own way."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _start(self) -> PlayerSession:
        self.starts += 1
        self._frames = 0
        session = PlayerSession(
            self._order.player,
            self._bridge,
            log_folder=Path(self._order.workspace) / "player",
            assets=Path(self._order.assets),
            number=self.starts,
            interrupted=self._interrupted,
        )
        session.start()
        return session

    def _is_worn(self) -> bool:
        if self._session is None or self._frames == 0:
            return False
        if self._frames >= self._bridge.recycle_after_frames:
            logger.info("replacing the player after %d frames", self._frames)
            return True
        if self._frames % _MEMORY_EVERY_FRAMES == 0:
            grown_mib = (self._session.memory_bytes() - self._first_memory) / 2**20
            if grown_mib > self._bridge.recycle_growth_mib:
                logger.info("replacing the player, which has grown by %.0f MiB", grown_mib)
                return True
        return False

    def _back_off(self) -> None:
        """Pause before a restart: the setting's pause, doubled with each failure in a row, up to 30 s."""
        if self._failures_in_a_row == 0:
            return
        pause_s = min(self._bridge.restart_backoff_s * 2 ** (self._failures_in_a_row - 1), BACKOFF_MAX_S)
        until = time.monotonic() + pause_s
        while time.monotonic() < until:
            self._interrupted()
            time.sleep(min(_PAUSE_S, max(0.0, until - time.monotonic())))
