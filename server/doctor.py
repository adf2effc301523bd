"""What this machine can do: interpreter and libraries, renderer, GPU, players, home, optional parts.

Whatever renders or learns is tried in a process of its own; nothing of it is imported here.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

import psutil
from pydantic import Field

from contracts.document import Document
from contracts.errors import BeltlineError
from contracts.generator import generator_names, load_generator
from contracts.process import RESULT_FILE, read_error, write_document
from contracts.shard import PlayerCommand, ShardOrder
from registry.probing import try_database, try_store
from server.settings import EMBEDDED_PLAYER, Settings, usable_cores

LIBRARIES = (
    "numpy", "pydantic", "fastapi", "sqlalchemy", "mitsuba", "drjit", "mlagents-envs", "grpcio", "protobuf", "torch",
    "torchvision", "timm", "segmentation-models-pytorch", "albumentations", "opencv-python-headless", "pillow",
)  # fmt: skip
OPTIONAL_PARTS = {"pyoidn": "denoising", "tensorboard": "curves while training"}
MONO_PROGRAMS = ("mcs", "mono")
PROBE_TIMEOUT_S = 600.0
MONO_TIMEOUT_S = 30.0
FRAME_TIMEOUT_S = 240.0
PREFLIGHT_SIZE_PX = (64, 64)
LOW_DISK_BYTES = 5 << 30

_TORCH_PROBE = """
import json, torch
gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
(torch.nn.Conv2d(3, 4, 3)(torch.zeros(1, 3, 8, 8))).sum().backward()
print(json.dumps({"gpus": gpus, "threads": torch.get_num_threads()}))
"""
_NETWORK_PROBE = """
import torch
from contracts.run import Network
from training.networks.segmentation import build
print(tuple(build(Network(), 2).eval()(torch.zeros(1, 3, 64, 64)).shape))
"""

Status = Literal["ok", "note", "failed"]


class Check(Document):
    """One thing that was looked at."""

    name: str
    status: Status
    """`note` is something missing that nothing essential needs."""
    detail: str
    hint: str = ""
    needed_for: tuple[Literal["render", "train", "store"], ...] = ()
    values: dict[str, Any] = {}


class Diagnosis(Document):
    """Everything that was looked at."""

    can_render: bool
    can_train: bool
    can_store: bool
    checks: tuple[Check, ...]
    versions: Annotated[dict[str, str | None], Field()]
    """Of Python and libraries; none where one is missing."""

    @property
    def ready(self) -> bool:
        """Whether rendering, training and storing can work."""
        return self.can_render and self.can_train and self.can_store


def examine(settings: Settings, on_check: Callable[[str], None] = lambda name: None) -> Diagnosis:
    """Look at everything.

    Args:
        settings: Of the home to examine; nothing in it is changed, beyond a file written and removed.
        on_check: Called with the name of each check before it starts.
    """
    checks: list[Check] = []

    def look(name: str, check: Callable[[], list[Check]]) -> None:
        on_check(name)
        checks.extend(check())

    look("machine", lambda: [_machine()])
    look("home", lambda: _home(settings))
    look("storage", lambda: [_store(settings), _database(settings)])
    look("generators", lambda: [_generators(settings)])
    look("renderer", _renderer)
    for name in (EMBEDDED_PLAYER, *settings.players):
        look(f"player {name}", lambda name=name: [_player(settings, name)])  # type: ignore[misc]
    look("training", _training)
    look("optional parts", _optional_parts)

    def works(what: str) -> bool:
        return not any(check.status == "failed" and what in check.needed_for for check in checks)

    return Diagnosis(
        can_render=works("render"),
        can_train=works("train"),
        can_store=works("store"),
        checks=tuple(checks),
        versions={"python": platform.python_version(), **{name: _version(name) for name in ("beltline", *LIBRARIES)}},
    )


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _machine() -> Check:
    memory = psutil.virtual_memory()
    return Check(
        name="machine",
        status="ok",
        detail=f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {usable_cores()} cores, "
        f"{memory.total / 2**30:.1f} GiB memory, {memory.available / 2**30:.1f} GiB free",
        values={"cores": usable_cores(), "memory_bytes": memory.total},
    )


def _home(settings: Settings) -> list[Check]:
    folder = settings.home
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".beltline-doctor-") as file:
            file.write(b"x" * 4096)
            file.flush()
            os.fsync(file.fileno())
        written = Check(name="home", status="ok", detail=f"{folder} can be written", needed_for=("store",))
    except OSError as error:
        written = Check(
            name="home",
            status="failed",
            detail=f"{folder} can't be written: {error.strerror}",
            hint="choose another folder with --home",
            needed_for=("store",),
        )
    low = free < max(LOW_DISK_BYTES, settings.free_bytes_min)
    disk = Check(
        name="disk",
        status="failed" if free < settings.free_bytes_min else "note" if low else "ok",
        detail=f"{free / 2**30:.1f} GiB free",
        hint="make room: a frame takes up to a megabyte" if low else "",
        needed_for=("store",),
        values={"free_bytes": free},
    )
    return [written, disk]


def _store(settings: Settings) -> Check:
    """Where the files of versions lie; tried where that is not this machine."""
    url = settings.store_url
    if "://" not in url and "::" not in url:
        return Check(name="store", status="ok", detail=f"folder {url}", needed_for=("store",))
    try:
        seconds = try_store(url)
    except BeltlineError as error:
        return Check(name="store", status="failed", detail=error.message, hint=error.hint, needed_for=("store",))
    detail = f"{url}: wrote, found, read and removed a file in {seconds:.2f} s"
    return Check(name="store", status="ok", detail=detail, needed_for=("store",), values={"seconds": seconds})


def _database(settings: Settings) -> Check:
    """Where catalog and jobs lie."""
    if settings.database is None:
        detail = f"SQLite {sqlite3.sqlite_version} in the home"
        return Check(name="database", status="ok", detail=detail, needed_for=("store",))
    try:
        found = try_database(settings.database)
    except BeltlineError as error:
        return Check(name="database", status="failed", detail=error.message, hint=error.hint, needed_for=("store",))
    return Check(name="database", status="ok", detail=f"{settings.database}: {found}", needed_for=("store",))


def _generators(settings: Settings) -> Check:
    names = generator_names(settings.generators)
    faults = []
    for name in names:
        try:
            load_generator(name, settings.generators, allow_paths=False)
        except BeltlineError as error:
            faults.append(str(error))
    if faults or not names:
        detail = "; ".join(faults) or f"none in {settings.generators}"
        return Check(name="generators", status="failed", detail=detail, needed_for=("render",))
    return Check(name="generators", status="ok", detail=", ".join(names), needed_for=("render",))


def _renderer() -> list[Check]:
    ended = _run([sys.executable, "-m", "unity_bridge.embedded.variant"], PROBE_TIMEOUT_S)
    try:
        reports = json.loads(ended.stdout)
    except json.JSONDecodeError:
        return [Check(name="renderer", status="failed", detail=_last_line(ended), needed_for=("render",))]
    best = next((report["name"] for report in reports if report["available"]), None)
    checks = [
        Check(
            name=f"renderer {report['name']}",
            status="ok" if report["available"] else "note",
            detail=report["detail"] + (f" ({report['library']})" if report.get("library") else ""),
            values=report,
        )
        for report in reports
    ]
    checks.append(
        Check(
            name="renderer",
            status="ok" if best else "failed",
            detail=f"frames are rendered with {best}" if best else "no variant of the renderer works here",
            hint="install libllvm19, and frames take a fraction of the time" if best == "scalar" else "",
            needed_for=("render",),
            values={"best": best},
        )
    )
    return checks


def _player(settings: Settings, name: str) -> Check:
    """Render one small frame through the bridge, as a batch would."""
    needed: tuple[Literal["render"], ...] = ("render",) if name == EMBEDDED_PLAYER else ()
    names = generator_names(settings.generators)
    if not names:
        return Check(name=f"player {name}", status="failed", detail="no generator to try it with", needed_for=needed)
    generator = "exterior" if "exterior" in names else names[0]
    try:
        with tempfile.TemporaryDirectory(prefix="beltline-doctor-") as text:
            return _preflight(settings, settings.player(name), generator, Path(text), needed)
    except BeltlineError as error:
        return Check(name=f"player {name}", status="failed", detail=error.message, hint=error.hint, needed_for=needed)


def _preflight(
    settings: Settings, player: PlayerCommand, generator: str, folder: Path, needed: tuple[Literal["render"], ...]
) -> Check:
    order = ShardOrder(
        generator=load_generator(generator, settings.generators, size=PREFLIGHT_SIZE_PX, allow_paths=False),
        seed=0,
        first=0,
        count=1,
        player=player,
        bridge=settings.bridge,
        staging=str(folder / "staging"),
        assets=str(folder / "assets"),
        workspace=str(folder / "workspace"),
    )
    for part in ("staging", "assets", "workspace"):
        (folder / part).mkdir()
    write_document(folder / "order.json", order)
    ended = _run([sys.executable, "-m", "unity_bridge.worker", str(folder / "order.json")], FRAME_TIMEOUT_S)
    result = folder / "workspace" / RESULT_FILE
    if ended.returncode != 0 or not result.exists():
        error = read_error(folder / "workspace")
        return Check(
            name=f"player {player.name}",
            status="failed",
            detail=error.message if error else _last_line(ended),
            hint=error.hint if error else "",
            needed_for=needed,
        )
    report = json.loads(result.read_bytes())
    seconds = report.get("seconds_to_first_frame") or report.get("seconds")
    return Check(
        name=f"player {player.name}",
        status="ok",
        detail=f"launched, shook hands and rendered a frame of {generator} at "
        f"{PREFLIGHT_SIZE_PX[0]}x{PREFLIGHT_SIZE_PX[1]} in {seconds:.1f} s, its start included",
        needed_for=needed,
        values=report,
    )


def _training() -> list[Check]:
    ended = _run([sys.executable, "-c", _TORCH_PROBE], PROBE_TIMEOUT_S)
    if ended.returncode != 0:
        detail = f"torch does not work: {_last_line(ended)}"
        return [Check(name="training", status="failed", detail=detail, hint="run make setup", needed_for=("train",))]
    found = json.loads(ended.stdout.splitlines()[-1])
    gpus = found["gpus"]
    checks = [
        Check(
            name="gpu",
            status="ok" if gpus else "note",
            detail=", ".join(gpus) if gpus else "none that torch can use; training runs on the processor",
            values=found,
        )
    ]
    ended = _run([sys.executable, "-c", _NETWORK_PROBE], PROBE_TIMEOUT_S)
    works = ended.returncode == 0
    checks.append(
        Check(
            name="training",
            status="ok" if works else "failed",
            detail="a network was built and run" if works else f"networks do not work: {_last_line(ended)}",
            hint="" if works else "run make setup",
            needed_for=("train",),
        )
    )
    return checks


def _optional_parts() -> list[Check]:
    checks = []
    for name, purpose in OPTIONAL_PARTS.items():
        found = _version(name)
        checks.append(
            Check(
                name=name,
                status="ok" if found else "note",
                detail=f"{found}, for {purpose}" if found else f"not installed; it is for {purpose}",
                hint="" if found else f"pip install {name}",
            )
        )
    checks.append(_mono())
    data = os.environ.get("BELTLINE_REAL_DATA")
    checks.append(
        Check(
            name="photographs",
            status="ok" if data and Path(data).is_dir() else "note",
            detail=f"BELTLINE_REAL_DATA={data}"
            if data
            else "BELTLINE_REAL_DATA is not set; only demo and tests read it",
        )
    )
    return checks


def _mono() -> Check:
    """Compiler and runtime that the tests of the Unity player's C# need; nothing else does."""
    absent = [name for name in MONO_PROGRAMS if shutil.which(name) is None]
    if absent:
        return Check(
            name="mono",
            status="note",
            detail=f"{' and '.join(absent)} not found; tests of the Unity player's C# are skipped without them",
            hint="apt-get install mono-mcs mono-runtime",
        )
    ended = _run(["mono", "--version"], MONO_TIMEOUT_S)
    lines = ended.stdout.splitlines()
    works = ended.returncode == 0 and bool(lines)
    return Check(
        name="mono",
        status="ok" if works else "note",
        detail=f"{lines[0].partition(' (')[0]}, for tests of the Unity player's C#"
        if works
        else f"mono does not start: {_last_line(ended)}",
        hint="" if works else "apt-get install --reinstall mono-runtime",
    )


def _run(command: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer within {timeout_s:.0f} s")


def _last_line(ended: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (ended.stderr or ended.stdout).splitlines() if line.strip()]
    return lines[-1][:300] if lines else f"it ended with {ended.returncode} and said nothing"
