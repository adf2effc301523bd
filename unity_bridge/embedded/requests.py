"""What a player does with one side-channel message, whichever renderer it has: check, render, write, answer."""

from __future__ import annotations

import errno
import json
import logging
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from contracts.errors import BeltlineError, ProtocolError
from contracts.frame import PlayerIdentity
from contracts.frame_spec import FrameSpec
from contracts.ids import digest_of
from contracts.player_protocol import Hello, RenderDone, RenderFailed, RenderRequest
from unity_bridge.embedded.checks import parse_spec
from unity_bridge.embedded.faults import DISK_FULL, INTERNAL, INVALID_REQUEST, INVALID_SPEC, spec_fault

DISK_FULL_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_log = logging.getLogger(__name__)


class FrameRenderer(Protocol):
    """What carries out a checked spec."""

    identity: PlayerIdentity
    device: str

    def render(self, spec: FrameSpec, spec_digest: str, assets: Path, folder: Path) -> str:
        """Write image, masks, depth and sidecar into `folder`; return the digest of the sidecar as written.

        Raises:
            RenderError: The spec can't be rendered; `context["field"]` names the place.
            OSError: A file can't be written.
        """
        ...


def hello(renderer: FrameRenderer) -> Hello:
    """A player's first message."""
    return Hello(player=renderer.identity, device=renderer.device[:200])


def answer(renderer: FrameRenderer, payload: bytes) -> RenderDone | RenderFailed:
    """Carry out one message.

    Raises:
        ProtocolError: It is not a render request, and names none that could be answered.
    """
    try:
        request = RenderRequest.model_validate_json(payload, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        return _failed(_request_id(payload, error), INVALID_REQUEST, f"{field}: {first['msg']}", field, False)
    try:
        text = _spec_text(request)
        spec = parse_spec(text)
        spec_digest = digest_of(text.encode())
        folder = Path(request.folder)
        if not folder.is_dir():
            return _failed(request.request_id, INVALID_REQUEST, f"no folder {folder} to write to", "folder", False)
        sidecar = renderer.render(spec, spec_digest, Path(request.assets), folder)
    except BeltlineError as error:
        _log.warning("request %d: %s: %s", request.request_id, error.code, error)
        field = str(error.context.get("field", ""))
        return _failed(request.request_id, error.code, str(error), field, error.retryable)
    except OSError as error:
        _log.warning("request %d: %s", request.request_id, error)
        full = error.errno in DISK_FULL_ERRORS
        return _failed(request.request_id, DISK_FULL if full else INTERNAL, str(error), "", True)
    except Exception as error:  # whatever else goes wrong is told, so that the worker needn't guess from a dead player
        _log.exception("request %d", request.request_id)
        retryable = isinstance(error, MemoryError)
        return _failed(request.request_id, INTERNAL, f"{type(error).__name__}: {error}"[:2000], "", retryable)
    return RenderDone(request_id=request.request_id, spec_digest=spec_digest, sidecar_digest=sidecar)


def _spec_text(request: RenderRequest) -> str:
    """The spec, wherever it is. Raises RenderError: given twice, no such file, or no text."""
    if not request.spec_file:
        return request.spec
    if request.spec:
        raise spec_fault(INVALID_REQUEST, "spec_file", "the message holds a spec of its own")
    try:
        data = Path(request.spec_file).read_bytes()
    except (OSError, ValueError) as error:
        raise spec_fault(INVALID_REQUEST, "spec_file", f"can't be read: {error}") from None
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise spec_fault(INVALID_SPEC, "", "not UTF-8") from None


def _failed(request_id: int, code: str, message: str, field: str, retryable: bool) -> RenderFailed:
    return RenderFailed(request_id=request_id, code=code, message=message, field=field, retryable=retryable)


def _request_id(payload: bytes, error: ValidationError) -> int:
    """The id of a request that is otherwise unreadable."""
    try:
        values: Any = json.loads(payload)
    except ValueError:
        values = None
    found = values.get("request_id") if isinstance(values, dict) else None
    if isinstance(found, int) and not isinstance(found, bool) and 1 <= found < 2**31:
        return found
    raise ProtocolError(f"a message of {len(payload)} bytes is no render request: {error.errors()[0]['msg']}")
