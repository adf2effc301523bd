"""train · report"""

from __future__ import annotations

import argparse
from pathlib import Path

from contracts.document import load, validate
from contracts.errors import BeltlineError, NotFoundError
from contracts.process import write_atomically
from contracts.run import RunResult, TrainingSpec
from server.commands.session import Session, Subparsers, command, positive, table
from server.resources import Run, StudyDescription


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "train",
        "train a network on a mix of dataset versions and score it",
        description="Train a network on a mix of dataset versions and score it on the whole test set.\n"
        "Blocks until done; Ctrl-C cancels.",
        epilog="  beltline train carparts.yaml\n  beltline train carparts.yaml --processes 2",
    )
    parser.add_argument("spec", type=Path, metavar="SPEC.yaml")
    parser.add_argument(
        "--processes",
        type=positive,
        metavar="N",
        help="share every batch among N processes, a GPU each",
    )
    parser.set_defaults(run=_train)

    parser = command(
        commands,
        shared,
        "report",
        "print where the HTML report of a training run or study lies",
        epilog="  beltline report run-3f9c01a2b4d7\n  beltline report carparts-transfer-3f9c01a2b4d7 --out report.html",
    )
    parser.add_argument("id", metavar="ID", help="a training run or study")
    parser.add_argument("--out", type=Path, metavar="FILE.html", help="copy it there")
    parser.set_defaults(run=_report)


def _train(arguments: argparse.Namespace, session: Session) -> int:
    spec = load(TrainingSpec, arguments.spec)
    if arguments.processes is not None:
        value = {**spec.model_dump(mode="json"), "processes": arguments.processes}
        spec = validate(TrainingSpec, value, source=str(arguments.spec))
    accepted = session.service().train(spec)
    if accepted.run is None:
        raise BeltlineError("the training run has no id", code="unexpected_answer")
    session.say(f"{accepted.run}: {accepted.job.id}")
    session.follow(accepted.job)
    run = session.service().run(accepted.run)
    session.emit(run, lambda: run_text(run))
    return 0


def run_text(run: Run) -> str:
    """A finished run's scores as a table, and where its report lies."""
    if run.result is None:
        return f"{run.id} {run.state.value}"
    return "\n".join([_summary(run.result), "", _scores(run.result), "", f"report {run.report}"])


def _summary(result: RunResult) -> str:
    images = ", ".join(f"{count} of {source}" for source, count in result.training_images.items())
    return (
        f"{result.run}: {images}; {result.steps} steps in {result.seconds:.0f} s, best at step {result.best_step}\n"
        f"validation {result.validation.mean_dataset_iou:.3f} on {result.validation_images} images, "
        f"test on {result.test.images}"
    )


def _scores(result: RunResult) -> str:
    test = result.test
    intervals = test.intervals
    rows: list[tuple[str, ...]] = []
    for name, score in test.classes.items():
        interval = intervals.classes[name].iou if intervals else None
        figures = (score.dice, score.boundary_f, score.precision, score.recall)
        rows.append((name, _figure(score.iou), _interval(interval), *map(_figure, figures)))
    for what, value, interval, others in (
        (
            "mean of classes, all pixels of the test set",
            test.mean_dataset_iou,
            intervals.mean_dataset_iou if intervals else None,
            (_figure(test.mean_dice), _figure(test.mean_boundary_f)),
        ),
        ("mean of images", test.mean_image_iou, intervals.mean_image_iou if intervals else None, ("", "")),
    ):
        rows.append((what, _figure(value), _interval(interval), *others, "", ""))
    return table(rows, ("TEST", "IOU", "95 % INTERVAL", "DICE", "BOUNDARY F", "PRECISION", "RECALL"))


def _interval(value: tuple[float, float] | None) -> str:
    return "-" if value is None else f"{value[0]:.3f} to {value[1]:.3f}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _report(arguments: argparse.Namespace, session: Session) -> int:
    service = session.service()
    found: Run | StudyDescription
    try:
        found = service.run(arguments.id)
        what, read = "run", service.report
    except NotFoundError as unknown:
        try:
            found = service.study_of(arguments.id)
        except NotFoundError:
            raise unknown from None
        what, read = "study", service.study_report
    if arguments.out is not None:
        write_atomically(arguments.out, read(arguments.id).encode())
        place = str(arguments.out)
    else:
        if found.report is None:
            read(arguments.id)  # says what is missing
        place = str(found.report)
    session.emit({what: found.id, "report": place}, place)
    return 0
