"""Messages between worker and player over one ML-Agents side channel.

Each message is UTF-8 JSON in a side-channel payload. The spec travels as the text of its canonical JSON, so that the
player takes its digest over the bytes it received; a spec that a message can't hold lies in a file. Images never travel
here: the player writes them into `folder` (temporary name, then rename) and answers with their digests in the sidecar.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from contracts.document import Document
from contracts.frame import PlayerIdentity
from contracts.ids import Digest

CHANNEL_ID = uuid.UUID("b3a1c6f2-7a44-4c0e-9d55-3a8e0b6f5c17")
COMMUNICATION_VERSION = "1.5.0"
"""ML-Agents communication API of all packages from 1.9 to 4.x."""
PROTOCOL_VERSION = 1
PARENT_VARIABLE = "BELTLINE_PARENT_PID"
"""Environment variable with the process id of the worker that launches a player. A player that has another parent is an
orphan, from its first moment on, and ends."""

MESSAGE_LIMIT_BYTES = 4 << 20
"""Longest message that gRPC takes by default, and so that a Unity build takes: ML-Agents leaves the default."""

RequestId = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Hello(Document):
    """Player to worker, once, with the first exchange."""

    type: Literal["hello"] = "hello"
    protocol_version: Annotated[int, Field(ge=1, le=1)] = 1
    player: PlayerIdentity
    device: Annotated[str, Field(max_length=200)] = ""
    """What renders, for people."""


class RenderRequest(Document):
    """Worker to player: render this."""

    type: Literal["render"] = "render"
    request_id: RequestId
    spec: str
    """Canonical JSON of a `FrameSpec`; empty where it lies in `spec_file`."""
    spec_file: Annotated[str, Field(exclude_if=lambda path: not path)] = ""
    """File with the canonical JSON of a spec that is too long for a message. Not written where there is none."""
    assets: Annotated[str, Field(min_length=1)]
    """Folder of assets by digest."""
    folder: Annotated[str, Field(min_length=1)]
    """Where to write; it exists."""


class RenderDone(Document):
    """Player to worker: written."""

    type: Literal["done"] = "done"
    request_id: RequestId
    spec_digest: Digest
    """Over the UTF-8 bytes of `spec` as received."""
    sidecar_digest: Digest
    """Over the bytes of the sidecar as written."""


class RenderFailed(Document):
    """Player to worker: this spec can't be rendered."""

    type: Literal["failed"] = "failed"
    request_id: RequestId
    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    """`invalid_spec`, `missing_asset`, `disk_full`, `unsupported`, `internal`."""
    message: str
    field: str = ""
    """Path in the spec, such as `objects.3.asset`."""
    retryable: bool = False


PlayerMessage = Annotated[Hello | RenderDone | RenderFailed, Field(discriminator="type")]
PLAYER_MESSAGE: TypeAdapter[Hello | RenderDone | RenderFailed] = TypeAdapter(PlayerMessage)
