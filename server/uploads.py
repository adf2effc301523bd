"""Uploaded archives: what they may hold, and unpacking them where nothing can get out."""

from __future__ import annotations

import re
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from contracts.errors import ConfigurationError, StorageError

FILES_MAX = 2_000_000
"""Most entries of an archive."""
EXPANSION_MAX = 200
"""Largest ratio of unpacked to packed bytes; photographs and masks stay far below."""
_ALLOWANCE_BYTES = 64 << 20
"""Unpacked bytes that are allowed whatever the ratio."""
_PART = re.compile(r"images|sequence\.\d+")
"""Folders that are part of a dataset: alone in an archive, they are no folder around one."""


def check_archive(path: Path) -> None:
    """Raise ConfigurationError unless a file is a zip or tar archive."""
    if not (zipfile.is_zipfile(path) or tarfile.is_tarfile(path)):
        raise ConfigurationError(
            "the upload is neither a zip nor a tar archive",
            code="invalid_archive",
            hint="upload a .zip, .tar or .tar.gz",
        )


def unpack(archive: Path, target: Path, *, named: Iterable[str] = ()) -> Path:
    """Unpack an archive into a fresh folder.

    Args:
        archive: Zip or tar.
        target: The folder; what it held before is removed.
        named: Relative paths under the data that somebody asked for, such as a split's folder.

    Returns:
        The folder that holds the data: `target`, or the one folder in it where that is no part of the data itself.

    Raises:
        ConfigurationError: Damaged, or it holds links, devices, paths that lead out, or absurdly much.
        StorageError: There is no room for it.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    allowance = max(_ALLOWANCE_BYTES, archive.stat().st_size * EXPANSION_MAX)
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, target, allowance)
        else:
            _unpack_tar(archive, target, allowance)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, RuntimeError) as error:
        raise _invalid(f"it can't be read: {error}") from None
    except OSError as error:
        raise StorageError(
            f"the archive can't be unpacked: {error.strerror}", hint="free disk space, then retry"
        ) from error
    entries = list(target.iterdir())
    if len(entries) != 1 or not entries[0].is_dir() or _PART.fullmatch(entries[0].name):
        return target
    return (
        target if entries[0].name in {part for path in named for part in PurePosixPath(path).parts[:1]} else entries[0]
    )


def _unpack_zip(archive: Path, target: Path, allowance: int) -> None:
    with zipfile.ZipFile(archive) as packed:
        entries = packed.infolist()
        _check_amount(len(entries), sum(entry.file_size for entry in entries), allowance)
        for entry in entries:
            mode = entry.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _invalid(f"'{entry.filename}' is neither a file nor a folder")
            path = target / _safe(entry.filename)
            if entry.is_dir():
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(entry) as source, path.open("xb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


def _unpack_tar(archive: Path, target: Path, allowance: int) -> None:
    size = count = 0
    with tarfile.open(archive) as packed:
        for entry in packed:
            count += 1
            size += entry.size
            _check_amount(count, size, allowance)
            if not (entry.isfile() or entry.isdir()):
                raise _invalid(f"'{entry.name}' is neither a file nor a folder")
            _safe(entry.name)
            packed.extract(entry, target, filter="data")


def _safe(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise _invalid(f"'{name}' leads out of it")
    return name


def _check_amount(count: int, size: int, allowance: int) -> None:
    if count > FILES_MAX or size > allowance:
        raise _invalid(f"{count} files of {size} bytes: more than an archive of this size may hold")


def _invalid(reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"the archive is refused: {reason}", code="invalid_archive", hint="pack plain files and folders only"
    )
