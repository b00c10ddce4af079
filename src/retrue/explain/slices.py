"""Which rows: the short predicates that explain best how the input, the loss, or two versions' outputs differ.

    code both tables --> search --> first slice --> rake the reference to its share --> search again --> next slice ...

After raking, what merely went along with a slice (ages 18 to 21 with student housing) is no longer news, so the
answers don't repeat each other. An answer is a `Slice`, usable at once as a monitor, a signal or a collection rule.

    find_slices       where did the input change most; where did the loss rise most, row for row of the same kind
    find_worst        where is the loss worst in one table, realised or expected
    find_differences  where do two versions of a model differ most
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from retrue.errors import TableError
from retrue.explain.coding import code
from retrue.explain.column import Floats
from retrue.explain.finding import Asked, Finding
from retrue.explain.hunt import Hunt
from retrue.explain.search import DEEPEST
from retrue.schema import Kind

MIN_ROWS = 50
"""Fewer rows than this in either table explain nothing."""


def find_slices(
    window: pl.DataFrame,
    reference: pl.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    kinds: Mapping[str, Kind] | None = None,
    question: Literal["share", "loss"] = "share",
    losses: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    depth: int = 3,
    limit: int = 3,
    alpha: float = 0.05,
    least: float = 0.01,
) -> list[Finding]:
    """Find the slices that explain best how the window differs from the reference, the best first.

    Args:
        window: the window's rows; columns of other types than numbers, times, booleans and text are left out.
        reference: the reference's rows.
        columns: which columns to speak about; left out, all that both tables have.
        kinds: what columns are, from the schema: categories get sets, numbers ranges.
        question: "share": where did the input change most; "loss": where did the loss rise most (needs `losses`).
        losses: each row's loss in the window and in the reference (0 or 1 for wrong, or any number); not finite:
            unknown. With the question "share" they are reported, not searched.
        depth: conditions in a predicate, 1 to 3.
        limit: slices at most.
        alpha: on tables without a difference at most this share of searches gives any slice.
        least: the smallest change of share worth naming; a further slice has to move by 2 points.

    Returns:
        nothing where nothing is surprising or fewer than 50 rows are there. For "loss", the slice `TRUE` says that the
        loss rose everywhere alike.

    Raises:
        SchemaError: an unknown column.
        TableError: losses are asked for and not given, or of another length; or a depth beyond 3.
    """
    known = None
    if losses is not None:
        known = _losses(losses[0], window, "find_slices"), _losses(losses[1], reference, "find_slices")
    if question == "loss":
        if known is None:
            raise TableError("no losses to search", where="find_slices", hint="give losses=(window, reference)")
        (window, now), (reference, before) = _labelled(window, known[0]), _labelled(reference, known[1])
        known = now, before
    if min(window.height, reference.height) < MIN_ROWS:
        return []
    hunt = Hunt(code(window, reference, columns, kinds), _depth(depth), math.log(2 / alpha), known)
    return list(hunt.rises(known, limit, least) if question == "loss" and known else hunt.shares(limit, least))


def find_worst(
    table: pl.DataFrame,
    losses: npt.ArrayLike,
    columns: Sequence[str] | None = None,
    *,
    kinds: Mapping[str, Kind] | None = None,
    depth: int = 3,
    limit: int = 3,
    alpha: float = 0.05,
) -> list[Finding]:
    """Find the slices of one table where the loss is worst, against all other rows, the best first.

    Args:
        table: the rows.
        losses: each row's loss: realised, or expected where labels are missing, or how much worse one version is than
            another; not finite: unknown.
        columns: which columns to speak about; left out, all.
        kinds: what columns are, from the schema.
        depth: conditions in a predicate, 1 to 3.
        limit: slices at most.
        alpha: on tables without a difference at most this share of searches gives any slice.

    Raises:
        SchemaError: an unknown column.
        TableError: losses of another length; or a depth beyond 3.

    >>> table = pl.DataFrame({"who": ["new", "old", "old", "old"] * 100})
    >>> [str(found) for found in find_worst(table, [1.0, 0.0, 0.0, 0.0] * 100)]
    ["who = 'new'"]
    """
    return _find_in_one(table, _losses(losses, table, "find_worst"), columns, kinds, depth, limit, alpha, "worst")


def find_differences(
    table: pl.DataFrame,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    columns: Sequence[str] | None = None,
    *,
    kinds: Mapping[str, Kind] | None = None,
    depth: int = 3,
    limit: int = 3,
    alpha: float = 0.05,
) -> list[Finding]:
    """Find the slices where two versions of a model differ most about the same rows, the best first.

    Args:
        table: the rows that both versions saw.
        first: what one said for each row: scores (fractions, compared by how far they are apart) or anything else
            (compared by whether they agree); null or not finite: unknown.
        second: what the other said.
        columns: which columns to speak about; left out, all.
        kinds: what columns are, from the schema.
        depth: conditions in a predicate, 1 to 3.
        limit: slices at most.
        alpha: on tables without a difference at most this share of searches gives any slice.

    Raises:
        SchemaError: an unknown column.
        TableError: outputs of another length; or a depth beyond 3.
    """
    said = [pl.Series(values if isinstance(values, pl.Series) else np.asarray(values)) for values in (first, second)]
    if any(len(values) != table.height for values in said):
        raise TableError(
            "outputs of another length than their table", where="find_differences", expected=f"{table.height}"
        )
    if all(values.dtype.is_float() for values in said):
        apart = (said[0] - said[1]).abs()
    else:
        apart = (said[0] != said[1]).cast(pl.Float64)
    known = apart.cast(pl.Float64).fill_null(math.nan).to_numpy()
    return _find_in_one(table, known, columns, kinds, depth, limit, alpha, "versions")


def _find_in_one(
    table: pl.DataFrame,
    losses: Floats,
    columns: Sequence[str] | None,
    kinds: Mapping[str, Kind] | None,
    depth: int,
    limit: int,
    alpha: float,
    asked: Asked,
) -> list[Finding]:
    table, known = _labelled(table, losses)
    if table.height < MIN_ROWS:
        return []
    coded, sides = code(table, table.clear(), columns, kinds), (known, np.zeros(0))
    return list(Hunt(coded, _depth(depth), math.log(2 / alpha), sides).worst(sides, limit, asked))


def _depth(depth: int) -> int:
    if not 1 <= depth <= DEEPEST:
        raise TableError(f"a depth of {depth}", where="the search for slices", expected=f"1 to {DEEPEST}")
    return depth


def _losses(losses: npt.ArrayLike, table: pl.DataFrame, where: str) -> Floats:
    found = np.asarray(losses, dtype=np.float64)
    if found.shape != (table.height,):
        raise TableError("losses of another length than their table", where=where, expected=f"({table.height},)")
    return found


def _labelled(table: pl.DataFrame, losses: Any) -> tuple[pl.DataFrame, Floats]:
    """Keep the rows whose loss is known."""
    known = np.isfinite(losses)
    return table.filter(pl.Series(known)), losses[known]
