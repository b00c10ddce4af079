"""What a window may look like when nothing is wrong: the hierarchical null.

Windows of the same world differ by more than chance: weekdays, campaigns, batches. Time-ordered reference windows show
how much:

    counts [W, bins] --fold--> shares on ~16 bins --covariance--> minus the multinomial part --> directions of wander
    simulated window = pooled shares + t-distributed effects + sampling noise of n rows
                       --> distances --> Pareto tail --> quantile

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

MIN_WINDOWS = 10
"""Fewer windows than this can't show how much they wander."""

MISFIT = 0.1
"""Share of reference windows that may lie beyond the simulated null's quantile of the same share."""

DRAWS = 4_000
TAIL = 0.05


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
        rows: reference rows behind it.
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
    def learn(cls, distance: Distance, history: Counts) -> Null | None:
        """Learn from time-ordered counts [W, bins]; None where fewer than `MIN_WINDOWS` windows hold rows.

        Which bins may be merged follows from the distance: neighbours for KS, the rare ones for Jensen-Shannon.
        """
        history = history[history.sum(axis=1) > 0]
        if len(history) < MIN_WINDOWS:
            return None
        total = history.sum(axis=0)
        ordered = distance is not JS
        places = (
            merge_neighbours(total, FINE)
            if ordered
            else merge_rare(total, float(np.median(history.sum(axis=1))), FINE // 2)
        )
        fine = fold(history, places, width(places))
        merged = merge_neighbours(fine.sum(axis=0), MERGED) if ordered else merge_smallest(fine.sum(axis=0), MERGED)
        null = cls(
            distance,
            places,
            shares(fine.sum(axis=0)),
            merged,
            learn_wander(fold(fine, merged, width(merged))),
            len(history),
            int(total.sum()),
            float(np.mean(np.count_nonzero(history, axis=1) == 1)),
        )
        return replace(null, usual=_usual(null, history))

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
        windows of all
        sizes share a few cached simulations: about 10 ms the first time for a column and size, then microseconds.
        """
        low = 2 ** math.floor(math.log2(max(n, 2)))
        digest = self.digest
        ends = [_simulated(_Asked(digest, size, alpha, self)) for size in (low, 2 * low)]
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


def _usual(null: Null, history: Counts) -> Usual | None:
    """Learn the windows' own distances if more of them than 1 in 10 (by two standard errors) exceed the null's 10 %."""
    counts = null.fold(history)
    distances = np.asarray(null.distance.counts(counts, counts.sum(axis=0)))
    limit = null.threshold(int(np.median(history.sum(axis=1))), MISFIT)
    if (distances > limit).mean() <= MISFIT + 2 * math.sqrt(MISFIT * (1 - MISFIT) / len(history)):
        return None
    clipped = np.clip(distances, 1e-4, 1 - 1e-4)
    logits = np.log(clipped / (1 - clipped))
    return Usual(float(logits.mean()), float(logits.std(ddof=1)), effective_windows(logits))


@dataclass(frozen=True, slots=True)
class _Asked:
    """The key of a cached simulation; the null itself only rides along."""

    digest: str
    n: int
    alpha: float
    null: Null = field(compare=False, hash=False)


@lru_cache(maxsize=4096)
def _simulated(asked: _Asked) -> float:
    """Simulate windows of `n` rows, measure them, and read the quantile from a Pareto tail."""
    null, rng = asked.null, np.random.default_rng(int(asked.digest, 16))
    truth = _wandering(null, rng)
    size = effective(asked.n, null.rows) / null.wander.design
    distances = null.distance.counts(_sampled(truth, size, rng, smooth=null.distance is not JS), null.pooled)
    return tail_quantile(np.asarray(distances), asked.alpha)


def _wandering(null: Null, rng: np.random.Generator) -> Floats:
    """Draw the true shares of `DRAWS` windows, [DRAWS, fine]: pooled shares, moved by t-distributed effects."""
    wander = null.wander
    if len(wander.loadings) == 0:
        return np.broadcast_to(null.pooled, (DRAWS, len(null.pooled)))
    spread = math.sqrt(1 + 1 / max(wander.effective, 1.0))  # the pooled shares wander too, as a mean of few windows
    effects = rng.standard_t(wander.degrees, size=(DRAWS, len(wander.loadings))) * spread
    moved = np.clip(wander.shares + effects @ wander.loadings, 0.0, None)
    ratio = moved / np.where(wander.shares > 0, wander.shares, 1.0)
    return shares(null.pooled * ratio[:, null.merged])


def _sampled(truth: Floats, size: float, rng: np.random.Generator, *, smooth: bool) -> Floats:
    """Draw `size` rows for each window; for KS, a sum over many bins, the normal limit will do, 10x cheaper."""
    if not smooth:
        return rng.multinomial(max(1, round(size)), truth).astype(float)
    noise = rng.standard_normal(truth.shape) * np.sqrt(truth)
    return np.asarray(truth + (noise - truth * noise.sum(axis=1, keepdims=True)) / math.sqrt(max(size, 1.0)))


def tail_quantile(values: Floats, alpha: float) -> float:
    """Give the upper `alpha` quantile, beyond the sample by a generalised Pareto tail (Hosking and Wallis 1987).

    >>> draws = np.random.default_rng(0).exponential(size=4_000)
    >>> 8 < tail_quantile(draws, 1e-4) < 11  # -ln(1e-4) = 9.2
    True
    """
    if alpha >= TAIL:
        return float(np.quantile(values, 1 - alpha))
    cut = float(np.quantile(values, 1 - TAIL))
    beyond = np.sort(values[values > cut] - cut)
    if len(beyond) < 20:
        return float(values.max())
    weights = 1 - (np.arange(1, len(beyond) + 1) - 0.35) / len(beyond)
    first, second = float(beyond.mean()), float((weights * beyond).mean())
    shape = float(np.clip(2 - first / (first - 2 * second), -0.5, 0.5)) if first > 2 * second else 0.5
    scale = first * (1 - shape)
    ratio = alpha / TAIL
    return cut + (scale * -math.log(ratio) if abs(shape) < 1e-6 else scale / shape * (ratio**-shape - 1))
