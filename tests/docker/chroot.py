"""Carrying out a Dockerfile without Docker, in folders that debootstrap made: `FROM` is a copy of such a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.docker.dockerfiles import ROOT, Instruction, Stage, assignments, expand, ignored, stages

DEBIAN = "bookworm"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def missing() -> str:
    """Why steps can't be carried out here; empty where they can."""
    if os.geteuid() != 0:
        return "needs root, for chroot"
    absent = [name for name in ("debootstrap", "unshare", "chroot") if shutil.which(name) is None]
    return f"{', '.join(absent)} not found: apt-get install debootstrap" if absent else ""


def debootstrap(folder: Path) -> Path:
    """A small Debian, like the one that the image's base is made of."""
    command = ["debootstrap", "--variant=minbase", DEBIAN, str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:]
    return folder


class Image:
    """What the stages of a Dockerfile leave in folders."""

    def __init__(self, folder: Path, base: Path, environment: Mapping[str, str], mounts: Sequence[Path] = ()) -> None:
        """
        Args:
            folder: Where the stages go.
            base: A folder of `debootstrap`.
            environment: What build steps are told beyond the Dockerfile, such as where pip finds packages.
            mounts: Folders of this machine that build steps see, and can't change, under the same path.
        """
        self._folder = folder
        self._base = base
        self._environment = dict(environment)
        self._mounts = mounts
        self._roots: dict[str, Path] = {}
        self.root = base
        self.variables: dict[str, str] = {}
        self.folder = "/"
        self.user = "0"

    def build(self, dockerfile: Path) -> list[Stage]:
        """Carry out a Dockerfile; its stages."""
        found = stages(dockerfile.read_text())
        for number, stage in enumerate(found):
            self.root = self._folder / f"stage-{number}"
            subprocess.run(["cp", "-a", str(self._base), str(self.root)], check=True)
            for name in ("hosts", "resolv.conf"):  # which Docker puts into containers, too
                shutil.copy(f"/etc/{name}", self.root / "etc" / name)
            self.variables, self.folder, self.user = {"PATH": PATH}, "/", "0"
            self._roots[stage.name or str(number)] = self.root
            for instruction in stage.instructions:
                self._carry_out(instruction)
        return found

    def _carry_out(self, item: Instruction) -> None:
        if item.name == "RUN":
            ended = self.run(["/bin/sh", "-c", item.text], self._environment)
            assert ended.returncode == 0, f"line {item.line}: {ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
        elif item.name == "COPY":
            self._copy(item)
        elif item.name == "ENV":
            self.variables |= assignments(expand(item.text, self.variables))
        elif item.name == "ARG":
            name, _, default = item.text.partition("=")
            self.variables.setdefault(name, default.strip('"'))
        elif item.name == "WORKDIR":
            self.folder = item.text
            (self.root / item.text.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif item.name == "USER":
            self.user = item.text

    def _copy(self, item: Instruction) -> None:
        *sources, target = item.words
        origin = self._roots[item.flags["from"]] if "from" in item.flags else ROOT
        place = self.root / os.path.join(self.folder, target).lstrip("/")  # noqa: PTH118 (it takes out `.`, too)
        for source in sources:
            path = origin / source.lstrip("/")
            if path.is_dir():
                skip = None if "from" in item.flags else _skip_ignored
                shutil.copytree(path, place, symlinks=True, dirs_exist_ok=True, ignore=skip)
            else:
                into = place / path.name if len(sources) > 1 or target.endswith(("/", ".")) else place
                into.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, into)

    def run(self, command: Sequence[str], more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command as the image's user, in its folder, with its variables."""
        return subprocess.run(self.command(command, more), capture_output=True, text=True, timeout=3000, check=False)

    def command(self, command: Sequence[str], more: Mapping[str, str] | None = None) -> list[str]:
        """What runs a command inside, in a mount namespace of its own."""
        script = ["set -e"]
        for path in self._mounts:
            inside = self.root / str(path).lstrip("/")
            inside.mkdir(parents=True, exist_ok=True)
            script += [f"mount --bind {path} {inside}", f"mount -o remount,bind,ro {inside}"]
        home = "/root" if self.user == "0" else "/home/beltline"
        variables = {"HOME": home, **self.variables, **(more or {})}
        words = ["chroot", f"--userspec={self.user}:{self.user}", str(self.root), "/usr/bin/env", "-i"]
        words.append(f"--chdir={self.folder}")
        words += [f"{name}={value}" for name, value in variables.items()]
        words += command
        script += [f"mount -t proc proc {self.root}/proc", f"mount --bind /dev {self.root}/dev", 'exec "$@"']
        return ["unshare", "--mount", "--fork", "--kill-child", "/bin/sh", "-c", "\n".join(script), "sh", *words]


def _skip_ignored(folder: str, names: list[str]) -> set[str]:
    relative = Path(folder).relative_to(ROOT)
    return {name for name in names if ignored(str(relative / name))}
