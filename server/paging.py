"""Pages of a list: how long one may be, and where the next one begins."""

from __future__ import annotations

from contracts.errors import ConfigurationError
from server.resources import PAGE_SIZE_MAX


def page_limit(limit: int) -> int:
    """Return `limit` when that many items may be asked for.

    Raises:
        ConfigurationError: They may not.
    """
    if not 1 <= limit <= PAGE_SIZE_MAX:
        raise ConfigurationError(
            f"limit is {limit}", code="invalid_limit", hint=f"ask for 1 to {PAGE_SIZE_MAX} at a time"
        )
    return limit


def cursor_number(cursor: str | None) -> int | None:
    """The place that a cursor stands for.

    Raises:
        ConfigurationError: It is no cursor of ours.
    """
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise ConfigurationError(
            f"'{cursor[:40]}' is not a cursor", code="invalid_cursor", hint="pass next_cursor as it was given"
        )
    return int(cursor)


def number_cursor(number: int | None) -> str | None:
    """The cursor of a place."""
    return None if number is None else str(number)
