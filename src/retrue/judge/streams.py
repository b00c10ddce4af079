"""Streams: since when the errors of single events run higher, and where a series of windows changes its level.

    errors in order of event time --detector--> somebody noticed --best split--> since this event, from 0.18 to 0.31

The detectors are River's, the change points Ruptures'; both are imported only here, and only when asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from retrue.core.state import Floats
from retrue.errors import MetricError, nearest
from retrue.judge.settings import Settings
from retrue.metrics.measure import Z95

LEAST = 100
"""Events that it takes to speak of a level."""
LEARN = 500
"""First events, from which the scale of errors is learned."""
BLOCK, BLOCKS = 16, 30
"""The shortest block of events that is tried, and the fewest blocks that tell anything."""
ALPHA = 0.05
"""The probability that a stream in which nothing changes is said to have changed."""

Detector: TypeAlias = Any
"""A detector of River: `update(error)`, then `drift_detected`."""


@dataclass(frozen=True, slots=True)
class Rise:
    """Errors run at another level from some event on.

    Args:
        start: the first event at the new level.
        stop: the first event after it; the number of events where it lasts.
        noticed: the event at which the detector noticed.
        before: mean error from the change before until `start`.
        after: mean error from `start` to `stop`.
        error: standard error of `after`.
    """

    start: int
    stop: int
    noticed: int
    before: float
    after: float
    error: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of `after`."""
        return self.after - Z95 * self.error, self.after + Z95 * self.error


def rises(errors: npt.ArrayLike, detector: str = "adwin", *, settings: Settings | None = None) -> list[Rise]:
    """Find the changes of level in a stream of errors, in order of time; only those worth telling.

    Args:
        errors: of each event, in order of event time, [events]: 0 for right and 1 for wrong, or absolute errors.
        detector: "adwin", "page_hinkley" or "hddm".
        settings: what is worth telling.

    Returns:
        Rises of the level only: an error that falls is no trouble, though it ends a rise.

    Raises:
        MetricError: an unknown detector, or errors that are negative or not finite.

    >>> rng = np.random.default_rng(0)
    >>> (found,) = rises(np.r_[rng.random(2000) < 0.2, rng.random(2000) < 0.4])
    >>> abs(found.start - 2000) < 50, round(found.before, 1), round(found.after, 1), found.stop
    (True, 0.2, 0.4, 4000)
    """
    values = np.asarray(errors, dtype=np.float64)
    if detector not in DETECTORS:
        known = ", ".join(DETECTORS)
        raise MetricError(f"unknown detector {detector!r}", expected=known, hint=nearest(detector, DETECTORS))
    if values.size and not (np.isfinite(values).all() and values.min() >= 0):
        raise MetricError("errors that are negative or not finite", expected="0 and 1, or absolute errors")
    if values.size < LEAST:
        return []
    settings = settings or Settings()
    changes = _changes(_scaled(values), detector)
    edges = [0, *(start for start, _ in changes), values.size]
    found = []
    for place, (start, noticed) in enumerate(changes, 1):
        before, after = values[edges[place - 1] : start], values[start : edges[place + 1]]
        rise = Rise(
            start, edges[place + 1], noticed, float(before.mean()), float(after.mean()),
            float(after.std() / math.sqrt(after.size)),
        )  # fmt: skip
        if rise.after - rise.before > _floor(values, rise.before, settings):
            found.append(rise)
    return found


def _floor(values: Floats, before: float, settings: Settings) -> float:
    """The smallest rise worth telling: points where errors are 0 and 1, else a share of the level before."""
    return settings.cost if _is_binary(values) else settings.relative_cost * before


def _is_binary(values: Floats) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _scaled(values: Floats) -> Floats:
    """The errors between 0 and 1, as the detectors' bounds take them: a few wild ones say nothing of the level."""
    if _is_binary(values):
        return values
    scale = float(np.quantile(values[:LEARN], 0.99))
    return np.clip(values / scale, 0.0, 1.0) if scale > 0 else np.clip(values, 0.0, 1.0)


def _changes(scaled: Floats, name: str) -> list[tuple[int, int]]:
    """Where levels begin, and where that was noticed."""
    block = _independent(scaled)
    means = scaled[: scaled.size // block * block].reshape(-1, block).mean(axis=1)
    if block > 1:  # means of many events fill little of what the detectors' bounds allow for
        means = (means - means.min()) / max(float(np.ptp(means)), 1e-9)
    detector, last, noticed, starts = DETECTORS[name](means), 0, list[int](), list[int]()
    for i, value in enumerate(means.tolist()):
        detector.update(value)
        if detector.drift_detected and i > last:
            last += _split(means[last : i + 1])
            starts.append(last * block)
            noticed.append((i + 1) * block - 1)
    for place in range(len(starts)):  # what came after it was noticed tells better where it was
        first = starts[place - 1] if place else 0
        stop = starts[place + 1] if place + 1 < len(starts) else scaled.size
        starts[place] = first + _split(scaled[first:stop])
    return [(start, max(start, seen)) for start, seen in zip(starts, noticed, strict=True)]


def _independent(scaled: Floats) -> int:
    """How many consecutive errors make one observation that doesn't depend on the one before: 1 where errors don't.

    Errors come in spells (a storm, a broken feed): taken one by one, each spell is a change. The variance of block
    means times the block's size stays the same where errors are independent, and grows until blocks are as long as
    spells: the shortest blocks that show half of it are taken.
    """
    sizes = [BLOCK << k for k in range(32) if scaled.size // (BLOCK << k) >= BLOCKS]
    spread = [size * _variation(scaled, size) for size in sizes]
    if not spread or max(spread) < 2 * spread[0]:
        return 1
    return next(size for size, found in zip(sizes, spread, strict=True) if found >= 0.5 * max(spread))


def _variation(scaled: Floats, size: int) -> float:
    """The variance of block means, from consecutive differences: a change of level is only one of them, and cut."""
    means = scaled[: scaled.size // size * size].reshape(-1, size).mean(axis=1)
    squares = np.diff(means) ** 2
    return float(np.minimum(squares, np.quantile(squares, 0.95)).mean())


def _split(values: Floats) -> int:
    """Where two levels part best: the largest gain in the sum of squares.

    Hinkley 1970, "Inference about the change-point in a sequence of random variables".
    """
    sums, total = np.cumsum(values)[:-1], values.sum()
    left = np.arange(1, values.size)
    gain = (sums - left * total / values.size) ** 2 / (left * (values.size - left))
    return int(gain.argmax()) + 1


# --- detectors: each takes the whole stream's length into account, so that ALPHA holds for it ---


def _adwin(scaled: Floats) -> Detector:
    """ADWIN (Bifet and Gavalda 2007, "Learning from time-changing data with adaptive windowing").

    Its bound is for one look; over n events River's makes at most about 1.6e-4 delta n false alarms (simulated: errors
    of 5 % and 30 %, up to 100,000 events), so delta shrinks with n.
    """
    from river.drift import ADWIN

    return ADWIN(delta=min(ALPHA, 5_000 * ALPHA / scaled.size), clock=32 if scaled.size > 32 * LEAST else 1)


def _page_hinkley(scaled: Floats) -> Detector:
    """Page-Hinkley (Page 1954, "Continuous inspection schemes"), for rises of the mean.

    A walk with variance s2 and drift -d crosses L about n 2 d^2 / s2 exp(-2 d L / s2) times in n events (Siegmund 1985,
    "Sequential analysis", 8.2); L is half as large again, because the mean that it walks around is estimated.
    """
    from river.drift import PageHinkley

    spread, slack = float(scaled[:LEARN].var()) + 1e-9, 0.005
    expected = max(scaled.size * 2 * slack**2 / spread, 1.0)
    threshold = 1.5 * spread / (2 * slack) * math.log(expected / ALPHA)
    learn = min(LEARN, scaled.size // 2)
    return PageHinkley(min_instances=learn, delta=slack, threshold=threshold, alpha=1.0, mode="up")


def _hddm(scaled: Floats) -> Detector:
    """HDDM-A, for errors between 0 and 1, by Hoeffding's bound.

    Frias-Blanco and others 2015, "Online and non-parametric drift detection methods based on Hoeffding's bounds". The
    confidence is for one event: a share of ALPHA each.
    """
    from river.drift.binary import HDDMA

    return HDDMA(drift_confidence=ALPHA / scaled.size)


DETECTORS: dict[str, Callable[[Floats], Detector]] = {"adwin": _adwin, "page_hinkley": _page_hinkley, "hddm": _hddm}


# --- change points of a series ----------------------------------------------------------------------------------------

MIN_WINDOWS = 5


def change_points(series: npt.ArrayLike) -> list[int]:
    """Find the windows at which a series changes its level, by PELT with a linear kernel (exact).

    Killick, Fearnhead and Eckley 2012, "Optimal detection of changepoints with a linear computational cost"; a change
    costs 3 ln T times the variance of the noise, which is read from consecutive differences.

    Args:
        series: one figure for each window in order of time, [T]; not finite: unknown, left out.

    Returns:
        The first window of each new level; empty where nothing changed, or fewer than 5 windows are known.

    >>> change_points([0.1, 0.12, 0.1, 0.09, 0.1, 0.3, 0.31, 0.29, 0.3, 0.2, 0.19, 0.21])
    [5, 9]
    """
    values = np.asarray(series, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(values))
    x = values[known]
    steps = np.abs(np.diff(x))
    if x.size < MIN_WINDOWS or not steps.any():
        return []
    noise = float(np.median(steps)) * 1.4826 / math.sqrt(2)
    noise = max(noise, 1e-3 * float(np.ptp(x)))  # a series that repeats itself has none
    from ruptures import KernelCPD

    found = KernelCPD(kernel="linear", min_size=2).fit((x / noise)[:, None]).predict(pen=3 * math.log(x.size))
    return [int(known[end]) for end in found[:-1]]


def level_since(series: npt.ArrayLike, place: int, *, above: bool) -> int | None:
    """The first window of the level that a window is on, if that level is worse than the one before.

    Args:
        series: one figure for each window in order of time, [T]; not finite: unknown.
        place: the window.
        above: whether worse is above, as of errors; else below.

    Returns:
        None where nothing changed before it, or for the better.

    >>> level_since([0.1, 0.12, 0.1, 0.09, 0.1, 0.3, 0.31, 0.29, 0.3, 0.2, 0.19, 0.21], 7, above=True)
    5
    """
    values = np.asarray(series, dtype=np.float64)
    edges = [0, *change_points(values), values.size]
    own = max(i for i, edge in enumerate(edges) if edge <= max(place, 0))
    if not 0 < own < len(edges) - 1:
        return None
    before, after = (float(np.nanmean(values[edges[i] : edges[i + 1]])) for i in (own - 1, own))
    return edges[own] if (after > before) == above else None
