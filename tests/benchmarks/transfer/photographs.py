"""Where the photographs of the transfer studies lie, and the versions made of them.

`BELTLINE_REAL_DATA` names the folder that holds `carparts/`. `screening.yaml` says how its `train` part becomes a
version of which whole groups are set apart: `validation`, which chooses each run's checkpoint, and `development`, which
is scored and looked at.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.ids import VersionReference
from registry.catalog import Catalog
from registry.reader import Version, open_version
from registry.store import Store
from server.settings import load_settings

VARIABLE = "BELTLINE_REAL_DATA"
LABEL_MAP = "carparts-5"
LEARN, VALIDATION, DEVELOPMENT, TEST = "train", "validation", "development", "test_public"
"""Splits of the photographs; nobody looks at the last."""


@dataclass(frozen=True)
class Home:
    """Where versions lie: a home of `beltline`."""

    path: Path
    """Absolute."""
    store: Store
    catalog_url: str

    def version(self, text: str) -> tuple[str, Version]:
        """A version by `name@number`, or the newest of a name.

        Returns:
            Its `name@number`, and the version.

        Raises:
            NotFoundError: There is none.
        """
        with Catalog(self.catalog_url) as catalog:
            if "@" not in text:
                text = f"{text}@{catalog.latest(text).version}"
            digest = catalog.resolve(VersionReference.parse(text))
        return text, open_version(self.store, digest, name=text)


def open_home(path: Path | None) -> Home:
    """The home at `path`; none is `BELTLINE_HOME` or `./.beltline`, as for the command line."""
    settings = load_settings(path, allow_paths=True)
    settings.home.mkdir(parents=True, exist_ok=True)
    return Home(settings.home, Store(settings.store_url), settings.catalog_url)


def photographs_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder `carparts/` of the photographs.

    Raises:
        ConfigurationError: The variable is not set, or its folder holds no `carparts/`.
    """
    named = environment.get(VARIABLE)
    if not named:
        raise ConfigurationError(
            f"{VARIABLE} is not set: there are no photographs to measure on",
            code="photographs_missing",
            hint=f"export {VARIABLE}=FOLDER, where FOLDER holds carparts/",
        )
    folder = Path(named).resolve() / "carparts"
    if not folder.is_dir():
        raise ConfigurationError(
            f"{VARIABLE}={named} holds no folder carparts", code="photographs_missing", hint="name another folder"
        )
    return folder
