"""One verdict for each column of a window: broken, unknown, drifting, not comparable, or true.

The questions are asked in the order in which an engineer would want the answers: is the data wrong? is the model asked
what it never learned? did the inputs move, surprisingly, by enough, and does it matter?
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.errors import ProfileError
from retrue.judge.budget import Threshold, drift_threshold, share_threshold
from retrue.judge.categories import comparable_cells, expected_unseen, open_ended
from retrue.judge.distance import JS, KS, Counts, Distance, all_rows, distance_of
from retrue.judge.null import Null
from retrue.judge.quality import MOST, History, Problem, near_the_edge, problems
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import amount, figure, metric_name, minus, percent, rows
from retrue.metrics import Measure, get
from retrue.metrics.drift.cells import Cells, cells
from retrue.metrics.drift.js import JS as JENSEN_SHANNON
from retrue.metrics.quality.shares import wilson

if TYPE_CHECKING:
    from retrue.judge.season import Expected


class ColumnImpact(Protocol):
    """What the judge needs to know about a column's cost; `retrue.estimate.impact.Impact` is one."""

    @property
    def interval(self) -> tuple[float, float]: ...
    @property
    def value(self) -> float: ...
    @property
    def loss(self) -> tuple[float, float]: ...
    @property
    def metric(self) -> str: ...
    @property
    def before(self) -> float | None: ...
    @property
    def uncovered(self) -> float: ...
    @property
    def uncovered_before(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about a column beyond its two profiles; everything is optional.

    Args:
        null: how the column's distribution wanders over reference windows (`learn_null`).
        history: how its bad shares went over reference windows.
        impact: what its move is expected to cost; None where there is no labelled reference.
        expected: what is usual at the window's hour and weekday, where the column has such a pattern.
    """

    null: Null | None = None
    history: History = field(default_factory=dict)
    impact: ColumnImpact | None = None
    expected: Expected | None = None


_NOTHING = Known()

CAREFUL = 0.5
"""Share of its alpha that a test against what is usual at an hour gets: where the shares wander to turns with the hour,
which one covariance for all hours doesn't show. In 180 simulated columns and months of hours 14 alarms came where 4.5
were due, the quality of the data's half not counted; with half of the alpha 3 came."""


def judge_column(
    name: str,
    window: ColumnProfile,
    reference: ColumnProfile,
    alpha: float,
    settings: Settings | None = None,
    known: Known = _NOTHING,
) -> Verdict:
    """Judge one column; `alpha` is the false-alarm probability of each of its tests."""
    settings = settings or Settings()
    if window.grid is not reference.grid and window.grid.digest != reference.grid.digest:
        raise ProfileError(f"column {name!r} is counted on two grids", hint="count the window on the reference's grid")
    few = _too_few(name, window.rows, reference.rows, settings)
    if few is not None:
        return few
    if reference.special_count("null") == reference.rows:
        return _was_empty(name, window)
    habit = known.null is not None and known.null.constant > 0
    found = problems(window, reference, alpha, settings, known.history, often_constant=habit)
    if found:
        return _broken(name, window, reference, found, evaluated=known.impact is not None)
    unknown = _unknown(name, window, reference, alpha, settings, known)
    if unknown is not None:
        return unknown
    few = _too_few(name, window.n, reference.n, settings)
    if few is not None and window.n + reference.n > 0:
        return few
    return _moved(name, window, reference, alpha, settings, known)


def _too_few(name: str, n: float, base: float, settings: Settings) -> Verdict | None:
    """Say that there are too few rows to tell, and where."""
    if n >= settings.min_rows and base >= settings.min_rows:
        return None
    reason = f"{rows(n)}, needs {settings.min_rows}"
    if n >= settings.min_rows:
        reason = f"the reference has {rows(base)}, needs {settings.min_rows}"
    return Verdict(VerdictKind.NOT_COMPARABLE, reason, column=name, n=n, threshold=settings.min_rows)


def _was_empty(name: str, window: ColumnProfile) -> Verdict:
    """Judge a column that the reference has no value of: values are a notice, for nothing tells what they should be."""
    share = 1 - window.special_count("null") / window.rows
    if share == 0:
        return Verdict(VerdictKind.NOT_COMPARABLE, "the reference has no value, nor has the window", column=name, n=0)
    reason = f"was empty in the reference, now {percent(share)} of {rows(window.rows)} have values"
    return Verdict(VerdictKind.DRIFTING, reason, column=name, value=share, n=window.rows, threshold=0, alarm=False)


def _broken(
    name: str, window: ColumnProfile, reference: ColumnProfile, found: list[Problem], *, evaluated: bool
) -> Verdict:
    """Tell all that is wrong.

    Unknown is where numbers just left the range on which the model was evaluated, new categories where some come by
    themselves, unless most rows have one, and other values of a column that had but one: no model learns from that.
    """
    worst, what = found[0], [problem.metric for problem in found]
    known = evaluated and what == ["out_of_range"] and near_the_edge(window)
    fresh = what == ["unseen"] and open_ended(reference) and worst.value - worst.threshold <= MOST
    woken = {*what} <= {"out_of_range", "unseen"} and has_one_value(reference)
    reason = "; ".join(problem.sentence for problem in found)
    why = "; the reference has one value only" if woken else "; the model was never evaluated there" if known else ""
    return Verdict(
        VerdictKind.UNKNOWN if known or fresh or woken else VerdictKind.BROKEN,
        reason + why,
        metric=worst.metric,
        column=name,
        value=worst.value,
        interval=worst.interval,
        n=window.rows,
        threshold=worst.threshold,
    )


def has_one_value(column: ColumnProfile) -> bool:
    """Whether all rows that have a value have the same one."""
    if column.n and isinstance(column.grid, NumericGrid):
        return bool(column.moments.min == column.moments.max)
    return bool(np.count_nonzero(column.counts) == 1)


def _unknown(
    name: str, window: ColumnProfile, reference: ColumnProfile, alpha: float, settings: Settings, known: Known
) -> Verdict | None:
    """Find rows in bins where the reference has no labels: what the model does there, nobody has measured."""
    impact = known.impact
    if impact is None or _only_time_went_on(window):
        return None
    n = window.rows
    if impact.uncovered <= impact.uncovered_before + settings.uncovered or impact.uncovered * n < settings.least_bad:
        return None
    chance = share_threshold(impact.uncovered_before * reference.rows, reference.rows, n, alpha)
    threshold = max(chance, impact.uncovered_before + settings.uncovered)
    if impact.uncovered <= threshold:
        return None
    before = percent(impact.uncovered_before)
    reason = f"{percent(impact.uncovered)} of {rows(n)} lie where the model was never evaluated; {before} did before"
    interval = wilson(impact.uncovered * n, n)
    return Verdict(
        VerdictKind.UNKNOWN, reason, column=name, value=impact.uncovered, interval=interval, n=n, threshold=threshold
    )


# --- drifting ---


def learn_null(windows: Sequence[ColumnProfile], bases: Sequence[ColumnProfile] | None = None) -> Null | None:
    """Learn how far a column's windows, in order of time, lie from what they were compared with (see `Null.learn`)."""
    if not windows:
        return None
    history, compared = (
        None if side is None else np.stack([all_rows(one) for one in side]) for side in (windows, bases)
    )
    return None if history is None else Null.learn(distance_of(windows[0]), history, compared)


def _moved(
    name: str, window: ColumnProfile, reference: ColumnProfile, alpha: float, settings: Settings, known: Known
) -> Verdict:
    """Judge the distance of the two distributions."""
    distance, (measure, q, p) = distance_of(window), _measured(window, reference, known.null)
    n, value = window.rows, measure.value
    if value is None:
        note = measure.note or "nothing to measure"
        return Verdict(VerdictKind.NOT_COMPARABLE, note, metric=distance.name, column=name, n=n)
    threshold = drift_threshold(distance, q, p, alpha, null=known.null, floor=settings.drift)
    usual, off = known.expected, _Off("", value > threshold.value, value)
    if usual is not None:
        measure, threshold = _from_usual(distance, window, usual, alpha, settings)
        off, value = _Off(usual.when, off.far, off.value), measure.value or 0.0
    drifts = value > threshold.value
    cost = _cost(known.impact, settings) if drifts else None
    moved = _drifts(distance, measure, threshold, off, _what_moved(window, reference), cost) if drifts else ""
    return Verdict(
        VerdictKind.DRIFTING if drifts else VerdictKind.TRUE,
        moved or _calm(distance, value, threshold, off),
        metric=distance.name,
        column=name,
        value=value,
        interval=measure.interval,
        n=n,
        threshold=threshold.value,
        alarm=drifts and not (cost is not None and cost.small) and not _only_time_went_on(window),
    )


@dataclass(frozen=True, slots=True)
class _Off:
    """When that is usual which a window is held against (in words; empty: always), and how far the reference is."""

    when: str
    far: bool
    value: float


def _from_usual(
    distance: Distance, window: ColumnProfile, usual: Expected, alpha: float, settings: Settings
) -> tuple[Measure, Threshold]:
    """Measure how far a window lies from what is usual at its hour and weekday, and how far it may."""
    q, p = usual.fold(window), usual.usual
    threshold = drift_threshold(distance, q, p, alpha * CAREFUL, null=usual.null, floor=settings.drift)
    return Measure(float(distance.counts(q, p))), threshold


def _measured(window: ColumnProfile, reference: ColumnProfile, null: Null | None) -> tuple[Measure, Counts, Counts]:
    """Measure the column's distance as the registered metric does, with the counts it was measured on.

    Categories are put on other cells than the metric's where their wander was learned on those, or where new ones are
    to be expected.
    """
    if distance_of(window) is KS:
        return get(KS.name).compute(window, reference), all_rows(window), all_rows(reference)
    if null is not None:
        q, p = null.fold(all_rows(window)), null.fold(all_rows(reference))
        found: Cells | None = Cells(q, p, len(q))
    elif expected_unseen(reference) == 0:
        found = cells(window, reference)
        return get(JS.name).compute(window, reference), found.window, found.reference
    else:
        found = comparable_cells(window, reference)
    if found is None:
        nothing = np.zeros(1, np.int64)
        return Measure(None, note="too few categories repeat to compare them"), nothing, nothing
    return JENSEN_SHANNON.measure_cells(found), found.window, found.reference


def _only_time_went_on(window: ColumnProfile) -> bool:
    """Dates move by themselves: worth showing, never worth waking somebody."""
    return isinstance(window.grid, NumericGrid) and window.grid.temporal


@dataclass(frozen=True, slots=True)
class _Cost:
    """What a move is expected to cost, in words, and whether that is known to be small."""

    text: str
    small: bool


def _cost(impact: ColumnImpact | None, settings: Settings) -> _Cost | None:
    if impact is None:
        return None
    small = impact.loss[1] < settings.worth_telling(impact.metric, impact.before)
    return _Cost(f"expected to change {metric_name(impact.metric)} by {change_said(impact)}", small)


def change_said(impact: ColumnImpact) -> str:
    """Say an expected change with its interval: to a thousandth up to 1, else with the digits that the interval has."""
    low, high = impact.interval
    ends, half = (impact.value, low, high), (high - low) / 2 or None
    if max(map(abs, ends)) > 1:
        value, low_said, high_said = (("+" if end > 0 else "") + figure(end, half) for end in ends)
    else:
        value, low_said, high_said = map(thousandths, ends)
    return f"{value} ({low_said} to {high_said})"


def thousandths(value: float) -> str:
    """Say a change to a thousandth; one that rounds to none has no sign.

    >>> thousandths(-0.0312), thousandths(0.2), thousandths(-0.0004)
    ('−0.031', '+0.200', '0')
    """
    text = minus(f"{value:+.3f}")
    return text if text.strip("+−0.") else "0"


def _calm(distance: Distance, value: float, threshold: Threshold, off: _Off) -> str:
    """Say that a column moved by no more than it may; and where that is only so at this hour or weekday."""
    within = f"within the {amount(threshold.value)} that is {_allowed(threshold)}"
    if off.when and off.far:
        said = f"moved by {distance.text} {amount(off.value)}, as is usual {off.when}: "
        return f"{said}{amount(value)} from what is usual then, {within}"
    usual = f" from what is usual {off.when}" if off.when else ""
    return f"moved by {distance.text} {amount(value)}{usual}, {within}"


def _drifts(
    distance: Distance,
    measure: Measure,
    threshold: Threshold,
    off: _Off,
    moved: str,
    cost: _Cost | None,
) -> str:
    """Say how far the column moved, against what, what moved most, and what that costs."""
    ends = "" if measure.interval is None else f" ({' to '.join(amount(end) for end in measure.interval)})"
    limit = f"more than the {amount(threshold.value)} that {_because(threshold)}"
    usual = f" from what is usual {off.when}" if off.when else ""
    moved = f"against all of the reference {moved}" if off.when and moved else moved
    said = [f"moved by {distance.text} {amount(measure.value or 0.0)}{ends}{usual}, {limit}", moved]
    if cost is not None:
        said.append(cost.text)
    return "; ".join(part for part in said if part)


def _because(threshold: Threshold) -> str:
    return threshold.because if threshold.value > threshold.floor else f"is {threshold.because}"


def _allowed(threshold: Threshold) -> str:
    if threshold.value <= threshold.floor:
        return threshold.because
    return (
        "explained by chance"
        if threshold.because == "chance explains"
        else "explained by chance and the reference's own variation"
    )


def _what_moved(window: ColumnProfile, reference: ColumnProfile) -> str:
    """Name the category, or the direction of the numbers, behind the move."""
    if isinstance(window.grid, CategoricalGrid):
        q, p = window.shares, reference.shares
        at = int(np.argmax(np.abs(q - p)))
        label = [*(repr(label) for label in window.grid.labels), *SPECIALS][at]
        verb = "rose" if q[at] > p[at] else "fell"
        return f"{label} {verb} from {percent(float(p[at]))} to {percent(float(q[at]))}"
    before, after = reference.moments, window.moments
    deviation = before.std
    if not before.n or not after.n or not deviation or _only_time_went_on(window):
        return ""
    shift = (after.mean - before.mean) / deviation
    if not math.isfinite(shift) or abs(shift) < 0.01:
        return ""
    by = f"{abs(shift):.2g}"
    unit = "standard deviation" if by == "1" else "standard deviations"
    return f"the mean {'rose' if shift > 0 else 'fell'} by {by} {unit}"
