"""Mixes in the registry: small immutable documents that name versions, which stay as long as a mix needs them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contracts.dataset import DatasetManifest
from contracts.errors import ConfigurationError, ConflictError, NotFoundError, nearest
from contracts.ids import Digest, VersionReference, canonical_json, check_name, digest_of
from contracts.mix import DataPlan, Mix, MixDescription, MixSource, TrainingSource, parse_mix
from registry.catalog import Catalog, lock_collection
from registry.rows import current_user, find_version, moment_text
from registry.splits import check_split
from registry.tables import ManifestRow, MixRow
from registry.terms import inherited_terms


def create_mix(catalog: Catalog, name: str, text: str) -> MixDescription:
    """Keep a mix. The same text under the same name gives the mix that is there.

    Args:
        catalog: The catalog.
        name: Its name.
        text: As `contracts.mix.parse_mix` reads it.

    Raises:
        ConfigurationError: The name is not safe, the text is no mix, or it takes more images than there are.
        NotFoundError: A version or split is not there.
        ConflictError: The name stands for another mix.
    """
    check_name(name, "mix name")
    with catalog.changing(f"keep the mix '{name}'") as session:
        lock_collection(session)  # no version that it names is deleted before it is known to need it
        mix = parse_mix(text, lambda version: find_version(session, VersionReference.parse(version)).digest)
        manifests = _manifests(session, mix)
        _counts(mix, manifests)
        document = canonical_json(mix)
        row = session.get(MixRow, name)
        if row is None:
            row = MixRow(
                name=name,
                digest=digest_of(document),
                document=document.decode(),
                created_at=datetime.now(UTC),
                created_by=current_user(),
            )
            session.add(row)
        elif row.digest != digest_of(document):
            raise ConflictError(
                f"'{name}' is another mix: {Mix.model_validate_json(row.document)}",
                code="mix_exists",
                hint="mixes never change: choose another name",
            )
        return _described(row, mix, manifests)


def find_mix(catalog: Catalog, name_or_digest: str) -> MixDescription:
    """A mix by its name or digest.

    Raises:
        NotFoundError: There is none.
    """
    with catalog.reading() as session:
        by_digest = select(MixRow).where(MixRow.digest == name_or_digest).order_by(MixRow.name).limit(1)
        row = session.get(MixRow, name_or_digest) or session.scalars(by_digest).first()
        if row is None:
            hint = nearest(name_or_digest, session.scalars(select(MixRow.name)))
            raise NotFoundError(f"no mix '{name_or_digest}'", code="unknown_mix", hint=hint or "there are no mixes yet")
        return _description_of(session, row)


def list_mixes(catalog: Catalog) -> list[MixDescription]:
    """All mixes, by name."""
    with catalog.reading() as session:
        return [_description_of(session, row) for row in session.scalars(select(MixRow).order_by(MixRow.name))]


def remove_mix(catalog: Catalog, name: str) -> MixDescription:
    """Forget a mix; its versions may then be deleted. Runs that learned from it name its sources themselves.

    Raises:
        NotFoundError: There is none.
    """
    found = find_mix(catalog, check_name(name, "mix name"))
    with catalog.changing(f"remove the mix '{name}'") as session:
        lock_collection(session)
        row = session.get(MixRow, name)
        if row is not None:
            session.delete(row)
    return found


def mixes_that_name(session: Session, reference: VersionReference, digest: Digest) -> list[str]:
    """Mixes that name a version, in words."""
    rows = session.scalars(select(MixRow).where(MixRow.document.contains(digest, autoescape=True)))
    naming = [
        row.name
        for row in rows
        if any(source.dataset == str(reference) for source in Mix.model_validate_json(row.document).sources)
    ]
    return sorted(f"mix {name}" for name in naming)


def resolve_mix(catalog: Catalog, plan: DataPlan) -> DataPlan:
    """A run's data with the sources of its mix in its place, and the mix by its digest; others are as they were.

    Raises:
        NotFoundError: There is no such mix.
        ConfigurationError: The plan names sources beside the mix.
    """
    if plan.mix is None:
        return plan
    if plan.train:
        raise ConfigurationError("data: train and mix are both given", hint="keep one of them")
    found = find_mix(catalog, plan.mix)
    train = tuple(
        TrainingSource(
            dataset=source.dataset,
            split=source.split,
            take="all" if source.images is None else source.images,
            share=None if source.share == 1 else source.share,
            subsets=found.mix.subsets,
            seed=found.mix.seed,
            weight=float(count),
        )
        for source, count in zip(found.mix.sources, found.images, strict=True)
    )
    return plan.model_copy(update={"train": train, "mix": found.digest})


def _manifests(session: Session, mix: Mix) -> list[DatasetManifest]:
    rows = {source.digest: session.get_one(ManifestRow, source.digest) for source in mix.sources}
    return [DatasetManifest.model_validate_json(rows[source.digest].document) for source in mix.sources]


def _counts(mix: Mix, manifests: list[DatasetManifest]) -> tuple[int, ...]:
    return tuple(_count(source, manifest) for source, manifest in zip(mix.sources, manifests, strict=True))


def _count(source: MixSource, manifest: DatasetManifest) -> int:
    check_split(str(source.dataset), source.split, manifest.splits)
    available = manifest.frame_count if source.split is None else manifest.splits[source.split]
    count = source.count(available)
    if not 1 <= count <= available:
        raise ConfigurationError(
            f"mix: {source} is {count} of {available} images",
            code="mix_too_large" if count else "mix_too_small",
            hint=f"take 1 to {available}",
        )
    return count


def _description_of(session: Session, row: MixRow) -> MixDescription:
    mix = Mix.model_validate_json(row.document)
    return _described(row, mix, _manifests(session, mix))


def _described(row: MixRow, mix: Mix, manifests: list[DatasetManifest]) -> MixDescription:
    sources = zip((source.digest for source in mix.sources), manifests, strict=True)
    return MixDescription(
        name=row.name,
        digest=row.digest,
        text=str(mix),
        mix=mix,
        images=_counts(mix, manifests),
        terms=inherited_terms(sources),
        created_at=moment_text(row.created_at),
        created_by=row.created_by,
    )
