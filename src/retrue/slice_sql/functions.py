"""The functions a slice may call, in one table: reader, compiler and docs read it. To add one, add an entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from retrue.slice_sql.terms import Family


@dataclass(frozen=True)
class Function:
    """A function: its signature and meaning in words for the docs, and how Polars computes it.

    `takes` is the family of its first argument and `gives` that of its result; `more` says how many constant integers
    may follow, which `compute` gets too. Null in, null out.
    """

    signature: str
    meaning: str
    takes: Family
    gives: Family
    compute: Callable[..., pl.Expr]
    more: int = 0


def _round(x: pl.Expr, digits: int = 0) -> pl.Expr:
    """Round half away from zero, as SQL does (Polars rounds half to even)."""
    return x.round(max(0, min(digits, 15)), mode="half_away_from_zero")


def _list(*functions: Function) -> dict[str, Function]:
    return {function.signature.partition("(")[0]: function for function in functions}


_N, _T, _B, _D = Family.NUMBER, Family.TEXT, Family.BOOLEAN, Family.TIME

FUNCTIONS = _list(
    Function("ABS(x)", "the size of a number", _N, _N, pl.Expr.abs),
    Function("ROUND(x, digits)", "rounded to 0 to 15 digits (0 if left out), halves away from zero", _N, _N, _round, 1),
    Function("FLOOR(x)", "the largest whole number that isn't above x", _N, _N, pl.Expr.floor),
    Function("CEIL(x)", "the smallest whole number that isn't below x", _N, _N, pl.Expr.ceil),
    Function("ISNAN(x)", "whether a number is NaN", _N, _B, pl.Expr.is_nan),
    Function("LENGTH(s)", "the number of characters", _T, _N, lambda s: s.str.len_chars()),
    Function("LOWER(s)", "in lower case", _T, _T, lambda s: s.str.to_lowercase()),
    Function("UPPER(s)", "in upper case", _T, _T, lambda s: s.str.to_uppercase()),
    Function("TRIM(s)", "without spaces at both ends", _T, _T, lambda s: s.str.strip_chars(" ")),
    Function("YEAR(t)", "the year", _D, _N, lambda t: t.dt.year()),
    Function("QUARTER(t)", "the quarter, 1 to 4", _D, _N, lambda t: t.dt.quarter()),
    Function("MONTH(t)", "the month, 1 to 12", _D, _N, lambda t: t.dt.month()),
    Function("DAY(t)", "the day of the month, 1 to 31", _D, _N, lambda t: t.dt.day()),
    Function("ISODOW(t)", "the day of the week, 1 (Monday) to 7 (Sunday)", _D, _N, lambda t: t.dt.weekday()),
    Function("HOUR(t)", "the hour in the column's time zone, 0 to 23 (0 for a date)", _D, _N, lambda t: t.dt.hour()),
    Function("MINUTE(t)", "the minute, 0 to 59 (0 for a date)", _D, _N, lambda t: t.dt.minute()),
)
"""Every function by its name, but COALESCE, whose arguments may be of any family as long as they are of the same."""

COALESCE = "COALESCE(x, y, ...)"

NAMES = (*FUNCTIONS, "COALESCE")

INSTEAD = {
    **dict.fromkeys(("DAYOFWEEK", "DAY_OF_WEEK", "DOW", "WEEKDAY"), "write ISODOW(t), which is 1 on Mondays"),
    **dict.fromkeys(("DATE_PART", "DATE_TRUNC", "EXTRACT"), "write YEAR(t), MONTH(t), DAY(t), HOUR(t) ..."),
    **dict.fromkeys(("LEN", "CHAR_LENGTH", "STRLEN"), "write LENGTH(s)"),
    **dict.fromkeys(("CONTAINS", "REGEXP_MATCHES", "INSTR"), "write s LIKE '%...%'"),
    **dict.fromkeys(("STARTS_WITH", "PREFIX"), "write s LIKE '...%'"),
    **dict.fromkeys(("IFNULL", "NVL"), "write COALESCE(x, y)"),
    "CEILING": "write CEIL(x)",
    "IS_NAN": "write ISNAN(x)",
}
"""What to write instead of names that other dialects know."""


def check_arity(name: str, count: int) -> str | None:
    """Give the signature that a call with so many arguments breaks, None if it doesn't.

    >>> check_arity("ABS", 2)
    'ABS(x)'
    """
    if name == "COALESCE":
        return None if count >= 2 else COALESCE
    function = FUNCTIONS[name]
    return None if 1 <= count <= 1 + function.more else function.signature
