"""Making a version visible beside garbage collection: what it names is there when its row is, and stays.

Publishers skip blobs that the store has already, and a collector may be about to remove just those. So a publisher
takes down the epoch before it looks, and its row is only added while the epoch is the same; else it looks again.
"""

from __future__ import annotations

from collections.abc import Callable

from contracts.dataset import DatasetManifest, VersionDescription
from contracts.errors import IntegrityError, StorageError
from contracts.ids import canonical_json, digest_of
from registry.catalog import Catalog, Operation, SweptError
from registry.store import Store
from registry.streaming import read_lines

_ATTEMPTS_MAX = 100


def publish_version(
    store: Store,
    catalog: Catalog,
    name: str,
    write: Callable[[], DatasetManifest],
    *,
    description: str = "",
    operation: Operation | None = None,
) -> VersionDescription:
    """Write a version's blobs and make it visible.

    Args:
        store: Where the blobs go.
        catalog: Where the version becomes visible.
        name: The dataset.
        write: Stores all blobs, durably, and gives the manifest; called again where a collector removed some of them.
        description: For people.
        operation: How the making went.

    Raises:
        ConfigurationError, ConflictError, StorageError: As `Catalog.add`, and as `write`.
    """
    epoch = catalog.begin_publication()
    manifest = write()
    for _ in range(_ATTEMPTS_MAX):
        try:
            return catalog.add(name, manifest, description=description, operation=operation, epoch=epoch)
        except SweptError:
            epoch = catalog.begin_publication()
            if not is_complete(store, manifest):
                manifest = write()
    raise StorageError(f"can't publish '{name}': garbage collection never paused", hint="repeat when it has ended")


def is_complete(store: Store, manifest: DatasetManifest) -> bool:
    """Whether the store has every blob of a version; their bytes are not read."""
    documents = [manifest.frames.digest, manifest.files.digest, digest_of(canonical_json(manifest))]
    if manifest.generator_document is not None:
        documents.append(manifest.generator_document.digest)
    if not all(store.exists(digest) for digest in documents):
        return False
    try:
        return all(store.exists(line.split(b" ")[0].decode()) for line in read_lines(store, manifest.files.digest))
    except IntegrityError:
        return False
