"""A `Term`: a value of a slice on its way to Polars, with what must be known to compare it as documented."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import assert_never

import polars as pl

from retrue.slice_sql.times import time_literal
from retrue.slice_sql.tree import Column, Literal, Node, render


class Family(StrEnum):
    """What values a slice tells apart; the value is how an error calls them."""

    NUMBER = "a number"
    TEXT = "text"
    BOOLEAN = "a boolean"
    TIME = "a date or time"
    NOTHING = "null"
    OTHER = "something else"


@dataclass(frozen=True)
class Term:
    """A value: its expression, its family, the expression's dtype, and the node it stands for.

    `bits` bounds the size of an integer, |value| <= 2**bits; None for what isn't an integer.
    """

    expr: pl.Expr
    family: Family
    dtype: pl.DataType
    node: Node
    bits: int | None = None

    def __str__(self) -> str:
        """Name it as an error does: a column with its dtype, anything else with its family."""
        match self.node:
            case Column(name):
                return f"column {name!r} ({self.dtype})"
            case Literal():
                return render(self.node)
            case _:
                return f"{render(self.node)} ({self.family})"

    def cast(self, dtype: pl.DataType) -> Term:
        """Give the same value in another dtype of its family."""
        expr = self.expr if self.dtype == dtype and not isinstance(self.node, Column) else self.expr.cast(dtype)
        return replace(self, expr=expr, dtype=dtype, bits=None if dtype == FLOAT else self.bits)

    def as_text(self) -> Term:
        """Give text as String: categoricals and enums compare by their text."""
        return self if isinstance(self.dtype, pl.String) else self.cast(TEXT)

    def like(self, other: Term) -> Term:
        """Give a term that is always null the dtype of what it meets; leave any other as it is."""
        if self.family is not Family.NOTHING:
            return self
        if other.family in {Family.NOTHING, Family.OTHER}:
            return replace(self, expr=pl.lit(None, dtype=pl.Boolean), dtype=BOOLEAN)
        return replace(
            self, expr=pl.lit(None, dtype=other.dtype), family=other.family, dtype=other.dtype, bits=other.bits
        )


BOOLEAN, FLOAT, TEXT = pl.Boolean(), pl.Float64(), pl.String()
_INT64, _INT128 = pl.Int64(), pl.Int128()
_BITS: dict[type[pl.DataType], int] = {
    pl.Int8: 7,
    pl.Int16: 15,
    pl.Int32: 31,
    pl.Int64: 63,
    pl.Int128: 127,
    pl.UInt8: 8,
    pl.UInt16: 16,
    pl.UInt32: 32,
    pl.UInt64: 64,
}


def exact_column(name: str) -> pl.Expr:
    """Give the column of exactly that name (`pl.col` would read `*` and `^...$` as patterns)."""
    return pl.col(f"^{re.escape(name)}$") if name.startswith("^") or name == "*" else pl.col(name)


def column_term(node: Column, dtype: pl.DataType) -> Term:
    """Give a column's term. Decimals and UInt128 become float64; the dtype stays the column's, as errors show it."""
    expr = exact_column(node.name)
    bits = _BITS.get(dtype.base_type()) if dtype.is_integer() else None
    if dtype.is_numeric() and bits is None:
        expr = expr.cast(pl.Float64)
    return Term(expr, _family(dtype), dtype, node, bits)


def _family(dtype: pl.DataType) -> Family:
    match dtype:
        case pl.String() | pl.Categorical() | pl.Enum():
            return Family.TEXT
        case pl.Date() | pl.Datetime():
            return Family.TIME
        case pl.Boolean():
            return Family.BOOLEAN
        case pl.Null():
            return Family.NOTHING
        case _:
            return Family.NUMBER if dtype.is_numeric() else Family.OTHER


def literal_term(node: Literal) -> Term:
    """Give a constant's term."""
    match node.value:
        case bool() as value:
            return Term(pl.lit(value), Family.BOOLEAN, BOOLEAN, node)
        case int() as value:
            bits = value.bit_length()
            dtype = integer_dtype(bits)
            return Term(pl.lit(value, dtype=dtype), Family.NUMBER, dtype, node, bits)
        case float() as value:
            return Term(pl.lit(value, dtype=FLOAT), Family.NUMBER, FLOAT, node)
        case str() as value:
            return Term(pl.lit(value, dtype=TEXT), Family.TEXT, TEXT, node)
        case datetime() as value:
            zone = None if value.tzinfo is None else "UTC"
            return Term(time_literal(value, "us", zone), Family.TIME, pl.Datetime("us", zone), node)
        case date() as value:
            return Term(pl.lit(value), Family.TIME, pl.Date(), node)
        case _:
            assert_never(node.value)


def integer_dtype(bits: int | None) -> pl.DataType:
    """Give the smallest of Int64 and Int128 that surely holds the result of integer arithmetic; else Float64."""
    if bits is None or bits > 126:
        return FLOAT
    return _INT64 if bits <= 62 else _INT128


def align_numbers(left: Term, right: Term) -> tuple[Term, Term]:
    """Bring two numbers to one dtype: integers stay exact, anything else is float64."""
    if left.bits is None or right.bits is None:
        return left.cast(FLOAT), right.cast(FLOAT)
    dtype = _INT64 if max(left.bits, right.bits) <= 63 else _INT128
    return left.cast(dtype), right.cast(dtype)


def without_nan(term: Term) -> Term:
    """Make NaN null, for comparisons."""
    return replace(term, expr=term.expr.fill_nan(None)) if term.dtype == FLOAT else term
