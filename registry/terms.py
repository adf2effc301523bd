"""License and consent: whatever is made of versions inherits theirs."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.dataset import DatasetManifest, SourceTerms
from contracts.ids import Digest


def inherited_terms(sources: Iterable[tuple[Digest, DatasetManifest]]) -> tuple[SourceTerms, ...]:
    """Terms that hold for a version, a mix or a model made of some versions.

    Args:
        sources: Digest and manifest of each version.

    Returns:
        The terms of every source and of what the sources were made of, once each, sorted by source. Sources without
        terms have none to pass on.
    """
    found: set[SourceTerms] = set()
    for digest, manifest in sources:
        if manifest.license is not None or manifest.consent is not None:
            found.add(SourceTerms(source=digest, license=manifest.license, consent=manifest.consent))
        found.update(manifest.terms)
    return tuple(sorted(found, key=lambda item: (item.source, item.license or "", item.consent or "")))
