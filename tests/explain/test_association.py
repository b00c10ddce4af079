"""How strongly columns go together, held against SciPy."""

import numpy as np
import polars as pl
import pytest
from scipy.stats.contingency import association as scipy_association

from retrue.explain.association import association
from retrue.explain.coding import code


def strength(table: pl.DataFrame) -> float:
    (found,) = association(code(table, table), frozenset(table.columns)).values()
    return found


def test_it_is_cramers_v_where_rows_are_many() -> None:
    """The correction for bias vanishes with the rows: SciPy's plain one."""
    rng = np.random.default_rng(1)
    a = rng.integers(0, 3, 50_000)
    b = np.where(rng.random(50_000) < 0.6, a, rng.integers(0, 4, 50_000))
    table = pl.DataFrame({"a": a.astype(str), "b": b.astype(str)})
    counts = np.zeros((3, 4), int)
    np.add.at(counts, (a, b), 1)
    assert strength(table) == pytest.approx(scipy_association(counts, method="cramer"), abs=0.002)


def test_columns_that_have_nothing_to_do_with_each_other_have_none() -> None:
    """Plain Cramér's V of two columns of 20 categories on 500 rows is about .2 by chance."""
    rng = np.random.default_rng(2)
    table = pl.DataFrame({name: rng.integers(0, 20, 500).astype(str) for name in "ab"})
    assert strength(table) < 0.1


def test_numbers_count_by_their_tenths() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=20_000)
    assert strength(pl.DataFrame({"x": x, "y": np.exp(x)})) > 0.95
    assert strength(pl.DataFrame({"x": x, "y": rng.normal(size=20_000)})) < 0.05


def test_a_column_alone_has_nobody() -> None:
    table = pl.DataFrame({"a": ["x", "y"] * 50, "b": ["x", "y"] * 50})
    assert association(code(table, table), frozenset("a")) == {}
