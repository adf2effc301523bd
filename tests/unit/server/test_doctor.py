"""What the doctor says of parts that only some need."""

from __future__ import annotations

from pathlib import Path

import pytest
from s3_server import S3Server

from server import doctor
from server.settings import load_settings


@pytest.mark.parametrize(
    ("programs", "status", "said"),
    [
        ({}, "note", "mcs and mono not found"),
        ({"mono": "echo 6"}, "note", "mcs not found"),
        ({"mcs": "", "mono": "echo broken >&2; exit 3"}, "note", "broken"),
        (
            {"mcs": "", "mono": "echo 'Mono JIT compiler version 6.8 (Debian)'"},
            "ok",
            "Mono JIT compiler version 6.8, for",
        ),
    ],
    ids=["neither", "no_compiler", "does_not_start", "works"],
)
def test_mono_is_named_with_what_it_is_for(
    programs: dict[str, str], status: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, line in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (check,) = [item for item in doctor._optional_parts() if item.name == "mono"]
    assert (check.status, check.needed_for) == (status, ())
    assert said in check.detail
    assert (check.hint == "") == (status == "ok")


def test_store_and_database_are_tried_where_they_are_not_in_the_home(
    tmp_path: Path, s3_url: str, postgresql_url: str, s3_server: S3Server
) -> None:
    settings = load_settings(tmp_path / "home", environment={})
    assert [doctor._store(settings).status, doctor._database(settings).status] == ["ok", "ok"]
    assert not settings.home.exists()
    settings = settings.model_copy(update={"store": s3_url, "database": postgresql_url})
    store, database = doctor._store(settings), doctor._database(settings)
    assert (store.status, database.status) == ("ok", "ok")
    assert "wrote, found, read and removed" in store.detail
    assert "PostgreSQL" in database.detail
    assert "<Key>" not in s3_server.versions(s3_url.split("/")[2])  # nothing stays
    elsewhere = {"store": "s3://bucket-of-nobody/store", "database": postgresql_url + "-of-nobody"}
    settings = settings.model_copy(update=elsewhere)
    store, database = doctor._store(settings), doctor._database(settings)
    assert (store.status, database.status) == ("failed", "failed")
    assert "bucket-of-nobody" in store.detail
    assert "does not exist" in database.detail
    assert store.needed_for == database.needed_for == ("store",)
