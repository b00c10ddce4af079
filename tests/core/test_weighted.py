"""Weighted states: what is left out and told, and that they are stored, taken apart and read back."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.cube import cube
from retrue.core.extra import RowRule
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.grids import Grids, Source
from retrue.core.outcome_grid import BinaryGrid, score_cuts
from retrue.core.profile import Profile
from retrue.core.weighted import WEIGHT, Weighing, WeightedBinary, WeightedColumn, WeightSums, effective_n, read_weights
from retrue.errors import ProfileError

RNG = np.random.default_rng(9)
N = 300
FRAME = pl.DataFrame(
    {
        "x": RNG.normal(size=N),
        "c": [[None, "a", "b"][i] for i in RNG.integers(0, 3, N)],
        "p": RNG.random(N),
        "y": [[None, 0, 1][i] for i in RNG.integers(0, 3, N)],
        "w": RNG.exponential(size=N),
    }
)
GRIDS = Grids(
    {"x": NumericGrid.fit(FRAME["x"]), "c": CategoricalGrid.fit(FRAME["c"])},
    {"x": Source("x"), "c": Source("c")},
    BinaryGrid("y", "p", None, "1", score_cuts(FRAME["p"].to_numpy())),
    (RowRule("x", "<=", "p"), Weighing("w")),
)


def weight_sums(profile: Profile) -> WeightSums:
    found = profile.extras[WEIGHT]
    assert isinstance(found, WeightSums)
    return found


def test_bad_weights_are_counted_and_left_out() -> None:
    """Null, NaN, infinite, negative and no number are bad; 0 counts for nothing and is no fault."""
    bad = pl.Series("w", ["", "nan", "inf", "-inf", "-1", "much", "0", "2", "2.5"]).replace("", None)
    frame = FRAME.head(9).with_columns(bad)
    profile = GRIDS.count(frame)
    assert weight_sums(profile) == WeightSums(bad=6, zero=1, used=2, total=4.5, squares=10.25)
    assert weight_sums(profile).effective == pytest.approx(4.5**2 / 10.25)
    assert profile.rows == 9
    good = GRIDS.count(frame.tail(2))
    assert profile.columns["x"].agrees(good.columns["x"])
    assert profile.outcome is not None
    assert profile.outcome.agrees(good.outcome)


def test_weights_of_any_type_are_read() -> None:
    assert read_weights(pl.Series([1, None, 3])).values.tolist() == [1.0, 3.0]
    assert read_weights(pl.Series([None, None])).kept.tolist() == [False, False]
    assert effective_n(0.0, 0.0) == 0.0


def test_rows_without_any_weight_are_nothing() -> None:
    profile = GRIDS.count(FRAME.with_columns(w=pl.lit(0.0)))
    assert [column.rows for column in profile.columns.values()] == [0.0, 0.0]
    assert profile.outcome is not None
    assert profile.outcome.labelled == 0.0


def test_parts_add_up_to_the_whole() -> None:
    parts = [GRIDS.count(FRAME[i::3]) for i in range(3)]
    assert (parts[0] + parts[1] + parts[2]).agrees(GRIDS.count(FRAME))


def test_subtracting_undoes_adding_within_rounding() -> None:
    a, b = GRIDS.count(FRAME.head(200)), GRIDS.count(FRAME.tail(100))
    left = ((a + b) - b).columns["x"]
    assert isinstance(left, WeightedColumn)
    assert left.counts == pytest.approx(a.columns["x"].counts, abs=1e-9)
    assert left.n == pytest.approx(a.columns["x"].n, rel=1e-9)


@pytest.mark.parametrize("grids", [True, False])
def test_a_weighted_profile_survives_storage(grids: bool) -> None:
    profile = GRIDS.count(FRAME)
    again = Profile.from_bytes(profile.to_bytes(grids=grids), None if grids else GRIDS.columns)
    assert again.agrees(profile)
    assert isinstance(again.columns["c"], WeightedColumn)
    assert isinstance(again.outcome, WeightedBinary)
    assert (again + profile).agrees(profile + profile)


def test_weighted_grids_survive_storage() -> None:
    again = Grids.from_bytes(GRIDS.to_bytes())
    assert (again.weight, again.digest) == ("w", GRIDS.digest)


def test_a_coarse_column_reads_like_one_counted_so() -> None:
    coarse = GRIDS.coarse
    merged = GRIDS.count(FRAME).coarsen(coarse.columns)
    assert merged.columns["x"].agrees(coarse.count(FRAME).columns["x"])


def test_what_is_known_of_a_label_leaves_its_nulls_out() -> None:
    column = GRIDS.count(FRAME).columns["c"]
    known = GRIDS.count(FRAME.drop_nulls("c")).columns["c"]
    assert column.known().agrees(known)
    assert column.known().rows == pytest.approx(known.rows)


def test_an_unweighted_profile_has_whole_counts() -> None:
    profile = Grids(GRIDS.columns, GRIDS.sources, GRIDS.outcome).count(FRAME)
    column = profile.columns["x"]
    assert (type(column).__name__, column.counts.dtype.name, column.special.dtype.name) == (
        "ColumnProfile",
        "int64",
        "int64",
    )
    assert [type(n) for n in (column.rows, column.n, column.out_of_range, column.special_count("null"))] == [int] * 4


def test_a_weighted_and_an_unweighted_column_dont_add_up() -> None:
    plain, weighted = Grids(GRIDS.columns, GRIDS.sources, GRIDS.outcome).count(FRAME), GRIDS.count(FRAME)
    for a, b in ((plain, weighted), (weighted, plain)):
        with pytest.raises(ProfileError, match="weighted and unweighted"):
            _ = a.columns["x"] + b.columns["x"]
        with pytest.raises(ProfileError, match="weight"):
            _ = a + b


def test_a_cube_refuses_weights() -> None:
    with pytest.raises(ProfileError, match="counts each event once"):
        cube(GRIDS, FRAME, np.zeros(N, np.int64))
