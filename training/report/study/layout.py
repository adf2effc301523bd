"""What a report is made of, before it is a page or a Markdown file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.report.study.figures import PlotGroup

FOLDED_FROM = 25
"""Rows from which a table is folded away on a page."""


@dataclass(frozen=True)
class Table:
    """Rows of text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int
    """Leading columns that are words; the others are figures."""
    title: str = ""

    @property
    def is_folded(self) -> bool:
        return len(self.rows) >= FOLDED_FROM


@dataclass(frozen=True)
class Section:
    """A part of a report under a heading."""

    title: str
    before: tuple[str, ...] = ()
    """Paragraphs before figures and tables."""
    figures: tuple[PlotGroup, ...] = ()
    tables: tuple[Table, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.before or self.figures or self.tables)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], words: int, title: str = "") -> tuple[Table, ...]:
    """A table, or none of no rows."""
    return (Table(tuple(header), tuple(tuple(row) for row in rows), words, title),) if rows else ()
