"""A real PostgreSQL server for tests: on loopback, in a temporary folder, as a user that is not root."""

from __future__ import annotations

import itertools
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = Path("/usr/lib/postgresql")
"""Where Debian puts `<version>/bin`, which is not on the PATH."""
USER = "beltline"
_MEMORY = Path("/dev/shm")
_STEP_TIMEOUT_S = 120


def find_binaries() -> Path | None:
    """Folder of `initdb` and `pg_ctl`; none where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found is not None and shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    versions = [path for path in PACKAGES.glob("*/bin") if (path / "initdb").exists() and (path / "pg_ctl").exists()]
    return max(versions, key=lambda path: int(path.parent.name), default=None)


@dataclass
class PostgresqlServer:
    """A server that runs. It asks for a password, which no URL holds."""

    binaries: Path
    folder: Path
    port: int
    password: str = field(repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs beside the URL."""
        return {"PGPASSWORD": self.password}

    def new_database(self) -> str:
        """URL of a new, empty database."""
        import pg8000.native

        name = f"test_{next(self._numbers)}"
        with pg8000.native.Connection(
            USER, host="127.0.0.1", port=self.port, password=self.password, database="postgres"
        ) as connection:
            connection.run(f"CREATE DATABASE {name}")
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start it, or start it again."""
        self._control("start", "-l", str(self.folder / "log"), "-w")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` ends sessions, `immediate` is as if the machine lost power."""
        self._control("stop", "-m", mode, "-w")

    def _control(self, verb: str, *arguments: str) -> None:
        run_as_another(self.folder, [self.binaries / "pg_ctl", "-D", self.folder / "data", verb, *arguments])


@contextmanager
def running_server(binaries: Path) -> Iterator[PostgresqlServer]:
    """A new server; it is gone, with all that it held, when the block ends."""
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="postgresql-", dir=memory))
    server = PostgresqlServer(binaries, folder, _free_port(), secrets.token_hex(16))
    try:
        (folder / "password").write_text(server.password)
        for path in (folder, folder / "password"):
            _give_away(path)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(server.port),
            "unix_socket_directories": str(folder),
            "fsync": "off",
            "max_connections": "60",
            "shared_buffers": "16MB",
        }
        run_as_another(
            folder,
            [
                *(binaries / "initdb", "-D", folder / "data", "-U", USER, "--pwfile", folder / "password"),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            ],
        )
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_as_another(folder: Path, command: list[str | Path]) -> None:
    """Run a command as a user that is not root: PostgreSQL refuses to run as root."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_STEP_TIMEOUT_S,
        check=False,
        **_identity(),
    )
    log = folder / "log"
    assert done.returncode == 0, done.stdout + (log.read_text() if log.exists() else "")


def _identity() -> dict[str, object]:
    if os.geteuid() != 0:
        return {}
    entry = _unprivileged()
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _unprivileged() -> pwd.struct_passwd:
    return next(entry for entry in pwd.getpwall() if entry.pw_name in ("postgres", "nobody"))


def _give_away(path: Path) -> None:
    if os.geteuid() == 0:
        entry = _unprivileged()
        os.chown(path, entry.pw_uid, entry.pw_gid)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
