"""Likeness: whether a training set looks like what a model will be asked, told before anything is fitted.

Of each column the *overlap* is the mass that training set and production have in common, on the model's own grid: one
minus the total variation distance, 1 where the shares of all bins agree and 0 where no value is seen on both sides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from retrue.core.profile import Profile
from retrue.judge.words import percent

LEAST = 200
"""Fewer rows on a side tell nothing: on 64 bins, chance alone would part them."""
HALF = 0.5
"""A column is unlike where less than half of its mass is common; a training set, where most columns are."""
NAMED = 5
"""Columns that are named."""


@dataclass(frozen=True)
class Likeness:
    """How much of each column's mass is common.

    Attributes:
        overlap: by column, from 0 to 1.
        n: rows of the training set and of production.
    """

    overlap: dict[str, float]
    n: tuple[int, int]

    @property
    def unlike(self) -> dict[str, float]:
        """The columns of which less than half is common, those that have least in common first."""
        found = {name: value for name, value in self.overlap.items() if value < HALF}
        return dict(sorted(found.items(), key=lambda one: one[1]))

    @property
    def alien(self) -> bool:
        """Whether most columns are unlike."""
        return 2 * len(self.unlike) > len(self.overlap)

    def __str__(self) -> str:
        """Say which columns are unlike.

        >>> print(Likeness({"age": 0.02, "income": 0.31, "city": 0.97}, (900, 4_000)))
        age (2 % in common), income (31 %)
        """
        told = [f"{name} ({percent(value)}{'' if i else ' in common'})" for i, (name, value) in enumerate(self.first)]
        more = len(self.unlike) - len(told)
        return ", ".join(told) + (f" and {more} more" if more else "")

    @property
    def first(self) -> list[tuple[str, float]]:
        """The columns that are named."""
        return list(self.unlike.items())[:NAMED]


def likeness(training: Profile, production: Profile, columns: Iterable[str]) -> Likeness | None:
    """Compare a training set with what is served.

    Args:
        training: the training set on coarse grids (64 bins at most).
        production: recent events on the same grids.
        columns: the columns to compare.

    Returns:
        None where a side has too few rows to tell.
    """
    if min(training.rows, production.rows) < LEAST:
        return None
    sides = {name: (training.columns[name].shares, production.columns[name].shares) for name in columns}
    overlap = {name: float(np.minimum(*both).sum()) for name, both in sides.items()}
    return Likeness(overlap, (int(training.rows), int(production.rows)))
