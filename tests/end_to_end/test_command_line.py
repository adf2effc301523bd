"""The command line as processes: on its own, interrupted, and against a running service."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from server.cli import main

TIMEOUT_S = 120
SMALL = ["--size", "64x64", "--set", "render.samples_per_pixel=1", "--set", "render.denoise=false"]


def environment(**more: str) -> dict[str, str]:
    """Without a person's own settings."""
    return {key: value for key, value in os.environ.items() if not key.startswith("BELTLINE_")} | more


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def beltline(*arguments: str | Path) -> Ended:
    """Run a command to its end, in this process: starting one for each would take longer than all they do."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return Ended(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import."""
    folder = tmp_path_factory.mktemp("photographs")
    for kind in ("images", "masks"):
        (folder / kind).mkdir()
    for number in range(3):
        Image.fromarray(np.full((8, 12, 3), 50 * number, np.uint8)).save(folder / "images" / f"{number}.png")
        Image.fromarray(np.eye(8, 12, dtype=np.uint8)).save(folder / "masks" / f"{number}.png")
    (folder / "classes.json").write_text('["background", "mirror"]')
    return folder


@pytest.fixture(scope="module")
def service(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service that may import the photographs."""
    home = tmp_path_factory.mktemp("service") / "home"
    process = subprocess.Popen(
        [sys.executable, "-m", "server.cli", "--home", str(home), "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(BELTLINE_IMPORT_ROOTS=str(photographs)),
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            found = re.search(r"listens on (http://\S+?);", line)
            if found:
                break
        else:
            pytest.fail("the service ended before it listened")
        yield found[1]
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_service_and_a_command_of_its_own_render_the_same_bytes(service: str, home: Path, tmp_path: Path) -> None:
    """And everything that can be done with a version works over REST as it does at home."""
    request = ["render", "exterior", "--frames", "2", "--seed", "5", *SMALL, "--json"]
    remote, local = beltline("--url", service, *request), beltline("--home", home, *request)
    assert remote.returncode == local.returncode == 0, remote.stderr + local.stderr
    digests = [json.loads(ended.stdout)["result"]["digest"] for ended in (remote, local)]
    assert digests[0] == digests[1]
    for place in (["--url", service], ["--home", str(home)]):
        shown = beltline(*place, "datasets", "exterior@1", "--json")
        assert json.loads(shown.stdout)["digest"] == digests[0]
        out = tmp_path / f"exported{place[0]}"
        exported = beltline(*place, "export", "exterior@1", "solo", out / "solo", "--label-map", "bmw-8")
        assert exported.returncode == 0, exported.stderr
        sheet = beltline(*place, "sheet", "exterior@1", "--out", out / "sheet.png")
        assert sheet.returncode == 0, sheet.stderr
    files = [
        sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        for name in ("exported--url", "exported--home")
    ]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    assert len(files[0]) > 10


def test_photographs_are_imported_from_allowed_folders_only(service: str, photographs: Path, tmp_path: Path) -> None:
    arguments = ["--name", "photographs", "--classes", "classes.json"]
    good = beltline("--url", service, "import", "masks", photographs, *arguments)
    assert good.returncode == 0, good.stderr
    assert good.stdout.startswith("photographs@1  sha256:")
    bad = beltline("--url", service, "import", "masks", tmp_path, *arguments)
    assert bad.returncode == 2
    assert "outside the folders that this service imports from" in bad.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["render", "exterieur", "--frames", "1"], "did you mean 'exterior'?"),
        (["render", "exterior", "--frames", "1", "--set", "camera.siz=[64, 64]"], "camera.siz"),
        (["datasets", "nothing@1"], "nothing"),
        (["jobs", "job-000000000000"], "job-000000000000"),
        (["jobs", "job-000000000000", "--log"], "job-000000000000"),
        (["report", "run-000000000000"], "run-000000000000"),
        (["export", "nothing@1", "raw", "out"], "nothing"),
    ],
)
def test_a_service_says_what_is_wrong_as_the_command_itself_does(
    arguments: list[str], message: str, service: str, tmp_path: Path
) -> None:
    ended = beltline("--url", service, *arguments)
    assert ended.returncode == 2, ended.stderr
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_a_document_is_checked_by_the_service_too(service: str, tmp_path: Path) -> None:
    path = tmp_path / "night.yaml"
    path.write_text("schema_version: 1\nname: night\nextends: exterior\nqualty: {}\n")
    ended = beltline("--url", service, "validate", path)
    assert ended.returncode == 2
    assert "did you mean 'quality'?" in ended.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_render_is_cancelled_and_leaves_no_process(home: Path, sent: signal.Signals) -> None:
    command = [sys.executable, "-m", "server.cli", "--home", str(home), "render", "exterior", "--frames", "500", *SMALL]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        player = _wait_for_player(process.pid)
        process.send_signal(sent)
        _, said = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "cancelling job-" in said
    assert "Traceback" not in said
    (job,) = json.loads(beltline("--home", home, "jobs", "--json").stdout)["items"]
    assert job["state"] == "cancelled"
    assert not player.is_running()
    assert json.loads(beltline("--home", home, "datasets", "--json").stdout)["items"] == []


def _wait_for_player(pid: int) -> psutil.Process:
    """The embedded player somewhere under a process."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        for child in psutil.Process(pid).children(recursive=True):
            try:
                if "--mlagents-port" in child.cmdline():
                    return child
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.1)
    pytest.fail("no player was started")
