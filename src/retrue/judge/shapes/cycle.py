"""What a column does every day and every week, learned from its history: a Monday like all Mondays is no incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.state import Floats, Ints
from retrue.judge.distance import chi2_quantile
from retrue.judge.shape import Shape, shape_in
from retrue.judge.shapes.series import MIN_ROWS, Series, Span, all_bins, roots, seconds, series_of
from retrue.judge.shapes.templates import ShapeKind, waves
from retrue.metrics.drift.cells import fold

RARELY = 0.01
"""A window is explained unless it is farther from what the cycle predicts than this share of windows are by chance."""


@dataclass(frozen=True, slots=True, eq=False)
class Cycle:
    """A column's daily and weekly pattern.

    Attributes:
        periods: seconds of each period found.
        first: seconds since 1970 that the waves are counted from.
        step: seconds of a window.
        sizes: float64[1 + waves, K], the level and the size of each wave in each direction.
        places: int64[bins + 5], the cell of each bin and special.
        wander: variance in each direction beyond sampling noise.
        scale, degrees: the squared distance from the prediction, in variances, is so many times a chi-square.
    """

    periods: tuple[float, ...]
    first: float
    step: float
    sizes: Floats
    places: Ints
    wander: float
    scale: float
    degrees: int

    def explains(self, window: ColumnProfile, span: Span) -> bool:
        """Tell whether a window deviates from the others only as its hour and weekday predict.

        Args:
            window: the column's profile, on the grid that the cycle was learned on.
            span: its start and end (ISO).

        Returns:
            False where it has too few rows to tell.
        """
        if window.rows < MIN_ROWS:
            return False
        at = np.array([seconds(span[0])])
        expected = (waves_at(at - self.first, self.periods, self.step) @ self.sizes)[0]
        off = roots(fold(all_bins(window), self.places, expected.size)) - expected
        distance = float(off @ off) / (1 / (4 * window.rows) + self.wander)
        return distance <= self.scale * chi2_quantile(self.degrees, RARELY)


def learn_cycle(windows: Sequence[ColumnProfile], spans: Sequence[Span]) -> Cycle | None:
    """Learn a column's cycle from windows where nothing was wrong; None where it has none.

    Args:
        windows: profiles of one column on one grid.
        spans: start and end of each (ISO).
    """
    series = series_of(windows, spans)
    periods = periods_of(shape_in(series))
    return cycle_of(series, periods) if periods else None


def periods_of(shape: Shape | None) -> tuple[float, ...]:
    """The periods of a shape and of what comes second to it."""
    if shape is None:
        return ()
    own = (shape.period,) if shape.kind is ShapeKind.PERIODIC and shape.period else ()
    return own + tuple(period for period in periods_of(shape.second) if period not in own)


def cycle_of(series: Series, periods: tuple[float, ...]) -> Cycle:
    """Fit the waves by least squares, weighted by rows, and learn how far windows lie off them."""
    step = float(np.median(np.diff(series.starts)))
    design = waves_at(series.starts - series.starts[0], periods, step)
    weights = np.sqrt(series.rows)[:, None]
    sizes = np.asarray(np.linalg.lstsq(design * weights, series.vectors * weights, rcond=None)[0], np.float64)
    off = (series.vectors - design @ sizes) * np.sqrt(len(design) / max(len(design) - design.shape[1], 1))
    used = max(int((np.ptp(series.vectors, axis=0) > 0).sum()) - 1, 1)
    squares, noise = (off**2).sum(axis=1), 1 / (4 * series.rows)
    wander = max(0.0, float((squares / used - noise).mean()))
    distances = squares / (noise + wander)
    # Two moments give the chi-square (Satterthwaite 1946): wander in few directions has a long tail.
    scale = float(distances.var() / (2 * distances.mean()))
    degrees = max(round(float(distances.mean()) / scale), 1)
    return Cycle(periods, float(series.starts[0]), step, sizes, series.places, wander, scale, degrees)


def waves_at(since: Floats, periods: tuple[float, ...], step: float) -> Floats:
    """A level and the waves of each period at so many seconds, [T, 1 + waves]."""
    parts = [waves(since / step, period / step) for period in periods]
    return np.hstack([np.ones((since.size, 1)), *parts])
