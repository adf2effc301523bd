"""Reading Dockerfiles, as strictly as ours are written, and carrying out their steps in a folder.

Source: Docker's Dockerfile reference. What ours don't use (heredocs, other escapes, ADD, ONBUILD) is refused.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docker"

FLAGS = {
    "FROM": {"platform"},
    "COPY": {"from", "chmod", "chown"},
    "RUN": {"mount"},
    "HEALTHCHECK": {"interval", "timeout", "start-period", "retries"},
}
KNOWN = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN", "USER", "VOLUME", "WORKDIR"}


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile."""

    name: str
    flags: dict[str, str]
    text: str
    """What follows the flags, its lines joined."""
    line: int

    @property
    def words(self) -> list[str]:
        """The JSON array of an exec form, or the words of the text."""
        if self.text.startswith("["):
            words = json.loads(self.text)
            assert isinstance(words, list)
            assert all(isinstance(word, str) for word in words)
            return words
        return shlex.split(self.text)


@dataclass(frozen=True)
class Stage:
    """What one FROM begins."""

    base: str
    name: str | None
    instructions: list[Instruction] = field(default_factory=list)

    def of(self, name: str) -> Iterator[Instruction]:
        """Instructions of a name."""
        return (item for item in self.instructions if item.name == name)


def instructions(text: str) -> Iterator[Instruction]:
    """Instructions of a Dockerfile in their order.

    Raises:
        ValueError: Something that Docker refuses, or that these files have no need of.
    """
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("#") or not stripped:
            continue
        start = start if joined else number
        joined += stripped.removesuffix("\\").rstrip() + " "
        if not stripped.endswith("\\"):
            yield _instruction(joined.strip(), start)
            joined = ""
    if joined:
        raise ValueError(f"line {start}: goes on after the end")


def _instruction(text: str, line: int) -> Instruction:
    name, _, rest = text.partition(" ")
    if name not in KNOWN:
        raise ValueError(f"line {line}: no instruction '{name}'")
    flags, rest = {}, rest.strip()
    while name in FLAGS and (match := re.match(r"--([a-z-]+)=(\S+)\s*", rest)):
        if match[1] not in FLAGS[name]:
            raise ValueError(f"line {line}: {name} knows no --{match[1]}")
        flags[match[1]] = match[2]
        rest = rest[match.end() :]
    if rest.startswith("--") or "<<" in rest:
        raise ValueError(f"line {line}: can't be read: {rest}")
    return Instruction(name, flags, rest, line)


def stages(text: str, arguments: Mapping[str, str] | None = None) -> list[Stage]:
    """Stages of a Dockerfile, the ARGs before the first FROM put into their bases."""
    values: dict[str, str] = {}
    found: list[Stage] = []
    for item in instructions(text):
        if item.name == "FROM":
            words = expand(item.text, values).split()
            assert len(words) == 1 or (len(words) == 3 and words[1] == "AS"), item
            found.append(Stage(words[0], words[2] if len(words) == 3 else None))
        elif found:
            found[-1].instructions.append(item)
        elif item.name == "ARG":
            name, _, default = item.text.partition("=")
            values[name] = (arguments or {}).get(name, default.strip('"'))
        else:
            raise ValueError(f"line {item.line}: {item.name} before the first FROM")
    return found


def expand(text: str, values: Mapping[str, str]) -> str:
    """`$NAME` and `${NAME}` replaced, as Docker does in all instructions but those that a shell reads."""
    return re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda match: values.get(match[1] or match[2], ""), text)


def assignments(text: str) -> dict[str, str]:
    """Names and values of an ENV."""
    return dict(word.partition("=")[::2] for word in shlex.split(text))


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out of the context; its last matching line decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        negated = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip("/")
        expression = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{expression}(?:/.*)?", path):
            out = not negated
    return out
