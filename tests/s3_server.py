"""A real S3 interface over HTTP for tests: moto's server in a process of its own, and a proxy that breaks answers."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import httpx
import pytest

START_TIMEOUT_S = 60.0
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_MAX_ATTEMPTS": "2",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What a client needs beside the URL; failing takes less time with fewer attempts than by default."""

Fault = Literal["503", "403", "drop", "cut answer", "half answer", "cut upload"]
"""`cut answer` ends before all that was announced; `half answer` announces half; `cut upload` is what a client that
dies leaves."""


@dataclass
class S3Server:
    """A server that runs."""

    port: int
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def new_bucket(self) -> str:
        """Name of a new, empty bucket."""
        name = f"bucket-{next(self._numbers)}"
        httpx.put(f"{self.endpoint}/{name}", headers=_signed()).raise_for_status()
        return name

    def keep_versions(self, bucket: str) -> None:
        """Switch a bucket's versioning on."""
        body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        httpx.put(f"{self.endpoint}/{bucket}?versioning", content=body, headers=_signed()).raise_for_status()

    def versions(self, bucket: str) -> str:
        """All that a bucket keeps, as XML."""
        return httpx.get(f"{self.endpoint}/{bucket}?versions", headers=_signed()).raise_for_status().text


@contextmanager
def running_server() -> Iterator[S3Server]:
    """A new server; it is gone, with all that it held, when the block ends."""
    server = S3Server(_free_port())
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(server.port)],
            stdout=log,
            stderr=log,
            env=os.environ | ENVIRONMENT,
        )
        try:
            _wait(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """An S3 server for the whole session, started when a test first asks for it."""
    with running_server() as server:
        yield server


@pytest.fixture
def s3_url(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty store on S3; the environment holds credentials and endpoint while the test runs."""
    use_endpoint(monkeypatch, s3_server.endpoint)
    return f"s3://{s3_server.new_bucket()}/store"


@pytest.fixture
def broken_s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[BrokenProxy]:
    """A proxy before the S3 server; the environment names it as the endpoint while the test runs."""
    import s3fs

    with BrokenProxy(s3_server.port) as proxy:
        use_endpoint(monkeypatch, proxy.endpoint)
        monkeypatch.setattr(s3fs.S3FileSystem, "retries", 2)  # with a pause after each
        yield proxy


def use_endpoint(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Let S3 be reached at an endpoint, also where it was reached at another before."""
    import s3fs

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    s3fs.S3FileSystem.clear_instance_cache()


class BrokenProxy:
    """Passes requests on to a server and breaks those that it was told to."""

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.broken = 0
        """Requests that were broken."""
        self._choose: Callable[[str, str], Fault | None] = lambda method, path: None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> BrokenProxy:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def break_requests(self, fault: Fault, method: str, part: str = "", times: int | None = None) -> None:
        """Break requests from now on.

        Args:
            fault: How.
            method: Of the requests.
            part: Of their path.
            times: How many; none is all.
        """
        left = itertools.count() if times is None else iter(range(times))

        def choose(found: str, path: str) -> Fault | None:
            with self._lock:
                if found == method and part in path and next(left, None) is not None:
                    self.broken += 1
                    return fault
            return None

        self._choose = choose

    def mend(self) -> None:
        """Break nothing from now on."""
        self._choose = lambda method, path: None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = proxy._choose(self.command, self.path)
                if fault in ("503", "403"):
                    self._answer(int(fault), {"Content-Type": "application/xml"}, _error_document(fault))
                elif fault == "drop":
                    self._hang_up()
                elif fault == "cut upload":
                    proxy._send_half(self.command, self.path, dict(self.headers.items()), body)
                    self._hang_up()
                else:
                    self._pass_on(body, fault)

            def _pass_on(self, body: bytes, fault: Fault | None) -> None:
                connection = http.client.HTTPConnection("127.0.0.1", proxy.upstream_port, timeout=60)
                connection.request(self.command, self.path, body, dict(self.headers.items()))
                answer = connection.getresponse()
                data = answer.read()
                headers = {
                    name: value for name, value in answer.getheaders() if name.lower() not in ("connection", "date")
                }
                connection.close()
                if fault == "half answer":
                    data = data[: len(data) // 2]
                    headers = {name: value for name, value in headers.items() if "checksum" not in name.lower()}
                    headers["Content-Length"] = str(len(data))
                self._answer(answer.status, headers, data, cut=fault == "cut answer")

            def _answer(self, status: int, headers: dict[str, str], data: bytes, *, cut: bool = False) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "content-length" not in {name.lower() for name in headers}:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data[: len(data) // 2] if cut else data)
                if cut:
                    self._hang_up()

            def _hang_up(self) -> None:
                self.close_connection = True
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = handle_any  # noqa: N815 - the library asks for these

        return Handler

    def _send_half(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self.upstream_port)) as connection:
            lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
            connection.sendall("\r\n".join(lines).encode() + body[: len(body) // 2])


def _signed() -> dict[str, str]:
    """What moto asks of requests by hand: that they name a key, which it does not check."""
    scope = "test/20260101/us-east-1/s3/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


def _error_document(status: str) -> bytes:
    code = {"503": "InternalError", "403": "AccessDenied"}[status]
    return f"<Error><Code>{code}</Code><Message>{code} of the test</Message></Error>".encode()


def _wait(server: S3Server, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < until:
        assert process.poll() is None, "the S3 server ended"
        try:
            httpx.get(f"{server.endpoint}/moto-api/", timeout=5)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the S3 server does not answer")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
