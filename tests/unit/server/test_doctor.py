"""What the doctor says of parts that only some need."""

from __future__ import annotations

from pathlib import Path

import pytest

from server import doctor


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
