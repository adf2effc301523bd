"""The embedded player as a process: how it is launched, what it says when something is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError, ProtocolError
from contracts.player_protocol import CHANNEL_ID, RenderFailed
from tests.player_frames import street_frame
from tests.player_session import free_port, session
from unity_bridge.embedded.connection import join_message, split_messages
from unity_bridge.embedded.launcher import embedded_player_path

ROOT = Path(__file__).resolve().parents[2]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(embedded_player_path(folder)), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


def test_a_frame_that_does_not_fit_the_disk_is_retryable_and_leaves_nothing(tmp_path: Path) -> None:
    launcher = embedded_player_path(tmp_path)
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -f 8\nexec "{launcher}" "$@"\n')  # files of 4 KiB at most
    limited.chmod(0o755)
    frame = street_frame(size=(128, 128))
    assets = frame.write_assets(tmp_path / "assets")
    with session(limited, ["--variant", "scalar"], tmp_path) as opened:
        answer = opened.render(frame.text, assets, tmp_path / "out")
        assert isinstance(answer, RenderFailed)
        assert (answer.code, answer.retryable) == ("disk_full", True)
        assert list((tmp_path / "out").iterdir()) == []
        small = street_frame(size=(16, 16))
        small.write_assets(assets)
        assert opened.render(small.text, assets, tmp_path / "out").type == "done"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--mlagents-port"),
        (["--mlagents-port", "none"], "invalid int value"),
        (["--mlagents-port", "9", "--variant", "opengl"], "invalid choice"),
        (["--mlagents-port", "9", "--threads", "-1"], "negative"),
    ],
)
def test_bad_arguments_end_the_player_with_a_message(arguments: list[str], said: str, tmp_path: Path) -> None:
    process = start(tmp_path, *arguments)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 2
    assert said in stderr


def test_launcher_is_written_once_and_replaced_when_damaged(tmp_path: Path) -> None:
    path = embedded_player_path(tmp_path / "some folder")
    assert path.stat().st_mode & 0o777 == 0o755
    first = path.stat().st_mtime_ns
    assert embedded_player_path(tmp_path / "some folder").stat().st_mtime_ns == first
    text = path.read_text()
    path.write_text("")
    assert embedded_player_path(tmp_path / "some folder").read_text() == text
    assert sys.executable in text
    assert [item.name for item in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["my.apps", "tool.exe", "build.x86_64", "a[1]"])
def test_folders_that_mlagents_would_misread_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be launched from"):
        embedded_player_path(tmp_path / name)


def test_the_file_in_a_checkout_is_executable_and_starts_the_player(tmp_path: Path) -> None:
    path = ROOT / "unity_bridge" / "embedded" / "player"
    assert os.access(path, os.X_OK)
    outcome = subprocess.run(
        [str(path), "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert "--mlagents-port" in outcome.stdout


def test_termination_ends_the_player_at_once(tmp_path: Path) -> None:
    process = start(tmp_path, "--mlagents-port", str(free_port()), "--variant", "scalar")
    time.sleep(1.0)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=5)
    assert process.returncode == -signal.SIGTERM


def test_side_channel_data_that_is_cut_short_is_a_protocol_error() -> None:
    data = join_message(CHANNEL_ID, b"one") + join_message(CHANNEL_ID, b"")
    assert list(split_messages(data)) == [(CHANNEL_ID, b"one"), (CHANNEL_ID, b"")]
    for end in (len(data) - 1, 22, 10):
        with pytest.raises(ProtocolError):
            list(split_messages(data[:end]))
