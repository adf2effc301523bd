"""The demo's parts that decide whether its comparison is fair."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from contracts.generator import load_generator
from server.settings import shipped_generators

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "demo.py"


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    """The script as a module."""
    specification = importlib.util.spec_from_file_location("beltline_demo", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def test_the_two_runs_differ_in_nothing_but_the_synthetic_images(demo: ModuleType) -> None:
    real, test = ("photographs@1", "train"), ("photographs@1", "test")
    alone = demo.training_spec("alone", real, test, None, 300).model_dump()
    mixed = demo.training_spec("mixed", real, test, "exterior@1", 300).model_dump()
    assert mixed["data"]["train"][:1] == alone["data"]["train"]
    assert [source["dataset"] for source in mixed["data"]["train"]] == ["photographs@1", "exterior@1"]
    for spec in (alone, mixed):
        del spec["name"], spec["data"]["train"]
    assert alone == mixed


def test_what_stands_for_photographs_is_another_domain_of_the_same_labels(demo: ModuleType) -> None:
    """A renamed field of the generator would otherwise be found by whoever runs the demo without photographs."""
    own = load_generator("exterior", shipped_generators())
    target = load_generator("exterior", shipped_generators(), overrides=dict(demo.TARGET_OVERRIDES))
    assert target.labels == own.labels
    assert target.digest() != own.digest()
    for path in demo.TARGET_OVERRIDES:
        _, randomizer, field = path.split(".")
        assert getattr(target.randomizers[randomizer], field) != getattr(own.randomizers[randomizer], field), path


def test_enough_images_stand_for_photographs(demo: ModuleType) -> None:
    """To reserve the validation images, and to take the training images from the rest."""
    assert demo.FULL.target_frames >= demo.PHOTOGRAPHS + demo.VALIDATION_IMAGES
