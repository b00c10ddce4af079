"""The alarm budget: how many false alarms somebody accepts, and the threshold of each test that follows from it.

    budget + number of tests --> alpha of one test --> threshold on the distance, from the window's size,
    the reference's size and (where there are reference windows) the reference's own wander

A million-row window doesn't cry wolf, and a small one isn't deaf: fixed cut-offs are both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from retrue.core.state import Floats
from retrue.errors import ConfigError
from retrue.judge.distance import Counts, Distance
from retrue.judge.null import MIN_WINDOWS, Null
from retrue.judge.wander import effective_windows, unseen_part

_MAX_ALPHA = 0.05
"""Even one lonely test a month is held to 5 %."""


@dataclass(frozen=True, slots=True)
class Budget:
    """So many false alarms in so many days, over all tests together.

    >>> Budget().alpha(tests=14_400)  # 20 columns, every hour for 30 days
    6.944444444444444e-05
    >>> Budget.parse("2 per week")
    Budget(alarms=2.0, days=7.0)
    """

    alarms: float = 1.0
    days: float = 30.0

    def __post_init__(self) -> None:
        """Refuse a budget that no test can keep."""
        if not (self.alarms > 0 and self.days > 0 and math.isfinite(self.alarms) and math.isfinite(self.days)):
            raise ConfigError(f"an alarm budget of {self.alarms:g} per {self.days:g} days", expected="numbers above 0")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read `1 per 30d`, `2 per week`.

        Raises:
            ConfigError: the text says something else.
        """
        from retrue.config import AlarmBudget  # late: pydantic takes 60 ms, and `compare` never comes here

        read = AlarmBudget.parse(text)
        return cls(read.alarms, read.days)

    def __str__(self) -> str:
        """Print it as `parse` reads it."""
        return f"{self.alarms:g} per {self.days:g}d"

    def alpha(self, tests: float) -> float:
        """Give the false-alarm probability of each of `tests` tests in `days` days (Bonferroni), at most 5 %."""
        return min(_MAX_ALPHA, self.alarms / max(tests, 1.0))


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a distance is held against, and what it is made of.

    Args:
        value: the distance that an alarm must exceed.
        chance: the part that sampling alone explains.
        wander: the threshold with the reference's own variation; None where there are too few reference windows to
            know it.
        floor: the smallest distance worth telling.
    """

    value: float
    chance: float
    wander: float | None
    floor: float

    @property
    def because(self) -> str:
        """Say in words what sets the threshold."""
        if self.value <= self.floor:
            return "the smallest change worth telling"
        if self.wander is not None and self.wander > self.chance:
            return "chance and the reference's own variation explain"
        return "chance explains"


def drift_threshold(
    distance: Distance,
    window: Counts,
    reference: Counts,
    alpha: float,
    *,
    null: Null | None = None,
    floor: float | None = None,
) -> Threshold:
    """Give the threshold for one column's distance in one window.

    Without reference windows (two tables compared) it is the two-sample null in closed form, and the effect-size floor
    keeps large tables from alarming over nothing. With them (`null`) the wander is known, and the floor still holds.

    Args:
        distance: the column's distance.
        window: counts [bins], on the bins that the distance was computed on.
        reference: counts [bins].
        alpha: the false alarms allowed for this one test.
        null: how the column wanders, where that is known.
        floor: the smallest distance worth telling; left out, the distance's own.
    """
    least = distance.floor if floor is None else floor
    chance = distance.chance(window, reference, alpha)
    wander = None if null is None else null.threshold(int(window.sum()), alpha)
    return Threshold(max(least, chance, wander or 0.0), chance, wander, least)


def share_threshold(hits: float, rows: float, n: float, alpha: float) -> float:
    """Give the smallest share of `n` rows that is surprisingly above `hits` of `rows` in the reference.

    By the signed root of the likelihood ratio of two binomials, which holds for rare counts where the normal
    approximation does not. A share above 1 means that no share would be surprising.

    >>> share_threshold(0, 10_000, 1_000, 1e-4) < 0.01 < share_threshold(0, 100, 100, 1e-4)
    True
    """
    wanted = NormalDist().inv_cdf(1 - alpha)
    low, high = hits / rows if rows else 0.0, 1.0
    if n <= 0 or rows <= 0 or surprise(n, n, hits, rows) < wanted:
        return 1.0 + 1e-9
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if surprise(middle * n, n, hits, rows) >= wanted else (middle, high)
    return high


def surprise(x: float, n: float, y: float, m: float) -> float:
    """Give the signed root of the likelihood ratio that x of n and y of m have different shares, about standard normal.

    >>> round(surprise(30, 100, 20, 100), 2), surprise(20, 100, 20, 100)
    (1.64, 0.0)
    """
    pooled = (x + y) / (n + m)
    ratio = 0.0
    for hits, rows in ((x, n), (y, m)):
        ratio += _term(hits, rows * pooled) + _term(rows - hits, rows * (1 - pooled))
    return math.copysign(math.sqrt(max(0.0, 2 * ratio)), x / n - y / m)


def _term(seen: float, expected: float) -> float:
    return seen * math.log(seen / expected) if seen > 0 and expected > 0 else 0.0


def wander_reach(values: Floats, errors: Floats, error: float, alpha: float) -> float | None:
    """Give how far a window's figure may lie from the mean of the reference windows' figures when nothing is wrong.

    The same idea as the hierarchical null, for one number (a missing share, an accuracy): variance beyond the sampling
    error is wander, held to a t quantile with as many degrees of freedom as there are effective windows.

    Args:
        values: the figure in each reference window, in order of time.
        errors: their standard errors.
        error: the standard error of the figure in the window judged.
        alpha: the false alarms allowed for this one test.

    Returns:
        the reach, in the figure's own units; None where fewer than `MIN_WINDOWS` windows are known.
    """
    known = np.isfinite(values) & np.isfinite(errors)
    values, errors = values[known], errors[known]
    if len(values) < MIN_WINDOWS:
        return None
    from scipy.special import stdtrit  # late: half a second when cold, and `compare` never comes here

    excess = max(0.0, float(values.var(ddof=1) - np.mean(errors**2)))
    windows = effective_windows(values)
    wander = math.sqrt(excess * unseen_part(windows) * (1 + 1 / windows)) * float(
        stdtrit(max(3.0, windows - 1), 1 - alpha)
    )
    return math.hypot(wander, error * NormalDist().inv_cdf(1 - alpha))
