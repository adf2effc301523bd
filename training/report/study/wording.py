"""How figures of a study are put into words."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence

from contracts.study_table import TableAxis
from training.report.pages import count, score, signed
from training.report.study.amounts import Break, Worth
from training.statistics.learning_curve import ExchangeRate
from training.statistics.mean_tests import MeanInterval
from training.statistics.resampling import Amount

TESTS = {"welch": "Welch's test", "paired_t": "Paired test over the repeats"}
CANNOT_BE_TOLD = "can't be told"
SIDES = {"greater": "one-sided (greater)", "less": "one-sided (less)", "two_sided": "two-sided"}


def probability(value: float | None) -> str:
    """A p-value."""
    if value is None:
        return "–"
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}" if value < 0.1 else f"{value:.2f}"


def p_sentence(value: float) -> str:
    """A p-value as it stands in a sentence."""
    return f"p {probability(value)}" if value < 0.0001 else f"p = {probability(value)}"


def percent(value: float | None) -> str:
    """A signed percentage."""
    return "–" if value is None else f"{round(value, 1) + 0.0:+.1f} %".replace("-", "−")


def share(value: float, places: int = 0) -> str:
    """A share in percent; rounded to 100 only where it is."""
    text = f"{100 * value:.{places}f}"
    return f"> {100 - 10**-places:.{places}f} %" if value < 1 and float(text) == 100 else f"{text} %"


def metric_title(metric: str) -> str:
    """A dotted path of a score in words, such as `mean dataset IoU on the test images`."""
    part, _, name = metric.partition(".")
    of_class = re.match(r"^dataset_iou\.(.+)$|^classes\.(.+)\.(\w+)$", name)
    if of_class and of_class[1]:
        words = f"dataset IoU of {of_class[1]}"
    elif of_class:
        words = f"{of_class[3].replace('_', ' ')} of {of_class[2]}"
    else:
        words = name.replace("_", " ")
    words = re.sub(r"\biou\b", "IoU", words.replace("mean dice", "mean Dice").replace("boundary f", "boundary F-score"))
    return f"{words} on the {part} images" if part in ("test", "validation") else metric


def bracketed(low: float | None, high: float | None) -> str:
    """An interval of a difference."""
    return "" if low is None or high is None else f"[{signed(low)}, {signed(high)}]"


def shown_value(axis: TableAxis, value: str) -> str:
    """A value of an axis; where it is a word for a number of images, with the number."""
    amount = axis.amounts[axis.values.index(value)] if axis.role != "other" else None
    return value if amount is None or value == f"{amount:.0f}" else f"{value} ({count(round(amount))})"


def mean_text(mean: float, interval: MeanInterval | None) -> str:
    """A mean with its interval."""
    return score(mean) if interval is None else f"{score(mean)} {scores(interval)}"


def scores(interval: MeanInterval) -> str:
    """An interval of a score."""
    return f"[{score(interval.low)}, {score(interval.high)}]"


def images(amount: Amount, less: float = 0.0) -> str:
    """A number of images, less some; beyond what was measured, the bound that it lies beyond."""
    sign = {"below": "< ", "within": "", "above": "> "}[amount.where]
    return sign + count(round(amount.value - less)).replace("-", "−")


def images_interval(rate: ExchangeRate, less: float = 0.0) -> str:
    """The interval of an exchange rate; empty where there is none."""
    if rate.low is None or rate.high is None:
        return ""
    if rate.equivalent.where != "within" and rate.low == rate.high == rate.equivalent:
        return ""
    return f" [{images(rate.low, less)}, {images(rate.high, less)}]"


def equivalent(worth: Worth) -> str:
    """Real images alone that score alike."""
    if worth.is_unknown:
        return CANNOT_BE_TOLD + images_interval(worth.rate)
    return images(worth.rate.equivalent) + images_interval(worth.rate)


def replaced(worth: Worth) -> str:
    """Real images that the synthetic ones replaced."""
    if worth.is_unknown:
        return CANNOT_BE_TOLD + images_interval(worth.rate, worth.real)
    return images(worth.rate.equivalent, worth.real) + images_interval(worth.rate, worth.real)


def scored_like(worth: Worth) -> str:
    """Which number of real images alone scores alike, to go on with after a score."""
    if worth.is_unknown:
        return f"and how many real ones do so {CANNOT_BE_TOLD}{images_interval(worth.rate)}"
    return f"like {equivalent_words(worth)} real ones"


def equivalent_words(worth: Worth) -> str:
    """Real images alone that score alike, for a sentence."""
    sign = {"below": "fewer than ", "within": "about ", "above": "more than "}[worth.rate.equivalent.where]
    return f"{sign}{count(round(worth.rate.equivalent.value))}{images_interval(worth.rate)}"


def break_kind(found: Break) -> str:
    """What a break-point says: `helping`, `stopped`, `never`, or `unknown` where its interval spans all amounts."""
    amount = found.found.amount
    if found.is_unknown:
        return "unknown"
    if amount.where == "above":
        return "helping"
    return "never" if amount.where == "below" or round(amount.value) == 0 else "stopped"


def break_text(found: Break) -> str:
    """Where more synthetic images stopped helping."""
    words = {
        "helping": f"still helped at {count(round(found.found.amount.value))}",
        "stopped": f"about {images(found.found.amount)}",
        "never": "never helped",
        "unknown": CANNOT_BE_TOLD,
    }
    return words[break_kind(found)] + break_interval(found)


def break_interval(found: Break) -> str:
    """The interval of a break-point; empty where there is none."""
    low, high = found.found.low, found.found.high
    if low is None or high is None:
        return ""
    ends = ["0" if end.where == "below" else images(end) for end in (low, high)]
    return f" [{ends[0]}, {ends[1]}]"


def listed(words: Sequence[str], limit: int = 12) -> str:
    """Words in a row, such as `16, 32 and 64`."""
    if len(words) > limit:
        return ", ".join(words[:limit]) + f" and {len(words) - limit} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else list(words))


def middle(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
