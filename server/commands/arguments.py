"""Arguments that several commands take, and what they mean on this machine or against a service."""

from __future__ import annotations

import argparse
from pathlib import Path

from contracts.document import is_path
from server.commands.session import Session, natural, size_text


def add_frame_options(parser: argparse.ArgumentParser) -> None:
    """Add what says how frames of a generator are rendered: `--seed`, `--size`, `--player` and `--set`."""
    parser.add_argument("--seed", type=natural, default=0, metavar="S", help="the same seed gives the same frames (0)")
    parser.add_argument("--size", type=size_text, metavar="WxH", help="pixels; the generator's own when left out")
    parser.add_argument(
        "--player", default="embedded", metavar="PLAYER", help="embedded, a name from the settings, or a path"
    )
    add_overrides(parser)


def add_overrides(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add `--set`."""
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="path=value",
        help="override a value of the generator by its path; the value is YAML; may be repeated",
    )


def generator_argument(text: str, session: Session) -> str:
    """A generator's name, or the absolute path of its file.

    Raises:
        ConfigurationError: A path, and the session is remote.
    """
    if not is_path(text):
        return text
    session.local_only("a generator from a file")
    return str(Path(text).resolve())


def player_argument(text: str, session: Session) -> str:
    """A player's name, or the absolute path of its executable.

    Raises:
        ConfigurationError: A path, and the session is remote.
    """
    if "/" not in text:
        return text
    session.local_only("a player by its path")
    return str(Path(text).resolve())
