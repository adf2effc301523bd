"""Networks keep their contract; what can't be built or loaded is refused by name."""

from __future__ import annotations

import re
from pathlib import Path

import huggingface_hub
import pytest
import safetensors.torch
import torch
from network_contract import NetworkContract
from pydantic import ValidationError

from contracts.errors import CapabilityMissingError, ConfigurationError
from contracts.run import Network, Stage
from training import torchvision_compat
from training.networks.freezing import freeze
from training.networks.segmentation import build, check_size

SMALL = "tu-mobilenetv3_small_050"
DOUBLE_PARTS = ("first", "second", "second.decoder")
VOLVO_DECODERS = ("fpn", "deeplabv3", "deeplabv3plus", "unet", "unetplusplus", "linknet")
VOLVO_ENCODERS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")


class TestUnetResnet18(NetworkContract):
    settings = Network(architecture="unet", encoder="resnet18")


class TestLinknetMobilenet(NetworkContract):
    settings = Network(architecture="linknet", encoder=SMALL)


class TestDeepLabV3Plus(NetworkContract):
    settings = Network(architecture="deeplabv3plus", encoder="resnet18")


class TestBmwUnet(NetworkContract):
    settings = Network(architecture="bmw-unet", encoder="plain")


class TestBmwDoubleUnet(NetworkContract):
    settings = Network(architecture="bmw-double-unet", encoder="plain")
    parts = DOUBLE_PARTS


@pytest.mark.slow
class TestBmwUnetOnVgg19(NetworkContract):
    settings = Network(architecture="bmw-unet", encoder="vgg19")


@pytest.mark.slow
class TestBmwDoubleUnetOnVgg19(NetworkContract):
    settings = Network(architecture="bmw-double-unet", encoder="vgg19")
    parts = DOUBLE_PARTS


@pytest.mark.slow
class TestEveryPairOfVolvo(NetworkContract):
    @pytest.fixture(
        autouse=True,
        params=[(decoder, encoder) for decoder in VOLVO_DECODERS for encoder in VOLVO_ENCODERS],
        ids="-".join,
    )
    def pair(self, request: pytest.FixtureRequest) -> None:
        self.settings = Network(architecture=request.param[0], encoder=request.param[1])


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


@pytest.mark.parametrize("decoder", VOLVO_DECODERS)
@pytest.mark.parametrize("encoder", VOLVO_ENCODERS)
def test_every_pair_of_volvo_can_be_built_and_gives_logits_of_any_size(encoder, decoder):
    with torch.device("meta"):  # shapes without arithmetic
        network = build(Network(architecture=decoder, encoder=encoder), 3)
        outputs = network.eval()(torch.empty(2, 3, 61, 107, dtype=torch.uint8))
    assert outputs.shape == (2, 3, 61, 107)
    depth = {"resnet18": 8, "resnet34": 16, "resnet50": 16, "resnet101": 33, "resnet152": 50}[encoder]
    blocks = [name for name, _ in network.encoder.named_modules() if re.fullmatch(r"layer\d\.\d+", name)]
    assert len(blocks) == depth


@pytest.mark.parametrize(
    ("architecture", "encoder", "frozen", "millions", "trainable"),
    [
        ("bmw-unet", "plain", "encoder", 7.768, 3.048),
        ("bmw-unet", "vgg19", "encoder", 23.856, 3.831),
        ("bmw-double-unet", "plain", "first", 10.108, 2.340),
        ("bmw-double-unet", "vgg19", "encoder", 26.587, 6.563),
    ],
)
def test_bmw_networks_have_the_sizes_of_its_table_of_eight_classes(architecture, encoder, frozen, millions, trainable):
    """Batch statistics counted, as the paper's library counts them: the second network's too where it is trained."""
    with torch.device("meta"):
        network = build(Network(architecture=architecture, encoder=encoder), 8)
    freeze(network, Stage(name="some", steps=1, freeze=frozen))

    def size(module: torch.nn.Module) -> int:
        statistics = [value for name, value in module.named_buffers() if "running" in name]
        return sum(value.numel() for value in [*module.parameters(), *statistics])

    whole = size(network)
    assert whole / 1e6 == pytest.approx(millions, abs=6e-4)
    assert (whole - size(network.network.get_submodule(frozen))) / 1e6 == pytest.approx(trainable, abs=6e-4)
    left = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    assert left / 1e6 == pytest.approx(trainable, abs=0.005)


def test_the_second_network_sees_the_image_through_the_maps_of_the_first():
    torch.manual_seed(0)
    network = build(Network(architecture="bmw-double-unet", encoder="plain"), 3).eval()
    seen = []
    network.network.second.encoder.register_forward_hook(lambda module, inputs, outputs: seen.append(inputs[0]))
    images = torch.randint(0, 256, (1, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        network(images)
        pixels = (images.float() - network.mean) / network.standard_deviation
        maps = network.network.first(pixels).sigmoid()
    for number in range(3):
        torch.testing.assert_close(seen[0][:, 3 * number : 3 * number + 3], pixels * maps[:, number : number + 1])


def test_a_checkpoint_of_a_unet_fills_the_first_network_of_a_double_one(tmp_path: Path):
    torch.manual_seed(0)
    single = build(Network(architecture="bmw-unet", encoder="plain"), 3)
    torch.save({"step": 1, "model": single.state_dict()}, tmp_path / "best.pt")
    weights = str(tmp_path / "best.pt")
    double = build(Network(architecture="bmw-double-unet", encoder="plain", encoder_weights=weights), 3)
    for name, value in single.network.state_dict().items():
        assert torch.equal(double.network.first.state_dict()[name], value), name
    with pytest.raises(ConfigurationError, match="is of another encoder"):
        build(Network(architecture="bmw-double-unet", encoder="plain", encoder_weights=weights), 4)


def test_a_network_of_bmw_has_two_encoders():
    with pytest.raises(ValidationError, match="'bmw-unet' has no encoder 'vgg16', did you mean 'vgg19'"):
        Network(architecture="bmw-unet", encoder="vgg16")
    with pytest.raises(ConfigurationError, match="'plain' has no ImageNet weights"):
        build(Network(architecture="bmw-unet", encoder="plain", encoder_weights="imagenet"), 2)


def test_a_module_by_name_is_frozen_alone():
    network = build(small(), 2)
    freeze(network, Stage(name="some", steps=1, freeze=["segmentation_head", "decoder.blocks.0"]))
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    parts = ("network.segmentation_head.", "network.decoder.blocks.0.")
    assert frozen == {name for name, _ in network.named_parameters() if name.startswith(parts)} != set()
    freeze(network, Stage(name="next", steps=1))
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ("decoder.block", "freezes 'decoder.block', and the network has no such part"),
        (["encoder", "decoder", "segmentation_head"], "freezes all of the network"),
    ],
)
def test_what_can_not_be_frozen_is_refused(parts, words):
    with pytest.raises(ConfigurationError, match=words):
        freeze(build(small(), 2), Stage(name="some", steps=1, freeze=parts))


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


@pytest.mark.parametrize(
    "offline", [True, pytest.param(False, marks=pytest.mark.slow, id="asking the host, again and again")]
)
def test_imagenet_weights_that_are_not_at_hand_are_a_missing_capability(monkeypatch, tmp_path, offline):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", offline)
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


def test_a_whole_network_goes_on_from_the_checkpoint_of_a_run(tmp_path: Path):
    source = build(small(), 2)
    for value in source.state_dict().values():
        value.add_(1)
    torch.save({"step": 3, "model": source.state_dict()}, tmp_path / "best.pt")
    built = build(small(weights=str(tmp_path / "best.pt")), 2).state_dict()
    assert all(torch.equal(built[name], value) for name, value in source.state_dict().items())
    with pytest.raises(ConfigurationError, match=r"network\.weights: .* is of another network, or of other classes"):
        build(small(weights=str(tmp_path / "best.pt")), 3)
    with pytest.raises(ValidationError, match="give one of them"):
        small(weights="best.pt", encoder_weights="imagenet")


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


@pytest.mark.parametrize(
    ("architecture", "own"), [("fpn", 0.2), ("deeplabv3", 0.5), ("deeplabv3plus", 0.5), ("pspnet", 0.2)]
)
def test_what_a_decoder_drops_can_be_set(architecture, own):
    def dropped(share: float | None) -> set[float]:
        settings = Network(architecture=architecture, encoder=SMALL, decoder_dropout=share)
        modules = build(settings, 2).network.get_submodule("decoder").modules()
        return {module.p for module in modules if isinstance(module, torch.nn.Dropout | torch.nn.Dropout2d)}

    assert dropped(None) == {own}
    assert dropped(0) <= {0}
    assert dropped(0.3) == {0.3}


@pytest.mark.parametrize(("architecture", "share"), [("unet", 0.3), ("pan", 0), ("bmw-unet", 0)])
def test_dropout_that_a_decoder_has_not_is_refused(architecture, share):
    encoder = "plain" if architecture.startswith("bmw") else SMALL
    with pytest.raises(ValidationError, match="decoder_dropout"):
        Network(architecture=architecture, encoder=encoder, decoder_dropout=share)
