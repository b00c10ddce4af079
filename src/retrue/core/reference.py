"""The reference: what the model was trained or validated on, as everything later needs it.

Grids and the profile; how well the model did in each bin (so that a moved feature's cost is arithmetic); and how the
reference's own windows wander (so that a threshold knows what is normal).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.core.state import Floats, Ints


@dataclass(frozen=True, eq=False)
class BinScores:
    """How well the model did in each bin of a column: `n` labelled events and the `total` of their scores.

    Both have bins + 5 entries, specials last. The score is 1 for right and 0 for wrong, or -|error|, or NDCG.
    """

    n: Ints
    total: Floats

    def __add__(self, other: BinScores) -> BinScores:
        return BinScores(self.n + other.n, self.total + other.total)


@dataclass(frozen=True, eq=False)
class Wander:
    """How a column's bins vary over the reference's own windows, in time order: counts int64[W, coarse bins + 5]."""

    counts: Ints


@dataclass(frozen=True, eq=False)
class Reference:
    """What later windows are compared with.

    Attributes:
        grids: how columns and outcomes are counted.
        profile: all of the reference.
        scores: for each column how well the model did in each bin; empty where the reference has no labels.
        wander: for each column its reference windows; empty where the reference has no time or too few windows.
    """

    grids: Grids
    profile: Profile
    scores: Mapping[str, BinScores] = field(default_factory=dict)
    wander: Mapping[str, Wander] = field(default_factory=dict)


def score_bins(grids: Grids, frame: pl.DataFrame) -> dict[str, BinScores]:
    """Tell how well the labelled events of `frame` were predicted in each bin; empty where none is labelled."""
    if grids.outcome is None:
        return {}
    score = grids.outcome.correct(frame)
    known = np.flatnonzero(~np.isnan(score))
    if known.size == 0:
        return {}
    labelled, score = frame[known], score[known]
    return {name: score_column(grids, name, labelled, score) for name in grids.columns}


def score_column(grids: Grids, name: str, labelled: pl.DataFrame, score: Floats) -> BinScores:
    """Tell how well labelled events were predicted in each bin of one column."""
    grid, source = grids.columns[name], grids.sources[name]
    width = grid.bins + 5
    if source.column not in labelled.columns:
        return BinScores(np.zeros(width, np.int64), np.zeros(width))
    codes = grid.codes(source.of(labelled[source.column]))
    return BinScores(np.bincount(codes, minlength=width).astype(np.int64), np.bincount(codes, score, minlength=width))
