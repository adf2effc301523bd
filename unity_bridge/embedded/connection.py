"""A player's side of the ML-Agents connection, as a Unity build speaks it (communication API 1.5.0).

The Python side is the gRPC server, the player its client. It calls `UnityToExternalProto.Exchange` again and again:
first with its name and capabilities, then empty to fetch the first input, then with the state of its one agent, whose
only purpose is that an exchange takes place. Requests come and answers go as side-channel messages: channel id (16
bytes, little endian GUID), length (int32), payload.
"""

from __future__ import annotations

import logging
import struct
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from contracts.errors import PlayerLaunchError, ProtocolError
from contracts.player_protocol import CHANNEL_ID, COMMUNICATION_VERSION
from unity_bridge import mlagents_compat
from unity_bridge.embedded.requests import FrameRenderer, answer, hello

PACKAGE_VERSION = "2.2.1-exp.1"
"""Version of com.unity.ml-agents whose communication API this is."""
BEHAVIOR = "Tick?team=0"
CONNECT_TIMEOUT_S = 60.0
STATUS_OK = 200
_CAPABILITIES = (
    "baseRLCapabilities",
    "concatenatedPngObservations",
    "compressedChannelMapping",
    "hybridActions",
    "trainingAnalytics",
    "variableLengthObservation",
    "multiAgentGroups",
)
_log = logging.getLogger(__name__)


def split_messages(data: bytes) -> Iterator[tuple[uuid.UUID, bytes]]:
    """Channel and payload of every side-channel message in a stream of them.

    Raises:
        ProtocolError: A message is cut short.
    """
    offset = 0
    while offset < len(data):
        if offset + 20 > len(data):
            raise ProtocolError(f"side-channel data ends inside a message head, at byte {offset} of {len(data)}")
        channel = uuid.UUID(bytes_le=data[offset : offset + 16])
        (length,) = struct.unpack_from("<i", data, offset + 16)
        if length < 0 or offset + 20 + length > len(data):
            raise ProtocolError(f"a side-channel message of {length} bytes does not fit the {len(data)} received")
        yield channel, data[offset + 20 : offset + 20 + length]
        offset += 20 + length


def join_message(channel: uuid.UUID, payload: bytes) -> bytes:
    """One side-channel message."""
    return channel.bytes_le + struct.pack("<i", len(payload)) + payload


class PlayerConnection:
    """One session with the Python side, from handshake to quit."""

    def __init__(self, port: int, name: str, log_path: str = "") -> None:
        """
        Args:
            port: Of the server on this machine.
            name: What the player calls itself.
            log_path: Of the player's log, told to the Python side.
        """
        mlagents_compat.install()
        from mlagents_envs.communicator_objects.unity_to_external_pb2_grpc import UnityToExternalProtoStub

        self._name = name
        self._log_path = log_path
        self._channel = grpc.insecure_channel(
            f"localhost:{port}",
            options=[
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                ("grpc.enable_http_proxy", 0),
            ],
        )
        self._exchange: Callable[[Any], Any] = UnityToExternalProtoStub(self._channel).Exchange
        self._port = port

    def run(self, renderer: FrameRenderer) -> None:
        """Serve requests until the Python side says quit.

        Raises:
            PlayerLaunchError: Nobody listens on the port.
            ProtocolError: The other side breaks the protocol.
            grpc.RpcError: The connection is lost.
        """
        self._connect()
        message = self._start()
        outgoing = join_message(CHANNEL_ID, hello(renderer).model_dump_json().encode())
        step = 0
        while message.header.status == STATUS_OK:
            outgoing += self.answers(renderer, message.unity_input.rl_input.side_channel)
            message = self._exchange(self._state(step, outgoing))
            outgoing = b""
            step += 1
        _log.info("told to quit (status %d) after %d exchanges", message.header.status, step)
        self._channel.close()

    def answers(self, renderer: FrameRenderer, incoming: bytes) -> bytes:
        """Carry out every request in side-channel data; messages on channels of others are not ours to read."""
        return b"".join(
            join_message(CHANNEL_ID, answer(renderer, payload).model_dump_json().encode())
            for channel, payload in split_messages(incoming)
            if channel == CHANNEL_ID
        )

    def _connect(self) -> None:
        try:
            grpc.channel_ready_future(self._channel).result(timeout=CONNECT_TIMEOUT_S)
        except grpc.FutureTimeoutError:
            raise PlayerLaunchError(
                f"nobody answers on port {self._port} of this machine",
                hint="a player is launched by UnityEnvironment, which listens first",
            ) from None

    def _start(self) -> Any:
        message = _message()
        output = message.unity_output.rl_initialization_output
        output.name = self._name
        output.communication_version = COMMUNICATION_VERSION
        output.package_version = PACKAGE_VERSION
        output.log_path = self._log_path
        for capability in _CAPABILITIES:
            setattr(output.capabilities, capability, True)
        start = self._exchange(message).unity_input.rl_initialization_input
        _log.info("connected: mlagents_envs %s, API %s", start.package_version, start.communication_version)
        if start.communication_version.split(".")[0] != COMMUNICATION_VERSION.split(".")[0]:
            raise ProtocolError(
                f"the other side speaks API {start.communication_version}, this player {COMMUNICATION_VERSION}"
            )
        return self._exchange(_message())

    def _state(self, step: int, side_channel: bytes) -> Any:
        """The state of the one agent: an observation that counts exchanges."""
        message = _message()
        output = message.unity_output
        if step == 0:
            brain = output.rl_initialization_output.brain_parameters.add()
            brain.brain_name = BEHAVIOR
            brain.is_training = True
            brain.action_spec.num_continuous_actions = 1
        agent = output.rl_output.agentInfos[BEHAVIOR].value.add()
        agent.id = 1
        observation = agent.observations.add()
        observation.name = "exchange"
        observation.shape.append(1)
        observation.dimension_properties.append(1)
        observation.float_data.data.append(float(step))
        output.rl_output.side_channel = side_channel
        return message


def _message() -> Any:
    from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto

    message = UnityMessageProto()
    message.header.status = STATUS_OK
    return message
