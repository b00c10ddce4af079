"""Wander: what is left of the windows' differences when sampling is taken off."""

import numpy as np
import pytest

from retrue.judge.wander import effective_windows, learn_wander, merge_neighbours, merge_rare, merge_smallest


def test_windows_of_pure_chance_have_no_wander() -> None:
    wander = learn_wander(np.random.default_rng(0).multinomial(1_000, np.full(16, 1 / 16), size=200))
    assert wander.size == 0
    assert wander.design == 1


def test_noise_doesnt_hide_that_windows_are_alike() -> None:
    rng = np.random.default_rng(0)
    signal = [0.0]
    for step in rng.normal(size=199):
        signal.append(0.9 * signal[-1] + np.sqrt(1 - 0.81) * step)
    noisy = np.array(signal) + rng.normal(size=200)
    assert effective_windows(noisy, 0.5) < 0.6 * effective_windows(noisy)


def test_one_direction_of_wander_is_found_with_its_size() -> None:
    rng = np.random.default_rng(1)
    base, direction = np.full(16, 1 / 16), np.r_[np.full(8, 0.01), np.full(8, -0.01)]
    windows = np.stack([rng.multinomial(5_000, base + step * direction) for step in rng.normal(size=300)])
    wander = learn_wander(windows)
    assert len(wander.loadings) == 1
    assert wander.size == pytest.approx(np.linalg.norm(direction), rel=0.15)
    assert abs(np.corrcoef(wander.loadings[0], direction)[0, 1]) > 0.95


def test_small_wander_in_all_directions_inflates_the_noise_instead() -> None:
    rng = np.random.default_rng(2)
    windows = np.stack([rng.multinomial(1_000, p) for p in rng.dirichlet(np.full(16, 200.0), size=300)])
    wander = learn_wander(windows)
    # A Dirichlet of concentration a inflates the variance of n rows by (n + a) / (1 + a) (Mosimann 1962); a = 3,200.
    trace = 1 / 1_000 * (1 - 1 / 16)
    excess = wander.size**2 + (wander.design - 1) * trace
    assert wander.design > 1.1
    assert excess == pytest.approx(((1_000 + 3_200) / 3_201 - 1) * trace, rel=0.35)


def test_merging_keeps_order_or_the_largest() -> None:
    assert merge_neighbours(np.full(8, 5), 4).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert merge_smallest(np.array([1, 50, 2, 40]), 3).tolist() == [2, 0, 2, 1]
    assert merge_rare(np.array([500, 480, 10, 10]), 200, 64).tolist() == [0, 1, 2, 2]
    assert merge_smallest(np.array([1, 2]), 5).tolist() == merge_neighbours(np.array([1, 2]), 5).tolist() == [0, 1]
