"""What every command shares: where it works, how it prints, and how it follows a job."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from tqdm import tqdm

from contracts.errors import BeltlineError, ConfigurationError, from_dict
from contracts.job import TERMINAL_STATES, Job, JobKind, JobState
from server.service import OnJob, Service
from server.settings import Settings, load_settings

Subparsers = Any
"""argparse gives its sub-parsers' action no public type."""
NOUNS: dict[JobKind, str] = {"render": "frame", "import": "image", "train": "step", "study": "run"}
"""What a job's progress counts."""


@dataclass
class Session:
    """One run of the command line."""

    home: Path | None
    url: str | None
    as_json: bool
    _service: Service | None = None
    _cleanup: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Session:
        """The session that the shared options and the environment describe."""
        url = getattr(arguments, "url", None) or os.environ.get("BELTLINE_URL") or None
        return cls(home=getattr(arguments, "home", None), url=url, as_json=getattr(arguments, "json", False))

    def close(self) -> None:
        """Release the service."""
        self._cleanup.close()

    @property
    def remote(self) -> bool:
        """Whether commands talk to a running service."""
        return self.url is not None

    def settings(self, *, allow_paths: bool = True) -> Settings:
        """Settings of the home."""
        return load_settings(self.home, allow_paths=allow_paths)

    def service(self) -> Service:
        """The running service, or the application in this process; opened on first use."""
        if self._service is None:
            # Imported here: `--help` and `schema` need neither a database nor a network library.
            if self.url is not None:
                from server.client import Client

                self._service = self._cleanup.enter_context(Client(self.url))
            else:
                from server.application import Application

                self._service = self._cleanup.enter_context(Application(self.settings()))
        return self._service

    @contextmanager
    def using(self, service: Service) -> Iterator[None]:
        """Let another service stand for the one opened here, for a while."""
        previous, self._service = self._service, service
        try:
            yield
        finally:
            self._service = previous

    def local_only(self, what: str) -> None:
        """Refuse a command that a service does not offer.

        Raises:
            ConfigurationError: The session is remote.
        """
        if self.remote:
            raise ConfigurationError(
                f"{what} works on this machine's home only",
                code="not_over_rest",
                hint="leave out --url and unset BELTLINE_URL",
            )

    def emit(self, value: Any, text: str | Callable[[], str]) -> None:
        """Print a result: `value` as JSON, or `text` for people."""
        if self.as_json:
            print(json.dumps(as_json(value), ensure_ascii=False, indent=2))
        else:
            print(text if isinstance(text, str) else text())

    def say(self, message: str) -> None:
        """Print a message that is no result."""
        print(message, file=sys.stderr, flush=True)

    def complain(self, error: BeltlineError) -> None:
        """Print an error: one line, its details, its remedy."""
        self.say(f"beltline: error: {error.message}")
        details = error.context.get("errors")
        if isinstance(details, list) and len(details) > 1:
            for detail in details[:20]:
                self.say(f"  {detail.get('location', '')}: {detail.get('message', '')}")
        if error.hint:
            self.say(f"  hint: {error.hint}")

    def follow(self, job: Job, *, cancel_when_interrupted: bool = True, on_change: OnJob | None = None) -> Job:
        """Block until a job has ended, with a progress bar on standard error.

        Args:
            job: The job.
            cancel_when_interrupted: Whether Ctrl-C cancels the job too.
            on_change: Told of every change.

        Raises:
            BeltlineError: The job failed, crashed or was cancelled.
        """
        service = self.service()
        with progress_bar(job.progress.total, job.id, NOUNS[job.kind]) as bar:

            def show(now: Job) -> None:
                advance(bar, now)
                if on_change is not None:
                    on_change(now)

            try:
                ended = service.wait(job.id, show)
            except KeyboardInterrupt:
                if cancel_when_interrupted:
                    self._cancel(job.id)
                raise
            show(ended)
        check_succeeded(ended)
        return ended

    def _cancel(self, job_id: str) -> None:
        self.say(f"cancelling {job_id}")
        service = self.service()
        try:
            service.cancel(job_id)
            service.wait(job_id)
        except BeltlineError as error:
            if service.job(job_id).state not in TERMINAL_STATES:
                self.complain(error)


def progress_bar(total: int, title: str, noun: str, *, position: int = 0) -> tqdm[Any]:
    """A progress bar on standard error; where that is no terminal, a line now and then.

    Args:
        total: What there is to do; 0 when that is not known yet.
        title: What stands before the bar.
        noun: What is counted, in the singular.
        position: Line of the bar, where there are several.
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total or None,
        desc=title,
        unit=noun,
        position=position,
        file=sys.stderr,
        dynamic_ncols=terminal,
        ncols=None if terminal else 100,
        mininterval=0.2 if terminal else 15,
        maxinterval=1 if terminal else 60,
    )


def advance(bar: tqdm[Any], job: Job) -> None:
    """Bring a bar to where a job is."""
    if job.progress.total:
        bar.total = job.progress.total
    bar.set_postfix_str(job.progress.message or job.state.value, refresh=False)
    bar.update(job.progress.done - bar.n)
    if job.state in TERMINAL_STATES:
        bar.set_postfix_str(job.state.value, refresh=False)
        bar.refresh()


def check_succeeded(job: Job) -> None:
    """Do nothing where a job succeeded.

    Raises:
        BeltlineError: It did not; the error is the job's own where it has one.
    """
    if job.state is JobState.SUCCEEDED:
        return
    if job.error is not None:
        raise from_dict(job.error)
    hint = f"`beltline jobs {job.id} --log` prints what it said; `beltline jobs {job.id} --retry` tries again"
    raise BeltlineError(f"{job.kind} job {job.id} was {job.state.value}", code=f"job_{job.state.value}", hint=hint)


def result_text(job: Job) -> str:
    """What a finished job made, in a line."""
    result = job.result or {}
    if "dataset" in result:
        return f"{result['dataset']}  {result.get('digest', '')}"
    return f"{job.id} {job.state.value}"


def as_json(value: Any) -> Any:
    """JSON types of a document, or of a structure that holds documents."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value


def table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> str:
    """Rows as aligned columns under a header; numbers stand to the right."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    numeric = [
        bool(rows) and all(isinstance(row[column], int | float) for row in rows) for column in range(len(header))
    ]
    lines = []
    for row in cells:
        padded = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def command(
    commands: Subparsers,
    shared: argparse.ArgumentParser,
    name: str,
    summary: str,
    *,
    description: str = "",
    epilog: str = "",
) -> argparse.ArgumentParser:
    """Add a command with the shared options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        parents=[shared],
        help=summary,
        description=description or f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n{epilog}" if epilog else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def size_text(text: str) -> str:
    """argparse type of `WxH`."""
    width, cross, height = text.partition("x")
    if not (cross and width.isdigit() and height.isdigit() and int(width) > 0 and int(height) > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is not WIDTHxHEIGHT in pixels, such as 848x480")
    return f"{int(width)}x{int(height)}"


def positive(text: str) -> int:
    """argparse type of a whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1")
    return int(text)


def natural(text: str) -> int:
    """argparse type of a whole number from 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0")
    return int(text)
