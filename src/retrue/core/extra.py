"""Counters beside the columns: any mergeable state over whole rows, built in or a user's own.

A counter reads some columns of a batch and gives a `State`; the grids carry it, the profile holds its state under the
counter's name, and it is stored, merged and replayed like everything else.
"""

from __future__ import annotations

import json
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl

from retrue.core.state import Ints, Moments, State, Sums
from retrue.core.values import number_rows, unreadable
from retrue.errors import ProfileError

REGISTRY: dict[str, type[Counter]] = {}
"""Every kind of counter by name."""


class Counter(ABC):
    """Counts rows into a state. Concrete subclasses are frozen dataclasses of plain values, and name their `kind`."""

    kind: ClassVar[str]
    of_windows: ClassVar[bool] = False
    """Whether it tells of whole windows alone: the reference's own windows keep it, slices don't."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind in REGISTRY and REGISTRY[cls.kind].__qualname__ != cls.__qualname__:
            raise ProfileError(f"two counters are called {cls.kind!r}", hint="give yours another kind")
        REGISTRY[cls.kind] = cls

    @property
    @abstractmethod
    def name(self) -> str:
        """What the state is called in a profile."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns that `count` reads."""

    @abstractmethod
    def count(self, frame: pl.DataFrame) -> State:
        """The state of one batch that has these columns."""

    def count_groups(self, frame: pl.DataFrame, groups: Sequence[Ints]) -> list[State]:
        """The state of each group of rows, given by their numbers."""
        read = frame.select(self.columns)
        return [self.count(read[rows]) for rows in groups]

    def to_text(self) -> str:
        """The counter as one line of JSON."""
        return json.dumps({"kind": self.kind, **asdict(self)})  # type: ignore[call-overload]

    @staticmethod
    def from_text(text: str) -> Counter:
        """Rebuild a counter.

        Raises:
            ProfileError: its kind isn't registered in this process.
        """
        content: dict[str, Any] = json.loads(text)
        kind = content.pop("kind")
        if kind not in REGISTRY:
            raise ProfileError(
                f"unknown counter {kind!r}", hint="import the module that defines it before you open the profile"
            )
        return REGISTRY[kind](**content)


COMPARISONS: dict[str, Callable[[pl.Series, pl.Series], pl.Series]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class RowRule(Counter):
    """How many rows break a rule between two columns, such as `departure <= arrival`; null and NaN don't count.

    >>> rule = RowRule("a", "<=", "b")
    >>> rule.count(pl.DataFrame({"a": [1, 5, None], "b": [2, 3, 4]}))
    Sums(n=2, total=1.0, squares=1.0)
    """

    kind: ClassVar[str] = "row_rule"
    left: str
    comparison: str
    right: str

    def __post_init__(self) -> None:
        if self.comparison not in COMPARISONS:
            raise ProfileError(f"unknown comparison {self.comparison!r}", expected=" ".join(COMPARISONS))

    @property
    def name(self) -> str:
        return f"{self.left} {self.comparison} {self.right}"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.left, self.right)

    def count(self, frame: pl.DataFrame) -> Sums:
        left, right = comparable(frame[self.left], frame[self.right])
        held = COMPARISONS[self.comparison](left, right).drop_nulls()
        return Sums.of((~held).cast(pl.Float64).to_numpy())


def comparable(left: pl.Series, right: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Two columns that compare: of one type as they are, others as numbers or times; null where that can't be."""
    left, right = (s.cast(pl.String) if isinstance(s.dtype, pl.Categorical | pl.Enum) else s for s in (left, right))
    if left.dtype == right.dtype and not unreadable(left.dtype):
        return without_nan(left), without_nan(right)
    temporal = left.dtype.is_temporal() or right.dtype.is_temporal()
    left, right = (without_nan(number_rows(s, temporal=temporal and s.dtype == pl.String)) for s in (left, right))
    return left, right


def without_nan(series: pl.Series) -> pl.Series:
    """NaN as null: Polars takes it for larger than any number."""
    return series.fill_nan(None) if series.dtype.is_float() else series


@dataclass(frozen=True)
class TimeSpan(Counter):
    """When the events happened: moments of the time column, in seconds since 1970 UTC. Its maximum is freshness."""

    kind: ClassVar[str] = "time_span"
    column: str

    @property
    def name(self) -> str:
        return "time"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def count(self, frame: pl.DataFrame) -> Moments:
        values = number_rows(frame[self.column], temporal=True).drop_nulls().to_numpy()
        return Moments.of(values[np.isfinite(values)])
