"""render · jobs"""

from __future__ import annotations

import argparse

from contracts.document import validate
from contracts.errors import ConfigurationError
from contracts.job import TERMINAL_STATES, Job, RenderBatchRequest
from contracts.overrides import parse_overrides
from server.commands.arguments import add_frame_options, generator_argument, player_argument
from server.commands.session import (
    NOUNS,
    Session,
    Subparsers,
    check_succeeded,
    command,
    positive,
    result_text,
    table,
)


def register(commands: Subparsers, shared: argparse.ArgumentParser) -> None:
    """Add this module's commands."""
    parser = command(
        commands,
        shared,
        "render",
        "render frames and publish them as a dataset version",
        description="Render frames and publish them as a dataset version. Blocks until done; Ctrl-C cancels.",
        epilog="  beltline render exterior --frames 100 --seed 7\n"
        "  beltline render belt-g3 --frames 24 --seed 1 --size 424x240 --dataset belts\n"
        "  beltline render exterior --frames 50 --seed 2 --set 'randomizers.sun.elevation_deg={uniform: [5, 20]}'",
    )
    parser.add_argument("generator", metavar="GENERATOR", help="a generator's name, or a YAML file")
    parser.add_argument("--frames", type=positive, required=True, metavar="N", help="number of frames")
    parser.add_argument("--dataset", metavar="NAME", help="name to publish under; the generator's when left out")
    parser.add_argument("--workers", type=positive, metavar="K", help="processes that render side by side")
    parser.add_argument("--allow-gaps", action="store_true", help="leave out and declare frames that the gate rejects")
    add_frame_options(parser)
    parser.set_defaults(run=_render)

    parser = command(
        commands,
        shared,
        "jobs",
        "list jobs, or show, follow, cancel or retry one",
        description="List jobs, or show, follow, cancel or retry one. Without a running service, --retry also carries "
        "the job out.",
        epilog="  beltline jobs\n  beltline jobs job-3f9c01a2b4d7 --follow",
    )
    parser.add_argument("id", nargs="?", metavar="ID")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--cancel", action="store_true", help="ask it to stop")
    action.add_argument("--retry", action="store_true", help="queue it again; what it had finished is kept")
    action.add_argument("--log", action="store_true", help="print what its processes said")
    parser.add_argument("--follow", action="store_true", help="block until it has ended")
    parser.set_defaults(run=_jobs)


def _render(arguments: argparse.Namespace, session: Session) -> int:
    request = validate(
        RenderBatchRequest,
        {
            "generator": generator_argument(arguments.generator, session),
            "frames": arguments.frames,
            "seed": arguments.seed,
            "size": arguments.size,
            "dataset": arguments.dataset,
            "player": player_argument(arguments.player, session),
            "workers": arguments.workers,
            "overrides": parse_overrides(arguments.overrides),
            "allow_gaps": arguments.allow_gaps,
        },
        source="render",
    )
    accepted = session.service().render(request)
    if accepted.estimate_s is not None:
        session.say(f"{accepted.job.id}: about {accepted.estimate_s:.0f} s")
    job = session.follow(accepted.job)
    session.emit(job, result_text(job))
    return 0


def _jobs(arguments: argparse.Namespace, session: Session) -> int:
    service = session.service()
    if arguments.id is None:
        for option in ("follow", "cancel", "retry", "log"):
            if getattr(arguments, option):
                raise ConfigurationError(f"--{option} needs a job's id", hint="`beltline jobs` lists them")
        page = service.jobs()
        rows = [
            (
                job.id,
                job.kind,
                job.state.value,
                f"{job.progress.done}/{job.progress.total}",
                job.created_at,
                _outcome(job),
            )
            for job in page.items
        ]
        session.emit(page, lambda: table(rows, ("ID", "KIND", "STATE", "PROGRESS", "CREATED", "OUTCOME")))
        return 0
    if arguments.log:
        text = service.log(arguments.id)
        session.emit({"log": text}, text.rstrip("\n"))
        return 0
    if arguments.cancel:
        job = service.cancel(arguments.id)
        if arguments.follow and job.state not in TERMINAL_STATES:
            job = service.wait(arguments.id)
        session.emit(job, _description(job))
        return 0
    job = service.retry(arguments.id) if arguments.retry else service.job(arguments.id)
    if arguments.follow or (arguments.retry and not session.remote):
        if job.state in TERMINAL_STATES:
            check_succeeded(job)
        else:
            job = session.follow(job, cancel_when_interrupted=arguments.retry)
    session.emit(job, _description(job))
    return 0


def _outcome(job: Job) -> str:
    if job.error is not None:
        return str(job.error.get("code", ""))
    result = job.result or {}
    return str(result.get("dataset") or result.get("run") or "")


def _description(job: Job) -> str:
    lines = [
        f"{job.id}: {job.kind}, {job.state.value}, {job.progress.done}/{job.progress.total} {NOUNS[job.kind]}s",
        f"created {job.created_at}, started {job.started_at or '-'}, finished {job.finished_at or '-'}",
    ]
    if job.result is not None:
        lines.append(result_text(job))
    for attempt in job.attempts:
        error = f": {attempt.error.get('message', '')}" if attempt.error else ""
        lines.append(
            f"attempt {attempt.n}: {attempt.state.value}, {attempt.started_at} - {attempt.ended_at or ''}{error}"
        )
    if job.error is not None:
        lines.append(f"error: {job.error.get('message', '')}")
        if job.error.get("hint"):
            lines.append(f"hint: {job.error['hint']}")
    return "\n".join(lines)
