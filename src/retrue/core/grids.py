"""All the grids of a model: what a reference fixes, and how a batch of events becomes a profile.

frame ──Grids.count──> Profile
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from retrue.core import project
from retrue.core.column import ColumnProfile, prefixed, within
from retrue.core.extra import Counter
from retrue.core.grid import COARSE, CategoricalGrid, Grid, NumericGrid
from retrue.core.outcome import Outcome
from retrue.core.outcome_grid import (
    BinaryGrid,
    MulticlassGrid,
    OutcomeGrid,
    RegressionGrid,
    column,
    error_grid,
    score_cuts,
    score_rows,
)
from retrue.core.profile import Profile, bytes_to_frame, fields_to_frame, frame_to_bytes, frame_to_fields, grouped
from retrue.core.ranking import RankingGrid
from retrue.core.state import Fields, Floats, Ints
from retrue.core.values import unreadable
from retrue.core.weighing import weigh
from retrue.core.weighted import Weighing, read_weights
from retrue.errors import ProfileError
from retrue.schema import Column, Kind, Schema, Task
from retrue.schema.worth import worth_of

CATEGORICAL_KINDS = frozenset({Kind.CATEGORICAL, Kind.BOOLEAN, Kind.EMPTY})
NUMERIC_KINDS = frozenset({Kind.NUMERIC, Kind.DATETIME})


@dataclass(frozen=True)
class Source:
    """Where a profiled column comes from: a column of the events, perhaps through a projection."""

    column: str
    projection: str | None = None

    @property
    def name(self) -> str:
        """The profiled column's name: `comment`, or `comment.words`."""
        return self.column if self.projection is None else f"{self.column}.{self.projection}"

    def of(self, series: pl.Series) -> pl.Series:
        """The values to count.

        Raises:
            ProfileError: the projection isn't registered in this process.
        """
        if self.projection is None:
            return series
        if self.projection not in project.REGISTRY:
            raise ProfileError(f"unknown projection {self.projection!r}", hint="import the module that registers it")
        return project.REGISTRY[self.projection].compute(series)


@dataclass(frozen=True, eq=False)
class Grids:
    """The grids of a model: one for each profiled column, one for its outcomes, and counters over whole rows.

    >>> frame = pl.DataFrame({"age": [20, 30, 40]})
    >>> grids = Grids({"age": NumericGrid.fit(frame["age"])}, {"age": Source("age")})
    >>> (grids.count(frame) + grids.count(frame)).rows
    6
    """

    columns: Mapping[str, Grid]
    sources: Mapping[str, Source]
    outcome: OutcomeGrid | None = None
    extras: tuple[Counter, ...] = field(default=())

    def count(self, frame: pl.DataFrame) -> Profile:
        """Profile one batch; a column that it lacks counts as all null."""
        columns = {name: self.count_column(name, frame) for name in self.columns}
        return self.assemble(frame.height, columns, self.count_rows(frame))

    def count_column(self, name: str, frame: pl.DataFrame) -> ColumnProfile:
        """Profile one column of a batch, by the weights where there are any."""
        series = self.values(name, frame)
        if self.weight is None:
            return self.columns[name].count(series)
        weights = read_weights(column(frame, self.weight))
        kept = series if weights.kept.all() else series.filter(pl.Series(weights.kept))
        return weigh(self.columns[name], kept, weights.values)

    def empty_column(self, name: str) -> ColumnProfile:
        """The profile of a column without rows."""
        grid = self.columns[name]
        return grid.empty() if self.weight is None else weigh(grid, pl.Series([], dtype=pl.Null), np.zeros(0))

    @cached_property
    def weight(self) -> str | None:
        """The column of the weights; None where each event counts once."""
        return next((counter.column for counter in self.extras if isinstance(counter, Weighing)), None)

    def values(self, name: str, frame: pl.DataFrame) -> pl.Series:
        """The values of one profiled column: projected where it is a projection, nulls where the frame lacks it."""
        source = self.sources[name]
        if source.column not in frame.columns:
            return pl.Series(name, [None], dtype=pl.Null).new_from_index(0, frame.height)
        return source.of(frame[source.column])

    def count_rows(self, frame: pl.DataFrame) -> Profile:
        """Profile what needs several columns at once: the outcome and the extras; no columns."""
        missing = pl.lit(None)
        wanted = {c for counter in self.extras for c in counter.columns} - set(frame.columns)
        whole = frame.with_columns(**dict.fromkeys(sorted(wanted), missing)) if wanted else frame
        extras = {counter.name: counter.count(whole) for counter in self.extras}
        return Profile(frame.height, {}, self.count_outcome(frame), extras)

    def count_outcome(self, frame: pl.DataFrame) -> Outcome | None:
        """Profile the outcome of one batch, by the weights where there are any."""
        if self.outcome is None or self.weight is None:
            return self.outcome.count(frame) if self.outcome else None
        weights = read_weights(column(frame, self.weight))
        return self.outcome.weigh(frame.filter(pl.Series(weights.kept)), weights.values)

    @staticmethod
    def assemble(rows: int, columns: Mapping[str, ColumnProfile], over_rows: Profile) -> Profile:
        """Put columns that were counted apart and `count_rows` together."""
        return Profile(rows, columns, over_rows.outcome, over_rows.extras)

    def empty(self) -> Profile:
        """The profile of no rows."""
        return self.count(pl.DataFrame(schema=dict.fromkeys(sorted(self.reads), pl.Null)))

    @cached_property
    def reads(self) -> frozenset[str]:
        """The columns of the events that are read."""
        return frozenset({s.column for s in self.sources.values()} | set(self.reads_together))

    @cached_property
    def reads_together(self) -> tuple[str, ...]:
        """The columns that the outcome and the extras read."""
        outcome = self.outcome.columns if self.outcome else ()
        return tuple(dict.fromkeys([*outcome, *(c for counter in self.extras for c in counter.columns)]))

    @cached_property
    def coarse(self) -> Grids:
        """The same with at most about 64 bins a column: what slices keep."""
        columns = {name: grid.coarsen(COARSE) for name, grid in self.columns.items()}
        return Grids(columns, self.sources, self.outcome, self.extras)

    @cached_property
    def digest(self) -> str:
        """16 hex digits that name these grids."""
        parts = [f"{name}={grid.digest}" for name, grid in sorted(self.columns.items())]
        tail = [repr(sorted(self.sources.items(), key=lambda s: s[0])), *(c.to_text() for c in self.extras)]
        outcome = frame_to_fields(fields_to_frame(self.outcome.all_fields())) if self.outcome else {}
        for name, value in outcome.items():
            tail.append(f"{name}={value if isinstance(value, list) else value.tobytes().hex()}")
        return hashlib.blake2b("\n".join(parts + tail).encode(), digest_size=8).hexdigest()

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        """Everything as named arrays."""
        packed: dict[str, Ints | Floats | list[str]] = {
            "names": list(self.columns),
            "sources": [self.sources[name].column for name in self.columns],
            "projections": [self.sources[name].projection or "" for name in self.columns],
            "extras": [counter.to_text() for counter in self.extras],
        }
        for i, grid in enumerate(self.columns.values()):
            packed |= prefixed(f"grid{i}", grid.fields())
        return packed | (prefixed("of", self.outcome.all_fields()) if self.outcome else {})

    @classmethod
    def from_fields(cls, fields: Fields) -> Grids:
        """Rebuild the grids that `fields` came from."""
        if "sources" not in fields:
            raise ProfileError("these bytes hold no grids", hint="they may hold a profile, or a reference")
        own = grouped(fields, "grid")
        names = [str(name) for name in fields["names"]]
        columns = {name: Grid.from_fields(own[str(i)]) for i, name in enumerate(names)}
        pairs = zip(map(str, fields["sources"]), map(str, fields["projections"]), strict=True)
        sources = {name: Source(c, p or None) for name, (c, p) in zip(names, pairs, strict=True)}
        outcome = within("of", fields)
        extras = tuple(Counter.from_text(str(text)) for text in fields["extras"])
        return cls(columns, sources, OutcomeGrid.from_fields(outcome) if outcome else None, extras)

    def to_bytes(self) -> bytes:
        """The grids as bytes, with a version."""
        return frame_to_bytes(fields_to_frame(self.fields()))

    @classmethod
    def from_bytes(cls, data: bytes) -> Grids:
        """Rebuild grids from `to_bytes`.

        Raises:
            ProfileError: not grids, damaged, or written by a newer version.
        """
        return cls.from_fields(frame_to_fields(bytes_to_frame(data)))


def learn_column(column: Column, series: pl.Series) -> dict[Source, ColumnProfile]:
    """Fit the grids of a column and count the column on them; one sort or one tally serves both."""
    if column.kind in NUMERIC_KINDS or (column.kind == Kind.CONSTANT and series.dtype.is_numeric()):
        return {Source(column.name): NumericGrid.learn(series, temporal=column.kind == Kind.DATETIME)}
    if column.kind in CATEGORICAL_KINDS or column.kind == Kind.CONSTANT:
        return {Source(column.name): CategoricalGrid.learn(series)}
    if column.kind == Kind.TEXT and unreadable(series.dtype):
        return {}  # lists, structs, bytes: kept, not profiled
    sources = [Source(column.name, p.name) for p in project.of_kind(column.kind)]
    return {source: NumericGrid.learn(source.of(series)) for source in sources}


OutcomeFit = Callable[[Schema, pl.DataFrame], OutcomeGrid]


def fit_outcome(schema: Schema, frame: pl.DataFrame) -> OutcomeGrid | None:
    """Fit the outcome grid on reference rows; None where the schema names no task, or nothing to compare."""
    if schema.task is None or (schema.score is None and schema.prediction is None):
        return None
    return FITS[schema.task](schema, frame)


def fit_binary(schema: Schema, frame: pl.DataFrame) -> OutcomeGrid:
    """Cuts from the reference's scores."""
    score = schema.score if isinstance(schema.score, str) else None
    cuts = score_cuts(score_rows(frame, score))
    # Where the reference showed one class only, whatever else comes is the other one.
    negative = schema.classes[0] if len(schema.classes) == 2 and not schema.classes[0].startswith("not ") else None
    worth = worth_grid(schema, None)
    return BinaryGrid(schema.label, score, schema.prediction, schema.positive or "1", cuts, negative, worth)


def fit_multiclass(schema: Schema, frame: pl.DataFrame) -> OutcomeGrid:
    """The schema's classes; cuts at the hundredths and the quantiles of all classes' scores together."""
    scores = dict(schema.score) if isinstance(schema.score, Mapping) else {}
    pooled = [score_rows(frame, name) for name in scores.values()]
    cuts = score_cuts(pl.concat([pl.Series(p) for p in pooled]).to_numpy() if pooled else score_rows(frame, None))
    worth = worth_grid(schema, schema.classes)
    return MulticlassGrid(schema.label, schema.prediction, scores, tuple(schema.classes), cuts, worth)


def worth_grid(schema: Schema, classes: Sequence[str] | None) -> Floats | None:
    """float64[K, K]: what each prediction of each label is worth; None where nobody said."""
    return None if schema.value_matrix is None else np.array(worth_of(schema.value_matrix, classes))


def fit_regression(schema: Schema, frame: pl.DataFrame) -> OutcomeGrid:
    """The error grid from the reference's errors."""
    score = schema.score if isinstance(schema.score, str) else None
    prediction = schema.prediction or score
    return RegressionGrid(
        schema.label, prediction, error_grid(score_rows(frame, prediction), score_rows(frame, schema.label))
    )


def fit_ranking(schema: Schema, frame: pl.DataFrame) -> OutcomeGrid:
    """How often the reference recommended each item."""
    return RankingGrid.fit(frame, schema.label, schema.prediction)


FITS: dict[Task, OutcomeFit] = {
    Task.BINARY: fit_binary,
    Task.MULTICLASS: fit_multiclass,
    Task.REGRESSION: fit_regression,
    Task.RANKING: fit_ranking,
}
