"""The functions a slice may call, in one table: parser, compiler and docs read it. To add one, add an entry.

A `Term` is a value on its way to Polars: an expression with the family of its values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from retrue.slice_sql.tree import Node


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
    """A value: its expression, its family, the dtype of the expression, and the node it stands for.

    `bits` bounds an integer's size, |value| <= 2**bits; None for what isn't an integer.
    """

    expr: pl.Expr
    family: Family
    dtype: pl.DataType
    node: Node
    bits: int | None = None

    def derive(self, expr: pl.Expr, family: Family, dtype: pl.DataType, node: Node, bits: int | None = None) -> Term:
        """Give the term of something computed from this one."""
        return Term(expr, family, dtype, node, bits)


@dataclass(frozen=True)
class Function:
    """A function: what it takes and gives, in words for the docs, and how Polars computes it.

    `takes` is the family of the first argument (None: COALESCE, where all are of one family); the other arguments are
    constants. `gives` None means the family and dtype of the argument.
    """

    signature: str
    meaning: str
    takes: Family | None
    gives: Family | None
    build: Callable[[Term, list[int]], pl.Expr]
    arity: tuple[int, int] = (1, 1)


def _digits(term: Term, more: list[int]) -> pl.Expr:
    """Round half away from zero, as SQL does."""
    digits = more[0] if more else 0
    if digits >= 0:
        return term.expr.round(min(digits, 300), mode="half_away_from_zero")
    scale = 10.0 ** -max(digits, -300)
    return (term.expr / scale).round(0, mode="half_away_from_zero") * scale


def _number(build: Callable[[pl.Expr], pl.Expr]) -> Callable[[Term, list[int]], pl.Expr]:
    return lambda term, _: build(term.expr)


_N, _T, _D = Family.NUMBER, Family.TEXT, Family.TIME

FUNCTIONS: dict[str, Function] = {
    "ABS": Function("ABS(x)", "the size of a number", _N, None, _number(lambda e: e.abs())),
    "ROUND": Function("ROUND(x, digits)", "rounded, halves away from zero; digits is 0 if left out", _N, None, _digits, (1, 2)),
    "FLOOR": Function("FLOOR(x)", "the largest whole number that isn't above x", _N, None, _number(lambda e: e.floor())),
    "CEIL": Function("CEIL(x)", "the smallest whole number that isn't below x", _N, None, _number(lambda e: e.ceil())),
    "ISNAN": Function("ISNAN(x)", "whether a number is NaN", _N, Family.BOOLEAN, _number(lambda e: e.is_nan())),
    "LENGTH": Function("LENGTH(s)", "the number of characters", _T, _N, _number(lambda e: e.str.len_chars())),
    "LOWER": Function("LOWER(s)", "in lower case", _T, _T, _number(lambda e: e.str.to_lowercase())),
    "UPPER": Function("UPPER(s)", "in upper case", _T, _T, _number(lambda e: e.str.to_uppercase())),
    "TRIM": Function("TRIM(s)", "without spaces at both ends", _T, _T, _number(lambda e: e.str.strip_chars(" "))),
    "YEAR": Function("YEAR(t)", "the year", _D, _N, _number(lambda e: e.dt.year())),
    "QUARTER": Function("QUARTER(t)", "the quarter, 1 to 4", _D, _N, _number(lambda e: e.dt.quarter())),
    "MONTH": Function("MONTH(t)", "the month, 1 to 12", _D, _N, _number(lambda e: e.dt.month())),
    "DAY": Function("DAY(t)", "the day of the month, 1 to 31", _D, _N, _number(lambda e: e.dt.day())),
    "ISODOW": Function("ISODOW(t)", "the day of the week, 1 (Monday) to 7", _D, _N, _number(lambda e: e.dt.weekday())),
    "HOUR": Function("HOUR(t)", "the hour, 0 to 23, in the column's zone", _D, _N, _number(lambda e: e.dt.hour())),
    "MINUTE": Function("MINUTE(t)", "the minute, 0 to 59", _D, _N, _number(lambda e: e.dt.minute())),
    "COALESCE": Function("COALESCE(x, y, ...)", "the first that isn't null", None, None, lambda t, _: t.expr, (2, 20)),
}
"""Every function of the slice language by its name. Null in, null out (COALESCE apart)."""

INSTEAD = {
    **dict.fromkeys(("DAYOFWEEK", "DAY_OF_WEEK", "DOW", "WEEKDAY", "DATE_PART", "EXTRACT"), "write ISODOW, HOUR, DAY ..."),
    **dict.fromkeys(("LEN", "CHAR_LENGTH", "STRLEN"), "write LENGTH"),
    **dict.fromkeys(("CONTAINS", "STARTS_WITH", "ENDS_WITH", "REGEXP_MATCHES", "INSTR"), "write LIKE '%...%'"),
    **dict.fromkeys(("CEILING",), "write CEIL"),
    **dict.fromkeys(("IFNULL", "NVL"), "write COALESCE"),
    **dict.fromkeys(("IS_NAN",), "write ISNAN"),
}
"""What to write instead of names that other dialects know."""
