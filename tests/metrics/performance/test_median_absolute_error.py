"""The median absolute error, read off the counts of signed errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.metrics.performance.test_error_quantiles import on_other_cuts

from retrue.metrics.performance.arrays import regression
from retrue.metrics.performance.median_absolute_error import median_absolute_error, size_quantile

Errors = np.ndarray[tuple[int], np.dtype[np.float64]]


@given(
    errors=st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=50).map(np.array),
    share=st.sampled_from([0.01, 0.1, 0.5, 0.9, 0.99]),
)
def test_a_quantile_of_the_sizes_is_within_its_error(errors: Errors, share: float) -> None:
    """Expected: numpy.quantile of |error|, inverted_cdf (type 1)."""
    found = size_quantile(on_other_cuts(errors), share)
    assert found.value is not None
    assert found.error is not None
    expected = np.quantile(np.abs(errors), share, method="inverted_cdf")
    assert abs(found.value - expected) <= found.error + 1e-12


@given(seed=st.integers(0, 2**32 - 1), tail=st.sampled_from([0.5, 1.5, 3.0]), to_one_side=st.booleans())
def test_on_the_references_own_errors_it_is_close(seed: int, tail: float, to_one_side: bool) -> None:
    """Within 2 %, whatever the tail: the grid's bins are quantiles."""
    rng = np.random.default_rng(seed)
    errors = rng.lognormal(0, tail, 5_000) * (1 if to_one_side else rng.choice([-1, 1], 5_000))
    found = median_absolute_error(regression(np.zeros(5_000), errors))
    assert found.value == pytest.approx(np.median(np.abs(errors)), rel=0.02)


def test_one_absurd_label_does_not_move_it() -> None:
    labels, predictions = np.zeros(1_001), np.linspace(-1, 1, 1_001)
    usual = median_absolute_error(regression(labels, predictions)).value
    labels[0] = 1e9
    assert median_absolute_error(regression(labels, predictions)).value == pytest.approx(usual, rel=0.01)


def test_its_interval_holds_the_truth_as_often_as_it_says() -> None:
    """The median of |N(0, 1)| is 0.6745 (its 75 % quantile)."""
    rng = np.random.default_rng(3)
    found = [median_absolute_error(regression(np.zeros(400), rng.normal(size=400))).interval for _ in range(200)]
    assert np.mean([ends is not None and ends[0] <= 0.67449 <= ends[1] for ends in found]) >= 0.91
