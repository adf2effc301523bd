"""A shard from plan to staged frames: composing the next frame, rendering this one and judging the last overlap.

Every frame ends in one of three ways. It is accepted: files and record are in place. Its content is rejected: it is
drawn anew with the next attempt in its stream key, and the record names the checks that rejected it. Or the player
failed it: the same spec is rendered again by a fresh player, which leaves no trace in the record. When either is
exhausted the shard fails by the frame's name, or the frame becomes a declared gap where the order allows it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from contracts.errors import (
    BeltlineError,
    CapabilityMissingError,
    ConfigurationError,
    FrameRejectedError,
    RenderError,
    StorageError,
)
from contracts.frame_spec import FrameSpec
from contracts.ids import Digest, canonical_json, digest_of
from contracts.player_protocol import RenderDone
from contracts.shard import ShardOrder, ShardReport
from unity_bridge.assets import remove_unused, write_assets
from unity_bridge.player_keeper import PlayerKeeper
from unity_bridge.quality.gate import Verdict, inspect
from unity_bridge.quality.rendered import RenderedFrame, read_rendered, unreadable
from unity_bridge.sampling import FrameParameters, sample_frame
from unity_bridge.scenes import families
from unity_bridge.scenes.composition import ComposedFrame
from unity_bridge.scenes.own_files import open_own_files
from unity_bridge.scenes.shelf import open_shelf
from unity_bridge.staging import Staging

logger = logging.getLogger(__name__)

COMPOSITION = "composition"
"""Check name of a draw that the scene family itself gives up."""
_EARLIER_FRAMES = 64
_WAIT_S = 0.1
_LAST_WAIT_S = 0.5
_TIDY_EVERY_FRAMES = 50

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Task:
    """One frame on its way."""

    index: int
    checks: tuple[str, ...] = ()
    """Content checks that rejected earlier attempts, in order."""
    attempt: int = 0
    """Redraws so far."""
    tries: int = 0
    """Renderings of this attempt's spec that failed for reasons of the player's."""
    suspected: frozenset[str] = frozenset()
    """Checks of kind `confirmed` that the last rendering of this spec failed."""


@dataclass(frozen=True)
class Composed:
    """A task with its scene."""

    task: Task
    parameters: FrameParameters
    frame: ComposedFrame
    spec: bytes
    digest: Digest


@dataclass
class Judgement:
    """What the gate says of a rendering."""

    composed: Composed
    folder: Path
    frame: RenderedFrame | None
    verdicts: list[Verdict] = field(default_factory=list)
    unreadable: FrameRejectedError | None = None
    accepted_at: float | None = None
    """When its record was written, by the monotonic clock; none where a check failed."""


class ShardRunner:
    """Carries out an order.

    Args:
        order: What to render.
        progress: Told frames done, frames in all and a message.
        interrupted: Asked at least every 100 ms; raises to give up.
    """

    def __init__(
        self,
        order: ShardOrder,
        *,
        progress: Callable[[int, int, str], None] = lambda done, total, message: None,
        interrupted: Callable[[], None] = lambda: None,
    ) -> None:
        self.order = order
        self.assets = Path(order.assets).absolute()
        self.staging = Staging(Path(order.staging), order.generator.name, order.generator.digest(), order.seed)
        self.players = PlayerKeeper(order, interrupted)
        self._progress = progress
        self._interrupted = interrupted
        self._queue: deque[Task] = deque()
        self._earlier: OrderedDict[Digest, FrameSpec] = OrderedDict()
        self._rejections: Counter[str] = Counter()
        self._not_judged: Counter[str] = Counter()
        self._gaps: list[int] = []
        self._assets_digests: dict[str, Digest] = {}
        self._done = 0
        self._started = time.monotonic()
        self._first_frame_s: float | None = None
        self._composed_assets = 0
        self.seconds: Counter[str] = Counter()
        """Busy time by stage: compose, render, judge."""
        self._seconds_lock = threading.Lock()

    def run(self) -> ShardReport:
        """Render what has no record yet.

        Raises:
            FrameRejectedError: A frame's content was rejected as often as the generator allows.
            RenderError: The player can't be started, breaks the protocol, or failed one frame too often.
            StorageError: The disk is full.
        """
        for index in self.order.frame_indices():
            record = self.staging.finished(index)
            if record is None:
                self._queue.append(Task(index))
            else:
                self._rejections.update(record.checks)
                self._done += 1
        self._report("resuming" if self._done else "starting")
        open_shelf(self.assets)
        open_own_files(self.assets)
        pools = ThreadPoolExecutor(1, "compose"), ThreadPoolExecutor(1, "judge")
        try:
            if self._queue:
                self._pipeline(*pools)
        finally:
            for pool in pools:
                pool.shutdown(wait=False, cancel_futures=True)
            self.players.close()
        return ShardReport(
            frames=self._done,
            gaps=tuple(sorted(self._gaps)),
            rejections=dict(self._rejections),
            transient_failures=dict(self.players.failures),
            not_judged=dict(self._not_judged),
            player_starts=self.players.starts,
            assets=self._assets_digests,
            seconds=time.monotonic() - self._started,
            seconds_to_first_frame=self._first_frame_s,
        )

    def _pipeline(self, composer: ThreadPoolExecutor, judge: ThreadPoolExecutor) -> None:
        composing: Future[Composed | Task] | None = None
        judging: Future[Judgement] | None = None
        try:
            while self._queue or composing or judging:
                if composing is None and self._queue:
                    composing = composer.submit(self._compose, self._queue.popleft())
                if composing is None:
                    if judging is not None:
                        finished, judging = judging, None
                        self._settle(self._wait(finished))
                    continue
                composed, composing = self._wait(composing), None
                if isinstance(composed, Task):
                    self._redraw(composed, (COMPOSITION,), "the scene family gave the draw up")
                    continue
                if self._queue:
                    composing = composer.submit(self._compose, self._queue.popleft())
                rendered = self._render(composed)
                if judging is not None:
                    finished, judging = judging, None
                    self._settle(self._wait(finished))
                if rendered is not None:
                    judging = judge.submit(self._judge, composed, *rendered, dict(self._earlier))
        except BaseException:
            if judging is not None:
                self._keep(judging)
            raise

    def _keep(self, judging: Future[Judgement]) -> None:
        """On the way out, let the frame that is being judged get done, and leave nothing of it if it is bad."""
        with contextlib.suppress(FutureTimeoutError, BeltlineError):
            judgement = judging.result(_LAST_WAIT_S)
            if judgement.accepted_at is None:
                self.staging.discard(judgement.folder)

    def _compose(self, task: Task) -> Composed | Task:
        """Sample and compose a frame and write its assets; the task itself where the scene family gives it up."""
        started = time.monotonic()
        parameters = sample_frame(self.order.generator, self.order.seed, task.index, task.attempt)
        try:
            frame = families.compose(parameters)
        except (ConfigurationError, CapabilityMissingError, StorageError):
            raise
        except BeltlineError as error:
            logger.warning("frame %d, attempt %d: %s", task.index, task.attempt, error)
            return task
        except Exception as error:
            logger.exception("frame %d, attempt %d can't be composed", task.index, task.attempt)
            raise RenderError(
                f"frame {task.index} can't be composed: {type(error).__name__}: {error}",
                code="composition_failed",
                hint="this is a fault in the scene family; the log has the traceback",
                context={"frame": task.index, "attempt": task.attempt},
            ) from error
        write_assets(self.assets, frame)
        if self.order.indices:
            digests = sorted({asset.digest for asset in frame.spec.assets})
            self._assets_digests[str(task.index)] = digest_of("".join(f"{digest}\n" for digest in digests).encode())
        spec = canonical_json(frame.spec)
        self._count_seconds("compose", started)
        return Composed(task, parameters, frame, spec, digest_of(spec))

    def _render(self, composed: Composed) -> tuple[Path, RenderDone] | None:
        """Have a player render a frame; None when it failed and the task is queued again."""
        player = self.players.get()
        folder = self.staging.fresh_folder(composed.task.index)
        started = time.monotonic()
        try:
            done = player.render(composed.spec, folder)
        except RenderError as error:
            self.staging.discard(folder)
            if not error.retryable:
                raise _of_frame(error, composed.task.index) from error
            self._again(composed.task, error)
            return None
        except BaseException:
            self.staging.discard(folder)
            raise
        finally:
            self._count_seconds("render", started)
        self.players.rendered()
        return folder, done

    def _judge(self, composed: Composed, folder: Path, done: RenderDone, earlier: dict[Digest, FrameSpec]) -> Judgement:
        """Read and check a rendering, and put it into place when it is good: in a thread of its own, so that a frame is
        done as soon as it can be, whatever the next one is at."""
        started = time.monotonic()
        try:
            frame = read_rendered(
                folder, composed.frame.spec, composed.digest, done.sidecar_digest, composed.frame.assets, earlier
            )
        except FrameRejectedError as error:
            return Judgement(composed, folder, None, unreadable=error)
        verdicts = inspect(frame, self.order.generator.quality)
        judgement = Judgement(composed, folder, frame, verdicts)
        if all(verdict.passed for verdict in verdicts):
            self.staging.accept(folder, frame, composed.parameters, composed.task.checks)
            judgement.accepted_at = time.monotonic()
        self._count_seconds("judge", started)
        return judgement

    def _settle(self, judgement: Judgement) -> None:
        """Count an accepted frame, draw a bad one anew, or have the same spec rendered again."""
        task = judgement.composed.task
        if judgement.frame is None:
            self.staging.discard(judgement.folder)
            self.players.distrust()
            self._again(task, judgement.unreadable or unreadable("the frame can't be read"))
            return
        if judgement.accepted_at is not None:
            self._count_accepted(task, judgement.frame, judgement.verdicts, judgement.accepted_at)
            return
        failed = [verdict for verdict in judgement.verdicts if not verdict.passed]
        self.staging.discard(judgement.folder)
        said = "; ".join(f"{verdict.check}: {verdict.message}" for verdict in failed)
        slips = [verdict.check for verdict in failed if verdict.kind == "transient"]
        doubts = frozenset(verdict.check for verdict in failed if verdict.kind == "confirmed")
        last_try = task.tries + 1 >= self.order.bridge.render_attempts_max
        content = tuple(
            verdict.check
            for verdict in failed
            if verdict.kind == "content" or (verdict.check in doubts and (verdict.check in task.suspected or last_try))
        )
        if content and (last_try or not slips):
            self._redraw(task, content, said)
            return
        self.players.distrust()
        self._again(
            replace(task, suspected=task.suspected | doubts),
            FrameRejectedError(said, hint="the player's log may say more", context={"checks": slips or [*doubts]}),
        )

    def _count_accepted(self, task: Task, frame: RenderedFrame, verdicts: list[Verdict], accepted_at: float) -> None:
        self._earlier[frame.sidecar.files["image"]] = frame.spec
        while len(self._earlier) > _EARLIER_FRAMES:
            self._earlier.popitem(last=False)
        self._rejections.update(task.checks)
        self._not_judged.update(verdict.check for verdict in verdicts if not verdict.judged)
        self.players.succeeded()
        self._done += 1
        if self._first_frame_s is None:
            self._first_frame_s = accepted_at - self._started
        if self._done % _TIDY_EVERY_FRAMES == 0:
            remove_unused(self.assets)
        self._report(f"frame {task.index}")

    def _redraw(self, task: Task, checks: tuple[str, ...], said: str) -> None:
        """Draw a frame anew, or give it up."""
        logger.warning("frame %d, attempt %d is rejected: %s", task.index, task.attempt, said)
        allowed = self.order.generator.quality.redraws_max
        rejected = replace(task, checks=(*task.checks, *checks))
        self.players.succeeded()  # the draw is at fault, not the player
        if task.attempt < allowed:
            self._queue.appendleft(Task(task.index, rejected.checks, task.attempt + 1))
            return
        self._give_up(
            rejected,
            FrameRejectedError(
                f"frame {task.index} was rejected {task.attempt + 1} times, at last for {said}",
                hint="widen the generator's distributions, relax its quality settings, or allow gaps",
                context={"frame": task.index, "checks": sorted(set(rejected.checks))},
            ),
        )

    def _again(self, task: Task, error: RenderError) -> None:
        """Have the same spec rendered again after a failure of the player's, or give the frame up."""
        self.players.failed(error)
        tries = task.tries + 1
        logger.warning(
            "frame %d, attempt %d, try %d of %d failed: %s",
            task.index,
            task.attempt,
            tries,
            self.order.bridge.render_attempts_max,
            error,
        )
        if tries < self.order.bridge.render_attempts_max:
            self._queue.appendleft(replace(task, tries=tries))
            return
        self._give_up(task, _of_frame(error, task.index, tries))

    def _give_up(self, task: Task, error: RenderError) -> None:
        if not self.order.allow_gaps:
            raise error
        logger.warning("frame %d becomes a gap: %s", task.index, error)
        self.staging.clear(task.index)
        self._rejections.update(task.checks)
        self._gaps.append(task.index)
        self._report(f"frame {task.index} is a gap")

    def _wait(self, future: Future[ResultT]) -> ResultT:
        """A future's result, giving up when the worker is asked to stop."""
        while True:
            try:
                return future.result(_WAIT_S)
            except FutureTimeoutError:
                if future.done():
                    raise
                self._interrupted()

    def _report(self, message: str) -> None:
        self._progress(self._done + len(self._gaps), self.order.count, message)

    def _count_seconds(self, stage: str, started: float) -> None:
        with self._seconds_lock:
            self.seconds[stage] += time.monotonic() - started


def _of_frame(error: RenderError, index: int, tries: int = 1) -> RenderError:
    """The same error, naming the frame and for good."""
    times = f" {tries} times" if tries > 1 else ""
    return type(error)(
        f"frame {index} failed{times}: {error.message}",
        code=error.code,
        hint=error.hint,
        context={**error.context, "frame": index},
        retryable=False,
    )
