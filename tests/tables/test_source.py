"""Every form that a table comes in reads the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retrue.errors import TableError
from retrue.tables import Table, read
from retrue.tables.table import spread

from .conftest import EVENTS, ROWS


def test_every_form_gives_the_same_rows_in_the_same_order(source: Any) -> None:
    assert_frame_equal(read(source).collect(), EVENTS)


def test_every_form_gives_batches_in_row_order(source: Any) -> None:
    batches = list(read(source).batches(rows=128))
    assert max(batch.height for batch in batches) <= 128
    assert_frame_equal(pl.concat(batches), EVENTS)


def test_every_form_gives_only_the_columns_asked_for_in_the_order_asked(source: Any) -> None:
    batches = list(read(source).batches(["origin", "id"]))
    assert_frame_equal(pl.concat(batches), EVENTS.select("origin", "id"))


def test_every_form_gives_the_same_sample(source: Any) -> None:
    """What comes from memory comes from any source."""
    assert_frame_equal(read(source).sample(rows=70), EVENTS[spread(ROWS, 70)])


def test_every_form_counts_its_rows(source: Any) -> None:
    assert read(source).count_rows() == ROWS


def test_every_form_can_be_read_twice(source: Any) -> None:
    """Even a stream, which is kept in memory when it comes in."""
    table = read(source)
    assert_frame_equal(table.collect(["id"]), table.collect(["id"]))


def test_every_form_knows_its_dtypes(source: Any) -> None:
    assert read(source).dtypes == dict(EVENTS.schema)


def test_a_table_passes_through() -> None:
    table = read(EVENTS)
    assert read(table) is table
    assert read(table, name="events").name == "events"


@pytest.mark.parametrize("source", [None, 3, "", object(), [1, 2], []])
def test_what_is_no_table_is_an_error_that_says_what_is_expected(source: object) -> None:
    with pytest.raises(TableError):
        read(source)


def test_the_door_imports_no_frame_library() -> None:
    """Neither reading nor sampling a file brings in pandas, pyarrow, DuckDB or narwhals."""
    code = (
        "import sys; from retrue.tables import read; read({'x': [1]}).sample();"
        "print([m for m in ('pandas', 'pyarrow', 'duckdb', 'narwhals', 'deltalake') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_in_memory_and_columnar_files_say_that_a_column_costs_only_itself(tmp_path: Path) -> None:
    EVENTS.write_parquet(tmp_path / "e.parquet")
    EVENTS.write_csv(tmp_path / "e.csv")
    assert [read(s).columnar for s in (EVENTS, tmp_path / "e.parquet", tmp_path / "e.csv")] == [True, True, False]


def test_a_table_is_frozen() -> None:
    with pytest.raises(AttributeError):
        setattr(read(EVENTS), "name", "other")  # noqa: B010 - mypy would refuse the assignment, as it should


def test_tables_are_told_apart_by_identity() -> None:
    """Two queries can't be compared, so two tables are never equal by value."""
    assert read(EVENTS) != read(EVENTS)
    assert isinstance(read(EVENTS), Table)
