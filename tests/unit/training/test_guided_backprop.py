"""Guided backpropagation is equation 2.11 of [Volvo], in all networks that it lets pass; others are refused by name."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from contracts.errors import CapabilityMissingError, ConfigurationError
from contracts.run import Network
from training.explain.guided_backprop import check, gradient_maps
from training.networks.segmentation import build

SIZE_PX = (30, 27)
"""Of which 32 divides neither side."""
VOLVO_DECODERS = ("fpn", "deeplabv3", "deeplabv3plus", "unet", "unetplusplus", "linknet")


class GuidedReLU(torch.autograd.Function):
    """Equation 2.11, written out."""

    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        (values,) = ctx.saved_tensors
        return (values > 0) * (gradient > 0) * gradient


class Guided(nn.Module):
    def forward(self, values):
        return GuidedReLU.apply(values)


def swap(module: nn.Module) -> nn.Module:
    """Put the written out rule in the place of every ReLU."""
    for name, child in module.named_children():
        if isinstance(child, nn.ReLU):
            setattr(module, name, Guided())
        else:
            swap(child)
    return module


def expected_maps(network: nn.Module, images: torch.Tensor, weights: torch.Tensor) -> np.ndarray:
    """Maps of a network in which every ReLU was swapped."""
    pixels = images.float().requires_grad_()
    (network(pixels) * weights).sum().backward()
    assert pixels.grad is not None
    return pixels.grad.abs().amax(dim=1).numpy()


def random_images(count: int = 2) -> torch.Tensor:
    shape = (count, 3, SIZE_PX[1], SIZE_PX[0])
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def pixelwise(*weights: np.ndarray, bias: float = 0.0) -> nn.Sequential:
    """A network of 1x1 convolutions with these weights, (out, in), and ReLUs between them."""
    layers: list[nn.Module] = []
    for matrix in weights:
        layer = nn.Conv2d(matrix.shape[1], matrix.shape[0], kernel_size=1)
        layer.weight.data = torch.tensor(matrix, dtype=torch.float32)[..., None, None]
        nn.init.constant_(layer.bias, bias)
        layers += [layer, nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1]).eval()


def test_of_a_tiny_network_is_what_the_hand_computes():
    """One pixel 2, 1, 3: hidden (2, -1, 4), so the second ReLU is shut; the third one's gradient is negative."""
    first = np.array([[1, 0, 0], [0, -1, 0], [0, 1, 1]])
    second = np.array([[5, 7, -2]])
    images = torch.tensor([2.0, 1.0, 3.0]).view(1, 3, 1, 1)
    found = gradient_maps(pixelwise(first, second), images, torch.ones(1, 1, 1, 1))
    assert found.tolist() == [[[5.0]]]  # the plain gradient is (5, -2, -2)


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
def test_of_two_layers_is_equation_2_11_pixel_by_pixel(seed: int, wide: int, deep: int, classes: int):
    draws = np.random.default_rng(seed)
    matrices = [draws.normal(size=shape).astype(np.float32) for shape in ((wide, 3), (deep, wide), (classes, deep))]
    images = draws.uniform(-1, 1, (2, 3, 3, 2)).astype(np.float32)
    weights = draws.normal(size=(2, classes, 3, 2)).astype(np.float32)
    found = gradient_maps(pixelwise(*matrices, bias=0.1), torch.tensor(images), torch.tensor(weights))
    for image in range(2):
        for y, x in np.ndindex(3, 2):
            one = matrices[0] @ images[image, :, y, x] + np.float32(0.1)
            two = matrices[1] @ one.clip(0) + np.float32(0.1)
            back = matrices[2].T @ weights[image, :, y, x]
            back = matrices[1].T @ ((two > 0) * (back > 0) * back)
            back = matrices[0].T @ ((one > 0) * (back > 0) * back)
            assert found[image, y, x] == pytest.approx(np.abs(back).max(), rel=1e-3, abs=1e-5)


def test_what_goes_around_a_relu_passes_as_it_is():
    """y = 2x + relu(x), counted -1 at x = 3: the shortcut's -2 passes, the ReLU's -1 doesn't. At x = -3 only -2 is."""

    class Shortcut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, images):
            values = images + 0.0
            return 2 * values + self.relu(values)

    images = torch.tensor([3.0, -3.0]).view(1, 1, 1, 2)
    network = Shortcut()
    assert gradient_maps(network, images, -torch.ones(1, 1, 1, 2)).tolist() == [[[2.0, 2.0]]]
    assert gradient_maps(network, images, torch.ones(1, 1, 1, 2)).tolist() == [[[3.0, 2.0]]]


@pytest.mark.parametrize(
    ("architecture", "encoder"),
    [*((decoder, "resnet18") for decoder in VOLVO_DECODERS), ("bmw-unet", "plain"), ("bmw-double-unet", "plain")],
)
def test_of_every_architecture_is_that_of_relus_written_out(architecture: str, encoder: str):
    """Though captum is handed ReLUs that work in place and that a block uses twice."""
    torch.manual_seed(0)
    settings = Network(architecture=architecture, encoder=encoder)
    network = build(settings, 3).eval()
    check(network, settings, SIZE_PX)
    images = random_images()
    weights = torch.zeros(2, 3, SIZE_PX[1], SIZE_PX[0])
    weights[:, 1, 5:20, 10:25] = 1
    with torch.inference_mode():
        before = network(images)
    found = gradient_maps(network, images, weights)
    with torch.inference_mode():
        assert torch.equal(network(images), before)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    alone = gradient_maps(network, images[1:], weights[1:])
    np.testing.assert_allclose(alone[0], found[1], rtol=1e-3, atol=1e-4 * found.max())
    expected = expected_maps(swap(network), images, weights)
    assert found.max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * found.max())


def test_of_what_the_image_has_no_part_in_is_nothing():
    network = pixelwise(np.ones((2, 3)), np.zeros((1, 2)))
    images = random_images()
    assert not gradient_maps(network, images, torch.ones(2, 1, SIZE_PX[1], SIZE_PX[0])).any()
    network = pixelwise(np.ones((2, 3)), np.ones((1, 2)))
    weights = torch.zeros(2, 1, SIZE_PX[1], SIZE_PX[0])
    weights[1] = 1
    found = gradient_maps(network, images, weights)
    assert not found[0].any()
    assert found[1].all()


@pytest.mark.parametrize(
    ("encoder", "what"),
    [
        ("tu-mobilenetv3_small_050", "Hardswish"),
        ("mobilenet_v2", "ReLU6"),
        ("efficientnet-b0", "SiLU"),
        ("mit_b0", "GELU"),
        ("dpn68", r"ReLU as a function \(\d+ times\)"),
    ],
)
def test_other_rectifiers_are_refused_by_name(encoder: str, what: str):
    settings = Network(architecture="unet", encoder=encoder)
    with pytest.raises(ConfigurationError, match=f"{encoder} has .*{what}") as refused:
        check(build(settings, 2).eval(), settings, (64, 64))
    assert refused.value.code == "not_guidable"
    assert "saliency" in refused.value.hint


def test_without_captum_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.delitem(sys.modules, "training.explain.guided_backprop")
    with pytest.raises(CapabilityMissingError, match="not installed: captum") as refused:
        importlib.import_module("training.explain.guided_backprop")
    assert "beltline[explain]" in refused.value.hint


@pytest.mark.parametrize("encoder", ["vgg11", "densenet121", "tu-resnet10t", "se_resnet50"])
@pytest.mark.slow
def test_other_encoders_with_relus_pass_and_are_right(encoder: str):
    """Of which the last one's gates are sigmoids."""
    torch.manual_seed(0)
    settings = Network(architecture="unet", encoder=encoder)
    network = build(settings, 2).eval()
    check(network, settings, SIZE_PX)
    images, weights = random_images(), torch.ones(2, 2, SIZE_PX[1], SIZE_PX[0])
    found = gradient_maps(network, images, weights)
    np.testing.assert_allclose(found, expected_maps(swap(network), images, weights), rtol=1e-3, atol=1e-3 * found.max())
