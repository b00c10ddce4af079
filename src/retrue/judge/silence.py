"""Silence: windows with no events or far too few, and labels that stopped, judged by what is usual.

Counts are compared as square roots, whose spread hardly depends on their size (Bartlett 1936): a window is silent where
it lies below the median of earlier windows by more than `FAR` robust standard deviations, and by more than half.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrue.core.state import Floats
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import percent, rows

ENOUGH = 8
"""Earlier windows, of production or else of the reference, that tell what is usual."""
FAR = 6.0
"""Robust standard deviations below what is usual: traffic has heavy tails."""
HALF = 0.5
"""And below this share of what is usual: less is for the eye, not an alarm."""
POISSON = 0.5
"""Standard deviation of the square root of a Poisson count."""


def judge_volume(events: int, usual: Sequence[int]) -> Verdict | None:
    """Say whether a window has far too few events; None where it hasn't, or where nobody knows what is usual.

    Args:
        events: of the window.
        usual: of earlier windows that are like it.

    >>> judge_volume(0, [980, 1_010, 995, 1_003, 1_020, 990, 1_001, 1_012]).reason
    'no events; usually about 1,002 rows'
    >>> judge_volume(940, [980, 1_010, 995, 1_003, 1_020, 990, 1_001, 1_012]) is None
    True
    """
    if len(usual) < ENOUGH:
        return None
    roots = np.sqrt(np.asarray(usual, np.float64))
    middle = float(np.median(roots))
    common = round(middle**2)
    least = max(middle - FAR * spread(roots, POISSON), 0.0) ** 2
    if events and (events >= least or events >= HALF * common):
        return None
    if not events and least <= 0:
        return None  # such a window may well be empty
    said = f"only {rows(events)}" if events else "no events"
    reason = f"{said}; usually about {rows(common)}"
    return Verdict(VerdictKind.SILENT, reason, "rows", value=float(events), n=events, threshold=round(least, 1))


def judge_labels(labelled: int, events: int, usual: Sequence[float]) -> Verdict | None:
    """Say whether far fewer of a window's events have a label than is usual, once labels have had time to come.

    Args:
        labelled: events with a label.
        events: of the window.
        usual: the share with a label of earlier windows whose labels have matured.

    >>> judge_labels(3, 100, [0.97] * 8).reason
    'labels stopped: 3 % of 100 rows have one, though all have had time to come; usually 97 %'
    """
    if len(usual) < ENOUGH or not events:
        return None
    shares, share = np.asarray(usual), labelled / events
    middle = float(np.median(shares))
    chance = float(np.sqrt(max(middle * (1 - middle), 1 / events) / events))
    least = min(middle - FAR * spread(shares, chance), HALF * middle)
    if share >= least:
        return None
    reason = (
        f"labels stopped: {percent(share)} of {rows(events)} have one, though all have had time to come; "
        f"usually {percent(middle)}"
    )
    return Verdict(VerdictKind.SILENT, reason, "labelled", value=share, n=events, threshold=round(least, 3))


def spread(values: Floats, least: float) -> float:
    """The standard deviation as the median distance from the median tells it, at least `least`."""
    return max(1.4826 * float(np.median(np.abs(values - np.median(values)))), least)
