"""What a retraining is expected to bring: of what is lost, the part that is won back, its worth, and its cost.

    what is lost      gap: how far performance lies below the reference, by labels or estimated
    what is won back  x the share of such gaps that past retrainings closed (shrunk to a half), x the learning curve at
                        so many new labels; or what cheap fits on parts of them have shown
    what it is worth  x traffic x the value of a point x how long it is counted for
                      x the chance that its proof finds it better: what is refused brings nothing
    what it costs     a run, and its labels

The gain is an expectation with an interval; a gap that may be chance is shrunk by how well it is known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrue.metrics.measure import Z95
from retrue.refine.policy import DAY, RetrainingPolicy

SHARE, SHARE_ERROR, PRIOR = 0.5, 0.3, 2.0
"""The share of a gap that a retraining closes before any was seen, its standard deviation, and how many runs it is
worth as evidence."""
SCALE = 300.0
"""The usual learning curve: what is left to be learned falls as 1 / sqrt(1 + n / SCALE)."""
EXPONENTS = (0.25, 0.5, 0.75, 1.0)
"""Of curves that are fitted; with fewer than four points no more can be told."""


@dataclass(frozen=True)
class Gap:
    """How far performance lies below what the champion showed when it was promoted.

    Attributes:
        metric: the metric.
        value: what is lost, in its unit; below 0 it does better.
        error: standard error, chance and the usual wandering of windows together.
        point: a point of it in its unit.
        source: "labels" or "estimate".
        rows: that it is known from.
    """

    metric: str
    value: float
    error: float
    point: float
    source: str
    rows: int

    @property
    def shrunk(self) -> float:
        """What is to be expected of it: nothing below 0, and the less the worse it is known."""
        if self.value <= 0:
            return 0.0
        return self.value * self.value**2 / (self.value**2 + self.error**2)


@dataclass(frozen=True)
class Past:
    """A retraining: the gap at the time, what its proof showed (gain with standard error), and its new labels."""

    gap: float
    gain: float
    error: float
    rows: int


@dataclass(frozen=True)
class Curve:
    """What cheap fits on parts of the new labels gained over the champion, on later rows: paired, with errors.

    Attributes:
        rows: new labels that they learned from.
        gains: what each gained.
        errors: standard errors.
        original: share of the weight that original data had in them, the better of those that were tried.
        most: what the champion leaves to be gained on these rows, for nobody is right more than always; None: unknown.
    """

    rows: tuple[int, ...]
    gains: tuple[float, ...]
    errors: tuple[float, ...]
    original: float = 0.5
    most: float | None = None


@dataclass(frozen=True)
class Situation:
    """What is known when somebody asks.

    Attributes:
        gap: what is lost; None where nobody can tell.
        traffic: rows a day.
        rows: new labels that have matured since the champion's training, what a run would learn from.
        labels: how many of them no run has learned from, or was proven on: those a run has to pay for.
        since: seconds since the last run; None where there was none.
        broken: live incidents that say that the data are broken, in words.
        incidents: other live incidents that alarm, in words.
        past: earlier runs, whoever started them.
        curve: what cheap fits have shown.
        spoilt: labelled rows of windows in which the data were broken, which a run leaves out.
        unfitted: why there is no curve though there is a trainer, in words.
        judged: whether any window was ever judged, which is what tells the gap.
    """

    gap: Gap | None
    traffic: float
    rows: int
    labels: int
    since: float | None = None
    broken: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    past: tuple[Past, ...] = ()
    curve: Curve | None = None
    spoilt: int = 0
    unfitted: str | None = None
    judged: bool = True


@dataclass(frozen=True)
class Expected:
    """What a run is expected to bring.

    Attributes:
        gain: of the metric, in its unit.
        interval: 95 %.
        share: of the gap that a run closes, given enough labels.
        learned: how much of that so many labels teach, 0 to 1.
        chance: that a proof finds it better, 0 to 1.
        worth: of the gain over the horizon, by that chance.
        cost: of the run and its labels.
    """

    gain: float
    interval: tuple[float, float]
    share: float
    learned: float
    chance: float
    worth: float
    cost: float


def expected(situation: Situation, policy: RetrainingPolicy) -> Expected | None:
    """What a run is expected to bring; None where no gap is known."""
    gap = situation.gap
    if gap is None:
        return None
    share, share_error = closed_share(situation.past)
    learned = taught(situation.rows)
    if situation.curve is not None:
        gain, error = at_rows(situation.curve, situation.rows)
        noise = situation.curve.errors[-1]
    else:
        gain = gap.shrunk * share * learned
        error = learned * math.hypot(share * gap.error, share_error * gap.shrunk)
        noise = gap.error
    chance = passes(gain, error, noise)
    value = policy.point * situation.traffic * policy.horizon / DAY / gap.point
    cost = policy.run + policy.label * situation.labels
    ends = (gain - Z95 * error, gain + Z95 * error)
    return Expected(gain, ends, share, learned, chance, chance * gain * value, cost)


def passes(gain: float, error: float, noise: float) -> float:
    """The chance that a proof finds a challenger better: that what it measures lies above its own 95 % interval.

    The gain is known with `error`, the proof measures it with `noise` (standard errors): it passes where
    N(gain, error^2 + noise^2) > 1.96 noise.

    >>> [round(passes(gain, 0.02, 0.01), 2) for gain in (0.0, 0.02, 0.1)]
    [0.19, 0.51, 1.0]
    """
    spread = math.hypot(error, noise)
    return float(gain > 0) if spread == 0 else 0.5 * math.erfc((Z95 * noise - gain) / spread / math.sqrt(2))


def closed_share(past: Sequence[Past]) -> tuple[float, float]:
    """The share of a gap that a run closes, and its standard deviation: past runs, shrunk to what is usual.

    >>> closed_share([])
    (0.5, 0.3)
    >>> share, error = closed_share([Past(0.1, 0.08, 0.01, 5_000), Past(0.1, 0.09, 0.01, 5_000)])
    >>> round(share, 2), round(error, 2)
    (0.75, 0.21)
    """
    shares, weights = [SHARE], [PRIOR]
    for run in past:
        if run.gap > 0:
            shares.append(min(max(run.gain / run.gap / max(taught(run.rows), 0.2), 0.0), 1.0))
            # A gain that is known badly against its gap tells little.
            weights.append(1 / (1 + (run.error / run.gap) ** 2))
    total = sum(weights)
    return float(np.average(shares, weights=weights)), SHARE_ERROR * math.sqrt(PRIOR / total)


def taught(n: float) -> float:
    """How much of what there is to learn so many labels teach.

    >>> [round(taught(n), 2) for n in (0, 300, 3_000, 30_000)]
    [0.0, 0.29, 0.7, 0.9]
    """
    return 1 - 1 / math.sqrt(1 + n / SCALE)


def at_rows(curve: Curve, n: int) -> tuple[float, float]:
    """The gain at so many rows and its standard error: a power law through what cheap fits have shown.

    gain(n) = a - b n^-c with b >= 0, by weighted least squares for each c of `EXPONENTS`; the mean of the answers, as
    so few points can't tell them apart, and their spread is part of the error. No more than the champion leaves.

    >>> gain, error = at_rows(Curve((250, 500, 1_000), (0.02, 0.03, 0.037), (0.004, 0.004, 0.004)), 2_000)
    >>> 0.04 < gain < 0.05, 0.004 < error < 0.01
    (True, True)
    >>> round(at_rows(Curve((50, 100), (-0.09, -0.01), (0.02, 0.01), most=0.004), 2_000)[0], 6)
    0.004
    """
    x, y = np.array(curve.rows, np.float64), np.array(curve.gains)
    weights = 1 / np.maximum(np.array(curve.errors), 1e-12)
    found = [y[-1]]
    for exponent in EXPONENTS if x.size > 1 else ():
        design = np.column_stack([np.ones_like(x), -((x / x[-1]) ** -exponent)])
        a, b = np.linalg.lstsq(design * weights[:, None], y * weights, rcond=None)[0]
        found.append(a - b * (n / x[-1]) ** -exponent if b > 0 else float(np.average(y, weights=weights**2)))
    answers = np.minimum(found[1:] or found, math.inf if curve.most is None else curve.most)
    return float(answers.mean()), float(math.hypot(curve.errors[-1], answers.std()))
