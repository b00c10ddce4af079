"""Early labels are told from final ones by how long they take, and only where that matters."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.refine.early import early_bias, ripening

RNG = np.random.default_rng(5)
N = 20_000


def world(slow: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """30 % ones, known after a day; zeros after `slow` days on average; events of the last 60 days."""
    truth = (RNG.random(N) < 0.3).astype(float)
    delay = RNG.exponential(np.where(truth == 1, 1.0, slow))
    age = RNG.uniform(0, 60, N)
    return truth, np.where(delay <= age, delay, np.nan), age


def test_the_weighted_share_is_the_true_one() -> None:
    """Of known labels far more than 30 % are ones; weighted, 30 % are."""
    truth, delay, age = world(15.0)
    (found,) = early_bias({"1": truth}, delay, age)
    assert found.known > 0.34
    assert found.weighted == pytest.approx(0.3, abs=0.015)
    assert found.bent
    assert "points" in found.said


def test_where_delays_have_nothing_to_do_with_labels_nothing_is_bent() -> None:
    truth, delay, age = world(1.0)
    (found,) = early_bias({"1": truth}, delay, age)
    assert not found.bent
    assert found.known == pytest.approx(found.weighted, abs=0.01)


def test_a_number_is_measured_in_its_standard_deviations() -> None:
    truth, delay, age = world(15.0)
    (found,) = early_bias({"the label": 100 * truth}, delay, age, regression=True)
    assert found.bent
    assert found.scale == pytest.approx(100 * truth[np.isfinite(delay)].std())
    assert "the mean is" in found.said


def test_nothing_known_or_everything_known_bends_nothing() -> None:
    """Nor do so few events that no delay can be told."""
    truth, _, age = world(1.0)
    assert early_bias({"1": truth[:9]}, np.where(truth[:9] == 1, 0.5, np.nan), age[:9]) == []
    assert early_bias({"1": truth}, np.full(N, np.nan), age) == []
    assert early_bias({"1": truth}, np.full(N, 0.5), age) == []


def test_a_young_log_is_not_taken_for_quick_labels() -> None:
    """Exponential delays of 10 days on average, seen for 60: 99 % of those within 60 days come within 44."""
    delay, age = RNG.exponential(10.0, N), RNG.uniform(0, 60, N)
    told = np.where(delay <= age, delay, np.nan)
    expected = -10 * np.log(1 - 0.99 * (1 - np.exp(-6)))
    assert ripening(told, age, 0.99) == pytest.approx(expected, rel=0.1)
    assert np.nanquantile(told, 0.99) < 0.9 * expected
