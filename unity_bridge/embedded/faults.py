"""Errors of a player that name a place in the spec."""

from __future__ import annotations

from contracts.errors import RenderError

INVALID_REQUEST = "invalid_request"
INVALID_SPEC = "invalid_spec"
MISSING_ASSET = "missing_asset"
DAMAGED_ASSET = "damaged_asset"
UNSUPPORTED = "unsupported"
DISK_FULL = "disk_full"
INTERNAL = "internal"


def spec_fault(code: str, field: str, message: str, hint: str = "") -> RenderError:
    """An error about one field of a spec, such as `objects.3.asset`; never retryable."""
    return RenderError(f"{field}: {message}" if field else message, code=code, hint=hint, context={"field": field})
