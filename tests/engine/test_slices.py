"""One pass gives what filtering and counting each slice by itself gives."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.scores import score_bins
from retrue.engine import local
from retrue.engine.slices import count_slices, fitting, with_slices
from retrue.errors import SliceError
from retrue.schema import Schema
from retrue.slices import Slice
from retrue.tables import read

RNG = np.random.default_rng(0)
ROWS = 5_000
FRAME = pl.DataFrame(
    {
        "x": RNG.normal(size=ROWS),
        "city": RNG.choice(["a", "b", "c"], ROWS, p=[0.6, 0.39, 0.01]),
        "p": RNG.random(ROWS),
        "y": RNG.integers(0, 2, ROWS),
    }
)
SCHEMA = Schema.infer(FRAME, label="y", score="p", slices=["city"])
PARTS = [Slice.parse("city = 'a'"), Slice.parse("x > 0"), Slice.parse("city = 'nowhere'")]


def test_one_pass_counts_what_filtering_counts() -> None:
    """The whole on the grids, slices on the coarse ones; over several batches; a slice without rows is there too."""
    reference = local.fit_reference(read(FRAME), SCHEMA)
    lazy = read(FRAME.lazy())
    found = count_slices(lazy, reference.grids, PARTS)
    assert found[""].agrees(local.count(read(FRAME), reference.grids))
    for part in PARTS:
        own = FRAME.filter(part.mask(FRAME))
        assert found[part.to_sql()].rows == own.height
        assert found[part.to_sql()].agrees(local.count(read(own), reference.grids.coarse))


def test_a_slice_of_an_unknown_column_is_an_error() -> None:
    grids = local.fit_grids(read(FRAME), SCHEMA)
    with pytest.raises(SliceError, match="unknown column 'town'"):
        count_slices(read(FRAME), grids, [Slice.parse("town = 'a'")])


def test_a_reference_learns_the_slices_that_have_enough_rows() -> None:
    table = read(FRAME)
    learned = with_slices(local.fit_reference(table, SCHEMA), table, least=100)
    assert list(learned.slices) == ["city = 'a'", "city = 'b'"]
    own = FRAME.filter(pl.col("city") == "a")
    part = learned.slices["city = 'a'"]
    assert part.profile.rows == own.height
    expected = score_bins(learned.grids.coarse, own)["x"]
    np.testing.assert_array_equal(part.scores["x"].n, expected.n)
    np.testing.assert_allclose(part.scores["x"].total, expected.total)


def test_only_slices_that_a_table_fits_are_counted() -> None:
    """A column that went or changed its type is told by itself, and doesn't stop the comparison."""
    assert [one.sql for one in fitting(PARTS, read(FRAME.drop("city")))] == ["x > 0"]
    assert fitting(PARTS[:1], read(FRAME.with_columns(city=pl.lit(1)))) == []
