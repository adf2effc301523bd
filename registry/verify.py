"""Re-hashing what is stored: every bad file, and the versions it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.ids import Digest, VersionReference
from registry.catalog import Catalog
from registry.reader import Fault, OnProgress, Version, check_blob
from registry.store import Store

ERASED_YET_THERE = "erased, and its bytes are there: `beltline gc` frees them where nothing else needs them"


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
    """
    chosen = [ref for ref, _ in catalog.all_versions()] if references is None else list(references)
    uses: dict[Digest, tuple[list[str], list[str]]] = {}
    erased: dict[Digest, tuple[str, str]] = {}
    for reference in chosen:
        version = Version(store, catalog.resolve(reference), catalog.manifest(reference), str(reference))
        for digest, files in version.files_or_listed().items():
            known_files, known_versions = uses.setdefault(digest, ([], []))
            known_files += [file for file in files if file not in known_files]
            known_versions.append(str(reference))
        if version.erased:
            erased |= _erased_files(version)
    faults = []
    if references is None:
        for digest in store.digests():
            if digest in erased and digest not in uses:
                file, name = erased[digest]
                faults.append(Fault(digest, store.path_of(digest), ERASED_YET_THERE, (file,), (name,)))
            uses.setdefault(digest, (["unused"], []))
    for done, (digest, (files, versions)) in enumerate(uses.items(), 1):
        reason = check_blob(store, digest)
        if reason is not None:
            faults.append(Fault(digest, store.path_of(digest), reason, tuple(files), tuple(versions)))
        if on_progress is not None:
            on_progress(done, len(uses))
    return faults


def _erased_files(version: Version) -> dict[Digest, tuple[str, str]]:
    """What the files of erased frames were."""
    return {
        digest: (f"frame {record.index} {role}", version.name)
        for record in version.iterate_all()
        if record.index in version.erased
        for role, digest in record.files.items()
    }
