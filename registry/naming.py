"""What people write beside versions: descriptions, tags, and aliases that move. Nothing here changes a digest."""

from __future__ import annotations

import re
from collections.abc import Collection

from sqlalchemy import select

from contracts.dataset import ALIAS_PATTERN, LATEST, TAG_PATTERN, AliasDescription, AliasMove, VersionDescription
from contracts.errors import ConfigurationError, ConflictError, NotFoundError, nearest
from contracts.ids import VersionReference
from registry.catalog import Catalog
from registry.rows import (
    current_user,
    description_of,
    find_dataset,
    find_version,
    moment_text,
    point_alias,
    unknown_dataset,
)
from registry.tables import AliasMoveRow, AliasRow, DatasetRow, TagRow, VersionRow

TAGS_MAX = 200
"""Most tags of one version."""


def change_version(
    catalog: Catalog,
    reference: VersionReference,
    *,
    description: str | None = None,
    add_tags: Collection[str] = (),
    remove_tags: Collection[str] = (),
) -> VersionDescription:
    """Change what is written beside a version, in one step.

    Args:
        catalog: The catalog.
        reference: The version.
        description: The new one; none keeps it.
        add_tags: Such as `generation:6`; a tag that is there stays.
        remove_tags: All of them must be there.

    Raises:
        NotFoundError: Unknown version, or a tag to remove that it does not have.
        ConfigurationError: A tag that is none, one to be both added and removed, or more than 200.
    """
    for tag in [*add_tags, *remove_tags]:
        check_tag(tag)
    both = set(add_tags) & set(remove_tags)
    if both:
        raise ConfigurationError(f"tag '{min(both)}' is both added and removed", hint="leave one of them out")
    with catalog.changing(f"change {reference}") as session:
        find_dataset(session, reference.name)
        row = find_version(session, reference)
        present = {item.tag: item for item in row.tags}
        for tag in sorted(remove_tags):
            if tag not in present:
                raise NotFoundError(
                    f"{reference} has no tag '{tag}'",
                    code="unknown_tag",
                    hint=nearest(tag, present) or "it has no tags",
                )
            row.tags.remove(present.pop(tag))
        new = set(add_tags) - present.keys()
        if len(present) + len(new) > TAGS_MAX:
            raise ConfigurationError(f"{reference} would have more than {TAGS_MAX} tags", hint="remove some first")
        row.tags.extend(TagRow(tag=tag) for tag in sorted(new))
        if description is not None:
            row.description = description
        session.flush()
        return description_of(row)


def tagged(catalog: Catalog, tag: str) -> list[VersionReference]:
    """Versions that carry a tag, by name and number."""
    statement = (
        select(DatasetRow.name, VersionRow.number)
        .join(VersionRow.dataset)
        .join(TagRow, TagRow.version_id == VersionRow.id)
        .where(TagRow.tag == check_tag(tag))
    )
    with catalog.reading() as session:
        return sorted(VersionReference(name, number) for name, number in session.execute(statement))


def move_alias(
    catalog: Catalog, reference: VersionReference, alias: str, *, by: str = "", reason: str = ""
) -> AliasDescription:
    """Let an alias stand for a version; it leaves the one it stood for.

    Args:
        catalog: The catalog.
        reference: The version.
        alias: Such as `approved`.
        by: Who moves it; the process's user when empty.
        reason: For the history.

    Raises:
        NotFoundError: Unknown version.
        ConfigurationError: Not an alias.
        ConflictError: `latest`, which moves by itself.
    """
    _check_movable(alias)
    with catalog.changing(f"move the alias {reference.name}@{alias}") as session:
        dataset = find_dataset(session, reference.name)
        point_alias(session, dataset, alias, find_version(session, reference), by=by or current_user(), reason=reason)
    return find_alias(catalog, reference.name, alias)


def remove_alias(catalog: Catalog, name: str, alias: str, *, by: str = "", reason: str = "") -> AliasDescription:
    """Let an alias stand for nothing; its history stays.

    Raises:
        NotFoundError: Unknown dataset, or an alias that stands for nothing.
        ConflictError: `latest`, which moves by itself.
    """
    _check_movable(alias)
    with catalog.changing(f"remove the alias {name}@{alias}") as session:
        dataset = find_dataset(session, name)
        if session.get(AliasRow, (dataset.id, alias)) is None:
            raise _unknown_alias(
                name, alias, session.scalars(select(AliasRow.alias).where(AliasRow.dataset_id == dataset.id)).all()
            )
        point_alias(session, dataset, alias, None, by=by or current_user(), reason=reason)
    return find_alias(catalog, name, alias)


def find_alias(catalog: Catalog, name: str, alias: str) -> AliasDescription:
    """What an alias stands for, and stood for before.

    Raises:
        NotFoundError: Unknown dataset or alias.
    """
    found = {item.alias: item for item in list_aliases(catalog, name)}
    if alias not in found:
        raise _unknown_alias(name, alias, found)
    return found[alias]


def list_aliases(catalog: Catalog, name: str) -> list[AliasDescription]:
    """All aliases that a dataset has or had, sorted, each with its history.

    Raises:
        NotFoundError: Unknown dataset.
    """
    with catalog.reading() as session:
        dataset = session.scalars(select(DatasetRow).where(DatasetRow.name == name)).first()
        if dataset is None:
            raise unknown_dataset(session, name)
        moves = select(AliasMoveRow).where(AliasMoveRow.dataset_id == dataset.id).order_by(AliasMoveRow.id)
        history: dict[str, list[AliasMove]] = {}
        for move in session.scalars(moves):
            shown = AliasMove(version=move.number, at=moment_text(move.moved_at), by=move.moved_by, reason=move.reason)
            history.setdefault(move.alias, []).append(shown)
        now = select(AliasRow.alias, VersionRow.number).join(AliasRow.version)
        rows = session.execute(now.where(AliasRow.dataset_id == dataset.id))
        numbers = {row.alias: row.number for row in rows}
    return [
        AliasDescription(name=name, alias=alias, version=numbers.get(alias), history=tuple(history[alias]))
        for alias in sorted(history)
    ]


def check_tag(text: str) -> str:
    """Return `text` when it is a tag.

    Raises:
        ConfigurationError: It is not.
    """
    if not re.fullmatch(TAG_PATTERN, text):
        raise ConfigurationError(
            f"{text!r} is not a tag",
            code="invalid_tag",
            hint="write a lower-case name, or two joined by a colon, such as generation:6",
        )
    return text


def _check_movable(alias: str) -> None:
    if not re.fullmatch(ALIAS_PATTERN, alias):
        raise ConfigurationError(
            f"{alias!r} is not an alias",
            code="invalid_alias",
            hint="use 1 to 64 lower-case letters, digits, '.', '-' and '_', starting with a letter",
        )
    if alias == LATEST:
        raise ConflictError(
            f"'{LATEST}' always stands for the newest version", code="reserved_alias", hint="choose another alias"
        )


def _unknown_alias(name: str, alias: str, known: Collection[str]) -> NotFoundError:
    return NotFoundError(
        f"'{name}' has no alias '{alias}'",
        code="unknown_alias",
        hint=nearest(alias, known) or f"set it with `beltline alias {name}@V {alias}`",
    )
