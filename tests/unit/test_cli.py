"""The command line: arguments, exit codes, and what goes to standard output and to standard error."""

from __future__ import annotations

import argparse
import json
import os
import signal
from pathlib import Path

import pytest

from contracts.errors import BeltlineError
from contracts.schemas import DOCUMENTS, export
from server.cli import build_parser, main
from server.commands.session import Session, table

COMMANDS = (
    "serve",
    "doctor",
    "generators",
    "validate",
    "schema",
    "preview",
    "sheet",
    "render",
    "jobs",
    "datasets",
    "import",
    "export",
    "verify",
    "train",
    "report",
    "predict",
    "export-model",
    "explain",
)


def run(*arguments: str | Path) -> int:
    """The exit code of a command line, also where argparse ends it."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


def test_every_command_of_the_interface_is_there() -> None:
    (subparsers,) = [item for item in build_parser()._actions if isinstance(item, argparse._SubParsersAction)]
    assert set(COMMANDS) <= set(subparsers.choices)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "--help") == 0
    printed = capsys.readouterr().out
    assert f"usage: beltline {command}" in printed
    assert "--home DIR" in printed
    assert "--json" in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ["rendre", "exterior"],
        ["render", "exterior"],
        ["render", "exterior", "--frames", "0"],
        ["render", "exterior", "--frames", "-4"],
        ["render", "exterior", "--frames", "many"],
        ["render", "exterior", "--frames", "2000000"],
        ["render", "exterior", "--frames", "2", "--seed", "-1"],
        ["render", "exterior", "--frames", "2", "--size", "64"],
        ["render", "exterior", "--frames", "2", "--size", "0x64"],
        ["render", "exterior", "--frames", "2", "--size", "999999x64"],
        ["render", "exterior", "--frames", "2", "--dataset", "../escape"],
        ["render", "exterior", "--frames", "2", "--set", "camera.size"],
        ["render", "exterior", "--frames", "2", "--set", "camera.size=[64"],
        ["render", "exterior", "--frames", "2", "--set", "camera.siz=[64, 64]"],
        ["render", "exterior", "--frames", "2", "--player", "unreal"],
        ["render", "exterieur", "--frames", "2"],
        ["render", "missing.yaml", "--frames", "2"],
        ["generators", "exterieur"],
        ["validate", "missing.yaml"],
        ["schema", "generatr"],
        ["datasets", "nothing"],
        ["datasets", "exterior@0"],
        ["datasets", "exterior@1"],
        ["export", "exterior@1", "raw", "out"],
        ["export", "exterior@1", "cooked", "out"],
        ["import", "masks", "missing", "--name", "photographs"],
        ["import", "masks", ".", "--name", "photographs", "--split", "train"],
        ["import", "masks", ".", "--name", "Photo Graphs"],
        ["verify", "exterior@1"],
        ["jobs", "job-000000000000"],
        ["jobs", "--follow"],
        ["train", "missing.yaml"],
        ["report", "run-000000000000"],
        ["sheet", "exterior", "--out", "sheet.gif"],
        ["sheet", "exterior@1", "--out", "sheet.png"],
        ["serve", "--port", "70000"],
    ],
)
def test_bad_input_ends_with_2_says_so_and_changes_nothing(
    arguments: list[str],
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert run("--home", home, *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "error: " in printed.err
    assert "Traceback" not in printed.err
    assert list((tmp_path / "work").iterdir()) == []
    assert run("--home", home, "--json", "jobs") == 0
    assert json.loads(capsys.readouterr().out)["items"] == []
    assert run("--home", home, "--json", "datasets") == 0
    assert json.loads(capsys.readouterr().out)["items"] == []


def test_an_error_is_one_line_with_its_hint(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--home", home, "generators", "exterieur") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["beltline: error: no generator 'exterieur'", "  hint: did you mean 'exterior'?"]


def test_shared_options_stand_before_or_after_the_command(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parsed = [
        build_parser().parse_args(["--home", str(home), "--json", "generators"]),
        build_parser().parse_args(["generators", "--home", str(home), "--json"]),
    ]
    assert [Session.of(item).home for item in parsed] == [home, home]
    assert [Session.of(item).as_json for item in parsed] == [True, True]


def test_the_address_of_a_service_comes_from_option_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BELTLINE_URL", "http://one")
    assert Session.of(build_parser().parse_args(["jobs"])).url == "http://one"
    assert Session.of(build_parser().parse_args(["jobs", "--url", "http://two"])).url == "http://two"
    monkeypatch.setenv("BELTLINE_URL", "")
    assert not Session.of(build_parser().parse_args(["jobs"])).remote


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["doctor"],
        ["serve"],
        ["render", "own.yaml", "--frames", "1"],
        ["render", "exterior", "--frames", "1", "--player", "./player"],
    ],
)
def test_what_a_service_does_not_offer_is_refused_before_it_is_asked(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--url", "http://127.0.0.1:9", *arguments) == 2
    assert "works on this machine's home only" in capsys.readouterr().err


def test_a_service_out_of_reach_fails_with_1_and_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--url", "http://127.0.0.1:9", "jobs") == 1
    printed = capsys.readouterr().err
    assert "no service answers at http://127.0.0.1:9" in printed
    assert "beltline serve" in printed


def test_one_schema_is_the_document_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "generator") == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(export("generator")))


def test_schemas_are_written_one_file_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema", "--out", tmp_path / "schemas") == 0
    assert {path.name for path in (tmp_path / "schemas").iterdir()} == {f"{name}.schema.json" for name in DOCUMENTS}
    assert len(capsys.readouterr().out.splitlines()) == len(DOCUMENTS)


def test_generators_are_listed_and_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--home", home, "generators") == 0
    assert "exterior" in capsys.readouterr().out
    assert run("--home", home, "generators", "exterior", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["label_table"][0] == {"id": 0, "name": "background", "color": [0, 0, 0]}
    assert run("--home", home, "generators", "exterior") == 0
    text = capsys.readouterr().out
    assert "OrbitCamera" in text
    assert "back_left_door" in text


def test_a_document_is_judged_with_file_and_line(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("schema_version: 1\nname: night\nextends: exterior\ndescription: At night.\n")
    bad.write_text("schema_version: 1\nname: night\nextends: exterior\nqualty: {unlabelled_pixels_max: 0.1}\n")
    assert run("--home", home, "validate", good) == 0
    assert "valid generator 'night'" in capsys.readouterr().out
    assert run("--home", home, "validate", bad) == 2
    assert f"{bad}:4: qualty: unknown field 'qualty', did you mean 'quality'?" in capsys.readouterr().err


def test_errors_end_with_the_code_of_their_class(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class OddError(BeltlineError):
        exit_code = 3

    def fail(*_: object, **__: object) -> None:
        raise OddError("odd", hint="do this", context={"errors": [{"location": "a", "message": "b"}] * 2})

    monkeypatch.setattr(Session, "service", fail)
    assert run("jobs") == 3
    assert capsys.readouterr().err.splitlines() == ["beltline: error: odd", "  a: b", "  a: b", "  hint: do this"]


def test_sigterm_ends_a_command_as_ctrl_c_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the handler that was there before is back afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Session, "service", lambda session: os.kill(os.getpid(), signal.SIGTERM))
    assert run("jobs") == 1
    assert capsys.readouterr().err == "interrupted\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_tables_align_words_left_and_numbers_right() -> None:
    assert table([("a", 1), ("bcd", 20)], ("NAME", "N")) == "NAME   N\na      1\nbcd   20"
    assert table([], ("NAME", "N")) == "NAME  N"
