"""What chance alone does: thresholds are exceeded as rarely as they say, whatever the shape of the column."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.judge.distance import JS, KS, Counts, Distance, all_rows, chi2_quantile, distance_of, effective
from retrue.metrics.drift.cells import cells


@pytest.mark.parametrize("degrees", [1, 2, 3, 10, 100, 500])
@pytest.mark.parametrize("alpha", [0.05, 1e-3])
def test_the_chi_square_quantile_is_within_two_percent_of_scipys(degrees: int, alpha: float) -> None:
    assert chi2_quantile(degrees, alpha) == pytest.approx(stats.chi2.isf(alpha, degrees), rel=0.02)


SHAPES: dict[str, list[float]] = {
    "ten equal": [0.1] * 10,
    "nearly constant": [0.98, 0.02],
    "one large, many rare": [0.5, *([0.5 / 300] * 300)],
    "many rare": [1 / 500] * 500,
}
DRAWS = 1500
LIMIT = 0.05 + 3 * math.sqrt(0.05 * 0.95 / DRAWS)


def exceeded(shape: list[float], one: Callable[[Counts, Counts], bool]) -> float:
    """The share of windows of 2,500 rows that exceed the threshold, nothing having changed."""
    rng = np.random.default_rng(7)
    pairs = zip(rng.multinomial(2500, shape, DRAWS), rng.multinomial(20_000, shape, DRAWS), strict=True)
    return sum(one(window, reference) for window, reference in pairs) / DRAWS


@pytest.mark.parametrize("shape", SHAPES)
def test_chance_exceeds_the_ks_threshold_no_more_often_than_alpha(shape: str) -> None:
    assert exceeded(SHAPES[shape], lambda w, r: float(KS.counts(w, r)) > KS.chance(w, r, 0.05)) <= LIMIT


@pytest.mark.parametrize("shape", SHAPES)
def test_chance_exceeds_the_js_threshold_about_as_often_as_alpha(shape: str) -> None:
    grid = CategoricalGrid(tuple(f"c{i}" for i in range(len(SHAPES[shape]))))

    def profile(counts: Counts) -> ColumnProfile:
        return replace(grid.empty(), counts=np.concatenate([counts, [0, 0]]))

    def one(window: Counts, reference: Counts) -> bool:
        found = cells(profile(window), profile(reference))
        chance = JS.chance(found.window, found.reference, 0.05)
        return float(JS.counts(found.window, found.reference)) > chance

    assert exceeded(SHAPES[shape], one) <= LIMIT + 0.01


@pytest.mark.parametrize("distance", [KS, JS])
def test_more_rows_need_a_smaller_distance(distance: Distance) -> None:
    reference = np.full(20, 50_000)
    thresholds = [distance.chance(np.full(20, n), reference, 1e-4) for n in (3, 50, 2_500, 50_000)]
    assert thresholds == sorted(thresholds, reverse=True)


@pytest.mark.parametrize("distance", [KS, JS])
def test_a_small_reference_widens_the_threshold(distance: Distance) -> None:
    window = np.full(10, 1_000)
    assert distance.chance(window, np.full(10, 10), 1e-4) > 3 * distance.chance(window, np.full(10, 10_000), 1e-4)


@pytest.mark.parametrize("distance", [KS, JS])
def test_without_rows_nothing_is_surprising(distance: Distance) -> None:
    nothing, some = np.zeros(5, int), np.ones(5, int)
    assert distance.chance(some, nothing, 0.01) == 1.0
    assert distance.chance(nothing, some, 0.01) == 1.0
    assert effective(0, 10) == 0


def test_numbers_are_judged_by_ks_and_categories_by_js() -> None:
    numbers = NumericGrid.fit(pl.Series([1.0, 2.0])).count(pl.Series([1.0]))
    letters = CategoricalGrid.fit(pl.Series(["a", "b"])).count(pl.Series(["a"]))
    assert (distance_of(numbers), distance_of(letters)) == (KS, JS)


def test_the_vector_of_a_column_holds_every_row() -> None:
    values = pl.Series([1.0, math.nan, math.inf, -math.inf, 2.0, None])
    counts = all_rows(NumericGrid.fit(values).count(values))
    assert (counts.sum(), counts[0], counts[2], counts[3], counts[-1]) == (6, 1, 1, 1, 1)
    letters = pl.Series(["a", None, "b"])
    assert all_rows(CategoricalGrid.fit(letters).count(letters)).sum() == 3
