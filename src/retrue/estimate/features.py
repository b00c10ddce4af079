"""What a model saw, as numbers that a learner of ours can read: coded on the reference, with what is new marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from retrue.core.outcome_grid import column
from retrue.core.state import Bools, Floats
from retrue.core.values import number_rows, text_rows
from retrue.schema import Kind, Schema

SPARE = 20
"""How far a number may lie beyond the range: as far as the range lies beyond its outermost so many numbers."""
CATEGORIES = 250
"""Categories that keep a code of their own; rarer ones share one."""
RARE, NEW = CATEGORIES, CATEGORIES + 1
"""The codes of categories that are rare in the reference, and of those that it never had."""


@dataclass(frozen=True)
class Coder:
    """One feature: the reference's categories, or its least and greatest number.

    Attributes:
        name: the column.
        categories: the most frequent ones; None for a number.
        rare: the others.
        low, high: beyond these a number is unlike any of the reference.
    """

    name: str
    categories: tuple[str, ...] | None = None
    rare: frozenset[str] = frozenset()
    low: float = -np.inf
    high: float = np.inf

    @classmethod
    def fit(cls, series: pl.Series, kind: Kind) -> Coder:
        """Learn a feature on the reference."""
        if kind in (Kind.CATEGORICAL, Kind.BOOLEAN):
            counted = text_rows(series).drop_nulls().alias("v").value_counts(name="n")
            ranked = counted.sort(["n", "v"], descending=[True, False])["v"].to_list()
            return cls(series.name, categories=tuple(ranked[:CATEGORIES]), rare=frozenset(ranked[CATEGORIES:]))
        values = numbers(series)
        low, high = reach(np.sort(values[~np.isnan(values)]))
        return cls(series.name, low=low, high=high)

    def codes(self, frame: pl.DataFrame) -> Floats:
        """float64[rows]: the category's place or the number; NaN where there is none."""
        series = column(frame, self.name)
        if self.categories is None:
            return numbers(series)
        text = text_rows(series)
        known = text.cast(pl.Enum(self.categories), strict=False).to_physical().cast(pl.Float64)
        found = known.fill_null(float(NEW)).to_numpy().copy()
        if self.rare:
            found[text.is_in(list(self.rare)).fill_null(value=False).to_numpy()] = RARE
        found[text.is_null().to_numpy()] = np.nan
        return found

    def beyond(self, codes: Floats) -> Bools:
        """bool[rows]: a category that the reference never had, or a number far beyond all of its numbers."""
        if self.categories is not None:
            return np.asarray(codes == NEW)
        return np.asarray((codes < self.low) | (codes > self.high))


@dataclass(frozen=True)
class Features:
    """All features of a model that can be coded."""

    coders: tuple[Coder, ...]

    @classmethod
    def fit(cls, frame: pl.DataFrame, schema: Schema) -> Features:
        """Learn the features on the reference; ids, texts, embeddings and constants can't be coded.

        Nor are times: they move on by themselves, and no window would be like the reference.
        """
        kinds = (Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN)
        columns = [schema.named[name] for name in schema.features if name in frame.columns and name in schema.named]
        return cls(tuple(Coder.fit(frame[c.name], c.kind) for c in columns if c.kind in kinds))

    def beside(self, frame: pl.DataFrame, number: str | None) -> Features:
        """The features with a column of numbers after them, learned on the reference."""
        series = column(frame, number)
        return Features((*self.coders, Coder.fit(series.alias(number or ""), Kind.NUMERIC)))

    def codes(self, frame: pl.DataFrame) -> Floats:
        """float64[rows, features]; a column that the frame lacks is all NaN."""
        found = [coder.codes(frame) for coder in self.coders]
        return np.column_stack(found) if found else np.zeros((frame.height, 0))

    def beyond(self, codes: Floats) -> Bools:
        """bool[rows]: rows with at least one value that the reference never had."""
        found = np.zeros(codes.shape[0], np.bool_)
        for place, coder in enumerate(self.coders):
            found |= coder.beyond(codes[:, place])
        return found

    @property
    def categorical(self) -> list[bool]:
        """Which features are categories."""
        return [coder.categories is not None for coder in self.coders]


def numbers(series: pl.Series) -> Floats:
    """float64[rows]: finite numbers, NaN for anything else."""
    found = number_rows(series).fill_null(float("nan")).to_numpy()
    return np.where(np.isfinite(found), found, np.nan)


def reach(ordered: Floats) -> tuple[float, float]:
    """How low and how high a number may lie: some rows are always the outermost, and tails differ.

    >>> reach(np.arange(101.0))
    (-20.0, 120.0)
    """
    if not ordered.size:
        return float("inf"), float("-inf")
    spare = min(SPARE, ordered.size - 1)
    return float(2 * ordered[0] - ordered[spare]), float(2 * ordered[-1] - ordered[-1 - spare])


def with_scores(codes: Floats, scores: Floats, categorical: Sequence[bool]) -> tuple[Floats, list[bool]]:
    """The features with the scores beside them, and which columns are categories."""
    return np.column_stack([codes, scores]), [*categorical, *([False] * scores.shape[1])]
