"""What every registered metric of a column keeps to, whatever comes in; generated from the registry."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.metrics import Measure, Metric, registered
from retrue.metrics.registry import ALL_KINDS, CATEGORIES, NUMBERS

COLUMN_METRICS = registered(of="column")
DISTANCES = registered(family="drift", of="column")
SYMMETRIC = {"ks", "js", "hellinger", "tv", "linf", "cramers_v", "chi2", "psi"}
"""Distances that are the same both ways where both ways have the same cells; `kl` isn't, `wasserstein`'s unit isn't."""

RNG = np.random.default_rng(11)
NUMBERS_IN = {
    "usual": RNG.normal(5, 2, 500).tolist(),
    "shifted": RNG.normal(7, 2, 300).tolist(),
    "lumpy": RNG.choice([0.0, 0.0, 1.0, 5.5], 400).tolist(),
    "empty": [],
    "one row": [4.2],
    "constant": [3.0] * 50,
    "all null": [None] * 40,
    "all NaN": [float("nan")] * 40,
    "infinite": [float("inf"), float("-inf"), float("inf")] * 9,
    "specials": [1.0, None, float("nan"), float("inf"), float("-inf"), -0.0, 2.0] * 9,
    "huge": [1.7e308, -1.7e308, 1.0, 1.7e308] * 9,
    "tiny": [5e-324, 0.0, -5e-324] * 9,
    "large and close": [1e15 + i for i in range(30)],
}
TEXTS_IN = {
    "usual": RNG.choice(list("aaabbcde"), 500).tolist(),
    "shifted": RNG.choice(list("aabbbccde"), 300).tolist(),
    "many": [str(i % 300) for i in range(900)],
    "empty": [],
    "one row": ["b"],
    "constant": ["x"] * 50,
    "all null": [None] * 40,
    "unseen": ["neu", "", "ä/ö"] * 20,
    "yes or no": ["true", "false", "true"] * 20,
    "specials": ["a", None, "", "b"] * 9,
}


def numeric(values: list[Any]) -> pl.Series:
    return pl.Series(values, dtype=pl.Float64)


def text(values: list[Any]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


GRIDS: dict[str, Grid] = {
    **{f"numbers: {name}": NumericGrid.fit(numeric(values)) for name, values in NUMBERS_IN.items()},
    **{f"texts: {name}": CategoricalGrid.fit(text(values)) for name, values in TEXTS_IN.items()},
}


def columns_for(grid: Grid) -> dict[str, pl.Series]:
    if isinstance(grid, NumericGrid):
        return {name: numeric(values) for name, values in NUMBERS_IN.items()}
    return {name: text(values) for name, values in TEXTS_IN.items()}


def suits(metric: Metric, grid: Grid) -> bool:
    kinds = NUMBERS if isinstance(grid, NumericGrid) else CATEGORIES
    return bool(set(metric.kinds) & set(kinds))


def too_little(metric: Metric, grid: Grid, series: pl.Series) -> bool:
    """Few rows, few in each of many categories, no numbers, or numbers too large for sums."""
    if metric.name == "wasserstein":
        return not isinstance(grid, NumericGrid) or not grid.cuts.size or len(series) < 100 or grid.cuts[-1] > 1e300
    return not suits(metric, grid) or len(series) < 100 or series.n_unique() >= 300


def check(metric: Metric, found: Measure) -> None:
    """A measure is a finite number inside its metric's range and interval, or says why there is none."""
    if found.value is None:
        assert found.note, metric.name
        return
    low, high = metric.range
    numbers = [found.value, found.reference, found.error, *(found.interval or ())]
    assert all(number is None or math.isfinite(number) for number in numbers), metric.name
    assert low is None or found.value >= low, metric.name
    assert high is None or found.value <= high + 1e-12, metric.name
    if found.interval:
        assert found.interval[0] <= found.value + 1e-12, metric.name
        assert found.value <= found.interval[1] + 1e-12, metric.name
        assert low is None or found.interval[0] >= low, metric.name
    assert found.error is None or found.error >= 0, metric.name


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_a_metric_gives_a_number_in_its_range_or_says_why_not(grid: Grid) -> None:
    """Every window against every reference: empty, constant, all null, one row, huge. Warnings are errors."""
    profiles = [grid.count(series) for series in columns_for(grid).values()]
    for metric, window, reference in product(COLUMN_METRICS, profiles, profiles):
        check(metric, metric.compute(window, reference))


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_a_column_has_no_distance_from_itself(grid: Grid) -> None:
    for series in columns_for(grid).values():
        profile = grid.count(series)
        for metric in DISTANCES:
            found = metric.compute(profile, profile)
            assert found.value is None or found.value == pytest.approx(0, abs=1e-12), metric.name
            assert found.value is not None or too_little(metric, grid, series), metric.name


@pytest.mark.parametrize("metric", [m for m in DISTANCES if m.name in SYMMETRIC], ids=lambda metric: metric.name)
def test_a_symmetric_distance_is_the_same_both_ways(metric: Metric) -> None:
    grid = CategoricalGrid.fit(text(TEXTS_IN["usual"]))
    if not suits(metric, grid):
        grid_of_numbers = NumericGrid.fit(numeric(NUMBERS_IN["usual"]))
        pairs = [(grid_of_numbers.count(numeric(NUMBERS_IN[name])), name) for name in ("usual", "shifted")]
    else:
        pairs = [(grid.count(text(TEXTS_IN[name])), name) for name in ("usual", "shifted")]
    (a, _), (b, _) = pairs
    assert metric.compute(a, b).value == pytest.approx(metric.compute(b, a).value, rel=1e-9)


@pytest.mark.parametrize("metric", DISTANCES, ids=lambda metric: metric.name)
def test_missing_unseen_and_out_of_range_rows_are_a_large_distance(metric: Metric) -> None:
    """91 % of 1,000 rows; but for Wasserstein, which has no place for what is no number."""
    values = RNG.normal(size=20_000)
    categories = RNG.choice(list("abcdefgh"), 20_000)
    cases: list[tuple[Grid, pl.Series, pl.Series]] = []
    if suits(metric, NumericGrid.fit(numeric([1.0]))):
        reference = numeric(values.tolist())
        cases.append((NumericGrid.fit(reference), reference, numeric([99.0] * 910 + values[:90].tolist())))
        if metric.name != "wasserstein":
            cases.append((NumericGrid.fit(reference), reference, numeric([None] * 910 + values[:90].tolist())))
    if suits(metric, CategoricalGrid.fit(text(["a"]))):
        reference = text(categories.tolist())
        cases += [
            (CategoricalGrid.fit(reference), reference, text(["new"] * 910 + categories[:90].tolist())),
            (CategoricalGrid.fit(reference), reference, text([None] * 910 + categories[:90].tolist())),
        ]
    for grid, reference, window in cases:
        found = metric.compute(grid.count(window), grid.count(reference)).value
        assert found is not None
        assert found > 0.7


@pytest.mark.parametrize("rows", [1_000, 50])
@pytest.mark.parametrize("metric", [m for m in DISTANCES if set(CATEGORIES) & set(m.kinds)], ids=lambda m: m.name)
def test_one_unseen_row_moves_no_distance(metric: Metric, rows: int) -> None:
    """Against a million reference rows, where a cell of one row would have made PSI, KL and chi-square explode."""
    shares = {"a": 0.5, "b": 0.3, "c": 0.2}
    reference = text([name for name, share in shares.items() for _ in range(int(share * 1_000_000))])
    window = [name for name, share in shares.items() for _ in range(int(share * rows))]
    grid = CategoricalGrid.fit(reference)
    base = grid.count(reference)
    without = metric.compute(grid.count(text(window)), base).value
    with_one = metric.compute(grid.count(text([*window[:-1], "new"])), base).value
    assert without is not None
    assert with_one is not None
    assert with_one - without < 2 / rows**0.5


@given(
    st.lists(st.floats() | st.none(), max_size=30),
    st.lists(st.floats() | st.none(), max_size=30),
    st.sampled_from(COLUMN_METRICS),
)
def test_no_numbers_break_a_metric(reference: list[Any], window: list[Any], metric: Metric) -> None:
    grid = NumericGrid.fit(numeric(reference))
    check(metric, metric.compute(grid.count(numeric(window)), grid.count(numeric(reference))))


@given(
    st.lists(st.none() | st.text(max_size=2), max_size=30),
    st.lists(st.none() | st.text(max_size=2), max_size=30),
    st.sampled_from(COLUMN_METRICS),
)
def test_no_texts_break_a_metric(reference: list[Any], window: list[Any], metric: Metric) -> None:
    grid = CategoricalGrid.fit(text(reference))
    check(metric, metric.compute(grid.count(text(window)), grid.count(text(reference))))


@pytest.mark.parametrize("metric", COLUMN_METRICS, ids=lambda metric: metric.name)
def test_a_metric_says_what_it_is(metric: Metric) -> None:
    """Reports, the API and the docs show these texts."""
    assert metric.description.endswith(".") or len(metric.description) < 120
    assert metric.description
    assert metric.error
    assert set(metric.kinds) <= set(ALL_KINDS)
    assert metric.mergeable
