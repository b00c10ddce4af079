"""Rows to look at: typical ones stand for the others, the worst have the largest losses."""

import itertools

import numpy as np
import polars as pl
import pytest
from tests.explain.test_places import grids_of, mixed

from retrue.errors import TableError
from retrue.explain.examples import find_examples
from retrue.explain.places import Places
from retrue.slices import Slice


def test_typical_rows_stand_for_the_others_nearly_as_well_as_any_could() -> None:
    """The sum of distances to the nearest chosen row is close to that of the best of all choices."""
    frame = mixed(np.random.default_rng(1), 24)
    places = Places.fit(grids_of(frame), frame)
    codes = places.codes(frame)
    apart = np.stack([places.distances(codes[:, at], codes) for at in range(24)])
    best = min(apart[list(chosen)].min(axis=0).sum() for chosen in itertools.combinations(range(24), 3))
    typical = find_examples(frame.with_row_index(), Slice.all(), grids_of(frame)).typical["index"].to_list()
    assert apart[typical].min(axis=0).sum() <= 1.1 * best


def test_each_large_part_of_a_slice_has_its_typical_row() -> None:
    rng = np.random.default_rng(1)
    which = rng.random(2_000) < 0.4
    frame = pl.DataFrame({"x": 10.0 * which + rng.normal(size=2_000), "c": np.where(which, "here", "there")})
    assert set(find_examples(frame, Slice.all(), grids_of(frame), most=2).typical["c"]) == {"here", "there"}


def test_examples_are_of_the_slice_and_the_worst_have_the_largest_known_losses() -> None:
    frame = mixed(np.random.default_rng(2), 500)
    losses = np.random.default_rng(3).random(500)
    losses[:100] = np.nan
    where = Slice.parse("c = 'b'")
    found = find_examples(frame.with_columns(loss=losses), where, grids_of(frame), losses=losses, most=4)
    assert found.typical.height == found.worst.height == 4
    assert where.mask(found.typical).all()
    inside = where.mask(frame).to_numpy()
    assert found.worst["loss"].to_list() == sorted(losses[inside & ~np.isnan(losses)], reverse=True)[:4]


def test_a_small_or_empty_slice_gives_what_there_is() -> None:
    frame = mixed(np.random.default_rng(2), 50)
    assert find_examples(frame, Slice.parse("x > 1e9"), grids_of(frame)).typical.height == 0
    few = find_examples(frame.head(2), Slice.all(), grids_of(frame))
    assert few.typical.height == 2
    assert few.worst.height == 0


def test_losses_of_another_length_are_an_error() -> None:
    frame = mixed(np.random.default_rng(2), 50)
    with pytest.raises(TableError, match="another length"):
        find_examples(frame, Slice.all(), grids_of(frame), losses=[1.0])
