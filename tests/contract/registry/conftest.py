"""The sample batches are shared with the unit tests of the registry."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from mask_folder_samples import Folder

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "registry"))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
