"""The C# core end to end: a player without Unity, launched as a build would be (what it answers: tests/contract)."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from socket import socket

import cv2
import numpy as np
import psutil
import pytest
from PIL import Image

from contracts.errors import RenderError
from contracts.frame_spec import asset_file_name
from contracts.ids import canonical_json, digest_of
from contracts.player_protocol import MESSAGE_LIMIT_BYTES, PARENT_VARIABLE
from contracts.shard import BridgeSettings, PlayerCommand, ShardReport
from tests.player_session import session
from tests.players import box_family
from tests.players.launching import ROOT, left_running
from tests.players.orders import write_order
from tests.unity import mono_core
from unity_bridge.embedded.launcher import embedded_player_path
from unity_bridge.sampling import sample_frame
from unity_bridge.session import PlayerSession

FILES = ("image.png", "mask.png", "instances.png", "depth.png", "sidecar.json")
FRAMES = 16


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The executable; tests are skipped, with the reason, where Mono is not installed."""
    reason = mono_core.missing()
    if reason:
        pytest.skip(reason)
    return mono_core.build_player(tmp_path_factory.mktemp("executable"))


@pytest.fixture
def boxes(tmp_path: Path) -> tuple[str, Path]:
    """Text and assets of a frame that shows nothing but boxes, which both players draw exactly."""
    frame = box_family.compose(sample_frame(box_family.generator(), 1, 0), (48, 32))
    folder = tmp_path / "assets"
    folder.mkdir()
    for asset in frame.spec.assets:
        (folder / asset_file_name(asset.digest, asset.media_type)).write_bytes(frame.assets[asset.digest])
    return canonical_json(frame.spec).decode(), folder


def image(folder: Path, name: str) -> np.ndarray:
    found = cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found.astype(np.int64)


def test_boxes_come_out_as_from_the_embedded_player(player: Path, boxes: tuple[str, Path], tmp_path: Path) -> None:
    """Same ids, depth to a millimetre, the same instances in the sidecar, into a folder with a name beyond ASCII."""
    text, assets = boxes
    folders = [tmp_path / "Bilder 車", tmp_path / "embedded"]
    for path, folder in zip((player, embedded_player_path(tmp_path)), folders, strict=True):
        with session(path, ["--threads", "1"], tmp_path) as opened:
            answer = opened.render(text, assets, folder)
        assert answer.type == "done", answer
        assert {item.name for item in folder.iterdir()} == set(FILES)
    there, here = folders
    for name in ("mask.png", "instances.png"):
        assert np.array_equal(image(there, name), image(here, name)), name
    assert np.abs(image(there, "depth.png") - image(here, "depth.png")).max() <= 1
    sidecars = [json.loads((folder / "sidecar.json").read_text()) for folder in folders]
    for sidecar in sidecars:
        del sidecar["player"], sidecar["files"]
    assert sidecars[0] == sidecars[1]


def order(folder: Path, player: Path) -> Path:
    """An order of frames of boxes; the path of its file."""
    command = PlayerCommand(name="mono", path=str(player), arguments=("--folder", str(folder)))
    bridge = BridgeSettings(
        launch_timeout_s=30, frame_timeout_s=4, restart_backoff_s=0.05, render_attempts_max=3, base_port=23905
    )
    return write_order(folder, box_family.generator(), FRAMES, player=command, bridge=bridge)


def staged(folder: Path) -> dict[str, bytes]:
    """What the frames' records and files hold."""
    root = folder / "staging"
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(player: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What a worker stages, whose player passes preflight and whose frames pass the gate."""
    folder = tmp_path_factory.mktemp("undisturbed") / "batch"
    log = work(order(folder, player), None)
    report = ShardReport.model_validate_json((folder / "workspace" / "result.json").read_bytes())
    assert (report.player_starts, report.transient_failures) == (1, {}), log
    files = staged(folder)
    assert len([name for name in files if name.endswith("record.json")]) == FRAMES
    return files


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def find_player(worker: psutil.Process) -> int:
    """Process id of a worker's player; 0 where it has none yet."""
    found = (item.pid for item in worker.children(recursive=True) if "mono-player.exe" in " ".join(item.cmdline()))
    return next(found, 0)


def work(order_file: Path, trouble: signal.Signals | None) -> str:
    """Run the worker; send its player a signal once a frame is done."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.players.box_worker", str(order_file)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    if trouble is not None:
        worker = psutil.Process(process.pid)
        wait_until(lambda: find_player(worker) != 0)
        pid = find_player(worker)
        wait_until(lambda: any((order_file.parent / "staging").rglob("record.json")))
        os.kill(pid, trouble)
    _, log = process.communicate(timeout=90)
    assert process.returncode == 0, log
    assert left_running(order_file.parent) == []
    return log


@pytest.mark.parametrize("trouble", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hangs"])
def test_a_player_that_dies_or_hangs_is_replaced_and_no_byte_differs(
    trouble: signal.Signals, player: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "batch"
    work(order(folder, player), trouble)
    report = ShardReport.model_validate_json((folder / "workspace" / "result.json").read_bytes())
    assert report.player_starts == 2
    assert staged(folder) == undisturbed


def test_a_spec_longer_than_a_build_takes_is_sent_by_file(
    player: Path, boxes: tuple[str, Path], tmp_path: Path
) -> None:
    """The player refuses messages beyond gRPC's default, as ML-Agents does in a build."""
    text, assets = boxes
    padded = (text[:-1] + " " * MESSAGE_LIMIT_BYTES + "}").encode()
    command = PlayerCommand(name="mono", path=str(player))
    folder, logs = tmp_path / "out", tmp_path / "logs 車"
    folder.mkdir()
    settings = BridgeSettings(launch_timeout_s=30, frame_timeout_s=20, base_port=23955)
    with PlayerSession(command, settings, log_folder=logs, assets=assets) as opened:
        before = set(logs.iterdir())
        assert opened.render(padded, folder).spec_digest == digest_of(padded)
        assert set(logs.iterdir()) == before
        with pytest.raises(RenderError, match="not valid JSON"):
            opened.render(padded[:-1], folder)
        assert set(logs.iterdir()) == before


@pytest.mark.parametrize("file", ["image.png", "depth.png", "sidecar.json"])
def test_a_full_disk_is_reported_and_nothing_is_left(
    file: str, player: Path, boxes: tuple[str, Path], tmp_path: Path
) -> None:
    """One file of the frame lands on a device that is full; the next frame is rendered."""
    text, assets = boxes
    with session(player, [], tmp_path) as opened:
        folder = tmp_path / "full"
        folder.mkdir()
        (folder / f"{file}.tmp").symlink_to("/dev/full")
        answer = opened.render(text, assets, folder)
        assert (answer.type, answer.code, answer.retryable) == ("failed", "disk_full", True), answer
        assert list(folder.iterdir()) == []
        assert opened.render(text, assets, tmp_path / "empty").type == "done"


def test_the_player_ends_when_told_and_says_so(player: Path, tmp_path: Path) -> None:
    with session(player, [], tmp_path) as opened:
        process = psutil.Process(opened.pid)
    process.wait(timeout=5)
    (log,) = tmp_path.glob("Player-*.log")
    assert "told to quit" in log.read_text()


def test_a_program_between_worker_and_player_does_no_harm(
    player: Path, boxes: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as xvfb-run, which starts the player as a child of its own."""
    between = tmp_path / "between"
    between.write_text(f'#!/bin/sh\n"{player}" "$@"\nexit $?\n')
    between.chmod(0o755)
    monkeypatch.setenv(PARENT_VARIABLE, str(os.getpid()))
    text, assets = boxes
    with session(between, [], tmp_path) as opened:
        time.sleep(0.6)
        assert opened.render(text, assets, tmp_path / "out").type == "done"


def test_a_player_whose_worker_is_gone_before_it_looks_ends(player: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    environment = os.environ | {PARENT_VARIABLE: str(gone.pid)}
    with socket() as server:
        server.bind(("localhost", 0))
        server.listen()
        arguments = [str(player), "--mlagents-port", str(server.getsockname()[1])]
        assert subprocess.run(arguments, env=environment, timeout=20, capture_output=True, check=False).returncode == 5


def test_a_message_that_can_not_be_answered_ends_the_player(player: Path, tmp_path: Path) -> None:
    """Guessing on would leave the worker waiting for an answer that never comes."""
    with session(player, [], tmp_path) as opened:
        process = psutil.Process(opened.pid)
        opened.channel.send(b"\xff\x00 this is not JSON")
        with pytest.raises(Exception, match=r"shut down|timed out|took too long"):
            opened.environment.step()
        assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    (log,) = tmp_path.glob("Player-*.log")
    assert "breaks the protocol" in log.read_text()


@pytest.mark.parametrize("count", [150, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_frames_leave_no_memory_and_no_handles_behind(
    count: int, player: Path, boxes: tuple[str, Path], tmp_path: Path
) -> None:
    text, assets = boxes
    with session(player, [], tmp_path) as opened:
        process = psutil.Process(opened.pid)
        for number in range(1, count + 1):
            assert opened.render(text, assets, tmp_path / "out", number).type == "done"
            if number == count // 3:
                handles, memory = process.num_fds(), process.memory_info().rss
        assert process.num_fds() <= handles
        assert process.memory_info().rss < memory + (32 << 20)


@pytest.mark.parametrize("mode", ["RGB", "P", "I;16"])
def test_png_files_hold_what_was_put_in(core: mono_core.MonoCore, mode: str) -> None:
    rng = np.random.default_rng(0)
    shape = {"RGB": (7, 300, 3), "P": (7, 300), "I;16": (7, 300)}[mode]
    pixels = rng.integers(0, 65536 if mode == "I;16" else 256, shape).astype(">u2" if mode == "I;16" else np.uint8)
    palette = rng.integers(0, 256, 768).astype(np.uint8)
    encoded = core.ask("png", mode, np.array([300, 7], "<i4").tobytes(), pixels.tobytes(), palette.tobytes())
    with Image.open(io.BytesIO(base64.b64decode(encoded))) as opened:
        assert opened.mode == mode
        assert np.array_equal(np.asarray(opened), pixels)
        if mode == "P":
            assert opened.getpalette("RGB") == palette.tolist()
