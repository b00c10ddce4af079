"""One scan of all files reads what a scan of each date does, wherever the lake lies."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from retrue.store.lake import File, date_folder
from retrue.store.reading import is_dated, scan

SCHEMA = {"x": pl.Int64(), "env": pl.String(), "_date": pl.Date()}
DAYS = (date(2026, 3, 1), None, date(2026, 2, 1))


def lake(root: Path, *, dated: bool = True) -> list[File]:
    """A file of three rows for each day; the first is older than the column `env`, and has one that is gone."""
    files = []
    for number, day in enumerate(DAYS):
        place = root / (date_folder(day) if dated else ".") / f"part {number}.parquet"
        place.parent.mkdir(parents=True, exist_ok=True)
        other = {"env": ["a", None, "b"]} if number else {"gone": [1.5] * 3}
        pl.DataFrame({"x": [10 * number + i for i in range(3)], **other}).write_parquet(place)
        files.append(File(str(place), day, number, number, 3))
    return files


EXPECTED = {
    "x": [10, 11, 12, 20, 21, 22, 0, 1, 2],
    "env": ["a", None, "b"] * 2 + [None] * 3,
    "_date": [None] * 3 + [DAYS[2]] * 3 + [DAYS[0]] * 3,
}


@pytest.mark.parametrize("root", ["store", "env=prod/x=1"])
def test_all_dates_are_read_in_order_with_younger_columns_as_null(tmp_path: Path, root: str) -> None:
    """A folder above that reads `NAME=VALUE` is no column."""
    files = lake(tmp_path / root)
    assert {is_dated(file) for file in files} == {root == "store"}
    found = scan(files, SCHEMA, list(SCHEMA))
    assert found.collect().to_dict(as_series=False) == EXPECTED
    assert found.filter(pl.col("_date") > DAYS[2]).collect()["x"].to_list() == [0, 1, 2]
    assert scan(files, SCHEMA, ["_date"]).collect()["_date"].to_list() == EXPECTED["_date"]
    assert scan([], SCHEMA, ["x"]).collect().schema == {"x": pl.Int64()}


def test_files_without_a_date_s_folder_have_the_date_that_the_log_says(tmp_path: Path) -> None:
    files = lake(tmp_path, dated=False)
    assert scan(files, SCHEMA, list(SCHEMA)).collect().to_dict(as_series=False) == EXPECTED


def test_a_year_of_dates_is_one_scan(tmp_path: Path) -> None:
    """A scan of each took 2 s for 800 of them, and had Polars warn of a deadlock."""
    assert scan(lake(tmp_path), SCHEMA, ["x"]).explain().count("Parquet SCAN") == 1
