"""How well the model did in each bin of each column: what a column's move costs is then arithmetic.

labelled events ──per-event scores──> n, sum and sum of squares by bin      for metrics that are means over events
                ──label x prediction──> counts of each pair by bin           for metrics of the confusion matrix
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from retrue.core.column import SPECIALS, within
from retrue.core.count import bin_amounts, bin_sums
from retrue.core.grid import Grid
from retrue.core.grids import Grids
from retrue.core.outcome_grid import OutcomeGrid
from retrue.core.per_event import event_cells, event_losses, mean_name
from retrue.core.state import Bools, Counts, Fields, Floats, Ints, counted
from retrue.core.values import number_rows
from retrue.core.weighted import read_weights


@dataclass(frozen=True, eq=False)
class BinScores:
    """How well the model did in each bin of a column, over the labelled events of the reference.

    Attributes:
        n: int64[bins + 5], events (specials last); effective ones where they are weighted.
        total: float64[bins + 5], the sum of their scores: 1 for right and 0 for wrong, or |error|, or NDCG.
        squares: float64[bins + 5], the sum of the squared scores.
        cells: int64[bins + 5, k], events by label and prediction, as `event_cells` numbers them; None for other tasks
            than classification, for very many classes, and in references of an older version.
        means: the same for the other metrics that are means over events, by name, without cells; empty in references
            of an older version.
    """

    n: Counts
    total: Floats
    squares: Floats
    cells: Counts | None = None
    means: Mapping[str, BinScores] = field(default_factory=dict)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        """Everything as named arrays."""
        packed: dict[str, Ints | Floats | list[str]] = {"n": self.n, "total": self.total, "squares": self.squares}
        if self.cells is not None:
            packed["cells"] = self.cells.ravel()
        if self.means:
            packed["means"] = list(self.means)
        for i, one in enumerate(self.means.values()):
            packed |= {f"mean{i}/{name}": part for name, part in one.fields().items()}
        return packed

    @classmethod
    def from_fields(cls, fields: Fields) -> BinScores:
        """Rebuild the scores that `fields` came from."""
        total, squares = (np.asarray(fields[name], np.float64) for name in ("total", "squares"))
        n = counted(fields["n"])
        cells = counted(fields["cells"]).reshape(n.size, -1) if "cells" in fields else None
        means = {
            str(name): cls.from_fields(within(f"mean{i}", fields)) for i, name in enumerate(fields.get("means", []))
        }
        return cls(n, total, squares, cells, means)


@dataclass(frozen=True, eq=False)
class Scored:
    """Events with their scores, before they are counted by bin.

    Attributes:
        metrics: float64[rows] by metric, the main one first; NaN where unknown.
        cells: int64[rows], label and prediction as one number, -1 where unknown; and how many numbers there are.
        weights: float64[rows], adding up to their effective n; None: one each.
    """

    metrics: Mapping[str, Floats]
    cells: tuple[Ints, int] | None
    weights: Floats | None

    def by_bin(self, codes: Ints, width: int) -> BinScores:
        """Count them by the bins of one column."""
        main, *others = (self.mean(codes, width, score) for score in self.metrics.values())
        names = list(self.metrics)[1:]
        return BinScores(
            main.n, main.total, main.squares, self.confusion(codes, width), dict(zip(names, others, strict=True))
        )

    def mean(self, codes: Ints, width: int, score: Floats) -> BinScores:
        """Count one metric's scores."""
        known = np.isfinite(score)
        codes, score = (codes, score) if known.all() else (codes[known], score[known])
        weights = None if self.weights is None else self.weights[known]
        own = score if weights is None else score * weights
        return BinScores(
            bin_amounts(codes, width, weights), bin_sums(codes, own, width), bin_sums(codes, own * score, width)
        )

    def confusion(self, codes: Ints, width: int) -> Counts | None:
        """Count labels against predictions."""
        if self.cells is None:
            return None
        cells, k = self.cells
        known = cells >= 0
        weights = None if self.weights is None else self.weights[known]
        return bin_amounts(codes[known].astype(np.int64) * k + cells[known], width * k, weights).reshape(width, k)


def score_bins(grids: Grids, frame: pl.DataFrame, value: str | None = None) -> dict[str, BinScores]:
    """Tell how well the labelled events of `frame` were predicted in each bin; empty where none is labelled.

    Args:
        grids: the reference's grids.
        frame: events.
        value: the column of what an event is worth, whose mean is a metric as well.
    """
    if grids.outcome is None:
        return {}
    score = grids.outcome.event_scores(frame)
    known = np.flatnonzero(np.isfinite(score))
    if known.size == 0:
        return {}
    labelled, score, weights = frame[known], score[known], None
    if grids.weight is not None:
        kept, weights = effective_weights(labelled[grids.weight])
        labelled, score = labelled.filter(pl.Series(kept)), score[kept]
    scored = Scored(metrics_of(grids.outcome, labelled, score, value), event_cells(grids.outcome, labelled), weights)
    found = grids.each(labelled)
    return {name: score_column(grids.columns[name], values, scored) for name, values in found}


def metrics_of(grid: OutcomeGrid, labelled: pl.DataFrame, score: Floats, value: str | None) -> dict[str, Floats]:
    """float64[rows] by metric: the main one, the others of the task, and the mean of the value."""
    found = {grid.score_metric: score, **event_losses(grid, labelled)}
    if value is not None and value in labelled.columns:
        found[mean_name(value)] = number_rows(labelled[value]).fill_null(float("nan")).to_numpy()
    return found


def effective_weights(series: pl.Series) -> tuple[Bools, Floats]:
    """bool[rows], which rows have a weight; and float64: their weights, adding up to their effective n."""
    weights, kept = read_weights(series)
    return kept, weights * (weights.sum() / max(float((weights * weights).sum()), 1e-300))


def score_column(grid: Grid, values: pl.Series, scored: Scored) -> BinScores:
    """Tell how well labelled events were predicted in each bin of one column."""
    return scored.by_bin(grid.codes(values), grid.bins + len(SPECIALS))
