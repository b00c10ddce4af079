"""Importance: density ratios from a classifier, and rows that have no like."""

from __future__ import annotations

import numpy as np
import pytest

from retrue.estimate import importance
from retrue.estimate.importance import LEAST, Domain, tell_apart


def test_weights_are_the_density_ratio() -> None:
    """Two groups, 50:50 in the reference, 80:20 in the window: the ratios are 1.6 and 0.4."""
    rng = np.random.default_rng(1)
    reference = (rng.random(8_000) < 0.5).astype(float)
    window = (rng.random(4_000) < 0.8).astype(float)
    weights = tell_apart(reference[:, None], window[:, None], [True]).weights
    assert weights[reference == 1].mean() == pytest.approx(1.6, rel=0.1)
    assert weights[reference == 0].mean() == pytest.approx(0.4, rel=0.15)


def test_they_are_as_large_where_only_part_of_the_reference_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "TRAINED", 3_000)
    rng = np.random.default_rng(2)
    reference, window = rng.normal(0, 1, (12_000, 1)), rng.normal(0.5, 1, (3_000, 1))
    weights = tell_apart(reference, window, [False]).weights
    assert weights.mean() == pytest.approx(1, abs=0.2), "four times as much if the part weren't made up for"
    truth = np.exp(0.5 * reference[:, 0] - 0.125)
    assert np.corrcoef(weights, truth)[0, 1] > 0.7


def test_without_a_move_every_row_counts_about_the_same() -> None:
    rng = np.random.default_rng(3)
    domain = tell_apart(rng.normal(size=(6_000, 3)), rng.normal(size=(3_000, 3)), [False] * 3)
    assert domain.effective > 0.6 * 6_000
    assert domain.alone.mean() < 0.02


def test_evidence_adds_up_to_kish_effective_rows() -> None:
    domain = Domain(np.array([0.5, 0.8, 0.2]), np.array([0.5]))
    w = domain.weights
    assert domain.effective == pytest.approx(w.sum() ** 2 / (w * w).sum())
    assert domain.weights.min() >= LEAST


def test_rows_far_from_the_reference_are_alone() -> None:
    rng = np.random.default_rng(4)
    reference = rng.normal(0, 1, (5_000, 1))
    window = np.concatenate([rng.normal(0, 1, (1_500, 1)), rng.normal(9, 0.5, (500, 1))])
    alone = tell_apart(reference, window, [False]).alone
    assert alone[1_500:].mean() > 0.95
    assert alone[:1_500].mean() < 0.02


def test_without_features_all_rows_weigh_the_same() -> None:
    domain = tell_apart(np.zeros((300, 0)), np.zeros((100, 0)), [])
    assert domain.weights == pytest.approx(1)


def test_one_row_can_be_told_apart_from_many() -> None:
    domain = tell_apart(np.arange(200.0)[:, None], np.array([[5.0]]), [False])
    assert np.isfinite(domain.weights).all()


def test_rows_that_share_the_hour_s_weather_are_not_unlike_the_reference() -> None:
    """Each hour has a temperature of its own, which 20 rows share: trees that saw ten of them would know the others."""
    rng = np.random.default_rng(8)

    def hours(n: int) -> tuple[np.ndarray, np.ndarray]:
        weather = np.repeat(rng.normal(size=(n, 3)), 20, axis=0)
        return np.column_stack([weather, rng.normal(size=20 * n)]), np.repeat(np.arange(float(n)), 20)

    (reference, before), (window, now) = hours(250), hours(70)
    mixed = tell_apart(reference, window, [False] * 4)
    apart = tell_apart(reference, window, [False] * 4, (before, now))
    assert mixed.alone.mean() > 0.5
    assert apart.alone.mean() < 0.1
