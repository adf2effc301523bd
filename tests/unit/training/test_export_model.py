"""ONNX files of trained models: the same decisions as PyTorch's, their description, and damage that is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from contracts.document import parse_json
from contracts.errors import ConfigurationError, ConflictError, IntegrityError, NotFoundError, TrainingError
from contracts.model import ModelDescription, ModelExport, ModelExportOrder, PredictionOrder
from contracts.run import Network, TrainingOrder
from tests.unit.training.training_samples import LABEL_MAP, Versions, order, picture
from training import checkpoint, export_model, onnx_files
from training.models import open_model, open_network
from training.networks.segmentation import build
from training.predict import predict
from training.process import Monitor
from training.run import carry_out

SIZE_PX = (48, 40)
"""Of which 32 divides neither side: padding is part of the graph."""


@pytest.fixture(scope="module")
def trained(shapes: Versions, tmp_path_factory: pytest.TempPathFactory) -> TrainingOrder:
    """A finished run. Not to be changed."""
    network = {"architecture": "bmw-unet", "encoder": "plain"}
    stages = [{"name": "all", "steps": 2}]
    asked = order(shapes, tmp_path_factory.mktemp("trained"), image_size=list(SIZE_PX), network=network, stages=stages)
    Path(asked.workspace).mkdir()
    with Monitor(Path(asked.workspace), 2, "test", show_bar=False) as monitor:
        carry_out(asked, monitor, "python -m training.run order.json")
    return asked


def ask(trained: TrainingOrder, out: Path) -> ModelExport:
    asked = ModelExportOrder(model=trained.workspace, out=str(out), workspace=str(out.parent))
    with Monitor(out.parent, 0, "test", show_bar=False) as monitor:
        return export_model.export(asked, monitor)


@pytest.fixture(scope="module")
def exported(trained: TrainingOrder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelExport]:
    """The run as an ONNX file. Not to be changed."""
    path = tmp_path_factory.mktemp("exported") / "shapes.onnx"
    return path, ask(trained, path)


def test_differs_from_torch_by_less_than_is_tolerated(exported: tuple[Path, ModelExport]) -> None:
    _, found = exported
    assert found.largest_difference <= found.tolerated_difference
    assert found.compared_images == 9  # six test pictures, three of noise
    assert found.compared_pixels == 9 * SIZE_PX[0] * SIZE_PX[1]
    assert found.differing_pixels <= found.compared_pixels // 1000


def test_runs_without_us_on_any_number_of_images(exported: tuple[Path, ModelExport], trained: TrainingOrder) -> None:
    path, found = exported
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    network, _, _ = open_network(Path(trained.workspace))
    for count in (1, 4):
        images = np.stack([picture(seed, SIZE_PX)[0] for seed in range(count)]).transpose(0, 3, 1, 2)
        (logits,) = session.run(None, {"images": np.ascontiguousarray(images)})
        with torch.inference_mode():
            expected = network(torch.from_numpy(np.ascontiguousarray(images))).numpy()
        assert logits.shape == (count, len(LABEL_MAP.classes), SIZE_PX[1], SIZE_PX[0])
        np.testing.assert_allclose(logits, expected, atol=found.tolerated_difference)


def test_carries_lineage_and_preprocessing(exported: tuple[Path, ModelExport], trained: TrainingOrder) -> None:
    path, found = exported
    metadata = {item.key: item.value for item in onnx.load(path).metadata_props}
    described = parse_json(ModelDescription, metadata["beltline.model"].encode(), source="metadata")
    assert described == found.model
    assert described.run == trained.run
    assert described.versions == trained.versions
    assert described.label_map == LABEL_MAP
    assert described.preprocessing.image_size == SIZE_PX


def test_predicts_as_its_run_does(exported: tuple[Path, ModelExport], trained: TrainingOrder, tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    for seed in range(3):
        Image.fromarray(picture(seed, (90, 70))[0]).save(tmp_path / "photographs" / f"{seed}.png")
    masks = {}
    for name, model in (("torch", trained.workspace), ("onnx", str(exported[0]))):
        asked = PredictionOrder(
            model=model, images=str(tmp_path / "photographs"), out=str(tmp_path / name), workspace=str(tmp_path)
        )
        with Monitor(tmp_path, 0, "test", show_bar=False) as monitor:
            found = predict(asked, monitor)
        assert found.model == exported[1].model
        assert list(found.computed_with) == ["torch" if name == "torch" else "onnxruntime"]
        masks[name] = np.stack([np.array(Image.open(tmp_path / name / item.mask)) for item in found.photographs])
    assert (masks["torch"] == masks["onnx"]).mean() > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["unet", "unetplusplus", "fpn", "deeplabv3", "deeplabv3plus", "linknet"])
def test_every_decoder_of_volvo_can_be_written(architecture: str, exported: tuple[Path, ModelExport]) -> None:
    torch.manual_seed(0)
    settings = Network(architecture=architecture, encoder="resnet18")
    network = build(settings, len(LABEL_MAP.classes)).eval()
    described = exported[1].model.model_copy(update={"network": settings})
    model = onnx_files.decode(onnx_files.encode(network, described), "memory")
    images = np.stack([picture(seed, SIZE_PX)[0] for seed in range(3)])
    with torch.inference_mode():
        expected = network(torch.from_numpy(images).permute(0, 3, 1, 2)).numpy()
    tolerated = export_model.TOLERANCE * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(model.logits(images), expected, rtol=0, atol=tolerated)


class TestRefused:
    def test_a_file_that_is_there(
        self, exported: tuple[Path, ModelExport], trained: TrainingOrder, tmp_path: Path
    ) -> None:
        (tmp_path / "mine.onnx").write_bytes(b"mine")
        with pytest.raises(ConflictError):
            ask(trained, tmp_path / "mine.onnx")
        assert (tmp_path / "mine.onnx").read_bytes() == b"mine"

    def test_a_graph_that_gives_something_else(
        self,
        exported: tuple[Path, ModelExport],
        trained: TrainingOrder,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        run = Path(shutil.copytree(trained.workspace, tmp_path / "run"))
        values = checkpoint.load(run / checkpoint.BEST)
        assert values is not None
        next(iter(values["model"].values())).mul_(3)
        checkpoint.save(run / checkpoint.BEST, values)
        monkeypatch.setattr(onnx_files, "encode", lambda network, description: exported[0].read_bytes())
        with pytest.raises(TrainingError, match="differs from PyTorch") as refused:
            ask(trained.model_copy(update={"workspace": str(run)}), tmp_path / "other.onnx")
        assert refused.value.code == "export_differs"
        assert not (tmp_path / "other.onnx").exists()

    def test_a_changed_weight(self, exported: tuple[Path, ModelExport], tmp_path: Path) -> None:
        proto = onnx.load(exported[0])
        largest = max(proto.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        data = bytearray(exported[0].read_bytes())
        place = bytes(data).index(largest.raw_data)
        data[place + 5] ^= 1
        (tmp_path / "flipped.onnx").write_bytes(data)
        with pytest.raises(IntegrityError, match="its weights are not those"):
            open_model(tmp_path / "flipped.onnx")

    def test_half_a_file_and_what_is_no_onnx(self, exported: tuple[Path, ModelExport], tmp_path: Path) -> None:
        data = exported[0].read_bytes()
        for name, content in (("half", data[: len(data) // 2]), ("text", b"no model")):
            (tmp_path / f"{name}.onnx").write_bytes(content)
            with pytest.raises(IntegrityError):
                open_model(tmp_path / f"{name}.onnx")
        with pytest.raises(NotFoundError):
            open_model(tmp_path / "none.onnx")

    def test_somebody_elses_file(self, exported: tuple[Path, ModelExport], tmp_path: Path) -> None:
        proto = onnx.load(exported[0])
        del proto.metadata_props[:]
        onnx.save(proto, tmp_path / "other.onnx")
        with pytest.raises(ConfigurationError, match="no ONNX file of"):
            open_model(tmp_path / "other.onnx")

    def test_a_description_of_another_graph(self, exported: tuple[Path, ModelExport], tmp_path: Path) -> None:
        proto = onnx.load(exported[0])
        values = {item.key: item.value for item in proto.metadata_props}
        described = exported[1].model
        sized = described.preprocessing.model_copy(update={"image_size": (64, 64)})
        values["beltline.model"] = described.model_copy(update={"preprocessing": sized}).model_dump_json()
        del proto.metadata_props[:]
        onnx.helper.set_model_props(proto, values)
        onnx.save(proto, tmp_path / "other.onnx")
        with pytest.raises(ConfigurationError) as refused:
            open_model(tmp_path / "other.onnx")
        assert refused.value.code == "wrong_architecture"
