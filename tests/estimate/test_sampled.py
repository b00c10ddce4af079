"""An estimate for two tables reads a sample of each, and refuses what it can't do."""

from __future__ import annotations

import numpy as np
import polars as pl

from retrue.core.grids import fit_outcome
from retrue.estimate.sampled import MOST, estimate_sampled
from retrue.schema import Schema
from retrue.tables import read


def rows(n: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    f = rng.normal(50, 10, n)
    return pl.DataFrame({"x": rng.random(n), "w": rng.random(n), "f": f, "y": f + rng.laplace(0, 1, n)})


def test_large_tables_are_sampled_and_columns_may_be_missing() -> None:
    frame = rows(300, 1)
    schema = Schema.infer(frame, label="y", prediction="f", features=["x"])
    grid = fit_outcome(schema, frame)
    assert grid is not None
    found = estimate_sampled(read(frame), read(rows(MOST + 500, 2).drop("y")), schema, grid)
    assert found.rows == MOST
    assert found["mae"].value is not None
    assert "nothing is known" in str(estimate_sampled(read(frame), read(rows(200, 3).drop("x")), schema, grid).refused)


def test_weighted_rows_are_refused() -> None:
    frame = rows(300, 4)
    schema = Schema.infer(frame, label="y", prediction="f", weight="w", features=["x"])
    grid = fit_outcome(schema, frame)
    assert grid is not None
    assert "rows are weighted" in str(estimate_sampled(read(frame), read(frame), schema, grid).refused)
