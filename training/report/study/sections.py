"""The sections of a study's report, whatever it is written as."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from contracts.study import Repeats
from training.report.pages import score, signed
from training.report.study.cells import Key, against, value_text
from training.report.study.differences import ALPHA, GAINS, POWER, Difference
from training.report.study.figures import PlotGroup
from training.report.study.findings import Findings, Stopping
from training.report.study.layout import Section, Table, table
from training.report.study.trainings import FLAT_GAIN, QUARTERS
from training.report.study.wording import (
    SIDES,
    TESTS,
    bracketed,
    break_text,
    equivalent,
    listed,
    middle,
    percent,
    probability,
    replaced,
    scores,
    share,
    shown_value,
)
from training.statistics.mean_tests import MeanInterval

CLASS_PATHS = re.compile(r"^test\.(?:dataset_iou\.(?P<name>.+)|classes\.(?P<class>.+)\.iou)$")
PARTS_MAX = 12
MISSING_MAX = 200


def sections(findings: Findings, repeats: Repeats, groups: Sequence[PlotGroup], names: Sequence[str]) -> list[Section]:
    """All that have something to say.

    Args:
        findings: Of the study.
        repeats: How the study repeated.
        groups: Figures drawn.
        names: Figures and tables asked for; none is all.
    """

    def drawn(*figures: str) -> tuple[PlotGroup, ...]:
        return tuple(group for figure in figures for group in groups if group.name == figure)

    def wanted(name: str) -> bool:
        return not names or name in names

    found = [
        Section("Mean, gain and p", figures=drawn("mean_heatmap", "gain_heatmap", "p_heatmap")),
        _worth(findings, drawn("exchange_rate", "learning_curves")),
        _breaks(findings, drawn("ratio_curves"), wanted("break_point")),
        _tests(findings),
        Section("Repeats", figures=drawn("box_plots"), tables=_means(findings)),
        _stopping(findings, repeats),
        _long_enough(findings, drawn("training_curves"), wanted("training_curves")),
        _worst(findings) if wanted("worst_slices") else Section(""),
        _classes(findings),
        _missing(findings),
    ]
    return [section for section in found if not section.is_empty]


def _labels(findings: Findings) -> list[str]:
    return [axis.shown_title for axis in findings.cells.axes]


def _values(findings: Findings, key: Key) -> list[str]:
    return [shown_value(axis, value) for axis, value in zip(findings.cells.axes, key, strict=True)]


def _worth(findings: Findings, figures: tuple[PlotGroup, ...]) -> Section:
    rows = [
        [*_values(findings, worth.key), score(worth.mean), equivalent(worth), replaced(worth)]
        for worth in findings.worths
    ]
    header = [*_labels(findings), "score", "scores like real images alone", "synthetic replaced real"]
    notes = (
        "How many real images alone would score like the mix, read from the curve fitted to the scores of real images"
        " alone; less those in the mix, that is what the synthetic ones replaced. 95 % intervals in brackets, from"
        " drawing means that the repeats of each cell leave possible and fitting anew. A < or > says that it lies"
        " beyond the amounts measured; nothing is extrapolated. Where the interval spans them all, it can't be told."
    )
    return Section(
        "What the synthetic images replaced" if rows else "Learning curves",
        (notes,) if rows else (),
        figures,
        table(header, rows, len(findings.cells.axes)),
    )


def _breaks(findings: Findings, figures: tuple[PlotGroup, ...], is_wanted: bool) -> Section:
    real = findings.cells.by_role("real_images")
    rows = []
    for each in findings.breaks if is_wanted else ():
        row = [findings.cells.text(each.panel)] if each.panel else []
        row += [shown_value(real, each.row)] if real is not None else []
        rows.append([*row, str(each.amounts), break_text(each)])
    header = [
        *(["where"] if findings.breaks and findings.breaks[0].panel else []),
        *([real.shown_title] if real is not None else []),
        "amounts measured",
        "more synthetic images stopped helping at",
    ]
    note = (
        "Scores are taken to rise along a line over the logarithm of the number of synthetic images up to the break,"
        " and to stay or fall from there: least squares, and 95 % intervals from drawing means that the repeats leave"
        " possible. Where the interval spans all amounts, it can't be told. Four amounts are needed."
    )
    is_asked = is_wanted and findings.cells.by_role("synthetic_images") is not None
    if is_asked and not rows:
        note = "Not told: the study measures fewer than four amounts of synthetic images, and a break needs four."
    return Section(
        "Where more synthetic images stopped helping",
        (note,) if is_asked else (),
        figures,
        table(header, rows, len(header) - 2),
    )


def _tests(findings: Findings) -> Section:
    tables: list[Table] = []
    notes = []
    for number, comparison in enumerate(findings.comparisons):
        found = [each for each in findings.differences if each.comparison == number]
        if not found:
            continue
        axis = findings.cells.table.axis(comparison.each)
        corrected = "p, Holm" if comparison.correction == "holm" else "p, uncorrected"
        rows = [
            [
                *_values(findings, each.key),
                f"{each.counts[0]} / {each.counts[1]}",
                f"{signed(each.difference)} {bracketed(each.low, each.high)}".strip(),
                percent(each.percent),
                probability(each.p_welch),
                probability(each.p_paired),
                probability(each.p_corrected),
                "–" if each.p_corrected is None else "yes" if each.is_shown else "no",
                score(each.detectable),
            ]
            for each in found
        ]
        header = [*_labels(findings), "repeats", "difference", "in %", "p, Welch", "p, paired", corrected]
        header += [f"p ≤ {ALPHA}", f"{POWER:.0%} power from".replace("%", " %")]
        test = TESTS[comparison.test]
        title = f"Against {value_text(axis, against(comparison))}: {test}, {SIDES[comparison.alternative]}"
        tables += _pooled(findings, number, axis.shown_title, corrected)
        tables += table(header, rows, len(findings.cells.axes), title)
        notes += _power(found, title if len(findings.comparisons) > 1 else "")
    if not tables:
        return Section("")
    explained = (
        "A difference counts as shown where the p-value of the test that the study asks for, corrected for the number"
        " of cells where it asks for that, is at most 0.05. The other test stands beside it for judgement only: Welch's"
        " takes trainings as independent, the paired one compares those of one repeat, which share seed and images."
        " Intervals are 95 %, two-sided, and not corrected. The last column is the smallest true difference that the"
        " test would have found in four studies of five, before correction, with the spreads and repeats as they were."
    )
    return Section("Tests and their power", (explained, *notes), (), tuple(tables))


def _pooled(findings: Findings, number: int, each: str, corrected: str) -> tuple[Table, ...]:
    comparison = findings.comparisons[number]
    axis = findings.cells.table.axis(comparison.each)
    rows = [
        [
            shown_value(axis, pooled.value),
            str(pooled.cells),
            f"{signed(pooled.difference)} {bracketed(pooled.low, pooled.high)}",
            probability(pooled.p_value),
            probability(pooled.p_corrected),
            "yes" if pooled.is_shown else "no",
        ]
        for pooled in findings.pooled
        if pooled.comparison == number
    ]
    header = [each, "pairs of cells", "mean difference", "p", corrected, f"p ≤ {ALPHA}"]
    title = f"Against {value_text(axis, against(comparison))}, on the average over all other axes"
    return table(header, rows, 1, title)


def _power(found: Sequence[Difference], title: str) -> list[str]:
    powers = [each.power for each in found if each.power]
    if not powers:
        return []
    medians = [float(np.median(column)) for column in zip(*powers, strict=True)]
    told = listed([f"{gain:g} in {share(power)}" for gain, power in zip(GAINS, medians, strict=True)])
    plain = middle([each.detectable for each in found if each.detectable])
    corrected = middle([each.detectable_corrected for each in found if each.detectable_corrected])
    start = f"{title}: the" if title else "The"
    sentence = (
        f"{start} median Welch test of what was run finds a true difference of {told} of studies, before correction."
        f" Half of the tests asked for find {score(plain)} in 80 % of them, and {score(corrected)} at the level that"
        " Holm's method asks of the first."
    )
    return [sentence]


def _means(findings: Findings) -> tuple[Table, ...]:
    rows = []
    for key, found in findings.means.items():
        interval = "" if found.interval is None else scores(found.interval)
        seconds = "–" if found.seconds is None else f"{found.seconds:.0f}"
        values = [
            score(found.mean),
            interval or "–",
            score(found.deviation),
            score(min(found.values)),
            score(max(found.values)),
        ]
        rows.append([*_values(findings, key), str(len(found.values)), *values, seconds])
    header = [*_labels(findings), "repeats", "mean", "95 % interval", "deviation", "lowest", "highest", "s per run"]
    return table(header, rows, len(findings.cells.axes))


def _stopping(findings: Findings, repeats: Repeats) -> Section:
    found = findings.stopping
    title = "How far the repeats can be trusted"
    if found is None:
        times = "once" if repeats.at_most == 1 else f"{repeats.at_most} times"
        words = f"Every cell was to be trained {times} whatever came out, so intervals of means need no correction."
        return Section(title, (words,))
    plain, corrected = found.plain, found.corrected
    header = [
        *_labels(findings),
        "repeats",
        f"{share(plain.confidence)} interval",
        "narrow enough",
        f"corrected: {share(corrected.confidence_of_a_look, 1)} interval",
        "narrow enough",
        "coverage of the rule used",
    ]
    rows = [
        [
            *_values(findings, each.key),
            str(each.repeats),
            *_judged(each.plain, each.is_plain_met),
            *_judged(each.corrected, each.is_corrected_met),
            "–" if each.coverage is None else share(each.coverage.coverage, 1),
        ]
        for each in found.cells
    ]
    return Section(title, _stopping_words(found), (), table(header, rows, len(findings.cells.axes)))


def _judged(interval: MeanInterval | None, is_met: bool) -> list[str]:
    return ["–" if interval is None else scores(interval), "yes" if is_met else "no"]


def _stopping_words(found: Stopping) -> tuple[str, ...]:
    plain, corrected = found.plain, found.corrected
    used = "corrected" if found.used_corrected else "plain"
    nominal, look = share(plain.confidence), share(corrected.confidence_of_a_look, 1)
    coverages = [each.coverage.coverage for each in found.cells if each.coverage is not None]
    rule = (
        f"Cells were repeated {plain.at_least} to {plain.at_most} times, until half the width of the {nominal} interval"
        f" was at most {share(plain.half_width_of_mean, 1)} of the mean, by the {used} rule. A rule that looks after"
        " every repeat stops where the spread happens to look small: of normal scores, the last interval of the plain"
        f" rule covers the true mean in {share(found.worst_plain, 1)} of studies at worst, not in {nominal}. The"
        f" corrected rule looks at {look} intervals, and covers in {share(found.worst_corrected, 1)} at worst."
    )
    sentences = [rule]
    if coverages:
        sentences.append(
            f"With means and spreads like those of this study's cells, the rule used covers in"
            f" {share(min(coverages), 1)} to {share(max(coverages), 1)} of studies."
        )
    too_wide = sum(not each.is_plain_met for each in found.cells)
    going_on = sum(each.is_plain_met and not each.is_corrected_met for each in found.cells)
    sentences.append(
        "The p-values of tests between cells do not allow for such stopping: with the rule of [BMW], Welch's test at"
        " 5 % refuses in 5 to 8 % of cases where there is nothing to find."
    )
    if too_wide:
        sentences.append(f"{too_wide} of {len(found.cells)} cells never came to a narrow {nominal} interval.")
    if not found.used_corrected:
        sentences.append(f"The corrected rule would have gone on in {going_on} more.")
    return tuple(sentences)


def _long_enough(findings: Findings, figures: tuple[PlotGroup, ...], is_wanted: bool) -> Section:
    if not is_wanted or not findings.trainings:
        return Section("")
    rows = [
        [
            *_values(findings, training.key),
            *(score(mean) for mean in training.quarters),
            signed(training.last_gain),
            {None: "–", True: "yes", False: "no"}[training.is_flat],
        ]
        for training in findings.trainings
    ]
    note = (
        "Mean score on the validation images in each quarter of the steps, mean over the repeats. A curve counts as"
        f" flat where the last quarter gains at most {FLAT_GAIN} over the one before: more steps would hardly have"
        " helped, which does not say that the network is any good. Cells whose curves still rise are compared before"
        " they are done."
    )
    header = [*_labels(findings), *(f"quarter {number + 1}" for number in range(QUARTERS)), "last gain", "flat"]
    return Section("Whether the runs were long enough", (note,), figures, table(header, rows, len(findings.cells.axes)))


def _worst(findings: Findings) -> Section:
    if not findings.worst_parts or findings.best is None:
        return Section("")
    other = findings.worst_parts_against
    rows = []
    for part in findings.worst_parts[:PARTS_MAX]:
        row = [part.of, part.part, str(part.images), score(part.score), signed(part.difference)]
        if other is not None:
            known = part.score is not None and part.score_against is not None
            row += [score(part.score_against), signed(part.score - part.score_against) if known else "–"]
        rows.append(row)
    header = ["by", "part", "images", "mean dataset IoU", "to the other images"]
    note = f"In the best cell, {', '.join(_named(findings, findings.best))}; means over its repeats."
    if other is not None:
        header += ["score in the baseline", "gain over it"]
        note += f" The baseline is {', '.join(_named(findings, other))}."
    note += " The worst of many parts looks worse than it is."
    return Section("Where it is worst", (note,), (), table(header, rows, 2))


def _named(findings: Findings, key: Key) -> list[str]:
    return [value_text(axis, value) for axis, value in zip(findings.cells.axes, key, strict=True)]


def _classes(findings: Findings) -> Section:
    names: dict[str, str] = {}
    for run in findings.cells.table.runs:
        for path in run.scores:
            match = CLASS_PATHS.match(path)
            if match:
                names.setdefault(match["name"] or match["class"], path)
    if not names:
        return Section("")
    rows = []
    for cell in findings.cells.scored:
        row = _values(findings, cell.key)
        for path in names.values():
            values = [run.scores[path] for run in cell.runs if run.scores.get(path) is not None]
            row.append(score(float(np.mean(values))) if values else "–")
        rows.append(row)
    note = "Dataset IoU of each class on the test images, mean over the repeats."
    return Section("By class", (note,), (), table([*_labels(findings), *names], rows, len(findings.cells.axes)))


def _missing(findings: Findings) -> Section:
    missing = findings.cells.without_score
    if not missing:
        return Section("")
    states = {"failed": "failed", "not_run": "not run", "succeeded": "no such score"}
    by_reason: dict[tuple[Key, str, str], list[int]] = {}
    for run in missing:
        key = findings.cells.key_of(run.cell)
        reason = run.reason or f"its result has no {findings.cells.metric}"
        by_reason.setdefault((key, states[run.state], reason), []).append(run.repeat)
    rows = [
        [*_values(findings, key), state, _ranges(numbers), reason]
        for (key, state, reason), numbers in by_reason.items()
    ]
    header = [*_labels(findings), "state", "repeats", "reason"]
    after = (f"{len(rows) - MISSING_MAX} more rows are in the tables.",) if len(rows) > MISSING_MAX else ()
    return Section("Runs without a result", (), (), table(header, rows[:MISSING_MAX], len(header)), after)


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers of repeats, such as `0–6, 9`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
