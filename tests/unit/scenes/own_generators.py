"""Generators that draw from users' own files, written and loaded as the command line does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from contracts.generator import Generator, load_generator
from server.own_files import keep_own_files
from server.settings import shipped_generators

SHIPPED = shipped_generators()


def write_generator(folder: Path, assets: Any, *, extends: str = "exterior", **more: Any) -> Path:
    """A generator's file beside the files that it names."""
    path = folder / "mine.yaml"
    stated = {"schema_version": 1, "name": "mine", "extends": extends, "assets": assets, **more}
    path.write_text(yaml.safe_dump(stated, sort_keys=False))
    return path


def loaded(path: Path) -> Generator:
    """The generator, with its files kept as for workers."""
    found: dict[str, Path] = {}
    generator = load_generator(str(path), SHIPPED, found=found.__setitem__)
    keep_own_files(found, path.parent / "assets")
    return generator
