"""What the sample says of all rows holds: its 95 % intervals have the value of the full data 95 times in 100."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from retrue.core.state import Floats
from retrue.errors import TableError
from retrue.refine.collect.estimates import weighted_mean, weighted_total
from retrue.refine.collect.sampling import Draw, bounded, by_budget, by_share

SEEDS = 600
"""Of 600 intervals of 95 %, 93.2 to 96.7 % hold (two standard errors)."""


def world(rng: np.random.Generator, rest: float = 4) -> tuple[Floats, Floats, Floats]:
    """2,000 rows: whether each is wrong (1 in 1 + rest), an amount with a long tail, and what it was to bring."""
    chance = rng.beta(1, rest, 2_000)
    return (rng.random(2_000) < chance).astype(float), rng.gamma(2, 10 * chance), chance


DRAWS: dict[str, Callable[[np.random.Generator, Floats], Draw]] = {
    "a share": lambda rng, chance: by_share(rng.random(chance.size), 0.15),
    "a budget": lambda rng, chance: by_budget(rng.random(chance.size), 300),
    "a budget by benefit": lambda rng, chance: by_budget(rng.random(chance.size), 300, bounded(chance)),
}


@pytest.mark.parametrize("drawn", DRAWS)
def test_intervals_hold_the_value_of_the_full_data(drawn: str) -> None:
    held = {"share": 0, "count": 0, "mean": 0, "total": 0}
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        wrong, amount, chance = world(rng)
        draw = DRAWS[drawn](rng, chance)
        own = draw.rows
        for name, found, truth in (
            ("share", weighted_mean(wrong[own], draw.probability), wrong.mean()),
            ("mean", weighted_mean(amount[own], draw.probability), amount.mean()),
            ("count", weighted_total(wrong[own], draw.probability), wrong.sum()),
            ("total", weighted_total(amount[own], draw.probability), amount.sum()),
        ):
            assert found.interval is not None
            held[name] += found.interval[0] <= truth <= found.interval[1]
    assert all(0.925 <= count / SEEDS <= 0.985 for count in held.values()), held


@pytest.mark.parametrize("rest", [30, 99, 300])
@pytest.mark.parametrize("drawn", DRAWS)
def test_counts_of_rare_rows_hold_too(drawn: str, rest: float) -> None:
    """3 %, 1 % and 0.3 %: one to ten hits are sampled; 200 seeds of 95 % hold in 92 % or more (two standard errors)."""
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        wrong, _, chance = world(rng, rest)
        draw = DRAWS[drawn](rng, chance)
        found = weighted_total(wrong[draw.rows], draw.probability).interval
        assert found is not None
        held += found[0] <= wrong.sum() <= found[1]
    assert held / 200 >= 0.92


def test_the_plain_mean_of_a_priority_sample_is_biased_and_the_weighted_one_is_not() -> None:
    rng = np.random.default_rng(1)
    wrong, _, chance = world(rng)
    plain, weighted = [], []
    for _ in range(200):
        draw = by_budget(rng.random(chance.size), 300, bounded(chance))
        plain.append(wrong[draw.rows].mean())
        weighted.append(weighted_mean(wrong[draw.rows], draw.probability).value or 0.0)
    assert np.mean(plain) > wrong.mean() + 0.05
    assert np.mean(weighted) == pytest.approx(wrong.mean(), abs=0.01)


def test_all_rows_say_it_exactly() -> None:
    found = weighted_mean(np.array([1.0, 0.0, 1.0, 1.0]), np.ones(4))
    assert (found.value, found.interval, found.n) == (0.75, (0.75, 0.75), 4)
    assert weighted_total(np.array([1.0, 2.0]), np.ones(2)).interval == (3.0, 3.0)


def test_a_share_of_none_has_an_interval_that_is_no_point() -> None:
    found = weighted_mean(np.zeros(50), np.full(50, 0.1))
    assert found.value == 0
    assert found.interval is not None
    assert 0.05 < found.interval[1] < 0.1  # Wilson of 0 in 50 / 0.9 rows


def test_rows_without_a_value_are_left_out_and_none_at_all_is_said() -> None:
    assert weighted_mean(np.array([np.nan, 2.0]), np.array([0.5, 0.5])).value == 2.0
    found = weighted_mean(np.array([np.nan]), np.array([0.5]))
    assert (found.value, found.interval, found.n) == (None, None, 0)


@pytest.mark.parametrize("probability", [0.0, -0.1, 1.5, np.nan])
def test_a_probability_that_is_none_is_refused(probability: float) -> None:
    with pytest.raises(TableError, match="inclusion probabilities"):
        weighted_mean(np.ones(1), np.array([probability]))
