"""The work of a render batch: shards side by side, then publishing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from contracts.job import Job
from contracts.process import RESULT_FILE, Progress
from contracts.shard import ShardOrder, ShardReport
from server.estimates import Measurement
from server.jobs.executors.process import ProcessOrder
from server.jobs.machine import Event
from server.jobs.orders import PublishOrder
from server.jobs.plans import RenderPlan
from server.jobs.work import Modules, Places, Step, progress_of, read_json
from server.platforms import this_platform


@dataclass
class RenderWork:
    """Shards side by side, then publishing."""

    plan: RenderPlan
    job: Job
    places: Places
    modules: Modules
    _stage: int = 0
    _started: float = field(default_factory=time.monotonic)
    _rendered_s: float = 0.0

    @property
    def _folder(self) -> Path:
        return self.places.jobs / self.job.id

    def next_step(self) -> Step | None:
        self._stage += 1
        if self._stage == 1:
            shards = tuple(
                self._shard(number) for number in range(len(self.plan.shards)) if self._report(number) is None
            )
            if shards:
                return Step(shards, in_slots=True)
            self._stage += 1
        if self._stage == 2:
            self._rendered_s = time.monotonic() - self._started
            return Step((self._publish(),), Event.PUBLISH)
        return None

    def progress(self) -> Progress:
        done = 0
        for number, stretch in enumerate(self.plan.shards):
            if self._report(number) is not None:
                done += stretch.count
            else:
                done += min(stretch.count, progress_of(self._workspace(number)).done)
        if self._stage < 2:
            return Progress(done=done, total=self.plan.frames, message="rendering")
        publishing = progress_of(self._folder / "publish")
        return Progress(
            done=self.plan.frames,
            total=self.plan.frames,
            message=f"publishing {publishing.done} of {publishing.total or self.plan.frames}",
        )

    def result(self) -> dict[str, Any]:
        return read_json(self._folder / "publish" / RESULT_FILE)

    def measurement(self) -> Measurement | None:
        reports = [self._report(number) for number in range(len(self.plan.shards))]
        if self.job.attempt != 1 or self._rendered_s <= 0:
            return None  # an interrupted batch does not tell how long one takes
        width, height = self.plan.generator.camera.size
        first = [report.seconds_to_first_frame or 0.0 for report in reports if report is not None]
        return Measurement(
            generator=self.plan.generator.name,
            scenario=self.plan.generator.scenario,
            player=self.plan.player.name,
            pixels=width * height,
            samples_per_pixel=self.plan.generator.render.samples_per_pixel,
            workers=len(self.plan.shards),
            frames=self.plan.frames,
            seconds=self._rendered_s,
            first_frame_s=max(first, default=0.0),
        )

    def rubbish(self, *, may_be_retried: bool) -> list[Path]:
        # Frames go last: a shard's result must never outlive its frames, or a retry would think them there.
        return [*sorted(self._folder.glob("shard-*")), self._folder / "publish", self._folder / "staging"]

    def _workspace(self, number: int) -> Path:
        return self._folder / f"shard-{number}"

    def _report(self, number: int) -> ShardReport | None:
        """What a shard said when it was finished, now or in an earlier attempt."""
        try:
            return ShardReport.model_validate_json((self._workspace(number) / RESULT_FILE).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _shard(self, number: int) -> ProcessOrder:
        stretch = self.plan.shards[number]
        workspace = self._workspace(number)
        order = ShardOrder(
            generator=self.plan.generator,
            seed=self.plan.seed,
            first=stretch.first,
            count=stretch.count,
            player=self.plan.player,
            bridge=self.plan.bridge,
            allow_gaps=self.plan.allow_gaps,
            staging=str(self._folder / "staging"),
            assets=str(self.places.assets),
            workspace=str(workspace),
        )
        return ProcessOrder(f"shard {number}", self.modules.render, order, workspace)

    def _publish(self) -> ProcessOrder:
        reports = [self._report(number) for number in range(len(self.plan.shards))]
        gaps = sorted(gap for report in reports if report is not None for gap in report.gaps)
        workspace = self._folder / "publish"
        order = PublishOrder(
            name=self.plan.dataset,
            staging=str(self._folder / "staging"),
            generator=self.plan.generator,
            seed=self.plan.seed,
            frames=self.plan.frames,
            gaps=tuple(gaps),
            operation=self._operation([report for report in reports if report is not None]),
            store_url=self.places.store_url,
            catalog_url=self.places.catalog_url,
            workspace=str(workspace),
        )
        return ProcessOrder("publishing", self.modules.publish, order, workspace)

    def _operation(self, reports: list[ShardReport]) -> dict[str, int | float | str]:
        failures: dict[str, int] = {}
        for report in reports:
            for code, count in report.transient_failures.items():
                failures[f"transient_failures.{code}"] = failures.get(f"transient_failures.{code}", 0) + count
        platform = this_platform()
        return {
            "job": self.job.id,
            "attempts": self.job.attempt,
            "workers": len(self.plan.shards),
            "player": self.plan.player.name,
            "platform": ", ".join(filter(None, (platform.system, platform.machine, platform.processor))),
            "player_starts": sum(report.player_starts for report in reports),
            "worker_seconds": round(sum(report.seconds for report in reports), 3),
            **failures,
        }
