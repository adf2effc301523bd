"""Pages from the templates beside this module: complete in one file, loading nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contracts.process import write_atomically


def write_page(path: Path, template: str, **values: Any) -> None:
    """Render a template into a file."""
    environment = Environment(
        loader=PackageLoader("training.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "score": score,
        "signed": signed,
        "range": between,
        "signed_range": signed_between,
        "count": count,
        "duration": duration,
    }
    write_atomically(path, environment.get_template(template).render(**values).encode())


def svg(text: str) -> Markup:
    """SVG that we drew ourselves."""
    return Markup(text)


def score(value: float | None) -> str:
    """A score to three places."""
    return "–" if value is None else f"{value:.3f}".replace("-", "−")


def signed(value: float | None) -> str:
    """A difference to three places, with its sign."""
    return "–" if value is None else f"{value:+.3f}".replace("-", "−")


def between(value: tuple[float, float] | None) -> str:
    """An interval to three places."""
    return "–" if value is None else f"{value[0]:.3f} to {value[1]:.3f}"


def signed_between(value: tuple[float, float] | None) -> str:
    """An interval of a difference to three places."""
    return "–" if value is None else f"{signed(value[0])} to {signed(value[1])}"


def count(value: int) -> str:
    """A whole number with thin spaces."""
    return f"{value:,}".replace(",", "\u202f")


def duration(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
