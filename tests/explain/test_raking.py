"""Raking: the reference gets the window's shares, and counts as many rows as it still tells about."""

import numpy as np
import pytest

from retrue.explain.raking import rake, without


def test_raking_reaches_the_targets_of_overlapping_slices() -> None:
    rng = np.random.default_rng(0)
    masks = [rng.random(5000) < 0.3, rng.random(5000) < 0.5]
    weights = rake(np.ones(5000), masks, [0.6, 0.2])
    assert [weights[mask].sum() / weights.sum() for mask in masks] == pytest.approx([0.6, 0.2], abs=1e-3)
    assert weights.sum() == pytest.approx(weights.sum() ** 2 / (weights**2).sum())  # Kish's effective size
    assert weights.sum() < 5000


def test_a_slice_without_rows_in_one_table_is_left_out_of_the_other() -> None:
    weights = np.ones(10), np.ones(20)
    new = np.arange(10) < 4, np.zeros(20, bool)
    now, before = without(weights, [new])
    assert now.tolist() == [0.0] * 4 + [1.0] * 6
    assert before.tolist() == [1.0] * 20
    assert weights[0].sum() == 10  # what was given is left alone


def test_with_its_margins_raked_the_mirror_of_a_slice_is_no_news() -> None:
    """Inside a group, half of the rows move from low to high: after raking, high and low both fit."""
    rng = np.random.default_rng(1)
    group, high = rng.random((2, 20_000)) < 0.5
    moved = high | (group & (rng.random(20_000) < 0.5))
    now, before = (group & moved, group & high), (group & ~moved, group & ~high)
    found, mirror = (now[0], now[1]), (before[0], before[1])
    ones = np.ones(20_000), np.ones(20_000)
    _, alone = without(ones, [found])
    _, whole = without(ones, [found], [(group, group), (moved, high)])
    wanted = mirror[0].mean()
    assert alone[mirror[1]].sum() / alone.sum() > wanted + 0.03
    assert whole[mirror[1]].sum() / whole.sum() == pytest.approx(wanted, abs=1e-3)
    assert whole[found[1]].sum() / whole.sum() == pytest.approx(found[0].mean(), abs=1e-3)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("target", [0.6, 0.999, 1 - 1e-9])
@pytest.mark.parametrize("rest", [0, 500])
def test_targets_that_no_weights_reach_together_still_give_weights(target: float, rest: int) -> None:
    """Two masks that share no row of weight can't hold 60 % each; in their overlap all weights are 0."""
    one, other = np.zeros((2, 1000 + rest), bool)
    one[:550], other[450:1000] = True, True
    before = np.where(one & other, 0.0, 1.0)
    weights = rake(before, [one, other], [target, target])
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    assert 0 < weights.sum() <= before.sum()
    assert weights[other].sum() / weights.sum() == pytest.approx(target)  # the last one is held
