"""The documentation page at /docs: Swagger UI from shipped files; nothing is loaded from another host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

from contracts.errors import NotFoundError
from server.api.openapi_30 import downgrade

router = APIRouter(include_in_schema=False)

_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Beltline: REST</title>
<link rel="icon" type="image/png" href="docs/assets/favicon-32x32.png">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript. The same is at <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script src="docs/assets/start.js"></script>
</body>
</html>
"""
_START = """// validatorUrl: without this the page would send the document's address to another host.
SwaggerUIBundle({
  url: "docs/openapi-3.0.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
});
"""


@router.get("/docs")
def page() -> HTMLResponse:
    """The page."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/assets/start.js")
def start() -> Response:
    """The page's own script."""
    return Response(_START, media_type="text/javascript")


@router.get("/docs/assets/{name}")
def asset(name: str) -> FileResponse:
    """A shipped file."""
    if name not in _ASSETS:
        raise NotFoundError(f"no asset '{name}'", hint="the page itself is at /docs")
    return FileResponse(
        Path(swagger_ui_path) / name,
        media_type=_ASSETS[name],
        headers={"Cache-Control": "public, max-age=86400"},
    )


@router.get("/docs/openapi-3.0.json")
def older_openapi(request: Request) -> JSONResponse:
    """The OpenAPI document in the older form that the page reads."""
    document: dict[str, Any] = request.app.openapi()
    return JSONResponse(downgrade(document))
