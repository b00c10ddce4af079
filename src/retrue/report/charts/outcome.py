"""Pictures of how well a model does: differences with intervals, calibration, ROC, confusion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from textwrap import wrap
from typing import Any

import numpy as np

from retrue.core.outcome import BinaryOutcome, MulticlassOutcome
from retrue.core.state import Floats
from retrue.judge.words import metric_name, percent
from retrue.metrics.quality.shares import wilson
from retrue.report.charts.bars import bars
from retrue.report.charts.display import Apart
from retrue.report.charts.picture import Field, Picture, position
from retrue.report.comparison import PerformanceReport
from retrue.report.theme import REFERENCE, WINDOW
from retrue.report.words import difference, spanned, valued

SHOWN = 8
"""The most metrics in a forest plot."""
GROUPS = 10
"""Groups of equal size in a calibration curve."""
LINE = 44
"""Characters of a row's name in one line: what a phone holds."""
ABOVE = 3
"""Lines that a row's name may have."""
CURVE = 100
"""The most points of a ROC curve."""
DIAGONAL = ({"side": "diagonal", "x": 0, "y": 0}, {"side": "diagonal", "x": 1, "y": 1})


def forest(reports: Iterable[PerformanceReport]) -> Picture | None:
    """Show how far metrics between 0 and 1 are from the reference, with intervals; None where none can be told.

    Metrics that have no better direction, such as the share of positives, are left to the table.
    """
    told = [r for r in reports if r.points and r.better and r.difference is not None and r.interval is not None]
    if not told:
        return None
    rows = [forest_row(report) for report in told[:SHOWN]]
    worse = [metric_name(r.metric) for r in told if r.change == "worse"]
    title = (
        f"{' and '.join(worse[:2])} {'are' if len(worse) > 1 else 'is'} worse than the reference"
        if worse
        else ("No metric is worse than the reference beyond noise")
    )
    if len(worse) > 2:
        title = f"{len(worse)} of {len(told)} metrics are worse than the reference"
    fields = (Field("label", "metric"), Field("text", "difference"), Field("span", "95 % interval, points"))
    return Picture(
        "forest-worse" if worse else "forest", title, rows, fields, "Difference in points, with 95 % intervals"
    )


def forest_of(named: Sequence[tuple[str, PerformanceReport]], title: str) -> Picture | None:
    """Show one metric's difference in several places, such as slices, each under its name; as `forest` does.

    Names are above their intervals, whole on a phone as well, but for those longer than three of its lines.
    """
    drawn = forest([report for _, report in named])
    if drawn is None:
        return None
    rows = [{**forest_row(one), "label": wrapped(name)} for name, one in named if one.interval is not None]
    lines = max(str(row["label"]).count("\n") + 1 for row in rows)
    rows = [{**row, "name": "\n" * (lines - 1 - row["label"].count("\n")) + row["label"]} for row in rows]
    fields = (Field("label", "rows"), Field("text", "difference"), Field("span", "95 % interval, points"))
    return replace(drawn, template=f"{drawn.template}-above-{lines}", title=title, rows=rows, fields=fields)


def wrapped(name: str) -> str:
    """A name in lines that a phone's width holds.

    >>> wrapped("precip > 0.1 AND origin = 'JFK' AND carrier IN ('B6', 'DL')").split("\\n")
    ["precip > 0.1 AND origin = 'JFK' AND carrier", "IN ('B6', 'DL')"]
    """
    return "\n".join(wrap(name, LINE, max_lines=ABOVE, placeholder=" …") or [name])


def forest_row(report: PerformanceReport) -> dict[str, Any]:
    """Write one metric's difference in points."""
    low, high = report.interval or (0.0, 0.0)
    return {
        "label": metric_name(report.metric),
        "value": position((report.difference or 0.0) * 100),
        "low": position(low * 100),
        "high": position(high * 100),
        "text": difference(report),
        "span": spanned((low * 100, high * 100)),
        "change": report.change,
    }


def calibration(window: BinaryOutcome, reference: BinaryOutcome) -> Picture | None:
    """Show what share of events turned out positive by what was predicted; None without labelled scores."""
    sides = {REFERENCE: calibration_groups(reference), WINDOW: calibration_groups(window)}
    if not sides[WINDOW]:
        return None
    rows: list[dict[str, Any]] = [dict(row) for row in DIAGONAL]
    upper = REFERENCE if ends_higher(sides[REFERENCE], sides[WINDOW]) else WINDOW
    for side, groups in sides.items():
        rows += [{"side": side, **group} for group in groups]
        if groups:
            rows[-1] |= {"name": side, "place": "above" if side == upper else "below"}
    fields = (
        Field("side", "side"),
        Field("x", "predicted", "number"),
        Field("y", "observed", "number"),
        Field("n", "rows", "count"),
    )
    return Picture("calibration", calibration_finding(sides[WINDOW]), rows, fields)


def ends_higher(one: list[dict[str, float]], other: list[dict[str, float]]) -> bool:
    """Tell whether one curve lies above the other where the shorter one ends: names beside the ends keep apart then."""
    if not one:
        return False
    end = min(one[-1]["x"], other[-1]["x"])
    at = [float(np.interp(end, [g["x"] for g in curve], [g["y"] for g in curve])) for curve in (one, other)]
    return at[0] > at[1]


def calibration_groups(outcome: BinaryOutcome) -> list[dict[str, float]]:
    """Group labelled scores into up to `GROUPS` of about equal size: mean score, share of positives, interval."""
    counts, sums = outcome.scored, outcome.score_sums[:-1, :2].sum(axis=1)
    n = counts.sum(axis=1)
    if n.sum() == 0:
        return []
    # A group ends where the running count first reaches the next tenth; bins are never split.
    group = np.minimum((np.cumsum(n) - n) * GROUPS // max(int(n.sum()), 1), GROUPS - 1)
    found = []
    for members in (group == g for g in np.unique(group)):
        total, positive = int(n[members].sum()), int(counts[members, 1].sum())
        if total:
            low, high = wilson(positive, total)
            predicted = float(sums[members].sum()) / total
            found.append(
                {
                    "x": position(predicted),
                    "y": position(positive / total),
                    "low": position(low),
                    "high": position(high),
                    "n": total,
                }
            )
    return found


def calibration_finding(groups: list[dict[str, float]]) -> str:
    """Say whether predictions are too high or too low, by how much, weighted by rows."""
    n = sum(g["n"] for g in groups)
    gap = sum((g["x"] - g["y"]) * g["n"] for g in groups) / n
    outside = sum(g["n"] for g in groups if not g["low"] <= g["x"] <= g["high"]) / n
    if abs(gap) >= 0.01:
        return f"Predictions are {abs(gap) * 100:.1f} points too {'high' if gap > 0 else 'low'} on average"
    return (
        "Predictions keep what they promise" if outside < 0.3 else "Predictions are right on average, but not by group"
    )


def roc(window: BinaryOutcome, reference: BinaryOutcome) -> Picture | None:
    """Show the ROC curves of both sides; None where the window lacks positives or negatives."""
    curves = {REFERENCE: roc_points(reference), WINDOW: roc_points(window)}
    if curves[WINDOW] is None:
        return None
    rows: list[dict[str, Any]] = [dict(row) for row in DIAGONAL]
    areas = {}
    for side, curve in curves.items():
        if curve is not None:
            areas[side] = float(np.trapezoid(curve[1], curve[0]))
    best = max(areas, key=lambda side: areas[side])
    for side, area in areas.items():
        rows += curve_rows(side, curves[side], area, upper=side == best)
    return Picture(
        "roc",
        roc_finding(areas),
        rows,
        (
            Field("side", "side"),
            Field("x", "false positive rate", "number"),
            Field("y", "true positive rate", "number"),
        ),
    )


def roc_finding(areas: dict[str, float]) -> str:
    """Say what happened to the ranking of positives over negatives."""
    if REFERENCE not in areas:
        return f"A positive is ranked above a negative in {percent(areas[WINDOW])} of pairs"
    before, now = percent(areas[REFERENCE]), percent(areas[WINDOW])
    return f"A positive is ranked above a negative in {now} of pairs, in the reference in {before}"


def roc_points(outcome: BinaryOutcome) -> tuple[Floats, Floats] | None:
    """Give false and true positive rates from the highest score down; None where one class is empty."""
    negative, positive = (outcome.scored[::-1, label].astype(np.float64) for label in (0, 1))
    if negative.sum() == 0 or positive.sum() == 0:
        return None
    rates = [np.concatenate([[0.0], np.cumsum(side) / side.sum()]) for side in (negative, positive)]
    return rates[0], rates[1]


def curve_rows(side: str, curve: tuple[Floats, Floats] | None, area: float, *, upper: bool) -> list[dict[str, Any]]:
    """Thin a curve to `CURVE` points and name it with its area: the upper one above it, the lower one below."""
    if curve is None:
        return []
    x, y = curve
    keep = np.unique(np.searchsorted(x + y, np.linspace(0, 2, CURVE)).clip(0, x.size - 1))
    rows: list[dict[str, Any]] = [
        {"side": side, "x": position(x[i]), "y": position(y[i]), "order": order} for order, i in enumerate(keep)
    ]
    at = int(np.searchsorted((x + y)[keep], 1.2).clip(0, len(rows) - 1))
    rows[at] |= {"name": f"{side} {area:.3f}", "place": "above" if upper else "below"}
    return rows


def confusion(window: MulticlassOutcome, reference: MulticlassOutcome) -> Picture | None:
    """Show for each class what share of its events was recognised (recall); None without labels in the window."""
    if window.matrix.sum() == 0:
        return None
    rows = [
        Apart(name, recall(reference, i), recall(window, i))
        for i, name in enumerate(window.classes)
        if window.matrix[i].sum() > 0
    ]
    if not rows:
        return None
    worst = min(rows, key=lambda row: row.window - row.reference)
    before, now = percent(worst.reference), percent(worst.window)
    title = f"{worst.label} is recognised in {now} of its events, in the reference in {before}"
    return bars(title, rows)


def recall(outcome: MulticlassOutcome, which: int) -> float:
    """Give the share of a class's events that were predicted as it; 0 without any."""
    total = int(outcome.matrix[which].sum())
    return float(outcome.matrix[which, which]) / total if total else 0.0


def performance_rows(reports: Iterable[PerformanceReport]) -> list[tuple[str, str, str, str, str, str]]:
    """Write each metric as texts: name, window, its interval, reference, difference, change."""
    return [
        (
            metric_name(r.metric),
            valued(r.window),
            spanned(r.window.interval),
            valued(r.reference),
            difference(r),
            r.change,
        )
        for r in reports
    ]
