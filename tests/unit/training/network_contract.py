"""What every network must do: inherit `NetworkContract` and name one."""

from __future__ import annotations

import pytest
import torch

from contracts.run import Network, Stage
from training.networks.freezing import freeze
from training.networks.segmentation import SegmentationNetwork, build

CLASSES = 3


class NetworkContract:
    """The tests that every architecture passes."""

    settings: Network
    side_px = 64
    """Of square images: the smallest that the architecture takes, where that is more than 64."""
    unused: tuple[str, ...] = ()
    """Beginnings of the names of parameters that the architecture has no use for."""
    parts: tuple[str, ...] = ("decoder", "segmentation_head")
    """What can be frozen beside the encoder."""

    @pytest.fixture
    def network(self) -> SegmentationNetwork:
        torch.manual_seed(0)
        return build(self.settings, CLASSES)

    def images(self, *shape: int) -> torch.Tensor:
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))

    @pytest.mark.parametrize("cut", [(0, 0), (14, -13)], ids=["divisible", "odd"])
    def test_gives_a_logit_a_class_and_pixel(self, network, cut):
        size = (self.side_px - cut[0], self.side_px - cut[1])
        with torch.inference_mode():
            outputs = network.eval()(self.images(1, 3, *size))
        assert outputs.shape == (1, CLASSES, *size)
        assert outputs.isfinite().all()

    def test_gradients_reach_every_parameter(self, network):
        network.train()(self.images(2, 3, self.side_px, self.side_px)).square().mean().backward()
        silent = [
            name
            for name, parameter in network.named_parameters()
            if parameter.grad is None and name not in network.fixed
        ]
        assert [name for name in silent if not name.startswith(self.unused or "-")] == []
        assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in network.parameters())

    def test_a_frozen_encoder_gets_no_gradient_and_new_statistics(self, network):
        self.check_frozen(network, "encoder")

    def test_other_frozen_parts_get_no_gradient_and_the_rest_does(self, network):
        for part in self.parts:
            self.check_frozen(network, part)

    def check_frozen(self, network: SegmentationNetwork, part: str) -> None:
        freeze(network, Stage(name="some", steps=1, freeze=part))
        network.zero_grad(set_to_none=True)
        module = network.network.get_submodule(part)
        before = {name: value.clone() for name, value in module.named_buffers() if "running" in name}
        network.train()(self.images(2, 3, self.side_px, self.side_px)).square().mean().backward()
        assert all(parameter.grad is None for parameter in module.parameters())
        frozen = {id(parameter) for parameter in module.parameters()}
        silent = {
            name
            for name, parameter in network.named_parameters()
            if parameter.grad is None and id(parameter) not in frozen | self.fixed(network)
        }
        assert {name for name in silent if not name.startswith(self.unused or "-")} == set()
        after = dict(module.named_buffers())
        assert not before or any(not torch.equal(value, after[name]) for name, value in before.items())

    def fixed(self, network: SegmentationNetwork) -> set[int]:
        return {id(parameter) for name, parameter in network.named_parameters() if name in network.fixed}

    def test_state_goes_round(self, network):
        torch.manual_seed(1)
        other = build(self.settings, CLASSES)
        images = self.images(1, 3, self.side_px, self.side_px)
        with torch.inference_mode():
            expected = network.eval()(images)
            assert not torch.equal(other.eval()(images), expected)
            other.load_state_dict(network.state_dict())
            assert torch.equal(other.eval()(images), expected)

    def test_evaluation_repeats_itself_and_images_do_not_mix(self, network):
        images = self.images(2, 3, self.side_px, self.side_px)
        network.eval()
        with torch.inference_mode():
            together, again = network(images), network(images)
            alone = network(images[:1])
        assert torch.equal(together, again)
        scale = max(1.0, float(together.abs().max()))  # rounding grows with the logits of an untrained deep network
        torch.testing.assert_close(together[:1] / scale, alone / scale, rtol=1e-3, atol=1e-4)

    def test_encoder_and_decoder_are_all_of_it(self, network):
        parts = [*network.encoder.parameters(), *network.decoder_parameters()]
        assert len(parts) == len(list(network.parameters())) == len({id(part) for part in parts})
