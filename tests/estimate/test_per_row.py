"""Confidence, entropy and expected loss of single rows, of every task; and refusal where there is nothing to tell."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.stats

from retrue.core.grids import fit_outcome
from retrue.errors import MetricError
from retrue.estimate import per_row
from retrue.estimate.estimator import Refusing
from retrue.estimate.fitting import fit
from retrue.schema import Schema

N = 1_500


def binary(rng: np.random.Generator) -> pl.DataFrame:
    x = rng.normal(size=N)
    p = 1 / (1 + np.exp(-2 * x))
    return pl.DataFrame({"x": x, "p": p, "y": (rng.random(N) < p).astype(int)})


def test_confidence_and_entropy_of_a_score() -> None:
    frame = binary(np.random.default_rng(0))
    grid = fit_outcome(Schema.infer(frame, label="y", score="p"), frame)
    asked = pl.DataFrame({"p": [0.5, 0.9, 0.0, None, 1.2]})
    assert per_row.confidence(grid, asked).tolist() == pytest.approx([0.5, 0.9, 1.0, np.nan, np.nan], nan_ok=True)
    expected = [scipy.stats.entropy([p, 1 - p], base=2) for p in (0.5, 0.9, 0.0)]
    assert per_row.entropy(grid, asked).tolist() == pytest.approx([*expected, np.nan, np.nan], nan_ok=True)


def test_confidence_and_entropy_of_several_classes_whose_scores_dont_sum_to_one() -> None:
    frame = pl.DataFrame({"a": [2.0, 1.0, 0.0], "b": [1.0, 1.0, 0.0], "c": [1.0, 1.0, 0.0], "y": ["a", "b", "c"]})
    schema = Schema.infer(frame, label="y", score={"a": "a", "b": "b", "c": "c"})
    grid = fit_outcome(schema, frame)
    assert per_row.confidence(grid, frame).tolist() == pytest.approx([0.5, 1 / 3, np.nan], nan_ok=True)
    assert per_row.entropy(grid, frame)[:2].tolist() == pytest.approx([1.5, np.log2(3)])


def test_the_expected_loss_of_a_classifier_is_the_chance_that_it_is_wrong() -> None:
    """For calibrated scores it is min(p, 1 - p)."""
    frame = binary(np.random.default_rng(0))
    schema = Schema.infer(frame, label="y", score="p")
    found = per_row.expected_loss(fit(frame, schema), frame)
    p = frame["p"].to_numpy()
    assert np.abs(found - np.minimum(p, 1 - p)).mean() < 0.05


def test_the_expected_loss_of_a_regression_follows_its_noise() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, N)
    frame = pl.DataFrame({"x": x, "f": x, "y": x + rng.normal(size=N) * np.where(x > 0.5, 5.0, 0.5)})
    schema = Schema.infer(frame, label="y", prediction="f", task="regression")
    found = per_row.expected_loss(fit(frame, schema), frame)
    assert found[x > 0.6].mean() == pytest.approx(5 * np.sqrt(2 / np.pi), rel=0.25)  # E|N(0, 5)|
    assert found[x < 0.4].mean() < 1
    assert np.isnan(per_row.expected_loss(fit(frame, schema), pl.DataFrame({"x": [0.1], "f": [None]}))).all()


def test_what_has_no_probabilities_or_no_labels_says_so() -> None:
    frame = pl.DataFrame({"f": [1.0, 2.0], "y": [1.0, 2.5]})
    grid = fit_outcome(Schema.infer(frame, label="y", prediction="f", task="regression"), frame)
    with pytest.raises(MetricError, match="no probabilities"):
        per_row.confidence(grid, frame)
    with pytest.raises(MetricError, match="no probabilities"):
        per_row.entropy(None, frame)
    with pytest.raises(MetricError, match="no labels"):
        per_row.expected_loss(Refusing("no labels"), frame)
