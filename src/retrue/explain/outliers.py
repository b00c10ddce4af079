"""Outliers: how odd each event is, even a single one, against the reference.

    events --Places--> a normal score for each column --distance or forest--> score --reference's own--> rarity

The robust distance sees values that are odd by themselves and pairs that don't go together; the isolation forest also
empty places between. Both work on ranks and rarities, so that units and long tails don't matter.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from retrue.core.grids import Grids
from retrue.errors import TableError
from retrue.explain.places import Places, thinned
from retrue.slices import Slice

Floats = npt.NDArray[np.float64]
Scorer = Callable[[Floats], Floats]
"""From normal scores [rows, columns] to how odd each row is, [rows]."""

SHRINK = 0.1
"""How much of the correlations is taken to be noise: it bounds what two columns that should be equal can add."""
TREES = 100
"""Path lengths settle well before so many (Liu, Ting and Zhou 2008, section 4)."""
TELLING = 0.1
"""A column's part of a row's oddity, relative to the largest, from which it is told."""
CHUNK = 65_536
"""Rows that are scored at a time."""


@dataclass(frozen=True, eq=False)
class Outliers:
    """How odd events are against a reference.

    Args:
        places: where rows stand.
        scorer: how odd a row is from where it stands.
        ordered: the scores of the reference's own rows, ascending.
        method: "distance" or "forest".
    """

    places: Places
    scorer: Scorer
    ordered: Floats
    method: str

    @classmethod
    def fit(
        cls,
        grids: Grids,
        reference: pl.DataFrame,
        columns: Collection[str] | None = None,
        *,
        method: Literal["distance", "forest"] = "distance",
    ) -> Outliers:
        """Learn from a reference what is usual.

        Args:
            grids: its grids.
            reference: its rows; at most 20,000 of them, evenly spread, are used.
            columns: which columns of the table to look at (features, as a rule); left out, all that the grids know.
            method: "distance": Mahalanobis on normal scores, a Gaussian copula (Nelsen 2006, section 2.3);
                "forest": isolation forest (Liu, Ting and Zhou 2008; scikit-learn).

        Raises:
            TableError: no rows or no columns to learn from; or an unknown method.
        """
        if method not in _METHODS:
            raise TableError(f"unknown method {method!r}", where="Outliers.fit", expected=" or ".join(_METHODS))
        rows = thinned(reference)
        places = Places.fit(grids, rows, columns)
        usual = places.oddity(places.codes(rows))
        scorer = _METHODS[method](usual)
        return cls(places, scorer, np.sort(scorer(usual)), method)

    def score(self, frame: pl.DataFrame) -> Floats:
        """float64[rows]: how odd each row is; higher is odder."""
        parts = [self.scorer(self._scores(part)) for part in frame.iter_slices(CHUNK)] if frame.height else []
        return np.concatenate(parts) if parts else np.zeros(0)

    def rarity(self, frame: pl.DataFrame) -> Floats:
        """float64[rows]: the share of the reference's rows that are at least as odd; never 0, as rows are finite."""
        odder = len(self.ordered) - np.searchsorted(self.ordered, self.score(frame), side="left")
        return np.asarray((1 + odder) / (1 + len(self.ordered)))

    def why(self, frame: pl.DataFrame, most: int = 3) -> list[list[str]]:
        """Give for each row the columns that make it odd, the most telling first.

        A column's part is how much less odd the row were with a usual value there; parts below a tenth of the largest
        aren't told.
        """
        scores = self._scores(frame)
        whole, names = self.scorer(scores) if frame.height else np.zeros(0), list(self.places.columns)
        parts = np.zeros_like(scores)
        for column in range(scores.shape[1]):
            usual = scores.copy()
            usual[:, column] = 0.0
            parts[:, column] = whole - self.scorer(usual) if frame.height else 0.0
        order = np.argsort(-parts, axis=1, kind="stable")[:, :most]
        least = TELLING * parts.max(axis=1, initial=0.0)
        return [[names[at] for at in best if parts[row, at] > least[row]] for row, best in enumerate(order)]

    def slice(self, rarer: float = 0.001) -> Slice:
        """Give the slice of the events that are odder than all but such a share of the reference: an edge-case signal.

        It holds a model, so it works in this process and has no SQL.
        """
        reads = sorted({self.places.grids.sources[name].column for name in self.places.columns})

        def odd(rows: pl.Series) -> pl.Series:
            return pl.Series(self.rarity(rows.struct.unnest()) <= rarer)

        expression = pl.struct(reads).map_batches(odd, return_dtype=pl.Boolean, is_elementwise=True)
        return Slice.of(expression, name=f"odder than {1 - rarer:.6g} of the reference")

    def _scores(self, frame: pl.DataFrame) -> Floats:
        return self.places.oddity(self.places.codes(frame))


def _distance(usual: Floats) -> Scorer:
    """Give the squared Mahalanobis distance under the correlations of the normal scores, shrunk to none."""
    spread = usual.std(axis=0)
    standard = (usual - usual.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    together = standard.T @ standard / len(usual)
    shrunk = (1 - SHRINK) * together
    np.fill_diagonal(shrunk, 1.0)
    middle, inverse = np.median(usual, axis=0), np.linalg.inv(shrunk)

    def score(scores: Floats) -> Floats:
        away = scores - middle
        return np.asarray(np.einsum("ij,jk,ik->i", away, inverse, away, optimize=True))

    return score


def _forest(usual: Floats) -> Scorer:
    """Give the anomaly score of an isolation forest, 0 to 1."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=TREES, random_state=0).fit(usual)

    def score(scores: Floats) -> Floats:
        return -np.asarray(forest.score_samples(scores), dtype=np.float64)

    return score


_METHODS: dict[str, Callable[[Floats], Scorer]] = {"distance": _distance, "forest": _forest}
