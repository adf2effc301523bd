"""Users' own files, which the one who plans a batch has put into the folder of assets, named by their digests."""

from __future__ import annotations

from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.ids import digest_of
from contracts.own_assets import OWN_FILES, own_file_name

_folder: Path | None = None


def open_own_files(assets: Path) -> None:
    """Read own files from this folder of assets from now on."""
    global _folder
    _folder = assets / OWN_FILES


def read_own_file(digest: str) -> bytes:
    """Bytes of an own file.

    Raises:
        ConfigurationError: It is not there (`own_file_missing`), or is damaged (`own_file_damaged`).
    """
    path = None if _folder is None else _folder / own_file_name(digest)
    try:
        data = b"" if path is None else path.read_bytes()
    except OSError:
        data = b""
    if not data:
        raise ConfigurationError(
            f"the generator's own file {digest} is not in this home",
            code="own_file_missing",
            hint="render once from the generator's YAML file, beside which it lies: that puts it there",
        )
    if digest_of(data) != digest:
        raise ConfigurationError(
            f"{path} is damaged: its bytes are not those of its name",
            code="own_file_damaged",
            hint="delete it and render from the generator's YAML file again",
        )
    return data
