"""What the trainer's tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # no test may reach for a network
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the trainer's own process has it

import torch

from tests.unit.training.training_samples import Versions, publish


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    """`shapes@1`: 12 pictures to train on, 6 to test on. Not to be changed."""
    return publish(tmp_path_factory.mktemp("shapes"), "shapes", {"train": 12, "test": 6})


@pytest.fixture(autouse=True)
def _torch_as_found() -> Iterator[None]:
    """Give torch's process-wide settings back as they were."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """Folder for workspaces and a cache."""
    return tmp_path
