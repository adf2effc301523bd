"""Pictures and models that many frames share, kept on disk from one process to the next.

To draw one takes as long as to compose the rest of a frame, and each is a pure function of a few small arguments. So
what one worker has drawn serves every later batch of a home. A file starts with the digest of what follows, as it is
not synced to the disk: what a crash has torn is drawn anew. It lies in a folder named by the code that draws, so that
a changed line never meets an old picture.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import platform
import shutil
import time
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from contracts.process import write_atomically

logger = logging.getLogger(__name__)

SHELF = "drawn"
"""Name of the shelf within a folder of assets."""
_FORGOTTEN_AFTER_S = 86_400.0
"""The shelf of other code goes when no process has opened it this long."""
_DIGEST_BYTES = hashlib.sha256().digest_size

ThingT = TypeVar("ThingT")

_folder: Path | None = None


def open_shelf(assets: Path) -> None:
    """Keep what is drawn from now on in a folder of assets, and remove what long gone code has left there.

    Without this call, things are kept in memory only. A shelf that can't be written costs time, never a frame.
    """
    global _folder
    _folder = assets / SHELF / code_digest()[:16]
    try:
        _folder.mkdir(parents=True, exist_ok=True)
        os.utime(_folder)
    except OSError as error:
        logger.warning("can't keep drawn pictures in %s: %s", _folder, error.strerror)
        _folder = None
        return
    for other in _folder.parent.iterdir():
        with contextlib.suppress(OSError):
            if other != _folder and time.time() - other.stat().st_mtime > _FORGOTTEN_AFTER_S:
                shutil.rmtree(other)


@cache
def code_digest() -> str:
    """Hex digest of everything that decides what is drawn: this package's source and the libraries it draws with."""
    scenes = Path(__file__).parent
    digest = hashlib.sha256(f"{np.__version__} {cv2.__version__} {platform.machine()}".encode())
    for path in sorted(scenes.rglob("*.py")):
        digest.update(f"\n{path.relative_to(scenes).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def kept(
    limit: int, encode: Callable[[ThingT], bytes], decode: Callable[[bytes], ThingT]
) -> Callable[[Callable[..., ThingT]], Callable[..., ThingT]]:
    """Decorator: things are drawn once, remembered, and put on the shelf where one is open.

    limit: things remembered in memory. encode, decode: to bytes and back without loss. The function's arguments are
    numbers and words that may stand in a file's name.
    """

    def decorate(draw: Callable[..., ThingT]) -> Callable[..., ThingT]:
        @lru_cache(maxsize=limit)
        def fetch(*arguments: str | int) -> ThingT:
            if _folder is None:
                return draw(*arguments)
            path = _folder / "-".join([draw.__name__.strip("_"), *map(str, arguments)])
            found = _read(path)
            if found is not None:
                return decode(found)
            thing = draw(*arguments)
            _write(path, encode(thing))
            return thing

        return fetch

    return decorate


def _read(path: Path) -> bytes | None:
    """The content of a file; none where it is absent or torn."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    content = data[_DIGEST_BYTES:]
    return content if hashlib.sha256(content).digest() == data[:_DIGEST_BYTES] else None


def _write(path: Path, content: bytes) -> None:
    try:
        write_atomically(path, hashlib.sha256(content).digest() + content)
    except OSError as error:
        logger.warning("can't keep %s: %s", path.name, error.strerror)
