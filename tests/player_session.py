"""A worker's side of the protocol for tests: the real UnityEnvironment and one side channel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import socket
from typing import Any

from contracts.player_protocol import CHANNEL_ID, PLAYER_MESSAGE, Hello, RenderDone, RenderFailed, RenderRequest
from unity_bridge import mlagents_compat

UnityEnvironment = mlagents_compat.unity_environment()

from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto  # noqa: E402
from mlagents_envs.side_channel.side_channel import IncomingMessage, OutgoingMessage, SideChannel  # noqa: E402


class RenderChannel(SideChannel):
    """Sends any bytes, keeps all answers."""

    def __init__(self) -> None:
        super().__init__(CHANNEL_ID)
        self.answers: list[Hello | RenderDone | RenderFailed] = []

    def on_message_received(self, message: IncomingMessage) -> None:
        self.answers.append(PLAYER_MESSAGE.validate_json(bytes(message.get_raw_bytes())))

    def send(self, payload: bytes) -> None:
        message = OutgoingMessage()
        message.set_raw_bytes(bytearray(payload))
        self.queue_message_to_send(message)


class Session:
    """One player, launched and shaken hands with."""

    def __init__(
        self, player: Path, arguments: Sequence[str], logs: Path, timeout_s: int = 60, graphics: bool = False
    ) -> None:
        self.channel = RenderChannel()
        self.environment: Any = UnityEnvironment(
            file_name=str(player),
            base_port=free_port(),
            no_graphics=not graphics,
            side_channels=[self.channel],
            timeout_wait=timeout_s,
            log_folder=str(logs),
            additional_args=list(arguments),
        )
        self.environment.reset()
        (self.hello,) = self.channel.answers
        self.channel.answers.clear()

    @property
    def pid(self) -> int:
        """Process id of the player."""
        return int(self.environment._process.pid)

    def exchange(self, *payloads: bytes) -> list[Hello | RenderDone | RenderFailed]:
        """Send messages with one step and return what came back."""
        for payload in payloads:
            self.channel.send(payload)
        self.environment.step()
        answers, self.channel.answers = self.channel.answers, []
        return answers

    def render(self, spec: str, assets: Path, folder: Path, request_id: int = 1) -> RenderDone | RenderFailed:
        """Have one spec rendered."""
        folder.mkdir(parents=True, exist_ok=True)
        request = RenderRequest(request_id=request_id, spec=spec, assets=str(assets), folder=str(folder))
        (answer,) = self.exchange(request.model_dump_json().encode())
        assert not isinstance(answer, Hello)
        return answer

    def tell_to_quit(self) -> None:
        """Send the message that closing sends, and stay on the line until it has arrived."""
        message = UnityMessageProto()
        message.header.status = 400
        self.environment._communicator.unity_to_external.parent_conn.send(message)


@contextmanager
def session(
    player: Path, arguments: Sequence[str], logs: Path, timeout_s: int = 60, graphics: bool = False
) -> Iterator[Session]:
    """A session that is closed whatever happens: an open one would keep the interpreter from ending."""
    opened = Session(player, arguments, logs, timeout_s, graphics)
    try:
        yield opened
    finally:
        opened.environment.close()


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket() as probe:
        probe.bind(("localhost", 0))
        return int(probe.getsockname()[1])


def changed(text: str, path: Sequence[str | int], value: Any) -> str:
    """A spec's text with one value replaced or added."""
    values = json.loads(text)
    place = values
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return json.dumps(values)
