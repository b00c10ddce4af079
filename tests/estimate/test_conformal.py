"""Conformal ranges hold the label as often as asked: on exchangeable rows, and under covariate shift by weights."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import MetricError
from retrue.estimate.conformal import expected_coverage, quantiles, ranges
from retrue.estimate.dle import Regressor
from retrue.estimate.fitting import fit
from retrue.schema import Schema


def made(n: int, seed: int, upper: float = 0.5) -> pl.DataFrame:
    """E|e| = 1 + 2 x, in shape uniform where x < .5, Laplace above; `upper` is the share of rows above."""
    rng = np.random.default_rng(seed)
    above = rng.random(n) < upper
    x = rng.uniform(0, 0.5, n) + 0.5 * above
    shape = np.where(above, rng.laplace(0, 1, n), rng.uniform(-2, 2, n))
    f = rng.normal(20, 5, n)
    return pl.DataFrame({"x": x, "f": f, "y": f + (1 + 2 * x) * shape})


@pytest.fixture(scope="module")
def estimator() -> Regressor:
    frame = made(6_000, 1)
    found = fit(frame, Schema.infer(frame, label="y", prediction="f", features=["x"]))
    assert isinstance(found, Regressor)
    return found


def test_exchangeable_rows_are_covered_at_the_level(estimator: Regressor) -> None:
    """Of 4,000 rows 80 % or 90 %: three standard errors, and as much again for the reference's own."""
    window = made(4_000, 2)
    for level in (0.8, 0.9):
        found = ranges(estimator, window, level).coverage(window["y"].to_numpy())
        assert found.value == pytest.approx(level, abs=0.03)
        assert found.interval is not None


def test_ranges_are_wide_where_errors_are(estimator: Regressor) -> None:
    """E|e| is 1.2 at x = .1, 2.6 at .8: ranges of constant width would cover too much here, too little there."""
    found = ranges(estimator, pl.DataFrame({"x": [0.1, 0.8], "f": [20.0, 20.0]}))
    ratio = (found.high - found.low)[1] / (found.high - found.low)[0]
    assert ratio == pytest.approx(2.6 / 1.2, rel=0.25)
    assert found.low + found.high == pytest.approx([40, 40])


def test_weights_keep_the_level_where_inputs_moved(estimator: Regressor) -> None:
    """Half of the rows uniform, half Laplace: q is 1.9, which holds 1 - exp(-1.9) = 85 % of Laplace rows alone."""
    window = made(4_000, 3, upper=0.98)
    label = window["y"].to_numpy()
    plain, weighted = (ranges(estimator, window, weighted=w).coverage(label).value for w in (False, True))
    assert plain == pytest.approx(0.853, abs=0.025)
    assert weighted == pytest.approx(0.9, abs=0.025)
    told = expected_coverage(estimator, window)
    assert told.value == pytest.approx(0.853, abs=0.03)
    assert told.reference == 0.9


def test_the_mean_width_tells_how_sure_a_window_is(estimator: Regressor) -> None:
    calm, wild = (ranges(estimator, made(500, 4, upper=share)).width.value for share in (0.0, 1.0))
    assert calm is not None
    assert wild is not None
    assert wild > 1.4 * calm


@given(st.integers(1, 60), st.floats(0.05, 0.95), st.integers(0, 1_000))
def test_with_equal_weights_it_is_the_order_statistic(n: int, level: float, seed: int) -> None:
    """Lei et al. 2018, algorithm 2: the ceil((n + 1) level)-th smallest, none beyond the n-th."""
    scores = np.random.default_rng(seed).random(n)
    rank = int(np.ceil((n + 1) * level * (1 - 1e-12)))
    expected = np.sort(scores)[rank - 1] if rank <= n else np.inf
    assert quantiles(scores, level, np.ones(n), np.ones(1)).tolist() == [expected]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=30), st.floats(0.05, 0.95))
def test_whole_weights_count_like_so_many_rows(weights: list[int], level: float) -> None:
    scores = np.arange(len(weights), dtype=np.float64)
    one = np.ones(1)
    repeated = np.repeat(scores, weights)
    found = quantiles(scores, level, np.array(weights, np.float64), one)
    assert found.tolist() == quantiles(repeated, level, np.ones(repeated.size), one).tolist()


def test_rows_without_a_prediction_have_no_range_and_odd_levels_are_told(estimator: Regressor) -> None:
    window = made(5, 6).with_columns(f=pl.Series([1.0, None, float("nan"), float("inf"), 2.0]))
    found = ranges(estimator, window)
    assert np.isnan(found.low).tolist() == [False, True, True, True, False]
    assert ranges(estimator, window.drop("f")).width.value is None
    assert ranges(estimator, window.head(0)).coverage(np.zeros(0)).value is None
    assert "needs 30" in str(expected_coverage(estimator, window).note)
    for level in (0.0, 1.0, float("nan")):
        with pytest.raises(MetricError, match="expected between 0 and 1"):
            ranges(estimator, window, level)


def test_a_level_that_the_reference_is_too_small_for_has_no_bound() -> None:
    frame = made(250, 7)
    found = fit(frame, Schema.infer(frame, label="y", prediction="f", features=["x"]))
    assert isinstance(found, Regressor)
    wide = ranges(found, frame, 0.999)
    assert np.isinf(wide.high).all()
    assert wide.width.note == "250 rows without a bound"
