"""The difference of two outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.errors import MetricError
from retrue.metrics import get
from retrue.metrics.performance.arrays import binary, regression
from retrue.metrics.performance.difference import difference
from retrue.metrics.performance.intervals import of_difference, wilson


def test_the_difference_of_shares_is_newcombes() -> None:
    """Expected: Newcombe (1998), table II, method 10, 56 of 70 against 48 of 80."""
    now = binary([1] * 70, predictions=[1] * 56 + [0] * 14)
    before = binary([1] * 80, predictions=[1] * 48 + [0] * 32)
    found = difference("accuracy", now, before)
    assert found.value == pytest.approx(0.2)
    assert found.reference == pytest.approx(0.6)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=6e-5)


def test_swapping_the_sides_swaps_the_sign() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 300)
    a, b = binary(labels, rng.random(300)), binary(labels, 0.5 * rng.random(300) + 0.5 * labels)
    one, other = difference("roc_auc", a, b), difference("roc_auc", b, a)
    assert one.value == pytest.approx(-(other.value or 0.0))
    assert one.interval == pytest.approx(tuple(-end for end in reversed(other.interval or ())))


def test_equal_outcomes_do_not_differ() -> None:
    outcome = regression([1.0, 2.0, 3.0, 5.0], [1.5, 2.5, 2.0, 5.5])
    for name in ("mae", "rmse", "bias", "r2", "error_p50"):
        found = difference(get(name), outcome, outcome)
        assert found.value == 0.0
        assert found.interval is not None
        assert found.interval[0] <= 0.0 <= found.interval[1]


def test_a_side_without_a_value_is_named() -> None:
    found = difference("recall", binary([0, 0], predictions=[0, 1]), binary([0, 1], predictions=[0, 1]))
    assert found.value is None
    assert found.reference == 1.0
    assert found.note == "window: no positives among 2 labels"


def test_reading_errors_add_up() -> None:
    outcome = binary([0, 1, 0, 1], scores=[0.2, 0.205, 0.7, 0.8])
    single = get("roc_auc").compute(outcome).error
    assert single is not None
    assert difference("roc_auc", outcome, outcome).error == pytest.approx(2 * single)


def test_an_unknown_metric_is_an_error() -> None:
    with pytest.raises(MetricError, match="did you mean 'accuracy'"):
        difference("acuracy", binary([1], predictions=[1]), binary([1], predictions=[1]))


def test_the_interval_holds_the_true_difference() -> None:
    """190 of 200 expected; shares 0.8 of 120 rows against 0.7 of 400."""
    rng = np.random.default_rng(2)
    hits = 0
    for a, b in zip(rng.binomial(120, 0.8, 200), rng.binomial(400, 0.7, 200), strict=True):
        of_a, of_b = wilson(a, 120), wilson(b, 400)
        assert of_a is not None
        assert of_b is not None
        low, high = of_difference(a / 120, of_a, b / 400, of_b)
        hits += low <= 0.1 <= high
    assert hits >= 184
