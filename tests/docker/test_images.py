"""Dockerfiles and compose.yaml without Docker: what they copy, run and refer to is there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field

from contracts.document import read_yaml, validate
from server.cli import build_parser
from server.settings import SettingsFile
from tests.docker import dockerfiles
from tests.docker.dockerfiles import FOLDER, ROOT, Stage, ignored, stages

FILES = sorted(FOLDER.glob("*.Dockerfile"))
CONTEXTS = {"player"}
"""Named build contexts: folders that only a build makes."""
HELP = {
    ("pip", "install"): [sys.executable, "-m", "pip", "install", "--help"],
    ("pip", "uninstall"): [sys.executable, "-m", "pip", "uninstall", "--help"],
    ("python3", "-m venv"): [sys.executable, "-m", "venv", "--help"],
    ("install", ""): ["install", "--help"],
    ("rm", ""): ["rm", "--help"],
    ("useradd", ""): ["useradd", "--help"],
}
IN_DEBIAN = {"apt-get", "install", "rm", "sh", "useradd"}
"""What the base has from the start."""
PROVIDES: dict[str, set[str]] = {
    "ca-certificates": set(),
    "libatomic1": set(),
    "libllvm19": set(),
    "libvulkan1": set(),
    "python3": {"python3"},
    "python3-venv": set(),
    "tini": {"tini"},
    "xauth": set(),
    "xvfb": {"xvfb-run"},
}
"""Commands of the packages that are installed."""

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="needs a shell")


def simple_commands(text: str) -> list[list[str]]:
    """The commands of a shell line, without its keywords, variables and redirections."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    words = iter(lexer)
    for word in words:
        if word in ("&&", "||", ";", "|"):
            found.append([])
        elif word in (">", "<", ">>"):
            next(words)
        elif not (word in ("if", "then", "else", "fi") and not found[-1]):
            found[-1].append(word)
    return [command for command in found if command and command[0] != "["]


def all_stages() -> list[tuple[Path, Stage]]:
    return [(path, stage) for path in FILES for stage in stages(path.read_text())]


def installed(stage: Stage) -> list[str]:
    """Packages that a stage installs, in every case of its conditions."""
    return [
        word
        for item in stage.of("RUN")
        for command in simple_commands(item.text)
        if command[:2] == ["apt-get", "install"]
        for word in command[2:]
        if not word.startswith("-")
    ]


def test_there_is_a_file_for_every_image() -> None:
    names = {path.name.removesuffix(".Dockerfile") for path in FILES}
    assert names == {"server", "trainer", "unity-build", "unity-player"}
    assert names == set(compose().services)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_source_of_a_copy_is_there(path: Path) -> None:
    earlier: set[str | None] = set()
    for stage in stages(path.read_text()):
        for item in stage.of("COPY"):
            *sources, target = item.words
            assert sources, item
            assert len(sources) == 1 or target.endswith(("/", ".")), item
            if "from" in item.flags:
                assert item.flags["from"] in earlier | CONTEXTS, item
                continue
            for source in sources:
                assert (ROOT / source).exists(), item
                assert not ignored(source), f"{source} is kept out by .dockerignore"
        earlier.add(stage.name)


@pytest.mark.parametrize(("path", "stage"), all_stages(), ids=lambda value: getattr(value, "stem", ""))
def test_every_command_of_a_run_is_there_and_takes_its_options(path: Path, stage: Stage) -> None:
    there = IN_DEBIAN | {command for package in installed(stage) for command in PROVIDES[package]}
    if stage.base.startswith("beltline-"):
        there |= {"pip", "python"}  # of the server's image, on its PATH
    for item in stage.of("RUN"):
        assert subprocess.run(["sh", "-n", "-c", item.text], check=False).returncode == 0, item
        for command in simple_commands(item.text):
            program, *rest = command
            if program.startswith("/opt/beltline/bin/"):
                program = program.rpartition("/")[2]
            else:
                assert program in there, f"{path.name}:{item.line}: {program}"
            if program in ("python", "python3") and rest[0] == "-c":
                compile(rest[1], str(path), "exec")
                continue
            check_options(program, rest)


@lru_cache
def help_of(*question: str) -> str:
    return subprocess.run(question, capture_output=True, text=True, check=True).stdout


def check_options(program: str, rest: list[str]) -> None:
    """Every long option is in the command's own help; apt-get is asked as a whole, elsewhere."""
    options = {word.partition("=")[0] for word in rest if word.startswith("--")}
    if program == "apt-get":
        assert rest[0] in ("update", "install")
        assert options <= {"--yes", "--no-install-recommends"}
        return
    word = " ".join(rest[:2]) if rest[0] == "-m" else rest[0]
    question = HELP.get((program, word)) or HELP[program, ""]
    if shutil.which(question[0]) is None:
        pytest.skip(f"{question[0]} is not on this machine")
    answer = help_of(*question)
    for option in options:
        assert re.search(rf"{option}\b", answer), f"{program} {word} knows no {option}"


@pytest.mark.slow
def test_debian_has_the_packages_and_apt_takes_the_options() -> None:
    release = Path("/etc/os-release")
    if not release.exists() or "VERSION_CODENAME=bookworm" not in release.read_text() or not shutil.which("apt-get"):
        pytest.skip("not the Debian that the images are made of")
    packages = sorted({package for _, stage in all_stages() for package in installed(stage)})
    assert set(packages) <= set(PROVIDES)
    command = ["apt-get", "--simulate", "install", "--yes", "--no-install-recommends", *packages]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Unable to locate package" in ended.stderr and not any(Path("/var/lib/apt/lists").glob("*Packages*")):
        pytest.skip("apt has no lists of packages here: apt-get update")
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_a_container_starts_is_there(path: Path) -> None:
    last = stages(path.read_text())[-1]
    entry = [item.words for item in last.of("ENTRYPOINT")]
    started = [item.words for item in last.of("CMD")]
    if path.stem.startswith("unity-build"):
        (copied,) = [item for item in last.of("COPY") if item.words[-1] == "/usr/local/bin/unity-build"]
        assert (entry, copied.flags) == ([["unity-build"]], {"chmod": "755"})
    elif last.base.startswith("beltline-"):
        assert (entry, started) == ([], [])  # the server's
    else:
        assert entry == [["tini", "--", "beltline"]]
        assert "tini" in installed(last)
        parsed = build_parser().parse_args(started[0])
        (port,) = [item.text for item in last.of("EXPOSE")]
        assert parsed.port == int(port)
        (check,) = [item.text for item in last.of("HEALTHCHECK")]
        program, option, code = dockerfiles.Instruction("CMD", {}, check.removeprefix("CMD "), 0).words
        assert (program, option) == ("python", "-c")
        compile(code, str(path), "exec")
        assert f":{port}/readyz" in code


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_services_do_not_run_as_root_and_hold_no_secret(path: Path) -> None:
    last = stages(path.read_text())[-1]
    if not path.stem.startswith("unity-build"):  # the editor's image has its own user, and runs for one build only
        assert [item.text for item in last.of("USER")][-1] == "1000"
    text = path.read_text().lower()
    assert not re.search(r"(arg|env)\s+\w*(password|serial|secret|token|licen[cs]e)", text)


def test_context_holds_what_images_are_made_of_and_nothing_else() -> None:
    for path in (
        ".git",
        ".venv/bin/python",
        ".beltline",
        "tests/conftest.py",
        "secrets/unity_serial",
        "build/x",
        "docs",
    ):
        assert ignored(path), path
    for path in (
        "server/__pycache__",
        "unity_bridge/scenes/__pycache__/mesh.pyc",
        "unity_bridge/unity_project/Library/a",
    ):
        assert ignored(path), path
    for path in ("server/cli.py", "unity_bridge/unity_project/Packages/manifest.json", "docker/unity-build.sh"):
        assert not ignored(path), path
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    packages = ("contracts/", "generator_configs/", "registry/", "server/", "training/", "unity_bridge/")
    assert [path for path in tracked if path.startswith(packages) and ignored(path)] == []


def test_editor_of_the_image_is_that_of_the_project() -> None:
    project = (ROOT / "unity_bridge" / "unity_project" / "ProjectSettings" / "ProjectVersion.txt").read_text()
    version = re.search(r"m_EditorVersion: (\S+)", project)
    (stage,) = stages((FOLDER / "unity-build.Dockerfile").read_text())
    assert version is not None
    assert stage.base == f"unityci/editor:ubuntu-{version[1]}-linux-il2cpp-3"


def test_player_of_the_image_is_the_one_that_its_settings_name() -> None:
    (stage,) = stages((FOLDER / "unity-player.Dockerfile").read_text())
    places = {item.words[-1]: item for item in stage.of("COPY")}
    value, lines = read_yaml((FOLDER / "unity-player.yaml").read_text())
    settings = validate(SettingsFile, value, source="unity-player.yaml", lines=lines)
    assert settings.players["unity"].path in places
    (environment,) = [dockerfiles.assignments(item.text) for item in stage.of("ENV")]
    assert environment["BELTLINE_SETTINGS"] in places
    assert "graphics" in environment["NVIDIA_DRIVER_CAPABILITIES"].split(",")
    launcher = (FOLDER / "unity-player.sh").read_text()
    built = re.search(r"\$OUTPUT/(\S+\.x86_64)", (FOLDER / "unity-build.sh").read_text())
    assert built is not None
    assert f"/opt/players/unity/{built[1]}" in launcher
    assert places["/opt/players/unity"].flags == {"from": "player"}


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.sh")), ids=lambda path: path.stem)
def test_scripts_are_executable_and_can_be_read(script: Path) -> None:
    assert os.access(script, os.X_OK)
    shell = script.read_text().splitlines()[0].removeprefix("#!")
    assert subprocess.run([shell, "-n", str(script)], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RUN echo \\", "goes on"),
        ("ADD a b", "no instruction"),
        ("COPY --link=true a b", "knows no"),
        ("RUN <<EOF", "read"),
    ],
)
def test_reader_refuses_what_it_does_not_know(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        list(dockerfiles.instructions(text))


class Part(BaseModel):
    """A part of compose.yaml, by the Compose specification: as much of it as ours uses, and nothing beside."""

    model_config = ConfigDict(extra="forbid")


class Build(Part):
    context: Literal["."]
    dockerfile: str
    args: dict[str, str] = {}
    additional_contexts: dict[str, str] = {}


class BindOptions(Part):
    create_host_path: bool


class Mount(Part):
    type: Literal["bind"]
    source: str
    target: Annotated[str, Field(pattern="^/")]
    read_only: bool
    bind: BindOptions


class Device(Part):
    driver: Literal["nvidia"]
    count: Literal["all"] | int
    capabilities: list[Literal["gpu"]]


class Reservations(Part):
    devices: list[Device]


class Resources(Part):
    reservations: Reservations


class Deploy(Part):
    resources: Resources


class Service(Part):
    image: str
    build: Build
    profiles: list[str] = []
    ports: list[Annotated[str, Field(pattern=r"^127\.0\.0\.1:[^:]+(:-\d+\})?:\d+$")]] = []
    environment: dict[str, str] = {}
    volumes: list[Annotated[str, Field(pattern=r"^[^:]+(:-[^}]+\})?:/[^:]*(:ro)?$")] | Mount] = []
    cap_drop: list[Literal["ALL"]] = []
    security_opt: list[Literal["no-new-privileges:true"]] = []
    shm_size: Annotated[str, Field(pattern=r"^\d+[kmg]b$")] | None = None
    stop_grace_period: Annotated[str, Field(pattern=r"^\d+[sm]$")]
    restart: Literal["unless-stopped"] | None = None
    deploy: Deploy | None = None


class Compose(Part):
    name: str
    services: dict[str, Service]
    volumes: dict[str, dict[str, str]]


def compose() -> Compose:
    value = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return Compose.model_validate({key: item for key, item in value.items() if not key.startswith("x-")})


def test_compose_file_refers_to_what_is_there() -> None:
    document = compose()
    images = {service.image: service for service in document.services.values()}
    assert len(images) == len(document.services)
    for service in document.services.values():
        found = stages((ROOT / service.build.dockerfile).read_text())
        text = (ROOT / service.build.dockerfile).read_text()
        arguments = {item.text.partition("=")[0] for item in dockerfiles.instructions(text) if item.name == "ARG"}
        assert set(service.build.args) <= arguments
        contexts = {item.flags["from"] for stage in found for item in stage.of("COPY") if "from" in item.flags}
        assert set(service.build.additional_contexts) == contexts & CONTEXTS
        for base in (stage.base for stage in found if stage.base.startswith("beltline-")):
            assert base in images
        named = {mount.partition(":")[0] for mount in service.volumes if isinstance(mount, str)}
        assert {name for name in named if re.fullmatch(r"\w+", name)} <= set(document.volumes)
        targets = [mount.target if isinstance(mount, Mount) else mount.split(":")[-1] for mount in service.volumes]
        for stage in found[-1:]:
            for item in stage.of("VOLUME"):
                assert item.text in targets, item
    assert not document.services["server"].profiles
    assert all(service.profiles for name, service in document.services.items() if name != "server")


def test_services_that_take_each_others_place_share_state_and_port() -> None:
    services = [service for service in compose().services.values() if service.ports]
    assert len(services) == 3
    assert len({(tuple(service.ports), tuple(map(str, service.volumes))) for service in services}) == 1
    assert all(service.cap_drop and service.security_opt for service in services)
