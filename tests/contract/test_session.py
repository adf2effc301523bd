"""The bridge against players that are missing, broken or hostile: one clear error each, in time, and nothing left."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from contracts.errors import (
    PlayerCrashedError,
    PlayerLaunchError,
    PlayerTimedOutError,
    ProtocolError,
    RenderError,
    StorageError,
)
from contracts.ids import canonical_json, digest_of
from contracts.shard import BridgeSettings, PlayerCommand
from tests.players import box_family
from tests.players.launching import box_player, left_running
from unity_bridge.assets import write_assets
from unity_bridge.ports import lease_port
from unity_bridge.sampling import sample_frame
from unity_bridge.session import PlayerSession

BRIDGE = BridgeSettings(launch_timeout_s=20, frame_timeout_s=2, base_port=21005)


def _session(folder: Path, *arguments: str, bridge: BridgeSettings = BRIDGE) -> PlayerSession:
    return PlayerSession(box_player(folder, *arguments), bridge, log_folder=folder / "log", assets=folder / "assets")


def _frame(session: PlayerSession, index: int = 0) -> bytes:
    """A spec whose assets lie where the session's player finds them."""
    composed = box_family.compose(sample_frame(box_family.generator(), 1, index), (32, 32))
    write_assets(session.assets, composed)
    return canonical_json(composed.spec)


def _render(session: PlayerSession, folder: Path, index: int = 0) -> None:
    target = folder / f"frame-{index}"
    target.mkdir()
    spec = _frame(session, index)
    done = session.render(spec, target)
    assert done.spec_digest == digest_of(spec)
    assert done.sidecar_digest == digest_of((target / "sidecar.json").read_bytes())
    assert {path.name for path in target.iterdir()} == {
        "image.png",
        "mask.png",
        "instances.png",
        "depth.png",
        "sidecar.json",
    }


def test_a_player_renders_and_quits_when_asked(tmp_path: Path) -> None:
    with _session(tmp_path) as session:
        assert session.hello is not None
        assert session.hello.player.name == "raycaster"
        _render(session, tmp_path, 0)
        _render(session, tmp_path, 1)
        assert session.memory_bytes() > 10_000_000
    assert left_running(tmp_path) == []


def _missing(folder: Path) -> Path:
    return folder / "nothing_here"


def _folder(folder: Path) -> Path:
    return folder


def _not_executable(folder: Path) -> Path:
    path = folder / "player.x86_64"
    path.write_bytes(b"\x7fELF")
    return path


def _text(folder: Path) -> Path:
    path = folder / "player.exe"
    path.write_text("not a program")
    path.chmod(0o755)
    return path


def _other_processor(folder: Path) -> Path:
    path = folder / "player.x86_64"
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x15\x00" + bytes(40))  # PowerPC
    path.chmod(0o755)
    return path


def _no_interpreter(folder: Path) -> Path:
    path = folder / "player"
    path.write_text("#!/no/such/shell\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_missing, "does not exist"),
        (_folder, "is not a file"),
        (_not_executable, "is not executable"),
        (_text, "neither a Linux program nor a script"),
        (_other_processor, "another processor"),
        (_no_interpreter, "/no/such/shell"),
    ],
)
def test_what_can_not_be_started_is_refused_before_it_is(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    command = PlayerCommand(name="mine", path=str(make(tmp_path)))
    session = PlayerSession(command, BRIDGE, log_folder=tmp_path / "log", assets=tmp_path / "assets")
    with pytest.raises(PlayerLaunchError, match=message) as caught:
        session.start()
    assert "mine" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("fault", "message", "launch_timeout_s"),
    [
        ("never_connects", "did not connect within 2 s", 2.0),
        ("no_protocol", "did not connect within 2 s", 2.0),
        ("exits", "exit status 7; its last words: no display found", 60.0),
        ("old_version", "not compatible", 60.0),
        ("dies_in_handshake", "exit status 9", 60.0),
        ("wrong_protocol", "speaks version 2", 60.0),
        ("no_hello", "never sent Beltline's greeting", 60.0),
        ("always_blank", "not_blank", 60.0),
    ],
)
def test_a_player_that_is_unfit_is_not_accepted(
    tmp_path: Path, fault: str, message: str, launch_timeout_s: float
) -> None:
    bridge = BRIDGE.model_copy(update={"launch_timeout_s": launch_timeout_s})
    session = _session(tmp_path, "--fault", fault, bridge=bridge)
    started = time.monotonic()
    with pytest.raises(PlayerLaunchError, match=message):
        session.start()
    assert time.monotonic() - started < 30  # on a busy machine, and yet long before what would be waited for
    assert left_running(tmp_path) == []


def test_a_killed_player_is_noticed_within_two_seconds(tmp_path: Path) -> None:
    session = _session(tmp_path, "--delay-s", "60", bridge=BRIDGE.model_copy(update={"frame_timeout_s": 50.0}))
    session.start()
    killed_at: list[float] = []

    def kill() -> None:
        time.sleep(0.3)
        killed_at.append(time.monotonic())
        os.kill(session.pid or 0, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(PlayerCrashedError, match="SIGKILL"):
        _render(session, tmp_path)
    assert time.monotonic() - killed_at[0] < 2
    thread.join()
    assert left_running(tmp_path) == []


def test_a_player_that_dies_between_frames_is_a_crash_with_its_last_words(tmp_path: Path) -> None:
    session = _session(tmp_path, "--fault", "die", "--at", "1")
    session.start()
    _render(session, tmp_path, 0)
    with pytest.raises(PlayerCrashedError, match=r"exit status 3.*graphics driver gave up"):
        _render(session, tmp_path, 1)
    with pytest.raises(PlayerCrashedError, match="closed"):
        _render(session, tmp_path, 2)


def test_a_hung_player_is_killed_with_its_children_when_its_budget_is_used_up(tmp_path: Path) -> None:
    session = _session(tmp_path, "--fault", "hang", "--at", "0", "--children")
    session.start()
    group = session.pid or 0
    started = time.monotonic()
    with pytest.raises(PlayerTimedOutError, match="did not answer within 2 s"):
        _render(session, tmp_path)
    assert 2 <= time.monotonic() - started < 4
    assert _alive_in_group(group) == []
    assert left_running(tmp_path) == []


def _alive_in_group(group: int) -> list[str]:
    found = []
    for process in psutil.process_iter(["pid", "name", "status"]):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(process.info["pid"]) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process.info["name"])
    return found


@pytest.mark.parametrize(
    ("fault", "error", "message"),
    [
        ("garbage", ProtocolError, "not UTF-8 JSON"),
        ("wrong_spec", ProtocolError, "the player rendered spec"),
        ("refuse", RenderError, r"refuses the spec \(unsupported\): objects\.0: no"),
        ("disk_full", StorageError, "can't write"),
    ],
)
def test_a_wrong_answer_is_one_clear_error(tmp_path: Path, fault: str, error: type[Exception], message: str) -> None:
    session = _session(tmp_path, "--fault", fault, "--at", "0")
    session.start()
    with pytest.raises(error, match=message) as caught:
        _render(session, tmp_path)
    assert type(caught.value) is error
    session.close()
    assert left_running(tmp_path) == []


def test_closing_a_player_that_will_not_quit_takes_no_longer_than_its_grace(tmp_path: Path) -> None:
    session = _session(tmp_path, "--fault", "never_quits")
    session.start()
    started = time.monotonic()
    session.close(0.5)
    assert time.monotonic() - started < 2
    session.close()
    assert left_running(tmp_path) == []


def test_a_path_that_mlagents_would_misread_is_launched(tmp_path: Path) -> None:
    folder = tmp_path / "my.app-x86 [v2] it's"
    folder.mkdir()
    with _session(folder) as session:
        _render(session, folder)


def test_an_interpreter_that_forgets_to_close_still_ends_and_takes_the_player_along(tmp_path: Path) -> None:
    command = box_player(tmp_path)
    code = (
        "import sys; from pathlib import Path; from contracts.shard import *; "
        "from unity_bridge.session import PlayerSession; folder = Path(sys.argv[1]); "
        "session = PlayerSession(PlayerCommand.model_validate_json(sys.argv[2]), BridgeSettings(base_port=21105), "
        "log_folder=folder / 'log', assets=folder / 'assets'); session.start(); print('started')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), command.model_dump_json()],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "started"), done.stderr
    assert left_running(tmp_path) == []


def test_what_the_bridge_listens_on_is_not_open_to_the_network(tmp_path: Path) -> None:
    with _session(tmp_path):
        listening = [
            connection.laddr.ip
            for connection in psutil.Process().net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port >= BRIDGE.base_port
        ]
        assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
        assert listening


def test_ports_are_leased_once_and_taken_ones_are_skipped(tmp_path: Path) -> None:
    with socket.socket() as other, lease_port(22005, folder=tmp_path) as first:
        other.bind(("127.0.0.1", first.port + 1))
        other.listen()
        with lease_port(first.port, folder=tmp_path) as second:
            assert second.port > first.port + 1
            code = (
                "import sys; from pathlib import Path; from unity_bridge.ports import lease_port; "
                "print(lease_port(int(sys.argv[1]), folder=Path(sys.argv[2])).port)"
            )
            done = subprocess.run(
                [sys.executable, "-c", code, str(first.port), str(tmp_path)],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
            assert int(done.stdout) not in {first.port, second.port, first.port + 1}
    with lease_port(first.port, folder=tmp_path) as again:
        assert again.port == first.port
