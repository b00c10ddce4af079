"""What a window may look like when nothing is wrong: the hierarchical null.

Windows of the same world differ by more than chance: weekdays, campaigns, batches. Time-ordered reference windows show
how much:

    counts [W, bins] --fold--> shares on ~16 bins --covariance--> minus the multinomial part --> directions of wander
    simulated window = pooled shares + t-distributed effects + sampling noise of n rows
                       --> distances --> quantile

The effects have as many degrees of freedom as there are *effective* windows after autocorrelation: thirty similar days
know less about the thirty-first than thirty independent ones, and the threshold widens accordingly (Student's
argument).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from retrue.core.state import Floats
from retrue.judge.distance import JS, Counts, Distance, effective
from retrue.judge.draws import DRAWS, Reals, bridges, effects, white
from retrue.judge.wander import (
    Wander,
    effective_windows,
    learn_wander,
    merge_neighbours,
    merge_rare,
    merge_smallest,
    width,
)
from retrue.metrics.drift.cells import fold
from retrue.metrics.drift.divergence import shares

MERGED = 16
"""Bins that wander is learned on: enough for a shape, few enough for 30 windows."""

FINE = 128
"""Bins that are simulated for an ordered column."""

MERGING = 1.02
"""How much larger the null's KS may be on all bins than on 128 of equal mass."""

MIN_WINDOWS = 6
"""Fewer windows than this can't show how much they wander."""

MISFIT = 0.1
"""Share of reference windows that may lie beyond the simulated null's quantile of the same share."""


@dataclass(frozen=True, slots=True, eq=False)
class Null:
    """What windows of one column look like when nothing is wrong: learned once, for windows of any size.

    Args:
        distance: the distance windows are judged by.
        places: for each bin of the grid its place among the bins simulated, [bins].
        pooled: pooled reference shares on the bins simulated, [fine].
        merged: for each bin simulated its place among the bins that wander was learned on, [fine].
        wander: the wander on those.
        windows: reference windows behind it.
        rows: rows of what a window is compared with.
        constant: share of the reference windows that held one single bin.
        usual: the reference windows' own distances where they are larger than this null gives, else None.
    """

    distance: Distance
    places: npt.NDArray[np.intp]
    pooled: Floats
    merged: npt.NDArray[np.intp]
    wander: Wander
    windows: int
    rows: int
    constant: float = 0.0
    usual: Usual | None = None

    @classmethod
    def learn(cls, distance: Distance, history: Counts, bases: Counts | None = None) -> Null | None:
        """Learn from time-ordered counts; None where fewer than `MIN_WINDOWS` windows hold rows.

        Which bins may be merged follows from the distance: neighbours for KS, the rare ones for Jensen-Shannon.

        Args:
            distance: what windows are judged by.
            history: [W, bins] rows of each window.
            bases: [W, bins] rows of what each window was compared with; left out, all were with their pool.
        """
        held = (history.sum(axis=1) > 0) & (True if bases is None else bases.sum(axis=1) > 0)
        history = history[held]
        if len(history) < MIN_WINDOWS:
            return None
        compared = np.broadcast_to(history.sum(axis=0), history.shape) if bases is None else bases[held]
        total = history.sum(axis=0) + (0 if bases is None else compared.sum(axis=0))
        ordered = distance is not JS
        places = (
            merge_neighbours(total, FINE)
            if ordered
            else merge_rare(total, float(np.median(history.sum(axis=1))), FINE // 2)
        )
        fine, base = (fold(counts, places, width(places)) for counts in (history, compared))
        # Few windows show wander in few bins only: in many, chance hides it.
        bins = min(max(len(history) // 8, 4), MERGED) if ordered else MERGED
        merged = merge_neighbours(fine.sum(axis=0), bins) if ordered else merge_smallest(fine.sum(axis=0), bins)
        coarse, coarse_base = (fold(counts, merged, width(merged)) for counts in (fine, base))
        null = cls(
            distance,
            places,
            shares(fold(total, places, width(places))),
            merged,
            learn_wander(coarse, None if bases is None else coarse_base),
            len(history),
            int(np.median(compared.sum(axis=1))),
            float(np.mean(np.count_nonzero(history, axis=1) == 1)),
        )
        return replace(null, usual=_usual(null, fine, base))

    @property
    def digest(self) -> str:
        """A name for everything a threshold depends on: equal digests give equal thresholds."""
        parts = (
            self.pooled,
            self.merged,
            self.wander.loadings,
            np.array([self.wander.effective, self.wander.design, self.rows]),
        )
        seed = hashlib.blake2b(self.distance.name.encode(), digest_size=8)
        for part in parts:
            seed.update(np.ascontiguousarray(part).tobytes())
        return seed.hexdigest()

    def fold(self, counts: Counts) -> Counts:
        """Put counts [..., bins] on the bins that the threshold was simulated on."""
        return fold(counts, self.places, width(self.places))

    def threshold(self, n: int, alpha: float) -> float:
        """Give the distance that a window of `n` rows exceeds with probability `alpha` when nothing is wrong.

        Simulated at the powers of two around `n` and interpolated (the squared threshold is a line in 1/n), so that
        windows of all sizes share a few cached simulations: some milliseconds the first time for a column and size,
        then microseconds.
        """
        low = 2 ** math.floor(math.log2(max(n, 2)))
        digest = self.digest
        ends = [_simulated(_Asked(digest, size, self)).quantile(alpha) for size in (low, 2 * low)]
        weight = (1 / max(n, 2) - 1 / (2 * low)) * 2 * low
        square = weight * ends[0] ** 2 + (1 - weight) * ends[1] ** 2
        unseen = MERGING if len(self.pooled) < len(self.places) and self.distance is not JS else 1.0
        simulated = min(1.0, unseen * math.sqrt(max(square, 0.0)))
        return simulated if self.usual is None else max(simulated, self.usual.quantile(alpha))


@dataclass(frozen=True, slots=True)
class Usual:
    """How far reference windows lie from their pool where that is further than the simulated null has them.

    A day's weather fills a few bins of a season's: no sum of small effects looks like that. Their own distances, on
    the logit scale, are then held to a t quantile.

    Args:
        mean: mean of the logits.
        spread: their standard deviation.
        effective: windows that count after autocorrelation.
    """

    mean: float
    spread: float
    effective: float

    def quantile(self, alpha: float) -> float:
        """Give the distance that such a window exceeds with probability `alpha`."""
        from scipy.special import stdtrit  # late: half a second when cold, and only windows in time come here

        reach = float(stdtrit(max(3.0, self.effective - 1), 1 - alpha)) * math.sqrt(1 + 1 / self.effective)
        return 1 / (1 + math.exp(-(self.mean + reach * self.spread)))


def _usual(null: Null, windows: Counts, bases: Counts) -> Usual | None:
    """Learn the windows' own distances if more of them than 1 in 10 (by two standard errors) exceed the null's 10 %."""
    distances = np.asarray(null.distance.counts(windows, bases))
    limit = null.threshold(int(np.median(windows.sum(axis=1))), MISFIT)
    if (distances > limit).mean() <= MISFIT + 2 * math.sqrt(MISFIT * (1 - MISFIT) / len(windows)):
        return None
    clipped = np.clip(distances, 1e-4, 1 - 1e-4)
    logits = np.log(clipped / (1 - clipped))
    return Usual(float(logits.mean()), float(logits.std(ddof=1)), effective_windows(logits))


@dataclass(frozen=True, slots=True)
class _Asked:
    """The key of a cached simulation; the null itself only rides along."""

    digest: str
    n: int
    null: Null = field(compare=False, hash=False)


@dataclass(frozen=True, slots=True, eq=False)
class _Simulated:
    """Distances of simulated windows, the largest first, and the probability of one at least as large, [draws]."""

    distances: Reals
    tail: Floats

    @classmethod
    def of(cls, distances: Reals, weights: Floats) -> _Simulated:
        """Put distances in order, with the weights that they count by."""
        order = np.argsort(distances)[::-1]
        return cls(distances[order], np.cumsum(weights[order]))

    def quantile(self, alpha: float) -> float:
        """Give the distance that is exceeded with probability `alpha`.

        >>> _Simulated.of(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.3, 0.2])).quantile(0.25)
        2.0
        """
        return float(self.distances[min(int(np.searchsorted(self.tail, alpha, side="right")), len(self.tail) - 1)])


@lru_cache(maxsize=1024)
def _simulated(asked: _Asked) -> _Simulated:
    """Simulate windows of `n` rows and measure them."""
    null, pooled = asked.null, asked.null.pooled
    noise = 1 / math.sqrt(max(effective(asked.n, null.rows) / null.wander.design, 1e-9))
    kept = null.wander.loadings[::-1]  # the largest first
    drawn, weights = effects(len(kept), null.wander.degrees)
    loadings = (kept / np.where(null.wander.shares > 0, null.wander.shares, 1.0))[:, null.merged] * pooled
    if null.distance is not JS:
        bridge, own = bridges(FINE)
        places = np.rint(np.cumsum(pooled) * FINE).astype(np.intp).clip(0, FINE)
        gaps = np.float32(noise) * bridge[places]
        gaps += np.cumsum(loadings, axis=1).astype(np.float32).T @ drawn
        return _Simulated.of(np.maximum(gaps.max(axis=0), -gaps.min(axis=0)), weights * own / DRAWS)
    noises, own = white(len(pooled))
    least = pooled[pooled > 0] * min(asked.n, null.rows)
    noise *= math.sqrt(1 + float(np.mean(1 / (2 * least))))  # as in `js_chance`
    root = np.sqrt(pooled)[:, None]
    drift = np.clip(pooled[:, None] + loadings.T @ drawn, 0.0, None)
    # Counts are about normal with equal variance in their roots; what they have in common is no noise of shares.
    moved = (np.sqrt(drift) + noise / 2 * (noises - root * (root * noises).sum(axis=0))) ** 2
    return _Simulated.of(np.asarray(null.distance.counts(moved.T, pooled)), weights * own / DRAWS)
