"""`mlagents_envs.environment.UnityEnvironment` with a watch kept over every wait.

The original notices a dead player only after a tenth of its timeout, waits without end in one place of the handshake,
waits for its whole timeout on closing, and listens to the network. Here each wait asks a watch every 50 ms, closing has
a deadline, and the server listens on loopback addresses alone.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import grpc

from unity_bridge import mlagents_compat
from unity_bridge.channel import PlayerChannel

UnityEnvironment = mlagents_compat.unity_environment()

from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto  # noqa: E402  (registered above)
from mlagents_envs.communicator_objects.unity_to_external_pb2_grpc import (  # noqa: E402
    add_UnityToExternalProtoServicer_to_server,
)
from mlagents_envs.exception import UnityWorkerInUseException  # noqa: E402
from mlagents_envs.rpc_communicator import RpcCommunicator, UnityToExternalServicerImplementation  # noqa: E402

POLL_S = 0.05
Watch = Callable[[], None]
"""Asked while waiting for the player; raises to end the wait."""


class _DaemonExecutor(Executor):
    """Runs each call in a daemon thread: a call that waits for us must not hold up the interpreter's exit, which joins
    the threads of a `ThreadPoolExecutor` before it lets anyone close anything."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **words: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def work() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(function(*arguments, **words))
                except BaseException as error:
                    future.set_exception(error)

        threading.Thread(target=work, name="player-call", daemon=True).start()
        return future


class WatchedCommunicator(RpcCommunicator):
    """The server side of the exchange, on loopback, with a watch in every wait."""

    def __init__(self, port: int, watch: Watch) -> None:
        self._watch = watch
        super().__init__(worker_id=0, base_port=port, timeout_wait=0)

    def create_server(self) -> None:
        """Listen on the port of every loopback address.

        Raises:
            UnityWorkerInUseException: Someone else listens there.
        """
        self.check_port(self.port)
        self.unity_to_external = UnityToExternalServicerImplementation()
        self.server = grpc.server(_DaemonExecutor(), options=(("grpc.so_reuseport", 0),))
        add_UnityToExternalProtoServicer_to_server(self.unity_to_external, self.server)
        try:
            self.server.add_insecure_port(f"127.0.0.1:{self.port}")
        except RuntimeError:
            raise UnityWorkerInUseException(0) from None
        with contextlib.suppress(RuntimeError):  # a machine without IPv6
            self.server.add_insecure_port(f"[::1]:{self.port}")
        self.server.start()
        self.is_open = True

    def poll_for_timeout(self, poll_callback: Callable[[], None] | None = None) -> None:
        """Wait for a message; `poll_callback` raises when the process has ended, the watch for any other reason."""
        while not self.unity_to_external.parent_conn.poll(POLL_S):
            if poll_callback is not None:
                poll_callback()
            self._watch()

    def initialize(self, inputs: Any, poll_callback: Callable[[], None] | None = None) -> Any:
        """The first two messages of the handshake; the original waits for the second without end."""
        self.poll_for_timeout(poll_callback)
        connection = self.unity_to_external.parent_conn
        output = connection.recv().unity_output
        message = UnityMessageProto()
        message.header.status = 200
        message.unity_input.CopyFrom(inputs)
        connection.send(message)
        self.poll_for_timeout(poll_callback)
        connection.recv()
        return output

    def ask_to_quit(self) -> None:
        """Answer the player's waiting call, or its next one, with the end of the conversation."""
        message = UnityMessageProto()
        message.header.status = 400
        with contextlib.suppress(OSError):
            self.unity_to_external.parent_conn.send(message)

    def close(self) -> None:
        """Stop listening; idempotent."""
        if self.is_open:
            self.is_open = False
            self.server.stop(None).wait(1.0)
            self.unity_to_external.parent_conn.close()


class WatchedEnvironment(UnityEnvironment):
    """A player process and the conversation with it. Always call `shut_down`, also when construction raised.

    Make it with `__new__` and call `__init__` afterwards, so that `process` is known while the handshake still waits.
    """

    def __init__(self, executable: str, port: int, arguments: list[str], channel: PlayerChannel, watch: Watch) -> None:
        self._watch = watch
        super().__init__(
            file_name=executable,
            base_port=port,
            no_graphics=False,
            additional_args=arguments,
            side_channels=[channel],
        )

    def _get_communicator(self, worker_id: int, base_port: int, timeout_wait: int) -> WatchedCommunicator:
        return WatchedCommunicator(base_port, self._watch)

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The player, once it was launched."""
        process: subprocess.Popen[bytes] | None = getattr(self, "_process", None)
        return process

    def shut_down(self, grace_s: float) -> int | None:
        """Ask the player to quit, wait, then kill it and all of its process group. Returns its exit status."""
        atexit.unregister(self._close)
        self._loaded = False
        communicator: WatchedCommunicator | None = getattr(self, "_communicator", None)
        process, self._process = self.process, None
        if communicator is not None and communicator.is_open and grace_s > 0:
            communicator.ask_to_quit()
        status = _end(process, grace_s) if process is not None else None
        if communicator is not None:
            if grace_s <= 0:
                communicator.ask_to_quit()  # lets a thread of the server go that waits for our answer
            communicator.close()
        return status

    def _close(self, timeout: int | None = None) -> None:
        """Called by the original's `close` and at the interpreter's exit without a timeout, and with one when its
        constructor fails: then the process is left to whoever called the constructor, who wants its exit status."""
        if timeout is None:
            self.shut_down(0.0)


def _end(process: subprocess.Popen[bytes], grace_s: float) -> int:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace_s if grace_s > 0 else 0.001)
    with contextlib.suppress(ProcessLookupError):  # the player leads a session of its own
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()
