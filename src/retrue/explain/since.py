"""Since when: the change point in a series of one figure per window (a distance, a loss, a share).

Two shapes are tried at every place, exactly, from cumulative sums: a level from some window on, and a level from one
window to another. The best is told if it beats "nothing but noise" by more than its place is worth, ln T or 2 ln T
nats (a Schwarz criterion); else the answer is that nothing can be told.

Of a column more is known than one figure: its `Course` has the shape of its whole distribution over time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from retrue.core.column import ColumnProfile
from retrue.judge.shape import Shape, shape_of

MIN_WINDOWS = 5


@dataclass(frozen=True, slots=True)
class Since:
    """When a figure changed.

    Args:
        start: the first window at the new level.
        stop: the first window after it; None: it lasts.
        before: mean outside.
        after: mean inside.
        gain: how much better than "no change" this is, in nats, its place paid for.
    """

    start: int
    stop: int | None
    before: float
    after: float
    gain: float


@dataclass(frozen=True, eq=False)
class Course:
    """How one column went, window by window.

    Attributes:
        column: its name.
        windows: its profile in each window, in order of time.
        spans: start and end of each (ISO).
        reference: how many of them, the first ones, are the reference's own.
    """

    column: str
    windows: tuple[ColumnProfile, ...]
    spans: tuple[tuple[str, str], ...]
    reference: int = 0

    @cached_property
    def shape(self) -> Shape:
        """What shape its change has."""
        return shape_of(self.windows, self.spans)

    def __str__(self) -> str:
        """Say its shape, and what else happened."""
        told = f"{self.column}: {self.shape.reason}"
        if self.shape.confidence is not None and self.shape.told:
            told += f" ({sure_of(self.shape.confidence)})"
        return told if self.shape.second is None else f"{told}; also {self.shape.second.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"column": self.column, **self.shape.to_dict()}


def sure_of(confidence: float) -> str:
    """Say how sure a shape is.

    >>> sure_of(0.97), sure_of(0.9999), sure_of(0.52)
    ('97 % sure', 'over 99 % sure', '52 % sure')
    """
    return "over 99 % sure" if confidence > 0.99 else f"{100 * confidence:.0f} % sure"


def since_when(series: npt.ArrayLike, *, surprising: float = 3.0) -> Since | None:
    """Find the stretch of windows whose mean differs most from the others'.

    Args:
        series: one figure for each window in order of time, [T]; not finite: unknown, left out.
        surprising: nats that the change must be worth beyond its place; 3 is a twentyfold likelihood.

    Returns:
        None where nothing changed, or fewer than 5 windows are known.

    >>> found = since_when([0.1, 0.11, 0.1, 0.09, 0.1, 0.3, 0.31, 0.29])
    >>> found.start, found.stop
    (5, None)
    """
    values = np.asarray(series, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    x = values[known]
    if len(x) < MIN_WINDOWS or np.ptp(x) <= 0:
        return None
    starts, stops, gains = _stretches(x)
    best = int(gains.argmax())
    if gains[best] <= surprising:
        return None
    start, stop = int(starts[best]), int(stops[best])
    inside = x[start:stop]
    outside = np.concatenate([x[:start], x[stop:]])
    last = None if stop == len(x) else int(known[stop])
    return Since(int(known[start]), last, float(outside.mean()), float(inside.mean()), float(gains[best]))


def _stretches(
    x: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Give every stretch [start, stop) that doesn't begin at the first window, with its gain in nats.

    Gain: T / 2 ln(variance without / variance with a level of its own), less its place and one more mean. The variance
    is kept above what so few windows could show by luck (that of consecutive differences, by a quarter).
    """
    count = len(x)
    starts, lasts = np.triu_indices(count)
    starts, stops = starts[starts > 0], lasts[starts > 0] + 1
    total = np.concatenate([[0.0], np.cumsum(x - x.mean())])
    inside, size = total[stops] - total[starts], (stops - starts).astype(float)
    explained = inside**2 / size + inside**2 / (count - size)
    all_ = float(((x - x.mean()) ** 2).sum())
    floor = max(1e-12 * all_, 0.25 * float(np.median(np.diff(x) ** 2)) / 2 * count)
    rest = np.maximum(all_ - explained, floor)
    place = np.where(stops == count, math.log(count), 2 * math.log(count))
    return starts, stops, count / 2 * np.log(max(all_, floor) / rest) - place - 0.5 * math.log(count)
