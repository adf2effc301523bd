"""The steps of the server's image, carried out in a folder, and the service started in it. Needs root and a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.docker import chroot
from tests.docker.dockerfiles import FOLDER, Instruction
from tests.player_session import free_port

VARIABLES = ("PIP_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_INDEX_URL")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
READY_S = 120.0


def machine(folder: Path) -> tuple[dict[str, str], list[Path]]:
    """How packages are found from this machine: variables for the steps, and folders that they must see for it."""
    folder.mkdir()
    variables = {name: os.environ[name] for name in (*VARIABLES, *PROXIES) if os.environ.get(name)}
    mounts = []
    for name, value in variables.items():
        path = Path(value)
        if path.is_absolute() and path.is_file():
            # Not under its own path, where the packages of the image put their own.
            variables[name] = str(shutil.copy(path, folder))
            mounts.append(folder)
        elif path.is_absolute() and path.is_dir():
            mounts.append(path)
    return variables, list(dict.fromkeys(mounts))


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_image_of_the_server_can_be_made_and_serves(tmp_path: Path) -> None:
    reason = chroot.missing()
    if reason:
        pytest.skip(reason)
    base = chroot.debootstrap(tmp_path / "base")
    variables, mounts = machine(tmp_path / "machine")
    image = chroot.Image(tmp_path, base, variables, mounts)
    stages = image.build(FOLDER / "server.Dockerfile")
    last = stages[-1]
    found = image.run(["beltline", "--json", "doctor"])
    assert found.returncode == 0, found.stdout[-2000:] + found.stderr[-2000:]
    assert image.run(["id", "--user"]).stdout.strip() == "1000"

    port = str(free_port())
    (entry,), (started,) = ([item.words for item in last.of(name)] for name in ("ENTRYPOINT", "CMD"))
    started = [port if word == "8000" else word for word in started]
    check = next(last.of("HEALTHCHECK")).text.removeprefix("CMD ").replace("8000", port)
    service = subprocess.Popen(
        image.command([*entry, *started]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        until = time.monotonic() + READY_S
        while image.run(Instruction("CMD", {}, check, 0).words).returncode != 0:
            assert service.poll() is None, service.communicate()[0][-3000:]
            assert time.monotonic() < until
            time.sleep(0.5)
        first = psutil.Process(service.pid).children()[0]
        first.terminate()  # what Docker does with a container's first process
        assert service.wait(timeout=30) == 0
    finally:
        if service.poll() is None:
            for process in psutil.Process(service.pid).children(recursive=True):
                process.kill()
        service.communicate()
