"""Weighted profiles: sampled traffic, where each event stands for so many.

A weighted state adds up as *sums of weights* and reads as *rows*: what a metric sees is the same state with every count
scaled so that the counts add up to the effective n, the rows that would tell as much if each counted once (Kish 1965,
"Survey Sampling", section 8.2):

    weights ──count──> sums of w, and of w^2 ──+──> sums ──x (sum w / sum w^2)──> effective rows ──metric──> value

So shares are weighted shares, intervals and thresholds know how little a few heavy events tell, and no metric needs to
know. Where all weights are equal an effective row is an event.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple, NoReturn, Self

import numpy as np
import polars as pl

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.extra import Counter
from retrue.core.outcome import BinaryOutcome, MulticlassOutcome, Outcome, RankingOutcome, RegressionOutcome
from retrue.core.state import Bools, Fields, Floats, Ints, State, same
from retrue.core.values import number_rows
from retrue.errors import ProfileError

WEIGHT = "weight"
"""The extra of a profile that says what its weights are like."""


class Weights(NamedTuple):
    """The weights of a batch.

    Attributes:
        values: float64[n], those above 0.
        kept: bool[rows], the rows that have them; all others are left out.
    """

    values: Floats
    kept: Bools


def read_weights(series: pl.Series) -> Weights:
    """Read a column of weights; what is null, no number, infinite or negative is bad, and 0 counts for nothing.

    >>> read_weights(pl.Series([2.0, None, 0.0, -1.0])).kept.tolist()
    [True, False, False, False]
    """
    values = number_rows(series).fill_null(float("nan")).to_numpy()
    kept = np.isfinite(values) & (values > 0)
    return Weights(values[kept], kept)


def effective_n(total: float, squares: float) -> float:
    """Kish's effective n: (sum w)^2 / sum w^2.

    >>> effective_n(30.0, 10.0 ** 2 + 20 * 1.0)  # 20 events of weight 1, one of 10
    7.5
    """
    return total * total / squares if squares > 0 else 0.0


@dataclass(frozen=True)
class WeightSums(State):
    """What weights there were.

    Attributes:
        bad: events without a usable weight: null, NaN, no number, infinite or negative. They are left out.
        zero: events of weight 0.
        used: events that count.
        total: the sum of their weights.
        squares: the sum of their squared weights.
    """

    state: ClassVar[str] = "weights"
    bad: int = 0
    zero: int = 0
    used: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: Self) -> Self:
        events = self.bad + other.bad, self.zero + other.zero, self.used + other.used
        return type(self)(*events, self.total + other.total, self.squares + other.squares)

    def subtract(self, other: Self) -> Self:
        events = self.bad - other.bad, self.zero - other.zero, self.used - other.used
        return type(self)(*events, self.total - other.total, self.squares - other.squares)

    @property
    def rows(self) -> int:
        """All events."""
        return self.bad + self.zero + self.used

    @property
    def effective(self) -> float:
        """Kish's effective n."""
        return effective_n(self.total, self.squares)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {"events": np.array([self.bad, self.zero, self.used]), "sums": np.array([self.total, self.squares])}

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        return cls(*(int(n) for n in fields["events"]), *(float(s) for s in fields["sums"]))


@dataclass(frozen=True)
class Weighing(Counter):
    """Says that events are weighted by a column; its state tells how good the weights are."""

    kind: ClassVar[str] = "weight"
    column: str

    @property
    def name(self) -> str:
        return WEIGHT

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def count(self, frame: pl.DataFrame) -> WeightSums:
        values = number_rows(frame[self.column]).fill_null(float("nan")).to_numpy()
        good = values[np.isfinite(values) & (values >= 0)]
        used = good[good > 0]
        sums = float(used.sum()), float((used * used).sum())
        return WeightSums(values.size - good.size, good.size - used.size, used.size, *sums)


class Weighted(State):
    """Abstract: a state whose own fields are in effective rows, beside what adds up.

    Attributes:
        weights: the unweighted state of the same kind, with each count a sum of weights.
        squares: float64[g], the sum of squared weights of each group of events.
        events: int64[g], how many events of each group count.
    """

    weights: Any
    squares: Floats
    events: Ints

    @classmethod
    def of(cls, weights: Any, squares: Floats, events: Ints) -> Self:
        """Read sums of weights as effective rows."""
        factors = [total / square for total, square in cls.sizes(weights, squares) if total > 0 and square > 0]
        read: Any = weights.scaled(min(factors, default=0.0))
        own: dict[str, Any] = {field.name: getattr(read, field.name) for field in fields(read)}
        own |= {"weights": weights, "squares": squares, "events": events}
        return cls(**own)

    @classmethod
    @abstractmethod
    def sizes(cls, weights: Any, squares: Floats) -> list[tuple[float, float]]:
        """Sum of weights and of squared weights of the sets of events at whose effective size it is read."""

    def __add__(self, other: Self) -> Self:
        self.check_weighted(other)
        return self.of(self.weights + other.weights, self.squares + other.squares, self.events + other.events)

    def __radd__(self, other: object) -> NoReturn:
        """Refuse to be added to an unweighted state, which would take effective rows for rows."""
        raise ProfileError("weighted and unweighted profiles don't add up", hint="count both with weights, or none")

    def check_weighted(self, other: object) -> None:
        """Raise ProfileError unless both are weighted."""
        if not isinstance(other, type(self)):
            self.__radd__(other)

    def subtract(self, other: Self) -> Self:
        self.check_weighted(other)
        left = self.weights.subtract(other.weights)
        return self.of(left, self.squares - other.squares, self.events - other.events)

    def agrees(self, other: object) -> bool:
        return (
            isinstance(other, type(self))
            and np.array_equal(self.events, other.events)
            and same(self.squares, other.squares)
            and self.weights.agrees(other.weights)
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedColumn(Weighted, ColumnProfile):
    """A weighted column; groups: the values on the grid, then each of `SPECIALS`.

    It is read at the smaller effective size of two: all its rows', and its values'. A few heavy rows among either make
    the column tell little.

    >>> from retrue.core.grid import NumericGrid
    >>> from retrue.core.weighing import weigh
    >>> column = pl.Series([1.0, 2.0, 2.0, None])
    >>> found = weigh(NumericGrid.fit(column), column, np.array([5.0, 1.0, 1.0, 1.0]))
    >>> found.weights.counts.tolist(), float(found.shares[1])
    ([0.0, 5.0, 0.0, 2.0, 0.0], 0.625)
    >>> round(found.rows, 2)  # 8^2 / 28 is 2.29 for all rows, 7^2 / 27 is 1.81 for those with a value: 8 x 7 / 27
    2.07
    """

    state: ClassVar[str] = "weighted column"
    weights: ColumnProfile
    squares: Floats
    events: Ints

    @classmethod
    def sizes(cls, weights: ColumnProfile, squares: Floats) -> list[tuple[float, float]]:
        return [(weights.rows, float(squares.sum())), (weights.n, float(squares[0]))]

    @property
    def stands_for(self) -> float:
        return self.weights.rows / self.rows if self.rows else 1.0

    def by_event(self) -> ColumnProfile:
        total = self.weights.n
        return self.weights.scaled(float(self.events[0]) / total) if total > 0 else self.weights

    def known(self) -> WeightedColumn:
        labelled = np.ones(1 + len(SPECIALS), np.int64)
        labelled[1 + SPECIALS.index("null")] = 0
        return self.of(self.weights.known(), self.squares * labelled, self.events * labelled)

    def without_sums(self) -> WeightedColumn:
        return self.of(self.weights.without_sums(), self.squares, self.events) if self.sums.size else self

    def coarsen(self, coarse: Any) -> WeightedColumn:
        return self if coarse is self.grid else self.of(self.weights.coarsen(coarse), self.squares, self.events)

    def content(self) -> dict[str, Ints | Floats | list[str]]:
        return {**self.weights.content(), "squares": self.squares, "events": self.events}

    @classmethod
    def from_content(cls, grid: Any, fields: Fields) -> Self:
        weights = ColumnProfile.from_content(grid, fields)
        return cls.of(weights, np.asarray(fields["squares"], np.float64), np.asarray(fields["events"], np.int64))


class WeightedOutcome(Weighted, Outcome):
    """Abstract: a weighted outcome; groups: labelled events, and those whose label isn't known.

    It is read at the effective size of its labelled events.
    """

    plain: ClassVar[type[Outcome]]

    @classmethod
    def sizes(cls, weights: Outcome, squares: Floats) -> list[tuple[float, float]]:
        sizes = zip((weights.labelled, weights.unlabelled), squares.tolist(), strict=True)
        return [(total, square) for total, square in sizes if total > 0][:1]

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {**self.weights.fields(), "squares": self.squares, "events": self.events}

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        weights = cls.plain.from_fields(fields)
        return cls.of(weights, np.asarray(fields["squares"], np.float64), np.asarray(fields["events"], np.int64))


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedBinary(WeightedOutcome, BinaryOutcome):
    """A weighted binary outcome."""

    state: ClassVar[str] = "weighted binary"
    plain: ClassVar[type[Outcome]] = BinaryOutcome
    weights: BinaryOutcome
    squares: Floats
    events: Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedMulticlass(WeightedOutcome, MulticlassOutcome):
    """A weighted multiclass outcome."""

    state: ClassVar[str] = "weighted multiclass"
    plain: ClassVar[type[Outcome]] = MulticlassOutcome
    weights: MulticlassOutcome
    squares: Floats
    events: Ints


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedRegression(WeightedOutcome, RegressionOutcome):
    """A weighted regression outcome; its errors are a weighted column of the labelled events."""

    state: ClassVar[str] = "weighted regression"
    plain: ClassVar[type[Outcome]] = RegressionOutcome
    weights: RegressionOutcome
    squares: Floats
    events: Ints

    @classmethod
    def of(cls, weights: RegressionOutcome, squares: Floats, events: Ints) -> Self:
        # Errors have their part of the labelled events, so they are read at the same effective size.
        parts = np.append(weights.errors.n, weights.errors.special) / (weights.labelled or 1.0)
        own = np.rint(parts * events[0]).astype(np.int64)
        errors = WeightedColumn.of(weights.errors, parts * squares[0], own)
        return replace(super().of(weights, squares, events), errors=errors)


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightedRanking(WeightedOutcome, RankingOutcome):
    """A weighted ranking outcome."""

    state: ClassVar[str] = "weighted ranking"
    plain: ClassVar[type[Outcome]] = RankingOutcome
    weights: RankingOutcome
    squares: Floats
    events: Ints


OUTCOMES: dict[str, type[WeightedOutcome]] = {
    plain.task: twin
    for plain, twin in (
        (BinaryOutcome, WeightedBinary),
        (MulticlassOutcome, WeightedMulticlass),
        (RegressionOutcome, WeightedRegression),
        (RankingOutcome, WeightedRanking),
    )
}
"""The weighted outcome of each task."""
