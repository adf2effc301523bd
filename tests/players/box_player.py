"""A player for tests: the real protocol, a small ray caster, and every way of going wrong.

`--fault NAME` breaks it, at the frame whose index is `--at` (preflight is left alone), every time or, with
`--once FILE`, only while that file does not exist.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import struct
import sys
import threading
import time
import uuid
from pathlib import Path

import grpc
import numpy as np

from contracts.frame_spec import FrameSpec
from contracts.ids import digest_of
from contracts.player_protocol import CHANNEL_ID, COMMUNICATION_VERSION, PARENT_VARIABLE
from tests.players import raycaster
from unity_bridge import mlagents_compat

mlagents_compat.install()

from mlagents_envs.communicator_objects.observation_pb2 import NONE  # noqa: E402
from mlagents_envs.communicator_objects.unity_message_pb2 import UnityMessageProto  # noqa: E402
from mlagents_envs.communicator_objects.unity_to_external_pb2_grpc import UnityToExternalProtoStub  # noqa: E402

BEHAVIOR = "Tick?team=0"


class BoxPlayer:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.previous: tuple[dict, dict] | None = None
        self.leaked: list[bytes] = []

    def fails(self, fault: str, spec: dict) -> bool:
        """Whether a fault strikes at this frame."""
        frame, options = spec["frame"], self.options
        if options.fault != fault or frame["generator"] == "preflight" or frame["index"] != options.at:
            return False
        if options.once:
            try:
                os.close(os.open(options.once, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return False
        return True

    def answer(self, request: dict) -> bytes:
        """Render a request; the payload of the answer."""
        spec = json.loads(request["spec"])
        if self.fails("die", spec):
            print("the graphics driver gave up", flush=True)
            os._exit(3)
        if self.fails("killed", spec):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fails("hang", spec):
            if self.options.children:
                os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "300")
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(300)
        if self.fails("garbage", spec):
            return b"\xff\x00 this is not JSON"
        if self.fails("refuse", spec):
            return self.pack(
                type="failed", request_id=request["request_id"], code="unsupported", message="no", field="objects.0"
            )
        if self.fails("disk_full", spec):
            return self.pack(type="failed", request_id=request["request_id"], code="disk_full", message="no space")
        if self.options.fault == "leak":
            self.leaked.append(os.urandom(20 << 20))
        if self.options.delay_s and spec["frame"]["generator"] != "preflight":
            time.sleep(self.options.delay_s)
        folder = Path(request["folder"])
        typed = FrameSpec.model_validate(spec)
        images = raycaster.cast(typed, Path(request["assets"]))
        if self.fails("blank", spec) or self.options.fault == "always_blank":
            images["image"] = np.full_like(images["image"], 7)
        if self.fails("shift", spec):
            images["image"] = np.roll(images["image"], 3, axis=1)
        if self.fails("hide", spec):
            images["mask"][:], images["instances"][:] = 0, 0
        files = {role: raycaster.encode(image) for role, image in images.items()}
        if self.fails("stale", spec) and self.previous is not None:
            images["image"], files["image"] = self.previous[0]["image"], self.previous[1]["image"]
        self.previous = (images, files)
        digest = digest_of(request["spec"].encode())
        sidecar = raycaster.write_files(typed, digest, images, files, folder)
        if self.fails("truncated", spec):
            (folder / "mask.png").write_bytes(files["mask"][:-20])
        if self.fails("missing", spec):
            (folder / "depth.png").unlink()
        if self.fails("wrong_digest", spec):
            sidecar = digest_of(b"something else")
        if self.fails("wrong_spec", spec):
            digest = digest_of(b"another spec")
        return self.pack(type="done", request_id=request["request_id"], spec_digest=digest, sidecar_digest=sidecar)

    @staticmethod
    def pack(**message: object) -> bytes:
        return json.dumps(message).encode()


def parse(data: bytes) -> list[tuple[uuid.UUID, bytes]]:
    """Side-channel messages in a payload."""
    messages, place = [], 0
    while place < len(data):
        channel = uuid.UUID(bytes_le=data[place : place + 16])
        (length,) = struct.unpack_from("<i", data, place + 16)
        messages.append((channel, data[place + 20 : place + 20 + length]))
        place += 20 + length
    return messages


def message(payloads: list[bytes], first: bool, step: int) -> UnityMessageProto:
    """An `rl_output` with one agent and side-channel messages."""
    result = UnityMessageProto()
    result.header.status = 200
    output = result.unity_output
    if first:
        brain = output.rl_initialization_output.brain_parameters.add()
        brain.brain_name, brain.is_training, brain.action_spec.num_continuous_actions = BEHAVIOR, True, 1
    agent = output.rl_output.agentInfos[BEHAVIOR].value.add()
    agent.id = 1
    observation = agent.observations.add()
    observation.name, observation.compression_type = "tick", NONE
    observation.shape.append(1)
    observation.dimension_properties.append(1)
    observation.float_data.data.append(float(step))
    output.rl_output.side_channel = b"".join(
        CHANNEL_ID.bytes_le + struct.pack("<i", len(payload)) + payload for payload in payloads
    )
    return result


def watch_parent() -> None:
    """End this process when the one that started it is gone."""
    parent = int(os.environ[PARENT_VARIABLE])

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--mlagents-port", type=int, required=True)
    parser.add_argument("--fault", default="")
    parser.add_argument("--at", type=int, default=-1)
    parser.add_argument("--once", default="")
    parser.add_argument("--delay-s", type=float, default=0.0)
    parser.add_argument("--children", action="store_true")
    options, _ = parser.parse_known_args()
    watch_parent()
    fault = options.fault
    if fault == "never_connects":
        time.sleep(300)
    if fault == "exits":
        print("no display found", flush=True)
        sys.exit(7)
    if fault == "no_protocol":
        with socket.create_connection(("127.0.0.1", options.mlagents_port)) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            time.sleep(300)
    channel = grpc.insecure_channel(f"localhost:{options.mlagents_port}")
    grpc.channel_ready_future(channel).result(timeout=30)
    exchange = UnityToExternalProtoStub(channel).Exchange
    hello = UnityMessageProto()
    hello.header.status = 200
    start = hello.unity_output.rl_initialization_output
    start.name, start.package_version = "BoxPlayer", "1.0.0"
    start.communication_version = "0.9.0" if fault == "old_version" else COMMUNICATION_VERSION
    start.capabilities.baseRLCapabilities = True
    exchange(hello)
    if fault == "dies_in_handshake":
        os._exit(9)
    ready = UnityMessageProto()
    ready.header.status = 200
    reply = exchange(ready)
    player = BoxPlayer(options)
    greeting = {
        "type": "hello",
        "protocol_version": 2 if fault == "wrong_protocol" else 1,
        "player": raycaster.IDENTITY.model_dump(),
        "device": "numpy",
    }
    payloads = [] if fault == "no_hello" else [json.dumps(greeting).encode()]
    step = 0
    while reply.header.status == 200:
        payloads += [
            player.answer(json.loads(data))
            for channel_id, data in parse(reply.unity_input.rl_input.side_channel)
            if channel_id == CHANNEL_ID
        ]
        try:
            reply = exchange(message(payloads, step == 0, step))
        except grpc.RpcError:
            return
        payloads = []
        step += 1
    if fault == "never_quits":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(300)


if __name__ == "__main__":
    main()
