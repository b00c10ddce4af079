"""Rows to look at: the typical and the worst of a slice.

rows of the slice --a few of them that all others are near to--> typical
                  --the largest losses-------------------------> worst
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from retrue.core.grids import Grids
from retrue.errors import TableError
from retrue.explain.places import Places, thinned
from retrue.slices import Slice

CANDIDATES = 300
"""Rows of a slice among which typical ones are sought, evenly spread."""


@dataclass(frozen=True, eq=False)
class Examples:
    """A few rows of a slice.

    Args:
        typical: rows that stand for the others, the best first.
        worst: the rows with the largest losses, the largest first; no rows where losses aren't known.
    """

    typical: pl.DataFrame
    worst: pl.DataFrame


def find_examples(
    frame: pl.DataFrame,
    where: Slice,
    grids: Grids,
    columns: Collection[str] | None = None,
    *,
    losses: npt.ArrayLike | None = None,
    most: int = 3,
) -> Examples:
    """Choose typical rows of a slice, and its worst ones.

    Typical are those from which all others are near: each is chosen so that the sum of the distances to the nearest
    chosen one falls most (Kaufman and Rousseeuw 1990, the BUILD phase of PAM).

    Args:
        frame: events.
        where: the slice.
        grids: the reference's grids, which say what is near.
        columns: which columns make rows alike (features, as a rule); left out, all that the grids know.
        losses: each event's loss; not finite: unknown.
        most: rows of each at most.

    Raises:
        SliceError: the slice doesn't fit the events.
        TableError: losses of another length than the events; or no column that the grids know.
    """
    inside = where.mask(frame)
    rows = frame.filter(inside)
    if not rows.height:
        return Examples(rows, rows)
    return Examples(_typical(rows, grids, columns, most), _worst(rows, inside, losses, most))


def _typical(rows: pl.DataFrame, grids: Grids, columns: Collection[str] | None, most: int) -> pl.DataFrame:
    candidates = thinned(rows, CANDIDATES)
    places = Places.fit(grids, thinned(rows), columns)
    codes = places.codes(candidates)
    apart = np.stack([places.distances(codes[:, at], codes) for at in range(candidates.height)])
    nearest, chosen = np.full(candidates.height, np.inf), list[int]()
    for _ in range(min(most, candidates.height)):
        left = np.minimum(apart, nearest).sum(axis=1)
        left[chosen] = np.inf
        chosen.append(int(left.argmin()))
        nearest = np.minimum(nearest, apart[chosen[-1]])
    found: pl.DataFrame = candidates[chosen]
    return found


def _worst(rows: pl.DataFrame, inside: pl.Series, losses: npt.ArrayLike | None, most: int) -> pl.DataFrame:
    if losses is None:
        return rows.clear()
    every = np.asarray(losses, dtype=np.float64)
    if every.shape != (len(inside),):
        raise TableError("losses of another length than the events", where="find_examples", expected=f"{len(inside)}")
    own = every[inside.to_numpy()]
    order = np.argsort(-np.where(np.isfinite(own), own, -np.inf), kind="stable")[:most]
    found: pl.DataFrame = rows[order[np.isfinite(own[order])]]
    return found
