"""Quantiles of the error, read off the error grid."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.outcome import RegressionOutcome
from retrue.core.outcome_grid import RegressionGrid, error_grid
from retrue.metrics.performance.arrays import regression
from retrue.metrics.performance.error_quantiles import error_p50, error_quantile


def on_other_cuts(errors: np.ndarray[tuple[int], np.dtype[np.float64]]) -> RegressionOutcome:
    """Give the outcome of these errors on the grid of a reference with other ones."""
    grid = error_grid(np.linspace(-1, 3, 12), np.zeros(12))
    return RegressionGrid("y", "p", grid).count(pl.DataFrame({"y": np.zeros(errors.size), "p": errors}))


@given(
    errors=st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=50).map(np.array),
    share=st.sampled_from([0.01, 0.1, 0.5, 0.9, 0.99]),
)
def test_a_quantile_is_within_its_error(errors: np.ndarray[tuple[int], np.dtype[np.float64]], share: float) -> None:
    """Expected: numpy.quantile, inverted_cdf (type 1)."""
    found = error_quantile(on_other_cuts(errors), share)
    assert found.value is not None
    assert found.error is not None
    expected = np.quantile(errors, share, method="inverted_cdf")
    assert abs(found.value - expected) <= found.error + 1e-12


def test_on_the_references_own_errors_it_is_close() -> None:
    errors = np.random.default_rng(1).normal(0, 2, 20_000)
    for share in (0.1, 0.5, 0.9):
        found = error_quantile(regression(np.zeros(20_000), errors), share)
        assert found.value == pytest.approx(np.quantile(errors, share), abs=0.01)


def test_a_common_error_is_exact() -> None:
    found = error_p50(regression([0.0] * 9, [0.0] * 5 + [1.0, 2.0, -1.0, -2.0]))
    assert (found.value, found.error) == (0.0, 0.0)
