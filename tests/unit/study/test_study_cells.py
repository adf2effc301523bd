"""From a study to its runs: cells, seeds, stages that are left out, and everything that is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.document import validate
from contracts.errors import BeltlineError, ConfigurationError
from contracts.study import Study
from contracts.study_cells import check_metric, expand, preparatory_runs, starts_from
from contracts.study_file import load_study, resolve_study

BASE: dict[str, Any] = {
    "schema_version": 1,
    "label_map": {"square": ["square"]},
    "data": {
        "train": [{"dataset": "photos", "split": "train"}, {"dataset": "rendered"}],
        "validation": {"dataset": "photos", "split": "train", "reserve": 4},
        "test": {"dataset": "photos", "split": "test"},
    },
    "stages": [{"name": "pretrain", "on": ["rendered"], "steps": 4}, {"name": "finetune", "steps": 4}],
    "seed": 5,
}
AXES: dict[str, Any] = {
    "real": {"path": "data.train.0.take", "values": [0, 4, "all"], "role": "real_images"},
    "synthetic": {"path": "data.train.1.take", "values": [0, 8]},
}


def study(**changes: Any) -> Study:
    values = {
        "schema_version": 1,
        "name": "worth",
        "datasets": {"photos": "shapes@1", "rendered": {"version": "solids@2", "made_by": "beltline render solids"}},
        "base": BASE,
        "axes": AXES,
        "leave_out": [{"real": 0, "synthetic": 0}],
        "report": {"metric": "test.dataset_iou.mean"},
    }
    return validate(Study, {**values, **changes})


def refused(**changes: Any) -> BeltlineError:
    with pytest.raises(ConfigurationError) as caught:
        expand(study(**changes))
    return caught.value


def test_the_cells_are_the_product_of_the_axes_less_what_is_left_out():
    cells = expand(study())
    assert [tuple(cell.values.values()) for cell in cells] == [
        ("0", "8"),
        ("4", "0"),
        ("4", "8"),
        ("all", "0"),
        ("all", "8"),
    ]
    assert cells[2].spec.data.train[0].dataset == "shapes@1"
    assert cells[2].spec.data.train[1].dataset == "solids@2"


def test_stages_without_images_are_left_out_and_their_datasets_are_versions_names():
    by_values = {tuple(cell.values.values()): cell.spec for cell in expand(study())}
    assert [stage.name for stage in by_values["4", "0"].stages] == ["finetune"]
    assert [stage.on for stage in by_values["4", "8"].stages] == [("solids",), None]
    only = [{"name": "pretrain", "on": ["rendered"], "steps": 4}]
    assert "every stage" in refused(base={**BASE, "stages": only}).message


@given(repeat=st.integers(0, 40), other=st.integers(0, 40))
def test_repeats_are_paired_across_cells_and_differ_from_each_other(repeat, other):
    first, second = expand(study())[1:3]
    runs = [cell.run(repeat) for cell in (first, second)]
    assert len({run.seed for run in runs}) == 1
    assert len({run.data.train[0].seed for run in runs}) == 1
    again = first.run(other)
    assert (again == runs[0]) == (repeat == other)
    assert (again.data.train[0].seed == runs[0].data.train[0].seed) == (repeat == other)
    assert again.data.validation == runs[0].data.validation


def test_subsets_are_nested_independent_or_fixed_by_dataset():
    axes = {"real": {"path": "data.train.0.take", "values": [2, 4]}, "synthetic": AXES["synthetic"]}
    kinds = {"photos": "independent", "rendered": "fixed"}
    cells = {
        tuple(cell.values.values()): cell.run(1).data.train
        for cell in expand(study(axes=axes, subsets=kinds, leave_out=[]))
    }
    assert cells["2", "0"][0].seed == cells["2", "8"][0].seed  # paired across the other axis
    assert cells["2", "8"][0].seed != cells["4", "8"][0].seed  # each amount draws for itself
    assert cells["2", "8"][1].seed == 0


def test_independent_shares_draw_each_for_itself():
    base = {**BASE, "data": {**BASE["data"], "train": [{"dataset": "photos", "split": "train", "share": 0.5}]}}
    axes = {"share": {"path": "data.train.0.share", "values": [0.25, 0.5]}}
    stages = [{"name": "all", "steps": 4}]
    asked = study(base={**base, "stages": stages}, axes=axes, leave_out=[], subsets="independent")
    assert len({cell.run(1).data.train[0].seed for cell in expand(asked)}) == 2


def test_options_set_several_fields_and_may_not_meet_another_axis():
    options = {
        "small": {"network.encoder": "resnet18", "stages.1.steps": 2},
        "large": {"network.encoder": "resnet34"},
    }
    cells = expand(study(axes={"network": {"options": options}}, leave_out=[]))
    assert [(cell.spec.network.encoder, cell.spec.stages[1].steps) for cell in cells] == [
        ("resnet18", 2),
        ("resnet34", 4),
    ]
    axes = {"network": {"options": options}, "steps": {"path": "stages.1.steps", "values": [1]}}
    assert refused(axes=axes, leave_out=[]).code == "contradictory_axes"
    assert refused(axes={"all": {"path": "stages", "values": [1]}, **axes}, leave_out=[]).code == "contradictory_axes"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"axes": {}}, "axes"),
        ({"axes": {"real": {"path": "data.train.0.take", "values": []}}}, "values"),
        ({"axes": {"real": {"path": "data.train.0.take", "values": [4, 4]}}}, "twice"),
        ({"axes": {"real": {"path": "data.train.0.take"}}}, "options"),
        ({"axes": {**AXES, "real": {**AXES["real"], "options": {"a": {"seed": 1}}}}}, "not both"),
        ({"leave_out": [{"reel": 0}]}, "real"),
        ({"leave_out": [{"real": 5}]}, "no value '5'"),
        ({"subsets": {"photo": "fixed"}}, "photos"),
        ({"repeats": {"at_least": 3, "at_most": 2}}, "at_least"),
        ({"report": {"compare": {"each": "synthetic", "against": {"synthetic": 1}}}}, "no value '1'"),
        ({"report": {"compare": {"each": "synthetic", "against": {"real": 0}}}}, "synthetic"),
    ],
)
def test_a_study_that_contradicts_itself_is_refused(changes, word):
    with pytest.raises(ConfigurationError) as caught:
        study(**changes)
    assert word in caught.value.message


@pytest.mark.parametrize(
    ("axis", "word"),
    [
        ({"path": "data.train.4.take", "values": [1]}, "data.train.4"),
        ({"path": "netwrk.encoder", "values": ["resnet18"]}, "netwrk"),
        ({"path": "batch_size", "values": [0]}, "batch_size"),
        ({"path": "stages.1.freeze", "values": ["first"]}, "no part 'first'"),
        ({"path": "data.train.0.dataset", "values": ["foto"]}, "no dataset 'foto'"),
        ({"options": {"kept": {"data.mix": "everything"}}}, "'everything' and data.train are both given"),
        ({"path": "network.encoder_weights", "values": ["run:basis"]}, "no run 'basis'"),
    ],
)
def test_a_cell_that_is_no_run_is_refused_by_its_name(axis, word):
    error = refused(axes={"odd": axis}, leave_out=[])
    assert "cell odd" in error.message
    assert word in error.message


def test_every_source_of_a_cell_empty_says_which_cell():
    assert "cell real 0, synthetic 0" in refused(leave_out=[]).message
    assert refused(leave_out=[{"synthetic": 0}, {"synthetic": 8}]).code == "empty_study"


def test_runs_that_others_start_from():
    before = {"basis": {"data.train.0.take": 0}}
    axes = {"start": {"path": "network.encoder_weights", "values": [None, "run:basis"]}}
    asked = study(before=before, axes=axes, leave_out=[])
    assert [starts_from(cell.spec) for cell in expand(asked)] == [None, "basis"]
    assert preparatory_runs(asked)["basis"].data.train[0].take == 0
    with pytest.raises(ConfigurationError, match="starts from 'basis'"):
        preparatory_runs(study(before={**before, "second": {"network.encoder_weights": "run:basis"}}))


def test_pasting_names_datasets_as_the_study_does():
    name = next(iter(study().datasets))
    cell = expand(study(set={"augmentation": {"paste": {"of": [name], "onto": [name]}}}))[0]
    paste = cell.spec.augmentation.paste
    assert paste is not None
    assert paste.of == paste.onto == (study().version_of(name).split("@")[0],)


def test_whole_networks_go_on_from_a_run_of_the_same_kind():
    before = {"basis": {"data.train.0.take": 0}}
    axes = {"start": {"path": "network.weights", "values": [None, "run:basis"]}}
    assert [starts_from(cell.spec) for cell in expand(study(before=before, axes=axes, leave_out=[]))] == [None, "basis"]
    other = {"basis": {"data.train.0.take": 0, "network.architecture": "fpn"}}
    with pytest.raises(ConfigurationError, match=r"cell start run:basis: .* has another architecture: fpn"):
        expand(study(before=other, axes=axes, leave_out=[]))
    with pytest.raises(ConfigurationError, match=r"network\.weights: no run 'base'"):
        expand(study(before=before, axes={"start": {**axes["start"], "values": ["run:base"]}}, leave_out=[]))


def test_the_metric_is_one_that_runs_have():
    check_metric(study(), ["square"])
    assert study().report.metric == "test.mean_dataset_iou"
    for metric, word in (("test.mean_iou", "test.mean_dice"), ("test.dataset_iou.disc", "test.dataset_iou.square")):
        with pytest.raises(ConfigurationError) as caught:
            check_metric(study(report={"metric": metric}), ["square"])
        assert word in caught.value.hint


def test_a_file_may_extend_a_shipped_study_and_names_its_base_beside_it(tmp_path):
    shipped = tmp_path / "shipped"
    (shipped / "runs").mkdir(parents=True)
    (shipped / "runs" / "base.yaml").write_text(
        "schema_version: 1\nlabel_map: {square: [square]}\n"
        "data: {train: [{dataset: photos}], validation: {dataset: photos, reserve: 2}, test: {dataset: t@1}}\n"
        "stages: [{name: all, steps: 100}]\n"
    )
    (shipped / "whole.yaml").write_text(
        "schema_version: 1\nname: whole\ndatasets: {photos: shapes@1}\nbase: runs/base.yaml\n"
        "axes: {real: {path: data.train.0.take, values: [8, 16]}}\nreport: {metric: test.mean_dataset_iou}\n"
    )
    own = tmp_path / "small.yaml"
    own.write_text(
        "extends: whole\nname: small\naxes: {real: {values: [2]}}\nbase: {stages: [{name: all, steps: 3}]}\n"
    )
    found = load_study(str(own), shipped, overrides={"datasets.photos": "others@3"})
    (cell,) = expand(found)
    assert (found.name, cell.spec.stages[0].steps, cell.spec.data.train[0].dataset) == ("small", 3, "others@3")
    assert len(expand(load_study("whole", shipped))) == 2
    with pytest.raises(BeltlineError, match="no study 'hole'") as caught:
        load_study("hole", shipped)
    assert "whole" in caught.value.hint
    with pytest.raises(ConfigurationError, match="is a path"):
        resolve_study({"extends": "whole", "name": "sent", "base": "/etc/passwd"}, shipped)
    assert resolve_study({"extends": "whole", "name": "sent"}, shipped).name == "sent"
