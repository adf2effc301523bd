"""Commands that the documentation shows are commands that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.cli import build_parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SYNOPSIS = re.compile(r"[\[\]|]|\.\.\.|…|\b[A-Z]{2,}\b")
"""What a line that describes a command's form has, and one that can be typed has not."""


def shown_commands() -> Iterator[tuple[str, str]]:
    """Page and text of every `beltline` line in a code block, continued lines joined."""
    for page in PAGES:
        for block in re.findall(r"```\w*\n(.*?)```", page.read_text(), flags=re.DOTALL):
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                text = re.split(r"\s#\s|\s{2,}->|\s>\s", line.strip())[0].strip()
                command = re.sub(r"^(?:\.venv/bin/)", "", text)
                if command.startswith("beltline ") and not SYNOPSIS.search(re.sub(r"'[^']*'", "", command)):
                    yield page.name, command


COMMANDS = list(dict.fromkeys(shown_commands()))


def test_commands_are_found() -> None:
    """Were they not, the next test would hold for nothing."""
    assert len(COMMANDS) > 20


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_shown_command_can_be_typed(page: str, command: str) -> None:
    build_parser().parse_args(shlex.split(command)[1:])


def test_every_command_is_described() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    (commands,) = [action.choices for action in build_parser()._actions if isinstance(action.choices, dict)]
    assert [name for name in commands if f"beltline {name}" not in page] == []
