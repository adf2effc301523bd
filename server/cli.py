"""The `beltline` command: `beltline --help`, `beltline COMMAND --help`.

Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 failed, 2 bad input
(nothing was changed), 3 a check found a difference.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from contracts.errors import BeltlineError
from server.commands import (
    conversion,
    datasets,
    documents,
    machine,
    mixes,
    models,
    pictures,
    regenerate,
    rendering,
    studies,
    trained_models,
    training,
    versions,
)
from server.commands.session import Session

_DESCRIPTION = """\
Domain-randomized images with exact masks, versioned datasets, mixed training, and an honest account of what the
synthetic images were worth.
"""

_EPILOG = """\
All state lives in --home DIR (BELTLINE_HOME; ./.beltline). With --url URL (BELTLINE_URL) a command talks to a running
service; without it, it does the same work itself. Results go to standard output, as JSON with --json; progress and
messages to standard error. Exit codes: 0 done, 1 failed, 2 bad input (nothing was changed), 3 a check found a
difference.

examples:
  beltline doctor
  beltline render exterior --frames 100 --seed 7
  beltline sheet exterior@1 --frames 16 --out sheet.png
  beltline train SPEC.yaml
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Command line without the program's name; none is the process's own.

    Returns:
        The exit code.
    """
    parsed = build_parser().parse_args(arguments)
    session = Session.of(parsed)
    try:
        with _terminated_like_interrupted():
            code: int = parsed.run(parsed, session)
            sys.stdout.flush()
            return code
    except BeltlineError as error:
        session.complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        session.say("interrupted")
        return 1
    except BrokenPipeError:
        # The reader of our output went away, as `head` does; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        session.close()


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    shared = argparse.ArgumentParser(add_help=False)
    options = shared.add_argument_group("everywhere")
    # Without defaults here, so that an option before the command is not undone by its absence after it.
    options.add_argument("--home", type=Path, default=argparse.SUPPRESS, metavar="DIR", help="folder of all state")
    options.add_argument("--url", default=argparse.SUPPRESS, metavar="URL", help="talk to this service instead")
    options.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    parser = argparse.ArgumentParser(
        prog="beltline",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        parents=[shared],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in (
        machine,
        documents,
        conversion,
        pictures,
        rendering,
        regenerate,
        datasets,
        versions,
        mixes,
        training,
        studies,
        models,
        trained_models,
    ):
        group.register(commands, shared)
    return parser


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM end a command as Ctrl-C does, so that what it started ends with it."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        previous = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not the main thread, so no signals come here
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


if __name__ == "__main__":
    sys.exit(main())
