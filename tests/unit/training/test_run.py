"""Whole runs in this process: results, resuming, stages, stopping early, diverging, and orders that are refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import pytest
import torch
from filelock import FileLock

from contracts.errors import (
    CapabilityMissingError,
    ConfigurationError,
    ConflictError,
    IntegrityError,
    TrainingDivergedError,
)
from contracts.process import read_error, read_progress
from contracts.run import RunResult, TrainingOrder
from tests.unit.training.training_samples import LABEL_MAP, Versions, order, publish
from training import checkpoint, loop
from training.process import Monitor, Stopped
from training.run import carry_out, main, order_digest, summary

WITH_DROPOUT = {"architecture": "fpn", "encoder": "tu-mobilenetv3_small_050"}
SHAPES = {"dataset": "shapes@1", "split": "train", "take": 6}


class StoppingMonitor(Monitor):
    """Asks to stop once so many steps are done, or once it is told something."""

    def __init__(self, workspace: Path, *, at_step: int | None = None, at_words: str | None = None) -> None:
        super().__init__(workspace, 100, "test", show_bar=False)
        self._at_step = at_step
        self._at_words = at_words

    def step(self, done: int, message: str, total: int | None = None) -> None:
        super().step(done, message, total)
        if done == self._at_step:
            self.stop()

    def say(self, message: str) -> None:
        if self._at_words is not None and re.match(self._at_words, message):
            self.stop()
        super().say(message)


def run(asked: TrainingOrder, **stop: object) -> RunResult:
    workspace = Path(asked.workspace)
    workspace.mkdir(parents=True, exist_ok=True)
    with StoppingMonitor(workspace, **stop) as monitor:
        return carry_out(asked, monitor, "python -m training.run order.json")


def weights(asked: TrainingOrder, name: str = checkpoint.LAST) -> dict[str, torch.Tensor]:
    values = checkpoint.load(Path(asked.workspace) / name)
    assert values is not None
    return values["model"]


def same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def without_times(result: RunResult) -> dict:
    values = result.model_dump(mode="json", exclude={"seconds", "seconds_per_step", "run"})
    for point in values["curve"]:
        del point["seconds"]
    return values


@pytest.fixture(scope="module")
def finished(shapes: Versions, tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingOrder, RunResult]:
    asked = order(shapes, tmp_path_factory.mktemp("finished"), network=WITH_DROPOUT)
    return asked, run(asked)


class TestResult:
    def test_says_what_was_learned_from_and_scored(self, finished):
        asked, result = finished
        assert result.order_digest == order_digest(asked)
        assert result.training_images == {"shapes@1/train": 6}
        assert (result.validation_images, result.test.images, result.steps) == (4, 6, 4)
        assert [point.step for point in result.curve] == [2, 4]
        assert list(result.test.dataset_iou) == ["square", "disc"]
        assert result.best_step in (2, 4)
        assert result.environment["versions"]["torch"] == torch.__version__
        assert "mean dataset IoU" in summary(result)

    def test_test_images_are_scored_in_detail_and_validation_images_are_not(self, finished):
        _, result = finished
        assert result.test.calibration.all.error >= 0
        low, high = result.test.intervals.mean_dataset_iou
        assert 0 <= low <= high <= 1
        assert result.test.mean_boundary_f is not None
        assert result.validation.intervals is None
        assert result.validation.mean_dice is not None

    def test_result_and_files_are_where_it_says(self, finished):
        asked, result = finished
        workspace = Path(asked.workspace)
        assert RunResult.model_validate_json((workspace / "result.json").read_bytes()) == result
        assert all((workspace / file).exists() for file in result.files.values())
        assert list((workspace / "tensorboard").glob("events*"))
        assert read_progress(workspace).done == 4

    def test_the_report_stands_alone_and_leads_back_to_the_data(self, finished):
        asked, result = finished
        page = (Path(asked.workspace) / "report.html").read_text()
        loaded = re.findall(r'(?:src|href|xlink:href)\s*=\s*"([^"]{0,40})|url\(([^)]{0,40})', page)
        assert all(found[0].startswith(("data:image/jpeg", "#")) or found[1].startswith("#") for found in loaded)
        for cited in (result.order_digest, *asked.versions.values(), "python -m training.run order.json", "shapes@1"):
            assert cited in page
        assert page.count("data:image/jpeg") >= 3 * 8

    def test_the_markdown_says_the_same_and_its_pictures_are_there(self, finished):
        asked, result = finished
        workspace = Path(asked.workspace)
        text = (workspace / result.files["markdown"]).read_text()
        for cited in (result.order_digest, *asked.versions.values(), "python -m training.run order.json", "shapes@1"):
            assert cited in text
        assert f"| disc | {result.test.dataset_iou['disc']:.3f} |" in text
        shown = re.findall(r"!\[[^]]*\]\(([^)]*)\)", text)
        assert {"figures/curves.svg", "figures/classes.svg", "figures/reliability.svg"} < set(shown)
        strips = [workspace / name for name in shown if name.endswith("-strip.jpg")]
        assert len(strips) == 4 + 4 + 6
        for path in strips:
            height, width = cv2.imread(str(path)).shape[:2]
            assert (width - 8) / height == 3, "image, truth and prediction"

    def test_the_kept_network_is_the_best_by_validation(self, finished):
        _, result = finished
        best = max(result.curve, key=lambda point: (point.validation_mean_iou, -point.step))
        assert result.best_step == best.step
        assert result.validation.mean_dataset_iou == pytest.approx(best.validation_mean_iou)

    def test_asked_again_it_says_the_same_and_trains_nothing(self, finished, monkeypatch):
        asked, result = finished
        monkeypatch.setattr(loop, "train_stage", lambda *_: pytest.fail("trained again"))
        assert run(asked) == result

    def test_checkpoints_are_read_without_running_code(self, finished):
        asked, _ = finished
        for name in (checkpoint.BEST, checkpoint.LAST):
            torch.load(Path(asked.workspace) / name, weights_only=True)


def test_a_class_that_no_training_image_shows_is_named(shapes, workplace, capsys):
    with_ghost = LABEL_MAP.model_copy(update={"classes": {**LABEL_MAP.classes, "ghost": ["ghost"]}})
    asked = order(shapes, workplace, stages=[{"name": "first", "steps": 2}]).model_copy(
        update={"label_map": with_ghost}
    )
    assert run(asked).classes_not_shown == ("ghost",)
    assert "no training image shows ghost" in capsys.readouterr().err
    for name in ("report.html", "report.md"):
        assert "No training image shows ghost" in (Path(asked.workspace) / name).read_text()


class TestRepeating:
    def test_the_same_order_gives_the_same_network_and_scores(self, finished, shapes, workplace):
        asked, result = finished
        again = order(shapes, workplace, network=WITH_DROPOUT)
        assert without_times(run(again)) == without_times(result)
        assert same_weights(weights(again), weights(asked))

    def test_another_seed_gives_another_network(self, finished, shapes, workplace):
        other = order(shapes, workplace, network=WITH_DROPOUT, seed=0)
        run(other)
        assert not same_weights(weights(other), weights(finished[0]))

    @pytest.mark.parametrize(
        "stop",
        [
            {"at_step": 1},
            {"at_step": 3},
            {"at_words": "validating: 0/4"},
            {"at_step": 4},
            {"at_words": "scoring the test images: 4/6"},
            {"at_words": "drawing the report"},
        ],
        ids=lambda stop: str(*stop.values()),
    )
    def test_stopped_anywhere_and_resumed_it_is_as_if_undisturbed(self, finished, shapes, workplace, stop):
        asked, result = finished
        disturbed = order(shapes, workplace, network=WITH_DROPOUT)
        with pytest.raises(Stopped):
            run(disturbed, **stop)
        assert not (Path(disturbed.workspace) / "result.json").exists()
        unfinished = Path(disturbed.workspace) / "checkpoints" / ".last.pt.99999.tmp"
        unfinished.write_bytes(b"half a checkpoint of a process that was killed")
        assert without_times(run(disturbed)) == without_times(result)
        assert not unfinished.exists()
        for name in (checkpoint.BEST, checkpoint.LAST):
            assert same_weights(weights(disturbed, name), weights(asked, name))


class TestStages:
    @pytest.mark.parametrize("frozen_statistics", ["update", "keep"])
    def test_a_frozen_encoder_keeps_its_weights_and_if_asked_its_statistics(self, shapes, workplace, frozen_statistics):
        head = {"name": "head", "steps": 2, "freeze": "encoder", "frozen_statistics": frozen_statistics}
        stages = [{"name": "whole", "steps": 2}, head]
        asked = order(shapes, workplace, stages=stages)
        with pytest.raises(Stopped):
            run(asked, at_step=2)
        before = weights(asked)
        run(asked)
        after = weights(asked)
        encoder = {name for name in before if name.startswith("network.encoder.")}
        statistics = {name for name in encoder if "running_" in name}
        counters = {name for name in encoder if name.endswith("num_batches_tracked")}
        assert statistics
        for name in before:
            is_frozen = name in (encoder if frozen_statistics == "keep" else encoder - statistics - counters)
            assert torch.equal(before[name], after[name]) == is_frozen, name

    def test_early_stopping_ends_a_stage_and_not_the_run(self, shapes, workplace):
        asked = order(
            shapes,
            workplace,
            stages=[{"name": "a", "steps": 30}, {"name": "b", "steps": 20}],
            optimizer={"encoder_lr": 1e-12, "decoder_lr": 1e-12},
            early_stopping={"metric": "validation.mean_iou", "patience": 2},
        )
        result = run(asked)
        assert result.stopped_early
        assert {point.stage for point in result.curve} == {"a", "b"}
        assert result.steps < 50

    @pytest.mark.parametrize("kind", ["adamw", "sgd"])
    def test_other_optimizers_train(self, shapes, workplace, kind):
        optimizer = {"kind": kind, "encoder_lr": 1e-3, "decoder_lr": 1e-3}
        assert run(order(shapes, workplace, optimizer=optimizer)).steps == 4

    def test_mixed_precision_trains(self, shapes, workplace):
        result = run(order(shapes, workplace, precision="mixed"))
        assert result.environment["precision"] == "bfloat16"


def test_it_learns(shapes, workplace):
    """A bright square and a dark disc are found after 60 steps, far better than after 2."""
    asked = order(
        shapes,
        workplace,
        stages=[{"name": "first", "steps": 60}],
        evaluate_every_steps=20,
        batch_size=6,
        network={"architecture": "unet", "encoder": "tu-mobilenetv3_small_050"},
        optimizer={"encoder_lr": 5e-3, "decoder_lr": 5e-3, "weight_decay": 0},
        augmentation={"scale": [1, 1], "rotate_deg": 0, "hue_saturation": 0},
    )
    assert run(asked).test.mean_dataset_iou > 0.5


class TestRefusals:
    def refuse(self, asked: TrainingOrder, kind: type[Exception], words: str) -> Exception:
        with pytest.raises(kind, match=words) as caught:
            run(asked)
        assert not (Path(asked.workspace) / "checkpoints").exists(), "something was trained"
        return caught.value

    def test_a_loss_that_is_not_finite_is_named_with_step_and_stage(self, shapes, workplace):
        optimizer = {"kind": "sgd", "encoder_lr": 1e25, "decoder_lr": 1e25}
        asked = order(shapes, workplace, optimizer=optimizer, stages=[{"name": "wild", "steps": 9}])
        with pytest.raises(TrainingDivergedError, match=r"at step [2-4], in stage 'wild'") as caught:
            run(asked)
        assert caught.value.context["stage"] == "wild"

    def test_a_workspace_of_another_order(self, finished, shapes):
        asked, _ = finished
        folder = Path(asked.workspace).parent
        with pytest.raises(ConflictError, match="result of another order"):
            run(order(shapes, folder, network=WITH_DROPOUT, seed=99))

    def test_a_checkpoint_of_another_order(self, shapes, workplace):
        with pytest.raises(Stopped):
            run(order(shapes, workplace), at_step=1)
        with pytest.raises(ConflictError, match="run of another order"):
            run(order(shapes, workplace, seed=99))

    def test_a_damaged_checkpoint(self, shapes, workplace):
        asked = order(shapes, workplace)
        with pytest.raises(Stopped):
            run(asked, at_step=1)
        file = Path(asked.workspace) / checkpoint.LAST
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        with pytest.raises(IntegrityError, match=r"last\.pt can't be read"):
            run(asked)

    def test_testing_on_training_images(self, shapes, workplace):
        data = {
            "train": [SHAPES],
            "validation": {"dataset": "shapes@1", "split": "test", "reserve": 2},
            "test": {"dataset": "shapes@1", "split": "train"},
        }
        error = self.refuse(order(shapes, workplace, data=data), ConfigurationError, "of the test set")
        assert error.code == "test_set_leak"

    def test_a_stage_without_images_before_any_is_trained(self, workplace, shapes):
        other = publish(workplace, "other", {"train": 4}, first_seed=100)
        digests = {**other.digests, **publish(workplace, "shapes", {"train": 12, "test": 6}).digests}
        asked = order(
            Versions(other.store, digests),
            workplace,
            data={
                "train": [SHAPES, {"dataset": "other@1", "take": 0}],
                "validation": {"dataset": "shapes@1", "split": "train", "reserve": 4},
                "test": {"dataset": "shapes@1", "split": "test"},
            },
            stages=[{"name": "a", "on": ["shapes"], "steps": 2}, {"name": "b", "on": ["other"], "steps": 2}],
        )
        self.refuse(asked, ConfigurationError, "stage 'b' is left without images")

    def test_a_version_without_a_digest(self, shapes, workplace):
        asked = order(shapes, workplace).model_copy(update={"versions": {}})
        self.refuse(asked, ConfigurationError, "gives no digest of shapes@1")

    def test_a_label_map_of_other_labels(self, shapes, workplace):
        other = LABEL_MAP.model_copy(update={"classes": {"belt": ["seat_belt"]}})
        asked = order(shapes, workplace).model_copy(update={"label_map": other})
        self.refuse(asked, ConfigurationError, "names none of the source's labels")

    def test_classes_that_no_image_shows(self, shapes, workplace):
        dull = LABEL_MAP.model_copy(update={"classes": {"nothing": ["belt"]}, "ignore": ["square"]})
        asked = order(shapes, workplace).model_copy(update={"label_map": dull})
        self.refuse(asked, ConfigurationError, "no pixel of 4 images of shapes@1 is of a class")

    @pytest.mark.parametrize(("split", "where"), [("train", "train"), ("test", "test")])
    def test_blank_images_are_named(self, workplace, split, where):
        source = publish(workplace, "shapes", {"train": 12, "test": 6}, blank={split: [1]})
        data = {**order(source, workplace).spec.data.model_dump(mode="json"), "train": [{**SHAPES, "take": "all"}]}
        data["validation"]["reserve"] = 1
        error = self.refuse(order(source, workplace, data=data), ConfigurationError, f"data.{where}.*are blank")
        assert error.code == "blank_image"
        assert len(error.context["frames"]) == 1

    def test_a_gpu_that_is_not_there(self, shapes, workplace, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        self.refuse(order(shapes, workplace, device="cuda"), CapabilityMissingError, "no usable GPU")

    def test_batches_of_one_for_a_network_that_pools_to_one_value(self, shapes, workplace):
        asked = order(shapes, workplace, batch_size=1, network={"architecture": "deeplabv3", "encoder": "resnet18"})
        self.refuse(asked, ConfigurationError, "batches of one image")


def test_an_order_with_a_misspelt_field_is_refused_where_its_supervisor_looks(shapes, workplace, capsys):
    asked = json.loads(order(shapes, workplace).model_dump_json())
    asked["spec"]["batchsize"] = 4
    path = workplace / "order.json"
    path.write_text(json.dumps(asked))
    assert main([str(path)]) == 2
    assert "did you mean 'batch_size'" in capsys.readouterr().err
    error = read_error(workplace)
    assert error is not None
    assert error.code == "invalid_document"


def test_a_second_process_in_one_workspace_is_refused(shapes, workplace, capsys):
    asked = order(shapes, workplace)
    workspace = Path(asked.workspace)
    workspace.mkdir()
    (workplace / "order.json").write_text(asked.model_dump_json())
    with FileLock(workspace / "trainer.lock"):
        assert main([str(workplace / "order.json")]) == 1
    assert "another process works in" in capsys.readouterr().err


def test_where_a_run_happens_is_no_part_of_its_digest(shapes, workplace):
    one = order(shapes, workplace / "a", run="one")
    other = order(shapes, workplace / "b", run="other")
    changed = order(shapes, workplace / "b", run="other", seed=4)
    assert order_digest(one) == order_digest(other) != order_digest(changed)
    assert json.loads(one.model_dump_json())["workspace"] != json.loads(other.model_dump_json())["workspace"]
