"""Columns as vectors, so that one set of projections serves embeddings, texts and images.

    embedding ── its numbers ──────────────────┐
    text ── hashed words, weighted, length 1 ──┼── float64[rows, d] ── components, clusters, densities
    image ── a grey thumbnail ─────────────────┘

A row that is no such vector (another length, NaN or infinity inside, an image that can't be read) is NaN in every
projection and so is counted apart; a null stays null. Products are taken row by row (`np.vecdot`): a matrix product's
last bits depend on how many rows come together, and a value would then fall into another bin than in another batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import NamedTuple

import numpy as np
import polars as pl

from retrue.core.project import hashing, pixels
from retrue.core.state import Bools, Fields, Floats, Ints
from retrue.errors import ProfileError
from retrue.schema import Kind
from retrue.tables.table import spread

KINDS = frozenset({Kind.TEXT, Kind.EMBEDDING, Kind.IMAGE})
SAMPLE = 8_192
"""Rows of the reference that are learned from, spread over it."""
LEAST = 20
"""Vectors that are enough to learn from."""
CELLS = 1 << 22
"""Numbers to hold at a time: 32 MB."""
DIGITS = 6
"""Decimals kept of a projected value, in units of the reference's spread: processors differ in the last bits."""


LEARNING = Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold the linear algebra of what is loaded by now to one thread, and to one column at a time.

    Its threads wait by spinning, and columns are learned side by side: k-means took seven times the processor time.
    """
    from threadpoolctl import threadpool_limits

    with LEARNING, threadpool_limits(1):
        yield


class Vectors(NamedTuple):
    """The rows that are vectors, float64[n, d], and which they are."""

    matrix: Floats
    rows: Ints


def sampled(series: pl.Series) -> pl.Series:
    """The rows to learn from: those that have a value, at most `SAMPLE`, spread over all."""
    present = series.drop_nulls()
    return present if len(present) <= SAMPLE else present.gather(spread(len(present), SAMPLE))


def basis(series: pl.Series, kind: Kind) -> tuple[Fields, Floats]:
    """Learn how a column is read as vectors.

    Returns:
        What `read` needs later, and the vectors of the reference's rows, float64[n, d].

    Raises:
        ProfileError: too few vectors to learn from.
    """
    sample = sampled(series)
    fields: Fields = {"kind": [str(kind)], "dimension": np.array([hashing.DIMENSION])}
    if kind == Kind.TEXT:
        fields = {**fields, "weights": hashing.weights_of(hashing.counts(sample))}
    elif kind == Kind.IMAGE:
        fields = {**fields, "dimension": np.array([pixels.SIDE**2]), "white": np.array([pixels.white_of(sample)])}
    else:
        fields = {**fields, "dimension": np.array([usual_length(sample)])}
    matrix = read(sample, fields).matrix
    if len(matrix) < LEAST:
        raise ProfileError(f"only {len(matrix):,} rows of the reference can be read", expected=f"at least {LEAST}")
    return fields, matrix


def read(series: pl.Series, fields: Fields) -> Vectors:
    """Read a batch as vectors."""
    kind, dimension = Kind(str(fields["kind"][0])), whole(fields, "dimension")
    if kind == Kind.TEXT:
        rows = np.flatnonzero(series.is_not_null().to_numpy())
        weights = np.asarray(fields["weights"], np.float64)
        return Vectors(hashing.weighted(hashing.counts(series.gather(rows)), weights), rows)
    if kind == Kind.IMAGE:
        thumbs = pixels.thumbnails(series, float(np.asarray(fields["white"])[0]))
        return finite(thumbs, np.arange(len(series)))
    return numbers(series, dimension)


def finite(matrix: Floats, rows: Ints) -> Vectors:
    """The rows without NaN and infinity."""
    good = np.isfinite(matrix).all(axis=1)
    return Vectors(matrix, rows) if good.all() else Vectors(matrix[good], rows[good])


def numbers(series: pl.Series, dimension: int) -> Vectors:
    """Lists of numbers of one length, float64[n, dimension]."""
    lists = as_lists(series)
    fits: Bools = (lists.list.len() == dimension).fill_null(value=False).to_numpy()
    rows = np.flatnonzero(fits)
    values = lists.filter(pl.Series(fits)).explode().cast(pl.Float64, strict=False)
    matrix = np.asarray(values.fill_null(float("nan")).to_numpy(), np.float64).reshape(rows.size, dimension)
    return finite(matrix, rows)


def as_lists(series: pl.Series) -> pl.Series:
    """Vectors of any type as lists.

    Raises:
        ProfileError: they aren't lists of numbers.
    """
    dtype = series.dtype
    if dtype == pl.Binary:
        found = [None if one is None else list(one) for one in series]
        return pl.Series(series.name, found, dtype=pl.List(pl.UInt8))
    lists = series.arr.to_list() if isinstance(dtype, pl.Array) else series
    if dtype == pl.Null:
        return series.cast(pl.List(pl.Float64))
    if not isinstance(lists.dtype, pl.List) or not is_number(lists.dtype.inner):
        raise ProfileError(f"values of type {dtype} are no vectors", expected="lists or arrays of numbers")
    return lists


def is_number(dtype: object) -> bool:
    """Whether the elements of a list are numbers; those of empty lists may be."""
    return isinstance(dtype, pl.DataType) and (dtype.is_numeric() or dtype == pl.Boolean or dtype == pl.Null)


def usual_length(series: pl.Series) -> int:
    """The most frequent length of lists; the smaller one where two are as frequent."""
    lengths = as_lists(series).list.len().drop_nulls().to_numpy()
    return int(np.bincount(lengths)[1:].argmax()) + 1 if lengths.max(initial=0) else 1


def through(
    series: pl.Series, fields: Fields, names: tuple[str, ...], work: Callable[[Floats], Floats]
) -> dict[str, pl.Series]:
    """Compute something of each vector of a batch, in parts that fit into memory.

    Args:
        series: the batch.
        fields: what `basis` learned.
        names: of what is computed.
        work: from float64[n, d] to float64[n, len(names)]; each row by itself.
    """
    out = np.full((len(series), len(names)), np.nan)
    step = max(CELLS // max(whole(fields, "dimension"), 1), 256)
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(series), step):
            matrix, rows = read(series[start : start + step], fields)
            if rows.size:
                out[start + rows] = np.round(work(matrix), DIGITS) + 0.0
    out[~np.isfinite(out)] = np.nan
    return {name: pl.Series(name, out[:, i]) for i, name in enumerate(names)}


def products(matrix: Floats, directions: Floats) -> Floats:
    """float64[n, k]: the product of each row, float64[n, d], with each direction, float64[k, d]."""
    return np.asarray(np.vecdot(matrix[:, None, :], directions[None]), np.float64)


def rows_of(fields: Fields, name: str, width: int) -> Floats:
    """A learned matrix, float64[k, width], which is stored flat."""
    return np.asarray(fields[name], np.float64).reshape(-1, width)


def whole(fields: Fields, name: str) -> int:
    """A learned whole number."""
    return int(np.asarray(fields[name])[0])
