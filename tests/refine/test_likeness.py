"""How alike a training set and production are: the common mass of each column."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.grids import Grids
from retrue.engine import local
from retrue.refine.likeness import LEAST, Likeness, likeness
from retrue.schema import Schema
from retrue.tables import read


def grids_of(frame: pl.DataFrame) -> Grids:
    """Coarse grids of a table."""
    return local.fit_grids(read(frame), Schema.infer(read(frame))).coarse


def normal(mean: float, n: int = 20_000, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    return pl.DataFrame({"x": rng.normal(mean, 1, n), "c": rng.choice(["a", "b"], n)})


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_two_normals_have_in_common_what_the_formula_says(shift: float) -> None:
    """The overlap of N(0, 1) and N(d, 1) is 2 Phi(-d / 2)."""
    from scipy.stats import norm

    grids = grids_of(normal(0.0))
    found = likeness(grids.count(normal(0.0, seed=1)), grids.count(normal(shift, seed=2)), ["x", "c"])
    assert found is not None
    assert found.overlap["x"] == pytest.approx(2 * norm.cdf(-shift / 2), abs=0.04)
    assert found.overlap["c"] > 0.97
    assert list(found.unlike) == (["x"] if shift == 2 else [])
    assert not found.alien


def test_what_is_measured_in_another_unit_has_nothing_in_common() -> None:
    celsius, fahrenheit = normal(20.0).select("x"), normal(20.0).select(pl.col("x") * 1.8 + 32)
    grids = grids_of(celsius)
    found = likeness(grids.count(celsius), grids.count(fahrenheit), ["x"])
    assert found is not None
    assert (found.alien, str(found)) == (True, "x (0 % in common)")


def test_a_few_rows_tell_nothing() -> None:
    grids = grids_of(normal(0.0))
    assert likeness(grids.count(normal(0.0, LEAST - 1)), grids.count(normal(9.0)), ["x"]) is None


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0, 1), min_size=1))
def test_it_is_alien_where_most_columns_are_unlike(overlap: dict[str, float]) -> None:
    found = Likeness(overlap, (1_000, 1_000))
    assert found.alien == (sum(value < 0.5 for value in overlap.values()) > len(overlap) / 2)
    assert list(found.unlike.values()) == sorted(found.unlike.values())
