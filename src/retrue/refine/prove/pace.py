"""Pace: how long champion and challenger take for an answer, measured in turns on the same rows.

A machine that is busy with something else slows both; their ratio, turn by turn, is what can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

LEAST = 6
"""Turns without which no two of them hold the median with 95 %: 1 - 2 / 2^6 is 97 %, 1 - 2 / 2^5 is 94 %."""


@dataclass(frozen=True)
class Pace:
    """How long answers take.

    Attributes:
        champion: median seconds for one row alone, None where its artefact isn't here.
        challenger: the same.
        ratio: challenger over champion, the median over turns.
        interval: its 95 % interval, from the order of the turns (distribution-free); None of fewer than `LEAST`.
        batch: rows in a batch.
        champion_batch: median seconds for a batch.
        challenger_batch: the same.
        turns: how often each was asked.
        sizes: bytes of the artefacts, champion and challenger; None where there is none.
    """

    champion: float | None
    challenger: float
    ratio: float | None
    interval: tuple[float, float] | None
    batch: int
    champion_batch: float | None
    challenger_batch: float
    turns: int
    sizes: tuple[int | None, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def pace(
    single: tuple[Sequence[float], Sequence[float]],
    batches: tuple[Sequence[float], Sequence[float]],
    *,
    batch: int,
    sizes: tuple[int | None, int],
) -> Pace:
    """Put measured seconds together.

    Args:
        single: seconds of the champion (none where it isn't here) and of the challenger, turn by turn, one row.
        batches: the same for a batch.
        batch: rows in a batch.
        sizes: bytes of both artefacts.

    >>> pace(([1.0, 2.0, 9.0], [2.0, 4.0, 9.0]), ([], [1.0]), batch=100, sizes=(None, 10)).ratio
    2.0
    """
    ratios = np.sort(np.divide(single[1], single[0])) if len(single[0]) else np.empty(0)
    return Pace(
        champion=median(single[0]),
        challenger=float(np.median(single[1])),
        ratio=float(np.median(ratios)) if ratios.size else None,
        interval=median_interval(ratios.tolist()) if ratios.size >= LEAST else None,
        batch=batch,
        champion_batch=median(batches[0]),
        challenger_batch=float(np.median(batches[1])),
        turns=len(single[1]),
        sizes=sizes,
    )


def median(values: Sequence[float]) -> float | None:
    """The median; None of nothing."""
    return float(np.median(values)) if len(values) else None


def median_interval(ordered: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a median by order statistics: n/2 +- 0.98 sqrt(n) places (Conover 1999, section 3.2)."""
    reach, n = 0.98 * len(ordered) ** 0.5, len(ordered)
    low, high = int(np.floor(n / 2 - reach)), int(np.ceil(n / 2 + reach))
    return ordered[max(low, 0)], ordered[min(high, n - 1)]
