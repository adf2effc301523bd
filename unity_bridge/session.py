"""A player process from launch to end: handshake, preflight, rendering, and a watch over all of it.

Every call returns or raises within its budget: a player that died is noticed within a tenth of a second, a hung one
when its budget is used up, and either way nothing of its process group is left.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import psutil

from contracts.errors import (
    BeltlineError,
    PlayerCrashedError,
    PlayerLaunchError,
    PlayerTimedOutError,
    ProtocolError,
    RenderError,
    StorageError,
)
from contracts.ids import digest_of
from contracts.player_protocol import Hello, RenderDone, RenderFailed, RenderRequest
from contracts.shard import BridgeSettings, PlayerCommand
from unity_bridge.channel import PlayerChannel, fitting
from unity_bridge.executable import UNITY_ARGUMENTS, check_executable, locate_player, write_launcher
from unity_bridge.ports import PortLease, lease_port
from unity_bridge.watched_environment import UnityWorkerInUseException, WatchedEnvironment

logger = logging.getLogger(__name__)
logging.getLogger("mlagents_envs").setLevel(logging.WARNING)

GRACE_S = 3.0
"""How long a player may take to quit when it is asked to."""
_HELLO_EXCHANGES = 5
_PORT_ATTEMPTS = 5
_TAIL_BYTES = 2000

ResultT = TypeVar("ResultT")


class PlayerSession:
    """One player. Use as a context, or call `start` and `close`.

    Args:
        command: Which player.
        bridge: Budgets.
        log_folder: Folder for the player's log and output; made when absent.
        assets: Folder of assets by digest, which the player reads.
        number: Tells log files of successive players apart.
        interrupted: Asked every 50 ms while waiting; raises to give up.
    """

    def __init__(
        self,
        command: PlayerCommand,
        bridge: BridgeSettings,
        *,
        log_folder: Path,
        assets: Path,
        number: int = 1,
        interrupted: Callable[[], None] = lambda: None,
    ) -> None:
        self.command = command
        self.bridge = bridge
        self.log_folder = log_folder.absolute()
        self.assets = assets.absolute()
        self.hello: Hello | None = None
        self._number = number
        self._interrupted = interrupted
        self._channel = PlayerChannel()
        self._environment: WatchedEnvironment | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lease: PortLease | None = None
        self._request_id = 0
        self._deadline = 0.0
        self._budget_s = 0.0
        self._awaited = "connect"

    def start(self) -> Hello:
        """Launch, shake hands, and render and check one test frame.

        Raises:
            PlayerLaunchError: The player can't be started or isn't fit to render; nothing of it is left running.
        """
        executable = locate_player(self.command, self.log_folder)
        check_executable(executable, self.command.name)
        self.log_folder.mkdir(parents=True, exist_ok=True)
        self.assets.mkdir(parents=True, exist_ok=True)
        launcher = write_launcher(executable, self.log_folder, self._output)
        started = time.monotonic()
        try:
            self._launch(launcher)
            self.hello = self._exchange(self._first_exchange, self._rest_of_launch(started), "greet")
            from unity_bridge.preflight import check_player

            check_player(self)
        except (PlayerCrashedError, PlayerTimedOutError, ProtocolError, RenderError) as error:
            self.close(0.0)
            if isinstance(error, PlayerLaunchError):
                raise
            raise PlayerLaunchError(
                f"player '{self.command.name}' was not accepted: {error.message}",
                hint=error.hint or f"see {self._output}",
                context={"path": str(executable), "cause": error.code, **error.context},
            ) from error
        except BaseException:
            self.close(0.0)
            raise
        logger.info(
            "player %s %s accepted after %.1f s (%s)",
            self.hello.player.name,
            self.hello.player.version,
            time.monotonic() - started,
            self.hello.device or "device not named",
        )
        return self.hello

    def render(self, spec: bytes, folder: Path) -> RenderDone:
        """Render a spec into an existing folder.

        Args:
            spec: Canonical JSON of a `FrameSpec`.
            folder: Where the player writes.

        Raises:
            PlayerCrashedError: The player died. Close the session and start another.
            PlayerTimedOutError: It did not answer within its frame budget, and was killed.
            ProtocolError: Its answer makes no sense, and it was killed.
            RenderError: It says that it can't render this spec; the player lives on.
            StorageError: It says that the disk is full; the player lives on.
        """
        self._request_id += 1
        request = RenderRequest(
            request_id=self._request_id, spec=spec.decode(), assets=str(self.assets), folder=str(folder.absolute())
        )

        def ask(environment: WatchedEnvironment) -> RenderDone | RenderFailed:
            with fitting(request, self.log_folder) as sent:
                self._channel.send(sent)
                while True:
                    environment.step()
                    answer = self._answer_to(request.request_id)
                    if answer is not None:
                        return answer
                    self._watch()

        try:
            answer = self._exchange(ask, self.bridge.frame_timeout_s, "answer")
            if isinstance(answer, RenderDone) and answer.spec_digest != digest_of(spec):
                raise ProtocolError(
                    f"the player rendered spec {answer.spec_digest}, asked was {digest_of(spec)}",
                    hint="the player must take the digest over the bytes it received",
                )
        except BaseException:
            self.close(0.0)
            raise
        if isinstance(answer, RenderFailed):
            raise _refusal(answer)
        return answer

    def memory_bytes(self) -> int:
        """Resident memory of the player and the processes it started; 0 when it is gone."""
        if self._process is None:
            return 0
        try:
            player = psutil.Process(self._process.pid)
            return sum(process.memory_info().rss for process in (player, *player.children(recursive=True)))
        except psutil.Error:
            return 0

    @property
    def pid(self) -> int | None:
        """Process id of the player while it runs."""
        return self._process.pid if self._process is not None else None

    def close(self, grace_s: float = GRACE_S) -> None:
        """End the player: ask, wait, kill. Idempotent, and never takes longer than the grace and a second."""
        environment, self._environment = self._environment, None
        if environment is not None:
            environment.shut_down(grace_s)
        self._process = None
        if self._lease is not None:
            self._lease.release()
            self._lease = None

    def __enter__(self) -> PlayerSession:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(GRACE_S if error is None else 0.0)

    @property
    def _output(self) -> Path:
        return self.log_folder / f"player-{self._number}.out"

    def _launch(self, launcher: Path) -> None:
        """Lease a port and run the constructor of `UnityEnvironment`, on another port if that one is taken."""
        arguments = [
            "-logFile",
            str(self.log_folder / f"player-{self._number}.log"),
            *(UNITY_ARGUMENTS if self.command.path is not None else ()),
            *self.command.arguments,
        ]
        first_port = self.bridge.base_port
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            lease = self._lease = lease_port(first_port)
            self._environment = WatchedEnvironment.__new__(WatchedEnvironment)

            def connect(environment: WatchedEnvironment, port: int = lease.port) -> None:
                environment.__init__(str(launcher), port, arguments, self._channel, self._watch)  # type: ignore[misc]

            try:
                self._exchange(connect, self.bridge.launch_timeout_s, "connect")
                return
            except UnityWorkerInUseException:
                first_port = lease.port + 1
                self.close(0.0)
                if attempt == _PORT_ATTEMPTS:
                    raise PlayerLaunchError(
                        f"ports from {self.bridge.base_port} on are taken as soon as they are found free",
                        hint="set another base_port",
                    ) from None

    def _rest_of_launch(self, started: float) -> float:
        return max(1.0, self.bridge.launch_timeout_s - (time.monotonic() - started))

    def _first_exchange(self, environment: WatchedEnvironment) -> Hello:
        """Reset, and the player's greeting."""
        environment.reset()
        for _ in range(_HELLO_EXCHANGES):
            for message in self._channel.take():
                if isinstance(message, Hello):
                    return message
                raise ProtocolError(
                    f"the player's first message is '{message.type}', not 'hello'",
                    hint="is this a Beltline player? It greets with its first exchange",
                )
            environment.step()
        raise ProtocolError(
            "the program speaks ML-Agents, but never sent Beltline's greeting",
            hint="is this a Beltline player? It greets over its side channel with its first exchange",
        )

    def _answer_to(self, request_id: int) -> RenderDone | RenderFailed | None:
        answer: RenderDone | RenderFailed | None = None
        for message in self._channel.take():
            if isinstance(message, Hello):
                continue
            if message.request_id != request_id or answer is not None:
                raise ProtocolError(
                    f"the player answered request {message.request_id} while {request_id} was open",
                    hint="a player answers each request once, in order",
                )
            answer = message
        return answer

    def _exchange(self, action: Callable[[WatchedEnvironment], ResultT], budget_s: float, awaited: str) -> ResultT:
        """Do something that waits for the player, and say in our own words how it failed.

        Args:
            action: What waits.
            budget_s: How long it may.
            awaited: What the player is to do, for messages.

        Raises:
            PlayerCrashedError: The process ended.
            PlayerTimedOutError: The budget was used up.
            ProtocolError: What it sent can't be read.
        """
        if self._environment is None:
            raise PlayerCrashedError("the session is closed", hint="start another")
        self._deadline = time.monotonic() + budget_s
        self._budget_s, self._awaited = budget_s, awaited
        environment = self._environment
        try:
            return action(environment)
        except BeltlineError:
            raise
        except UnityWorkerInUseException:
            raise
        except OSError as error:
            raise PlayerLaunchError(
                f"player '{self.command.name}' can't be launched: {error}", hint="is it built for this machine?"
            ) from error
        except Exception as error:  # mlagents_envs raises many kinds, bare Exception among them
            status = environment.process.poll() if environment.process is not None else None
            if status is not None:
                raise self._crash(status) from error
            raise ProtocolError(
                f"the player's exchange breaks the ML-Agents protocol: {type(error).__name__}: {_first_line(error)}",
                hint="use a player built with com.unity.ml-agents 1.9 or later, or the embedded player",
            ) from error
        finally:
            self._process = environment.process

    def _watch(self) -> None:
        """Asked while waiting; see `watched_environment`."""
        self._interrupted()
        if time.monotonic() > self._deadline:
            raise PlayerTimedOutError(
                f"player '{self.command.name}' did not {self._awaited} within {self._budget_s:g} s",
                hint=f"see {self._output}; raise the timeout in the bridge's settings if it really needs longer",
                context={"budget_s": self._budget_s, "output": self._tail()},
            )

    def _crash(self, status: int) -> PlayerCrashedError:
        if status < 0:
            try:
                how = f"was killed by {signal.Signals(-status).name}"
            except ValueError:
                how = f"was killed by signal {-status}"
        else:
            how = f"ended with exit status {status}"
        tail = self._tail()
        said = f"; its last words: {tail.splitlines()[-1][:300]}" if tail else ""
        return PlayerCrashedError(
            f"player '{self.command.name}' {how}{said}",
            hint=f"see {self._output}",
            context={"exit_status": status, "output": tail},
        )

    def _tail(self) -> str:
        """The end of what the player printed."""
        try:
            with self._output.open("rb") as file:
                file.seek(max(0, self._output.stat().st_size - _TAIL_BYTES))
                return file.read().decode(errors="replace").strip()
        except OSError:
            return ""


def _refusal(answer: RenderFailed) -> BeltlineError:
    """A player's own account of why it can't render."""
    context = {"field": answer.field, "player_code": answer.code}
    where = f"{answer.field}: " if answer.field else ""
    if answer.code == "disk_full":
        return StorageError(
            f"the player can't write: {answer.message}", code="disk_full", hint="free space where frames are staged"
        )
    return RenderError(
        f"the player refuses the spec ({answer.code}): {where}{answer.message}",
        code="player_refused",
        hint="the player's log says more",
        context=context,
        retryable=answer.retryable or answer.code == "missing_asset",
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else ""
