"""Event times as UTC, and the windows that they fall into."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from retrue.core.times import event_times, window_starts

NOON = datetime(2024, 7, 1, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    "series",
    [
        pl.Series(["2024-07-01 12:00"]),
        pl.Series([datetime(2024, 7, 1, 12)]),
        pl.Series(["2024-07-01T16:00:00+00:00"]),
    ],
)
def test_naive_times_are_in_the_model_s_time_zone(series: pl.Series) -> None:
    assert event_times(series, "America/New_York").to_list() == [NOON]


def test_what_cant_be_a_time_is_null() -> None:
    assert event_times(pl.Series([1e300, float("nan"), 1.7e9]), "UTC").to_list() == [None] * 3
    assert event_times(pl.Series([["a"]]), "UTC").to_list() == [None]


def test_a_day_first_is_read_too() -> None:
    assert event_times(pl.Series(["01-07-2024"]), "UTC").to_list() == [datetime(2024, 7, 1, tzinfo=UTC)]


def test_days_begin_at_local_midnight() -> None:
    starts = window_starts(pl.Series([NOON], dtype=pl.Datetime("us", "UTC")), 86_400, "America/New_York")
    assert datetime.fromtimestamp(starts[0], UTC) == datetime(2024, 7, 1, 4, tzinfo=UTC)
