"""What a slice means on rows, where engines differ or overflow, and what can't be compared.

That it means the same as in DuckDB where engines agree is tested in test_duckdb.py.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from retrue.errors import SliceError
from retrue.slice_sql.reader import parse
from retrue.slice_sql.times import Unit
from retrue.slice_sql.tree import (
    render,
)
from retrue.slices import Slice


def evaluate(found: Slice, frame: pl.DataFrame) -> list[bool | None]:
    """Give true, false and null for each row (lazily, as in eager frames Polars 2.1 may not broadcast constants)."""
    answer = frame.lazy().with_columns(found.bind(frame.schema).alias("answer"))
    return answer.collect()["answer"].to_list()


def truth(sql: str, **columns: object) -> list[bool | None]:
    """Give a predicate's true, false and null on a few rows."""
    frame = pl.DataFrame(columns)
    return evaluate(Slice.parse(sql), frame)


@pytest.mark.parametrize(
    "sql", ["x > 1", "x != 1", "NOT (x > 1)", "x IN (1, 2)", "x NOT IN (1, 2)", "x BETWEEN 1 AND 2", "x = x"]
)
def test_a_null_or_nan_in_a_comparison_is_in_neither_side(sql: str) -> None:
    """NaN compares as null: it is unknown, so neither the slice nor its NOT has it."""
    assert truth(sql, x=[None, float("nan")]) == [None, None]


def test_nan_is_not_null_and_has_a_function_of_its_own() -> None:
    """IS NULL is about null alone, as in SQL; ISNAN finds NaN; COALESCE doesn't replace it."""
    x = [None, float("nan"), 1.0]
    assert truth("x IS NULL", x=x) == [True, False, False]
    assert truth("ISNAN(x)", x=x) == [None, True, False]
    assert truth("COALESCE(x, 5) > 1", x=x) == [True, None, False]
    assert truth("ISNAN(n)", n=[1, None]) == [False, None]


def test_nan_that_arithmetic_makes_is_unknown_too() -> None:
    """Infinity minus infinity is NaN, and comparing it gives null."""
    assert truth("x - x = 0", x=[float("inf"), 1.0]) == [None, True]


def test_infinities_compare() -> None:
    """Infinity is larger than any number, and minus infinity smaller."""
    assert truth("x > 1e308", x=[float("inf"), float("-inf")]) == [True, False]


def test_dividing_by_zero_gives_null() -> None:
    """For integers and fractions, for / and %."""
    for sql in ("x / y = 1", "x % y = 1"):
        assert truth(sql, x=[1, 1], y=[0, 2])[0] is None
        assert truth(sql, x=[1.0, 1.0], y=[0.0, -0.0]) == [None, None]


def test_the_slash_gives_fractions_and_percent_keeps_the_sign() -> None:
    """1 / 2 is a half; -7 % 3 is -1 and 7 % -3 is 1, as in SQL and unlike Python."""
    assert truth("x / 2 = 0.5", x=[1]) == [True]
    assert truth("x % 3 = -1", x=[-7]) == [True]
    assert truth("x % -3 = 1", x=[7]) == [True]
    assert truth("x % 3 = -1", x=[-7.0]) == [True]


BIG = 2**63 - 1


@pytest.mark.parametrize(
    ("sql", "dtype", "value"),
    [
        ("x + x > 0", pl.Int64, BIG),
        ("x * x = x * x + 1", pl.Int64, None),
        ("x * x > x", pl.Int64, BIG),
        ("-x > 0", pl.Int64, -(2**63)),
        ("ABS(x) > 0", pl.Int64, -(2**63)),
        ("x % 10 = 7", pl.Int64, BIG),
        ("x - 1 = 9223372036854775806", pl.Int64, BIG),
        ("x > 9223372036854775806", pl.Int64, BIG),
        ("x < 9223372036854775808", pl.Int64, BIG),
        ("x = 18446744073709551615", pl.UInt64, 2**64 - 1),
        ("x > -1", pl.UInt64, 2**64 - 1),
        ("x - 18446744073709551615 = 0", pl.UInt64, 2**64 - 1),
        ("x IN (9223372036854775807, 1, 2, 3, 4, 5, 6, 7, 8, 9)", pl.Int64, BIG),
        ("x * x * x > 0", pl.Int64, BIG),
        ("x * 2 = 200", pl.Int8, 100),
        ("MONTH(DATE '2013-12-01') * 20 = x", pl.Int64, 240),
        ("x > 100000000000000000000.0", pl.Int128, 10**21),
    ],
)
def test_integers_neither_overflow_nor_lose_digits(sql: str, dtype: type[pl.DataType], value: int | None) -> None:
    """Arithmetic widens before it computes: Int64 to Int128, and beyond that to float64."""
    answer = truth(sql, x=pl.Series([value], dtype=dtype))
    assert answer == [None if value is None else True]


def test_integers_beyond_two_to_the_53_differ_by_one() -> None:
    """No way through float64: 2^53 and 2^53 + 1 are different integers."""
    assert truth("x = 9007199254740993", x=[2**53 + 1, 2**53]) == [True, False]


def test_decimals_are_compared_as_numbers() -> None:
    """A Decimal column takes part like any number."""
    assert truth("x > 0.1 AND x * 2 = 0.5", x=[Decimal("0.25"), Decimal("0.10")]) == [True, False]


def test_float32_is_compared_as_float64() -> None:
    """0.1 in Float32 isn't 0.1; this is also how profiles see it, whose cuts are float64."""
    assert truth("x = 0.1", x=pl.Series([0.1], dtype=pl.Float32)) == [False]
    assert truth("x = 0.10000000149011612", x=pl.Series([0.1], dtype=pl.Float32)) == [True]


def test_patterns_cannot_inject_regular_expressions() -> None:
    """Every character but % and _ stands for itself, and a pattern spans lines."""
    odd = "a.*+?()|[]{}^$\\#&-~\n/"
    assert Slice.equals("s", odd).mask(pl.DataFrame({"s": [odd]})).to_list() == [True]
    sql = "s LIKE '" + odd + "'"
    assert truth(sql, s=[odd, "axx" + odd]) == [True, False]
    assert truth("s LIKE 'a%z'", s=["a\nz", "az", "a\nzz\n"]) == [True, True, False]
    assert truth("s ILIKE 'STRASSE%'", s=["Strasse 1", "xStrasse"]) == [True, False]


def test_a_pattern_that_would_make_a_backtracking_matcher_hang_is_quick() -> None:
    """Rust's regex is linear in the text."""
    assert truth("s LIKE '" + "%a" * 400 + "b'", s=["a" * 20_000]) == [False]


def test_characters_are_code_points() -> None:
    """LENGTH and _ count characters, not bytes."""
    assert truth("LENGTH(s) = 2 AND s LIKE '__'", s=["éü", "é"]) == [True, False]


# Times


def aware(*moments: datetime, zone: str = "America/New_York", unit: Unit = "us") -> pl.Series:
    series = pl.Series(list(moments), dtype=pl.Datetime("us", "UTC"))
    return series.dt.convert_time_zone(zone).cast(pl.Datetime(unit, zone))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_text_is_local_time_in_the_columns_zone(unit: Unit) -> None:
    """Midnight of 1 March in New York is 5 o'clock in UTC; with an offset the text says so itself."""
    at = [datetime(2013, 3, 1, 5, tzinfo=UTC), datetime(2013, 3, 1, 4, 59, tzinfo=UTC)]
    t = aware(*at, unit=unit)
    for sql in (
        "t >= '2013-03-01'",
        "t >= '2013-03-01 00:00'",
        "t >= DATE '2013-03-01'",
        "t >= TIMESTAMP '2013-03-01 00:00:00'",
        "t >= '2013-03-01T05:00:00Z'",
        "t >= TIMESTAMPTZ '2013-03-01 06:00:00+01:00'",
        "t IN ('2013-03-01 00:00:00.000')",
        "DAY(t) = 1 AND HOUR(t) = 0",
        "t BETWEEN '2013-03-01' AND '2013-03-02'",
    ):
        assert truth(sql, t=t) == [True, False], sql


def test_a_finer_literal_than_the_column_is_not_rounded() -> None:
    """Half a second after the column's second is later, also where the column counts milliseconds."""
    t = pl.Series([datetime(2013, 3, 1)], dtype=pl.Datetime("ms"))
    assert truth("t < TIMESTAMP '2013-03-01 00:00:00.000001'", t=t) == [True]
    nano = pl.Series([1], dtype=pl.Int64).cast(pl.Datetime("ns"))
    assert truth("t > '1970-01-01'", t=nano) == [True]


def test_a_time_beyond_what_nanoseconds_can_hold_is_after_all_of_them() -> None:
    """'9999-12-31' is a common "never", and 2262 is the end of nanoseconds."""
    nano = pl.Series([datetime(2013, 3, 1)], dtype=pl.Datetime("ns"))
    assert truth("t < '9999-12-31' AND t > '0001-01-01'", t=nano) == [True]


def test_columns_in_different_zones_compare_as_moments() -> None:
    """Six in New York is noon in Berlin in winter."""
    moment = datetime(2013, 3, 1, 11, tzinfo=UTC)
    assert truth("a = b AND HOUR(a) = 6 AND HOUR(b) = 12", a=aware(moment), b=aware(moment, zone="Europe/Berlin")) == [
        True
    ]


def test_a_date_column_is_its_midnight() -> None:
    """Against a time in a zone, the zone's midnight."""
    days, moments = [date(2013, 3, 1)], [datetime(2013, 3, 1, 5, tzinfo=UTC)]
    assert truth("d = t", d=days, t=aware(*moments)) == [True]
    assert truth("t <= d", d=days, t=aware(*moments)) == [True]
    assert truth("d < TIMESTAMP '2013-03-01 00:00:01' AND d = '2013-03-01'", d=days) == [True]


def test_a_literal_in_the_hour_that_clocks_skip_is_read_with_the_offset_before() -> None:
    """02:30 on 10 March 2013 doesn't exist in New York; it is taken as 03:30 in summer time."""
    assert truth("t = '2013-03-10 02:30'", t=aware(datetime(2013, 3, 10, 7, 30, tzinfo=UTC))) == [True]


# What can't be compared

FRAME = pl.DataFrame(
    {
        "n": [1],
        "s": ["a"],
        "b": [True],
        "d": [date(2013, 3, 1)],
        "t": [datetime(2013, 3, 1)],
        "z": aware(datetime(2013, 3, 1, tzinfo=UTC)),
        "l": [[1]],
        "r": [{"a": 1}],
        "u": [timedelta(1)],
        "e": pl.Series([None]),
        "x": pl.Series([b"a"]),
    }
)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("n = 'a'", "column 'n' (Int64) compared with 'a'"),
        ("n = '1'", "Hint: write the number without quotes"),
        ("s = 1", "column 's' (String) compared with 1"),
        ("s = 1", "Hint: write the constant as text: '1'"),
        ("s > DATE '2013-03-01'", "Hint: write the constant as text: '2013-03-01'"),
        ("n IN (1, 'a')", "column 'n' (Int64) compared with 'a'"),
        ("n BETWEEN 1 AND 'a'", "column 'n' (Int64) compared with 'a'"),
        ("n = s", "column 'n' (Int64) compared with column 's' (String)"),
        ("b = 1", "column 'b' (Boolean) compared with 1"),
        ("b > FALSE", "expected = or != between booleans"),
        ("n", "column 'n' (Int64) where a condition belongs"),
        ("NOT s", "column 's' (String) where a condition belongs"),
        ("COALESCE(n, 1) AND b", "COALESCE(n, 1) (a number) where a condition belongs"),
        ("n LIKE 'a'", "column 'n' (Int64) LIKE 'a'"),
        ("s + 1 > 2", "column 's' (String) in s + 1"),
        ("-s > 2", "column 's' (String) in -s"),
        ("d - 1 > '2013-01-01'", "in d - 1"),
        ("ABS(s) > 1", "ABS of column 's' (String)"),
        ("LENGTH(n) > 1", "LENGTH of column 'n' (Int64)"),
        ("YEAR(s) > 1", "YEAR of column 's' (String)"),
        ("ROUND(n, n) > 1", "ROUND(x, digits) with a constant integer"),
        ("COALESCE(n, s) = 1", "column 'n' (Int64) compared with column 's' (String)"),
        ("t > 'yesterday'", "expected an ISO date or time"),
        ("t > '2013-13-01'", "expected an ISO date or time"),
        ("t > 20130301", "column 't' (Datetime(time_unit='us', time_zone=None)) compared with 20130301"),
        ("t > s", "column 's' (String) compared with column 't' (Datetime"),
        ("t > '2013-03-01T00:00:00Z' ", "expected both with a time zone, or both without"),
        ("t < z", "expected both with a time zone, or both without"),
        ("l = 1", "column 'l' (List(Int64)) compared with 1"),
        ("l = l", "expected IS NULL or IS NOT NULL"),
        ("r = 1", "column 'r' (Struct"),
        ("u > 1", "column 'u' (Duration"),
        ("x = 'a'", "column 'x' (Binary) compared with 'a'"),
    ],
)
def test_what_cannot_be_compared_is_named(sql: str, message: str) -> None:
    """The error names the column, its dtype and what it met, in Retrue's words and not in Polars'."""
    with pytest.raises(SliceError) as caught:
        Slice.parse(sql).mask(FRAME)
    assert message in str(caught.value)
    assert f'in slice "{Slice.parse(sql).sql}"' in str(caught.value)


NULLS = """
e > 1; e = 'a'; e; NOT e; e LIKE 'a'; e + 1 > 0; -e > 0; ABS(e) > 1; LENGTH(e) = 1; YEAR(e) = 1; e = e; e = t; e = b;
e < '2013-03-01'; e IN (1); ISNAN(e); LOWER(e) = 'a'; COALESCE(e, e) > 2; e BETWEEN 1 AND e
"""


@pytest.mark.parametrize("sql", [text.strip() for text in NULLS.split(";")])
def test_a_column_of_nothing_but_null_fits_anywhere(sql: str) -> None:
    """A batch whose column happens to be empty of values is no error: the answer is null."""
    assert evaluate(Slice.parse(sql), FRAME) == [None]


@pytest.mark.parametrize("column", ["n", "s", "b", "d", "t", "z", "l", "r", "u", "e", "x"])
def test_any_column_can_be_tested_for_null(column: str) -> None:
    """IS NULL works for every dtype."""
    assert Slice.parse(f"{column} IS NULL").mask(FRAME).to_list() == [column == "e"]


def test_a_tree_of_constants_is_fine() -> None:
    """Predicates without columns hold for all rows or none."""
    assert truth("1 < 2 AND DATE '2013-03-01' < TIMESTAMP '2013-03-01 00:00:01'", x=[1, 2]) == [True, True]
    assert render(parse("1 = 1")) == "1 = 1"
