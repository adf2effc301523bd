"""What a Beltline process is told about its machine: one folder of state, and an optional file beside it.

Everything lives under `home`. A YAML file (`<home>/settings.yaml`, or the one named by `BELTLINE_SETTINGS`) adds
players, roots for imports and limits, and says where files and tables lie instead:

    schema_version: 1
    players:
      unity: {path: /opt/players/beltline.x86_64, arguments: [-force-vulkan]}
    import_roots: [/data/photographs]
    workers: 4
    store: s3://datasets/beltline
    database: postgresql://beltline@db.example/beltline
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from contracts.document import Document, read_file, read_yaml, validate
from contracts.errors import ConfigurationError, NotFoundError, nearest
from contracts.shard import BridgeSettings, PlayerCommand

DEFAULT_HOME = Path(".beltline")
EMBEDDED_PLAYER = "embedded"
SETTINGS_FILE = "settings.yaml"

_PositiveSeconds = Annotated[float, Field(gt=0)]


class PlayerSettings(Document):
    """A player of this machine."""

    path: Annotated[str, Field(min_length=1)]
    """Executable; a relative path starts at the settings file's folder."""
    arguments: tuple[str, ...] = ()
    """Passed on to it."""


class JobSettings(Document):
    """How jobs are carried out and watched."""

    attempts_max: Annotated[int, Field(ge=1, le=20)] = 3
    """Tries of a job whose process dies, before it is called crashed."""
    heartbeat_timeout_s: _PositiveSeconds = 60.0
    """Silence of a process after which it is taken for hung and ended."""
    lease_s: _PositiveSeconds = 15.0
    """Time after which an engine that went silent loses its jobs to another one."""
    poll_s: _PositiveSeconds = 0.2
    """Pause between two looks of the engine."""
    stop_grace_s: _PositiveSeconds = 10.0
    """Between asking a process to stop and ending it."""


class SettingsFile(Document):
    """The optional settings file."""

    schema_version: Literal[1]
    players: dict[Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$")], PlayerSettings] = {}
    """By the name that requests use; `embedded` is always there."""
    import_roots: tuple[str, ...] = ()
    """Folders that imports over REST may read; a relative one starts at the settings file's folder."""
    generators: str | None = None
    """Folder of generators in place of the shipped ones; relative to the settings file's folder."""
    workers: Annotated[int, Field(ge=1, le=256)] | None = None
    """Render workers that may run at a time; none is one for every two cores."""
    training_runs: Annotated[int, Field(ge=1, le=64)] = 1
    """Training runs that may run at a time."""
    upload_bytes_max: Annotated[int, Field(ge=1)] = 4 << 30
    """Largest uploaded archive."""
    free_bytes_min: Annotated[int, Field(ge=0)] = 256 << 20
    """Free space below which no job is started."""
    store: Annotated[str, Field(min_length=1)] | None = None
    """Where the files of versions lie: a URL of fsspec such as `s3://bucket/prefix`, or a folder, where a relative one
    starts at the settings file's folder; none is the home's own. Credentials come from the environment."""
    database: Annotated[str, Field(pattern=r"^postgresql://")] | None = None
    """PostgreSQL database of catalog and jobs; none is SQLite in the home. The password comes from the environment."""
    jobs: JobSettings = JobSettings()
    bridge: BridgeSettings = BridgeSettings()


class Settings(Document):
    """Settings of one process, complete and absolute."""

    home: Path
    """Folder of all state."""
    generators: Path
    """Folder of named generators."""
    players: dict[str, PlayerSettings] = {}
    import_roots: tuple[Path, ...] = ()
    workers: Annotated[int, Field(ge=1)]
    training_runs: Annotated[int, Field(ge=1)] = 1
    upload_bytes_max: Annotated[int, Field(ge=1)] = 4 << 30
    free_bytes_min: Annotated[int, Field(ge=0)] = 256 << 20
    store: str | None = None
    """Fsspec URL or absolute folder; none is the home's own."""
    database: str | None = None
    """SQLAlchemy URL on PostgreSQL; none is SQLite in the home."""
    jobs: JobSettings = JobSettings()
    bridge: BridgeSettings = BridgeSettings()
    allow_paths: bool = False
    """Whether requests may name generators, players and imports by path: true for the command line on its own home,
    never for a service."""

    @property
    def catalog_url(self) -> str:
        """SQLAlchemy URL of the catalog."""
        return self.database or f"sqlite:///{self.home / 'catalog.db'}"

    @property
    def jobs_url(self) -> str:
        """SQLAlchemy URL of the job table."""
        return self.database or f"sqlite:///{self.home / 'jobs.db'}"

    @property
    def store_url(self) -> str:
        """Where blobs lie."""
        return self.store or str(self.home / "store")

    @property
    def assets(self) -> Path:
        """Content-addressed geometry and textures, shared by workers and players."""
        return self.home / "assets"

    @property
    def jobs_folder(self) -> Path:
        """One folder a job: staging, workspaces, log."""
        return self.home / "jobs"

    @property
    def runs_folder(self) -> Path:
        """One folder a training run."""
        return self.home / "runs"

    @property
    def studies_folder(self) -> Path:
        """One folder a study."""
        return self.home / "studies"

    @property
    def cache(self) -> Path:
        """What can be made again."""
        return self.home / "cache"

    def player(self, name: str) -> PlayerCommand:
        """The player that a request means.

        Args:
            name: `embedded`, a name from the settings, or, where `allow_paths`, the path of an executable.

        Raises:
            ConfigurationError: There is no such player.
        """
        if name == EMBEDDED_PLAYER:
            return PlayerCommand(name=EMBEDDED_PLAYER)
        if name in self.players:
            found = self.players[name]
            return PlayerCommand(name=name, path=found.path, arguments=found.arguments)
        if self.allow_paths and "/" in name:
            path = Path(name).resolve()
            return PlayerCommand(name=path.stem[:64], path=str(path))
        raise ConfigurationError(
            f"no player '{name}'",
            code="unknown_player",
            hint=nearest(name, {EMBEDDED_PLAYER, *self.players})
            + ("; a path needs a '/'" if self.allow_paths else "; players are named in the service's settings"),
        )

    def importable(self, path: str) -> Path:
        """The absolute path of something to import.

        Raises:
            ConfigurationError: It lies outside the allowed roots (also by way of `..` or a link).
            NotFoundError: There is nothing.
        """
        resolved = Path(path).expanduser().resolve()
        if not self.allow_paths and not any(resolved.is_relative_to(root) for root in self.import_roots):
            raise ConfigurationError(
                f"'{path}' lies outside the folders that this service imports from",
                code="path_not_allowed",
                hint="add its folder to import_roots in settings.yaml, or upload an archive",
            )
        if not resolved.exists():
            raise NotFoundError(f"nothing at '{path}'", code="import_not_found", hint="check the path")
        return resolved


def shipped_generators() -> Path:
    """Folder of the generators that come with Beltline."""
    return Path(str(files("generator_configs")))


def load_settings(
    home: Path | str | None = None, *, environment: Mapping[str, str] | None = None, allow_paths: bool = False
) -> Settings:
    """Settings from the arguments, the environment and the settings file, in this order of precedence.

    Args:
        home: Folder of all state; none is `BELTLINE_HOME`, and then `./.beltline`.
        environment: Variables; none is the process's own. `BELTLINE_HOME` names the home, `BELTLINE_SETTINGS` the
            settings file, `BELTLINE_IMPORT_ROOTS` (separated by colons) adds roots for imports.
        allow_paths: See `Settings.allow_paths`.

    Raises:
        ConfigurationError: The settings file is invalid, with line and field.
        NotFoundError: `BELTLINE_SETTINGS` names no file.
    """
    variables = os.environ if environment is None else environment
    folder = Path(home or variables.get("BELTLINE_HOME") or DEFAULT_HOME).expanduser().resolve()
    named = variables.get("BELTLINE_SETTINGS")
    path = Path(named).expanduser().resolve() if named else folder / SETTINGS_FILE
    if named or path.exists():
        value, lines = read_yaml(read_file(path), str(path))
        written = validate(SettingsFile, value, source=str(path), lines=lines)
    else:
        written = SettingsFile(schema_version=1)
    base = path.parent
    if EMBEDDED_PLAYER in written.players:
        raise ConfigurationError(f"{path}: players.{EMBEDDED_PLAYER}: this name is taken", hint="choose another name")
    roots = [base / Path(root).expanduser() for root in written.import_roots]
    roots += [Path(root).expanduser() for root in variables.get("BELTLINE_IMPORT_ROOTS", "").split(":") if root]
    players = {
        name: player.model_copy(update={"path": str((base / Path(player.path).expanduser()).resolve())})
        for name, player in written.players.items()
    }
    return Settings(
        home=folder,
        generators=(base / written.generators).resolve() if written.generators else shipped_generators(),
        players=players,
        import_roots=tuple(root.resolve() for root in roots),
        workers=written.workers or max(1, usable_cores() // 2),
        training_runs=written.training_runs,
        upload_bytes_max=written.upload_bytes_max,
        free_bytes_min=written.free_bytes_min,
        store=_store(written.store, base, path),
        database=_without_password(written.database, "database", path, "PGPASSWORD"),
        jobs=written.jobs,
        bridge=written.bridge,
        allow_paths=allow_paths,
    )


def _store(written: str | None, base: Path, path: Path) -> str | None:
    if written is None or "://" in written or "::" in written:
        return _without_password(written, "store", path, "the environment, such as AWS_ACCESS_KEY_ID")
    return str((base / Path(written).expanduser()).resolve())


def _without_password(url: str | None, field: str, path: Path, place: str) -> str | None:
    """The URL as it is: it is written into orders and logs, so it may hold no secret.

    Raises:
        ConfigurationError: It does, or is none.
    """
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        if parts.password is None and "password=" not in parts.query:
            return url
    except ValueError as error:
        raise ConfigurationError(f"{path}: {field}: not a URL: {error}", hint="write scheme://host/name") from None
    raise ConfigurationError(
        f"{path}: {field}: the URL holds a password",
        code="secret_in_settings",
        hint=f"take it out of the file, and give it by {place}",
    )


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))
