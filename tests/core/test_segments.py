"""Which slices a slice column parts the events into."""

from __future__ import annotations

import polars as pl
import pytest

from retrue.core.segments import SEGMENTS, segments
from retrue.engine import local
from retrue.errors import SchemaError
from retrue.schema import Schema
from retrue.slices import Slice
from retrue.tables import read


def parted(frame: pl.DataFrame, *columns: str, least: int = 1) -> list[Slice]:
    """The slices of a table."""
    table = read(frame)
    schema = Schema.infer(table, slices=columns)
    return segments(schema, local.fit_reference(table, schema).profile, least)


def test_the_frequent_values_of_each_column_are_slices() -> None:
    frame = pl.DataFrame({"city": ["b"] * 60 + ["a"] * 90 + ["c"] * 10, "paid": [True] * 100 + [False] * 60})
    assert [one.sql for one in parted(frame, "city", "paid", least=50)] == [
        "city = 'a'",
        "city = 'b'",
        "paid = TRUE",
        "paid = FALSE",
    ]


def test_each_slice_holds_exactly_the_rows_of_its_value() -> None:
    frame = pl.DataFrame({"gate": [7] * 60 + [12] * 90, "x": range(150)})
    found = {one.sql: one.mask(frame).sum() for one in parted(frame.cast({"gate": pl.UInt8}), "gate")}
    assert found == {"gate = 12": 90, "gate = 7": 60}


def test_only_so_many_values_are_slices() -> None:
    frame = pl.DataFrame({"city": [f"c{i % 40}" for i in range(4_000)]})
    assert len(parted(frame, "city")) == SEGMENTS


def test_a_column_of_numbers_parts_nothing() -> None:
    frame = pl.DataFrame({"x": [i * 1.5 for i in range(200)]})
    with pytest.raises(SchemaError, match=r"slice column 'x' isn't categorical.*--kind x=categorical"):
        parted(frame, "x")
