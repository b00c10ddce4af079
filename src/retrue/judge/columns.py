"""One verdict for each column of a window: broken, unknown, drifting, not comparable, or true.

The questions are asked in the order in which an engineer would want the answers: is the data wrong? is the model asked what it
never learned? did the inputs move, surprisingly, by enough, and does it matter?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.profile import Profile
from retrue.errors import ProfileError
from retrue.judge.budget import Threshold, drift_threshold, share_threshold
from retrue.judge.distance import JS, KS, Counts, Distance, fold, pool_rare
from retrue.judge.null import Null
from retrue.judge.quality import History, Problem, problems, wilson
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import percent, rows, span


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
    """

    null: Null | None = None
    history: History = field(default_factory=dict)
    impact: ColumnImpact | None = None


_NOTHING = Known()


def judge_columns(
    window: Profile,
    reference: Profile,
    settings: Settings | None = None,
    known: Mapping[str, Known] | None = None,
    *,
    span_of: tuple[str, str] | None = None,
) -> list[Verdict]:
    """Give one verdict for each column that both profiles have, in the reference's order.

    Args:
        window, reference: profiles on the same grids.
        settings: how strictly; the default budget is one false alarm in 30 days over all columns.
        known: what is known about columns beyond their profiles, by name.
        span_of: start and end of the window, for the verdicts.

    Raises:
        ProfileError: a column is counted on two different grids.
    """
    settings, known = settings or Settings(), known or {}
    names = [name for name in reference.columns if name in window.columns]
    alpha = settings.alpha(2 * len(names))  # each column is tested twice: its data and its distribution
    return [
        judge_column(name, window.columns[name], reference.columns[name], alpha, settings, known.get(name, _NOTHING)).within(span_of)
        for name in names
    ]


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
    found = problems(window, reference, alpha, settings, known.history)
    if found:
        return _broken(name, window, found)
    unknown = _unknown(name, window, reference, alpha, settings, known)
    if unknown is not None:
        return unknown
    few = _too_few(name, window.n, reference.n, settings)
    if few is not None and window.n + reference.n > 0:
        return few
    return _moved(name, window, reference, alpha, settings, known)


def _too_few(name: str, n: int, base: int, settings: Settings) -> Verdict | None:
    """Say that there are too few rows to tell, and where."""
    if n >= settings.min_rows and base >= settings.min_rows:
        return None
    reason = f"{rows(n)}, needs {settings.min_rows}"
    if n >= settings.min_rows:
        reason = f"the reference has {rows(base)}, needs {settings.min_rows}"
    return Verdict(VerdictKind.NOT_COMPARABLE, reason, column=name, n=n, threshold=settings.min_rows)


def _broken(name: str, window: ColumnProfile, found: list[Problem]) -> Verdict:
    worst = found[0]
    return Verdict(
        VerdictKind.BROKEN,
        "; ".join(problem.sentence for problem in found),
        metric=worst.metric,
        column=name,
        value=worst.value,
        interval=worst.interval,
        n=window.rows,
        threshold=worst.threshold,
    )


def _unknown(
    name: str, window: ColumnProfile, reference: ColumnProfile, alpha: float, settings: Settings, known: Known
) -> Verdict | None:
    """Find rows in bins where the reference has no labels: what the model does there, nobody has measured."""
    impact = known.impact
    if impact is None or impact.uncovered <= impact.uncovered_before + settings.uncovered:
        return None
    n = window.rows
    chance = share_threshold(impact.uncovered_before * reference.rows, reference.rows, n, alpha)
    threshold = max(chance, impact.uncovered_before + settings.uncovered)
    if impact.uncovered <= threshold:
        return None
    reason = f"{percent(impact.uncovered)} of {rows(n)} lie where the model was never evaluated; {percent(impact.uncovered_before)} did before"
    interval = wilson(impact.uncovered * n, n)
    return Verdict(
        VerdictKind.UNKNOWN, reason, column=name, value=impact.uncovered, interval=interval, n=n, threshold=threshold
    )


# --- drifting ----------------------------------------------------------------------------------------------------------------


def column_counts(profile: ColumnProfile) -> Counts:
    """Give all rows of a column as one vector: nulls and the like first, -inf, the grid, +inf.

    In this order the KS distance sees a rising share of nulls as what it is, a move of so much mass.
    """
    special = dict(zip(SPECIALS, profile.special, strict=True))
    first = [special[name] for name in ("null", "mismatch", "nan", "-inf")]
    return np.concatenate([first, profile.counts, [special["+inf"]]]).astype(np.int64)


def distance_of(profile: ColumnProfile) -> Distance:
    """Give the distance this column is judged by: KS where values have an order, Jensen-Shannon where they have none."""
    return KS if isinstance(profile.grid, NumericGrid) else JS


def learn_null(windows: list[ColumnProfile]) -> Null | None:
    """Learn how a column wanders over reference windows in order of time; None where they are too few."""
    if not windows:
        return None
    return Null.learn(distance_of(windows[0]), np.stack([column_counts(window) for window in windows]))


def _moved(
    name: str, window: ColumnProfile, reference: ColumnProfile, alpha: float, settings: Settings, known: Known
) -> Verdict:
    """Judge the distance of the two distributions."""
    distance, q, p = distance_of(window), column_counts(window), column_counts(reference)
    if distance is JS:
        places = known.null.places if known.null else pool_rare(q, p)
        q, p = fold(q, places), fold(p, places)
    value = float(distance.measure(q, p))
    threshold = drift_threshold(distance, p, window.rows, alpha, null=known.null, floor=settings.drift)
    interval = distance.error(q, p, value)
    drifts = value > threshold.value
    cost = _cost(known.impact, settings) if drifts else None
    return Verdict(
        VerdictKind.DRIFTING if drifts else VerdictKind.TRUE,
        _sentence(distance, value, interval, threshold, window, reference, cost, drifts=drifts),
        metric=distance.name,
        column=name,
        value=value,
        interval=interval,
        n=window.rows,
        threshold=threshold.value,
        alarm=drifts and not (cost is not None and cost.small) and not _only_time_went_on(window),
    )


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
    small = impact.loss[1] < settings.cost
    told = f"expected to change {impact.metric} by {impact.value:+.3f} ({impact.interval[0]:+.3f} to {impact.interval[1]:+.3f})"
    return _Cost(told, small)


def _sentence(
    distance: Distance,
    value: float,
    interval: tuple[float, float],
    threshold: Threshold,
    window: ColumnProfile,
    reference: ColumnProfile,
    cost: _Cost | None,
    *,
    drifts: bool,
) -> str:
    """Say how far the column moved, against what, what moved most, and what that costs."""
    if not drifts:
        return f"moved by {distance.text} {value:.2g}, within the {threshold.value:.2g} that is {_allowed(threshold)}"
    said = [
        f"moved by {distance.text} {value:.2g} ({span(interval)}), more than the {threshold.value:.2g} that {_because(threshold)}",
        _what_moved(window, reference),
    ]
    if cost is not None:
        said.append(cost.text)
    return "; ".join(part for part in said if part)


def _because(threshold: Threshold) -> str:
    return threshold.because if threshold.value > threshold.floor else f"is {threshold.because}"


def _allowed(threshold: Threshold) -> str:
    if threshold.value <= threshold.floor:
        return threshold.because
    return "explained by chance" if threshold.because == "chance explains" else "explained by chance and the reference's own variation"


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
    return f"the mean {'rose' if shift > 0 else 'fell'} by {abs(shift):.2g} standard deviations"
