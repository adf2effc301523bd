"""Re-hashing what is stored: every bad file, and the versions it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.ids import VersionReference
from registry.catalog import Catalog
from registry.checking import ERASED_YET_THERE, Fault, OnProgress, blob_uses
from registry.reader import Version
from registry.store import Store

__all__ = ["ERASED_YET_THERE", "Fault", "verify"]


def verify(
    store: Store,
    catalog: Catalog,
    references: Sequence[VersionReference] | None = None,
    *,
    on_progress: OnProgress | None = None,
) -> list[Fault]:
    """Re-hash the blobs of some versions, or everything in the store.

    Manifests are taken from the catalog, so that a version with a damaged manifest is checked in full too. Blobs that
    no version holds are checked when everything is; a damaged one harms no version and is listed without any. Files of
    erased frames must be gone where no other frame holds them: they are listed when they are not.

    Args:
        store: The store.
        catalog: Its catalog.
        references: Versions to check; none is everything.
        on_progress: Called with (blobs checked, blobs).

    Returns:
        Every missing or damaged blob once, with all that it is; empty when all is well.

    Raises:
        NotFoundError: No such version.
        StorageError: Store or temporary folder refuse.
    """
    chosen = [ref for ref, _ in catalog.all_versions()] if references is None else list(references)
    with blob_uses(store) as uses:
        for reference in chosen:
            uses.add_version(Version(store, catalog.resolve(reference), catalog.manifest(reference), str(reference)))
        if references is None:
            uses.add_stored(store.digests())
        return uses.check(on_progress)
