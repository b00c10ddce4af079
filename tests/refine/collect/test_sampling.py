"""Samples are the same however rows lie, keep to their budget, and each row's probability is what it says."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.hashing import hash64, numbers
from retrue.refine.collect.sampling import LEAST, bounded, by_budget, by_share

SEEDS = st.integers(0, 2**32 - 1)


def ids(count: int, prefix: str = "e") -> pl.Series:
    return hash64(pl.Series([f"{prefix}{row}" for row in range(count)]))


def test_the_numbers_of_ids_are_spread_evenly() -> None:
    """Kolmogorov's distance of 20,000 uniform numbers is below 1.63 / sqrt(n) with 99 %; these never change."""
    number = np.sort(numbers(ids(20_000)))
    apart = np.abs(number - (np.arange(20_000) + 0.5) / 20_000).max()
    assert apart < 1.63 / np.sqrt(20_000)
    assert ((number > 0) & (number < 1)).all()


def test_rows_without_an_id_are_not_all_in_or_all_out() -> None:
    number = numbers(pl.Series([None] * 200, dtype=pl.Int64))
    assert np.unique(number).size == 200
    assert 60 < by_share(number, 0.5).rows.size < 140


def test_a_hash_at_either_end_gives_a_number_inside() -> None:
    number = numbers(pl.Series([0, -1, 2**63 - 1, -(2**63)], dtype=pl.Int64))
    assert ((number > 0) & (number < 1)).all()


@given(SEEDS, st.integers(1, 60), st.integers(1, 60))
def test_a_budget_is_kept_and_known(seed: int, rows: int, budget: int) -> None:
    rng = np.random.default_rng(seed)
    draw = by_budget(rng.random(rows), budget, rng.exponential(size=rows) + 0.01)
    assert draw.rows.size == min(rows, budget) == np.unique(draw.rows).size
    assert ((draw.probability > 0) & (draw.probability <= 1)).all()
    assert rows > budget or (draw.probability == 1).all()


@given(SEEDS)
def test_a_sample_is_the_same_in_any_order_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    number, weight, order = rng.random(80), rng.exponential(size=80) + 0.01, rng.permutation(80)
    one, other = by_budget(number, 20, weight), by_budget(number[order], 20, weight[order])
    assert one.rows.tolist() == order[other.rows].tolist()
    assert one.probability.tolist() == other.probability.tolist()


def test_a_larger_budget_keeps_the_rows_of_a_smaller_one() -> None:
    number = numbers(ids(300))
    few, more = (set(by_budget(number, budget).rows.tolist()) for budget in (20, 50))
    assert few < more


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_of_the_sample_are_unbiased(*, weighted: bool) -> None:
    """The mean over 4,000 draws of the Horvitz-Thompson total is within four standard errors of the total."""
    rng = np.random.default_rng(3)
    value = rng.gamma(0.5, size=60)
    weight = bounded(value + rng.normal(0, 0.3, 60)) if weighted else None
    found = []
    for _ in range(4_000):
        draw = by_budget(rng.random(60), 12, weight)
        found.append((value[draw.rows] / draw.probability).sum())
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - value.sum()) < 4 * error


def test_rows_that_look_alike_weigh_as_much_as_one() -> None:
    weight = bounded(np.ones(510), np.array([99] * 500 + list(range(10))))
    assert weight[:500].sum() == pytest.approx(weight[500])


def test_five_hundred_near_duplicates_are_not_bought() -> None:
    look = np.array([-1] * 500 + list(range(100)))
    draw = by_budget(numbers(ids(600)), 50, bounded(np.ones(600), look))
    assert (draw.rows < 500).sum() <= 5  # of the whole, they are five in six


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=30))
def test_weights_are_above_zero_and_none_is_far_below_the_mean(benefit: list[float]) -> None:
    weight = bounded(np.minimum(np.array(benefit, np.float64), 1e9))
    assert ((weight >= LEAST * 0.999) & np.isfinite(weight)).all()
