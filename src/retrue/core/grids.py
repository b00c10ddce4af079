"""All the grids of a model: what a reference fixes, and how a batch of events becomes a profile.

frame ──Grids.count──> Profile
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
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
from retrue.core.project import Learned
from retrue.core.ranking import RankingGrid
from retrue.core.state import Fields, Floats, Ints
from retrue.core.values import unreadable
from retrue.core.weighing import weigh
from retrue.core.weighted import Weighing, read_weights
from retrue.errors import ProfileError
from retrue.schema import Column, Kind, Schema, Task
from retrue.schema.worth import worth_of
from retrue.tables.table import scattered

CATEGORICAL_KINDS = frozenset({Kind.CATEGORICAL, Kind.BOOLEAN, Kind.EMPTY})
NUMERIC_KINDS = frozenset({Kind.NUMERIC, Kind.DATETIME})


@dataclass(frozen=True)
class Source:
    """Where a profiled column comes from: a column of the events, perhaps through a projection.

    Attributes:
        column: of the events.
        projection: what it is looked at through; None: as it is.
        learned: what the projection's family learned of the reference; the same object for all of the family.
    """

    column: str
    projection: str | None = None
    learned: Learned | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The profiled column's name: `comment`, or `comment.words`."""
        return self.column if self.projection is None else f"{self.column}.{self.projection}"

    def of(self, series: pl.Series) -> pl.Series:
        """The values to count; of a type that no grid reads where they can't be computed (see `project.reason_of`)."""
        return series if self.projection is None else values_of([self], series)[self.name]


def values_of(sources: Sequence[Source], series: pl.Series) -> dict[str, pl.Series]:
    """The values of sources of one column that are computed together, by the sources' names."""
    first = sources[0]
    if first.projection is None:
        return {first.name: series}
    names = {source.projection: source.name for source in sources if source.projection is not None}
    learned = first.learned or project.unlearned(first.projection)
    found = project.apply(learned, names, series)
    return {
        names[name]: found[name] if name in found else project.failed(name, len(series), "it gave no values")
        for name in names
    }


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
        parts = [self.count_columns(names, frame) for names in self.together]
        return self.assemble(frame.height, self.in_order(parts), self.count_rows(frame))

    def in_order(self, parts: Iterable[Mapping[str, ColumnProfile]]) -> dict[str, ColumnProfile]:
        """Profiles of columns that were computed in groups, in the order of the columns."""
        found = {name: profile for part in parts for name, profile in part.items()}
        return {name: found[name] for name in self.columns}

    @cached_property
    def together(self) -> tuple[tuple[str, ...], ...]:
        """The profiled columns, in order, those that are computed together (one column, one family) side by side."""
        found: dict[object, list[str]] = {}
        for name, source in self.sources.items():
            found.setdefault(name if source.learned is None else (source.column, id(source.learned)), []).append(name)
        return tuple(map(tuple, found.values()))

    def count_columns(self, names: Sequence[str], frame: pl.DataFrame) -> dict[str, ColumnProfile]:
        """Profile columns of a batch that are computed together, by the weights where there are any."""
        return {name: self.count_values(name, series, frame) for name, series in self.values(names, frame).items()}

    def count_values(self, name: str, series: pl.Series, frame: pl.DataFrame) -> ColumnProfile:
        """Profile the values of one column."""
        if self.weight is None:
            return self.columns[name].count(series).because(project.reason_of(series))
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

    def values(self, names: Sequence[str], frame: pl.DataFrame) -> dict[str, pl.Series]:
        """The values of profiled columns that are computed together: projected where they are projections.

        Nulls where the frame lacks the column.
        """
        sources = [self.sources[name] for name in names]
        if sources[0].column not in frame.columns:
            return {name: pl.Series(name, [None], dtype=pl.Null).new_from_index(0, frame.height) for name in names}
        found = values_of(sources, frame[sources[0].column])
        return dict(zip(names, (found[source.name] for source in sources), strict=True))

    def each(self, frame: pl.DataFrame, names: Collection[str] | None = None) -> Iterator[tuple[str, pl.Series]]:
        """The values of each profiled column, or of those named, one after the other."""
        for group in self.together:
            wanted = [name for name in group if names is None or name in names]
            if wanted:
                yield from self.values(wanted, frame).items()

    def count_rows(self, frame: pl.DataFrame) -> Profile:
        """Profile what needs several columns at once: the outcome and the extras; no columns."""
        whole = with_nulls(frame, {c for counter in self.extras for c in counter.columns})
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
        return Grids(columns, self.sources, self.outcome, self.in_slices.extras)

    @cached_property
    def in_slices(self) -> Grids:
        """The same without the counters that tell of whole windows alone."""
        extras = tuple(counter for counter in self.extras if not counter.of_windows)
        return self if extras == self.extras else Grids(self.columns, self.sources, self.outcome, extras)

    @cached_property
    def digest(self) -> str:
        """16 hex digits that name these grids."""
        parts = [f"{name}={grid.digest}" for name, grid in sorted(self.columns.items())]
        tail = [repr(sorted(self.sources.items(), key=lambda s: s[0])), *(c.to_text() for c in self.extras)]
        parts += [f"{i}={written(learned.to_fields())}" for i, learned in enumerate(self.learned)]
        outcome = frame_to_fields(fields_to_frame(self.outcome.all_fields())) if self.outcome else {}
        tail += [written(outcome)] if outcome else []
        return hashlib.blake2b("\n".join(parts + tail).encode(), digest_size=8).hexdigest()

    @cached_property
    def learned(self) -> tuple[Learned, ...]:
        """What projections learned, each once, in the order of the columns."""
        found = [source.learned for source in self.sources.values() if source.learned is not None]
        return tuple({id(one): one for one in found}.values())

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        """Everything as named arrays."""
        places = {id(one): i for i, one in enumerate(self.learned)}
        packed: dict[str, Ints | Floats | list[str]] = {
            "names": list(self.columns),
            "sources": [self.sources[name].column for name in self.columns],
            "projections": [self.sources[name].projection or "" for name in self.columns],
            "learned": np.array([places.get(id(self.sources[name].learned), -1) for name in self.columns], np.int64),
            "extras": [counter.to_text() for counter in self.extras],
        }
        for i, one in enumerate(self.learned):
            packed |= prefixed(f"learned{i}", one.to_fields())
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
        kept = {int(i): Learned.from_fields(part) for i, part in grouped(fields, "learned").items()}
        places = np.asarray(fields.get("learned", np.full(len(names), -1))).tolist()
        triples = zip(map(str, fields["sources"]), map(str, fields["projections"]), places, strict=True)
        sources = {name: Source(c, p or None, kept.get(i)) for name, (c, p, i) in zip(names, triples, strict=True)}
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


def with_nulls(frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """The frame, with nulls in those of the columns that it lacks."""
    missing = sorted(set(columns) - set(frame.columns))
    return frame.with_columns(**dict.fromkeys(missing, pl.lit(None))) if missing else frame


def learn_column(column: Column, series: pl.Series) -> dict[Source, ColumnProfile]:
    """Fit the grids of a column and count the column on them; one sort or one tally serves both.

    Raises:
        SchemaError: the column names a projection that there isn't, or that isn't for its kind.
    """
    return learn_plain(column, series) | learn_projected(column, series)


def learn_plain(column: Column, series: pl.Series) -> dict[Source, ColumnProfile]:
    """Fit the grid of the column as it is; nothing where its kind has none."""
    if column.kind in NUMERIC_KINDS or (column.kind == Kind.CONSTANT and series.dtype.is_numeric()):
        return {Source(column.name): NumericGrid.learn(series, temporal=column.kind == Kind.DATETIME)}
    if column.kind in CATEGORICAL_KINDS or column.kind == Kind.CONSTANT:
        return {Source(column.name): CategoricalGrid.learn(series)}
    return {}


def learn_projected(column: Column, series: pl.Series) -> dict[Source, ColumnProfile]:
    """Let projections learn from the column, and fit grids to what they make of it.

    What learns does so from one half of the rows, and is counted on the other: on the rows that it knows by heart,
    every reconstruction is good and no word is new, and the next window would look odd.
    """
    if column.kind == Kind.TEXT and unreadable(series.dtype):
        return {}  # lists, structs, bytes: kept, not profiled
    families: dict[str, list[project.Projection]] = {}
    for one in project.chosen(column):
        families.setdefault(one.family.name, []).append(one)
    if not families:
        return {}
    found: dict[Source, ColumnProfile] = {}
    known = pl.Series(scattered(len(series)) < 0.5)
    for members in families.values():
        family = members[0].family
        own, others = (series, series) if family.learn is None else (series.filter(known), series.filter(~known))
        learned = project.learn(family, own, column.kind)
        values = project.apply(learned, [one.name for one in members], others)
        for one in members:
            if one.name not in values:
                continue  # vectors of two numbers have no third component
            made = values[one.name]
            profile = CategoricalGrid.learn(made) if one.categorical else NumericGrid.learn(made)
            found[Source(column.name, one.name, learned)] = profile.because(project.reason_of(made))
    return found


OutcomeFit = Callable[[Schema, pl.DataFrame], OutcomeGrid]


def fit_outcome(schema: Schema, frame: pl.DataFrame) -> OutcomeGrid | None:
    """Fit the outcome grid on reference rows; None where the schema names no task, or nothing to compare."""
    if schema.task is None or (schema.score is None and schema.prediction is None):
        return None
    return FITS[schema.task](schema, frame)


def written(fields: Fields) -> str:
    """Fields as one text, the same for the same values."""
    return "\n".join(f"{n}={v if isinstance(v, list) else v.tobytes().hex()}" for n, v in fields.items())


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
