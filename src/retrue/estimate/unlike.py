"""What makes a row unlike any of the reference, column by column, and how it is called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from retrue.core.state import Bools, Floats
from retrue.estimate.caution import share_words
from retrue.estimate.features import Coder, Features

NAMED = 3
"""So many columns are named."""
FEW = 20
"""A column that is null so rarely in the reference, and in at most one of 1,000 rows, tells nothing of nulls."""


@dataclass(frozen=True, eq=False)
class Unlike:
    """Tells rows that have a category, a number or a null that the reference never had.

    Attributes:
        features: how features are coded.
        nulls: bool[d], which of them have nulls in the reference.
    """

    features: Features
    nulls: Bools

    @classmethod
    def fit(cls, features: Features, codes: Floats) -> Unlike:
        """Learn it from the reference's coded rows."""
        empty = np.isnan(codes).sum(axis=0)
        return cls(features, np.asarray(empty > min(FEW, codes.shape[0] / 1_000)))

    def rows(self, codes: Floats) -> Bools:
        """bool[n]: rows with at least one such value."""
        found = np.zeros(codes.shape[0], np.bool_)
        for _, _, odd in self.parts(codes):
            found |= odd
        return found

    def words(self, codes: Floats) -> str:
        """Which columns it is, the most frequent first: " ('fuel' never seen: 5 % of 200 rows)"; or nothing."""
        parts = sorted(self.parts(codes), key=lambda part: -int(part[2].sum()))
        said = [
            f"{coder.name!r} {what}: {share_words(float(odd.mean()), odd.size)}"
            for coder, what, odd in parts[:NAMED]
            if odd.any()
        ]
        return f" ({'; '.join(said)})" if said else ""

    def parts(self, codes: Floats) -> Iterator[tuple[Coder, str, Bools]]:
        """Each column with what is odd about it, and the rows where it is."""
        for place, coder in enumerate(self.features.coders):
            beyond = "never seen" if coder.categories is not None else "beyond its range"
            yield coder, beyond, coder.beyond(codes[:, place])
            if not self.nulls[place]:
                yield coder, "null, as hardly any row of the reference", np.isnan(codes[:, place])
