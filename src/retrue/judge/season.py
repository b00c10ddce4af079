"""What is usual at an hour of the day and on a weekday: a Monday is compared with Mondays.

    windows, moments ──shape──> periods (24 h, 7 d) ──regression on hours and weekdays──> Pattern: usual at a moment
                                each window against the pattern of all other days ──> Null of what is left

A column (or a metric) has a season only where its history shows one beyond wandering (`periods_of`). From then on its
windows are held against what is usual at their moment, and what is left wanders less than all of it did: a window that
looks like last Monday's is no news, and one that would be usual at noon is news at night.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.state import Bools, Floats, Ints
from retrue.judge.distance import KS, Counts, all_rows, distance_of
from retrue.judge.null import FINE, Null
from retrue.judge.performance import Past
from retrue.judge.shape import periods_of, shape_in
from retrue.judge.shapes.series import MIN_ROWS, MOST, Series, series_of
from retrue.judge.shapes.templates import PERIODS, TURNS
from retrue.judge.wander import merge_neighbours, merge_rare, width
from retrue.metrics import Measure
from retrue.metrics.drift.cells import fold
from retrue.metrics.measure import Z95

DAY, WEEK = PERIODS
LEAST = TURNS
"""Other days that must have shown an hour, and a weekday, before anything is known of it."""
WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


@dataclass(frozen=True, eq=False)
class Pattern:
    """A level for each hour of the day and each weekday, by weighted least squares.

    Attributes:
        periods: which of a day and a week repeat.
        moments: when each window starts, on the model's clocks.
        values: float64[W, k], what each window has.
        weights: float64[W], how much each knows: the inverse of its sampling variance.
    """

    periods: tuple[float, ...]
    moments: tuple[datetime, ...]
    values: Floats
    weights: Floats

    @cached_property
    def design(self) -> Floats:
        """float64[W, q]: which hour and weekday each window is of."""
        return np.stack([self.row(moment) for moment in self.moments])

    def row(self, moment: datetime) -> Floats:
        """float64[q]: one, the hour, the weekday."""
        row = np.zeros(1 + 24 * (DAY in self.periods) + 7 * (WEEK in self.periods))
        row[0] = 1.0
        if DAY in self.periods:
            row[1 + moment.hour] = 1.0
        if WEEK in self.periods:
            row[row.size - 7 + moment.weekday()] = 1.0
        return row

    @cached_property
    def days(self) -> Ints:
        """int64[W]: the day of each window."""
        return np.array([moment.toordinal() for moment in self.moments])

    @cached_property
    def normal(self) -> tuple[Floats, Floats]:
        """X'WX [q, q] and X'WY [q, k]."""
        weighted = self.design * self.weights[:, None]
        return self.design.T @ weighted, weighted.T @ self.values

    def usual(self, moment: datetime) -> tuple[Floats, float] | None:
        """What is usual at a moment, [k], and its weight; None where too few days have shown that hour and weekday."""
        row = self.row(moment)
        if (self.shown[row > 0] < LEAST).any():
            return None
        inverse, levels = self.solved
        return row @ levels, float(1 / (row @ inverse @ row))

    @cached_property
    def shown(self) -> Ints:
        """int64[q]: on how many days each hour and weekday was seen."""
        return np.array([np.unique(self.days[column > 0]).size for column in self.design.T])

    @cached_property
    def solved(self) -> tuple[Floats, Floats]:
        """(X'WX)^-1 [q, q], and the levels [q, k]."""
        inverse = np.linalg.pinv(self.normal[0], hermitian=True)
        return np.asarray(inverse, np.float64), np.asarray(inverse @ self.normal[1], np.float64)

    @cached_property
    def by_others(self) -> tuple[Floats, Floats]:
        """What is usual at each window's moment by all other days, [W, k], and its weight, [W]; 0 where unknown."""
        from threadpoolctl import threadpool_limits

        values, weights = np.zeros_like(self.values), np.zeros(len(self.values))
        with threadpool_limits(1):  # matrices this small are slower on several threads
            for day in np.unique(self.days):
                own = self.days == day
                values[own], weights[own] = self.without(own)
        return values, weights

    def without(self, own: Bools) -> tuple[Floats, Floats]:
        """What is usual at the moments of some windows by all others, and its weight; 0 where none of them has it."""
        mine, seen = self.design[own], self.design[~own].sum(axis=0) > 0
        weighted = mine * self.weights[own][:, None]
        inverse = np.linalg.pinv(self.normal[0] - mine.T @ weighted, hermitian=True)
        spread = np.einsum("wq,qp,wp->w", mine, inverse, mine)
        known = (mine[:, ~seen] == 0).all(axis=1) & (spread > 0)
        weights = np.where(known, 1 / np.where(known, spread, 1.0), 0.0)
        values = mine @ inverse @ (self.normal[1] - weighted.T @ self.values[own])
        return np.asarray(values, np.float64), weights


# --- columns ---


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What is usual of a column at one moment.

    Attributes:
        places: for each bin (and special, in the distance's order) its cell.
        counts: float64[cells], the rows that are usual, as many as are known.
        null: how far windows lie from what is usual at their moments.
        when: the moment in words.
    """

    places: Ints
    counts: Floats
    null: Null
    when: str

    def fold(self, column: ColumnProfile) -> Counts:
        """A window's rows on the cells that the null was learned on."""
        return self.null.fold(fold(all_rows(column), self.places, width(self.places)))

    @property
    def usual(self) -> Counts:
        """The usual rows on those cells."""
        return self.null.fold(self.counts)


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """A column's pattern over days and weeks, and how far windows lie from it."""

    pattern: Pattern
    places: Ints
    null: Null

    def at(self, moment: datetime) -> Expected | None:
        """What is usual at a moment; None where too little is known of it."""
        found = self.pattern.usual(moment)
        if found is None:
            return None
        return Expected(self.places, expected_rows(*found), self.null, when(moment, self.pattern.periods))


def learn_season(windows: Sequence[ColumnProfile], moments: Sequence[datetime]) -> Season | None:
    """Learn a column's season; None where its history shows none.

    Args:
        windows: profiles of one column on one grid, in order of time, in which nothing was wrong.
        moments: when each starts, on the model's clocks.
    """
    held = [i for i, window in enumerate(windows) if window.rows >= MIN_ROWS]
    windows, moments = [windows[i] for i in held], [moments[i] for i in held]
    recent = looked_at(moments)
    if len(moments) - recent < 2:
        return None
    periods = periods_of(shape_in(series_of(windows[recent:], spans(moments[recent:]))))
    if not periods:
        return None
    counts = np.stack([all_rows(window) for window in windows])
    total, rows = counts.sum(axis=0), counts.sum(axis=1).astype(np.float64)
    distance = distance_of(windows[0])
    places = merge_neighbours(total, FINE) if distance is KS else merge_rare(total, float(np.median(rows)), FINE // 2)
    cells = fold(counts, places, width(places))
    pattern = Pattern(periods, tuple(moments), cells / rows[:, None], rows)
    values, weights = pattern.by_others
    known = weights > 0
    bases = np.stack([expected_rows(*one) for one in zip(values[known], weights[known], strict=True)] or [total[:0]])
    null = Null.learn(distance, cells[known], bases) if known.any() else None
    return None if null is None else Season(pattern, places, null)


def expected_rows(values: Floats, rows: float) -> Floats:
    """So many rows with these shares; a regression may have some a little below zero."""
    kept = np.maximum(values, 0.0)
    return np.asarray(kept / kept.sum() * rows, np.float64)


def looked_at(moments: Sequence[datetime]) -> int:
    """Where the windows begin that are looked at for a pattern: the last `MOST`, or all if those are under 3 weeks."""
    first = max(len(moments) - MOST, 0)
    if not moments or (moments[-1] - moments[first]).total_seconds() >= TURNS * WEEK:
        return first
    return 0


def spans(moments: Sequence[datetime]) -> list[tuple[str, str]]:
    """The moments as a series has them."""
    said = [moment.isoformat() for moment in moments]
    return list(zip(said, said, strict=True))


def when(moment: datetime, periods: tuple[float, ...]) -> str:
    """Say which hour or weekday it is.

    >>> when(datetime(2026, 3, 2, 3), (DAY, WEEK)), when(datetime(2026, 3, 2, 3), (DAY,))
    ('on Mondays at 03:00', 'at 03:00')
    """
    weekday = f"on {WEEKDAYS[moment.weekday()]}" if WEEK in periods else ""
    hour = f"at {moment:%H}:00" if DAY in periods else ""
    return " ".join(part for part in (weekday, hour) if part)


# --- metrics ---


@dataclass(frozen=True, slots=True, eq=False)
class UsualMetric:
    """What is usual of a metric at one moment: its value with its interval, how windows lie around it, when."""

    measure: Measure
    past: Past
    when: str


@dataclass(frozen=True, slots=True, eq=False)
class MetricSeason:
    """A metric's pattern over days and weeks, and how far windows lie from what other days have at their moment."""

    pattern: Pattern
    past: Past

    def at(self, moment: datetime) -> UsualMetric | None:
        """What is usual at a moment; None where too little is known of it."""
        found = self.pattern.usual(moment)
        if found is None:
            return None
        value, reach = float(found[0][0]), Z95 / math.sqrt(found[1])
        measure = Measure(value, interval=(value - reach, value + reach))
        return UsualMetric(measure, self.past, when(moment, self.pattern.periods))


def learn_metric_season(past: Past, moments: Sequence[datetime]) -> MetricSeason | None:
    """Learn a metric's season from what windows had of it; None where its history shows none.

    Args:
        past: the metric in each window and its standard error.
        moments: when each starts, on the model's clocks, in order of time.
    """
    known: Bools = np.isfinite(past.values) & np.isfinite(past.errors) & (past.errors > 0)
    values, weights = past.values[known], 1 / past.errors[known] ** 2
    held = [moment for moment, keep in zip(moments, known, strict=True) if keep]
    recent = looked_at(held)
    if len(held) - recent < 2:
        return None
    periods = periods_of(shape_in(metric_series(values[recent:], weights[recent:], held[recent:])))
    if not periods:
        return None
    pattern = Pattern(periods, tuple(held), values[:, None], weights)
    usual, told = pattern.by_others
    seen = told > 0
    errors = np.sqrt(1 / weights[seen] + 1 / told[seen])
    return MetricSeason(pattern, Past(values[seen] - usual[seen, 0], errors))


def metric_series(values: Floats, weights: Floats, moments: Sequence[datetime]) -> Series:
    """A metric as a series of one direction, with as many rows as give its sampling variance; neighbours averaged."""
    some = -(-len(values) // MOST)
    firsts = np.arange(0, len(values), some)
    total = np.add.reduceat(weights, firsts)
    mean = np.add.reduceat(values * weights, firsts) / total
    return Series(mean[:, None], total / 4, tuple(spans([moments[i] for i in firsts.tolist()])), np.zeros(1, np.int64))
