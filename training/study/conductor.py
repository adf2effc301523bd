"""A study from its order to its table: checks, the estimate, every run, and what they come to."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from contracts.errors import (
    BeltlineError,
    CapabilityMissingError,
    ConfigurationError,
    IntegrityError,
    NotFoundError,
    StorageError,
    TrainingError,
)
from contracts.process import write_document
from contracts.study_cells import Cell, check_metric, expand, preparatory_runs, starts_from
from contracts.study_order import (
    ESTIMATE_FILE,
    CellResult,
    StudyEstimate,
    StudyOrder,
    StudyResult,
    duration,
)
from contracts.study_table import STUDY_TABLE_FILE, StudyTable
from training.process import Monitor, Stopped
from training.report.study import figures
from training.report.study.report import WrittenReport, write_study_report
from training.statistics.mean_tests import mean_interval
from training.study import probe, table
from training.study.checks import DataOfStudy
from training.study.notes import notes
from training.study.pool import Ended, Pool, run_all
from training.study.runs import StudyTask, make_task
from training.study.schedule import Schedule, stopping_rule
from training.study.spending import Spending

_LOOK_S = 0.1
_TELL_S = 2.0
BUDGET_SPENT = "budget spent"


class Conductor:
    """Carries a study out.

    Args:
        order: What to do.
        monitor: Told of progress.

    Raises:
        ConfigurationError: The study can't be carried out; nothing was trained.
    """

    def __init__(self, order: StudyOrder, monitor: Monitor) -> None:
        self.order = order
        self.study = order.study
        self.workspace = Path(order.workspace)
        self._monitor = monitor
        self.cells = expand(self.study)
        figures.check_names(self.study.report.figures)
        self._before = {name: make_task(spec, order, {}) for name, spec in preparatory_runs(self.study).items()}
        self._tasks: dict[tuple[int, int], StudyTask] = {}
        for number, cell in enumerate(self.cells):
            task = self.task(number, 0)
            check_metric(self.study, list(task.label_map.classes))
            if cell.spec.augmentation.horizontal_flip:
                task.label_map.mirrored_ids()
        self._schedule = Schedule(len(self.cells), self.study.repeats)
        self._failures: dict[tuple[int, int], str] = {}
        self._missing: dict[str, str] = {}
        self._spending = Spending(self.workspace)

    def carry_out(self) -> StudyResult:
        """Check, measure, train what has no result, and write table and result.

        Raises:
            ConfigurationError: The study can't be carried out; nothing was trained.
            TrainingError: No run has a result.
            IntegrityError, StorageError: A version is damaged, or the disk refuses; finished runs are kept.
            Stopped: The process was asked to stop.
        """
        self._monitor.say("looking at the data")
        before = [Cell({"before": name}, task.spec, ()) for name, task in self._before.items()]
        data = DataOfStudy(self.order, [*self.cells, *before])
        amounts = {name: data.amounts(axis, name, self.cells) for name, axis in self.study.axes.items()}
        estimate = self._estimate(data)
        self._check_budget(estimate, data)
        write_document(self.workspace / ESTIMATE_FILE, estimate)
        print(estimate.said(), flush=True)
        try:
            self._prepare(estimate)
            self._train(estimate)
        finally:
            self._spending.keep()
            rows = list(self._rows())
            said = notes(self.study, [row.result for row in rows if row.result is not None])
            found = table.make_table(self.order, amounts, rows, said)
            write_document(self.workspace / STUDY_TABLE_FILE, found)
        if not any(run.state == "succeeded" for run in found.runs):
            reasons = {run.reason for run in found.runs if run.reason}
            raise TrainingError(
                f"study '{self.study.name}': no run has a result: {'; '.join(sorted(reasons))[:500]}",
                code="study_without_results",
                hint="its runs' logs lie in their folders",
            )
        self._monitor.say("writing the report")
        written = write_study_report(found, self.study.report, self.study.repeats, self.workspace)
        return self._result(found, written)

    def task(self, cell: int, repeat: int) -> StudyTask:
        """The run of a repeat of a cell."""
        if (cell, repeat) not in self._tasks:
            self._tasks[cell, repeat] = make_task(self.cells[cell].run(repeat), self.order, self._before)
        return self._tasks[cell, repeat]

    # Before the first run

    def _estimate(self, data: DataOfStudy) -> StudyEstimate:
        repeats = self.study.repeats
        cores = probe.cores()
        planned = [self.task(cell, repeat) for repeat in range(repeats.planned) for cell in range(len(self.cells))]
        used = {starts_from(cell.spec) for cell in self.cells}
        first = [task for name, task in self._before.items() if name in used]
        once = {task.digest: task for task in [*first, *planned]}
        open_tasks = [task for task in once.values() if task.result() is None]
        at_most = max(1, cores // max((task.spec.processes for task in open_tasks), default=1))
        wanted = min(self.order.parallel or at_most, max(1, len(open_tasks)))
        threads = max(1, cores // wanted)
        steps = sum(length.steps for task in open_tasks for length in data.lengths(task.spec))
        found = probe.measure(open_tasks, self.workspace, steps=steps, threads=threads, look=self._look)
        self._missing = dict(found.missing)
        parallel = self.order.parallel or (found.parallel(wanted) if open_tasks else 1)
        least = sum(
            found.seconds(task.spec, data.lengths(task.spec)) for task in open_tasks if self._unrunnable(task) is None
        )
        further = sum(
            found.seconds(cell.spec, data.lengths(cell.spec)) * (repeats.at_most - repeats.planned)
            for number, cell in enumerate(self.cells)
            if self._unrunnable(self.task(number, 0)) is None
        )
        return StudyEstimate(
            cells=len(self.cells),
            runs_at_least=len(once),
            runs_at_most=len(once) + len(self.cells) * (repeats.at_most - repeats.planned),
            runs_done_before=len(once) - len(open_tasks),
            seconds_at_least=least / parallel,
            seconds_at_most=(least + further) / parallel,
            parallel=parallel,
            threads=max(1, cores // parallel),
            measured=tuple(found.measured.values()),
            not_run=self._missing,
        )

    def _check_budget(self, estimate: StudyEstimate, data: DataOfStudy) -> None:
        hours = self.study.budget.hours
        if hours is None or not estimate.measured or estimate.runs_done_before:
            return
        known = {each.setting: each for each in estimate.measured}
        shortest = min(
            probe.run_seconds(known[probe.setting_of(cell.spec)], data.lengths(cell.spec))
            for cell in self.cells
            if probe.setting_of(cell.spec) in known
        )
        if shortest > hours * 3600:
            raise ConfigurationError(
                f"study '{self.study.name}': budget.hours: {hours:g} h, and its shortest run takes about"
                f" {duration(shortest)}",
                code="budget_too_small",
                hint=f"give at least {shortest / 3600:.2g} h, fewer steps or smaller images",
            )

    # Running

    def _prepare(self, estimate: StudyEstimate) -> None:
        """Make the runs that others start from."""
        used = {starts_from(cell.spec) for cell in self.cells}
        tasks = [task for name, task in self._before.items() if name in used]
        tasks = [task for task in tasks if task.result() is None and self._unrunnable(task) is None]
        for task in tasks:
            task.prepare()
            self._spending.begin(task.run)
        outcomes = run_all(
            [task.order() for task in tasks],
            parallel=estimate.parallel,
            threads=estimate.threads,
            look=lambda done: self._look(f"{done} of {len(tasks)} runs that others start from"),
        )
        for run, error in outcomes.items():
            if error is not None:
                print(f"{run}: {error}", flush=True)
                self._stop_if_hopeless(error)

    def _train(self, estimate: StudyEstimate) -> None:
        pool = Pool(estimate.threads)
        parallel = estimate.parallel
        asked: dict[str, list[tuple[int, int]]] = defaultdict(list)
        told = 0.0
        try:
            while not self._schedule.is_done():
                if self._monitor.should_stop:
                    raise Stopped
                self._begin(pool, parallel, asked)
                for ended in pool.ended():
                    parallel = self._end(ended, asked.pop(ended.run), parallel)
                if not len(pool) and self._is_spent():
                    return
                if time.monotonic() - told > _TELL_S:
                    told = time.monotonic()
                    self._tell(estimate, parallel)
                if len(pool):
                    time.sleep(_LOOK_S)
            self._tell(estimate, parallel)
        finally:
            pool.stop()

    def _begin(self, pool: Pool, parallel: int, asked: dict[str, list[tuple[int, int]]]) -> None:
        while len(pool) < parallel and (following := self._schedule.next()) is not None:
            cell, repeat = following
            task = self.task(cell, repeat)
            found = task.result()
            if found is not None:
                self._schedule.end(cell, repeat, table.score(found, self.study.report.metric))
                continue
            reason = self._unrunnable(task)
            if reason is None and task.start is not None and task.start.result() is None:
                reason = f"the run '{starts_from(task.spec)}' that it starts from has no result"
            if reason is not None:
                self._schedule.close(cell, reason)
                continue
            if task.run not in pool:
                if self._is_spent():
                    return
                task.prepare()
                self._spending.begin(task.run)
                pool.start(task.order())
            self._schedule.start(cell, repeat)
            asked[task.run].append(following)

    def _end(self, ended: Ended, of: list[tuple[int, int]], parallel: int) -> int:
        """Take note of a run that has ended; how many may run at a time from now on."""
        error = ended.error
        if error is not None:
            self._stop_if_hopeless(error)
            if error.code in probe.OUT_OF_MEMORY and parallel > 1:
                print(f"{error.message}; from now on at most {parallel // 2} at a time", flush=True)
                for cell, repeat in of:
                    self._schedule.release(cell, repeat)
                return parallel // 2
        for cell, repeat in of:
            task = self.task(cell, repeat)
            found = task.result() if error is None else None
            if found is not None:
                value = table.score(found, self.study.report.metric)
                self._schedule.end(cell, repeat, value)
                shown = "no score" if value is None else f"{value:.3f}"
                print(f"{self.cells[cell].name}, repeat {repeat}: {shown}, {found.seconds:.0f} s", flush=True)
                continue
            message = error.message if error is not None else "it left no result"
            print(f"{self.cells[cell].name}, repeat {repeat}: {message}", flush=True)
            if isinstance(error, CapabilityMissingError):
                self._missing[probe.setting_of(task.spec)] = probe.reason_of(error)
                self._schedule.release(cell, repeat)
                self._schedule.close(cell, probe.reason_of(error))
                continue
            self._failures[cell, repeat] = message
            self._schedule.end(cell, repeat, None)
            if isinstance(error, ConfigurationError | NotFoundError):  # so would its other repeats
                self._schedule.close(cell, message)
        return parallel

    def _unrunnable(self, task: StudyTask) -> str | None:
        """Why a run can't be made here, as far as that is known."""
        return self._missing.get(probe.setting_of(task.spec))

    def _stop_if_hopeless(self, error: BeltlineError) -> None:
        """What would befall every run ends the study; finished runs are kept."""
        if isinstance(error, IntegrityError | StorageError):
            raise error

    def _is_spent(self) -> bool:
        budget = self.study.budget
        return (budget.hours is not None and self._spending.seconds() >= budget.hours * 3600) or (
            budget.runs is not None and self._spending.runs >= budget.runs
        )

    def _look(self, message: str) -> None:
        self._monitor.say(message)

    def _tell(self, estimate: StudyEstimate, parallel: int) -> None:
        self._spending.keep()
        least, most = self._schedule.remaining()
        done = sum(len(self._schedule.scores(cell)) for cell in range(len(self.cells))) + len(self._failures)
        share = least / max(1, estimate.runs_at_least - estimate.runs_done_before)
        left = duration(min(1.0, share) * estimate.seconds_at_least * estimate.parallel / parallel)
        total = f"{done + least}" + (f" to {done + most}" if most > least else "")
        self._monitor.step(done, f"{done} of {total} runs, about {left} left", total=done + least)

    # What they come to

    def _rows(self) -> Iterator[table.Row]:
        for repeat in range(self.study.repeats.at_most):
            for number, cell in enumerate(self.cells):
                task = self.task(number, repeat) if self._is_known(number, repeat) else None
                if task is None:
                    continue
                found = task.result()
                failure = self._failures.get((number, repeat))
                if found is not None:
                    yield table.Row(cell, repeat, task, "succeeded", result=found)
                elif failure is not None:
                    yield table.Row(cell, repeat, task, "failed", reason=failure)
                else:
                    closed = self._schedule.closed(number) or self._unrunnable(task)
                    other = BUDGET_SPENT if self._is_spent() else table.NOT_YET_RUN
                    yield table.Row(cell, repeat, task, "not_run", reason=closed or other)

    def _is_known(self, cell: int, repeat: int) -> bool:
        """Whether a repeat has a row: it was planned, or ended."""
        return repeat < self.study.repeats.planned or self._schedule.has_ended(cell, repeat)

    def _result(self, found: StudyTable, written: WrittenReport) -> StudyResult:
        states = [run.state for run in found.runs]
        return StudyResult(
            study_id=self.order.study_id,
            study=self.study.name,
            study_digest=self.order.study_digest,
            metric=self.study.report.metric,
            succeeded=states.count("succeeded"),
            failed=states.count("failed"),
            not_run=states.count("not_run"),
            trained=self._spending.runs,
            cells=tuple(self._cell_result(number, found) for number in range(len(self.cells))),
            files={
                "table": STUDY_TABLE_FILE,
                "report": str(written.page.relative_to(self.workspace)),
                "markdown": str(written.markdown.relative_to(self.workspace)),
            },
            seconds=self._spending.seconds(),
        )

    def _cell_result(self, number: int, found: StudyTable) -> CellResult:
        cell = self.cells[number]
        values = self._schedule.scores(number)
        rule = stopping_rule(self.study.repeats)
        interval = rule.interval(values) if rule is not None else mean_interval(values)
        reasons = [run.reason for run in found.runs if run.cell == cell.values and run.reason is not None]
        return CellResult(
            cell=dict(cell.values),
            repeats=len(values),
            mean=sum(values) / len(values) if values else None,
            low=interval.low if interval is not None else None,
            high=interval.high if interval is not None else None,
            reason=reasons[0] if reasons else None,
        )
