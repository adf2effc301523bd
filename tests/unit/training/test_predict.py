"""Masks of photographs by a trained model: their pixels, sizes and lineage, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from contracts.errors import BeltlineError, ConfigurationError, ConflictError, IntegrityError, TrainingError
from contracts.model import PredictionOrder, Predictions
from contracts.run import Loss, TrainingOrder
from registry.formats.png import is_indexed
from tests.unit.training.training_samples import LABEL_MAP, Versions, order, picture
from training import checkpoint
from training.models import open_model, open_network
from training.predict import class_ids, predict
from training.process import Monitor, Stopped
from training.run import carry_out, order_digest
from training.tasks.segmentation import Segmentation

ROTATED_BY_90_DEG = 6
"""EXIF orientation: the stored picture is to be turned clockwise."""


@pytest.fixture(scope="module")
def trained(shapes: Versions, tmp_path_factory: pytest.TempPathFactory) -> TrainingOrder:
    """A finished run. Not to be changed."""
    asked = order(shapes, tmp_path_factory.mktemp("trained"))
    Path(asked.workspace).mkdir()
    with Monitor(Path(asked.workspace), 4, "test", show_bar=False) as monitor:
        carry_out(asked, monitor, "python -m training.run order.json")
    return asked


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Three pictures: one as a turned JPEG in a folder below, one as PNG, one of the size that the network takes."""
    folder = tmp_path / "photographs"
    (folder / "more").mkdir(parents=True)
    exif = Image.Exif()
    exif[0x0112] = ROTATED_BY_90_DEG
    Image.fromarray(picture(1, (90, 60))[0]).save(folder / "more" / "turned.JPG", exif=exif, quality=95)
    Image.fromarray(picture(2, (47, 71))[0]).save(folder / "plain.png")
    Image.fromarray(picture(3, (32, 32))[0]).save(folder / "same-size.png")
    (folder / "notes.txt").write_text("not a photograph")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def ask(model: Path | str, photographs: Path, out: Path, *, overlays: bool = False) -> Predictions:
    workspace = out.parent / "workspace"
    workspace.mkdir(exist_ok=True)
    asked = PredictionOrder(
        model=str(model), images=str(photographs), out=str(out), overlays=overlays, workspace=str(workspace)
    )
    with Monitor(workspace, 0, "test", show_bar=False) as monitor:
        return predict(asked, monitor)


def mask_at(path: Path) -> np.ndarray:
    assert is_indexed(path.read_bytes())
    with Image.open(path) as image:
        return np.array(image)


def copied(trained: TrainingOrder, folder: Path) -> Path:
    """The run's folder, to be changed."""
    return Path(shutil.copytree(trained.workspace, folder / "copied"))


class TestMasks:
    def test_of_every_photograph_at_its_own_upright_size(
        self, trained: TrainingOrder, photographs: Path, tmp_path: Path
    ) -> None:
        found = ask(trained.workspace, photographs, tmp_path / "out", overlays=True)
        sizes = {item.photograph: item.size for item in found.photographs}
        assert sizes == {"more/turned.JPG": (60, 90), "plain.png": (47, 71), "same-size.png": (32, 32)}
        for item in found.photographs:
            mask = mask_at(tmp_path / "out" / item.mask)
            assert mask.shape == item.size[::-1]
            areas = {name: int((mask == number).sum()) for number, name in enumerate(LABEL_MAP.classes, 1)}
            assert item.area_px == areas
            assert item.overlay is not None
            assert cv2.imread(str(tmp_path / "out" / item.overlay)).shape[:2] == mask.shape
        assert found.left_out == ("notes.txt",)

    def test_are_the_networks_own(self, trained: TrainingOrder, photographs: Path, tmp_path: Path) -> None:
        ask(trained.workspace, photographs, tmp_path / "out")
        network, _, _ = open_network(Path(trained.workspace))
        pixels = torch.from_numpy(picture(3, (32, 32))[0]).permute(2, 0, 1)[None]
        with torch.inference_mode():
            expected = Segmentation(list(LABEL_MAP.classes), Loss()).predict(network(pixels))[0].numpy()
        found = mask_at(tmp_path / "out" / "masks" / "same-size.png")
        assert (found == expected).mean() > 0.999  # a batch of several rounds otherwise than one of one

    def test_of_a_turned_photograph_are_those_of_the_upright_one(
        self, trained: TrainingOrder, photographs: Path, tmp_path: Path
    ) -> None:
        ask(trained.workspace, photographs, tmp_path / "out")
        with Image.open(photographs / "more" / "turned.JPG") as turned:
            stored = np.array(turned.convert("RGB"))
        upright = tmp_path / "upright"
        upright.mkdir()
        Image.fromarray(np.ascontiguousarray(np.rot90(stored, k=-1))).save(upright / "turned.png")
        ask(trained.workspace, upright, tmp_path / "again")
        one, other = mask_at(tmp_path / "out/masks/more/turned.png"), mask_at(tmp_path / "again/masks/turned.png")
        assert (one == other).mean() > 0.999

    def test_say_where_they_come_from(self, trained: TrainingOrder, photographs: Path, tmp_path: Path) -> None:
        found = ask(trained.workspace, photographs, tmp_path / "out")
        assert found.model.run == trained.run
        assert found.model.order_digest == order_digest(trained)
        assert found.model.versions == trained.versions
        assert found.model.trained_with["torch"] == torch.__version__
        assert found.classes == {"0": "background", "1": "square", "2": "disc"}
        assert Predictions.model_validate_json((tmp_path / "out" / "predictions.json").read_bytes()) == found

    def test_of_a_checkpoint_are_those_of_its_run(
        self, trained: TrainingOrder, photographs: Path, tmp_path: Path
    ) -> None:
        by_run = ask(trained.workspace, photographs, tmp_path / "one")
        by_file = ask(Path(trained.workspace) / checkpoint.BEST, photographs, tmp_path / "other")
        assert by_file == by_run
        last = open_model(Path(trained.workspace) / checkpoint.LAST)
        assert last.description.step == 4


@given(st.integers(1, 5), st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32))
def test_at_its_own_size_a_decision_is_the_trainers(channels: int, height: int, width: int, seed: int) -> None:
    logits = np.random.default_rng(seed).integers(-2, 3, (channels, height, width)).astype(np.float32)
    task = Segmentation([f"class{number}" for number in range(channels)], Loss())
    expected = task.predict(torch.from_numpy(logits)[None])[0].numpy()
    np.testing.assert_array_equal(class_ids(logits, (width, height)), expected)


class TestRefused:
    """And nothing is written."""

    def refuse(
        self, kind: type[BeltlineError], code: str, model: Path | str, photographs: Path, out: Path
    ) -> BeltlineError:
        with pytest.raises(kind) as refused:
            ask(model, photographs, out)
        assert refused.value.code == code
        assert not out.exists()
        assert not list(out.parent.glob(".*.partial"))
        return refused.value

    def test_photographs_that_can_not_be_read_all_by_name(
        self, trained: TrainingOrder, photographs: Path, tmp_path: Path
    ) -> None:
        whole = (photographs / "plain.png").read_bytes()
        (photographs / "cut.png").write_bytes(whole[: len(whole) // 2])
        (photographs / "text.jpg").write_text("no picture")
        error = self.refuse(ConfigurationError, "invalid_photographs", trained.workspace, photographs, tmp_path / "out")
        assert "cut.png: damaged" in error.message
        assert "text.jpg: not an image" in error.message

    def test_folders_that_mean_nothing_or_two_things(self, trained: TrainingOrder, tmp_path: Path) -> None:
        empty = tmp_path / "empty"
        empty.mkdir()
        self.refuse(ConfigurationError, "no_photographs", trained.workspace, empty, tmp_path / "out")
        self.refuse(ConfigurationError, "invalid_folder", trained.workspace, tmp_path / "none", tmp_path / "out")
        self.refuse(ConfigurationError, "invalid_folder", trained.workspace, empty, empty / "out")
        for name in ("a.png", "a.jpg"):
            Image.fromarray(picture(1)[0]).save(empty / name)
        self.refuse(ConfigurationError, "ambiguous_names", trained.workspace, empty, tmp_path / "out")

    def test_a_folder_that_holds_something(self, trained: TrainingOrder, photographs: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine.txt").write_text("kept")
        with pytest.raises(ConflictError):
            ask(trained.workspace, photographs, tmp_path / "out")
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]

    def test_weights_of_another_network(self, trained: TrainingOrder, photographs: Path, tmp_path: Path) -> None:
        run = copied(trained, tmp_path)
        values = checkpoint.load(run / checkpoint.BEST)
        assert values is not None
        values["model"].pop(next(iter(values["model"])))
        checkpoint.save(run / checkpoint.BEST, values)
        self.refuse(ConfigurationError, "wrong_architecture", run, photographs, tmp_path / "out")

    def test_a_checkpoint_of_another_run(self, trained: TrainingOrder, photographs: Path, tmp_path: Path) -> None:
        run = copied(trained, tmp_path)
        values = json.loads((run / "order.json").read_bytes())
        values["spec"]["network"] = {"architecture": "fpn", "encoder": "resnet18"}
        (run / "order.json").write_text(json.dumps(values))
        self.refuse(ConfigurationError, "wrong_architecture", run, photographs, tmp_path / "out")

    def test_a_damaged_checkpoint(self, trained: TrainingOrder, photographs: Path, tmp_path: Path) -> None:
        run = copied(trained, tmp_path)
        path = run / checkpoint.BEST
        path.write_bytes(path.read_bytes()[:1000])
        self.refuse(IntegrityError, "integrity", run, photographs, tmp_path / "out")

    def test_a_file_that_would_run_code(self, trained: TrainingOrder, photographs: Path, tmp_path: Path) -> None:
        run = copied(trained, tmp_path)
        marker = tmp_path / "ran"

        class Code:
            def __reduce__(self) -> tuple[object, tuple[str]]:
                return (Path.touch, (marker,))

        torch.save({"model": Code()}, run / checkpoint.BEST)
        self.refuse(IntegrityError, "integrity", run, photographs, tmp_path / "out")
        assert not marker.exists()

    def test_weights_alone_and_checkpoints_away_from_their_run(
        self, trained: TrainingOrder, photographs: Path, tmp_path: Path
    ) -> None:
        away = tmp_path / "away.pt"
        shutil.copy(Path(trained.workspace) / checkpoint.BEST, away)
        self.refuse(ConfigurationError, "invalid_model", away, photographs, tmp_path / "out")
        torch.save({"weight": torch.zeros(3)}, away)
        self.refuse(ConfigurationError, "invalid_model", away, photographs, tmp_path / "out")

    def test_weights_that_are_no_numbers(self, trained: TrainingOrder, photographs: Path, tmp_path: Path) -> None:
        run = copied(trained, tmp_path)
        values = checkpoint.load(run / checkpoint.BEST)
        assert values is not None
        for value in values["model"].values():
            if value.is_floating_point():
                value.fill_(float("nan"))
        checkpoint.save(run / checkpoint.BEST, values)
        self.refuse(TrainingError, "invalid_model", run, photographs, tmp_path / "out")

    def test_nothing_stays_of_a_stopped_prediction(
        self, trained: TrainingOrder, photographs: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "out"
        asked = PredictionOrder(model=trained.workspace, images=str(photographs), out=str(out), workspace=str(tmp_path))
        with Monitor(tmp_path, 0, "test", show_bar=False) as monitor:
            monitor.stop()
            with pytest.raises(Stopped):
                predict(asked, monitor)
        assert not out.exists()
        assert not list(tmp_path.glob(".*.partial"))
