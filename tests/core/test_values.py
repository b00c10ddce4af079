"""What a value of each type becomes: defined once, the same in every batch."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrue.core.values import number_rows, numbers, parse_times, text_rows, texts

NOON = datetime(2020, 5, 17, 12, 30, tzinfo=UTC)
NOON_SECONDS = NOON.timestamp()


@pytest.mark.parametrize(
    ("series", "values"),
    [
        (pl.Series([1, 2], dtype=pl.Int8), [1.0, 2.0]),
        (pl.Series([2**53 + 1]), [2.0**53]),
        (pl.Series([2**64 - 1], dtype=pl.UInt64), [2.0**64]),
        (pl.Series([2**100], dtype=pl.Int128), [2.0**100]),
        (pl.Series([0.1], dtype=pl.Float32), [float(np.float32(0.1))]),
        (pl.Series([Decimal("1.25"), Decimal("-3.50")]), [1.25, -3.5]),
        (pl.Series([True, False]), [1.0, 0.0]),
        (pl.Series(["1.5", "-2e3"]), [1.5, -2000.0]),
        (pl.Series(["1", "2"], dtype=pl.Categorical), [1.0, 2.0]),
        (pl.Series([date(1970, 1, 2)]), [86_400.0]),
        (pl.Series([datetime(2020, 5, 17, 12, 30)]), [NOON_SECONDS]),
        (pl.Series([NOON]).dt.convert_time_zone("America/New_York"), [NOON_SECONDS]),
        (pl.Series([datetime(2020, 5, 17, 12, 30)], dtype=pl.Datetime("ns")), [NOON_SECONDS]),
        (pl.Series([datetime(2020, 5, 17, 12, 30)], dtype=pl.Datetime("ms")), [NOON_SECONDS]),
        (pl.Series([time(1, 0, 0, 500_000)]), [3600.5]),
        (pl.Series([timedelta(minutes=1)]), [60.0]),
    ],
    ids=lambda what: str(what.dtype) if isinstance(what, pl.Series) else "",
)
def test_every_number_and_time_becomes_a_float(series: pl.Series, values: list[float]) -> None:
    """Expected by hand: numbers as they are (integers beyond 2^53 to the nearest), times in seconds since 1970 UTC."""
    found = numbers(series)
    assert (found.values.tolist(), found.nulls, found.mismatches) == (values, 0, 0)


@pytest.mark.parametrize(
    "series",
    [pl.Series([[1], [2]]), pl.Series([{"a": 1}, {"a": 2}]), pl.Series([b"1", b"2"]), pl.Series(["one", ""])],
    ids=lambda series: str(series.dtype),
)
def test_what_is_no_number_is_a_mismatch_and_no_null(series: pl.Series) -> None:
    found = numbers(pl.concat([series, pl.Series([None], dtype=series.dtype)]))
    assert (found.values.size, found.nulls, found.mismatches) == (0, 1, 2)


def test_a_column_of_nothing_is_all_null() -> None:
    assert numbers(pl.Series([None, None]))[1:] == (2, 0)
    assert texts(pl.Series([None, None]))[2:] == (2, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "2020-05-17 12:30:00",
        "2020-05-17T12:30:00.000",
        "2020-05-17T12:30Z",
        "2020-05-17T14:30:00+02:00",
        " 2020/05/17 12:30",
        "17.05.2020 12:30:00",
        "17-05-2020 12:30",
        "17/05/2020 12:30",
    ],
)
def test_dates_in_text_are_read_with_and_without_an_offset(text: str) -> None:
    assert numbers(pl.Series([text]), temporal=True).values.tolist() == [NOON_SECONDS]


@settings(max_examples=30)
@given(st.permutations(["2020-05-17", "17.05.2020", "soon", "", "2020-05-17T00:00:00Z", None]))
def test_a_date_in_text_means_the_same_whatever_stands_before_it(rows: list[str | None]) -> None:
    """Batches part a column anywhere: no row may decide how another one is read."""
    together = parse_times(pl.Series(rows, dtype=pl.String)).to_list()
    assert together == [parse_times(pl.Series([row], dtype=pl.String))[0] for row in rows]
    assert sum(found is not None for found in together) == 3


def test_numbers_in_a_column_of_times_are_a_mismatch() -> None:
    assert numbers(pl.Series([1.0, None]), temporal=True)[1:] == (1, 1)


@pytest.mark.parametrize(
    ("series", "categories"),
    [
        (pl.Series([1.0, 2.5, -0.0]), ["-0", "1", "2.5"]),
        (pl.Series([17, 17]), ["17", "17"]),
        (pl.Series([True, False]), ["false", "true"]),
        (pl.Series(["", "a\x00b", "\U0001f600"]), ["", "a\x00b", "\U0001f600"]),
        (pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"])), ["x", "y"]),
        (pl.Series([1e300, np.inf]), ["1e+300", "inf"]),
        (pl.Series([date(2020, 5, 17)]), ["2020-05-17"]),
    ],
    ids=lambda what: str(what.dtype) if isinstance(what, pl.Series) else "",
)
def test_every_value_becomes_a_categorys_text(series: pl.Series, categories: list[str]) -> None:
    """Whole floats lose their `.0`, so that integers that pandas made floats still match; -0.0 is 0."""
    wanted = sorted(text.replace("-0", "0") if text == "-0" else text for text in categories)
    assert sorted(text_rows(series).to_list()) == wanted
    read = texts(series)
    weights = read.weights.to_list() if read.weights is not None else [1] * len(read.texts)
    assert sorted(t for t, n in zip(read.texts, weights, strict=True) for _ in range(n)) == wanted


def test_nan_is_neither_null_nor_a_category() -> None:
    read = texts(pl.Series([1.0, float("nan"), None]))
    assert (read.texts.to_list(), read.nulls, read.mismatches, read.nans) == (["1"], 1, 0, 1)


@pytest.mark.parametrize("series", [pl.Series([[1], None]), pl.Series([b"x", None]), pl.Series([{"a": 1}, None])])
def test_what_is_no_category_is_a_mismatch(series: pl.Series) -> None:
    assert texts(series)[2:] == (1, 1, 0)
    assert text_rows(series).to_list() == [None, None]


@given(st.lists(st.floats() | st.none(), max_size=20))
def test_rows_and_counts_tell_the_same(rows: list[Any]) -> None:
    series = pl.Series(rows, dtype=pl.Float64)
    by_row = number_rows(series)
    assert by_row.null_count() == numbers(series).nulls
    np.testing.assert_array_equal(by_row.drop_nulls().to_numpy(), numbers(series).values)
