"""Kinds are what a data scientist would say, and each says why."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from retrue.schema import Kind, Schema

N = 2_000
RNG = np.random.default_rng(7)


def kind_and_reason(values: Any, name: str = "x", **options: Any) -> tuple[str, str]:
    """What is inferred for one column."""
    column = Schema.infer({name: values}, **options).column(name)
    return str(column.kind), column.reason


def poisson(mean: float) -> list[int]:
    """Counts of events."""
    return [int(value) for value in RNG.poisson(mean, N)]


def words(count: int) -> list[str]:
    """Sentences, all different."""
    known = ["the", "late", "flight", "was", "kind", "of", "fine"]
    return [" ".join(RNG.choice(known, count)) + f" {i}" for i in range(N)]


CASES: list[tuple[str, str, Any, str, str]] = [
    # what it is, name, values, kind, what the reason says
    ("floats", "x", RNG.normal(size=N), "numeric", "fractions"),
    ("floats with 3 values", "x", [0.5, 0.75, 1.5] * N, "numeric", "fractions"),
    ("decimals", "x", [Decimal("1.50"), Decimal("2.25")], "numeric", "decimal"),
    ("durations", "x", [dt.timedelta(seconds=i) for i in range(9)], "numeric", "durations: measured in seconds"),
    ("times of day", "x", [dt.time(i) for i in range(9)], "numeric", "times of day"),
    ("many integers", "x", RNG.integers(0, 500, N), "numeric", "distinct whole numbers in 2,000 rows"),
    ("integers beyond 2^53", "x", [2**53 + i * i for i in range(99)], "numeric", "99 distinct"),
    ("codes", "x", [3, 7, 9, 12] * N, "categorical", "4 distinct whole numbers in 8,000 rows: categories"),
    ("codes that pandas made floats", "x", [3.0, 7.0, None, float("nan")] * N, "categorical", "2 distinct"),
    ("codes by name", "PULocationID", RNG.integers(1, 260, N), "categorical", "a name that tells a code"),
    ("weekdays", "weekday", list(range(1, 8)) * 300, "categorical", "7 distinct"),
    ("counts by name", "passenger_count", poisson(1.2), "numeric", "a name that tells order"),
    ("ratings", "rating", [1, 2, 3, 4, 5] * N, "numeric", "a name that tells order"),
    ("counts by shape", "x", poisson(0.4), "numeric", "the greater the rarer: counts"),
    ("years", "year", [2015, 2016, 2017] * N, "numeric", "a name that tells order"),
    ("few rows", "x", [1, 2, 3], "numeric", "3 distinct whole numbers in 3 rows"),
    ("switch", "x", [0, 1, 1, None] * 9, "boolean", "only 0 and 1"),
    ("switch as floats", "x", [0.0, 1.0, None] * 9, "boolean", "only 0 and 1"),
    ("booleans", "x", [True, False, None], "boolean", "booleans"),
    ("true and false", "x", ["true", "false"] * 9, "boolean", "only 'false' and 'true'"),
    ("yes and no", "x", ["Yes", "no", None], "boolean", "only 'Yes' and 'no'"),
    ("Y and N", "x", ["Y", "N"] * 9, "boolean", "only 'N' and 'Y'"),
    ("row numbers", "x", range(N), "id", "counts up from row to row"),
    ("row numbers from 1", "row", range(1, N), "id", "counts up from row to row"),
    ("keys by name", "customer_id", RNG.integers(0, 10**9, N), "id", "a name that tells a key"),
    ("numbers that happen to differ", "x", RNG.permutation(N), "numeric", "2,000 distinct"),
    ("dates", "x", [dt.date(2024, 1, 1), None, dt.date(2024, 1, 2)], "datetime", "dates"),
    ("datetimes", "x", [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)], "datetime", "dates and times"),
    ("ISO dates as text", "x", ["2024-01-31", None, "2024-02-01"], "datetime", "such as '2024-01-31'"),
    ("ISO times as text", "x", ["2024-01-31T10:00:00Z", "2024-01-31T11:00:00.5Z"], "datetime", "reads as dates"),
    ("offsets", "x", ["2024-01-31 10:00:00+02:00", "2024-01-31 11:00:00+02:00"], "datetime", "reads as dates"),
    ("day first", "x", ["31/01/2024", "01/02/2024"], "datetime", "day first"),
    ("month first", "x", ["01/31/2024", "02/01/2024"], "categorical", "look like dates but don't read"),
    ("mostly dates", "x", ["2024-01-31"] * 99 + ["soon"], "datetime", "reads as dates"),
    ("version numbers", "x", ["1.2.3", "1.2.4"] * N, "categorical", "2 distinct texts"),
    ("categories", "x", ["JFK", "LGA", "EWR"] * N, "categorical", "3 distinct texts in 6,000 rows"),
    ("long categories", "x", ["Some college, but no degree", "None of the above"] * N, "categorical", "2 distinct"),
    ("few different texts", "x", ["a", "b", "c"], "categorical", "3 distinct texts in 3 rows"),
    ("many categories", "tailnum", [f"N{i % 800}" for i in range(9_000)], "categorical", "the 512 most frequent"),
    ("stored categories", "x", pl.Series(["a", "b", "c"], dtype=pl.Categorical), "categorical", "stored as categories"),
    ("enums", "x", pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])), "categorical", "stored as categories"),
    ("UUIDs", "x", [str(uuid.UUID(int=i)) for i in range(5)], "id", "UUIDs"),
    ("ids without spaces", "x", [f"u{i:07}" for i in range(N)], "id", "2,000 distinct texts in 2,000 rows: an id"),
    ("ids by name", "user_id", [f"u{i % 700}" for i in range(9_000)], "id", "a name that tells a key"),
    ("mail addresses", "x", [f"someone.{i}@example.org" for i in range(N)], "id", "an id"),
    ("sentences", "x", words(9), "text", "words on average: text"),
    ("names of people", "x", [f"Ada Lovelace{i}" for i in range(N)], "text", "2 words on average"),
    ("numbers as text", "x", [f"{i}.5" for i in range(N)], "numeric", "text that reads as numbers"),
    ("numbers as text with one that is none", "x", ["oops", *(f"{i}.5" for i in range(N))], "numeric", "as 'oops'"),
    ("codes as text", "x", ["1", "2", "3"] * N, "categorical", "3 distinct texts"),
    ("postal codes", "x", [f"{i % 700:05}" for i in range(9_000)], "categorical", "700 distinct texts"),
    ("keys as text", "x", [f"{i}" for i in range(10**6, 10**6 + N)], "id", "an id"),
    ("embeddings", "x", [[0.5, 1.5, 2.5]] * 3, "embedding", "3 numbers in each row"),
    ("arrays", "x", pl.Series([[1, 2]] * 3, dtype=pl.Array(pl.Int64, 2)), "embedding", "2 numbers in each row"),
    ("lists", "x", [["a"], ["b", "c"]], "text", "lists of 1 to 2 values"),
    ("lists of whole numbers", "x", [[1, 2], [3, 4]], "text", "lists of 2 to 2 values"),
    ("structs", "x", [{"a": 1}, {"a": 2}], "text", "unnest"),
    ("short bytes", "x", [b"\x00" * 16] * 3, "embedding", "16 bytes in each row"),
    ("images as bytes", "x", [b"\x00" * 256] * 3, "image", "256 bytes in each row, 16 x 16: images"),
    ("small images by name", "digit_image", [b"\x00" * 64] * 3, "image", "8 x 8"),
    ("encoded images", "x", [b"\x89PNG\r\n\x1a\n...", b"\x89PNG\r\n\x1a\n"], "image", "encoded images"),
    ("images as nested lists", "x", [[[0.5] * 8] * 6] * 3, "image", "6 x 8 numbers in each row: images"),
    ("images in colour", "x", [[[[1, 2, 3]] * 8] * 6] * 3, "image", "6 x 8 x 3 numbers"),
    ("flat images by name", "pixels", [[0.5] * 64] * 3, "image", "64 numbers in each row, 8 x 8, and a name"),
    ("pairs of numbers", "x", [[[0.5, 1.0], [0.5, 1.0]]] * 3, "text", "lists of 2 to 2 values"),
    ("bytes", "x", [b"\x00", b"\x01\x02"], "text", "different lengths"),
    ("nothing", "x", [None] * 9, "empty", "no value in 9 rows"),
    ("only NaN", "x", [float("nan")] * 9, "empty", "no value in 9 rows"),
    ("typed nothing", "x", pl.Series([None] * 3, dtype=pl.String), "empty", "no value"),
    ("one number", "x", [2.5] * 9, "constant", "2.5 in all 9 values"),
    ("one text and nulls", "x", ["a", None, "a"], "constant", "'a' in all 2 values of 3 rows"),
    ("one row", "x", [7], "numeric", "1 distinct whole numbers in 1 rows"),
    ("infinity", "x", [float("inf"), 1.0, 2.0], "numeric", "fractions"),
]


@pytest.mark.parametrize(("name", "values", "kind", "reason"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_kinds_are_found_and_explained(name: str, values: Any, kind: str, reason: str) -> None:
    found, why = kind_and_reason(values, name)
    assert found == kind
    assert reason in why


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (pl.Float32, "numeric"),
        (pl.Duration, "numeric"),
        (pl.String, "categorical"),
        (pl.Boolean, "boolean"),
        (pl.Date, "datetime"),
        (pl.List(pl.Int8), "text"),
        (pl.Null, "empty"),
    ],
)
def test_without_rows_the_type_decides(dtype: Any, kind: str) -> None:
    assert kind_and_reason(pl.Series([], dtype=dtype)) == (kind, "no rows to look at: by its type")


def test_a_reason_says_how_many_rows_were_sampled() -> None:
    _, reason = kind_and_reason([3, 4, 5, 6] * 500, sample_rows=1_000)
    assert reason.startswith("4 distinct whole numbers in 1,000 sampled rows of 2,000: categories")


def test_row_numbers_are_known_from_a_sample() -> None:
    """Evenly spread over the table, they rise with its rows."""
    assert kind_and_reason(range(10_000), sample_rows=100)[0] == "id"
    assert kind_and_reason([i * 3 for i in range(10_000)], sample_rows=100)[0] == "numeric"


def test_a_doubtful_kind_says_how_to_override_it() -> None:
    _, reason = kind_and_reason([3, 4, 5, 6] * 500)
    assert reason.endswith("override with kinds={'x': '...'}")


@pytest.mark.parametrize("kind", list(Kind))
def test_any_kind_can_be_set_by_hand(kind: Kind) -> None:
    assert kind_and_reason([1, 2, 3], kinds={"x": kind.value}) == (kind.value, "set by hand")
