"""The C# core of the Unity player under Mono: one process that answers line by line."""

from __future__ import annotations

import base64
import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "unity_bridge" / "unity_project" / "Assets" / "Beltline"
CORE = SOURCES / "Core"
HARNESS = Path(__file__).parent / "harness"
PLAYER = Path(__file__).parent / "player"
STUBS = Path(__file__).parent / "stubs"
INSPECTOR = Path(__file__).parent / "inspector"
PROGRAMS = ("mcs", "mono")
MCS = ["mcs", "-langversion:7", "-warn:4", "-warnaserror"]
"""Warnings are errors here too."""


def missing() -> str:
    """Why these tests can't run here; empty where they can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if not absent:
        return ""
    return f"{' and '.join(absent)} not found: apt-get install mono-mcs mono-runtime (make setup does where it may)"


def build(folder: Path) -> Path:
    """Compile core and harness; the program. Core is an assembly of its own, as in Unity: nothing reaches inside."""
    core, program = folder / "Beltline.Core.dll", folder / "harness.exe"
    compile_sources([*MCS, "-target:library", f"-out:{core}"], CORE)
    compile_sources([*MCS, f"-reference:{core}", f"-out:{program}"], HARNESS, PLAYER / "BoxStage.cs")
    return program


def build_player(folder: Path) -> Path:
    """Compile the player without Unity; its executable, which UnityEnvironment launches like a build.

    mlagents_envs takes suffixes out of paths, so the executable has none.
    """
    core, program, script = folder / "Beltline.Core.dll", folder / "mono-player.exe", folder / "mono-player"
    compile_sources([*MCS, "-target:library", f"-out:{core}"], CORE)
    compile_sources([*MCS, f"-reference:{core}", f"-out:{program}"], PLAYER)
    script.write_text(f'#!/bin/sh\nexec mono {shlex.quote(str(program))} "$@"\n')
    script.chmod(0o755)
    return script


def build_against_stubs(folder: Path) -> dict[str, Path]:
    """Compile stubs of Unity's API, and the engine-facing assemblies against them; all of them by name."""
    library = [*MCS, "-target:library"]
    built: dict[str, Path] = {}

    def build_one(name: str, place: Path, *references: str, language: str = "7") -> None:
        built[name] = folder / f"{name}.dll"
        given = [f"-reference:{built[reference]}" for reference in references]
        compile_sources([*library, f"-langversion:{language}", *given, f"-out:{built[name]}"], place)

    build_one("Beltline.Core", CORE)
    build_one("UnityStubs", STUBS / "runtime", language="7.2")  # one signature passes a struct by readonly reference
    build_one("EditorStubs", STUBS / "editor", "UnityStubs")
    build_one("Beltline.Runtime", SOURCES / "Runtime", "Beltline.Core", "UnityStubs")
    build_one("Beltline.Editor", SOURCES / "Editor", "Beltline.Runtime", "UnityStubs", "EditorStubs")
    return built


def compile_sources(command: list[str], *places: Path) -> None:
    """Compile files, and those of folders and the folders within."""
    found = [sorted(place.rglob("*.cs")) if place.is_dir() else [place] for place in places]
    sources = [str(path) for paths in found for path in paths]
    ended = subprocess.run([*command, *sources], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


class MonoCore:
    """A running harness."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            ["mono", str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def ask(self, command: str, *arguments: str | bytes) -> Any:
        """Send one request; the answer, read from JSON."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        data = [argument.encode() if isinstance(argument, str) else argument for argument in arguments]
        words = [command, *(base64.b64encode(part).decode() for part in data)]
        self._process.stdin.write(" ".join(words).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            self._process.wait(timeout=30)
            assert self._process.stderr is not None
            raise AssertionError(f"the harness died: {self._process.stderr.read().decode()[-3000:]}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        _, errors = self._process.communicate(timeout=30)
        assert not errors, errors.decode()
