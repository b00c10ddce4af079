"""What the reference never had is counted: values beyond it, new categories, and whole clusters without like."""

from __future__ import annotations

import numpy as np
import polars as pl
from tests.explain.test_places import grids_of

from retrue.explain.novel import Clusters, beyond, looks
from retrue.explain.places import Places


def reference(rng: np.random.Generator, rows: int = 3_000) -> pl.DataFrame:
    return pl.DataFrame({"x": rng.uniform(0, 1, rows), "z": rng.uniform(0, 1, rows), "c": rng.choice(["a", "b"], rows)})


def places() -> Places:
    table = reference(np.random.default_rng(0))
    return Places.fit(grids_of(table), table)


def test_columns_beyond_the_reference_are_counted_by_kind() -> None:
    events = pl.DataFrame({"x": [0.5, 7.0, -1.0, None], "z": [0.5, -9.0, 0.1, 0.1], "c": ["a", "new", "b", None]})
    assert beyond(places(), events, numeric=True).tolist() == [0, 2, 1, 0]
    assert beyond(places(), events, numeric=False).tolist() == [0, 1, 0, 0]


def test_near_duplicates_have_one_look_and_others_have_others() -> None:
    events = pl.DataFrame({"x": [0.31, 0.311, 0.9, 0.31], "z": [0.2, 0.2, 0.2, 0.2], "c": ["a", "a", "a", "b"]})
    found = looks(places(), events)
    assert found[0] == found[1]
    assert np.unique(found).size == 3


def test_a_cluster_that_the_reference_lacks_is_found_and_lone_rows_are_none() -> None:
    rng = np.random.default_rng(1)
    table = reference(np.random.default_rng(0)).filter(~((pl.col("x") > 0.6) & (pl.col("z") > 0.6)))
    usual = reference(rng, 200).filter(~((pl.col("x") > 0.6) & (pl.col("z") > 0.6)))
    new = pl.DataFrame({"x": rng.normal(0.85, 0.01, 30), "z": rng.normal(0.85, 0.01, 30), "c": ["a"] * 30})
    lone = pl.DataFrame({"x": [5.0], "z": [0.2], "c": ["new"]})
    sizes = Clusters.fit(grids_of(table), table).sizes(pl.concat([usual, new, lone]))
    assert (sizes[: usual.height] > 0).mean() < 0.1
    assert (sizes[usual.height : -1] >= 25).all()
    assert sizes[-1] == 1


def test_events_beyond_the_reference_can_be_a_cluster_too() -> None:
    table = reference(np.random.default_rng(0))
    far = pl.DataFrame({"x": [9.0] * 12, "z": [0.5] * 12, "c": ["new"] * 12})
    assert Clusters.fit(grids_of(table), table).sizes(far).tolist() == [12] * 12


def test_no_events_have_no_clusters() -> None:
    table = reference(np.random.default_rng(0), 100)
    assert Clusters.fit(grids_of(table), table).sizes(table.clear()).size == 0
