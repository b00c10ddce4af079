"""How the shares of a column wander from window to window, beyond what sampling explains.

counts [W, bins] --merge, fold--> counts on ~16 bins --learn_wander--> directions of wander, effective windows
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrue.core.state import Floats
from retrue.judge.distance import Counts
from retrue.metrics.drift.divergence import shares


@dataclass(frozen=True, slots=True)
class Wander:
    """How the shares of merged bins wander from window to window beyond sampling noise.

    Args:
        shares: pooled shares on the merged bins, [k].
        loadings: one row for each direction kept, in shares, [r, k]: how far the next window lies off, as a standard
            deviation.
        effective: windows that count after autocorrelation.
        design: how much larger the remaining noise is than multinomial noise, >= 1.
    """

    shares: Floats
    loadings: Floats
    effective: float
    design: float

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the t-distributed effects; at least 3, so that they have a variance."""
        return max(3.0, self.effective - 1.0)

    @property
    def size(self) -> float:
        """Standard deviation of the wander, all directions together, in shares."""
        return float(np.sqrt((self.loadings**2).sum()))


def learn_wander(counts: Counts, bases: Counts | None = None) -> Wander:
    """Learn how far the merged shares of windows lie from what they are compared with.

    In coordinates divided by sqrt(p) multinomial noise is white with variance mean(1/n), so what sticks out of its
    Marchenko-Pastur edge is wander; small excess spread over all directions inflates the noise instead (a design
    effect). The loadings are those of the next window: larger than what these windows show of themselves, as they stay
    near a mean of their own (`unseen_part`), and as their pool is off by as much as it wanders.

    Args:
        counts: [W, k] rows of each window on the merged bins, in order of time; every window has some.
        bases: [W, k] rows of what each is compared with; left out, it is their pool.
    """
    pooled = shares(counts.sum(axis=0) if bases is None else counts.sum(axis=0) + bases.sum(axis=0))
    used = pooled > 0
    root = np.sqrt(pooled[used])
    middle = pooled if bases is None else shares(bases)
    scaled = ((shares(counts) - middle)[:, used]) / root
    noise = float(np.mean(1.0 / counts.sum(axis=1)))
    noise += 0.0 if bases is None else float(np.mean(1.0 / bases.sum(axis=1)))
    windows, k = scaled.shape
    values, vectors = np.linalg.eigh(scaled.T @ scaled / max(windows - (bases is None), 1))
    edge = noise * (1 + math.sqrt(max(k - 1, 1) / windows)) ** 2
    kept = values > edge
    loadings = np.zeros((int(kept.sum()), len(pooled)))
    loadings[:, used] = (vectors[:, kept] * np.sqrt(values[kept] - noise)).T * root
    rest = values[~kept][1:] if k > 1 else values[:0]  # the smallest is the constraint that shares sum to one
    design = _design_effect(rest, noise, windows)
    if not kept.any():
        return Wander(pooled, loadings, float(windows), design)
    signal = float(1 - noise / values[-1])  # the share of the leading score's variance that is wander
    effective = effective_windows(scaled @ vectors[:, -1], signal)
    further = 1.0 if bases is not None else unseen_part(effective) * (1 + 1 / max(effective, 1.0))
    return Wander(pooled, loadings * math.sqrt(further), effective, design)


def _design_effect(values: Floats, noise: float, windows: int) -> float:
    """Inflation of the noise in the directions not kept, where it is beyond two standard errors; else 1."""
    if len(values) == 0 or noise <= 0:
        return 1.0
    ratio = float(values.mean()) / noise
    return max(1.0, ratio) if ratio > 1 + 2 * math.sqrt(2 / (len(values) * windows)) else 1.0


def effective_windows(series: Floats, signal: float = 1.0) -> float:
    """Give W (1 - a) / (1 + a), the windows that count, with `a` the lag-1 autocorrelation.

    `a` is corrected for its bias (Kendall 1954).

    Args:
        series: a figure of each window in order of time.
        signal: the share of the series' variance that isn't sampling noise; noise hides autocorrelation, so `a` is
            divided by it.

    >>> effective_windows(np.array([1.0, -1.0] * 20))  # never more than there are
    40.0
    """
    count = len(series)
    centred = series - series.mean()
    power = float((centred**2).sum())
    if count < 3 or power <= 0:
        return float(count)
    lag = float((centred[1:] * centred[:-1]).sum()) / power
    lag = min(0.98, (lag + (1 + 4 * lag) / count) / max(signal, 0.1)) if lag > 0 else 0.0
    return count * (1 - lag) / (1 + lag)


def unseen_part(windows: float) -> float:
    """By how much the variance is larger than windows that resemble each other show (Bayley and Hammersley 1946).

    They stay near their own mean, which wanders too: of `W` that count, 1 - 1/W of the variance is seen. At most 3.

    >>> unseen_part(100.0) < 1.02, unseen_part(2.0)
    (True, 2.0)
    """
    return 1 / (1 - 1 / max(windows, 1.5))


# --- merging bins ---


def width(places: npt.NDArray[np.intp]) -> int:
    """Give the number of bins that `places` point to."""
    return int(places.max()) + 1


def merge_neighbours(counts: Counts, bins: int) -> npt.NDArray[np.intp]:
    """Merge neighbours to at most `bins` of about equal mass."""
    if len(counts) <= bins:
        return np.arange(len(counts))
    middle = np.cumsum(shares(counts)) - shares(counts) / 2
    places = np.minimum((middle * bins).astype(np.intp), bins - 1)
    return np.unique(places, return_inverse=True)[1].astype(np.intp)


def merge_smallest(counts: Counts, bins: int) -> npt.NDArray[np.intp]:
    """Keep the `bins` - 1 largest and put the rest together, last."""
    if len(counts) <= bins:
        return np.arange(len(counts))
    places = np.full(len(counts), bins - 1, dtype=np.intp)
    largest = np.sort(np.argsort(-counts, kind="stable")[: bins - 1])
    places[largest] = np.arange(bins - 1)
    return places


def merge_rare(counts: Counts, rows: float, bins: int) -> npt.NDArray[np.intp]:
    """Keep categories (`bins` - 1 at most) that a usual window holds 8 times, and put the rest together, last."""
    common = int((shares(counts) * rows >= 8).sum())
    return merge_smallest(counts, min(common + 1, bins))
