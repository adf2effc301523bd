"""Which blobs versions hold, and as what: sorted by digest on disk, so that each is hashed once, in little memory."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from contracts.errors import IntegrityError
from contracts.ids import Digest, digest_of
from registry.durable import storage_error
from registry.spool import DIGEST_BYTES, SortedEntries, digest_bytes, digest_text
from registry.store import Store
from registry.streaming import hash_blob, read_lines

if TYPE_CHECKING:
    from registry.reader import Version

OnProgress = Callable[[int, int], None]
"""Called with (done, total)."""
ERASED_YET_THERE = "erased, and its bytes are there: `beltline gc` frees them where nothing else needs them"

_ROLES = ("depth", "image", "instances", "mask")
_DOCUMENTS = ("manifest", "frames.jsonl", "file table", "generator")
_LISTS = (_DOCUMENTS.index("frames.jsonl"), _DOCUMENTS.index("file table"))
_FRAME_FILE, _LISTED, _ERASED, _UNUSED = range(len(_DOCUMENTS), len(_DOCUMENTS) + 4)
_USE = struct.Struct(">IBIB")
"""Version (its place), kind, frame, role: uses of a blob sort in this order."""
_NO_VERSION = 2**32 - 1


@dataclass(frozen=True)
class Fault:
    """A blob that is missing or damaged."""

    digest: Digest
    """What the bytes should be."""
    path: str
    """Where they lie or should lie."""
    reason: str
    """`missing`, or what was found instead."""
    files: tuple[str, ...]
    """What the blob is: such as `frame 7 image` or `manifest`."""
    versions: tuple[str, ...]
    """Versions that hold the blob."""

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}; {', '.join(self.files)} of {', '.join(self.versions) or 'no version'}"


def check_blob(store: Store, digest: Digest, *, is_list: bool = False) -> str | None:
    """What is wrong with a blob: `missing`, or what its bytes are instead; none when all is well.

    Args:
        store: Where it lies.
        digest: The blob.
        is_list: Whether it grows with the frames of a version: then it is read piece by piece from any store.
    """
    try:
        if is_list or store.is_local:
            found, size_bytes = hash_blob(store, digest)
            if found != digest and not store.is_local:  # half an answer is no damage
                found, size_bytes = hash_blob(store, digest)
        else:
            data = store.read_unverified(digest)
            found, size_bytes = digest_of(data), len(data)
    except FileNotFoundError:
        return "missing"
    return None if found == digest else f"damaged: {size_bytes} bytes of {found}"


@contextmanager
def blob_uses(store: Store) -> Iterator[BlobUses]:
    """A list of uses, kept in a temporary folder for as long as the block runs.

    Raises:
        StorageError: The folder refuses.
    """
    try:
        with TemporaryDirectory(prefix="beltline-verify-") as folder:
            yield BlobUses(store, Path(folder))
    except OSError as error:
        raise storage_error(error, "keep the list of files to verify") from error


class BlobUses:
    """Blobs and what they are to some versions.

    Args:
        store: Where the blobs lie.
        folder: For the list.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._entries = SortedEntries(folder, DIGEST_BYTES + _USE.size)
        self._versions: list[str] = []

    def add_version(self, version: Version) -> None:
        """Add everything that a version holds. Where `frames.jsonl` is damaged, the files are those that the file table
        lists, unnamed; files of erased frames are added as such."""
        place = len(self._versions)
        self._versions.append(version.name)
        manifest = version.manifest
        documents = (version.digest, manifest.frames.digest, manifest.files.digest)
        for kind, digest in enumerate(documents):
            self._add(digest, place, kind)
        if manifest.generator_document is not None:
            self._add(manifest.generator_document.digest, place, len(documents))
        erased = version.erased
        try:
            self._check_list(manifest.frames.digest)
            for record in version.iterate_all():
                kind = _ERASED if record.index in erased else _FRAME_FILE
                for role, digest in record.files.items():
                    self._add(digest, place, kind, record.index, _ROLES.index(role))
        except IntegrityError:
            self._add_listed(manifest.files.digest, place)

    def add_stored(self, digests: Iterable[Digest]) -> None:
        """Add blobs that are in the store, whoever holds them."""
        for digest in digests:
            self._add(digest, _NO_VERSION, _UNUSED)

    def check(self, on_progress: OnProgress | None = None) -> list[Fault]:
        """Hash every blob that a version holds or that is in the store.

        Returns:
            Every missing or damaged blob once, with all that it is, in the order of versions and frames.
        """
        total = sum(1 for _ in self._groups())
        found: list[tuple[bytes, Fault]] = []
        for done, (digest, erased, uses) in enumerate(self._groups(), 1):
            first = next(uses)
            kind = _USE.unpack(first)[1]
            if kind == _UNUSED and erased is not None:
                found.append((erased, self._fault(digest, ERASED_YET_THERE, [erased])))
            reason = check_blob(self._store, digest, is_list=kind in _LISTS)
            if reason is not None:
                found.append((first, self._fault(digest, reason, chain([first], uses))))
            if on_progress is not None:
                on_progress(done, total)
        return [fault for _, fault in sorted(found, key=lambda item: item[0])]

    def _groups(self) -> Iterator[tuple[Digest, bytes | None, Iterator[bytes]]]:
        """Every blob that is held or stored: its digest, its first use by an erased frame if there is any before, and
        the uses from the first that is none."""
        for key, entries in groupby(self._entries, lambda entry: entry[:DIGEST_BYTES]):
            uses = (entry[DIGEST_BYTES:] for entry in entries)
            erased = None
            for use in uses:
                if _USE.unpack(use)[1] == _ERASED:
                    erased = erased or use
                else:
                    yield digest_text(key), erased, chain([use], uses)
                    break

    def _fault(self, digest: Digest, reason: str, uses: Iterable[bytes]) -> Fault:
        files: dict[str, None] = {}
        versions: dict[str, None] = {}
        for use in uses:
            place, kind, frame, role = _USE.unpack(use)
            if kind == _UNUSED:
                continue
            if kind == _ERASED and reason is not ERASED_YET_THERE:
                continue
            files[self._what(kind, frame, role)] = None
            versions[self._versions[place]] = None
        return Fault(digest, self._store.path_of(digest), reason, tuple(files) or ("unused",), tuple(versions))

    @staticmethod
    def _what(kind: int, frame: int, role: int) -> str:
        if kind < len(_DOCUMENTS):
            return _DOCUMENTS[kind]
        return "file of a frame" if kind == _LISTED else f"frame {frame} {_ROLES[role]}"

    def _add_listed(self, table: Digest, place: int) -> None:
        try:
            self._check_list(table)
            for line in read_lines(self._store, table):
                self._add(line.partition(b" ")[0].decode("ascii"), place, _LISTED)
        except IntegrityError:
            return  # the table's own fault is told

    def _check_list(self, digest: Digest) -> None:
        """Read it once for its digest alone: nothing that damaged lines say is taken down."""
        if check_blob(self._store, digest, is_list=True) is not None:
            raise IntegrityError(f"{digest} is missing or damaged", hint="it is named with all other faults")

    def _add(self, digest: Digest, place: int, kind: int, frame: int = 0, role: int = 0) -> None:
        self._entries.add(digest_bytes(digest) + _USE.pack(place, kind, frame, role))
