"""Average precision, read from score bins."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import digamma as exact_digamma
from sklearn.metrics import average_precision_score

from retrue.core.outcome import BinaryOutcome
from retrue.core.outcome_grid import BinaryGrid, score_cuts
from retrue.metrics.performance.arrays import binary, multiclass
from retrue.metrics.performance.average_precision import at_end, average_precision, descending, digamma, variance
from retrue.metrics.performance.score_bins import score_bins


def on_other_cuts(labels: object, scores: object) -> BinaryOutcome:
    """Give the outcome on the cuts of a reference that looked different."""
    cuts = score_cuts(np.random.default_rng(1).beta(2, 8, 40))
    return BinaryGrid("y", "p", None, "1", cuts).count(pl.DataFrame({"y": labels, "p": scores}))


@given(
    rows=st.lists(st.tuples(st.booleans(), st.floats(-0.5, 1.5, width=16)), min_size=2, max_size=60).filter(
        lambda rows: len({label for label, _ in rows}) == 2
    )
)
def test_the_value_is_within_its_error_of_sklearns(rows: list[tuple[bool, float]]) -> None:
    labels, scores = zip(*rows, strict=True)
    found = average_precision(on_other_cuts(labels, scores))
    assert found.value is not None
    assert found.error is not None
    assert abs(found.value - average_precision_score(labels, scores)) <= found.error + 1e-9


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_on_the_references_own_rows_the_value_is_close(rate: float) -> None:
    rng = np.random.default_rng(4)
    labels = (rng.random(50_000) < rate).astype(int)
    scores = rng.beta(1 + labels, 3)
    found = average_precision(binary(labels, scores))
    assert found.value == pytest.approx(average_precision_score(labels, scores), rel=0.01)


def test_ties_that_are_known_cost_no_precision() -> None:
    rng = np.random.default_rng(5)
    labels, scores = rng.integers(0, 2, 500), rng.choice([0.1, 0.35, 0.8], 500)
    found = average_precision(binary(labels, scores))
    assert found.error == 0.0
    assert found.value == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


def test_the_variance_is_that_of_resampling() -> None:
    """Expected: the bootstrap's, from 500 resamples of the rows."""
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 2, 400)
    scores = np.round(rng.beta(1 + labels, 2), 1)
    bins = score_bins(binary(labels, scores))
    steps = descending(bins)
    picks = rng.integers(0, 400, (500, 400))
    expected = np.var([average_precision_score(labels[pick], scores[pick]) for pick in picks])
    assert variance(steps, at_end(steps), bins) == pytest.approx(expected, rel=0.15)


def test_a_class_is_measured_against_the_rest() -> None:
    rng = np.random.default_rng(7)
    labels, scores = rng.choice(list("abc"), 300), rng.random(300)
    found = average_precision(multiclass(labels, scores={"b": scores}, classes=list("abc")), at="b")
    assert found.value == pytest.approx(average_precision_score(labels == "b", scores), abs=0.01)


def test_digamma_is_scipys() -> None:
    x = np.array([1.0, 1.5, 2.0, 10.0, 1e3, 1e9])
    assert digamma(x) == pytest.approx(exact_digamma(x), rel=1e-10)
