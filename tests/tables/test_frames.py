"""Frames of other libraries keep their types and values, and one odd column never costs the rest."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import polars as pl
import pytest

from retrue.errors import TableError
from retrue.tables import read

# These ship no types, so they come in as Any.
pd: Any = import_module("pandas")
pa: Any = import_module("pyarrow")
import_module("pyarrow.parquet")

RICH = pl.DataFrame(
    {
        "big": pl.Series([2**53 + 1, None, -(2**62)]),
        "wide": pl.Series([2**100, None, 1], dtype=pl.Int128),
        "money": pl.Series([Decimal("12.34"), None, Decimal("0.01")], dtype=pl.Decimal(38, 2)),
        "category": pl.Series(["a", None, "b"], dtype=pl.Categorical),
        "day": [dt.date(2024, 2, 29), None, dt.date(1969, 1, 1)],
        "at": pl.Series([dt.datetime(2024, 1, 1, 12), None, dt.datetime(1960, 1, 1)], dtype=pl.Datetime("us")),
        "there": pl.Series(["2024-01-01T12:00:00Z", None, None]).str.to_datetime(time_zone="UTC"),
        "clock": [dt.time(12, 30), None, dt.time(0)],
        "took": [dt.timedelta(seconds=1), None, dt.timedelta(days=3)],
        "vector": pl.Series([[0.5, 1.0], None, [2.0, 3.0]], dtype=pl.List(pl.Float64)),
        "blob": [b"\x00\xff", None, b""],
        "nan": [float("nan"), None, float("-inf")],
    }
)
"""Each type that must pass through as it is."""


FORMS = ("polars", "lazy", "parquet", "pyarrow", "stream")
# Arrow has no integers of 128 bits.
HELD = [(name, form) for name in RICH.columns for form in FORMS if name != "wide" or form in {"polars", "lazy"}]


@pytest.mark.parametrize(("name", "form"), HELD)
def test_every_type_passes_through(name: str, form: str, tmp_path: Any) -> None:
    """What a value means is decided later; the door changes nothing."""
    frame = RICH.select(name)
    if form == "parquet":
        frame.write_parquet(tmp_path / "rich.parquet")
    sources: dict[str, Callable[[], Any]] = {
        "polars": lambda: frame,
        "lazy": frame.lazy,
        "parquet": lambda: tmp_path / "rich.parquet",
        "pyarrow": lambda: pa.table(frame),
        "stream": lambda: pa.table(frame).to_reader(),
    }
    read_back = read(sources[form]())
    assert read_back.dtypes == dict(frame.schema)
    assert pl.concat(read_back.batches()).equals(frame)


def test_pandas_types_become_what_they_hold() -> None:
    """NaN is how pandas writes null; names of index levels are columns."""
    frame = pd.DataFrame(
        {
            "f": [1.5, np.nan],
            "int": pd.array([1, None], "Int64"),
            "cat": pd.Categorical(["u", None]),
            "at": pd.to_datetime(["2020-01-01", None]),
            "month": pd.period_range("2020-01", periods=2, freq="M"),
            "range": pd.cut([1, 2], 2),
            "day": [dt.date(2020, 1, 1), None],
            "money": [Decimal("1.5"), None],
            "list": [[1, 2], [3.5]],
        },
        index=pd.Index(["i", "j"], name="key"),
    )
    table = read(frame)
    dtypes = {name: str(dtype.base_type()) for name, dtype in table.dtypes.items()}
    assert dtypes == {
        "key": "String", "f": "Float64", "int": "Int64", "cat": "Categorical", "at": "Datetime", "month": "String",
        "range": "String", "day": "Date", "money": "Decimal", "list": "List",
    }  # fmt: skip
    assert table.collect().row(1)[:5] == ("j", None, None, None, None)
    assert table.collect(["month", "list"]).row(1) == ("2020-02", [3.5])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, "x", None], ["1", "x", None]),
        ([1, 2.5, True], [1.0, 2.5, 1.0]),
        ([1, {"a": 2}, "z"], ["1", "{'a': 2}", "z"]),
        ([1j, 2, None], ["1j", "(2+0j)", None]),
    ],
)
def test_a_pandas_column_of_mixed_objects_does_not_take_the_table_down(values: list[Any], expected: list[Any]) -> None:
    frame = pd.DataFrame({"odd": pd.Series(values, dtype=None if 1j in values else object), "fine": [1, 2, 3]})
    assert read(frame).collect().to_dict(as_series=False) == {"odd": expected, "fine": [1, 2, 3]}


def test_two_columns_of_one_name_are_an_error() -> None:
    with pytest.raises(TableError, match="two columns are called 'a'"):
        read(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(TableError, match=r"column appears more than once|two columns"):
        read(pa.table([[1], [2]], names=["a", "a"]))
    with pytest.raises(TableError, match="two columns are called '1'"):
        read(pd.DataFrame([[1, 2]], columns=[1, "1"]))


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2, None], pl.Int64, [1, 2, None]),
        ([1, 2.5], pl.Float64, [1.0, 2.5]),
        ([2**70, 1], pl.Int128, [2**70, 1]),
        ([2**200, 1], pl.String, [str(2**200), "1"]),
        ([True, 0, "x", 2.0], pl.String, ["true", "0", "x", "2"]),
        ([[1], [2.5], None], pl.List(pl.Float64), [[1.0], [2.5], None]),
        ([[1], ["a"]], pl.List(pl.String), [["1"], ["a"]]),
        ([[1], "a"], pl.String, ["[1]", "a"]),
        ([[[1]], [[2.5]]], pl.List(pl.List(pl.Float64)), [[[1.0]], [[2.5]]]),
        ([{"a": 1}, {"b": 2}], pl.Struct({"a": pl.Int64, "b": pl.Int64}), [{"a": 1, "b": None}, {"a": None, "b": 2}]),
        ([None, None], pl.Null, [None, None]),
    ],
)
@pytest.mark.parametrize("form", ["rows", "dict"])
def test_plain_values_keep_their_meaning(form: str, values: list[Any], dtype: Any, expected: list[Any]) -> None:
    """Numbers of two types become floats; values that don't go together become text; nothing is cut or lost."""
    source: Any = {"x": values} if form == "dict" else [{"x": value} for value in values]
    table = read(source)
    assert table.dtypes == {"x": dtype}
    assert table.collect()["x"].to_list() == expected


def test_rows_may_lack_keys() -> None:
    assert read([{"a": 1}, {"b": "x"}]).collect().rows() == [(1, None), (None, "x")]


def test_one_dict_of_values_is_one_event() -> None:
    """Also where one of the values is a list, such as an embedding."""
    assert read({"id": 7, "vector": [0, 0.5]}).collect().rows() == [(7, [0.0, 0.5])]
    assert read({"id": np.int64(7), "at": None}).collect().rows() == [(7, None)]


def test_arrays_and_series_are_columns() -> None:
    source = {"n": np.arange(2), "p": pd.Series([1.5, 2.5]), "s": pl.Series(["a", "b"]), "t": ("x", "y"), "r": range(2)}
    assert read(source).collect().rows() == [(0, 1.5, "a", "x", 0), (1, 2.5, "b", "y", 1)]


def test_columns_of_different_lengths_are_an_error_that_names_them() -> None:
    with pytest.raises(TableError, match="'b' has 1 values and 'a' 2"):
        read({"a": [1, 2], "b": [1]})


def test_rows_that_are_no_dicts_are_an_error_that_says_which() -> None:
    with pytest.raises(TableError, match="element 1 is 5"):
        read([{"a": 1}, 5])


def test_python_objects_in_polars_become_what_they_hold() -> None:
    frame = pl.DataFrame({"x": pl.Series([1, 2.5], dtype=pl.Object), "y": pl.Series([object, 1], dtype=pl.Object)})
    assert read(frame).collect().rows() == [(1.0, "<class 'object'>"), (2.5, "1")]


def test_duckdb_types_come_through_and_intervals_become_durations() -> None:
    query = """SELECT INTERVAL 36 HOUR AS "a ""b", 1.50::DECIMAL(10, 2) AS d, [1, 2] AS l, DATE '2020-01-01' AS t,
               170141183460469231731687303715884105727::HUGEINT AS h, 'x'::ENUM('x', 'y') AS e"""
    table = read(duckdb.sql(query))
    assert table.name == "duckdb.DuckDBPyRelation"
    expected = (dt.timedelta(hours=36), Decimal("1.50"), [1, 2], dt.date(2020, 1, 1), float(2**127), "x")
    row = table.collect().row(0)
    assert tuple(float(v) if i == 4 else v for i, v in enumerate(row)) == expected


def test_a_duckdb_query_that_fails_is_a_table_error() -> None:
    with pytest.raises(TableError, match="Conversion Error"):
        read(duckdb.sql("SELECT s::INTEGER AS x FROM (VALUES ('a')) AS t(s)"))


def test_frames_that_only_narwhals_knows_are_read() -> None:
    assert read(nw.from_native(pl.DataFrame({"x": [1]}))).collect().rows() == [(1,)]


def test_a_record_batch_and_a_series_are_tables() -> None:
    assert read(pa.record_batch({"x": [1, 2]})).rows == 2
    assert read(pl.Series("x", [1, 2])).columns == ("x",)


def test_a_delta_table_object_is_a_table(tmp_path: Any) -> None:
    import deltalake

    deltalake.write_deltalake(tmp_path / "d", pl.DataFrame({"x": [1, 2]}))
    assert read(deltalake.DeltaTable(tmp_path / "d")).collect().rows() == [(1,), (2,)]


def test_extension_types_of_arrow_are_read_as_what_they_are_stored_as(tmp_path: Path) -> None:
    """Held, in a file, and as the frame that Polars makes of them, known ones and those of strangers."""
    said = {b"ARROW:extension:name": b"stranger", b"ARROW:extension:metadata": b"x"}
    odd = pa.field("odd", pa.binary(), metadata=said)
    kept = [pa.array([1, 2]), pa.array([b"a", None], pa.binary()), pa.array(['{"a": 1}', None]).cast(pa.json_())]
    table = pa.table(kept, schema=pa.schema([pa.field("x", pa.int64()), odd, pa.field("said", pa.json_())]))
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    for source in (table, tmp_path / "t.parquet", pl.read_parquet(tmp_path / "t.parquet")):
        found = read(source).collect()
        assert found.schema == {"x": pl.Int64(), "odd": pl.Binary(), "said": pl.String()}
        assert found.rows() == [(1, b"a", '{"a": 1}'), (2, None, None)]
