"""Settings: precedence, the settings file, players, and which paths a service may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.errors import ConfigurationError, NotFoundError
from server.settings import DEFAULT_HOME, load_settings, shipped_generators, usable_cores


def write(home: Path, text: str) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    path = home / "settings.yaml"
    path.write_text(text)
    return path


def test_the_argument_outranks_the_environment_which_outranks_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(environment={}).home == tmp_path / DEFAULT_HOME
    variables = {"BELTLINE_HOME": str(tmp_path / "named")}
    assert load_settings(environment=variables).home == tmp_path / "named"
    assert load_settings(tmp_path / "given", environment=variables).home == tmp_path / "given"


def test_without_a_file_everything_has_a_value_and_nothing_is_written(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home", environment={})
    assert settings.generators == shipped_generators()
    assert settings.workers == max(1, usable_cores() // 2)
    assert not settings.home.exists()


def test_every_place_of_the_home_lies_in_it(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, environment={})
    places = [settings.assets, settings.jobs_folder, settings.runs_folder, settings.cache, Path(settings.store_url)]
    assert all(place.parent == tmp_path for place in places)
    assert settings.catalog_url == f"sqlite:///{tmp_path}/catalog.db"
    assert settings.jobs_url == f"sqlite:///{tmp_path}/jobs.db"


def test_files_and_tables_may_lie_elsewhere(tmp_path: Path) -> None:
    url = "postgresql://beltline@db.example/beltline"
    write(tmp_path, f"schema_version: 1\nstore: s3://datasets/beltline\ndatabase: {url}\n")
    settings = load_settings(tmp_path, environment={})
    assert settings.store_url == "s3://datasets/beltline"
    assert settings.catalog_url == settings.jobs_url == url
    write(tmp_path, "schema_version: 1\nstore: ../blobs\n")
    assert load_settings(tmp_path, environment={}).store_url == str(tmp_path.parent / "blobs")


@pytest.mark.parametrize(
    "line",
    [
        "store: s3://key:hunter2@datasets/beltline",
        "database: postgresql://beltline:hunter2@db.example/beltline",
        "database: postgresql://beltline@db.example/beltline?password=hunter2",
    ],
)
def test_a_secret_in_the_settings_is_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    write(tmp_path, f"schema_version: 1\n{line}\n")
    with pytest.raises(ConfigurationError, match="holds a password") as refused:
        load_settings(tmp_path, environment={})
    assert "hunter2" not in str(refused.value)
    assert "PGPASSWORD" in refused.value.hint or "AWS_ACCESS_KEY_ID" in refused.value.hint


def test_another_database_than_postgresql_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "schema_version: 1\ndatabase: mysql://db.example/beltline\n")
    with pytest.raises(ConfigurationError, match="database"):
        load_settings(tmp_path, environment={})


def test_relative_paths_in_the_file_start_at_its_folder(tmp_path: Path) -> None:
    write(
        tmp_path / "home",
        "schema_version: 1\n"
        "players: {unity: {path: players/unity.x86_64, arguments: [-force-vulkan]}}\n"
        "import_roots: [photographs]\n"
        "workers: 3\n",
    )
    settings = load_settings(tmp_path / "home", environment={"BELTLINE_IMPORT_ROOTS": f"{tmp_path}/a:{tmp_path}/b"})
    assert settings.player("unity").path == str(tmp_path / "home" / "players" / "unity.x86_64")
    assert settings.player("unity").arguments == ("-force-vulkan",)
    assert settings.import_roots == (tmp_path / "home" / "photographs", tmp_path / "a", tmp_path / "b")
    assert settings.workers == 3


def test_a_named_settings_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"nowhere\.yaml"):
        load_settings(tmp_path, environment={"BELTLINE_SETTINGS": str(tmp_path / "nowhere.yaml")})


def test_a_misspelt_key_names_file_line_and_nearest_word(tmp_path: Path) -> None:
    path = write(tmp_path, "schema_version: 1\nworker: 3\n")
    with pytest.raises(
        ConfigurationError, match=rf"{path}:2: worker: unknown field 'worker', did you mean 'workers'\?"
    ):
        load_settings(tmp_path, environment={})


def test_the_embedded_player_is_always_there_and_its_name_taken(tmp_path: Path) -> None:
    assert load_settings(tmp_path, environment={}).player("embedded").path is None
    write(tmp_path, "schema_version: 1\nplayers: {embedded: {path: /bin/true}}\n")
    with pytest.raises(ConfigurationError, match=r"players\.embedded"):
        load_settings(tmp_path, environment={})


def test_an_unknown_player_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path, environment={}).player("embeded")
    assert caught.value.code == "unknown_player"
    assert "did you mean 'embedded'?" in caught.value.hint


def test_only_the_command_line_may_name_a_player_by_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(tmp_path, environment={}).player("/bin/true")
    assert caught.value.code == "unknown_player"
    assert load_settings(tmp_path, environment={}, allow_paths=True).player("/bin/true").name == "true"


def test_a_service_imports_from_its_roots_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "roots" / "photographs", tmp_path / "secrets"
    inside.mkdir(parents=True)
    outside.mkdir()
    (inside / "link").symlink_to(outside)
    settings = load_settings(tmp_path / "home", environment={"BELTLINE_IMPORT_ROOTS": str(tmp_path / "roots")})
    assert settings.importable(str(inside)) == inside
    for path in (outside, inside / ".." / ".." / "secrets", inside / "link", tmp_path / "roots-not"):
        with pytest.raises(ConfigurationError) as caught:
            settings.importable(str(path))
        assert caught.value.code == "path_not_allowed"


def test_an_import_of_nothing_is_not_found(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, environment={}, allow_paths=True)
    with pytest.raises(NotFoundError):
        settings.importable(str(tmp_path / "missing"))
