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
from retrue.judge.distance import JS, Counts, Distance, chi2_quantile, effective
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

DRAWS = 4_000
"""Windows simulated."""

MODES = 3
"""Directions in which wild worlds move further: the largest waves of a bridge, and of the wander."""

RARE = 1e-5
"""What wild worlds make common."""


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
        merged = merge_neighbours(fine.sum(axis=0), MERGED) if ordered else merge_smallest(fine.sum(axis=0), MERGED)
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
    alpha: float
    null: Null = field(compare=False, hash=False)


@lru_cache(maxsize=4096)
def _simulated(asked: _Asked) -> float:
    """Simulate windows of `n` rows, measure them, and read the quantile."""
    null, ordered = asked.null, asked.null.distance is not JS
    kept = null.wander.loadings[::-1]  # the largest first
    drawn = _drawn(len(null.pooled), len(kept), round(null.wander.degrees, 1), ordered=ordered)
    pooled, noise = null.pooled, 1 / math.sqrt(max(effective(asked.n, null.rows) / null.wander.design, 1e-9))
    at_home = np.where(null.wander.shares > 0, null.wander.shares, 1.0)
    loadings = (kept / at_home)[:, null.merged] * pooled
    if ordered:
        places = np.rint(np.cumsum(pooled) * FINE).astype(np.intp).clip(0, FINE)
        gaps = noise * drawn.noise[:, places] + drawn.effects @ np.cumsum(loadings, axis=1)
        return weighted_quantile(np.abs(gaps).max(axis=1), drawn.weights, asked.alpha)
    least = pooled[pooled > 0] * min(asked.n, null.rows)
    noise *= math.sqrt(1 + float(np.mean(1 / (2 * least))))  # as in `js_chance`
    root = np.sqrt(pooled)
    white = drawn.noise - (drawn.noise @ root)[:, None] * root
    drift = np.clip(pooled + drawn.effects @ loadings, 0.0, None)
    moved = (np.sqrt(drift) + noise / 2 * white) ** 2  # counts are about normal with equal variance in their roots
    return weighted_quantile(np.asarray(null.distance.counts(moved, pooled)), drawn.weights, asked.alpha)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """Windows drawn once for all columns of a shape: sampling noise in standard form, effects, and their weights."""

    noise: Floats
    effects: Floats
    weights: Floats


@lru_cache(maxsize=256)
def _drawn(bins: int, directions: int, degrees: float, *, ordered: bool) -> _Drawn:
    """Draw `DRAWS` windows, half of them wild in their noise, half in their effects, half in the effects' spread.

    Importance sampling with defensive mixtures (Hesterberg 1995, "Weighted average importance sampling and defensive
    mixture distributions"): what the world does once in a million windows, a wild one does often, and each window
    counts by how much likelier it is in the real one.

    Args:
        bins: bins simulated; the noise of ordered ones is a Brownian bridge on `FINE` + 1 points.
        directions: directions of wander.
        degrees: of freedom of the effects, a multivariate t.
        ordered: whether bins are ordered.
    """
    rng, turn = np.random.default_rng([bins, directions]), np.arange(DRAWS)
    width = FINE - 1 if ordered else bins
    noise, effects = rng.standard_normal((DRAWS, width)), rng.standard_normal((DRAWS, directions))
    weights = np.full(DRAWS, 1 / DRAWS)
    for block, wild in ((noise[:, : MODES if ordered else width], turn % 2), (effects[:, :MODES], turn // 2 % 2)):
        if block.shape[1]:
            stretch = math.sqrt(chi2_quantile(block.shape[1], RARE) / block.shape[1])
            block[wild == 1] *= stretch
            gain = (block**2).sum(axis=1) / 2 * (1 - stretch**-2) - block.shape[1] * math.log(stretch)
            weights *= _weight(gain)
    square, shrink = rng.chisquare(degrees, DRAWS), _shrink(degrees)
    square[turn // 4 % 2 == 1] *= shrink
    weights *= _weight(-degrees / 2 * math.log(shrink) - square * (1 / shrink - 1) / 2)
    effects *= np.sqrt(degrees / square)[:, None]
    return _Drawn((_bridge(noise) if ordered else noise).astype(np.float32), effects.astype(np.float32), weights)


def _weight(gain: Floats) -> Floats:
    """Give the weights of draws that are likelier in the wild world by these logarithms."""
    return np.asarray(2 / (1 + np.exp(np.clip(gain, -500, 500))))


def _shrink(degrees: float) -> float:
    """By how much a wild world shrinks the chi-square under a t: to about its lower 1 in 1,000 (Wilson, Hilferty)."""
    scale = 2 / (9 * degrees)
    return max(1 - scale - 3.09 * math.sqrt(scale), 0.5) ** 3


def _bridge(normals: Floats) -> Floats:
    """Make Brownian bridges on `FINE` + 1 points of [draws, FINE - 1] normals, the largest waves first.

    Their Karhunen-Loeve series (Shorack and Wellner 1986, "Empirical processes", 5.2), for a bridge on a lattice.
    """
    wave = np.arange(1, FINE)
    size = 1 / (2 * FINE * np.sin(math.pi * wave / (2 * FINE)))
    waves = math.sqrt(2) * np.sin(math.pi * np.outer(wave, np.arange(FINE + 1)) / FINE)
    return np.asarray(normals @ (size[:, None] * waves))


def weighted_quantile(values: Floats, weights: Floats, alpha: float) -> float:
    """Give the value that a share `alpha` of the weight lies above.

    >>> weighted_quantile(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.3, 0.2]), 0.25)
    2.0
    """
    order = np.argsort(values)[::-1]
    place = int(np.searchsorted(np.cumsum(weights[order]), alpha, side="right"))
    return float(values[order[min(place, len(values) - 1)]])
