"""Reports of training runs and studies: pages that load nothing."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse

RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "A self-contained HTML page", "content": {"text/html": {"schema": {"type": "string"}}}}
}
"""OpenAPI of a route that answers with one."""
_POLICY = "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def report_page(html: str) -> HTMLResponse:
    """The answer with a report; whatever it holds, it reaches for no other host."""
    return HTMLResponse(html, headers={"Content-Security-Policy": _POLICY})
