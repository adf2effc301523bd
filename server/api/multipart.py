"""Reading a multipart upload straight to disk: one JSON part named `request`, one file named `archive`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool

from contracts.errors import ConfigurationError, StorageError
from server.api.middleware import BODY_BYTES_MAX

_PARTS = ("request", "archive")


class Upload:
    """Parts of a multipart body, as they come in.

    Args:
        boundary: From the content type.
        archive: File that the archive is written to.
    """

    def __init__(self, boundary: bytes, archive: BinaryIO) -> None:
        self.request = b""
        self._archive = archive
        self._digest = hashlib.sha256()
        self._seen: set[str] = set()
        self._part = ""
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
            },
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the archive."""
        return self._digest.digest()

    def write(self, data: bytes) -> None:
        """Take the next bytes of the body."""
        self._parser.write(data)

    def finish(self) -> None:
        """Raise ConfigurationError unless both parts came."""
        self._parser.finalize()
        for part in _PARTS:
            if part not in self._seen:
                raise _invalid(f"there is no part '{part}'")

    def _on_part_begin(self) -> None:
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name not in _PARTS or name in self._seen:
            raise _invalid(f"unexpected part '{name}'")
        self._part = name
        self._seen.add(name)

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "archive":
            self._digest.update(data[start:end])
            self._archive.write(data[start:end])
            return
        self.request += data[start:end]
        if len(self.request) > BODY_BYTES_MAX:
            raise _invalid(f"part 'request' is larger than {BODY_BYTES_MAX} bytes")


async def receive(request: Request, path: Path) -> tuple[bytes, bytes]:
    """Write the archive of a multipart request to a file.

    Returns:
        The JSON part, and the SHA-256 of the archive.

    Raises:
        ConfigurationError: Not such a body.
        StorageError: The disk is full.
    """
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if not boundary:
        raise _invalid("the content type names no boundary")
    try:
        with path.open("wb") as archive:
            upload = Upload(boundary, archive)
            async for piece in request.stream():
                await run_in_threadpool(upload.write, piece)
            upload.finish()
    except MultipartParseError as error:
        raise _invalid(str(error)) from None
    except OSError as error:
        raise StorageError(
            f"the upload can't be kept: {error.strerror}", hint="free disk space, then repeat"
        ) from error
    return upload.request, upload.digest


def _invalid(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"the upload is refused: {reason}",
        code="invalid_upload",
        hint="send multipart/form-data with the parts 'request' (JSON) and 'archive' (a zip or tar file)",
    )
