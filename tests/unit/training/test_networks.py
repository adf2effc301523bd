"""Networks keep their contract; what can't be built or loaded is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from network_contract import NetworkContract

from contracts.errors import CapabilityMissingError, ConfigurationError
from contracts.run import Network
from training import torchvision_compat
from training.networks.segmentation import build, check_size

SMALL = "tu-mobilenetv3_small_050"


class TestUnetResnet18(NetworkContract):
    settings = Network(architecture="unet", encoder="resnet18")


class TestLinknetMobilenet(NetworkContract):
    settings = Network(architecture="linknet", encoder=SMALL)


class TestDeepLabV3Plus(NetworkContract):
    settings = Network(architecture="deeplabv3plus", encoder="resnet18")


@pytest.mark.slow
class TestUnetPlusPlus(NetworkContract):
    settings = Network(architecture="unetplusplus", encoder="resnet34")


@pytest.mark.slow
class TestFpn(NetworkContract):
    settings = Network(architecture="fpn", encoder="resnet18")


@pytest.mark.slow
class TestDeepLabV3(NetworkContract):
    settings = Network(architecture="deeplabv3", encoder="resnet18")


@pytest.mark.slow
class TestPspnet(NetworkContract):
    settings = Network(architecture="pspnet", encoder="resnet18")
    unused = ("network.encoder.layer3", "network.encoder.layer4")  # it reads the first three depths only


@pytest.mark.slow
class TestManet(NetworkContract):
    settings = Network(architecture="manet", encoder="resnet18")


@pytest.mark.slow
class TestPan(NetworkContract):
    settings = Network(architecture="pan", encoder="resnet18")
    side_px = 128


@pytest.mark.slow
class TestSegformer(NetworkContract):
    settings = Network(architecture="segformer", encoder="resnet18")


@pytest.mark.slow
class TestUpernet(NetworkContract):
    settings = Network(architecture="upernet", encoder="resnet18")


def small(**changes: object) -> Network:
    return Network.model_validate({"architecture": "linknet", "encoder": SMALL, **changes})


@pytest.mark.parametrize(
    ("encoder", "hint"), [("resnet19", "resnet1"), ("tu-mobilenetv3_smal_050", "tu-mobilenetv3_small_050")]
)
def test_a_misspelt_encoder_is_refused_with_the_nearest(encoder, hint):
    with pytest.raises(ConfigurationError, match=f"no encoder '{encoder}'") as caught:
        build(small(encoder=encoder), 2)
    assert hint in caught.value.hint


def test_an_encoder_that_the_architecture_cannot_use_is_refused():
    with pytest.raises(ConfigurationError, match="can't be used with architecture 'unetplusplus'"):
        build(Network(architecture="unetplusplus", encoder="mit_b0"), 2)


def test_an_image_size_that_the_architecture_cannot_take_is_refused():
    network = build(Network(architecture="pan", encoder="resnet18"), 2)
    check_size(network, (128, 128))
    with pytest.raises(ConfigurationError, match=r"image_size: .* 64x48"):
        check_size(network, (64, 48))


def test_imagenet_weights_that_are_not_at_hand_are_a_missing_capability(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CapabilityMissingError, match="ImageNet weights of 'resnet18' are not on this machine"):
        build(Network(encoder="resnet18", encoder_weights="imagenet"), 2)


@pytest.mark.parametrize("form", ["encoder.pt", "encoder.safetensors", "run checkpoint"])
def test_encoder_weights_come_from_a_file(tmp_path: Path, form: str):
    source = build(small(), 2)
    path = tmp_path / (form if "." in form else "best.pt")
    if form == "encoder.pt":
        torch.save(source.encoder.state_dict(), path)
    elif form == "encoder.safetensors":
        safetensors.torch.save_file(source.encoder.state_dict(), path)
    else:
        torch.save({"step": 3, "model": source.state_dict()}, path)
    built = build(small(encoder_weights=str(path)), 5)
    for name, value in source.encoder.state_dict().items():
        assert torch.equal(built.encoder.state_dict()[name], value), name


def test_weights_of_another_encoder_are_refused(tmp_path: Path):
    path = tmp_path / "weights.pt"
    torch.save(build(Network(encoder="resnet18"), 2).encoder.state_dict(), path)
    with pytest.raises(ConfigurationError, match="is of another encoder"):
        build(small(encoder_weights=str(path)), 2)


class _Harmful:
    def __reduce__(self):
        return (Path.touch, (Path("harm-was-done"),))


def test_a_weights_file_runs_no_code(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(_Harmful(), tmp_path / "weights.pt")
    with pytest.raises(ConfigurationError, match="can't be read as weights"):
        build(small(encoder_weights=str(tmp_path / "weights.pt")), 2)
    assert not (tmp_path / "harm-was-done").exists()


def test_a_weights_file_that_is_missing_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="no file"):
        build(small(encoder_weights=str(tmp_path / "absent.pt")), 2)


def test_the_declared_suppression_keeps_the_best_of_overlapping_boxes():
    torchvision_compat.install()
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30], [0, 0, 10, 4]])
    scores = torch.tensor([0.6, 0.9, 0.3, 0.5])
    kept = torch.ops.torchvision.nms(boxes, scores, 0.5)
    assert kept.tolist() == [1, 3, 2]
