"""A study's report as Markdown, with its figures as files beside it."""

from __future__ import annotations

from collections.abc import Sequence

from training.report.markdown import points, table, text
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
    parts = [f"# {text(title)}", *([f"*{text(question)}*"] if question else []), f"**{text(answer.headline)}**"]
    parts += [points(answer.details), points(answer.cautions), f"Scores are {text(metric)}.", points(notes)]
    for section in sections:
        parts += [f"## {text(section.title)}", *map(text, section.before)]
        for group in section.figures:
            parts += [f"### {text(group.title)}"]
            parts += [f"![{text(plot.title or group.title)}]({FIGURES_FOLDER}/{plot.name}.svg)" for plot in group.plots]
            parts += [text(group.caption)]
            if group.left_out:
                parts += [f"{group.left_out} more panels are not drawn; the tables hold all."]
        for each in section.tables:
            parts += [*([f"### {text(each.title)}"] if each.title else []), table(each.header, each.rows, each.words)]
        parts += map(text, section.after)
    parts += ["## How to repeat it", table(about.header, about.rows, about.words)]
    return "\n\n".join(part for part in parts if part) + "\n"
