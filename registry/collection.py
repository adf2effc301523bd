"""Garbage collection: frees blobs that no version names, beside publishers, and stopped at any moment without harm.

Blobs are removed a few at a time inside a transaction that holds the catalog's `collection` row, so no version becomes
visible meanwhile. Before each such step a transaction of its own writes the intent and a new epoch, and so a publisher
that skipped a blob which then went finds another epoch than it took down, and looks again (`registry.publication`).
What is live never becomes garbage by waiting: a version that appears later is added before the next step.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.dataset import DatasetManifest
from contracts.errors import IntegrityError
from contracts.ids import Digest
from registry.catalog import Catalog, lock_collection
from registry.incoming import clear_dead
from registry.reader import Version, open_version
from registry.store import Store
from registry.streaming import read_lines

STEP = 1000
"""Most blobs removed while publishers wait."""

Roots = Callable[[], Collection[Digest]]
"""Digests of versions that something needs although no name stands for them any more, such as a run's."""
OnProgress = Callable[[int], None]
"""Called with the number of blobs looked at."""


@dataclass(frozen=True)
class Collected:
    """What garbage collection found."""

    blobs: int
    """In the store before."""
    freed: int
    """Removed, or to be removed in a dry run."""
    freed_bytes: int


def collect_garbage(
    store: Store,
    catalog: Catalog,
    *,
    roots: Roots | None = None,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Collected:
    """Remove every blob that no version of the catalog and no root names, and what dead writers left behind.

    A store must not be shared by two catalogs.

    Args:
        store: The store.
        catalog: Its catalog.
        roots: Further versions to keep; those whose manifest is gone are passed over.
        dry_run: Whether to look only.
        on_progress: Called now and then.

    Raises:
        IntegrityError: It can't be told what a version names, because its file table is damaged; nothing was freed
            that a version names.
        StorageError: Store or catalog refuse; what was freed was garbage.
    """
    live = Live(store, catalog, roots or (lambda: ()))
    live.refresh()
    blobs = freed = freed_bytes = 0
    token = secrets.token_hex(16)
    listed = store.digests()
    while step := list(islice(listed, STEP)):
        blobs += len(step)
        garbage = [digest for digest in step if digest not in live]
        if garbage and not dry_run:
            sizes = remove_garbage(store, catalog, live, garbage, token)
        else:
            sizes = [size for digest in garbage if (size := store.size_or_none(digest)) is not None]
        freed += len(sizes)
        freed_bytes += sum(sizes)
        if on_progress is not None:
            on_progress(blobs)
    if store.is_local and not dry_run:
        clear_dead(Path(store.root, "incoming"))
    return Collected(blobs, freed, freed_bytes)


def remove_garbage(store: Store, catalog: Catalog, live: Live, garbage: Sequence[Digest], token: str) -> list[int]:
    """Remove what is still garbage, in one step; sizes in bytes of what went.

    Args:
        store: The store.
        catalog: Its catalog.
        live: What is needed; looked through anew.
        garbage: Blobs that were not live before.
        token: Of this collector.
    """
    while True:
        with catalog.changing("prepare to free blobs") as session:
            row = lock_collection(session)
            row.epoch += 1
            row.intent = token
        with catalog.changing("free blobs") as session:
            row = lock_collection(session)
            if row.intent != token:  # a publisher began in between: it must see a new epoch again
                continue
            live.refresh()
            sizes = [store.remove(digest) for digest in garbage if digest not in live]
            row.intent = None
            return [size for size in sizes if size is not None]


@dataclass
class Live:
    """Blobs that versions name, as the first 64 bits of their digests: small, and an accident keeps a blob too many."""

    store: Store
    catalog: Catalog
    roots: Roots
    _seen: set[Digest] = field(default_factory=set)
    _known: npt.NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))

    def __contains__(self, digest: Digest) -> bool:
        key = np.uint64(_key(digest))
        place = int(np.searchsorted(self._known, key))
        return place < len(self._known) and self._known[place] == key

    def refresh(self) -> None:
        """Add versions that were not there before; nothing is ever taken away."""
        parts = [self._known]
        for digest, manifest in self._new_versions():
            parts.append(np.fromiter(self._keys(digest, manifest), np.uint64))
            self._seen.add(digest)
        if len(parts) > 1:
            self._known = np.unique(np.concatenate(parts))

    def _new_versions(self) -> Iterator[tuple[Digest, DatasetManifest]]:
        for reference, digest in self.catalog.all_versions():
            if digest not in self._seen:
                yield digest, self.catalog.manifest(reference)
        for digest in self.roots():
            if digest not in self._seen and self.store.exists(digest):
                yield digest, open_version(self.store, digest).manifest

    def _keys(self, digest: Digest, manifest: DatasetManifest) -> Iterator[int]:
        yield _key(digest)
        yield _key(manifest.frames.digest)
        yield _key(manifest.files.digest)
        if manifest.generator_document is not None:
            yield _key(manifest.generator_document.digest)
        try:
            erased = self.catalog.erased_frames(digest)
            if erased:
                version = Version(self.store, digest, manifest, f"version {digest}")
                for record in version.iterate_all():
                    if record.index not in erased:
                        yield from map(_key, record.files.values())
                return
            for line in read_lines(self.store, manifest.files.digest, what=f"file table of version {digest}"):
                yield int(line[7:23], 16)
        except ValueError as error:
            raise IntegrityError(
                f"the file table of version {digest} is damaged", hint="`beltline verify` names the file"
            ) from error


def _key(digest: Digest) -> int:
    return int(digest[7:23], 16)
