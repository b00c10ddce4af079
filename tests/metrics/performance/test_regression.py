"""What regression metrics say where rows don't fit."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.metrics import get
from retrue.metrics.performance.arrays import regression


def test_labels_of_0_have_no_percentage() -> None:
    assert (
        get("mape").compute(regression([0, 2, 4], [1, 1, 5])).note == "1 of 3 rows have a label of 0 and are left out"
    )
    assert get("mape").compute(regression([0, 0], [1, 1])).note == "every label is 0 among 2 rows"


def test_equal_labels_have_no_variance_to_explain() -> None:
    assert get("r2").compute(regression([3, 3], [1, 5])).note == "all labels are equal among 2 rows"


def test_one_row_has_a_value_but_no_interval() -> None:
    found = get("rmse").compute(regression([3], [5]))
    assert (found.value, found.interval, found.note) == (2.0, None, "one row only: no interval")


def test_rmse_varies_as_its_resamples_do() -> None:
    """Expected: the percentiles of 2,000 resamples of the rows."""
    rng = np.random.default_rng(3)
    errors = rng.normal(0, 2, 600)
    found = get("rmse").compute(regression(np.zeros(600), errors)).interval
    resamples = np.sqrt((errors[rng.integers(0, 600, (2000, 600))] ** 2).mean(axis=1))
    assert found == pytest.approx(np.percentile(resamples, [2.5, 97.5]), rel=0.02)


def test_r2_varies_as_its_resamples_do() -> None:
    """Expected: the percentiles of 2,000 resamples of rows whose labels are normal."""
    rng = np.random.default_rng(4)
    predictions = rng.normal(0, 2, 600)
    labels = predictions + rng.normal(0, 1, 600)
    found = get("r2").compute(regression(labels, predictions)).interval
    pick = rng.integers(0, 600, (2000, 600))
    unexplained = ((labels - predictions)[pick] ** 2).mean(axis=1) / labels[pick].var(axis=1)
    assert found == pytest.approx(1 - np.percentile(unexplained, [97.5, 2.5]), abs=0.012)
