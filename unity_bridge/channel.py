"""The side channel: messages of `contracts/player_protocol.py` as UTF-8 JSON."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from contracts.errors import ProtocolError, StorageError
from contracts.player_protocol import (
    CHANNEL_ID,
    MESSAGE_LIMIT_BYTES,
    PLAYER_MESSAGE,
    PROTOCOL_VERSION,
    Hello,
    RenderDone,
    RenderFailed,
    RenderRequest,
)
from unity_bridge import mlagents_compat

mlagents_compat.install()

from mlagents_envs.side_channel.side_channel import (  # noqa: E402  (its messages must be registered first)
    IncomingMessage,
    OutgoingMessage,
    SideChannel,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


ENVELOPE_BYTES = 64 << 10
"""What the message around a request may take of the limit: actions, other side channels, heads."""


class PlayerChannel(SideChannel):
    """Queues requests for the next exchange, and keeps what arrived with the last ones.

    Payloads are parsed when they are taken, not when they arrive, so that garbage fails the request it answers and
    never the exchange underneath.
    """

    def __init__(self) -> None:
        super().__init__(CHANNEL_ID)
        self._payloads: list[bytes] = []

    def send(self, request: RenderRequest) -> None:
        """Queue a request for the next exchange."""
        message = OutgoingMessage()
        message.set_raw_bytes(bytearray(request.model_dump_json().encode()))
        self.queue_message_to_send(message)

    def on_message_received(self, msg: IncomingMessage) -> None:
        """Called by `mlagents_envs` for each payload."""
        self._payloads.append(bytes(msg.get_raw_bytes()))

    def take(self) -> Iterator[Hello | RenderDone | RenderFailed]:
        """Messages that arrived since the last call, in order.

        Raises:
            ProtocolError: A payload is not a message of this protocol.
        """
        payloads, self._payloads = self._payloads, []
        for payload in payloads:
            yield parse(payload)


@contextmanager
def fitting(request: RenderRequest, folder: Path) -> Iterator[RenderRequest]:
    """The request in a form that a message holds: a longer spec lies in a file for as long as the context lasts.

    Args:
        request: With its spec in the message.
        folder: Where the file goes.

    Raises:
        StorageError: The file can't be written.
    """
    if len(request.model_dump_json().encode()) <= MESSAGE_LIMIT_BYTES - ENVELOPE_BYTES:
        yield request
        return
    path = folder / f"spec-{request.request_id}.json"
    try:
        try:
            path.write_text(request.spec, encoding="utf-8", newline="")
        except OSError as error:
            raise StorageError(
                f"a spec too long for a message can't be written to {path}: {error.strerror}",
                hint="free space, or grant access, where players keep their logs",
            ) from None
        yield request.model_copy(update={"spec": "", "spec_file": str(path.absolute())})
    finally:
        path.unlink(missing_ok=True)


def parse(payload: bytes) -> Hello | RenderDone | RenderFailed:
    """Read one payload.

    Raises:
        ProtocolError: It is not a message of this protocol.
    """
    try:
        value = json.loads(payload.decode())
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise _broken(f"a payload of {len(payload)} bytes is not UTF-8 JSON: {payload[:40]!r}") from None
    version = value.get("protocol_version", PROTOCOL_VERSION) if isinstance(value, dict) else PROTOCOL_VERSION
    if version != PROTOCOL_VERSION:
        raise ProtocolError(
            f"the player speaks version {version!r} of Beltline's protocol, this bridge speaks {PROTOCOL_VERSION}",
            hint="use a player and a Beltline of the same release",
        )
    try:
        return PLAYER_MESSAGE.validate_python(value, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "message"
        raise _broken(f"{place}: {first['msg']}") from None


def _broken(what: str) -> ProtocolError:
    return ProtocolError(
        f"the player's answer breaks the protocol: {what}",
        hint="use a player of this release; its log says what it meant to send",
    )
