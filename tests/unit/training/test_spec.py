"""The training document: what it refuses, and that fields of later releases leave digests of earlier orders alone."""

from __future__ import annotations

import pytest

from contracts.errors import ConfigurationError
from contracts.ids import canonical_json, digest_of
from tests.unit.training.training_samples import spec

BMW_DOUBLE = {"architecture": "bmw-double-unet", "encoder": "vgg19"}


def test_a_document_that_says_nothing_new_keeps_its_digest():
    """Else every finished run and every checkpoint of an earlier release would be of another order."""
    values = spec().model_dump(mode="json")
    assert digest_of(canonical_json(values)) == (
        "sha256:bdd06429bda233b23d44b1d762a95259e6de768daecda916e378f23548a0a23a"
    )


@pytest.mark.parametrize(
    ("network", "freeze", "words"),
    [
        ({}, "first", r"stages\.0\.freeze: no part 'first'"),
        (BMW_DOUBLE, "decoder", r"stages\.0\.freeze: no part 'decoder'"),
        ({}, "encodr", "freeze"),
        ({}, [], "freeze"),
        ({}, "encoder..layer1", "freeze"),
    ],
)
def test_what_no_stage_can_freeze_is_refused(network, freeze, words):
    with pytest.raises(ConfigurationError, match=words):
        spec(network=network, stages=[{"name": "some", "steps": 1, "freeze": freeze}])


def test_parts_are_frozen_by_name():
    stages = [{"name": "some", "steps": 1, "freeze": ["first", "second.decoder"]}]
    assert spec(network=BMW_DOUBLE, stages=stages).stages[0].frozen_parts == ("first", "second.decoder")
    assert spec().stages[0].frozen_parts == ()
