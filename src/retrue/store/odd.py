"""Odd values: labels and scores that are taken, and that a sender is told of, as they count for less than he thinks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid
from retrue.core.state import Bools
from retrue.core.values import number_rows
from retrue.store.door import NOT_COUNTED, SET_ASIDE, SKIPPED, Admitted, note

OUTSIDE = "scores outside 0 to 1"
"""What is said of scores that are no probabilities, where those of the reference are."""


def score_columns(outcome: OutcomeGrid | None) -> tuple[str, ...]:
    """The columns of a classifier's scores; none where it has none, or where there is no classifier."""
    if isinstance(outcome, BinaryGrid):
        return () if outcome.score is None else (outcome.score,)
    return tuple(outcome.scores.values()) if isinstance(outcome, MulticlassGrid) else ()


def are_probabilities(outcome: OutcomeGrid | None) -> bool:
    """Whether a classifier's scores are meant as probabilities: raw margins in the reference are no fault later.

    >>> from retrue.core.outcome_grid import score_cuts
    >>> [are_probabilities(BinaryGrid("y", "p", None, "1", score_cuts(some))) for some in (np.ones(9), np.full(9, 2.5))]
    [True, False]
    """
    return isinstance(outcome, BinaryGrid | MulticlassGrid) and bool(np.isin(np.nextafter(1.0, 2.0), outcome.cuts))


def scores_outside(events: pl.DataFrame, columns: tuple[str, ...]) -> Bools:
    """bool[rows]: whether a score of the row lies outside 0 to 1; what is missing doesn't."""
    found = np.zeros(len(events), dtype=bool)
    for name in columns:
        if name in events.columns:
            scores = number_rows(events[name]).to_numpy()  # nulls become NaN, which lies nowhere
            found |= (scores < 0) | (scores > 1)
    return found


def taken(frame: pl.DataFrame, admitted: Admitted) -> pl.Series:
    """uint32[n]: the numbers of the rows that the door took of a frame, as they came."""
    number = pl.int_range(len(frame), dtype=pl.UInt32, eager=True)
    gone = admitted.notes.filter(pl.col("fate").is_in([SET_ASIDE, SKIPPED]))["row"]
    return number.filter(~number.is_in(gone.implode())) if len(gone) else number


def told(admitted: Admitted, numbers: pl.Series, odd: Bools, said: str) -> Admitted:
    """The same with a word on those of some rows that are odd (bool, of each)."""
    if not odd.any():
        return admitted
    noted = note(numbers.filter(pl.Series(odd, dtype=pl.Boolean)), NOT_COUNTED, said)
    return replace(admitted, notes=pl.concat([admitted.notes, noted]))
