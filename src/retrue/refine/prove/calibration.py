"""Calibration: of the events that a model gives 30 %, do 30 % happen?

* Bins of equal numbers of rows (adaptive calibration error, Nixon et al. 2019): the mean distance, and the root of the
  mean square of it *without what chance adds* (the unbiased estimate of Kumar, Liang and Ma 2019), with an interval:
  a model that is right looks off by a little in every finite sample, the plain mean distance is never 0.
* Slope and intercept of the labels on the model's log odds (Cox 1958): 1 and 0 are right, a slope below 1 says that
  the model is too sure of itself.
* The Brier score in parts (Murphy 1973): reliability - resolution + uncertainty.

Of several classes it is the most probable one whose score is judged. Of numbers the same is asked: are those that are
predicted at 30 at 30 on average? Errors are in standard deviations of the label then.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from retrue.core.state import Floats

BINS = 15
"""Bins of equal numbers of rows; fewer where that leaves less than `LEAST` in each."""
LEAST = 20
Z = 1.959964
CLIP = 1e-6
"""Log odds are those of a probability at least so far from 0 and 1."""
STEPS = 50


@dataclass(frozen=True)
class Calibration:
    """How well what a model says agrees with what happens.

    Attributes:
        error: root mean square distance between said and seen, chance taken off; a probability, or standard deviations
            of the label.
        interval: its 95 % interval.
        ece: mean distance between said and seen, as it is usually told.
        slope: of the labels on what was said; 1 is right. None where it can't be fitted.
        slope_interval: its 95 % interval.
        intercept: what is said too little, in log odds or in the label's unit.
        reliability: of the Brier score; with `resolution` and `uncertainty` None for numbers.
        resolution: how far the bins' rates lie apart.
        uncertainty: what nobody who doesn't know the event could do better.
        n: rows.
        bins: of each, mean of what was said, mean of what was seen, rows.
    """

    error: float
    interval: tuple[float, float]
    ece: float
    slope: float | None
    slope_interval: tuple[float, float] | None
    intercept: float | None
    reliability: float | None
    resolution: float | None
    uncertainty: float | None
    n: int
    bins: tuple[tuple[float, float, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def calibrate(label: Floats, scores: Floats, task: str) -> Calibration | None:
    """Judge a model's calibration; None where its scores are no probabilities, or too few.

    Args:
        label: float64[rows]; see `Duel`.
        scores: float64[rows] or float64[rows, classes].
        task: "binary", "multiclass" or "regression"; another has nothing to judge.
    """
    if task == "multiclass":
        scores, label = scores.max(axis=1), (scores.argmax(axis=1) == label).astype(np.float64)
    share = task in ("binary", "multiclass")
    if not (share or task == "regression") or label.size < 2 * LEAST:
        return None
    if share and not ((scores >= 0) & (scores <= 1)).all():
        return None
    unit = 1.0 if share else float(label.std())
    return of_bins(label, scores, unit, share=share) if unit > 0 else None


def of_bins(label: Floats, scores: Floats, unit: float, *, share: bool) -> Calibration:
    """Judge by bins of what was said; errors in units of `unit`."""
    parts = np.array_split(np.argsort(scores, kind="stable"), max(min(BINS, label.size // LEAST), 1))
    weight = np.array([part.size for part in parts]) / label.size
    said, seen = (np.array([values[part].mean() for part in parts]) for values in (scores, label))
    chance = np.array([(label[part] - scores[part]).var(ddof=1) / part.size for part in parts]) / unit**2
    gap = (seen - said) / unit
    interval, error = debiased(weight, gap, chance)
    slope, spread, intercept = (logistic if share else straight)(label, scores)
    rate = label.mean()
    return Calibration(
        error=error,
        interval=interval,
        ece=float(weight @ np.abs(gap)),
        slope=slope,
        slope_interval=None if slope is None or spread is None else (slope - Z * spread, slope + Z * spread),
        intercept=intercept,
        reliability=float(weight @ (seen - said) ** 2) if share else None,
        resolution=float(weight @ (seen - rate) ** 2) if share else None,
        uncertainty=float(rate * (1 - rate)) if share else None,
        n=int(label.size),
        bins=tuple((float(a), float(b), int(part.size)) for a, b, part in zip(said, seen, parts, strict=True)),
    )


def debiased(weight: Floats, gap: Floats, chance: Floats) -> tuple[tuple[float, float], float]:
    """The interval and the value of the root mean square gap, from the gaps and their sampling variances.

    A squared gap is too large by its variance on average; its own variance is 4 gap^2 v + 2 v^2, as of a normal.
    """
    square = float(weight @ (gap**2 - chance))
    spread = Z * float(np.sqrt(weight**2 @ (4 * np.maximum(gap**2 - chance, 0) * chance + 2 * chance**2)))
    low, value, high = (float(np.sqrt(max(one, 0.0))) for one in (square - spread, square, square + spread))
    return (low, high), value


Line = tuple[float | None, float | None, float | None]
"""Slope, its standard error, intercept."""


def logistic(label: Floats, scores: Floats) -> Line:
    """Logistic regression of 0-1 labels on log odds, by Newton's method; nothing where it doesn't settle."""
    inside = np.clip(scores, CLIP, 1 - CLIP)
    design = np.column_stack([np.ones(label.size), np.log(inside / (1 - inside))])
    if np.ptp(design[:, 1]) == 0 or label.min() == label.max():
        return None, None, None
    found = np.zeros(2)
    for _ in range(STEPS):
        rate = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        bend = design.T @ (design * (rate * (1 - rate))[:, None])
        if np.linalg.cond(bend) > 1e12:
            return None, None, None
        step = np.linalg.solve(bend, design.T @ (label - rate))
        found = found + step
        if np.abs(step).max() < 1e-8:
            return float(found[1]), float(np.sqrt(np.linalg.inv(bend)[1, 1])), float(found[0])
    return None, None, None


def straight(label: Floats, scores: Floats) -> Line:
    """Least squares of labels on predictions, the error of the slope robust to unequal spread (White 1980)."""
    apart = scores - scores.mean()
    whole = float(apart @ apart)
    if whole == 0:
        return None, None, None
    slope = float(apart @ label) / whole
    left = label - label.mean() - slope * apart
    error = float(np.sqrt((apart**2) @ (left**2))) / whole
    return slope, error, float(label.mean() - slope * scores.mean())
