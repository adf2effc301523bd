"""Pieces of Markdown: text in which nothing is read as markup, tables and lists."""

from __future__ import annotations

from collections.abc import Sequence


def text(words: str) -> str:
    """Text in which nothing is read as Markdown or HTML."""
    for character in "\\`*_|#<":
        words = words.replace(character, "\\" + character)
    return " ".join(words.split())


def points(sentences: Sequence[str]) -> str:
    """A list with a sentence to each point."""
    return "\n".join(f"- {text(sentence)}" for sentence in sentences)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
    """A table.

    Args:
        header: Of each column.
        rows: As many cells each.
        words: Leading columns that are words; the others are figures, set to the right.
    """
    marks = ["---" if number < words else "---:" for number in range(len(header))]
    lines = [[text(cell) for cell in row] for row in (header, *rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], marks, *lines[1:]])
