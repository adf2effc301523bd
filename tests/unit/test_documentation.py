"""Commands that the documentation shows are commands that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.randomizers import cabin, common, exterior
from contracts.randomizers.common import Randomizer
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


MODULES = {module.__name__ for module in (common, exterior, cabin)}
GENERATOR_PAGES = ("generators.md", "generators-exterior.md", "generators-cabin.md")
RANDOMIZERS = [kind for kind in Randomizer.__subclasses__() if kind.__module__ in MODULES]
COMMANDS = list(dict.fromkeys(shown_commands()))


def test_commands_and_randomizers_are_found() -> None:
    """Were they not, the next tests would hold for nothing."""
    assert len(COMMANDS) > 20
    assert len(RANDOMIZERS) > 15


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_shown_command_can_be_typed(page: str, command: str) -> None:
    build_parser().parse_args(shlex.split(command)[1:])


def test_every_command_is_described() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    (commands,) = [action.choices for action in build_parser()._actions if isinstance(action.choices, dict)]
    assert [name for name in commands if f"beltline {name}" not in page] == []


def test_every_option_stands_in_its_commands_synopsis() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    (commands,) = [action.choices for action in build_parser()._actions if isinstance(action.choices, dict)]
    (block,) = re.findall(r"## Commands\n\n```\n(.*?)```", page, flags=re.DOTALL)
    synopses = dict.fromkeys(commands, "")
    for entry in re.split(r"\n(?=beltline )", block):
        synopses[entry.split()[1]] += entry
    everywhere = {"-h", "--help", "--home", "--url", "--json"}
    missing = [
        f"{name} {option}"
        for name, parser in commands.items()
        for action in parser._actions
        for option in action.option_strings
        if option not in everywhere and not re.search(rf"{option}\b", synopses[name])
    ]
    assert missing == []


@pytest.mark.parametrize("kind", RANDOMIZERS, ids=lambda kind: kind.__name__)
def test_every_field_of_a_randomizer_stands_in_its_row(kind: type[Randomizer]) -> None:
    pages = "\n".join((ROOT / "docs" / name).read_text() for name in GENERATOR_PAGES)
    rows = "".join(re.findall(rf"^\| `{kind.__name__}` \| .*$", pages, flags=re.MULTILINE))
    assert [name for name in kind.model_fields if name != "kind" and f"`{name}`" not in rows] == []
