"""What a table does: batches, samples, counts, and its errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from retrue.errors import TableError
from retrue.tables import BATCH_ROWS, Table, read
from retrue.tables.table import STRETCH, listed, scattered, spread


@given(st.integers(0, 400), st.integers(1, 130), st.integers(1, 90))
def test_a_sample_is_evenly_spread_whatever_the_batches(total: int, rows: int, height: int) -> None:
    """Row k lies between floor(k n / m) and floor((k + 1) n / m); the same in memory and streamed."""
    frame = pl.DataFrame({"x": range(total)}, schema={"x": pl.Int64})
    sample = read(frame).sample(["x"], rows)["x"].to_list()
    assert len(sample) == min(total, rows)
    if total > rows:
        assert all(k * total // rows <= x < (k + 1) * total // rows for k, x in enumerate(sample))

    streamed = Table(frame.lazy(), "lazy", None, columnar=False)
    assert streamed.sample(["x"], rows)["x"].to_list() == sample
    assert pl.concat([streamed.empty(), *streamed.batches(rows=height)]).equals(frame)


def test_scattered_numbers_are_those_of_splitmix64() -> None:
    """The first outputs for seed 0, as published with the generator's reference code."""
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert scattered(3).tolist() == [(z >> 11) * 2.0**-53 for z in published]


@given(st.integers(2, 60), st.integers(2, 50))
def test_events_that_come_in_turns_are_sampled_alike(turns: int, stride: int) -> None:
    """An even stride would see one of them only, where it is a multiple of their number."""
    total = turns * stride * 100
    counts = np.bincount(spread(total, total // stride) % turns, minlength=turns)
    assert counts.min() >= 0.5 * counts.mean()


def test_an_unknown_column_is_named_with_the_nearest_one() -> None:
    with pytest.raises(TableError, match=r"unknown column 'incme' in dict.*did you mean 'income'"):
        read({"income": [1], "age": [2]}).collect(["incme"])


def test_a_long_list_of_columns_is_cut_in_messages() -> None:
    assert listed(map(str, range(100))).endswith("... (100 in all)")


def test_batches_of_no_rows_are_refused() -> None:
    with pytest.raises(TableError, match="at least 1"):
        next(read({"x": [1]}).batches(rows=0))


def test_a_table_without_columns_is_an_error_and_one_without_rows_is_not() -> None:
    with pytest.raises(TableError, match="without columns"):
        read(pl.DataFrame())
    table = read(pl.DataFrame(schema={"x": pl.Int64}))
    assert (table.count_rows(), list(table.batches()), table.sample().height) == (0, [], 0)


def test_a_file_without_rows_reads_as_no_rows(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("a,b\n")
    pl.DataFrame(schema={"a": pl.Float64}).write_parquet(tmp_path / "e.parquet")
    for name in ("e.csv", "e.parquet"):
        table = read(tmp_path / name)
        assert (table.count_rows(), list(table.batches()), table.collect().height) == (0, [], 0)


def test_a_lazy_query_that_fails_is_a_table_error_that_says_why() -> None:
    table = read(pl.LazyFrame({"x": ["a"]}).select(pl.col("x").cast(pl.Int64)))
    with pytest.raises(TableError, match=r"polars\.LazyFrame"):
        list(table.batches())
    with pytest.raises(TableError, match='"y"'):
        read(pl.LazyFrame({"x": [1]}).select("y"))


def test_an_error_of_the_one_who_reads_batches_stays_what_it_is() -> None:
    def reader() -> Iterator[int]:
        for batch in read(pl.LazyFrame({"x": [1, 2]})).batches():
            yield batch.height
            raise OSError("mine")

    with pytest.raises(OSError, match="mine"):
        list(reader())


def test_batches_can_be_left_early() -> None:
    """The query stops, and the table can be read again."""
    table = read(pl.LazyFrame({"x": range(10_000)}))
    assert next(table.batches(rows=10)).height == 10
    assert table.count_rows() == 10_000


def test_stretches_of_a_large_file_come_in_order_and_whole(tmp_path: Path) -> None:
    """Whatever the row groups, and where the last stretch is shorter."""
    rows = 2 * STRETCH + 77
    pl.DataFrame({"x": pl.int_range(rows, eager=True)}).write_parquet(tmp_path / "x.parquet", row_group_size=300_000)
    table = read(tmp_path / "x.parquet")
    batches = list(table.batches(["x"]))
    assert max(batch.height for batch in batches) == BATCH_ROWS
    assert pl.concat(batches)["x"].equals(pl.int_range(rows, eager=True).alias("x"))


def test_distinct_values_come_sorted_without_null() -> None:
    assert read(pl.LazyFrame({"y": [3, None, 1, 3]})).distinct("y").to_list() == [1, 3]


def test_columns_are_read_in_the_order_asked() -> None:
    table = read({"a": [1], "b": [2], "c": [3]})
    assert table.columns == ("a", "b", "c")
    assert_frame_equal(table.collect(["c", "a"]), pl.DataFrame({"c": [3], "a": [1]}))
