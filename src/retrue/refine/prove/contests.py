"""Contests: one metric on one set of rows, what both models come to there, and how sure the difference is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from retrue.core.state import Bools, Floats
from retrue.refine.prove.duels import METRICS, Duel, Role

MIN_ROWS = 50
"""Fewer rows than this prove nothing."""
ONE_CLASS = "only one class among the labels"


@dataclass(frozen=True)
class Contest:
    """One metric on one set of rows.

    Attributes:
        where: the rows: "holdout", "edge cases", or a slice.
        metric: the metric.
        higher_is_better: which way it counts.
        champion: the champion's value, or that of the rival; None where it can't be told.
        challenger: the challenger's.
        difference: challenger - champion.
        interval: of the difference, widened so that all intervals of its family hold together with 95 %.
        n: rows.
        note: why there is no value.
        role: whether it decides, guards, or is only told.
        rival: whom the challenger is compared with.
    """

    where: str
    metric: str
    higher_is_better: bool
    champion: float | None
    challenger: float | None
    difference: float | None
    interval: tuple[float, float] | None
    n: int
    note: str | None = None
    role: Role = "guards"
    rival: str = "champion"

    @property
    def gain(self) -> tuple[float, float] | None:
        """The interval of what is gained: positive is better, whichever way the metric counts."""
        if self.interval is None:
            return None
        low, high = self.interval
        return (low, high) if self.higher_is_better else (-high, -low)

    @property
    def outcome(self) -> str:
        """`better`, `worse`, `even`, or `unknown`."""
        if self.gain is None:
            return "unknown"
        return "better" if self.gain[0] > 0 else "worse" if self.gain[1] < 0 else "even"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the outcome."""
        return {**asdict(self), "outcome": self.outcome}


def prove(duel: Duel, task: str, places: Mapping[str, Bools]) -> list[Contest]:
    """Compare both models on all rows and in each place.

    Args:
        duel: labels and scores of rows that neither model has learned from.
        task: "binary", "multiclass", "classes" (of several, without scores) or "regression".
        places: bool[rows] for each set of rows; the first is the whole, the others form one family of comparisons.

    Returns:
        the contests of the first place with every metric of the task, then the main metric in every other place.
    """
    metrics = METRICS[task]
    main = next(iter(metrics))
    contests: list[Contest] = []
    for i, (where, rows) in enumerate(places.items()):
        names = list(metrics) if i == 0 else [main]
        level = 0.95 if i == 0 else together(len(places) - 1)
        contests.extend(contest(where, name, task, duel.on(rows), level) for name in names)
    return contests


def beside(duel: Duel, task: str, rivals: Mapping[str, Floats]) -> list[Contest]:
    """Compare the challenger by the main metric with what others would have said of the same rows.

    Args:
        duel: labels and scores; the champion's aren't looked at.
        task: as in `prove`.
        rivals: by name their scores, NaN where they say nothing: those rows are left out.
    """
    main = next(iter(METRICS[task]))
    found = []
    for name, scores in rivals.items():
        against = Duel(duel.label, scores, duel.challenger)
        found.append(
            contest("holdout", main, task, against.on(against.known), together(len(rivals)), rival=name, role="told")
        )
    return found


def together(family: int) -> float:
    """The level of one interval of a family that holds together with 95 % (Bonferroni).

    Several places are several chances to be wrong.
    """
    return 1 - 0.05 / max(family, 1)


def contest(
    where: str,
    metric: str,
    task: str,
    duel: Duel,
    level: float = 0.95,
    *,
    rival: str = "champion",
    role: Role | None = None,
    least: int = MIN_ROWS,
) -> Contest:
    """Compare both models in one place by one metric, with an interval of this level.

    With fewer than `MIN_ROWS` rows, which only metrics of single rows are asked for, it is Student's.
    """
    how = METRICS[task][metric]
    n, higher, part = int(duel.label.size), how.higher_is_better, role or how.role
    if n < least:
        return Contest(where, metric, higher, None, None, None, None, n, f"{n} rows, needs {least}", part, rival)
    pair = how.compute(duel)
    if pair is None:
        note = ONE_CLASS if np.unique(duel.label).size < 2 else "some scores are no probabilities"
        return Contest(where, metric, higher, None, None, None, None, n, note, part, rival)
    champion, challenger, error = pair
    difference, reach = challenger - champion, quantile((1 + level) / 2, n) * error
    interval = (difference - reach, difference + reach)
    return Contest(where, metric, higher, champion, challenger, difference, interval, n, None, part, rival)


def quantile(level: float, n: int) -> float:
    """How many standard errors an interval reaches: Student's of few rows, else the normal distribution's."""
    if n >= MIN_ROWS:
        return NormalDist().inv_cdf(level)
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, level))
