"""The report of a study: what it says of tables whose truth is known, that it stands alone, and what it refuses."""

from __future__ import annotations

import csv
import json
import re

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.errors import ConfigurationError
from contracts.study import Comparison, Repeats, StudyReport, UntilConfident
from contracts.study_table import StudyTable, TableAxis, ValidationPoint
from tests.study_tables import METRIC, amounts_axis, learned, simulated
from training.report.study.answer import answer
from training.report.study.findings import find
from training.report.study.lines import exchange_rates
from training.report.study.report import write_study_report
from training.report.study.trainings import mean_curve, quarter_means
from training.report.study.wording import equivalent, replaced, share

REAL = amounts_axis("real", [0, 16, 64, 263], largest_is_all=True)
SYNTHETIC = amounts_axis("synthetic", [0, 64, 512, 2048])
GAIN = Comparison(each="synthetic", against={"synthetic": 0}, test="welch", alternative="greater")
ASKED = StudyReport(metric=METRIC, compare=GAIN)
FIXED = Repeats(at_least=5, at_most=5)
EMPTY = {"real": "0", "synthetic": "0"}


def without_some(cell, repeat):
    if cell == EMPTY:
        return "not_run", "no images to learn from"
    if cell["synthetic"] == "2048" and cell["real"] == "64":
        return "failed", "loss is not finite at step 340 | <b>lower</b> the rate"
    return None


def grid(score, deviation=0.01, repeats=5, **options) -> StudyTable:
    return simulated([REAL, SYNTHETIC], lambda cell, numbers: score(numbers["real"], numbers["synthetic"]), repeats,
                     deviation=deviation, without=without_some, **options)  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    table = grid(learned, parts=True, question="Is <script>alert(1)</script> & so on worth it?")
    folder = tmp_path_factory.mktemp("study")
    return table, write_study_report(table, ASKED, FIXED, folder / "report")


def test_the_answer_tells_what_synthetic_images_replaced():
    found = find(grid(lambda real, synthetic: learned(real, synthetic, harm=0.0)), ASKED, FIXED)
    said = answer(found)
    match = re.match(
        r"2048 synthetic images were worth about (\d+) \[(\d+), (\d+)\] real ones beside 16", said.headline
    )
    assert match, said.headline
    truth = 45 * 2048 / (2048 + 900)
    assert int(match[2]) <= truth <= int(match[3])
    assert any("No gain could be shown beside" in sentence for sentence in said.details)
    assert any(
        "2 " not in caution and "have no result: 5 failed and 5 were not run" in caution for caution in said.cautions
    )


def test_nothing_is_said_beyond_the_largest_amount_measured():
    found = find(grid(lambda real, synthetic: 0.5 + 0.1 * (real > 0) + 0.3 * (synthetic > 0)), ASKED, FIXED)
    beyond = [worth for worth in found.worths if worth.real == 16]
    assert beyond
    assert {equivalent(worth) for worth in beyond} == {"> 263"}
    assert "more than 263 real images alone" in answer(found).headline


def test_scores_too_noisy_to_compare_with_amounts_are_like_no_number_of_them():
    found = find(grid(lambda real, synthetic: 0.3, deviation=0.05, repeats=3), ASKED, Repeats(at_most=3))
    unknown = [worth for worth in found.worths if worth.is_unknown]
    assert unknown
    for worth in unknown:
        assert equivalent(worth) == "can't be told [< 16, > 263]"
        assert replaced(worth).startswith("can't be told [")
    alone = max((worth for worth in found.worths if worth.real == 0), key=lambda worth: worth.mean)
    assert alone.is_unknown
    assert "how many real ones do so can't be told [< 16, > 263]" in " ".join(answer(found).details)
    assert exchange_rates(found, found.worths).axes


def test_no_gain_is_said_to_be_none_and_harm_to_be_harm():
    same = answer(find(grid(lambda real, synthetic: learned(real, 0) if real else 0.1), ASKED, FIXED))
    assert same.headline.startswith(
        "No gain from synthetic images could be shown beside 16, 64 and all (263) real images"
    )
    two_sided = StudyReport(metric=METRIC, compare=GAIN.model_copy(update={"alternative": "two_sided"}))
    harm = find(grid(lambda real, synthetic: learned(real, 0) - 0.1 * (synthetic > 500)), two_sided, FIXED)
    assert re.match(r"(512|2048) synthetic images hurt beside 16 real images", answer(harm).headline)


def test_networks_that_learned_nothing_have_no_answer():
    """Also where one of the noisy cells is better than another at p ≤ 0.05."""
    table = grid(lambda real, synthetic: 0.005 + 0.03 * (synthetic == 512), deviation=0.001)
    said = answer(find(table, ASKED, FIXED))
    assert said.headline.startswith("The networks learned next to nothing: the highest mean of a cell is 0.03")
    assert not any("synthetic" in sentence for sentence in said.details)
    better = answer(
        find(grid(lambda real, synthetic: 0.005 + 0.06 * (synthetic == 512), deviation=0.001), ASKED, FIXED)
    )
    assert "worth about" in better.headline or "synthetic images" in better.headline


def test_cells_trained_once_are_not_tested():
    said = answer(find(grid(learned, repeats=1), ASKED, Repeats()))
    assert "can't be said" in said.headline
    assert any("trained once" in caution for caution in said.cautions)


def test_a_study_without_results_has_a_report_too(tmp_path):
    table = simulated([REAL, SYNTHETIC], lambda cell, numbers: 0.5, 2, without=lambda *_: ("not_run", "no budget left"))
    report = write_study_report(table, ASKED, FIXED, tmp_path)
    assert report.answer.headline.startswith("No run has a result")
    assert "no budget left" in report.markdown.read_text()


def test_an_effect_over_all_cells_is_found_where_no_cell_alone_shows_it():
    decoder = TableAxis(name="decoder", values=("unet", "unetplusplus"))
    encoder = TableAxis(name="encoder", values=tuple(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)))
    table = simulated(
        [encoder, decoder], lambda cell, _: 0.5 + 0.02 * (cell["decoder"] == "unetplusplus"), 4, deviation=0.008
    )
    for test in ("welch", "paired_t"):
        asked = StudyReport(metric=METRIC, compare=Comparison(each="decoder", against={"decoder": "unet"}, test=test))
        found = find(table, asked, FIXED)
        (pooled,) = found.pooled
        assert pooled.cells == 5
        assert pooled.low < 0.02 < pooled.high
        assert (
            "On the average over the other axes, against decoder unet: decoder unetplusplus +" in answer(found).headline
        )


def test_the_page_stands_alone_and_nothing_in_it_is_run(written):
    table, report = written
    page = report.page.read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "&lt;b&gt;lower&lt;/b&gt;" in page
    assert page.count("<svg") == 11
    for loaded in re.findall(r"""(?:src|href|url|@import)\s*[=(]\s*["']?([^"')>\s]*)""", page):
        assert loaded.startswith("#"), loaded
    for axis in table.axes:
        assert axis.title in page


def test_every_run_without_a_result_is_listed_with_its_reason(written):
    _, report = written
    text = report.markdown.read_text()
    assert "| 0 | 0 | not run | 0–4 | no images to learn from |" in text
    assert "| 64 | 2048 | failed | 0–4 | loss is not finite at step 340 \\| \\<b>lower\\</b> the rate |" in text


def test_figures_of_the_markdown_are_there(written):
    _, report = written
    shown = re.findall(r"\]\((figures/[^)]+)\)", report.markdown.read_text())
    assert len(shown) == 11
    assert {report.page.parent / name for name in shown} == set(report.figures)


def test_csv_and_parquet_hold_the_same_and_all_of_it(written):
    table, report = written
    names = {path.stem for path in report.tables}
    curves = {"training_curves"}
    assert names == {"runs", "scores", "cells", "comparisons", "exchange_rates", "break_points", "parts"} | curves
    for name in names:
        folder = report.page.parent / "tables"
        with (folder / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        rows = pyarrow.parquet.read_table(folder / f"{name}.parquet").to_pylist()
        assert [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows] == lines
    runs = pyarrow.parquet.read_table(report.page.parent / "tables" / "runs.parquet")
    assert runs.schema.metadata[b"study_digest"].decode() == table.study_digest
    assert [row["score"] for row in runs.to_pylist()] == [run.scores.get(METRIC) for run in table.runs]
    scores = pyarrow.parquet.read_table(report.page.parent / "tables" / "scores.parquet").num_rows
    assert scores == sum(len(run.scores) for run in table.runs)


def test_the_worst_parts_are_named_with_what_synthetic_images_did_to_them(written):
    table, _ = written
    found = find(table, ASKED, FIXED)
    assert [part.part for part in found.worst_parts] == ["garage-7", "0.00 to 0.21", "back"]
    assert found.worst_parts_against == (found.best[0], "0")


def test_the_same_table_gives_the_same_bytes_and_nothing_of_an_earlier_report_is_left(written, tmp_path):
    table, report = written
    for folder in ("figures", "tables"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "old.csv").write_text("of an earlier report")
    again = write_study_report(table, ASKED, FIXED, tmp_path)
    for path in [report.page, report.markdown, *report.figures, *report.tables]:
        assert (tmp_path / path.relative_to(report.page.parent)).read_bytes() == path.read_bytes(), path.name
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {
        again.page, again.markdown, *again.figures, *again.tables
    }  # fmt: skip


@given(st.randoms(use_true_random=False))
@settings(max_examples=3, deadline=None)
def test_the_order_of_the_runs_does_not_matter(random):
    table = grid(learned, repeats=3)
    runs = list(table.runs)
    random.shuffle(runs)
    one, other = (find(each, ASKED, FIXED) for each in (table, table.model_copy(update={"runs": tuple(runs)})))
    assert one.differences == other.differences
    assert one.worths == other.worths
    assert one.breaks == other.breaks
    assert list(one.means) == list(other.means)


def test_an_adaptive_study_says_its_coverage_and_offers_the_corrected_rule(tmp_path):
    repeats = Repeats(until=UntilConfident(), at_least=7, at_most=30)
    asked = StudyReport(metric=METRIC, figures=("mean_heatmap",))
    report = write_study_report(grid(learned, repeats=7, deviation=0.03), asked, repeats, tmp_path)
    text = report.markdown.read_text()
    assert re.search(r"covers the true mean in 93\.\d % of studies at worst, not in 95 %", text)
    assert re.search(r"corrected rule looks at 96\.\d % intervals", text)
    assert (tmp_path / "tables" / "stopping.csv").exists()


def test_an_axis_may_be_called_like_a_column(tmp_path):
    axes = [TableAxis(name="repeat", values=("a", "b")), TableAxis(name="mean", values=("c",))]
    table = simulated(axes, lambda cell, _: 0.5, 2)
    write_study_report(table, StudyReport(metric=METRIC), FIXED, tmp_path)
    header = (tmp_path / "tables" / "runs.csv").read_text().splitlines()[0].split(",")
    assert header[:3] == ["axis_repeat", "mean", "repeat"]


@pytest.mark.parametrize(
    ("asked", "code", "hint"),
    [
        (StudyReport(metric="test.mean_dataset_io"), "unknown_metric", "test.mean_dataset_iou"),
        (StudyReport(metric=METRIC, figures=("gain_heatmp",)), "unknown_figure", "gain_heatmap"),
    ],
)
def test_what_there_is_not_is_refused_and_nothing_is_written(asked, code, hint, tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        write_study_report(grid(learned, repeats=2), asked, FIXED, tmp_path / "report")
    assert caught.value.code == code
    assert hint in caught.value.hint
    assert not (tmp_path / "report").exists()


def test_only_figures_that_are_asked_for_are_drawn(tmp_path):
    asked = StudyReport(metric=METRIC, compare=GAIN, figures=("gain_heatmap", "worst_slices"))
    report = write_study_report(grid(learned, repeats=2, parts=True), asked, FIXED, tmp_path)
    assert [path.name for path in report.figures] == ["gain_heatmap.svg"]
    assert "Where it is worst" in report.markdown.read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"runs": 2}, "stands twice"),
        ({"cell": {"real": "16", "synthetic": "513"}}, "no value '513', did you mean '512'"),
        ({"cell": {"real": "16"}}, "has the axes"),
        ({"state": "failed", "reason": None, "scores": {}}, "say why"),
        ({"state": "failed", "reason": "killed"}, "only a run that succeeded"),
        ({"run": None}, "has scores, an id and a digest"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(change, words):
    table = grid(learned, repeats=1).model_dump(mode="json")
    row = next(run for run in table["runs"] if run["state"] == "succeeded")
    if "runs" in change:
        table["runs"].append(row)
    else:
        row.update(change)
    with pytest.raises(ValidationError, match=re.escape(words)):
        StudyTable.model_validate_json(json.dumps(table))


@pytest.mark.parametrize(
    "axis",
    [
        {"name": "real", "role": "real_images", "values": ["16", "64"]},
        {"name": "real", "role": "real_images", "values": ["16", "64"], "amounts": [16, None]},
        {"name": "real", "values": ["16", "64"], "amounts": [16]},
        {"name": "real", "values": ["16", "16"]},
    ],
)
def test_an_axis_that_counts_images_says_its_numbers(axis):
    with pytest.raises(ValidationError):
        TableAxis.model_validate(axis)


def test_a_share_is_all_only_where_it_is():
    assert share(0.9996, 1) == "> 99.9 %"
    assert share(1.0) == "100 %"
    assert share(0.932, 1) == "93.2 %"


def still_rising(table):
    """The table, with curves of the first column that rise evenly to their end."""
    rising = [
        run.model_copy(
            update={
                "validation_curve": tuple(
                    ValidationPoint(step=step, mean_dataset_iou=step / 1000) for step in range(50, 401, 50)
                )
            }
        )
        if run.cell["synthetic"] == "0" and run.state == "succeeded"
        else run
        for run in table.runs
    ]
    return table.model_copy(update={"runs": tuple(rising)})


def test_curves_that_still_rise_are_told():
    findings = find(still_rising(grid(learned)), ASKED, FIXED)
    flat = {training.key: training.is_flat for training in findings.trainings}
    assert flat[("16", "0")] is False
    assert flat[("16", "512")] is True
    # Evenly by 0.2 over all 400 steps: a quarter of the steps gains 0.1.
    rising = next(training for training in findings.trainings if training.key == ("16", "0"))
    assert rising.quarters == pytest.approx((0.075, 0.175, 0.275, 0.375))
    assert any("In 3 of " in caution and "still rose" in caution for caution in answer(findings).cautions)
    assert not any("still rose" in caution for caution in answer(find(grid(learned), ASKED, FIXED)).cautions)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 50), st.floats(0, 1), st.floats(-0.3, 0.3))
@settings(max_examples=60, deadline=None)
def test_quarters_of_a_curve_share_its_points_out(scores, every, factor, shift):
    def curve(values):
        return [ValidationPoint(step=(n + 1) * every, mean_dataset_iou=value) for n, value in enumerate(values)]

    quarters = quarter_means(curve(scores))
    known = [quarter for quarter in quarters if quarter is not None]
    assert min(scores) - 1e-9 <= min(known) <= max(known) <= max(scores) + 1e-9
    assert quarters[-1] is not None  # the last evaluation is in the last quarter
    changed = quarter_means(curve([factor * value + shift for value in scores]))
    for before, after in zip(quarters, changed, strict=True):
        assert (before is None) == (after is None)
        assert before is None or after == pytest.approx(factor * before + shift, abs=1e-9)


def test_training_curves_are_a_table_and_a_figure(written):
    _, report = written
    assert "training_curves.csv" in {path.name for path in report.tables}
    with next(path for path in report.tables if path.name == "training_curves.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["step"]) for row in rows} == {str(step) for step in range(40, 801, 40)}
    assert any(path.name.startswith("training_curves") for path in report.figures)


def test_runs_stopped_early_share_a_mean_where_all_have_a_score():
    long, short = [(10, 0.1), (20, 0.4), (30, 0.5)], [(10, 0.3), (20, 0.2)]
    curves = [[ValidationPoint(step=step, mean_dataset_iou=value) for step, value in each] for each in (long, short)]
    assert mean_curve(curves) == [(10, pytest.approx(0.2)), (20, pytest.approx(0.3))]
