"""Datasets from the command line: imported, listed, exported, verified; and their jobs."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from server.cli import main

SIZE_PX = (12, 8)


def make_photographs(folder: Path) -> Path:
    """Two splits of tiny pictures with masks, a class table and groups."""
    lines = ["file_name,group"]
    for number, split in enumerate(("train", "train", "test")):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True, exist_ok=True)
        pixels = np.full((SIZE_PX[1], SIZE_PX[0], 3), 40 * number, np.uint8)
        Image.fromarray(pixels).save(folder / split / "images" / f"{number}.png")
        mask = np.eye(SIZE_PX[1], SIZE_PX[0], dtype=np.uint8)
        Image.fromarray(mask).save(folder / split / "masks" / f"{number}.png")
        lines.append(f"{number}.png,g{number}")
    (folder / "classes.json").write_text(json.dumps({"classes": {"0": "background", "1": "mirror"}}))
    (folder / "groups.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Photographs of a test's own."""
    return make_photographs(tmp_path / "photographs")


def import_arguments(folder: Path) -> list[str]:
    return [
        *("import", "masks", str(folder), "--name", "photographs", "--classes", str(folder / "classes.json")),
        *("--groups", str(folder / "groups.csv"), "--split", "train=train", "--split", "test=test"),
    ]


@pytest.fixture(scope="module")
def imported_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A home with an imported version, and the import's job as printed."""
    folder = tmp_path_factory.mktemp("imported")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        arguments = import_arguments(make_photographs(folder / "photographs"))
        assert main(["--home", str(folder / "home"), "--json", *arguments]) == 0
    return folder / "home", json.loads(printed.getvalue())


@pytest.fixture
def imported(imported_once: tuple[Path, dict[str, Any]], home: Path) -> dict[str, Any]:
    """The job of an import that succeeded, in a home of the test's own."""
    shutil.copytree(imported_once[0], home)
    return imported_once[1]


def test_an_import_prints_its_job_and_its_version(imported: dict[str, Any]) -> None:
    assert imported["state"] == "succeeded"
    assert imported["result"]["dataset"] == "photographs@1"
    assert imported["result"]["digest"].startswith("sha256:")


def test_relative_paths_of_an_import_start_where_the_command_runs(
    home: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also those of the class table and the groups."""
    monkeypatch.chdir(photographs)
    arguments = import_arguments(Path())
    assert main(["--home", str(home), *arguments]) == 0
    assert capsys.readouterr().out.startswith("photographs@1  sha256:")


def test_importing_the_same_again_gives_the_same_version(
    imported: dict[str, Any], home: Path, photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From another folder, too."""
    assert main(["--home", str(home), "--json", *import_arguments(photographs)]) == 0
    assert json.loads(capsys.readouterr().out)["result"]["dataset"] == imported["result"]["dataset"]


def test_shares_deal_groups_out_to_splits(home: Path, photographs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, tables = photographs / "train", [photographs / "classes.json", photographs / "groups.csv"]
    arguments = [
        "import",
        "masks",
        str(folder),
        "--name",
        "dealt",
        "--classes",
        str(tables[0]),
        "--groups",
        str(tables[1]),
    ]
    assert main(["--home", str(home), *arguments, "--share", "learn=half", "--share", "validation=0.5"]) == 2
    assert "--share 'learn=half'" in capsys.readouterr().err
    assert main(["--home", str(home), *arguments, "--share", "learn=0.5", "--share", "validation=0.5"]) == 0
    capsys.readouterr()
    assert main(["--home", str(home), "--json", "datasets", "dealt@1"]) == 0
    assert json.loads(capsys.readouterr().out)["splits"] == {"learn": 1, "validation": 1}


def test_a_mask_id_outside_the_class_table_is_bad_input(
    home: Path, photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The job's own verdict decides the exit code, not the mere fact that it failed."""
    mask = np.full((SIZE_PX[1], SIZE_PX[0]), 7, np.uint8)
    Image.fromarray(mask).save(photographs / "train" / "masks" / "1.png")
    assert main(["--home", str(home), *import_arguments(photographs)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "1.png" in printed.err
    assert main(["--home", str(home), "--json", "datasets"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == []


@pytest.mark.usefixtures("imported")
def test_datasets_are_listed_and_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(home), "datasets"]) == 0
    assert "photographs@1       3  imported" in capsys.readouterr().out
    assert main(["--home", str(home), "datasets", "photographs", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [item["version"] for item in shown["versions"]] == [1]
    assert main(["--home", str(home), "datasets", "photographs@1", "--json"]) == 0
    version = json.loads(capsys.readouterr().out)
    assert version["splits"] == {"test": 1, "train": 2}
    assert main(["--home", str(home), "datasets", "photographs@1"]) == 0
    assert "1 mirror" in capsys.readouterr().out


@pytest.mark.usefixtures("imported")
def test_an_export_is_written_once(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["--home", str(home), "export", "photographs@1", "raw", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert len(list((out / "images").iterdir())) == 3
    assert len((out / "frames.jsonl").read_text().splitlines()) == 3
    assert main(["--home", str(home), "export", "photographs@1", "raw", str(out)]) == 2
    assert str(out) in capsys.readouterr().err


@pytest.mark.usefixtures("imported")
def test_an_export_with_a_label_map_by_name_and_by_file(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "map.yaml").write_text("schema_version: 1\nname: mine\nclasses: {glass: [mirror]}\n")
    for number, (label_map, name) in enumerate(((tmp_path / "map.yaml", "glass"), ("carparts-5", "mirror"))):
        out = tmp_path / f"out-{number}"
        order = ["export", "photographs@1", "coco", str(out), "--label-map", str(label_map)]
        assert main(["--home", str(home), *order]) == 0
        assert "3/3" in capsys.readouterr().err
        categories = json.loads((out / "annotations/instances_test.json").read_text())["categories"]
        assert name in [category["name"] for category in categories]
    for wrong, code in (
        ("carparts-6", "carparts-5"),
        (tmp_path / "none.yaml", "none.yaml"),
        ("belt-1", "names none of the source's labels"),
    ):
        order = ["export", "photographs@1", "coco", str(tmp_path / "no"), "--label-map", str(wrong)]
        assert main(["--home", str(home), *order]) == 2
        assert code in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.usefixtures("imported")
def test_verification_names_every_bad_file_and_ends_with_3(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(home), "--json", "verify"]) == 0
    assert json.loads(capsys.readouterr().out)["faults"] == []
    blobs = sorted((home / "store" / "blobs").rglob("*"), key=lambda path: path.stat().st_size)
    damaged, missing = [path for path in blobs if path.is_file()][-2:]
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1
    damaged.chmod(0o644)
    damaged.write_bytes(content)
    missing.unlink()
    for scope in ([], ["photographs@1"]):
        assert main(["--home", str(home), "--json", "verify", *scope]) == 3
        printed = capsys.readouterr()
        assert {Path(fault["path"]) for fault in json.loads(printed.out)["faults"]} == {damaged, missing}
        assert str(damaged) in printed.err
        assert str(missing) in printed.err


def test_jobs_are_listed_shown_and_their_log_printed(
    imported: dict[str, Any], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(home), "jobs"]) == 0
    listed = capsys.readouterr().out
    assert imported["id"] in listed
    assert "photographs@1" in listed
    assert main(["--home", str(home), "jobs", imported["id"], "--follow"]) == 0
    assert "import, succeeded, 3/3 images" in capsys.readouterr().out
    assert main(["--home", str(home), "jobs", imported["id"], "--log"]) == 0


def test_a_job_that_ended_is_not_cancelled(
    imported: dict[str, Any], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(home), "jobs", imported["id"], "--cancel"]) == 2
    assert "beltline: error: " in capsys.readouterr().err


def test_a_retry_carries_the_job_out_again(home: Path, photographs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After a failure whose cause was removed."""
    mask = photographs / "train" / "masks" / "1.png"
    whole = mask.read_bytes()
    mask.write_bytes(whole[:40])
    assert main(["--home", str(home), *import_arguments(photographs)]) == 2
    assert main(["--home", str(home), "--json", "jobs"]) == 0
    capsys_out = capsys.readouterr().out
    (job,) = json.loads(capsys_out)["items"]
    assert job["state"] == "failed"
    mask.write_bytes(whole)
    assert main(["--home", str(home), "--json", "jobs", job["id"], "--retry"]) == 0
    retried = json.loads(capsys.readouterr().out)
    assert retried["result"]["dataset"] == "photographs@1"
    assert [attempt["state"] for attempt in retried["attempts"]] == ["failed", "succeeded"]


@pytest.mark.usefixtures("imported")
@pytest.mark.parametrize(("name", "form"), [("sheet.png", "PNG"), ("sheet.JPG", "JPEG")])
def test_a_sheet_of_a_version_is_a_picture(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, form: str
) -> None:
    out = tmp_path / "sheets" / name
    assert main(["--home", str(home), "sheet", "photographs@1", "--frames", "2", "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    with Image.open(out) as sheet:
        assert (sheet.format, sheet.mode) == (form, "RGB")
        assert len(np.unique(np.asarray(sheet).reshape(-1, 3), axis=0)) > 3


@pytest.mark.usefixtures("imported")
def test_a_damaged_version_is_not_drawn(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One flipped byte ends a command with 3 and the file's name, and nothing is written."""
    for path in (home / "store" / "blobs").rglob("*"):
        if path.is_file() and path.read_bytes().startswith(b"\x89PNG"):
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-1] + b"\0")
    out = tmp_path / "sheet.png"
    assert main(["--home", str(home), "sheet", "photographs@1", "--out", str(out)]) == 3
    assert "photographs@1" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.usefixtures("imported")
def test_tags_descriptions_and_aliases_from_the_command_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        assert main(["--home", str(home), *arguments]) == code
        printed = capsys.readouterr()
        return printed.out if code == 0 else printed.err

    assert "checked generation:6" in run("tag", "photographs@1", "generation:6", "checked")
    assert run("describe", "photographs@latest", "two splits").endswith("two splits\n")
    assert "photographs@1" in run("datasets", "--tag", "generation:6")
    assert "photographs@1" not in run("datasets", "--tag", "generation:7")
    assert "photographs@approved is photographs@1" in run("alias", "photographs@1", "approved", "--reason", "seen")
    shown = run("datasets", "photographs@approved")
    assert "aliases approved, latest" in shown
    assert "tags checked, generation:6" in shown
    assert "seen" in run("alias", "photographs")
    assert "is nothing" in run("alias", "photographs", "approved", "--remove")
    assert "stands for nothing" in run("datasets", "photographs@approved", code=2)
    assert "is not a dataset version" in run("datasets", "photographs@", code=2)
    assert "newest" in run("alias", "photographs@1", "latest", code=2)
    assert "no alias is named" in run("alias", "photographs@1", code=2)
    assert run("tag", "photographs@1", "checked", "generation:6", "--remove") == "photographs@1  no tags\ntwo splits\n"


@pytest.mark.usefixtures("imported")
def test_deleting_and_freeing_from_the_command_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        assert main(["--home", str(home), *arguments]) == code
        printed = capsys.readouterr()
        return printed.out if code == 0 else printed.err

    assert run("gc").startswith("freed 0 of ")
    assert "is not a dataset version" in run("delete", "photographs@latest", code=2)
    assert "deleted photographs@1" in run("delete", "photographs@1", "--reason", "rights withdrawn")
    assert "was deleted" in run("datasets", "photographs@1", code=2)
    assert run("gc", "--dry-run").startswith("would free 7 of 7 files")
    assert run("gc").startswith("freed 7 of 7 files")
    assert run("gc").startswith("freed 0 of 0 files")


@pytest.mark.usefixtures("imported")
def test_statistics_and_differences_from_the_command_line(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        assert main(["--home", str(home), *arguments]) == code
        printed = capsys.readouterr()
        return printed.out if code == 0 else printed.err

    page = tmp_path / "page.html"
    shown = run("datasets", "photographs@1", "--stats", "--page", str(page))
    assert "mirror" in shown
    assert "100.0 %" in shown
    assert page.read_text().startswith("<!doctype html>")
    assert json.loads(run("datasets", "photographs@latest", "--stats", "--json"))["frames"] == 3
    assert "3 frames the same, 0 added" in run("datasets", "photographs@1", "--diff", "photographs@1")
    assert "write NAME@V" in run("datasets", "photographs", "--stats", code=2)
    classes = tmp_path / "glass.yaml"
    classes.write_text("{name: glass, classes: {glass: [mirror]}}")
    mapped = run("datasets", "photographs@1", "--stats", "--page", str(page), "--label-map", str(classes))
    assert "under the label map 'glass'" in mapped
    assert "under the label map glass" in page.read_text()
    diff = run("datasets", "photographs@1", "--diff", "photographs@1", "--label-map", str(classes), "--json")
    assert set(json.loads(diff)["areas"]) == {"background", "glass"}
    assert "carparts-5" in run("datasets", "photographs@1", "--stats", "--label-map", "carparts-6", code=2)
    assert "--stats" in run("datasets", "photographs@1", "--label-map", str(classes), code=2)
    assert "can't be written" in run("datasets", "photographs@1", "--page", str(tmp_path / "no" / "page.html"), code=1)
