"""Projections: text, vectors and anything else become numeric columns, which get grids like any other.

A projection is one object with a name and a function from a column to numbers; `comment.words` is the column `comment`
through the projection `words`. Register one of your own with the decorator `projection`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from retrue.core.values import text_rows
from retrue.errors import ProfileError
from retrue.schema import Kind


@dataclass(frozen=True)
class Projection:
    """A named way to turn a column of one of `kinds` into numbers; `compute` keeps length and nulls."""

    name: str
    kinds: frozenset[Kind]
    compute: Callable[[pl.Series], pl.Series]
    description: str


REGISTRY: dict[str, Projection] = {}
"""Every projection by name."""


def projection(
    name: str, *kinds: Kind
) -> Callable[[Callable[[pl.Series], pl.Series]], Callable[[pl.Series], pl.Series]]:
    """Register a function as the projection `name` of columns of `kinds`.

    Raises:
        ProfileError: a projection of that name exists.
    """

    def register(compute: Callable[[pl.Series], pl.Series]) -> Callable[[pl.Series], pl.Series]:
        if name in REGISTRY:
            raise ProfileError(f"two projections are called {name!r}", hint="give yours another name")
        REGISTRY[name] = Projection(name, frozenset(kinds), compute, (compute.__doc__ or "").split("\n")[0])
        return compute

    return register


def of_kind(kind: Kind) -> list[Projection]:
    """The projections of columns of `kind`."""
    return [p for p in REGISTRY.values() if kind in p.kinds]


@projection("characters", Kind.TEXT)
def characters(series: pl.Series) -> pl.Series:
    """Length of the text in characters."""
    return text_rows(series).str.len_chars().cast(pl.Float64)


@projection("words", Kind.TEXT)
def words(series: pl.Series) -> pl.Series:
    """Number of words: runs of characters that aren't white space."""
    return text_rows(series).str.count_matches(r"\S+").cast(pl.Float64)


@projection("norm", Kind.EMBEDDING)
def norm(series: pl.Series) -> pl.Series:
    """Euclidean length of the vector."""
    lists = series.arr.to_list() if isinstance(series.dtype, pl.Array) else series
    if not isinstance(lists.dtype, pl.List):
        return pl.Series(series.name, [None], dtype=pl.Float64).new_from_index(0, len(series))
    values = lists.cast(pl.List(pl.Float64), strict=False)
    squares = values.list.eval(pl.element() ** 2).list.sum().sqrt()
    return squares.to_frame("v").select(pl.when(lists.is_not_null()).then(pl.col("v")).alias("v"))["v"]
