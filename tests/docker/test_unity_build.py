"""The script that builds the Unity player, with an editor in the place of Unity's that records what it is asked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.docker.dockerfiles import FOLDER, ROOT

SECRETS = {"unity_serial": "XX-1234-SERIAL", "unity_email": "builder@example.org", "unity_password": "pass word*[1]"}
EDITOR = r"""#!/bin/bash
# Like Unity's editor it writes its command line into its log.
printf '%s\n' "$*" >>"$CALLS"
log=/dev/stdout
kind=read
for ((i = 1; i <= $#; i++)); do
  next=$((i + 1))
  case "${!i}" in
    -logFile) [[ "${!next}" == - ]] || log=${!next} ;;
    -beltlineOutput) output=${!next} ;;
    -serial) kind=activate ;;
    -returnlicense) kind=return ;;
    -executeMethod) kind=build ;;
  esac
done
printf 'COMMAND LINE ARGUMENTS: %s\n' "$*" >>"$log"
[[ "$kind" != "$SLOW" ]] || exec sleep 30
[[ "$kind" != "$FAILS" ]] || { echo "it failed" >>"$log"; exit 7; }
[[ "$kind" != build || -n "$BUILDS_NOTHING" ]] || { : >"$output"; chmod +x "$output"; }
"""


class Build:
    """A place to run the script in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        editor = folder / "bin" / "unity-editor"
        editor.write_text(EDITOR)
        editor.chmod(0o755)
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        self.calls = folder / "calls"
        self.calls.touch()

    def start(self, **variables: str) -> subprocess.Popen[str]:
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "BELTLINE_SECRETS": str(self.secrets),
            "BELTLINE_OUTPUT": str(self.folder / "output"),
            "SLOW": "",
            "FAILS": "",
            "BUILDS_NOTHING": "",
            "TMPDIR": str(self.folder),
        }
        return subprocess.Popen(
            [str(FOLDER / "unity-build.sh")],
            env=environment | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def give(self, secrets: dict[str, str]) -> None:
        for name, value in secrets.items():
            (self.secrets / name).write_text(value + "\n")

    def done(self) -> list[str]:
        """What the editor was asked, in order."""
        words = ("-serial", "-manualLicenseFile", "-executeMethod", "-returnlicense")
        return [next(word for word in words if word in line.split()) for line in self.calls.read_text().splitlines()]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


def test_licence_is_taken_the_player_built_and_the_licence_returned(build: Build) -> None:
    build.give(SECRETS)
    process = build.start()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert build.done() == ["-serial", "-executeMethod", "-returnlicense"]
    assert os.access(build.folder / "output" / "beltline.x86_64", os.X_OK)
    for secret in SECRETS.values():
        assert secret not in output
    asked = build.calls.read_text()
    assert asked.count("-batchmode -nographics -quit") == 3
    assert "-buildTarget StandaloneLinux64" in asked
    assert not list(build.folder.glob("tmp.*"))


@pytest.mark.parametrize(
    ("fails", "code", "steps"),
    [
        ("activate", 7, ["-serial", "-returnlicense"]),
        ("build", 7, ["-serial", "-executeMethod", "-returnlicense"]),
        ("return", 1, ["-serial", "-executeMethod", "-returnlicense"]),
    ],
)
def test_a_failure_is_told_without_secrets_and_the_licence_returned(
    fails: str, code: int, steps: list[str], build: Build
) -> None:
    build.give(SECRETS)
    process = build.start(FAILS=fails)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == code, output
    assert build.done() == steps
    assert "it failed" in output
    for secret in SECRETS.values():
        assert secret not in output
    assert ("by hand" in output) == (fails == "return")


def test_a_build_that_leaves_no_player_fails(build: Build) -> None:
    build.give(SECRETS)
    process = build.start(BUILDS_NOTHING="1")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "there is no" in output
    assert build.done()[-1] == "-returnlicense"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.usefixtures("interruptible")
def test_a_build_that_is_stopped_returns_the_licence_at_once(number: signal.Signals, build: Build) -> None:
    build.give(SECRETS)
    started = time.monotonic()
    process = build.start(SLOW="build")
    while "-executeMethod" not in build.calls.read_text():
        assert time.monotonic() < started + 20
        time.sleep(0.02)
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 128 + number, output
    assert build.done() == ["-serial", "-executeMethod", "-returnlicense"]


def test_a_licence_file_is_read_and_not_returned(build: Build) -> None:
    build.give({"unity_license": "<root/>"})
    process = build.start()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert build.done() == ["-manualLicenseFile", "-executeMethod"]


def test_what_the_script_calls_is_in_the_project() -> None:
    text = (FOLDER / "unity-build.sh").read_text()
    method = re.search(r"BELTLINE_BUILD_METHOD:-([\w.]+)", text)
    assert method is not None
    namespace, name, function = method[1].rsplit(".", 2)
    source = (ROOT / "unity_bridge/unity_project/Assets/Beltline/Editor" / f"{name}.cs").read_text()
    assert f"namespace {namespace}\n" in source
    assert f"public static void {function}()" in source
    assert '"-beltlineOutput"' in source
    assert "-beltlineOutput" in text


def test_without_a_licence_nothing_is_started(build: Build) -> None:
    build.give({"unity_serial": "XX", "unity_email": ""})
    process = build.start()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "no licence" in output
    assert build.done() == []
