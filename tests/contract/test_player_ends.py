"""How every player ends: told to quit, without a parent, without a server."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psutil

from tests.player_session import free_port
from tests.players.registered import TestedPlayer

ROOT = Path(__file__).resolve().parents[2]
LOST_CONNECTION = 4
"""Exit code, but for a Unity build, whose engine has exit codes of its own."""


def ended(pid: int, within_s: float) -> bool:
    """Whether a process is gone, or dead and not yet reaped, within a time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_player_dies_when_its_parent_is_killed(tested: TestedPlayer, tmp_path: Path) -> None:
    parent = (
        "import sys, time\nfrom pathlib import Path\nfrom tests.player_session import Session\n"
        "player, folder, graphics, *arguments = sys.argv[1:]\n"
        "opened = Session(Path(player), arguments, Path(folder), 240, graphics == 'graphics')\n"
        "print(opened.pid, flush=True)\ntime.sleep(600)\n"
    )
    words = ["graphics" if tested.name == "unity" else "none", *tested.arguments]
    process = subprocess.Popen(
        [sys.executable, "-c", parent, str(tested.path), str(tmp_path), *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    player = int(process.stdout.readline())
    assert psutil.pid_exists(player)
    process.kill()
    process.wait()
    process.stdout.close()
    assert ended(player, within_s=3)


def test_player_ends_when_told_to_quit(tested: TestedPlayer, tmp_path: Path) -> None:
    with tested.session(tmp_path) as opened:
        opened.tell_to_quit()
        assert ended(opened.pid, within_s=3)
    if tested.name != "unity":  # whose log is the engine's
        assert "told to quit" in next(tmp_path.glob("Player-*.log")).read_text()


def test_player_ends_when_its_environment_is_closed(tested: TestedPlayer, tmp_path: Path) -> None:
    """Which tells it to quit and hangs up at once, so that a slow player may learn of the second only."""
    with tested.session(tmp_path) as opened:
        player = opened.pid
    assert ended(player, within_s=3)


def test_player_ends_when_the_server_goes_while_its_parent_lives(tested: TestedPlayer, tmp_path: Path) -> None:
    from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto
    from mlagents_envs.communicator_objects.unity_to_external_pb2_grpc import (
        UnityToExternalProtoServicer,
        add_UnityToExternalProtoServicer_to_server,
    )

    class Silent(UnityToExternalProtoServicer):
        """Shakes hands, then answers nothing."""

        calls = 0

        def Exchange(self, request: object, context: grpc.ServicerContext) -> object:
            self.calls += 1
            if self.calls > 2:
                while context.is_active():
                    time.sleep(0.02)
            answer = UnityMessageProto()
            answer.header.status = 200
            answer.unity_input.rl_initialization_input.communication_version = "1.5.0"
            return answer

    servicer, port = Silent(), free_port()
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    add_UnityToExternalProtoServicer_to_server(servicer, server)
    server.add_insecure_port(f"localhost:{port}")
    server.start()
    process = subprocess.Popen(
        [str(tested.path), "--mlagents-port", str(port), *tested.arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    deadline = time.monotonic() + 60
    while servicer.calls < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.poll() is None
    server.stop(None)
    code = process.wait(timeout=20)
    assert code == LOST_CONNECTION or tested.name == "unity"
