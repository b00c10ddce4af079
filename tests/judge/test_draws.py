"""Draws: weighted, they are those of the laws that they stand for, far out as well."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from retrue.judge.draws import DRAWS, bridges, effects, white


def test_weights_count_every_draw_once_on_average() -> None:
    for _, weights in (bridges(128), white(10), effects(4, 8.0)):
        assert weights.mean() == pytest.approx(1, abs=0.06)
        assert weights.min() >= 0
        assert weights.max() <= 4, "two mixtures at most"


@pytest.mark.parametrize("bins", [1, 5, 40])
@pytest.mark.parametrize("alpha", [1e-2, 1e-5])
def test_white_noise_is_as_far_out_as_a_chi_square(bins: int, alpha: float) -> None:
    noise, weights = white(bins)
    far = (noise.astype(float) ** 2).sum(axis=0) > stats.chi2.isf(alpha, bins)
    assert (weights * far).sum() / DRAWS == pytest.approx(alpha, rel=0.35)


@pytest.mark.parametrize(("degrees", "alpha"), [(3.0, 1e-3), (10.0, 1e-4), (200.0, 1e-5)])
def test_effects_are_as_far_out_as_a_t(degrees: float, alpha: float) -> None:
    drawn, weights = effects(1, degrees)
    far = np.abs(drawn[0]) > stats.t.isf(alpha / 2, degrees)
    assert (weights * far).sum() / DRAWS == pytest.approx(alpha, rel=0.35)


def test_bridges_begin_and_end_at_nothing_and_are_widest_in_the_middle() -> None:
    drawn, weights = bridges(128)
    variance = (drawn.astype(float) ** 2 * weights).mean(axis=1)
    at = np.arange(129) / 128
    assert variance == pytest.approx(at * (1 - at), abs=0.015)


def test_without_wander_there_are_no_effects() -> None:
    drawn, weights = effects(0, 5.0)
    assert drawn.shape == (0, DRAWS)
    assert (weights == 1).all()
