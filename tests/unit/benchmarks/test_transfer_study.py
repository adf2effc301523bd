"""The transfer study's parts that decide whether its table is fair and its verdicts are right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from contracts.frame import FrameRecord
from contracts.process import write_document
from contracts.run import CurvePoint, RunResult
from contracts.scores import ClassScore, SegmentationScores
from tests.benchmarks.transfer import study
from tests.benchmarks.transfer.cells import FULL, SCREENING, Cell, cells, photographs_share, table_of, training_spec
from tests.benchmarks.transfer.findings import Finding, compare, flatness, quarter_means, summarize
from tests.benchmarks.transfer.photographs import DEVELOPMENT, LEARN, TEST, VALIDATION, divide, photographs_folder
from tests.benchmarks.transfer.running import finished, task
from tests.benchmarks.transfer.study_report import as_json, markdown

DIGEST = "sha256:" + "0" * 64


def scores(mean: float) -> SegmentationScores:
    nothing = ClassScore(iou=mean, precision=None, recall=None, truth_px=1, predicted_px=1)
    return SegmentationScores(
        images=3,
        dataset_iou={"mirror": mean, "rear_window": None},
        mean_dataset_iou=mean,
        mean_image_iou=mean,
        classes={"mirror": nothing},
    )


def point(step: int, value: float) -> CurvePoint:
    return CurvePoint(
        step=step, stage="train", train_loss=1, validation_loss=1, validation_mean_iou=value, seconds=step
    )


def finding(cell: Cell, repeat: int, mean: float, curve: tuple[CurvePoint, ...] = ()) -> Finding:
    result = RunResult(
        run="run",
        order_digest=DIGEST,
        best_step=1,
        steps=100,
        stopped_early=False,
        training_images={},
        validation_images=2,
        validation=scores(mean),
        test=scores(mean),
        curve=curve or tuple(point(step, 0.3) for step in (25, 50, 75, 100)),
        seconds=1,
        seconds_per_step=0.1,
        files={},
        environment={},
    )
    return Finding(cell, repeat, f"{cell.name}-r{repeat}", result)


def test_the_full_table_has_every_cell_that_can_learn_something() -> None:
    names = [cell.name for cell in cells(FULL)]
    assert names == ["n0-s2048", "n16-s0", "n16-s2048", "n64-s0", "n64-s2048", "nall-s0", "nall-s2048"]


def test_all_runs_of_a_table_compute_in_the_precision_that_is_asked_for() -> None:
    for arguments, precision in ([], "float32"), (["--precision", "mixed"], "mixed"):
        profile = study.chosen_profile(study._parser().parse_args(arguments))
        specs = [training_spec(cell, 0, profile, "photographs@1", "exterior@1") for cell in cells(profile)]
        assert {spec.precision for spec in specs} == {precision}


def test_a_table_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="0 photographs and 0 synthetic"):
        cells(study.chosen_profile(study._parser().parse_args(["--photographs", "0", "--synthetic-images", "0"])))


@pytest.mark.parametrize("photographs", [16, 64, "all"])
@pytest.mark.parametrize("repeat", [0, 2])
def test_both_arms_differ_in_nothing_but_the_synthetic_images(photographs: int, repeat: int) -> None:
    arms = [
        training_spec(Cell(photographs, count), repeat, FULL, "photographs@1", "exterior@1").model_dump()
        for count in (0, 2048)
    ]
    own = [arm["data"]["train"][0] for arm in arms]
    assert [len(arm["data"]["train"]) for arm in arms] == [1, 2]
    assert arms[1]["data"]["train"][1]["take"] == 2048
    weights = [source["weight"] for source in arms[1]["data"]["train"]]
    assert sum(weights) == pytest.approx(1)
    for source in own:
        del source["weight"]
    assert own[0] == own[1]  # the same photographs: same take, same seed
    for arm in arms:
        del arm["name"], arm["data"]["train"]
    assert arms[0] == arms[1]


def test_repeats_draw_other_photographs_and_other_weights() -> None:
    one, other = (training_spec(Cell(16, 0), repeat, FULL, "photographs@1", None) for repeat in (0, 1))
    assert one.data.train[0].seed != other.data.train[0].seed
    assert one.seed != other.seed


def test_screening_names_the_test_photographs_nowhere() -> None:
    for cell in cells(SCREENING):
        spec = training_spec(cell, 0, SCREENING, "photographs@1", "exterior@1")
        assert TEST not in spec.model_dump_json()
        assert spec.data.test.split == DEVELOPMENT
    assert FULL.scored == TEST


def test_a_cell_with_synthetic_images_needs_a_version() -> None:
    with pytest.raises(ConfigurationError, match="no synthetic version"):
        training_spec(Cell(0, 10), 0, FULL, "photographs@1", None)


@given(st.integers(1, 2000))
def test_more_photographs_are_not_shown_less(photographs: int) -> None:
    assert 0 < photographs_share(photographs) <= photographs_share(photographs + 1) <= photographs_share("all") < 1


def test_rows_are_read_from_text() -> None:
    assert table_of(["0", "16", "all"]) == (0, 16, "all")
    with pytest.raises(ConfigurationError, match="--photographs many"):
        table_of(["many"])


@given(
    groups=st.lists(st.integers(0, 12), min_size=30, max_size=60),
    tests=st.integers(0, 10),
    development=st.integers(0, 12),
)
def test_photographs_are_divided_by_group(groups: list[int], tests: int, development: int) -> None:
    records = [
        FrameRecord(index=place, files={}, size=(1, 1), split="train", group=f"group-{group}")
        for place, group in enumerate(groups)
    ]
    first = len(records)
    records += [
        FrameRecord(index=first + place, files={}, size=(1, 1), split=TEST, group=f"test-{place}")
        for place in range(tests)
    ]
    try:
        splits = divide(records, 6, development)
    except ConfigurationError:  # large groups leave too few for the second part
        return
    assert splits.keys() == {record.index for record in records}
    assert {index for index, split in splits.items() if split == TEST} == set(range(first, first + tests))
    assert sum(split == VALIDATION for split in splits.values()) >= 6
    assert sum(split == DEVELOPMENT for split in splits.values()) >= development
    assert set(splits.values()) <= {LEARN, VALIDATION, DEVELOPMENT, TEST}
    places: dict[str | None, set[str]] = {}
    for record in records:
        places.setdefault(record.group, set()).add(splits[record.index])
    assert all(len(names) == 1 for names in places.values())
    validation = {index for index, split in splits.items() if split == VALIDATION}
    assert validation == {index for index, split in divide(records, 6, 0).items() if split == VALIDATION}


def test_missing_photographs_are_said() -> None:
    with pytest.raises(ConfigurationError, match="BELTLINE_REAL_DATA is not set"):
        photographs_folder({})


def test_a_folder_without_photographs_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no folder carparts"):
        photographs_folder({"BELTLINE_REAL_DATA": str(tmp_path)})


def test_the_command_says_that_photographs_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BELTLINE_REAL_DATA", raising=False)
    assert study.main(["--home", str(tmp_path / "home"), "--generator", "exterior"]) == 2
    assert "BELTLINE_REAL_DATA is not set" in capsys.readouterr().err
    assert not (tmp_path / "home").exists()  # before anything was made


def test_a_run_is_known_by_what_it_is(tmp_path: Path) -> None:
    def made(repeat: int, digest: str) -> str:
        spec = training_spec(Cell(16, 8), repeat, SCREENING, "photographs@1", "exterior@1")
        versions = {"photographs@1": DIGEST, "exterior@1": digest, "other@1": DIGEST}
        return task(spec, versions, store=str(tmp_path), cache=tmp_path, runs=tmp_path).order.run

    other = "sha256:" + "1" * 64
    assert made(0, DIGEST) == made(0, DIGEST)
    assert len({made(0, DIGEST), made(1, DIGEST), made(0, other)}) == 3


def test_a_run_without_synthetic_images_is_the_same_for_every_synthetic_version(tmp_path: Path) -> None:
    spec = training_spec(Cell(16, 0), 0, SCREENING, "photographs@1", "exterior@2")
    runs = {
        task(
            spec, {"photographs@1": DIGEST, name: DIGEST}, store=str(tmp_path), cache=tmp_path, runs=tmp_path
        ).order.run
        for name in ("exterior@1", "exterior@2")
    }
    assert len(runs) == 1


def test_only_a_run_s_own_result_counts(tmp_path: Path) -> None:
    spec = training_spec(Cell(16, 0), 0, SCREENING, "photographs@1", None)
    made = task(spec, {"photographs@1": DIGEST}, store=str(tmp_path), cache=tmp_path, runs=tmp_path)
    assert finished(made) is None
    made.workspace.mkdir()
    result = finding(Cell(16, 0), 0, 0.5).result
    write_document(made.workspace / "result.json", result)
    assert finished(made) is None  # of another order
    write_document(made.workspace / "result.json", result.model_copy(update={"order_digest": made.digest}))
    found = finished(made)
    assert found is not None
    assert found.test.mean_dataset_iou == 0.5


def test_means_and_deviations_are_of_the_repeats() -> None:
    alone, mixed = Cell(16, 0), Cell(16, 8)
    findings = [finding(alone, 0, 0.1), finding(mixed, 0, 0.5), finding(alone, 1, 0.3)]
    summaries = {summary.cell: summary for summary in summarize(findings)}
    assert summaries[alone].mean == pytest.approx(0.2)
    assert summaries[alone].standard_deviation == pytest.approx(0.02**0.5)
    assert summaries[alone].class_iou == {"mirror": pytest.approx(0.2), "rear_window": None}
    assert summaries[mixed].standard_deviation is None


def test_the_test_is_one_sided_and_welch_s() -> None:
    # By hand: difference 0.2, variances 0.01 and 0.04 over 3 each, t = 0.2 / sqrt(0.05 / 3) = 1.549,
    # Welch-Satterthwaite 2.94 degrees of freedom, so p lies between 0.10 and 0.15.
    alone, mixed, single, same = Cell(16, 0), Cell(16, 50), Cell(64, 0), Cell(64, 50)
    values = {alone: [0.2, 0.4, 0.6], mixed: [0.5, 0.6, 0.7], single: [0.5], same: [0.2, 0.2]}
    findings = [finding(cell, repeat, mean) for cell, means in values.items() for repeat, mean in enumerate(means)]
    tested, not_tested = compare(findings)
    assert tested.p_value is not None
    assert 0.10 < tested.p_value < 0.15
    assert not_tested.p_value is None


def test_each_row_is_compared_with_itself_alone() -> None:
    findings = [finding(Cell(n, s), r, n / 100 + s / 100 + r / 1000) for n in (16, 64) for s in (0, 8) for r in (0, 1)]
    findings += [finding(Cell(0, 8), r, 0.5) for r in (0, 1)]  # nothing to compare it with
    found = compare(findings)
    assert [(each.photographs, each.synthetic) for each in found] == [(16, 8), (64, 8)]
    assert [each.difference for each in found] == pytest.approx([0.08, 0.08])
    assert all(each.p_value is not None and each.p_value < 0.05 for each in found)


def test_a_quarter_ends_with_its_last_step() -> None:
    curve = [point(step, value) for step, value in ((1, 0.0), (25, 0.2), (26, 0.4), (100, 0.9))]
    assert quarter_means(curve, 100) == (pytest.approx(0.1), pytest.approx(0.4), None, pytest.approx(0.9))


def test_a_rising_curve_is_not_called_flat() -> None:
    rising = tuple(point(step, step / 100) for step in (25, 50, 75, 100))
    findings = [finding(Cell(16, 0), 0, 0.5, rising), finding(Cell(64, 0), 0, 0.5)]
    assert [each.last_gain for each in flatness(findings)] == pytest.approx([0.25, 0.0])
    text = markdown(findings, FULL, "exterior@1", {})
    assert "| 16 | 0 | 0.250 | 0.500 | 0.750 | 1.000 | +0.250 | no |" in text
    assert "| 64 | 0 | 0.300 | 0.300 | 0.300 | 0.300 | +0.000 | yes |" in text


def test_the_report_says_what_is_missing() -> None:
    findings = [finding(Cell(16, 0), repeat, 0.1 + repeat / 10) for repeat in range(2)]
    text = markdown(findings, FULL, "exterior@1", {"n16-s2048-r0": "out of memory"})
    assert "| 16 | 0.150 ± 0.071 (2) | – |" in text
    assert "n16-s2048-r0: out of memory" in text
    assert len(as_json(findings, FULL, {})["runs"]) == 2
    assert "No run has a result" in markdown([], FULL, "exterior@1", {"n16-s0-r0": "failed"})
