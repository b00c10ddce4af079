"""The demo's flights, counted again with the standard library."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from zipfile import ZipFile

import polars as pl
import pytest

from retrue.demo.flights import FEATURES, between, data_folder, load

Row = dict[str, str]


@pytest.fixture(scope="module")
def flights() -> pl.DataFrame:
    """As the demo reads them."""
    return load()


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """As the CSV has them."""
    with ZipFile(data_folder() / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        return list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8")))


def is_late(row: Row) -> bool:
    """More than 15 minutes late, or cancelled."""
    return row["dep_time"] in ("NA", "") or float(row["dep_delay"]) > 15


def test_every_flight_is_there_once_in_order_of_time(flights: pl.DataFrame, rows: list[Row]) -> None:
    assert flights.height == len(rows) == 336_776
    assert flights["flight_id"].to_list() == list(range(336_776))
    assert flights["scheduled"].is_sorted()
    assert flights.columns == ["flight_id", "scheduled", *FEATURES, "late"]


def test_late_is_more_than_15_minutes_or_cancelled(flights: pl.DataFrame, rows: list[Row]) -> None:
    assert flights["late"].sum() == sum(map(is_late, rows))
    assert flights["late"].null_count() == 0
    months = [sum(is_late(row) for row in rows if row["month"] == month) for month in ("1", "7")]
    late = flights.group_by(pl.col("scheduled").dt.month()).agg(pl.col("late").sum()).sort("scheduled")["late"]
    assert [late[0], late[6]] == months


def test_flights_have_the_weather_of_their_hour(flights: pl.DataFrame, rows: list[Row]) -> None:
    """The first reading of each airport and hour; some hours have none."""
    hours = ("origin", "year", "month", "day", "hour")
    sky: dict[tuple[str, ...], Row] = {}
    with (data_folder() / "weather.csv").open(encoding="utf-8") as file:
        for reading in csv.DictReader(file):
            sky.setdefault(tuple(reading[name] for name in hours), reading)
    found = [sky.get(tuple(row[name] for name in hours)) for row in rows]
    warm = [float(one["temp"]) for one in found if one is not None and one["temp"] not in ("NA", "")]
    assert flights["temp"].count() == len(warm)
    assert flights["temp"].sum() == pytest.approx(sum(warm))


def test_weekdays_count_from_monday(flights: pl.DataFrame) -> None:
    """1 January 2013 was a Tuesday."""
    assert flights["weekday"][0] == datetime(2013, 1, 1).isoweekday() == 2


def test_a_stretch_ends_before_its_end(flights: pl.DataFrame, rows: list[Row]) -> None:
    found = between(flights, datetime(2013, 3, 4), datetime(2013, 3, 6))
    assert found.height == sum(row["month"] == "3" and row["day"] in ("4", "5") for row in rows)
