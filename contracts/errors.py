"""Every error Beltline raises on purpose: one root, one shape, one file.

An error says what is wrong, where, and what to do about it. `code` is stable and machine-readable, `hint` is the
remedy, `context` holds the values a program may want, `retryable` says whether the same attempt may succeed later.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar


class BeltlineError(Exception):
    """Root of all deliberate errors.

    Args:
        message: What is wrong and where, in one sentence.
        code: Stable identifier in lower snake case; defaults to the class's own.
        hint: The remedy.
        context: Values for programs (JSON types only).
        retryable: Whether the same attempt may succeed later; defaults to the class's own.
    """

    default_code: ClassVar[str] = "error"
    default_retryable: ClassVar[bool] = False
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        context: Mapping[str, Any] | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.context = dict(context or {})
        self.retryable = self.default_retryable if retryable is None else retryable

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def to_dict(self) -> dict[str, Any]:
        """The error as JSON types, for error files, job rows and problem documents."""
        return {
            "category": self.default_code,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "context": self.context,
            "retryable": self.retryable,
        }


class ConfigurationError(BeltlineError):
    """What the user wrote can't be carried out; nothing changed. `context["errors"]` lists `{location, message}`."""

    default_code = "invalid_document"
    status = 422
    exit_code = 2


class NotFoundError(BeltlineError):
    """A named thing does not exist."""

    default_code = "not_found"
    status = 404
    exit_code = 2


class ConflictError(BeltlineError):
    """The request contradicts the present state, such as an illegal transition or a name that is taken."""

    default_code = "conflict"
    status = 409
    exit_code = 2


class IntegrityError(BeltlineError):
    """Stored bytes are not what their digest says. Never retried."""

    default_code = "integrity"
    status = 500
    exit_code = 3


class StorageError(BeltlineError):
    """A store refused to read or write: disk full, permission denied, unreachable."""

    default_code = "storage"
    default_retryable = True
    status = 507


class RenderError(BeltlineError):
    """A frame or a batch could not be rendered."""

    default_code = "render_failed"
    status = 500


class PlayerLaunchError(RenderError):
    """The player can't be started: missing, not executable, wrong format, or it speaks no protocol."""

    default_code = "player_launch_failed"


class PlayerCrashedError(RenderError):
    """The player process ended while it was needed."""

    default_code = "player_crashed"
    default_retryable = True


class PlayerTimedOutError(RenderError):
    """The player did not answer within its frame budget."""

    default_code = "player_timed_out"
    default_retryable = True


class ProtocolError(RenderError):
    """The player's answer breaks the protocol."""

    default_code = "player_protocol"


class FrameRejectedError(RenderError):
    """The gate rejected a frame. `context["checks"]` names the failed checks."""

    default_code = "frame_rejected"


class TrainingError(BeltlineError):
    """A training run could not be carried out."""

    default_code = "training_failed"


class TrainingDivergedError(TrainingError):
    """The loss became non-finite."""

    default_code = "training_diverged"


class CapabilityMissingError(BeltlineError):
    """This machine lacks something; the hint names what to install."""

    default_code = "capability_missing"
    status = 501


def from_dict(values: Mapping[str, Any]) -> BeltlineError:
    """Rebuild an error written with `to_dict`, for example by a worker process.

    An unknown category gives a plain `BeltlineError`.
    """
    code = str(values.get("code", "error"))
    kinds = {kind.default_code: kind for kind in _all_kinds(BeltlineError)}
    kind = kinds.get(str(values.get("category", code)), BeltlineError)
    return kind(
        str(values.get("message", "unknown error")),
        code=code,
        hint=str(values.get("hint", "")),
        context=dict(values.get("context") or {}),
        retryable=bool(values.get("retryable", False)),
    )


def nearest(word: str, valid: Iterable[str]) -> str:
    """A sentence naming the valid word nearest to a misspelt one, or all valid words where none is near."""
    words = sorted(set(valid))
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"valid: {', '.join(words)}" if words else ""


def _all_kinds(kind: type[BeltlineError]) -> list[type[BeltlineError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _all_kinds(child))]
