"""`Slice`: a named predicate over an event.

The one language for segments, edge-case signals, an alert's offending rows, golden sets and retraining sets. Its
canonical form is a small subset of SQL (see `retrue.slice_sql`); its `compiler` says what it means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Union
from typing import Literal as Choice

import polars as pl

from retrue.errors import SliceError, first_line, nearest
from retrue.slice_sql.called import called
from retrue.slice_sql.terms import exact_column
from retrue.slice_sql.tree import (
    MAX_DEPTH,
    MAX_NESTING,
    MAX_TEXT,
    Call,
    Column,
    Comparison,
    In,
    IsNull,
    Literal,
    Node,
    Opaque,
    join,
    measure,
    negate,
    number,
    quote_name,
    quote_value,
    render,
    walk,
)

Value = float | str | date | None
"""What a slice can compare a column with: a boolean, integer, fraction, text, date or datetime; None means null."""
Source = Union[str, "Slice", "pl.Expr", Callable[["pl.DataFrame"], Any]]
"""What a slice is made of: SQL text, another slice, a Polars expression, or a function over a table."""

_BEYOND = 1.7976931348623157e308
_ALL = Literal(True)


@dataclass(frozen=True, eq=False)
class Slice:
    """A named predicate over an event.

    Two slices are equal when their predicate prints alike *and* they have the same name: a report has a line for each
    name. To ask only whether two choose the same rows by the same text, compare `sql`.

    Args:
        predicate: the tree; `Slice.parse` and `Slice.of` make it.
        name: what to call it; without one it is shown as its text.

    >>> s = Slice.parse("precip > 0.10 and (origin = 'JFK')", name="rain at JFK")
    >>> s.sql
    "precip > 0.1 AND origin = 'JFK'"
    >>> sorted(s.columns)
    ['origin', 'precip']
    >>> s.mask(pl.DataFrame({"precip": [0.2, None], "origin": ["JFK", "JFK"]})).to_list()
    [True, False]
    """

    predicate: Node
    name: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.predicate, Node):
            raise SliceError(
                f"a slice made of {type(self.predicate).__name__}",
                expected="a predicate",
                hint="Slice.of takes SQL text or a Polars expression, Slice.parse text only",
            )
        levels, nesting = measure(self.predicate)
        if levels > MAX_DEPTH or nesting > MAX_NESTING + 1:
            raise SliceError("a slice that nests too deeply", expected=f"at most {MAX_NESTING} levels")
        if len(self._text) > MAX_TEXT:
            raise SliceError(f"a slice of {len(self._text):,} characters", expected=f"at most {MAX_TEXT:,}")
        if "\0" in self._text:
            raise SliceError("a null byte in a slice", expected="text")
        if self.name is not None and not self.name.strip():
            raise SliceError("an empty slice name", expected="a name, or None")

    # Ways to make one

    @classmethod
    def parse(cls, text: str, name: str | None = None) -> Slice:
        """Read a predicate's SQL text.

        Raises:
            SliceError: the text isn't in the slice language; the message says which construct isn't.
        """
        from retrue.slice_sql.reader import parse

        if not isinstance(text, str):
            raise SliceError(f"a slice of type {type(text).__name__}", expected="SQL text such as precip > 0.1")
        return cls(parse(text), name)

    @classmethod
    def of(cls, source: Source, name: str | None = None) -> Slice:
        """Take SQL text, a slice, a Polars expression (which must be elementwise), or a function over a table.

        A function gets a DataFrame and gives a Boolean for each row. Neither it nor an expression can be stored.

        >>> Slice.of(pl.col("x") > 1).sql is None
        True
        >>> Slice.of(lambda table: table["x"] > table["y"]).mask(pl.DataFrame({"x": [1, 3], "y": [2, 2]})).to_list()
        [False, True]
        """
        if isinstance(source, Slice):
            return source if name is None else source.named(name)
        if isinstance(source, pl.Expr):
            return cls(Opaque(source), name)
        if callable(source):
            return cls(Opaque(called(source)), name)
        return cls.parse(source, name)

    @classmethod
    def all(cls) -> Slice:
        """Give the slice of all rows, `TRUE`."""
        return cls(_ALL)

    @classmethod
    def equals(cls, column: str, value: Value, name: str | None = None) -> Slice:
        """Give the rows where a column has a value; None means null, NaN means NaN.

        >>> print(Slice.equals("origin", "O'Hare").sql, Slice.equals("day of week", None).sql)
        origin = 'O''Hare' "day of week" IS NULL
        """
        return cls(_equals(Column(column), value), name)

    @classmethod
    def isin(cls, column: str, values: Iterable[Value], name: str | None = None) -> Slice:
        """Give the rows where a column has one of some values; None and NaN as in `equals`; no values, no rows.

        >>> Slice.isin("carrier", ["UA", "AA", None]).sql
        "carrier IN ('UA', 'AA') OR carrier IS NULL"
        """
        plain: list[Literal] = []
        other: list[Node] = []
        for value in values:
            node = _equals(Column(column), value)
            if isinstance(node, Comparison) and isinstance(node.right, Literal) and node.op == "=":
                plain.append(node.right)
            else:
                other.append(node)
        parts = [In(Column(column), tuple(plain)), *other] if plain else other
        return cls(join("OR", *parts) if parts else Literal(False), name)

    @classmethod
    def between(
        cls,
        column: str,
        low: float | date | None = None,
        high: float | date | None = None,
        *,
        closed: Choice["left", "right", "both", "none"] = "left",
        name: str | None = None,
    ) -> Slice:
        """Give the rows where a column is in a range: `[low, high)` unless `closed` says otherwise.

        A bound that is None or infinite isn't one. Without bounds: where the column isn't null.

        >>> print(Slice.between("delay", 15, 60).sql, "|", Slice.between("delay", high=15.5, closed="right").sql)
        delay >= 15 AND delay < 60 | delay <= 15.5
        """
        field, parts = Column(column), list[Node]()
        if not _unbounded(low):
            parts.append(Comparison(">=" if closed in ("left", "both") else ">", field, _constant(low)))
        if not _unbounded(high):
            parts.append(Comparison("<=" if closed in ("right", "both") else "<", field, _constant(high)))
        return cls(join("AND", *parts) if parts else negate(IsNull(field)), name)

    def named(self, name: str | None) -> Slice:
        """Give the same predicate by another name."""
        return Slice(self.predicate, name)

    # Its text

    @cached_property
    def sql(self) -> str | None:
        """The canonical text; None where a Polars expression is part of it."""
        return None if self._expressions else self._text

    def to_sql(self) -> str:
        """Give the canonical text, which parses back to an equal slice.

        Raises:
            SliceError: a Polars expression is part of it, and Polars has no stable text form.
        """
        if self.sql is None:
            raise SliceError(
                "a Polars expression can't be stored", where=self._where, hint="write the predicate as SQL text"
            )
        return self.sql

    @property
    def words(self) -> str:
        """Its rows as a sentence says them: `RELP in {16, 17}`; its name where it has one."""
        from retrue.slice_sql.words import say

        return self.name or say(self.predicate)

    @cached_property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        names = {node.name for node in walk(self.predicate) if isinstance(node, Column)}
        return frozenset(names).union(*(expr.meta.root_names() for expr in self._expressions))

    @cached_property
    def _text(self) -> str:
        return render(self.predicate)

    @cached_property
    def _expressions(self) -> tuple[pl.Expr, ...]:
        return tuple(node.expr for node in walk(self.predicate) if isinstance(node, Opaque))

    @property
    def _where(self) -> str:
        shown = self._text if len(self._text) <= 80 else self._text[:79] + "…"
        return f'slice "{shown}"' if self.name is None else f'slice {self.name!r} ("{shown}")'

    def __str__(self) -> str:
        return self.name or self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Slice):
            return NotImplemented
        mine, theirs = self._expressions, other._expressions
        same = (self.name, self._text, len(mine)) == (other.name, other._text, len(theirs))
        return same and all(a.meta.eq(b) for a, b in zip(mine, theirs, strict=True))

    def __hash__(self) -> int:
        return hash((self.name, self._text))

    # Combined

    def __and__(self, other: Slice) -> Slice:
        """Give the rows that are in both."""
        if self.predicate == _ALL:
            return other.named(None)
        return Slice(self.predicate if other.predicate == _ALL else join("AND", self.predicate, other.predicate))

    def __or__(self, other: Slice) -> Slice:
        """Give the rows that are in one or both."""
        return Slice(join("OR", self.predicate, other.predicate))

    def __invert__(self) -> Slice:
        """Give SQL's NOT: rows where the predicate is null are in neither."""
        return Slice(negate(self.predicate))

    # On rows

    def check(self, columns: Iterable[str], derived: Sequence[str] = ()) -> None:
        """Check that all its columns are known.

        Args:
            columns: those of the rows; names that begin with `_` may be asked for, but aren't offered.
            derived: those that are worked out where a slice asks for them.

        Raises:
            SliceError: a column isn't; the message names it and the nearest known one.
        """
        known = list(columns)
        offered = [name for name in known if not name.startswith("_")]
        for column in sorted(self.columns - {*known, *derived}):
            shown = ", ".join(quote_name(name) for name in offered[:10]) + (", ..." if len(offered) > 10 else "")
            more = f"; or derived: {', '.join(derived)}" if derived else ""
            raise SliceError(
                f"unknown column {column!r}",
                where=self._where,
                expected=f"one of {shown}{more}" if offered else "a table with columns",
                hint=nearest(column, [*offered, *derived]) or self._quoting(column),
            )

    def _quoting(self, column: str) -> str | None:
        """Explain quotes to who wrote `origin = "JFK"`."""
        nodes = (node for node in walk(self.predicate) if isinstance(node, Comparison))
        if any(node.right == Column(column) for node in nodes):
            return f"text is written in single quotes: {quote_value(column)}"
        return None

    def bind(self, dtypes: Mapping[str, pl.DataType]) -> pl.Expr:
        """Give a Polars expression for tables with these columns: Boolean, null where SQL says null.

        Works on lazy frames too: `frame.filter(s.bind(frame.collect_schema()))`.

        Raises:
            SliceError: a column is unknown, or something is compared with what it can't be.
        """
        from retrue.slice_sql.compiler import compile_tree

        self.check(dtypes)
        return compile_tree(self.predicate, dtypes, self._where)

    @property
    def expr(self) -> pl.Expr:
        """An expression for a table whose dtypes aren't known yet; `bind` is faster. Null counts as False."""
        if not self.columns:
            return self.bind({}).fill_null(value=False)
        return pl.struct([exact_column(name) for name in sorted(self.columns)]).map_batches(
            lambda rows: self.mask(rows.struct.unnest()), return_dtype=pl.Boolean, is_elementwise=True
        )

    def mask(self, frame: pl.DataFrame) -> pl.Series:
        """Say for each row whether it is in the slice: Boolean, of the frame's height, without nulls.

        Raises:
            SliceError: as `bind`; also where an expression or a function fails or doesn't give Booleans.
        """
        expr = self.bind(frame.schema)
        try:
            result = frame.select(expr.alias("mask")).to_series()
        except pl.exceptions.PolarsError as error:
            raise SliceError(f"Polars says: {first_line(error)}", where=self._where) from error
        except SliceError as error:  # a function's, to which Polars adds the expression that it was found in
            raise SliceError(first_line(error)) from None
        if result.dtype not in (pl.Boolean, pl.Null):
            raise SliceError(f"an expression of dtype {result.dtype}", where=self._where, expected="Boolean")
        result = result.cast(pl.Boolean).fill_null(value=False)
        if result.len() == frame.height:
            return result
        if result.len() != 1:
            raise SliceError(f"{result.len()} values for {frame.height} rows", where=self._where, expected="one a row")
        return pl.repeat(result[0], frame.height, dtype=pl.Boolean, eager=True).alias("mask")


def _equals(column: Column, value: Value) -> Node:
    if value is None:
        return IsNull(column)
    if isinstance(value, float) and math.isnan(value):
        return Call("ISNAN", (column,))
    if isinstance(value, float) and math.isinf(value):
        edge = math.copysign(_BEYOND, value)
        return Comparison(">" if edge > 0 else "<", column, number(edge))
    return Comparison("=", column, _constant(value))


def _constant(value: Value) -> Literal:
    if isinstance(value, float) and math.isnan(value):
        raise SliceError("a bound that is NaN", expected="a number, or None where there is no bound")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    if isinstance(value, (bool, str, date)):
        return Literal(value)
    raise SliceError(f"a constant of type {type(value).__name__}", expected="a number, text, boolean, date or datetime")


def _unbounded(bound: object) -> bool:
    return bound is None or (isinstance(bound, float) and math.isinf(bound))
