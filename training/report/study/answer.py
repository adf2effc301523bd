"""The answer of a study in plain language: what could be shown, what could not, and how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.study import Comparison
from training.report.pages import count, score, signed
from training.report.study.amounts import Break
from training.report.study.cells import Key, against, amount_of, value_text
from training.report.study.differences import Difference
from training.report.study.findings import Findings
from training.report.study.wording import (
    bracketed,
    break_kind,
    break_text,
    equivalent_words,
    listed,
    mean_text,
    middle,
    p_sentence,
    percent,
    replaced,
    scored_like,
    shown_value,
)

FEW_REPEATS = 5
LEARNED = 0.05
"""Mean score of overlap under which a network has learned next to nothing."""
HUGE = 0.5
"""Differences of scores that no one trains for."""
PANELS_MAX = 6
POOLED_MAX = 4


@dataclass(frozen=True)
class Answer:
    """What stands at the top of a report."""

    headline: str
    details: tuple[str, ...]
    cautions: tuple[str, ...]


def answer(findings: Findings) -> Answer:
    """The answer, from the strongest statement to the weakest."""
    if not findings.cells.scored:
        return Answer("No run has a result, so nothing can be said.", (), _missing(findings))
    highest = max(found.mean for found in findings.means.values())
    if highest < LEARNED and not findings.cells.metric.endswith(("loss", "error")):
        nothing = (
            f"The networks learned next to nothing: the highest mean of a cell is {score(highest)}, so that nothing of"
            " what their images are worth can show."
        )
        longer = "Train for longer, at more pixels, or fewer classes; the maps and tests below are of noise."
        return Answer(nothing, (longer,), (*_trust(findings), *_missing(findings)))
    sentences: list[str] = []
    for number, comparison in enumerate(findings.comparisons):
        if _is_about_images(findings, comparison):
            sentences += _about_images(findings, number)
        else:
            sentences += _about_axis(findings, number, comparison)
    if not findings.comparisons:
        sentences += _without_question(findings)
    sentences += _breaks(findings)
    return Answer(sentences[0], tuple(sentences[1:]), (*_trust(findings), *_missing(findings)))


def _is_about_images(findings: Findings, comparison: Comparison) -> bool:
    axis = findings.cells.table.axis(comparison.each)
    return axis.role == "synthetic_images" and amount_of(axis, against(comparison)) == 0


def _about_images(findings: Findings, number: int) -> list[str]:
    """What synthetic images were worth at each amount of real ones."""
    cells = findings.cells
    differences = [each for each in findings.differences if each.comparison == number]
    synthetic = cells.by_role("synthetic_images")
    if synthetic is None or not differences:
        return ["No cell with synthetic images has one without them to be compared with."]
    if all(each.p_value is None for each in differences):
        return ["Whether synthetic images helped can't be said: no comparison could be tested, for want of repeats."]
    rows: dict[Key, list[Difference]] = {}
    for each in differences:
        rows.setdefault(each.against, []).append(each)
    gains, losses, unclear = [], [], []
    for beside, row in rows.items():
        found = [each for each in row if each.is_shown]
        better = sorted((each for each in found if each.difference > 0), key=lambda each: -each.difference)
        if better:
            gains.append(_gain_sentence(findings, better[0], _beside(findings, [beside]), len(better) - 1))
        elif found:
            worst = min(found, key=lambda each: each.difference)
            amount = cells.value(worst.key, synthetic)
            losses.append(f"{amount} synthetic images hurt beside {_beside(findings, [beside])}: {_change(worst)}.")
        else:
            unclear.append(beside)
    sentences = [*gains, *losses]
    if unclear:
        limit = middle(
            [each.detectable_corrected for key in unclear for each in rows[key] if each.detectable_corrected]
        )
        tail = _missed(limit, "a true gain", "there")
        subject = "No gain" if sentences else "No gain from synthetic images"
        sentences.append(f"{subject} could be shown beside {_beside(findings, unclear)}{tail}.")
    alone = [worth for worth in findings.worths if worth.real == 0]
    if alone:
        best = max(alone, key=lambda worth: worth.mean)
        amount = cells.value(best.key, synthetic)
        sentences.append(f"{amount} synthetic images alone reached {score(best.mean)}, {scored_like(best)}.")
    if cells.by_role("real_images") is None:
        sentences.append(
            "The study does not vary the real images, so it can't say how many the synthetic ones replaced."
        )
    return sentences


def _beside(findings: Findings, keys: Sequence[Key]) -> str:
    """What cells have beside synthetic images, such as `16, 32 and 64 real images`."""
    cells = findings.cells
    real, synthetic = cells.by_role("real_images"), cells.by_role("synthetic_images")
    panels: dict[str, list[Key]] = {}
    for key in keys:
        panels.setdefault(
            cells.text({axis.name: cells.value(key, axis) for axis in cells.but(real, synthetic)}), []
        ).append(key)
    if real is None:
        return listed(list(panels))
    parts = []
    for panel, found in panels.items():
        amounts = [cells.value(key, real) for key in found]
        words = value_text(real, amounts[0])
        if len(amounts) > 1:
            words = f"{listed([shown_value(real, amount) for amount in amounts])} {real.shown_title}"
        parts.append(words + (f" ({panel})" if panel else ""))
    return listed(parts, PANELS_MAX)


def _gain_sentence(findings: Findings, best: Difference, beside: str, others: int) -> str:
    cells = findings.cells
    synthetic = cells.by_role("synthetic_images")
    amount = cells.value(best.key, synthetic) if synthetic else ""
    worth = next((each for each in findings.worths if each.key == best.key), None)
    more = (
        "" if not others else "; one other amount helped too" if others == 1 else f"; {others} other amounts helped too"
    )
    if worth is None or worth.is_unknown:
        return f"{amount} synthetic images helped beside {beside}: {_change(best)}{more}."
    if worth.rate.equivalent.where != "within" or worth.real == 0:
        return (
            f"{amount} synthetic images beside {beside} scored like {equivalent_words(worth)} real images alone:"
            f" {_change(best)}{more}."
        )
    change = f"{_change(best)}{more}"
    return f"{amount} synthetic images were worth about {replaced(worth)} real ones beside {beside}: {change}."


def _change(each: Difference) -> str:
    interval = bracketed(each.low, each.high)
    p_value = "" if each.p_corrected is None else f", {p_sentence(each.p_corrected)}"
    relative = "" if each.percent is None else f", {percent(each.percent)}"
    return f"{signed(each.difference)} {interval}{relative}{p_value}"


def _about_axis(findings: Findings, number: int, comparison: Comparison) -> list[str]:
    cells = findings.cells
    axis = cells.table.axis(comparison.each)
    differences = [each for each in findings.differences if each.comparison == number]
    baseline = value_text(axis, against(comparison))
    if not differences:
        return [f"Nothing can be compared with {baseline}: no two cells that differ in nothing else have scores."]
    found = [each for each in differences if each.is_shown]
    sentences = _on_average(findings, number, comparison, baseline)
    if not found:
        limit = middle([each.detectable_corrected for each in differences if each.detectable_corrected])
        tail = _missed(limit, "a true difference")
        where = "in any" if len(differences) > 1 else "in the one"
        where += f" of {len(differences)} cells" if len(differences) > 1 else " cell that has a counterpart"
        where += " alone" if sentences else ""
        return [*sentences, f"No difference to {baseline} could be shown {where}{tail}."]
    largest = max(found, key=lambda each: abs(each.difference))
    what = cells.text({one.name: cells.value(largest.key, one) for one in cells.axes})
    sentence = (
        f"A difference to {baseline} could be shown in {len(found)} of {len(differences)} cells; the largest is that of"
        f" {what}: {_change(largest)}."
    )
    return [*sentences, sentence]


def _on_average(findings: Findings, number: int, comparison: Comparison, baseline: str) -> list[str]:
    """What holds on the average over the other axes, which is told before what holds in single cells."""
    axis = findings.cells.table.axis(comparison.each)
    pooled = [each for each in findings.pooled if each.comparison == number]
    found = sorted((each for each in pooled if each.is_shown), key=lambda each: -abs(each.difference))
    if not pooled:
        return []
    if not found:
        return [f"On the average over the other axes, no difference to {baseline} could be shown."]
    told = [
        f"{value_text(axis, each.value)} {signed(each.difference)} {bracketed(each.low, each.high)}"
        f" ({p_sentence(each.p_corrected)})"
        for each in found[:POOLED_MAX]
    ]
    rest = f" and {len(found) - POOLED_MAX} more" if len(found) > POOLED_MAX else ""
    return [f"On the average over the other axes, against {baseline}: {'; '.join(told)}{rest}."]


def _without_question(findings: Findings) -> list[str]:
    best = findings.best
    if best is None:
        return []
    found = findings.means[best]
    what = findings.cells.text({axis.name: findings.cells.value(best, axis) for axis in findings.cells.axes})
    sentence = (
        f"The highest mean of {len(findings.means)} cells is {mean_text(found.mean, found.interval)}, of {what}; the"
        " study asks for no comparison, so nothing was tested."
    )
    sentences = [sentence]
    worth = next((each for each in findings.worths if each.key == best), None)
    if worth is not None and not worth.is_unknown:
        sentences.append(f"It scores like {equivalent_words(worth)} real images alone.")
    return sentences


def _breaks(findings: Findings) -> list[str]:
    """Where more stopped helping; one sentence a panel."""
    sentences = []
    real = findings.cells.by_role("real_images")
    title = f" {real.shown_title}" if real else ""
    for panel in list(dict.fromkeys(tuple(each.panel.items()) for each in findings.breaks))[:PANELS_MAX]:
        rows = [each for each in findings.breaks if tuple(each.panel.items()) == panel and _helped(findings, each)]
        if not rows:
            continue

        def beside(kind: str, rows: list[Break] = rows) -> str:
            found = [shown_value(real, each.row) for each in rows if break_kind(each) == kind and real is not None]
            return f" beside {listed(found)}{title}" if found else ""

        parts = []
        kinds = {break_kind(each) for each in rows}
        if "helping" in kinds:
            most = max(each.found.amount.value for each in rows if break_kind(each) == "helping")
            parts.append(f"seemed to help still at {count(round(most))}, the most tried,{beside('helping')}")
        for each in rows:
            if break_kind(each) == "stopped":
                row = f" beside {shown_value(real, each.row)}{title}" if real is not None else ""
                high = each.found.high
                verb = "stopped" if high is not None and high.where != "above" else "may have stopped"
                parts.append(f"{verb} helping at {break_text(each)}{row}")
        if "never" in kinds:
            parts.append(f"never helped{beside('never')}")
        if "unknown" in kinds:
            parts.append(f"may have stopped helping anywhere{beside('unknown')}")
        start = f"With {findings.cells.text(dict(panel))}, more" if panel else "More"
        sentences.append(f"{start} synthetic images {'; '.join(parts)}.")
    return sentences


def _helped(findings: Findings, found: Break) -> bool:
    """Whether a gain was shown at all, so that it is worth a sentence where it ends; yes where nothing was asked."""
    if not findings.differences:
        return True
    cells = findings.cells
    real = cells.by_role("real_images")
    return any(
        each.is_shown
        and cells.is_in(each.key, found.panel)
        and (real is None or cells.value(each.key, real) == found.row)
        for each in findings.differences
    )


def _trust(findings: Findings) -> tuple[str, ...]:
    counts = [len(cell.values) for cell in findings.cells.scored]
    cautions = []
    fewest, most = min(counts), max(counts)
    if most == 1:
        cautions.append("Every cell was trained once: differences between cells can't be told from chance.")
    elif fewest < FEW_REPEATS:
        repeats = f"{fewest} to {most}" if fewest < most else str(most)
        limit = middle([each.detectable for each in findings.differences if each.detectable])
        tail = _missed(limit, "before correction for many, a true difference")
        cautions.append(f"Cells have {repeats} repeats, which is few{tail}.")
    untested = [each for each in findings.differences if each.p_value is None]
    if untested and most > 1:
        cautions.append(
            f"{len(untested)} of {len(findings.differences)} comparisons could not be tested, for want of repeats."
        )
    if any(each.is_shown for each in findings.differences) and len(findings.differences) > 1:
        cautions.append("The largest of several differences is named; the largest of several looks larger than it is.")
    rising = sum(training.is_flat is False for training in findings.trainings)
    if rising:
        cautions.append(
            f"In {rising} of {len(findings.trainings)} cells the validation score still rose at the end: they are"
            " compared before they are done."
        )
    return tuple(cautions)


def _missed(limit: float | None, what: str, where: str = "") -> str:
    """What was likely to be missed, for the end of a sentence."""
    if limit is None:
        return ""
    if limit >= HUGE:
        return f"; so few repeats could hardly show {what.replace('a true', 'a')} of any size {where}".rstrip()
    return f"; {what} under about {score(limit)} was likely to be missed {where}".rstrip()


def _missing(findings: Findings) -> tuple[str, ...]:
    missing = findings.cells.without_score
    if not missing:
        return ()
    failed = sum(run.state == "failed" for run in missing)
    not_run = sum(run.state == "not_run" for run in missing)
    rest = len(missing) - failed - not_run
    parts = [
        *([f"{failed} failed"] if failed else []),
        *([f"{not_run} {'was' if not_run == 1 else 'were'} not run"] if not_run else []),
        *([f"{rest} lack the score"] if rest else []),
    ]
    total = len(findings.cells.table.runs)
    return (f"{len(missing)} of {total} runs have no result: {listed(parts)}. Reasons are listed below.",)
