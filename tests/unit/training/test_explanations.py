"""What a run looks at in images of a version: pictures, numbers and lineage, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import BeltlineError, ConfigurationError, ConflictError, IntegrityError, NotFoundError
from contracts.explanation import Explanation, ExplanationOrder
from contracts.label_map import LabelMap
from contracts.model import ModelExportOrder
from contracts.run import RunResult, TrainingOrder
from registry.reader import open_version
from tests.unit.training.training_samples import Versions, order, publish
from training import checkpoint, export_model
from training.explain.explainer import logit_weights
from training.explain.guided_backprop import gradient_maps
from training.explain.images import VersionImages, best_and_worst, image_ious
from training.explain.process import explain
from training.models import open_network
from training.process import Monitor, Stopped
from training.run import carry_out

SIZE_PX = (32, 28)
SQUARE_PX = 12
"""Which divides neither side: 3 x 3 squares."""
BOTH = ["guided-backprop", "saliency"]


def carried_out(asked: TrainingOrder) -> TrainingOrder:
    Path(asked.workspace).mkdir()
    with Monitor(Path(asked.workspace), 2, "test", show_bar=False) as monitor:
        carry_out(asked, monitor, "python -m training.run order.json")
    return asked


@pytest.fixture(scope="module")
def trained(shapes: Versions, tmp_path_factory: pytest.TempPathFactory) -> TrainingOrder:
    """A finished run of a network with ReLUs, which sees something by now. Not to be changed."""
    return carried_out(
        order(
            shapes,
            tmp_path_factory.mktemp("trained"),
            network={"architecture": "linknet", "encoder": "tu-test_resnet"},
            image_size=list(SIZE_PX),
            stages=[{"name": "all", "steps": 8}],
            evaluate_every_steps=8,
            augmentation={"horizontal_flip": 0},
        )
    )


@pytest.fixture(scope="module")
def other(shapes: Versions, tmp_path_factory: pytest.TempPathFactory) -> TrainingOrder:
    """A finished run with another rectifier, and a class that no image shows. Not to be changed."""
    asked = order(shapes, tmp_path_factory.mktemp("other"), stages=[{"name": "all", "steps": 2}])
    label_map = LabelMap(name="others", classes={"square": ["square", "frame"], "triangle": ["triangle"]})
    return carried_out(asked.model_copy(update={"label_map": label_map}))


def ask(trained: TrainingOrder, out: Path, *, stop: bool = False, **changes: object) -> Explanation:
    workspace = out.parent / "workspace"
    workspace.mkdir(exist_ok=True)
    asked = {
        "model": trained.workspace,
        "dataset": "shapes@1",
        "digest": trained.versions["shapes@1"],
        "store": trained.store,
        "methods": ["saliency"],
        "square_px": SQUARE_PX,
        "images": 1,
        "out": str(out),
        "workspace": str(workspace),
    }
    with Monitor(workspace, 0, "test", show_bar=False) as monitor:
        if stop:
            monitor.stop()
        return explain(ExplanationOrder.model_validate({**asked, **changes}), monitor)


@pytest.fixture(scope="module")
def found(trained: TrainingOrder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Explanation]:
    """All classes together, and both methods. Not to be changed."""
    out = tmp_path_factory.mktemp("found") / "out"
    return out, ask(trained, out, methods=BOTH, images=2)


def picture_at(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert found is not None, path
    return found


class TestFound:
    def test_is_written_and_says_where_it_comes_from(
        self, found: tuple[Path, Explanation], trained: TrainingOrder
    ) -> None:
        out, explanation = found
        assert Explanation.model_validate_json((out / "explanation.json").read_bytes()) == explanation
        assert explanation.model.run == trained.run
        assert explanation.digest == trained.versions["shapes@1"]
        assert list(explanation.computed_with) == ["torch", "captum"]
        listed = {explanation.page, "explanation.json"}
        for image in explanation.classes[0].images:
            listed |= {image.image, image.truth, image.prediction}
            listed |= {path for item in image.maps for path in (item.picture, item.values)}
        assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} == listed

    def test_is_of_the_images_that_the_run_was_tested_on(
        self, found: tuple[Path, Explanation], trained: TrainingOrder
    ) -> None:
        explanation = found[1]
        result = RunResult.model_validate_json((Path(trained.workspace) / "result.json").read_bytes())
        assert (explanation.split, explanation.compared_images) == ("test", result.test.images)
        (together,) = explanation.classes
        assert (together.class_name, together.shown_by) == (None, result.test.images)  # every picture shows both
        assert together.mean_iou == pytest.approx(result.test.mean_image_iou, abs=2e-3)

    def test_shows_the_best_first_and_the_worst_last(self, found: tuple[Path, Explanation]) -> None:
        images = found[1].classes[0].images
        assert [image.place for image in images] == ["best", "best", "worst", "worst"]
        ious = [image.iou for image in images]
        assert ious == sorted(ious, reverse=True)
        assert len({image.frame for image in images}) == 4

    def test_pictures_lie_side_by_side(self, found: tuple[Path, Explanation]) -> None:
        out, explanation = found
        for image in explanation.classes[0].images:
            paths = [image.image, image.truth, image.prediction, *(item.picture for item in image.maps)]
            (shape,) = {picture_at(out / path).shape for path in paths}
            assert shape == (SIZE_PX[1] * 10, SIZE_PX[0] * 10, 3)

    def test_numbers_are_those_of_the_pictures(self, found: tuple[Path, Explanation]) -> None:
        out, explanation = found
        for image in explanation.classes[0].images:
            for item in image.maps:
                values = np.load(out / item.values)
                shape, kind = ((28, 32), np.float32) if item.method == "guided-backprop" else ((3, 3), np.int32)
                assert (values.shape, values.dtype) == (shape, kind)
                assert values.max() == pytest.approx(item.largest)
                assert (item.on_truth is None) == (not values.any())

    def test_gradients_are_those_of_the_pixels_predicted_as_a_class(
        self, found: tuple[Path, Explanation], trained: TrainingOrder, shapes: Versions
    ) -> None:
        out, explanation = found
        network, _, _ = open_network(Path(trained.workspace))
        checked = 0
        for image in explanation.classes[0].images:
            drawn = picture_at(out / image.image)[..., ::-1]
            plain = np.ascontiguousarray(drawn[::10, ::10])  # enlarged without blending
            pixels = torch.from_numpy(plain).permute(2, 0, 1)[None]
            with torch.no_grad():
                logits = network(pixels)
            weights = (logits >= 0) & (logits == logits.max(dim=1, keepdim=True).values)
            assert int(weights[..., 1:].sum()) == image.predicted_px  # the first column is to be ignored
            expected = gradient_maps(network, pixels, weights.float())[0]
            np.testing.assert_allclose(np.load(out / image.maps[0].values), expected, rtol=1e-4, atol=1e-7)
            checked += int(weights.any())
        assert checked

    def test_the_page_stands_alone(self, found: tuple[Path, Explanation]) -> None:
        out, explanation = found
        page = (out / explanation.page).read_text()
        sources = re.findall(r'(?:src|href)="([^"]*)"', page)
        assert len(sources) == 4 * 5 + 1  # a strip an image, and the scale
        assert all(source.startswith("data:image/") for source in sources)
        assert "http" not in page
        assert explanation.model.order_digest in page


class TestAsked:
    def test_for_one_class_its_own_pixels_count(self, trained: TrainingOrder, tmp_path: Path) -> None:
        found = ask(trained, tmp_path / "out", methods=BOTH, classes=["disc", "square"], counted="truth")
        assert [item.class_name for item in found.classes] == ["disc", "square"]
        for item in found.classes:
            assert item.shown_by <= found.compared_images
            for image in item.images:
                assert image.truth_px > 0
                assert f"-{item.class_name}-" in image.truth
                assert image.maps[0].largest > 0  # its truth is there, whatever is predicted
        both = [image.image for item in found.classes for image in item.images]
        assert len(list((tmp_path / "out" / "pictures").glob("*-image.png"))) == len(set(both))

    def test_frames_by_their_numbers_in_that_order(self, trained: TrainingOrder, tmp_path: Path) -> None:
        found = ask(trained, tmp_path / "out", frames=[13, 2])
        images = found.classes[0].images
        assert [(image.place, image.frame) for image in images] == [("named", 13), ("named", 2)]
        assert (found.split, found.compared_images) == (None, 2)

    def test_another_version_is_looked_through_whole(self, trained: TrainingOrder, tmp_path: Path) -> None:
        more = publish(tmp_path / "more", "more", {"train": 2, "test": 2}, first_seed=50)
        changes = {"dataset": "more@1", "digest": more.digests["more@1"], "store": str(more.store)}
        found = ask(trained, tmp_path / "out", **changes)
        assert (found.dataset, found.split, found.compared_images) == ("more@1", None, 4)
        assert ask(trained, tmp_path / "test", split="test", **changes).compared_images == 2

    def test_a_checkpoint_is_its_run(self, trained: TrainingOrder, tmp_path: Path) -> None:
        by_run = ask(trained, tmp_path / "one")
        by_file = ask(trained, tmp_path / "other", model=str(Path(trained.workspace) / checkpoint.BEST))
        assert by_file == by_run

    @pytest.mark.slow
    def test_saliency_of_an_onnx_file_is_that_of_its_run(self, trained: TrainingOrder, tmp_path: Path) -> None:
        file = tmp_path / "shapes.onnx"
        asked = ModelExportOrder(model=trained.workspace, out=str(file), workspace=str(tmp_path))
        with Monitor(tmp_path, 0, "test", show_bar=False) as monitor:
            export_model.export(asked, monitor)
        by_run = ask(trained, tmp_path / "run", split="test")
        by_file = ask(trained, tmp_path / "file", split="test", model=str(file))
        for one, same in zip(by_run.classes[0].images, by_file.classes[0].images, strict=True):
            assert one.frame == same.frame
            distances = [np.load(tmp_path / out / one.maps[0].values) for out in ("run", "file")]
            np.testing.assert_allclose(*distances, atol=3)  # pixels whose logit is 0 but for rounding


class TestRefused:
    """And nothing is written."""

    def refuse(
        self, kind: type[BeltlineError], code: str, trained: TrainingOrder, out: Path, **changes: object
    ) -> BeltlineError:
        with pytest.raises(kind) as refused:
            ask(trained, out, **changes)
        assert refused.value.code == code
        assert refused.value.hint
        assert not out.exists()
        assert not list(out.parent.glob(".*.partial"))
        return refused.value

    def test_classes_splits_and_frames_that_are_not_there(self, other: TrainingOrder, tmp_path: Path) -> None:
        out = tmp_path / "out"
        error = self.refuse(NotFoundError, "unknown_class", other, out, classes=["sqare"])
        assert error.hint == "did you mean 'square'?"
        self.refuse(NotFoundError, "not_found", other, out, split="tset")
        error = self.refuse(NotFoundError, "unknown_frame", other, out, frames=[3, 77])
        assert "frame 77" in error.message

    def test_a_class_that_no_image_shows(self, other: TrainingOrder, tmp_path: Path) -> None:
        error = self.refuse(ConfigurationError, "class_not_shown", other, tmp_path / "out", classes=["triangle"])
        assert "'triangle'" in error.message
        found = ask(other, tmp_path / "out", classes=["triangle"], frames=[2])
        assert found.classes[0].shown_by == 0
        assert found.classes[0].mean_iou is None

    def test_a_network_that_gradients_can_not_be_guided_through(self, other: TrainingOrder, tmp_path: Path) -> None:
        self.refuse(ConfigurationError, "not_guidable", other, tmp_path / "out", methods=BOTH)

    def test_gradients_of_an_onnx_file(self, other: TrainingOrder, tmp_path: Path) -> None:
        changes = {"methods": ["guided-backprop"], "model": str(tmp_path / "shapes.onnx")}
        self.refuse(ConfigurationError, "no_gradients", other, tmp_path / "out", **changes)

    def test_a_run_that_has_not_ended(self, other: TrainingOrder, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "order.json").write_bytes((Path(other.workspace) / "order.json").read_bytes())
        self.refuse(NotFoundError, "not_found", other, tmp_path / "out", model=str(tmp_path / "run"))

    def test_a_version_of_other_labels(self, other: TrainingOrder) -> None:
        version = open_version(other.store, other.versions["shapes@1"], name="shapes@1")
        with pytest.raises(ConfigurationError, match="'cars' names none of the source's labels") as refused:
            VersionImages(version, LabelMap(name="cars", classes={"door": ["door"]}), SIZE_PX)
        assert refused.value.code == "label_map_mismatch"

    def test_a_folder_that_holds_something(self, other: TrainingOrder, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine.txt").write_text("kept")
        with pytest.raises(ConflictError):
            ask(other, tmp_path / "out")
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]

    def test_a_damaged_image(self, other: TrainingOrder, tmp_path: Path) -> None:
        damaged = publish(tmp_path / "damaged", "shapes", {"test": 2}, first_seed=90)
        largest = max(
            (path for path in damaged.store.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
        )
        data = bytearray(largest.read_bytes())
        data[len(data) // 2] ^= 1
        largest.chmod(0o644)
        largest.write_bytes(data)
        changes = {"digest": damaged.digests["shapes@1"], "store": str(damaged.store)}
        error = self.refuse(IntegrityError, "integrity", other, tmp_path / "out", **changes)
        assert "shapes@1" in error.message

    def test_nothing_stays_of_what_is_stopped(self, other: TrainingOrder, tmp_path: Path) -> None:
        with pytest.raises(Stopped):
            ask(other, tmp_path / "out", stop=True)
        assert not (tmp_path / "out").exists()
        assert not list(tmp_path.glob(".*.partial"))


def test_logits_count_where_they_are_asked_to() -> None:
    labels = np.array([[0, 1, 2], [255, 2, 1]], np.uint8)
    assert logit_weights(labels, 2, None).tolist() == [[[0, 1, 0], [0, 0, 1]], [[0, 0, 1], [0, 1, 0]]]
    assert logit_weights(labels, 2, 2).tolist() == [[[0, 0, 0], [0, 0, 0]], [[0, 0, 1], [0, 1, 0]]]
    assert logit_weights(labels, 2, 1, everywhere=True).tolist() == [[[1, 1, 1], [1, 1, 1]], [[0, 0, 0], [0, 0, 0]]]
    assert logit_weights(labels, 2, None, everywhere=True).all()


def test_iou_of_an_image_is_over_the_classes_that_are_there_or_predicted() -> None:
    """Of (hit, false, missed) pixels; [Volvo] counts what is neither as right, which tells of no class that is."""
    neither, missed, half = (0, 0, 0), (0, 0, 9), (4, 3, 1)
    counts = np.array([[neither, half, missed], [neither, half, neither], [neither, neither, neither]])
    np.testing.assert_allclose(image_ious(counts, None), [0.25, 0.5, 1], atol=1e-6)
    np.testing.assert_allclose(image_ious(counts, 1), [1, 1, 1])
    np.testing.assert_allclose(image_ious(counts, 3), [0, 1, 1], atol=1e-6)


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=12), st.integers(1, 5), st.data())
def test_best_and_worst_are_the_ends_and_nobody_is_both(scores: list[float], count: int, data: st.DataObject) -> None:
    places = data.draw(st.sets(st.integers(0, len(scores) - 1), min_size=1))
    best, worst = best_and_worst(np.array(scores), sorted(places), count)
    assert len(set(best) | set(worst)) == len(best) + len(worst) == min(2 * count, len(places))
    assert len(best) - len(worst) in (0, 1)
    left = places - set(best) - set(worst)
    ranked = [scores[place] for place in (*best, *sorted(left, key=lambda place: -scores[place]), *worst)]
    assert ranked == sorted(ranked, reverse=True)
