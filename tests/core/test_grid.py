"""Grids: where the cuts lie, what a bin holds, and that a value is counted where its code says."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.column import SPECIALS
from retrue.core.grid import KNOWN, CategoricalGrid, Grid, NumericGrid, quantile_cuts
from retrue.errors import ProfileError

LARGEST = float(np.finfo(np.float64).max)
NUMBERS = st.lists(st.floats() | st.none(), max_size=60).map(lambda v: pl.Series(v, dtype=pl.Float64))
TEXTS = st.lists(st.none() | st.sampled_from(["a", "b", "", "ä/ö", "a\x00b"]) | st.text(max_size=2), max_size=40).map(
    lambda v: pl.Series(v, dtype=pl.String)
)


def binned(grid: Grid, series: pl.Series) -> list[int]:
    """Bins and specials counted through the codes of the single rows."""
    return list(np.bincount(grid.codes(series), minlength=grid.bins + len(SPECIALS)))


class TestNumericGrid:
    @given(NUMBERS, NUMBERS)
    def test_counting_is_coding_each_row(self, reference: pl.Series, window: pl.Series) -> None:
        grid = NumericGrid.fit(reference, 8)
        profile = grid.count(window)
        assert [*profile.counts.tolist(), *profile.special.tolist()] == binned(grid, window)

    @given(NUMBERS)
    def test_the_reference_is_in_its_own_range(self, reference: pl.Series) -> None:
        """Nothing of what a grid was fitted on lies outside: not the least, not the greatest, not the largest float."""
        assert NumericGrid.fit(reference).count(reference).out_of_range == 0

    @given(NUMBERS)
    def test_a_bin_of_one_value_holds_one_value(self, reference: pl.Series) -> None:
        grid = NumericGrid.fit(reference, 8)
        values = reference.drop_nulls().to_numpy()
        values = values[np.isfinite(values)] + 0.0
        bins = np.searchsorted(grid.cuts, values, side="right")
        assert all(np.unique(values[bins == b]).size <= 1 for b in np.flatnonzero(grid.atoms))

    def test_a_value_with_a_kth_of_the_rows_is_an_atom(self) -> None:
        """Of 1,000 rows 400 are 0 and 300 are 7: two bins hold just these, and the rest is cut at quantiles."""
        values = np.concatenate([np.zeros(400), np.full(300, 7.0), np.linspace(0.01, 10, 300)])
        profile = NumericGrid.fit(pl.Series(values), 10).count(pl.Series(values))
        atoms = profile.grid.atoms  # type: ignore[attr-defined]
        assert sorted(profile.counts[atoms].tolist()) == [300, 400]
        assert profile.counts[~atoms].max() <= 100

    def test_bins_hold_a_kth_of_the_rows_each(self) -> None:
        values = pl.Series(np.random.default_rng(0).normal(size=51_200))
        profile = NumericGrid.fit(values).count(values)
        assert profile.grid.bins >= 512
        assert profile.counts.max() <= 51_200 / 512 + 1

    @pytest.mark.parametrize(
        ("values", "inside", "outside"),
        [
            ([], [], [-1.0, 0.0, 1e300]),
            ([None, None], [], [0.0]),
            ([float("nan"), float("inf")], [], [0.0]),
            ([5.0], [5.0], [4.999999, 5.000001]),
            ([5.0] * 9, [5.0], [4.0, 6.0]),
            ([-0.0, 0.0], [0.0, -0.0], [5e-324, -5e-324]),
            ([LARGEST, 1.0, -LARGEST], [LARGEST, -LARGEST, 0.0], []),
            ([5e-324], [5e-324], [0.0, 1e-323]),
        ],
    )
    def test_tiny_references_have_a_range(self, values: list[Any], inside: list[float], outside: list[float]) -> None:
        grid = NumericGrid.fit(pl.Series(values, dtype=pl.Float64))
        assert grid.count(pl.Series(inside, dtype=pl.Float64)).out_of_range == 0
        assert grid.count(pl.Series(outside, dtype=pl.Float64)).out_of_range == len(outside)

    def test_specials_are_counted_apart(self) -> None:
        profile = NumericGrid.fit(pl.Series([1.0, 2.0])).count(pl.Series(["1", "x", None, "nan", "inf", "-inf"]))
        assert {name: profile.special_count(name) for name in SPECIALS} == dict.fromkeys(SPECIALS, 1)
        assert (profile.n, profile.rows) == (1, 6)

    def test_a_column_may_change_its_type_and_still_be_counted(self) -> None:
        """Integers as text, as floats, as decimals: the same numbers on the same grid."""
        grid = NumericGrid.fit(pl.Series([1, 2, 3]))
        texts = pl.Series(["1", "2", "3"])
        kinds = [texts, texts.cast(pl.Float32), texts.cast(pl.Decimal(5, 2)), texts.cast(pl.Categorical)]
        assert len({tuple(grid.count(series).counts.tolist()) for series in kinds}) == 1

    def test_dates_on_a_grid_of_dates(self) -> None:
        grid = NumericGrid.fit(pl.Series(["2020-01-01", "2020-12-31"]), temporal=True)
        assert grid.count(pl.Series(["2020-06-01", "2021-01-01", "soon"])).out_of_range == 1
        assert grid.count(pl.Series([1.0])).special_count("mismatch") == 1

    @given(NUMBERS, NUMBERS, st.integers(3, 12))
    def test_coarsening_is_counting_on_the_coarse_grid(
        self, reference: pl.Series, window: pl.Series, bins: int
    ) -> None:
        grid = NumericGrid.fit(reference, 40)
        coarse = grid.coarsen(bins)
        merged, counted = grid.count(window).coarsen(coarse), coarse.count(window)
        assert merged.agrees(counted)
        assert coarse.bins <= max(bins, 3)

    def test_labels_name_the_range_and_the_atoms(self) -> None:
        labels = NumericGrid.fit(pl.Series([0.0, 0.0, 0.0, 1.0, 2.5]), 2).labels
        assert labels[0] == "below 0"
        assert labels[1] == "0"
        assert labels[-1] == "above 2.5"
        assert NumericGrid(np.empty(0)).labels == ["any value"]

    @pytest.mark.parametrize("cuts", [[1.0, 1.0], [2.0, 1.0], [np.nan], [np.inf]])
    def test_cuts_that_do_not_rise_are_refused(self, cuts: list[float]) -> None:
        with pytest.raises(ProfileError, match="strictly increasing"):
            NumericGrid(np.array(cuts))

    def test_merging_onto_a_strange_grid_is_refused(self) -> None:
        with pytest.raises(ProfileError, match=r"a grid from coarsen\(\)"):
            NumericGrid(np.array([1.0])).merge_index(NumericGrid(np.array([2.0])))
        with pytest.raises(ProfileError, match=r"one from coarsen\(\)"):
            CategoricalGrid(("a",)).merge_index(CategoricalGrid(("b",)))


class TestCategoricalGrid:
    @given(TEXTS, TEXTS)
    def test_counting_is_coding_each_row(self, reference: pl.Series, window: pl.Series) -> None:
        grid = CategoricalGrid.fit(reference, 3)
        profile = grid.count(window)
        assert [*profile.counts.tolist(), *profile.special.tolist()] == binned(grid, window)

    @given(TEXTS, TEXTS)
    def test_what_was_never_seen_is_counted_and_named(self, reference: pl.Series, window: pl.Series) -> None:
        """Expected: Python's set difference."""
        known = set(reference.drop_nulls())
        new = [text for text in window.drop_nulls() if text not in known]
        profile = CategoricalGrid.fit(reference, 3).count(window)
        assert profile.out_of_range == len(new)
        assert dict(profile.names.counts) == {text: new.count(text) for text in new}

    def test_the_most_frequent_get_bins_and_the_rest_is_known_but_rare(self) -> None:
        grid = CategoricalGrid.fit(pl.Series(["c", "a", "a", "b", "b", "d", None]), 2)
        assert (grid.categories, grid.rare) == (("a", "b"), ("c", "d"))
        assert grid.count(pl.Series(["d", "c", "e", "b"])).counts.tolist() == [0, 1, 2, 1]

    def test_beyond_what_is_remembered_rare_ones_are_unseen_in_the_reference_too(self) -> None:
        column = pl.Series([str(i) for i in range(KNOWN + 600)])
        assert CategoricalGrid.fit(column).count(column).out_of_range == 600 - 512

    @given(TEXTS, TEXTS, st.integers(3, 6))
    def test_coarsening_is_counting_on_the_coarse_grid(
        self, reference: pl.Series, window: pl.Series, bins: int
    ) -> None:
        grid = CategoricalGrid.fit(reference)
        coarse = grid.coarsen(bins)
        assert grid.count(window).coarsen(coarse).agrees(coarse.count(window))

    @pytest.mark.parametrize("values", [[], [None], [1.5, None], [True, False]])
    def test_small_references_of_any_type(self, values: list[Any]) -> None:
        column = pl.Series(values)
        profile = CategoricalGrid.fit(column).count(column)
        assert profile.out_of_range == 0
        assert profile.rows == len(values)

    def test_nan_is_a_special_of_categories_too(self) -> None:
        profile = CategoricalGrid.fit(pl.Series([1.0, 2.0])).count(pl.Series([1.0, float("nan"), None]))
        assert (profile.n, profile.special_count("nan"), profile.special_count("null")) == (1, 1, 1)


@given(NUMBERS, TEXTS)
def test_learning_is_fitting_and_counting(numbers: pl.Series, texts: pl.Series) -> None:
    """One sort or one tally serves both, and gives the same."""
    for learned, fitted, series in (
        (NumericGrid.learn(numbers), NumericGrid.fit(numbers), numbers),
        (CategoricalGrid.learn(texts), CategoricalGrid.fit(texts), texts),
    ):
        assert learned.agrees(fitted.count(series))


@given(NUMBERS, TEXTS)
def test_a_grid_survives_its_fields_with_its_digest(numbers: pl.Series, texts: pl.Series) -> None:
    for grid in (NumericGrid.fit(numbers), NumericGrid.fit(numbers, temporal=True), CategoricalGrid.fit(texts, 2)):
        again = Grid.from_fields(grid.fields())
        assert (again.digest, again.labels) == (grid.digest, grid.labels)


def test_different_grids_have_different_digests() -> None:
    grids = [
        CategoricalGrid(("a", "b")),
        CategoricalGrid(("b", "a")),
        CategoricalGrid(("a\x00b",)),
        CategoricalGrid(("a",), ("b",)),
        NumericGrid(np.array([1.0])),
        NumericGrid(np.array([1.0]), temporal=True),
    ]
    assert len({grid.digest for grid in grids}) == len(grids)


def test_cuts_are_the_quantiles() -> None:
    """Of 0 to 99 at K = 4: each value alone is below a quarter, so cuts lie at 0, 25, 50, 75 and just above 99."""
    cuts = quantile_cuts(np.arange(100.0), 4)
    assert cuts.tolist() == [0.0, 25.0, 50.0, 75.0, np.nextafter(99.0, np.inf)]


@pytest.mark.parametrize(
    "series",
    [
        pl.Series([0.5, -0.0, 0.0, 0.5, 7.0, None, float("nan"), float("inf"), float("-inf")] * 40, strict=False),
        pl.Series(range(100_000)).cast(pl.Float64).shuffle(seed=0),
        pl.Series(["1.5", "x", None, "2"]),
        pl.Series([None, None], dtype=pl.Float64),
        pl.Series([], dtype=pl.Float64),
    ],
    ids=["specials", "several blocks", "mismatches", "all null", "no rows"],
)
def test_learning_numbers_is_fitting_and_counting(series: pl.Series) -> None:
    """One sort serves both, and gives the same grid and the same profile."""
    grid = NumericGrid.fit(series)
    assert NumericGrid.learn(series).agrees(grid.count(series))


@pytest.mark.parametrize(
    "series",
    [
        pl.Series(["b", "a", None, "a"]),
        pl.Series([f"name {i % 20_000}" for i in range(30_000)]),
        pl.Series([True, False, True]),
        pl.Series([1.0, 2.5, float("nan"), None]),
        pl.Series([], dtype=pl.String),
    ],
    ids=["texts", "more than are known", "booleans", "numbers", "no rows"],
)
def test_learning_categories_is_fitting_and_counting(series: pl.Series) -> None:
    """One tally serves both; what is beyond the known categories is named in both."""
    grid = CategoricalGrid.fit(series)
    assert CategoricalGrid.learn(series).agrees(grid.count(series))
