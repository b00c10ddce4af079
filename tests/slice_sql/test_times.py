"""Dates and times in slices."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.slice_sql.times import Unit, at_midnight, parse_time, time_literal, to_datetime, unit_of, zone_of


def evaluate(expr: pl.Expr) -> object:
    return pl.select(expr).item()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2013-03-01", date(2013, 3, 1)),
        ("2013-03-01 10:30", datetime(2013, 3, 1, 10, 30)),
        ("2013-03-01T10:30:15.25", datetime(2013, 3, 1, 10, 30, 15, 250_000)),
        ("2013-03-01 10:30:15.123456", datetime(2013, 3, 1, 10, 30, 15, 123_456)),
        ("2013-03-01T10:30Z", datetime(2013, 3, 1, 10, 30, tzinfo=UTC)),
        ("2013-03-01 10:30-05:00", datetime(2013, 3, 1, 10, 30, tzinfo=timezone(timedelta(hours=-5)))),
    ],
)
def test_iso_text_is_read(text: str, value: date) -> None:
    """Days, minutes, seconds or fractions, with or without an offset."""
    assert parse_time(text) == value


WRONG = """
2013,2013-3-1,2013-02-30,2013-03-01 25:00,2013-03-01 10,20130301,2013-W09-5,10:30,now,2013-03-01 ,02013-03-01,
2013-03-01 10:30:15.1234567,٢٠١٣-03-01,2013-03-01 10:30 UTC
"""


@pytest.mark.parametrize("text", WRONG.split(","))
def test_anything_else_is_no_time(text: str) -> None:
    """Other notations, days that don't exist and more digits than a microsecond has give None."""
    assert parse_time(text) is None


@given(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)), st.sampled_from([None, "UTC", "Asia/Kolkata"]))
def test_a_literal_is_the_same_moment_in_polars(value: datetime, zone: str | None) -> None:
    """Without an offset it is wall time in the zone; Polars gives back what went in."""
    back = evaluate(time_literal(value, "us", zone).dt.replace_time_zone(None))
    assert back == value


@pytest.mark.parametrize("unit", ["us", "ns"])
def test_an_offset_says_which_moment_it_is(unit: Unit) -> None:
    """06:00+01:00 is midnight in New York in winter."""
    moment = datetime(2013, 3, 1, 6, tzinfo=timezone(timedelta(hours=1)))
    assert evaluate(time_literal(moment, unit, "America/New_York").dt.hour()) == 0
    assert evaluate(time_literal(date(2013, 3, 1), unit, "America/New_York").dt.epoch("s")) == 1362114000  # `date -d`


def test_a_date_is_its_midnight() -> None:
    """A datetime stays what it is."""
    assert at_midnight(date(2013, 3, 1)) == datetime(2013, 3, 1)
    assert at_midnight(datetime(2013, 3, 1, 10)) == datetime(2013, 3, 1, 10)


def test_units_and_zones_of_dtypes() -> None:
    """A date counts as microseconds without a zone."""
    assert (unit_of(pl.Date()), zone_of(pl.Date())) == ("us", None)
    assert (unit_of(pl.Datetime("ns", "UTC")), zone_of(pl.Datetime("ns", "UTC"))) == ("ns", "UTC")


def test_a_day_without_a_midnight_is_null() -> None:
    """Clocks in Sao Paulo once skipped midnight; such a date column has no moment then."""
    day = pl.lit(date(2013, 10, 20))
    assert evaluate(to_datetime(day, pl.Date(), pl.Datetime("us", "America/Sao_Paulo"))) is None
    assert evaluate(to_datetime(day, pl.Date(), pl.Datetime("us"))) == datetime(2013, 10, 20)
