"""The counting pass on this machine: batches streamed, threads over columns, memory bounded whatever the rows.

    Table ──sample──> Grids          (once, when a reference is registered)
    Table ──batches──> Grids.count ──+──> Profile

Where reading one column costs only that column (Parquet, Delta, memory) each thread takes a column and streams it;
otherwise whole batches are read once and the threads share out their columns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial, reduce, singledispatch
from operator import add
from typing import Any, TypeVar

import polars as pl

from retrue.core import project
from retrue.core.column import ColumnProfile
from retrue.core.extra import Counter
from retrue.core.grids import Grids, Source, fit_outcome, learn_column
from retrue.core.joint_fit import fit_joint
from retrue.core.profile import Profile
from retrue.core.reference import Reference, window_profiles
from retrue.core.scores import score_bins
from retrue.core.state import Ints
from retrue.core.times import event_times, window_starts
from retrue.schema import Column, Kind, Schema
from retrue.schema.infer import Look, is_large, rows_of
from retrue.schema.kinds import infer_column
from retrue.tables import Table, read

Known = Mapping[tuple[str, Kind], Mapping[Source, ColumnProfile]]
"""What was learned of columns already, by name and by the kind that they were taken for."""

T = TypeVar("T")
R = TypeVar("R")

FIT_ROWS = 1_000_000
"""Rows that grids are fitted on; a larger reference is sampled evenly, then all of it is counted."""
JOINT_ROWS = 20_000
"""Rows that tell how noisy it is what columns do together."""
SCORE_ROWS = 200_000
"""Labelled rows that tell how well the model does in each bin."""


def workers() -> int:
    """How many threads count: the cores this process may use."""
    return max(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 1)


def infer(table: Table, **roles: Any) -> tuple[Schema, Known]:
    """Infer a schema and, where one read of a column tells both, learn the grid that its kind asks for.

    Args:
        table: the reference events.
        roles: what `Schema.infer` takes.

    Returns:
        The schema, and what was learned, for `fit_reference`.
    """
    if not table.columnar or table.count_rows() > FIT_ROWS:
        return Schema.infer(table, **roles), {}
    known: dict[tuple[str, Kind], dict[Source, ColumnProfile]] = {}
    # What gets no grid, or one that isn't known yet.
    dull = {roles.get("id"), roles.get("time"), *(roles.get("projections") or ())}

    def one(name: str, rows: int) -> tuple[pl.Series, Column]:
        whole = read(table.collect([name]))
        values = whole.sample([name], rows_of(table, name, rows))[name]
        column = infer_column(values, table.count_rows())
        if name not in dull and not is_large(values.dtype):
            known[name, column.kind] = learn_column(column, whole.collect()[name])
        return values, column

    def look(table: Table, rows: int) -> Look:
        seen = spread(partial(one, rows=rows), list(table.dtypes))
        return Look({column.name: values for values, column in seen}, tuple(column for _, column in seen))

    return Schema.infer(table, look=look, **roles), known


def fit_reference(
    table: Table,
    schema: Schema,
    extras: Sequence[Counter] = (),
    *,
    window: float | None = None,
    without: Collection[str] = (),
    known: Known | None = None,
    joint: bool = False,
) -> Reference:
    """Fit grids on a reference table and profile it on them.

    Args:
        table: the reference events.
        schema: what they look like; its `profiled` columns get grids.
        extras: counters over whole rows.
        window: seconds; how long the windows are that show how the reference wanders. None: don't look.
        without: columns that get no grid, such as a label that comes later than its event.
        known: what `infer` learned of this table.
        joint: whether to count what the features do together (`retrue.core.joint`) as well.
    """
    grids, profile = learn(table, schema, extras, without, known or {})
    if joint and grids.weight is None:
        grids, profile = with_joint(table, schema, grids, profile, window)
    return completed(table, schema, grids, profile, window)


def with_joint(
    table: Table, schema: Schema, grids: Grids, profile: Profile, window: float | None
) -> tuple[Grids, Profile]:
    """The same with the counter of what the features do together, where there are two of them."""
    reads = present({*schema.features, *([schema.time] if schema.time else [])}, table)
    if not reads:
        return grids, profile
    sample = table.sample(reads, JOINT_ROWS)
    rows = table.count_rows() / windows_in(sample, schema, window)
    counter = fit_joint(schema, profile.columns, sample, rows)
    if counter is None:
        return grids, profile
    alone = Grids({}, {}, None, (counter,))
    counted = count(table, alone)
    whole = replace(grids, extras=(*grids.extras, counter))
    return whole, replace(profile, extras={**profile.extras, **counted.extras})


def windows_in(sample: pl.DataFrame, schema: Schema, window: float | None) -> int:
    """How many windows the rows fall into; one where they have no time."""
    if schema.time is None or window is None or schema.time not in sample.columns:
        return 1
    times = event_times(sample[schema.time], schema.timezone)
    return max(window_starts(times, max(int(window), 1), schema.timezone).drop_nulls().n_unique(), 1)


def learn_reference(table: Table, schema: Schema, grids: Grids, *, window: float | None = None) -> Reference:
    """Profile a reference table on grids that are there already."""
    return completed(table, schema, grids, count(table, grids), window)


def completed(table: Table, schema: Schema, grids: Grids, profile: Profile, window: float | None) -> Reference:
    """Add how well the reference was predicted in each bin, and how its windows wander."""
    labelled = schema.label is not None and schema.label in table.dtypes and grids.outcome is not None
    scores = score_bins(grids, table.sample(present(grids.reads, table), SCORE_ROWS), schema.value) if labelled else {}
    windows = reference_windows(table, grids, schema, window)
    return Reference(schema, grids, profile, scores, tuple(windows.values()), tuple(windows))


def reference_windows(table: Table, grids: Grids, schema: Schema, window: float | None) -> dict[int, Profile]:
    """Profile the reference's own windows by their start, cut as those of production; none where it has no time."""
    dated = timed_rows(table, grids, schema, window)
    return {} if dated is None else window_profiles(grids, *dated)


def timed_rows(
    table: Table, grids: Grids, schema: Schema, window: float | None, more: Iterable[str] = ()
) -> tuple[pl.DataFrame, Ints] | None:
    """The rows that have a time, and int64[rows], when the window of each starts; None where there is no time.

    Args:
        table: the reference events.
        grids: say which columns are read.
        schema: names the time, and its zone.
        window: seconds.
        more: columns that are read besides.
    """
    time = schema.time
    if time is None or time not in table.dtypes or window is None:
        return None
    frame = table.sample(present([*grids.reads, time, *more], table), FIT_ROWS)
    times = event_times(frame[time], schema.timezone)
    starts = window_starts(times, max(int(window), 1), schema.timezone)
    known = starts.is_not_null()
    return frame.filter(known), starts.filter(known).to_numpy()


def learn(
    table: Table, schema: Schema, extras: Sequence[Counter], without: Collection[str], known: Known
) -> tuple[Grids, Profile]:
    """Fit grids and profile the table on them; up to `FIT_ROWS` rows are read, sorted and tallied once for both."""
    grids, columns = learn_columns(table, schema, extras, without, known)
    if table.count_rows() > FIT_ROWS or grids.weight is not None:
        return grids, count(table, grids)
    return grids, grids.assemble(table.count_rows(), columns, count_together(table, grids))


def fit_grids(table: Table, schema: Schema, extras: Sequence[Counter] = (), without: Collection[str] = ()) -> Grids:
    """Fit the grids of all profiled columns and of the outcome, threads over columns."""
    return learn_columns(table, schema, extras, without, {})[0]


def learn_columns(
    table: Table, schema: Schema, extras: Sequence[Counter], without: Collection[str], known: Known
) -> tuple[Grids, dict[str, ColumnProfile]]:
    """Fit the grids, and profile the rows that each was fitted on."""
    columns = [c for c in counted_columns(schema) if c.name in table.dtypes and c.name not in without]
    # Reading a column at a time is only cheap where the table is columnar; else one sample serves all.
    whole = None if table.columnar else table.sample([c.name for c in columns], FIT_ROWS)

    def one(column: Column) -> Mapping[Source, ColumnProfile]:
        if (column.name, column.kind) in known:
            return known[column.name, column.kind]
        frame = table.sample([column.name], FIT_ROWS) if whole is None else whole
        return learn_column(column, frame[column.name])

    learned = {
        source: profile
        for found in spread(one, columns)
        for source, profile in found.items()
        if source.projection is None or source.name not in table.dtypes  # a column of that name goes before
    }
    together = present(outcome_columns(schema), table)
    outcome = fit_outcome(schema, table.sample(together, FIT_ROWS)) if together else None
    profiles = {source.name: profile for source, profile in learned.items()}
    grids = {name: profile.grid for name, profile in profiles.items()}
    return Grids(grids, {source.name: source for source in learned}, outcome, tuple(extras)), profiles


def counted_columns(schema: Schema) -> list[Column]:
    """The columns that get a grid: the profiled ones, features that projections turn into numbers, and empty ones.

    A feature without a value in the reference is counted too: that it has values now is worth telling.
    """
    features = [schema.column(name) for name in schema.features]
    more = [c for c in features if c.kind == Kind.EMPTY or c.projections or project.of_kind(c.kind)]
    return list(dict.fromkeys([*schema.profiled, *more]))


def outcome_columns(schema: Schema) -> list[str]:
    """The label, score and prediction columns."""
    score = schema.score
    scores = [] if score is None else [score] if isinstance(score, str) else list(score.values())
    return list(dict.fromkeys(c for c in (schema.label, schema.prediction, *scores) if c is not None))


def present(names: Iterable[str], table: Table) -> list[str]:
    """Those of `names` that the table has, in its order."""
    wanted = set(names)
    return [name for name in table.dtypes if name in wanted]


@singledispatch
def count(table: Table, grids: Grids) -> Profile:
    """Profile a whole table in one pass; a column that it lacks counts as all null.

    A table of another engine is counted there: `engine.spark` registers how.
    """
    return count_columns(table, grids) if table.columnar else count_batches(table, grids)


def count_columns(table: Table, grids: Grids) -> Profile:
    """Stream each column by itself, threads over columns."""
    rows = table.count_rows()

    def some(names: Sequence[str]) -> dict[str, ColumnProfile]:
        wanted = present(filter(None, (grids.sources[names[0]].column, grids.weight)), table)
        if not wanted:
            return grids.count_columns(names, nulls(rows, ["missing"]))
        parts = (grids.count_columns(names, batch) for batch in table.batches(wanted))
        return reduce(add_each, parts, {name: grids.empty_column(name) for name in names})

    # What needs several columns takes longest, so it begins first.
    works: list[Callable[[], Any]] = [
        partial(count_together, table, grids),
        *(partial(some, n) for n in grids.together),
    ]
    together, *columns = spread(lambda work: work(), works)
    return grids.assemble(rows, grids.in_order(columns), together)


def add_each(some: Mapping[str, ColumnProfile], others: Mapping[str, ColumnProfile]) -> dict[str, ColumnProfile]:
    """Add profiles of the same columns."""
    return {name: profile + others[name] for name, profile in some.items()}


def count_together(table: Table, grids: Grids) -> Profile:
    """Count the outcome and the extras, which need several columns at once."""
    read = present(grids.reads_together, table)
    parts = [grids.count_rows(batch) for batch in table.batches(read)] if read else []
    return reduce(add, parts) if parts else grids.count_rows(nulls(table.count_rows(), grids.reads_together))


def nulls(rows: int, columns: Iterable[str]) -> pl.DataFrame:
    """A frame of nulls."""
    return pl.DataFrame(schema=dict.fromkeys(columns, pl.Null)).clear(rows)


def count_batches(table: Table, grids: Grids) -> Profile:
    """Read whole batches once and share out their columns among the threads."""
    # Without a column a batch has no rows, and rows that lack every column are counted as well.
    wanted, total = present(grids.reads, table) or list(table.dtypes)[:1], grids.empty()
    for batch in table.batches(wanted):
        parts = spread(partial(grids.count_columns, frame=batch), grids.together)
        total += grids.assemble(batch.height, grids.in_order(parts), grids.count_rows(batch))
    return total


def spread(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Do `work` on each item in threads, results in order. NumPy and Polars free the interpreter while they count."""
    if len(items) < 2 or workers() == 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(workers()) as pool:
        return list(pool.map(work, items))
