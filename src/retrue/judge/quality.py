"""Is a column broken? Bad rows that rose, surprisingly and by enough: missing, mistyped, unseen, out of range.

Each check gives a `Problem` or None. A single unseen category among 1,000 rows is no problem; 91 % of rows out of
range is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.state import Floats, added
from retrue.judge.budget import share_threshold, wander_reach
from retrue.judge.categories import expected_unseen, open_ended
from retrue.judge.settings import Settings
from retrue.judge.words import figure, moment, percent, rows
from retrue.metrics.quality.shares import wilson

History = Mapping[str, tuple[Floats, Floats]]
"""For each bad share (by metric name), its value in each reference window and the rows of that window, in order of
time."""


MOST = 0.5
"""A category that so large a share of the reference has may well be the only one of a window; a rarer one, only where
something broke."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a column's data.

    Args:
        metric: the registered metric it is about.
        value: the bad share in the window.
        before: the same in the reference.
        threshold: what the share was held against.
        interval: the share's 95 % interval.
        sentence: what to tell.
    """

    metric: str
    value: float
    before: float
    threshold: float
    interval: tuple[float, float]
    sentence: str


def problems(
    window: ColumnProfile,
    reference: ColumnProfile,
    alpha: float,
    settings: Settings,
    history: History | None = None,
    *,
    often_constant: bool = False,
) -> list[Problem]:
    """Find what is wrong with a column, the largest rise first.

    Args:
        window: the window's profile, of at least one row.
        reference: the reference's, on the same grid.
        alpha: the false alarms allowed for each check.
        settings: the sizes worth telling.
        history: how the bad shares went in reference windows, where that is known.
        often_constant: whether reference windows had one single value too (the weekday of a day).
    """
    found: dict[str, Problem] = {}
    for metric, hits, base, total in _bad_counts(window, reference):
        problem = _risen(metric, hits, base, total, window, reference, alpha, settings, history or {})
        if problem is not None:
            found.setdefault(metric, problem)
    constant = None if often_constant else _constant(window, reference, alpha, settings)
    ranked = sorted(found.values(), key=lambda problem: problem.before - problem.value)
    return [*ranked, constant] if constant else ranked


def _bad_counts(window: ColumnProfile, reference: ColumnProfile) -> Iterator[tuple[str, float, float, float]]:
    """Yield metric, bad rows of the window, bad rows of the reference (as a base rate), all rows of the window."""
    for metric, names in (
        ("missing", ("null",)),
        ("mismatch", ("mismatch",)),
        ("nan", ("nan",)),
        ("infinite", ("+inf", "-inf")),
    ):
        places = [SPECIALS.index(name) for name in names]
        yield metric, added(window.special[places]), added(reference.special[places]), window.rows
    grid = window.grid
    if isinstance(grid, CategoricalGrid):
        # Two more than expected: how many are seen once is itself a matter of luck in a small reference.
        yield "unseen", window.out_of_range, 2.0 + expected_unseen(reference), window.rows
        # New names come and go where many are rare, but one of them doesn't come alone and often.
        yield "unseen", max(window.names.counts.values(), default=0), 1.0, window.rows
    elif isinstance(grid, NumericGrid) and grid.cuts.size > 0:
        # The reference's own ends are its two most extreme rows: one fresh row in (m + 1) / 2 lies beyond them.
        # Time goes on: later dates than ever seen are no fault.
        hits = added(window.counts[0]) if grid.temporal else window.out_of_range
        yield "out_of_range", hits, 2.0 + reference.out_of_range, window.rows


def _risen(
    metric: str,
    hits: float,
    base: float,
    total: float,
    window: ColumnProfile,
    reference: ColumnProfile,
    alpha: float,
    settings: Settings,
    history: History,
) -> Problem | None:
    """Give the problem if this bad share rose by enough, and by more than chance and its history explain."""
    share, before = hits / total, base / max(reference.rows, 1)
    # New categories that come by themselves are no fault of the data: they matter as any traffic nobody evaluated.
    expected = metric == "unseen" and open_ended(reference)
    least = before + (settings.uncovered if expected else settings.rise)
    if share <= least or hits < settings.least_bad:
        return None
    threshold = max(least, share_threshold(base, reference.rows, total, alpha), _usual(metric, total, alpha, history))
    if share <= threshold:
        return None
    true_before = 0.0 if metric in ("unseen", "out_of_range") else before
    sentence = _sentence(metric, share, true_before, window)
    return Problem(metric, share, true_before, threshold, wilson(hits, total), sentence)


def _usual(metric: str, total: float, alpha: float, history: History) -> float:
    """Give the largest share that the reference windows' own variation explains; 0 where there is no history."""
    if metric not in history:
        return 0.0
    shares, sizes = history[metric]
    mean = float(np.mean(shares))
    error = math.sqrt(max(mean * (1 - mean), 1 / max(total, 1)) / total)
    reach = wander_reach(shares, np.sqrt(np.maximum(mean * (1 - mean), 0.0) / np.maximum(sizes, 1.0)), error, alpha)
    return 0.0 if reach is None else mean + reach


# --- sentences ---

_CALLED = {
    "missing": "missing",
    "mismatch": "values of another type",
    "nan": "NaN",
    "infinite": "infinite values",
}


def _sentence(metric: str, share: float, before: float, window: ColumnProfile) -> str:
    if metric == "unseen":
        return f"unseen categories: {_names(window)} of {rows(window.rows)}"
    if metric == "out_of_range":
        return f"{percent(share)} of {rows(window.rows)} lie outside what the reference has shown: {_sides(window)}"
    return f"{_CALLED[metric]} rose from {percent(before)} to {percent(share)} of {rows(window.rows)}"


def _names(window: ColumnProfile, most: int = 3) -> str:
    """Name the most frequent unseen categories with their shares, and sum up the others."""
    total = window.out_of_range
    top = sorted(window.names.counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    said = [f"{name[:40]!r} {percent(count / window.rows)}" for name, count in top]
    rest = total - sum(count for _, count in top)
    if rest > 0:
        said.append(f"{'others' if said else 'in all'} {percent(rest / window.rows)}")
    return ", ".join(said)


def _sides(window: ColumnProfile) -> str:
    """Say how much lies below the reference's least value and above its greatest."""
    cuts = window.grid.cuts if isinstance(window.grid, NumericGrid) else np.empty(0)
    below, above = window.counts[0] / window.rows, window.counts[-1] / window.rows
    temporal = isinstance(window.grid, NumericGrid) and window.grid.temporal
    low, high = (
        moment(end) if temporal else figure(end) for end in (float(cuts[0]), float(np.nextafter(cuts[-1], -np.inf)))
    )
    said = [f"{percent(below)} below {low}"] if below > 0 else []
    return ", ".join(said + ([f"{percent(above)} above {high}"] if above > 0 else []))


# --- constant ---


def _constant(window: ColumnProfile, reference: ColumnProfile, alpha: float, settings: Settings) -> Problem | None:
    """Find a column that has one value where the reference varied enough to make that surprising.

    A category that at least `MOST` of the reference has is no fault of the data where all have it: that the others are
    gone is drift.
    """
    held = np.flatnonzero(window.counts)
    if len(held) != 1 or window.n < settings.min_rows or reference.n == 0:
        return None
    if not _is_one_value(window, int(held[0])):
        return None
    before = float(reference.counts[held[0]]) / reference.n
    if before > 1 - settings.rise or window.n * math.log(max(before, 1e-300)) > math.log(alpha):
        return None
    if isinstance(window.grid, CategoricalGrid) and before >= MOST:
        return None
    value = f"{window.moments.min:g}" if isinstance(window.grid, NumericGrid) else repr(window.grid.labels[held[0]])
    sentence = f"all {rows(window.n)} have the same value {value}; in the reference {percent(before)} have it"
    return Problem("constant", 1.0, before, 1 - settings.rise, wilson(window.n, window.n), sentence)


def _is_one_value(window: ColumnProfile, held: int) -> bool:
    """Say whether the only bin that holds rows holds one value; one of numbers, rare or new names may hold several."""
    if isinstance(window.grid, NumericGrid):
        return window.moments.min == window.moments.max
    return held < window.counts.size - 2 or len(window.names.counts) == 1


def near_the_edge(window: ColumnProfile) -> bool:
    """Say whether out-of-range numbers lie near what the reference has shown: within half its range, on average.

    A hot summer is news to a model that learned in winter; a temperature in another unit is broken data.
    """
    grid = window.grid
    if not isinstance(grid, NumericGrid) or grid.cuts.size < 2 or not window.sums.size:
        return False
    low, high = float(grid.cuts[0]), float(grid.cuts[-1])
    above = float(window.sums[-1] - window.counts[-1] * high)
    below = float(window.counts[0] * low - window.sums[0])
    return bool(above + below <= 0.5 * (high - low) * (window.counts[0] + window.counts[-1]))
