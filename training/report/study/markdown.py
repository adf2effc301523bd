"""A study's report as Markdown, with its figures as files beside it."""

from __future__ import annotations

from collections.abc import Sequence

from training.report.study.answer import Answer
from training.report.study.layout import Section, Table

FIGURES_FOLDER = "figures"


def as_markdown(
    title: str,
    question: str,
    answer: Answer,
    metric: str,
    notes: Sequence[str],
    sections: Sequence[Section],
    about: Table,
) -> str:
    """The whole report.

    Args:
        title: Of the study.
        question: That the study asks; may be empty.
        answer: What stands first.
        metric: What the scores are.
        notes: Sentences beside every figure.
        sections: In their order.
        about: Digests and versions.
    """
    parts = [f"# {_text(title)}", *([f"*{_text(question)}*"] if question else []), f"**{_text(answer.headline)}**"]
    parts += [_points(answer.details), _points(answer.cautions), f"Scores are {_text(metric)}.", _points(notes)]
    for section in sections:
        parts += [f"## {_text(section.title)}", *map(_text, section.before)]
        for group in section.figures:
            parts += [f"### {_text(group.title)}"]
            parts += [
                f"![{_text(plot.title or group.title)}]({FIGURES_FOLDER}/{plot.name}.svg)" for plot in group.plots
            ]
            parts += [_text(group.caption)]
            if group.left_out:
                parts += [f"{group.left_out} more panels are not drawn; the tables hold all."]
        for table in section.tables:
            parts += [*([f"### {_text(table.title)}"] if table.title else []), _table(table)]
        parts += map(_text, section.after)
    parts += ["## How to repeat it", _table(about)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _points(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {_text(sentence)}" for sentence in sentences)


def _table(table: Table) -> str:
    marks = ["---" if number < table.words else "---:" for number in range(len(table.header))]
    lines = [[_text(cell) for cell in row] for row in (table.header, *table.rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], marks, *lines[1:]])


def _text(text: str) -> str:
    """Text in which nothing is read as Markdown or HTML."""
    for character in "\\`*_|#<":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
