"""Locks in continuous integration: the shipped workflow files, run as they stand, on a clean clone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contracts.document import read_yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = ROOT / "docs" / "ci"
SYSTEM_PACKAGES = "apt-get install --yes libllvm19"
"""The one command that is not run here: it changes the machine. `make setup` has seen to the same."""
GENERATOR = """
schema_version: 1
name: night
extends: exterior
camera: {size: [32, 32]}
render: {samples_per_pixel: 1, denoise: false}
"""


def environment(**more: str) -> dict[str, str]:
    """A runner's: without a person's own settings, with this interpreter's commands, and pip without a network."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("BELTLINE", "PIP_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **more}


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=runner", "-c", "user.email=runner@localhost", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a generator, its lock and the workflow files, as a user has it."""
    folder = tmp_path_factory.mktemp("user") / "repository"
    (folder / ".github" / "workflows").mkdir(parents=True)
    shutil.copy(WORKFLOWS / "github-actions.yml", folder / ".github" / "workflows" / "datasets.yml")
    shutil.copy(WORKFLOWS / "gitlab-ci.yml", folder / ".gitlab-ci.yml")
    (folder / "night.yaml").write_text(GENERATOR)
    (folder / ".gitignore").write_text(".beltline/\n")
    command = ["beltline", "regenerate", "night.yaml", "--frames", "2", "--seed", "5", "--lock", "datasets.lock"]
    subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "Lock a dataset")
    return folder


def clone_of(repository: Path, folder: Path) -> Path:
    git(folder, "clone", str(repository), "clone")
    assert not (folder / "clone" / ".beltline").exists()
    return folder / "clone"


def github_commands(clone: Path, job: str) -> tuple[dict[str, str], list[str]]:
    """Environment and commands of a job; actions of others (`uses`) check out, install Python and keep files."""
    document, _ = read_yaml((clone / ".github" / "workflows" / "datasets.yml").read_text())
    steps: list[dict[str, Any]] = document["jobs"][job]["steps"]
    assert all("run" in step or step["uses"].startswith("actions/") for step in steps)
    return {**document["env"], "GITHUB_RUN_NUMBER": "7"}, [step["run"] for step in steps if "run" in step]


def gitlab_commands(clone: Path, job: str) -> tuple[dict[str, str], list[str]]:
    document, _ = read_yaml((clone / ".gitlab-ci.yml").read_text())
    base = document[document[job]["extends"]]
    return {**document["variables"], "CI_PIPELINE_IID": "7"}, [*base["before_script"], *document[job]["script"]]


def run(clone: Path, variables: dict[str, str], commands: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a job's commands one after the other, as a runner does: the first that fails ends it."""
    here = [command for command in commands if SYSTEM_PACKAGES not in command]
    assert len(here) == len(commands) - 1
    for command in here:
        ended = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command],
            cwd=clone,
            env=environment(**variables),
            capture_output=True,
            text=True,
        )
        if ended.returncode != 0:
            break
    return ended


def test_the_github_workflow_proves_a_clean_clone(repository: Path, tmp_path: Path) -> None:
    clone = clone_of(repository, tmp_path)
    ended = run(clone, *github_commands(clone, "check"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith("night: the same, 2 frames rendered")
    # And the other way round: a generator that somebody changed without making its dataset again.
    (clone / "night.yaml").write_text(GENERATOR.replace("[32, 32]", "[32, 48]"))
    ended = run(clone, *github_commands(clone, "check"))
    assert ended.returncode == 3, ended.stdout + ended.stderr
    assert "camera.size: [32, 32] -> [32, 48]" in ended.stdout


def test_both_workflows_ask_for_the_same(repository: Path) -> None:
    for github, gitlab in (("check", "datasets-check"), ("regenerate", "datasets-regenerate")):
        _, one = github_commands(repository, github)
        _, other = gitlab_commands(repository, gitlab)
        said = [command.replace("sudo ", "").replace("GITHUB_RUN_NUMBER", "CI_PIPELINE_IID") for command in one]
        assert said == other


@pytest.mark.slow
def test_the_gitlab_jobs_check_and_make_a_clean_clone(repository: Path, tmp_path: Path) -> None:
    clone = clone_of(repository, tmp_path)
    before = (clone / "datasets.lock").read_bytes()
    checked = run(clone, *gitlab_commands(clone, "datasets-check"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    made = run(clone, *gitlab_commands(clone, "datasets-regenerate"))
    assert made.returncode == 0, made.stdout + made.stderr
    assert "rendered, as locked" in made.stdout
    assert (clone / "datasets.lock").read_bytes() == before, "rendered elsewhere, it is the same dataset"


@pytest.mark.slow
def test_another_renderer_variant_is_told_by_statistics(repository: Path, tmp_path: Path) -> None:
    """The scalar variant draws its noise otherwise: labels are the same, images no more different than noise."""
    clone = clone_of(repository, tmp_path)
    player = clone / "scalar.sh"
    player.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m unity_bridge.embedded --variant scalar "$@"\n')
    player.chmod(0o755)
    where = environment(PYTHONPATH=str(ROOT))
    lock = ["beltline", "regenerate", "night.yaml", "--dataset", "many", "--frames", "12", "--seed", "1"]
    lock += ["--set", "render.samples_per_pixel=16"]  # with one, noise now and then decides what the gate rejects
    made = subprocess.run(lock, cwd=clone, env=where, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    check = ["beltline", "--json", "regenerate", "--dataset", "many", "--check", "--player", "./scalar.sh"]
    ended = subprocess.run(check, cwd=clone, env=where, capture_output=True, text=True)
    (found,) = json.loads(ended.stdout)["datasets"]
    kinds = {finding["kind"]: finding for finding in found["findings"]}
    assert "labels" not in kinds
    assert kinds["platform"]["changes"][0]["path"] == "variant"
    assert "no more than noise" in kinds["pixels"]["message"]
    assert (ended.returncode, found["frames_rendered"]) == (0, 12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--check"], "there is no lock"),
        ([], "the lock names no dataset"),
        (["nothing.yaml"], "nothing.yaml"),
        (["exterior", "--all"], "--sample and --all are for --check"),
        (["exterior", "belt-g1", "--dataset", "one"], "--dataset names one dataset"),
        (["exterior", "exterior"], "two generators ask for the dataset 'exterior'"),
        (["exterior", "--size", "9999x9999"], "9999x9999 can't be rendered"),
        (["exterior", "--set", "camera.siz=[64, 64]"], "camera.siz"),
        (["exterior", "--lock", "nowhere/datasets.lock"], "there is no folder nowhere"),
    ],
)
def test_bad_input_is_refused_before_anything_is_rendered(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from server.cli import main

    monkeypatch.chdir(tmp_path)
    assert main(["--home", str(tmp_path / "home"), "regenerate", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "datasets.lock").exists()
