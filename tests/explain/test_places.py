"""Places: ranks and oddity of values against a reference, whatever their type."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.grids import Grids, Source
from retrue.errors import TableError
from retrue.explain.places import Places, thinned


def grids_of(frame: pl.DataFrame) -> Grids:
    fitted: dict[str, Grid] = {
        name: NumericGrid.fit(frame[name]) if frame[name].dtype.is_numeric() else CategoricalGrid.fit(frame[name])
        for name in frame.columns
    }
    return Grids(fitted, {name: Source(name) for name in fitted})


def mixed(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    """Two numbers that go together, one with a long tail and nulls, and a category."""
    x = rng.normal(size=rows)
    return pl.DataFrame(
        {
            "x": x,
            "twin": x + 0.1 * rng.normal(size=rows),
            "long": np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(sigma=3, size=rows)),
            "c": rng.choice(["a", "b", "c", "d"], rows, p=[0.6, 0.3, 0.09, 0.01]),
        }
    ).with_columns(pl.col("long").fill_nan(None))


def test_a_number_is_as_odd_as_its_rank() -> None:
    frame = mixed(np.random.default_rng(1), 20_000).select("x")
    places = Places.fit(grids_of(frame), frame)
    at = pl.DataFrame({"x": [-2.0, 0.0, 1.0, 2.0]})
    assert places.oddity(places.codes(at))[:, 0] == pytest.approx([-2.0, 0.0, 1.0, 2.0], abs=0.05)
    beyond = places.oddity(places.codes(pl.DataFrame({"x": [-100.0, 100.0]})))[:, 0]
    two_extremes = stats.norm.isf((0.5 / 20_001) ** 2)
    assert beyond == pytest.approx([-two_extremes, two_extremes])


def test_a_category_is_as_odd_as_it_is_rare() -> None:
    frame = mixed(np.random.default_rng(1), 20_000).select("c")
    places = Places.fit(grids_of(frame), frame)
    odd = places.oddity(places.codes(pl.DataFrame({"c": ["a", "c", "d", "never seen", None]})))[:, 0]
    share = (frame["c"] == "d").to_numpy().mean()
    assert odd[0] == 0
    assert odd[2] == pytest.approx(stats.norm.isf(share / 2))
    assert odd[1] < odd[2] < odd[3] == odd[4]


def test_nulls_are_as_odd_as_they_are_rare_among_numbers() -> None:
    frame = mixed(np.random.default_rng(1), 20_000).select("long")
    places = Places.fit(grids_of(frame), frame)
    odd = places.oddity(places.codes(pl.DataFrame({"long": [None]}, schema={"long": pl.Float64})))[0, 0]
    assert odd == pytest.approx(stats.norm.isf(frame["long"].null_count() / 40_000), abs=1e-6)


def test_distances_are_gowers_on_ranks() -> None:
    frame = pl.DataFrame({"x": [float(i) for i in range(100)], "c": ["a", "b"] * 50})
    places = Places.fit(grids_of(frame), frame)
    codes = places.codes(frame)
    assert places.distances(codes[:, 0], codes)[[0, 1, 2, 99]] == pytest.approx([0, 0.505, 0.01, 0.995])
    far = places.codes(pl.DataFrame({"x": [1e9], "c": ["new"]}))
    assert places.distances(far[:, 0], codes) == pytest.approx(1.0)
    assert places.distances(far[:, 0], far) == pytest.approx(1.0)  # outside, nothing is known to be near


def test_nothing_to_learn_from_is_an_error() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0]})
    for reference, columns in ((frame.clear(), None), (frame, ["y"])):
        with pytest.raises(TableError, match="nothing to compare rows with"):
            Places.fit(grids_of(frame), reference, columns)


def test_many_rows_are_thinned_evenly_and_out_of_step_with_turns() -> None:
    table = pl.DataFrame({"i": range(1000), "turn": [0, 1] * 500})
    found = thinned(table, 100)
    assert (found["i"] // 10).to_list() == list(range(100))
    assert 30 < found["turn"].sum() < 70
    assert thinned(table, 5000) is table
