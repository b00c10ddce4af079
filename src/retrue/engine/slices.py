"""Slices, counted: a table's profile and that of each of its slices from one pass, and a reference with its slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import singledispatch

import numpy as np
import polars as pl

from retrue.core.cube import EVERYTHING, cube
from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.core.reference import Reference
from retrue.core.scores import BinScores, score_bins
from retrue.core.segments import segments
from retrue.core.state import Bools
from retrue.engine.local import SCORE_ROWS, present, timed_rows
from retrue.errors import SliceError
from retrue.slices import Slice
from retrue.tables import Table

MOST = 20
"""The most slices of a registered model that are judged by themselves."""
LEAST_WINDOWS = 12
"""Fewer reference windows don't show how a slice wanders: nine weeks of one airport's weather made alarms of spring."""
SLICE_WINDOWS = 60
"""The most reference windows of a slice that are kept, the last ones: enough to know how it wanders."""


@singledispatch
def sliced(table: Table, part: Slice | None) -> Table:
    """The rows of a slice; None: all."""
    if part is None:
        return table
    part.check(table.dtypes)
    return Table(table.frame.filter(part.expr), f"{table.name} where {part}", None, table.columnar)


@singledispatch
def count_slices(table: Table, grids: Grids, slices: Sequence[Slice]) -> dict[str, Profile]:
    """Profile a table and its slices; every row is read once.

    Args:
        table: the events.
        grids: all rows are counted on these, slices on `grids.coarse`.
        slices: which rows; they may overlap.

    Returns:
        Each slice's profile by its SQL, and that of all rows as "".

    Raises:
        SliceError: a slice that doesn't fit the table.

    >>> import polars as pl
    >>> from retrue.core.grid import CategoricalGrid
    >>> from retrue.core.grids import Source
    >>> from retrue.tables import read
    >>> table = read({"city": ["a", "a", "b"]})
    >>> grids = Grids({"city": CategoricalGrid.fit(pl.Series(["a", "b"]))}, {"city": Source("city")})
    >>> {name: part.rows for name, part in count_slices(table, grids, [Slice.parse("city = 'a'")]).items()}
    {'': 3, "city = 'a'": 2}
    """
    for one in slices:
        one.check(table.dtypes)
    found = {EVERYTHING: grids.empty(), **{one.to_sql(): grids.coarse.empty() for one in slices}}
    # Without a column a batch has no rows, and rows that lack every column are counted as well.
    wanted = present(grids.reads.union(*(one.columns for one in slices)), table) or list(table.dtypes)[:1]
    for batch in table.batches(wanted):
        masks = {one.to_sql(): one.mask(batch).to_numpy() for one in slices}
        for name, profile in parts_of(grids, batch, masks):
            found[name] = found[name] + profile
    return found


def parts_of(grids: Grids, batch: pl.DataFrame, masks: Mapping[str, Bools]) -> Iterator[tuple[str, Profile]]:
    """Profile one batch and its slices: in one cube, or one by one where events are weighted."""
    if grids.weight is None:
        for (_, name), profile in cube(grids, batch, np.zeros(batch.height, np.int64), masks).items():
            yield name, profile
        return
    yield EVERYTHING, grids.count(batch)
    for name, mask in masks.items():
        yield name, grids.coarse.count(batch.filter(pl.Series(mask)))


def with_slices(
    reference: Reference, table: Table, least: int, *, window: float | None = None, most: int | None = None
) -> Reference:
    """The same reference with what it looks like in each of its schema's slices.

    Args:
        reference: learned from the table.
        table: its rows.
        least: rows that a slice needs to be judged by itself.
        window: seconds; how long the windows are that show how each slice wanders: slices with fewer than
            `LEAST_WINDOWS` are left out. None: don't look.
        most: the most slices; None: all.

    Raises:
        SchemaError: a slice column isn't categorical.
    """
    slices = segments(reference.schema, reference.profile, least)[:most]
    if not slices:
        return reference
    grids, profiles = reference.grids.coarse, count_slices(table, reference.grids, slices)
    scores = slice_scores(reference, table, slices)
    windows = slice_windows(reference, table, slices, window)
    parts = {
        sql: Reference(reference.schema, grids, profiles[sql], scores[sql], windows.get(sql, ()))
        for sql in map(Slice.to_sql, slices)
        if window is None or len(windows.get(sql, ())) >= LEAST_WINDOWS
    }
    return replace(reference, slices=parts)


def slice_windows(
    reference: Reference, table: Table, slices: Sequence[Slice], window: float | None
) -> dict[str, tuple[Profile, ...]]:
    """Profile the last of the reference's own windows in each slice, oldest first; none where it has no time."""
    dated = timed_rows(table, reference.grids, reference.schema, window, [c for one in slices for c in one.columns])
    if dated is None:
        return {}
    frame, starts = dated
    last = np.unique(starts)[-SLICE_WINDOWS:]
    kept = np.isin(starts, last)
    frame, starts, grids = frame.filter(pl.Series(kept)), starts[kept], reference.grids
    masks = {one.to_sql(): one.mask(frame).to_numpy() for one in slices}
    counted = cube(Grids(grids.columns, grids.sources, grids.outcome), frame, starts, masks)
    found: dict[str, list[Profile]] = {}
    for (_, name), profile in counted.items():
        found.setdefault(name, []).append(profile)
    return {name: tuple(own) for name, own in found.items() if name != EVERYTHING}


def slice_scores(reference: Reference, table: Table, slices: Sequence[Slice]) -> dict[str, dict[str, BinScores]]:
    """How well each slice was predicted in each bin; nothing where the reference has no labels."""
    if not reference.scores:
        return {one.to_sql(): {} for one in slices}
    wanted = reference.grids.reads.union(*(one.columns for one in slices))
    frame = table.sample(present(wanted, table), SCORE_ROWS)
    return {
        one.to_sql(): score_bins(reference.grids.coarse, frame.filter(one.mask(frame)), reference.schema.value)
        for one in slices
    }


def fitting(slices: Sequence[Slice], table: Table) -> list[Slice]:
    """Those slices that the table has the columns for, of a type that they can be compared with."""
    return [one for one in slices if is_fitting(one, table)]


def is_fitting(one: Slice, table: Table) -> bool:
    """Tell whether a slice fits a table."""
    try:
        one.bind(table.dtypes)
    except SliceError:
        return False
    return True
