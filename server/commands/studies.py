"""study"""

from __future__ import annotations

import argparse

from contracts.errors import BeltlineError
from contracts.job import Job
from contracts.overrides import parse_overrides
from contracts.run import TrainingSpec
from contracts.study import Study
from contracts.study_cells import expand
from contracts.study_file import load_study, study_names
from contracts.study_order import StudyResult
from server.commands.session import Session, Subparsers, command, positive, table
from server.resources import StudyDescription
from server.study_planning import shipped_studies


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "study",
        "train every run of a table, with repeats, and answer its question",
        description="Train every run of a table, with repeats, and answer its question. Says first how many runs and\n"
        "how long. Blocks until done; Ctrl-C cancels. Given again, it goes on: a run with a result is not repeated.\n"
        f"Shipped: {', '.join(study_names(shipped_studies()))}.",
        epilog="  beltline study carparts-transfer-small --set datasets.photographs=photos@2\n"
        "  beltline study my_study.yaml --plan\n"
        "  beltline study my_study.yaml --parallel 2",
    )
    parser.add_argument("spec", metavar="SPEC", help="a YAML file, or the name of a shipped study")
    parser.add_argument("--plan", action="store_true", help="print the table of runs, and run nothing")
    parser.add_argument(
        "--parallel", type=positive, metavar="N", help="runs at a time (as many as cores and memory allow)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="PATH=VALUE",
        help="change a value of the study, such as repeats.at_most=3 or base.stages.0.steps=100",
    )
    parser.set_defaults(run=_study)


def _study(arguments: argparse.Namespace, session: Session) -> int:
    study = load_study(arguments.spec, shipped_studies(), overrides=parse_overrides(arguments.overrides))
    if arguments.plan:
        session.emit(_plan(study), lambda: plan_text(study))
        return 0
    service = session.service()
    accepted = service.study(study, parallel=arguments.parallel)
    if accepted.study is None:
        raise BeltlineError("the study has no id", code="unexpected_answer")
    study_id = accepted.study
    session.say(f"{study_id}: {accepted.job.id}: {_counted(study)}")
    said = False

    def tell(now: Job) -> None:
        nonlocal said
        if not said and now.progress.total:
            estimate = service.study_of(study_id).estimate
            if estimate is not None:
                said = True
                session.say(f"{study_id}: {estimate.said()}")

    session.follow(accepted.job, on_change=tell)
    found = service.study_of(study_id)
    session.emit(found, lambda: study_text(found))
    return 1 if found.result is not None and found.result.failed else 0


def study_text(study: StudyDescription) -> str:
    """A finished study's cells as a table, and where its report lies."""
    if study.result is None:
        return f"{study.id} {study.state.value}"
    result = study.result
    lines = [
        f"{study.id}: {result.succeeded} runs, {result.failed} failed, {result.not_run} not run",
        f"{result.metric}, with the interval of the mean",
        "",
        _cells(result),
    ]
    if study.report is not None:
        lines += ["", f"report {study.report}"]
    return "\n".join(lines)


def plan_text(study: Study) -> str:
    """The cells of a study and its number of runs."""
    cells = expand(study)
    rows = [
        (
            *cell.values.values(),
            ", ".join(stage.name for stage in cell.spec.stages),
            _length(cell.spec),
        )
        for cell in cells
    ]
    header = (*(name.upper().replace("_", " ") for name in study.axes), "STAGES", "LENGTH")
    return "\n".join([table(rows, header), "", _counted(study)])


def _length(spec: TrainingSpec) -> str:
    """Steps and epochs of all stages together."""
    steps = sum(stage.steps or 0 for stage in spec.stages)
    epochs = sum(stage.epochs or 0 for stage in spec.stages)
    parts = [f"{steps} steps"] if steps else []
    return " and ".join([*parts, f"{epochs:g} epochs"] if epochs else parts)


def _plan(study: Study) -> dict[str, object]:
    return {
        "study": study,
        "cells": [{"values": dict(cell.values), "spec": cell.spec} for cell in expand(study)],
        "repeats": study.repeats,
    }


def _counted(study: Study) -> str:
    cells = len(expand(study))
    runs = f"{cells * study.repeats.planned + len(study.before)}"
    if study.repeats.at_most > study.repeats.planned:
        runs += f" to {cells * study.repeats.at_most + len(study.before)}"
    return f"{cells} cells, {runs} runs"


def _cells(result: StudyResult) -> str:
    axes = list(result.cells[0].cell)
    rows: list[tuple[object, ...]] = []
    for cell in result.cells:
        mean = "-" if cell.mean is None else f"{cell.mean:.3f}"
        if cell.mean is None and cell.reason is not None:
            mean = f"not run: {cell.reason}" if not cell.repeats else mean
        interval = "-" if cell.low is None or cell.high is None else f"{cell.low:.3f} to {cell.high:.3f}"
        rows.append((*cell.cell.values(), cell.repeats, mean, interval))
    return table(rows, (*(name.upper().replace("_", " ") for name in axes), "RUNS", "MEAN", "INTERVAL"))
