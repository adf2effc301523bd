"""Reading what users write: safe YAML, and errors that name file, line, field and the nearest valid word."""

import json

import pytest

from contracts.document import load, parse_json, read_yaml
from contracts.errors import ConfigurationError, NotFoundError, from_dict
from contracts.generator import Generator, load_generator
from contracts.ids import canonical_json
from contracts.label_map import LabelMap
from contracts.overrides import apply_overrides, merge, parse_overrides
from contracts.run import TrainingSpec
from contracts.study import Study

GENERATOR = """\
schema_version: 1
name: sketch
scenario: exterior
camera: {size: [64, 48]}
randomizers:
  sun:
    kind: SunDirection
    elevation_deg: {uniform: [5, 70]}
  occupancy: {kind: Choice, of: {belted: 0.7, empty: 0.3}}
labels:
  seat_belt: {must_appear_in: belted}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sketch.yaml").write_text(GENERATOR)
    return tmp_path


def refusal(function, *arguments, **options):
    with pytest.raises(ConfigurationError) as caught:
        function(*arguments, **options)
    return caught.value


@pytest.mark.parametrize(
    ("wrong", "right", "line", "suggestion"),
    [
        ("elevation_deg", "elevaton_deg", 8, "elevation_deg"),
        ("uniform", "unifrom", 8, "uniform"),
        ("kind: SunDirection", "kind: SunDirecton", 6, "SunDirection"),
        ("must_appear_in", "must_apear_in", 11, "must_appear_in"),
        ("camera", "camra", 4, "camera"),
    ],
)
def test_a_misspelt_word_is_named_with_file_line_and_nearest_word(folder, wrong, right, line, suggestion):
    path = folder / "sketch.yaml"
    path.write_text(GENERATOR.replace(wrong, right))
    error = refusal(load_generator, str(path), folder)
    entries = [entry for entry in error.context["errors"] if suggestion in entry["message"]]
    assert entries, error.context
    assert entries[0]["location"].startswith(f"{path}:{line}:")


def test_every_fault_is_listed_at_once(folder):
    path = folder / "sketch.yaml"
    path.write_text(GENERATOR.replace("[5, 70]", "[70, 5]").replace("[64, 48]", "[0, 48]"))
    error = refusal(load_generator, str(path), folder)
    assert [entry["location"].split(": ")[1] for entry in error.context["errors"]] == [
        "camera.size.0",
        "randomizers.sun.elevation_deg.uniform",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [1]\nb: *x\n",
        "a: !!python/object/apply:os.system ['true']\n",
        "a: 1\na: 2\n",
        "a: [1\n",
        "? [1, 2]\n: 3\n",
        "- " * 5000 + "1",
        "a: " + "x" * (1 << 20),
        "a: 1\n---\nb: 2\n",
    ],
    ids=["alias", "tag", "duplicate", "unclosed", "complex-key", "deep", "large", "two-documents"],
)
def test_yaml_that_is_no_plain_document_is_refused(text):
    assert refusal(read_yaml, text, "x.yaml").message.startswith("x.yaml")


def test_yaml_bomb_is_refused_before_it_unfolds():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "aliases" in refusal(read_yaml, "\n".join(lines), "x.yaml").message


def test_words_that_yaml_1_1_would_change_stay_words():
    value, _ = read_yaml("on: [yes, no, off, 2026-01-01]\nlr: 2e-4\nflag: true\n")
    assert value == {"on": ["yes", "no", "off", "2026-01-01"], "lr": 2e-4, "flag": True}


def test_unknown_generator_names_the_nearest(folder):
    with pytest.raises(NotFoundError) as caught:
        load_generator("sketsh", folder)
    assert "sketch" in caught.value.hint


@pytest.mark.parametrize("name", ["../sketch", "/etc/passwd", "sketch.yaml", "..", "a/b"])
def test_a_service_takes_names_never_paths(folder, name):
    with pytest.raises(NotFoundError):
        load_generator(name, folder, allow_paths=False)


def test_extends_says_only_what_it_adds(folder):
    (folder / "more.yaml").write_text(
        "name: more\nextends: sketch\nrandomizers:\n  sun: {elevation_deg: 30}\n"
        "  light: {kind: Light, exposure_ev: 1}\nlabels: {skin: {}}\n"
    )
    more, base = (load_generator(name, folder) for name in ("more", "sketch"))
    assert more.randomizers["sun"].elevation_deg == 30
    assert more.randomizers["occupancy"] == base.randomizers["occupancy"]
    assert [label.name for label in more.label_table()] == ["background", "seat_belt", "skin"]
    assert more.digest() != base.digest()


def test_extends_in_a_circle_is_refused(folder):
    (folder / "one.yaml").write_text("name: one\nextends: two\n")
    (folder / "two.yaml").write_text("name: two\nextends: one\n")
    assert "circle" in refusal(load_generator, "one", folder).message


def test_overrides_change_the_digest_and_nothing_else(folder):
    changed = load_generator("sketch", folder, overrides={"randomizers.sun.elevation_deg": {"uniform": [5, 20]}})
    assert changed.randomizers["sun"].elevation_deg.uniform == (5, 20)
    assert changed.digest() != load_generator("sketch", folder).digest()
    assert load_generator("sketch", folder, size=(32, 16)).camera.size == (32, 16)


@pytest.mark.parametrize(
    "path", ["randomizers.sum.elevation_deg", "randomizers.sun.elevation", "camera.size.2", "labels.x.y.z", "nme"]
)
def test_unknown_override_path_is_refused(folder, path):
    refusal(load_generator, "sketch", folder, overrides={path: 3})


def test_overrides_are_yaml_by_path():
    parsed = parse_overrides(["a.b={uniform: [5, 20]}", "c=suv", "d=", "e=1e-3", "f=x=y"])
    assert parsed == {"a.b": {"uniform": [5, 20]}, "c": "suv", "d": None, "e": 1e-3, "f": "x=y"}
    assert "write path=value" in refusal(parse_overrides, ["a.b"]).message
    assert "given twice" in refusal(parse_overrides, ["a=1", "a=2"]).message


def test_merge_replaces_a_distribution_of_another_kind_whole():
    assert merge({"x": {"uniform": [1, 2]}}, {"x": {"choice": [3]}}) == {"x": {"choice": [3]}}
    assert merge({"x": {"choice": {"a": 1}}}, {"x": {"choice": {"b": 1}}}) == {"x": {"choice": {"b": 1}}}
    assert merge({"x": {"kind": "A", "y": 1}}, {"x": {"kind": "B"}}) == {"x": {"kind": "B"}}
    assert merge({"x": {"kind": "A"}, "y": 1}, {"x": None}) == {"y": 1}
    assert merge({"x": {"kind": "A", "y": 1}}, {"x": {"z": 2}}) == {"x": {"kind": "A", "y": 1, "z": 2}}


def test_overrides_leave_the_document_alone():
    document = {"a": [1, {"b": 2}]}
    assert apply_overrides(document, {"a.1.b": 5}) == {"a": [1, {"b": 5}]}
    assert document == {"a": [1, {"b": 2}]}


@pytest.mark.parametrize("text", ["{", '{"x": NaN}', '{"schema_version": 1, "extra": 1}', "[" * 100_000])
def test_json_that_is_no_document_is_refused(text):
    refusal(parse_json, LabelMap, text)


def test_documents_of_the_design_are_valid(tmp_path):
    run = tmp_path / "run.yaml"
    run.write_text(
        "schema_version: 1\nlabel_map: carparts-5\ndata:\n  train:\n"
        "    - {dataset: carparts@1, split: train, take: 16, weight: 0.5}\n    - {dataset: exterior@2, take: 2048}\n"
        "  validation: {dataset: carparts@1, split: train, reserve: 32, by: group, seed: 1}\n"
        "  test: {dataset: carparts@1, split: test_public}\n"
        "stages:\n  - {name: pretrain, on: [exterior], steps: 2000}\n"
        "  - {name: finetune, on: [carparts, exterior], steps: 2000, freeze: encoder}\n"
        "optimizer: {kind: adam, encoder_lr: 2.0e-4, decoder_lr: 2.5e-4, weight_decay: 3.0e-4}\n"
    )
    assert load(TrainingSpec, run).stages[0].on == ("exterior",)
    run.write_text(run.read_text().replace("on: [exterior]", "on: [exterio]"))
    assert "exterior" in refusal(load, TrainingSpec, run).message
    study = tmp_path / "study.yaml"
    study.write_text(
        "schema_version: 1\nname: transfer\nbase: run.yaml\naxes:\n"
        "  real: {path: data.train.0.take, values: [16, 64, all]}\nreport: {metric: test.mean_dataset_iou}\n"
    )
    assert load(Study, study).axes["real"].values == (16, 64, "all")


def test_errors_survive_the_way_through_a_file():
    error = ConfigurationError("wrong", code="invalid_name", hint="do this", context={"a": [1]})
    again = from_dict(json.loads(json.dumps(error.to_dict())))
    assert again.to_dict() == error.to_dict()
    assert type(again) is ConfigurationError


def test_generator_labels_can_only_ask_for_variants_that_exist(folder):
    path = folder / "sketch.yaml"
    path.write_text(GENERATOR.replace("must_appear_in: belted", "must_appear_in: belled"))
    assert "belted" in refusal(load, Generator, path).message


def test_the_order_of_labels_is_part_of_the_digest_and_survives_canonical_json(folder):
    labels = "labels:\n  zebra: {}\n  ant: {}\n  bee: {id: 1}\n"
    path = folder / "sketch.yaml"
    path.write_text(GENERATOR.split("labels:")[0] + labels)
    first = load_generator("sketch", folder)
    assert [(label.id, label.name) for label in first.label_table()] == [
        (0, "background"),
        (1, "bee"),
        (2, "zebra"),
        (3, "ant"),
    ]
    assert parse_json(Generator, canonical_json(first)).label_table() == first.label_table()
    path.write_text(
        GENERATOR.split("labels:")[0] + labels.replace("zebra", "swap").replace("ant", "zebra").replace("swap", "ant")
    )
    assert load_generator("sketch", folder).digest() != first.digest()


def test_two_labels_cannot_share_an_id(folder):
    path = folder / "sketch.yaml"
    path.write_text(GENERATOR.split("labels:")[0] + "labels: {a: {id: 2}, b: {id: 2}}\n")
    assert "same id" in refusal(load_generator, "sketch", folder).message
