"""Windows of one column as vectors that ordinary least squares may be done on, and the distances between them.

    ColumnProfiles ──cells──> counts [T, K] ──square root──> vectors [T, K], noise 1 / 4n in each direction

Square roots of shares have the same sampling variance wherever they lie (Freeman and Tukey 1950, "Transformations
related to the angular and the square root"), and four times their squared distance is about PSI.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.core.state import Counts, Floats, Ints
from retrue.errors import MetricError
from retrue.judge.null import MERGED
from retrue.judge.wander import merge_neighbours, merge_rare
from retrue.metrics.drift.cells import fold

Span: TypeAlias = tuple[str, str]

MOST = 240
"""More windows than this are added up to longer ones."""
MIN_ROWS = 50
"""Windows with fewer rows are left out: a square root of so few counts has another variance."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One column over time.

    Attributes:
        vectors: float64[T, K], roots of the shares.
        rows: float64[T], rows of each window.
        spans: start and end of each window (ISO), in order of time.
        places: int64[bins + 5], the cell of each bin and special.
        left_out: how many windows had too few rows.
    """

    vectors: Floats
    rows: Floats
    spans: tuple[Span, ...]
    places: Ints
    left_out: int = 0

    @property
    def starts(self) -> Floats:
        """float64[T]: when each window starts, in seconds since 1970."""
        return np.array([seconds(start) for start, _ in self.spans])

    @property
    def step(self) -> float:
        """Seconds from one window to the next, where none is missing; 0 for fewer than two windows."""
        return float(np.diff(self.starts).min()) if len(self.spans) > 1 else 0.0

    @property
    def noise(self) -> float:
        """Sampling variance of a usual window's vector in each direction."""
        return 1 / (4 * float(np.median(self.rows)))


def series_of(windows: Sequence[ColumnProfile], spans: Sequence[Span], *, most: int = MOST) -> Series:
    """Put windows of one column into a series.

    Args:
        windows: profiles on one grid, in any order; those with fewer than `MIN_ROWS` rows are left out.
        spans: start and end of each window (ISO); not all need be there.
        most: more windows than this are added up to longer ones.

    Raises:
        MetricError: not as many spans as windows, or several windows that start at once.
        ProfileError: the windows are on different grids.
    """
    if len(windows) != len(spans):
        raise MetricError(f"{len(spans)} spans for {len(windows)} windows", expected="one for each")
    if len({start for start, _ in spans}) != len(spans):
        raise MetricError("several windows start at the same time", expected="one profile for each window")
    for window in windows:
        windows[0].check_grid(window)
    order = sorted(range(len(spans)), key=lambda i: seconds(spans[i][0]))
    counts = np.array([all_bins(windows[i]) for i in order]) if order else np.zeros((0, 1), np.int64)
    return longer(counts, [spans[i] for i in order], windows[0] if windows else None, most)


def longer(counts: Counts, spans: Sequence[Span], column: ColumnProfile | None, most: int) -> Series:
    """Add neighbours up until there are at most `most` windows, and leave those with few rows out."""
    if len(spans) > most:
        starts = np.array([seconds(start) for start, _ in spans])
        wide = np.diff(starts).min() * -(-len(spans) // most)
        groups = np.unique((starts - starts[0]) // wide, return_inverse=True)[1]
        firsts = np.flatnonzero(np.diff(groups, prepend=-1))
        lasts = [*(firsts[1:] - 1).tolist(), len(spans) - 1]
        counts = np.add.reduceat(counts, firsts)
        spans = [(spans[i][0], spans[j][1]) for i, j in zip(firsts.tolist(), lasts, strict=True)]
    kept = counts.sum(axis=1) >= MIN_ROWS
    counts = counts[kept]
    places = cells(counts, column)
    return Series(
        roots(fold(counts, places, int(places.max()) + 1)) if len(counts) else np.zeros((0, 1)),
        counts.sum(axis=1).astype(np.float64),
        tuple(span for span, keep in zip(spans, kept, strict=True) if keep),
        places,
        int((~kept).sum()),
    )


def cells(counts: Counts, column: ColumnProfile | None) -> Ints:
    """Say which of about 16 cells each bin and special goes to: what is new to the reference has cells of its own."""
    if column is None or not len(counts):
        return np.zeros(counts.shape[1], np.int64)
    known = np.append(~column.grid.outside, np.zeros(column.special.size, np.bool_))
    total, rows = counts[:, known].sum(axis=0), float(np.median(counts.sum(axis=1)))
    ordered = isinstance(column.grid, NumericGrid)
    merged = merge_neighbours(total, MERGED) if ordered else merge_rare(total, rows, MERGED)
    places = np.zeros(known.size, np.int64)
    places[known] = merged
    first = int(merged.max(initial=-1)) + 1
    places[~known] = first + np.arange(int((~known).sum()))
    return np.unique(places, return_inverse=True)[1].astype(np.int64)


def roots(counts: Counts) -> Floats:
    """Give sqrt((N + 1/4) / (n + K/4)), [..., K]: the roots of the shares, with about the same noise everywhere."""
    total = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.sqrt((counts + 0.25) / (total + counts.shape[-1] / 4)), np.float64)


def all_bins(column: ColumnProfile) -> Counts:
    """Rows of each bin, then of each special."""
    return np.concatenate([column.counts, column.special])


def seconds(moment: str) -> float:
    """Give seconds since 1970 of an ISO time."""
    return datetime.fromisoformat(moment).timestamp()


def distances(series: Series) -> Floats:
    """Give the distance between every two windows, [T, T], what sampling alone makes of it taken off.

    The root of four times the squared distance of the vectors: its square is about PSI, so that 0.25 (a quarter of a
    standard deviation of a number's mean) is .0625 of PSI.
    """
    x = series.vectors
    squares = (x**2).sum(axis=1)
    raw = 4 * (squares[:, None] + squares[None, :] - 2 * x @ x.T)
    used = max(int((np.ptp(x, axis=0) > 0).sum()) - 1, 0) if len(x) else 0
    chance = used * (1 / series.rows[:, None] + 1 / series.rows[None, :])
    return np.asarray(np.sqrt(np.maximum(raw - chance, 0.0)), np.float64)
