"""The wheel, built from the tree and used in an empty environment outside the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = (
    "generator_configs/exterior.yaml",
    "generator_configs/belt-g3.yaml",
    "registry/label_maps/carparts-5.yaml",
    "registry/migrations/env.py",
    "server/jobs/migrations/env.py",
    "training/report/run.html.j2",
    "unity_bridge/embedded/player",
    "unity_bridge/scenes/occupant/bodies.npz",
)
"""Files that are no modules but that something reads at run time; one of each kind."""
PACKAGES = {"contracts", "generator_configs", "registry", "server", "training", "unity_bridge"}
TIMEOUT_S = 240
READ_DOCUMENTATION = r"""
import re, sys
from urllib.parse import urljoin
from starlette.testclient import TestClient
from server.api.app import create_app
from server.settings import load_settings
with TestClient(create_app(load_settings(sys.argv[1]))) as client:
    page = client.get("/docs").text
    assert "http://" not in page and "https://" not in page, page
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) > 3, page
    for asset in assets:
        answer = client.get(urljoin("/docs", asset))
        assert answer.status_code == 200 and len(answer.content) > 100, asset
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the tree as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    run([*command, "--wheel-dir", str(folder), str(ROOT)], folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, which finds third-party libraries in the test run's own environment."""
    folder = tmp_path_factory.mktemp("outside") / "environment"
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder.parent)
    python = folder / "bin" / "python"
    own = run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).stdout.strip()
    # A folder named in a .pth file is searched, but .pth files in it are not read: the repository stays out of reach.
    Path(own, "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    run([*pip, "--quiet", "--no-deps", "--no-index", "--ignore-installed", str(wheel)], folder)
    return folder


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to success, in `folder`, without anything that could lead back to the repository."""
    variables = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    ended = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert ended.returncode == 0, f"{command} ended with {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return ended


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    """A data file that the build leaves out would be missed first by a user."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert set(DATA) <= names
    listed = run(["git", "ls-files", *sorted(PACKAGES)], ROOT).stdout.splitlines()
    assert {name for name in listed if (ROOT / name).exists()} <= names


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    """Tests, scripts and caches have no place among another project's modules."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == PACKAGES
    assert not [name for name in names if "__pycache__" in name]


def test_the_installed_packages_are_not_the_repository(environment: Path) -> None:
    """Otherwise the tests below would prove nothing."""
    code = f"import importlib; print([importlib.import_module(name).__file__ for name in {sorted(PACKAGES)}])"
    printed = run([str(environment / "bin" / "python"), "-c", code], environment).stdout
    assert str(ROOT) not in printed
    assert printed.count(str(environment)) == len(PACKAGES)


def test_the_installed_command_lists_generators(environment: Path) -> None:
    beltline = str(environment / "bin" / "beltline")
    found = json.loads(run([beltline, "--json", "generators"], environment).stdout)
    assert {"exterior", "belt-g3"} <= {item["name"] for item in found["items"]}


def test_the_installed_doctor_finds_everything_working(environment: Path) -> None:
    """It launches the embedded player through the bridge, and builds a network."""
    found = json.loads(run([str(environment / "bin" / "beltline"), "doctor", "--json"], environment).stdout)
    assert found["ready"], found["checks"]
    assert found["versions"]["beltline"] is not None


def test_the_installed_command_renders_and_publishes(environment: Path) -> None:
    beltline = str(environment / "bin" / "beltline")
    size = ["--size", "64x64", "--set", "render.samples_per_pixel=1"]
    job = json.loads(run([beltline, "--json", "render", "exterior", "--frames", "1", *size], environment).stdout)
    assert job["result"]["dataset"] == "exterior@1"
    verified = json.loads(run([beltline, "--json", "verify"], environment).stdout)
    assert verified["versions"] == ["exterior@1"]
    assert verified["faults"] == []


def test_the_installed_service_shows_its_pages_without_another_host(environment: Path) -> None:
    """The assets of /docs come with the installation."""
    run([str(environment / "bin" / "python"), "-c", READ_DOCUMENTATION, str(environment / "home")], environment)
