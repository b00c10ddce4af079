"""Which labels a policy looked at: rows that models learned from, or were asked about, whoever called them.

stream.learner() ── Noting ── codes, trees
                      └── while somebody listens: the rows, as keys ── stream's rows ──> ids
"""

# mypy: disable-error-code="import-not-found,import-untyped"

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import polars as pl
from sklearn.base import BaseEstimator, TransformerMixin

HEARD: ContextVar[list[pl.Series] | None] = ContextVar("heard", default=None)
"""The keys of the rows that were seen; None while nobody listens. A model from a file says it here, too."""


class Noting(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The first step of a pipeline: passes rows on as they are, and notes them while somebody listens."""

    def fit(self, _rows: pl.DataFrame, _y: Any = None) -> Noting:
        """Nothing is learned."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """It needs no fit."""
        return True

    def transform(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Note the rows, and give them back."""
        heard = HEARD.get()
        if heard is not None:
            heard.append(keys(rows))
        return rows


@contextmanager
def listening() -> Iterator[list[pl.Series]]:
    """While this lasts, rows are noted."""
    heard: list[pl.Series] = []
    token = HEARD.set(heard)
    try:
        yield heard
    finally:
        HEARD.reset(token)


def keys(rows: pl.DataFrame) -> pl.Series:
    """uint64[rows], the same for rows that are alike in all columns, whatever kind of number they are stored as.

    >>> whole, real = (pl.DataFrame({"a": a, "b": ["x", None]}) for a in ([1, 2], [1.0, 2.0]))
    >>> keys(whole).equals(keys(real))
    True
    """
    numbers = pl.selectors.numeric()
    whole = rows.with_columns(numbers.cast(pl.Float64).fill_nan(None), (~numbers).cast(pl.String))
    return whole.select(pl.struct(pl.all()).hash(0).alias("key"))["key"]


def ids_of(heard: list[pl.Series], frame: pl.DataFrame, features: tuple[str, ...]) -> set[str]:
    """The ids of a frame's rows that were seen; of rows that are alike in all features, all."""
    if not heard:
        return set()
    seen = keys(frame.select(features)).is_in(pl.concat(heard).unique().implode())
    return set(frame.filter(seen)["id"].cast(pl.String))
