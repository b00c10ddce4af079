"""Neighbours: the nearest rows of the reference, or that there are none."""

import numpy as np
import polars as pl
import pytest
from sklearn.neighbors import NearestNeighbors
from tests.explain.test_places import grids_of, mixed

from retrue.errors import TableError
from retrue.explain.neighbours import Neighbours


def test_neighbours_are_the_nearest_by_rank() -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({name: rng.random(400) for name in "abc"})  # 400 rows: each value has a bin of its own
    found = Neighbours.fit(grids_of(frame), frame).of(frame[7:8], most=4)
    ranks = np.stack([frame[name].rank().to_numpy() for name in "abc"], axis=1)
    expected = NearestNeighbors(n_neighbors=4, metric="manhattan").fit(ranks).kneighbors(ranks[7:8])
    near = found.rows.height  # those beyond the usual distance aren't neighbours
    assert found.rows.equals(frame.select(pl.all().gather(expected[1][0][:near])))
    assert found.distances == pytest.approx(expected[0][0][:near] / 3 / 400)
    assert near >= 2


def test_fresh_usual_rows_have_neighbours_and_odd_ones_have_none() -> None:
    rng = np.random.default_rng(2)
    reference = mixed(rng, 3_000)
    neighbours = Neighbours.fit(grids_of(reference), reference)
    fresh = mixed(rng, 200)
    assert sum(bool(neighbours.of(fresh[i : i + 1])) for i in range(200)) >= 185  # 99 % expected
    odd = pl.DataFrame({"x": [9.0], "twin": [-9.0], "long": [1e12], "c": ["new"]})
    none = neighbours.of(odd)
    assert not none
    assert none.rows.height == 0
    assert none.rows.columns == reference.columns
    assert none.nearest == 1.0
    assert str(none).startswith("nothing like it in the reference: the nearest row is 1 away, and 99 %")


def test_a_reference_of_one_row_is_its_own_neighbour_only() -> None:
    one = pl.DataFrame({"x": [1.0], "c": ["a"]})
    neighbours = Neighbours.fit(grids_of(one), one)
    assert neighbours.of(one).rows.equals(one)
    assert not neighbours.of(pl.DataFrame({"x": [2.0], "c": ["a"]}))


def test_neighbours_are_of_one_row() -> None:
    frame = mixed(np.random.default_rng(3), 100)
    with pytest.raises(TableError, match="2 rows"):
        Neighbours.fit(grids_of(frame), frame).of(frame.head(2))
