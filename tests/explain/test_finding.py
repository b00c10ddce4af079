"""A finding: its effect, its intervals, its plain values."""

import json

import numpy as np
import pytest
from scipy import stats

from retrue.explain.finding import Finding, Proxy, searched, share_change
from retrue.slices import Slice

FOUND = Finding(
    Slice.parse("a = 1"), "loss", (0.1, 0.3), (0.15, 0.25), 30, 50.0, 40.0, (0.2, 0.5), (0.1, 0.5),
    (Proxy(Slice.parse("b = 2"), 40.0, 0.9), Proxy(Slice.parse("c = 3"), 30.0, 0.3)),
)  # fmt: skip


def test_the_effect_is_what_was_asked_for() -> None:
    assert FOUND.effect == pytest.approx(0.3)
    assert FOUND.effect_interval == (0.1, 0.5)
    shares = Finding(FOUND.slice, "share", (0.1, 0.3), (0.15, 0.25), 30, 50.0, 40.0)
    assert shares.effect == pytest.approx(0.2)
    assert shares.effect_interval == (0.15, 0.25)
    unknown = Finding(FOUND.slice, "loss", (0.0, 0.3), (0.15, 0.25), 30, 50.0, 40.0, (None, 0.5))
    assert unknown.effect is None


def test_only_proxies_that_explain_as_much_are_said_with_the_slice() -> None:
    assert str(FOUND) == "a = 1 or its proxy b = 2"


def test_plain_values_are_json() -> None:
    told = json.loads(json.dumps(FOUND.to_dict()))
    assert told["proxies"][0] == {"slice": "b = 2", "gain": 40.0, "explains": 0.9}


@pytest.mark.parametrize("length", [0.0, 3.0, 20.0, 400.0, 1e5])
def test_the_longer_a_predicate_the_wider_its_interval(length: float) -> None:
    expected = stats.norm.isf(0.025 * np.exp(-length)) if length < 600 else np.sqrt(2 * length)
    assert searched(length) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("p", "q", "rows"), [(0.1, 0.1, 60), (0.02, 0.2, 100), (0.0, 0.03, 150)])
def test_the_interval_of_a_change_of_share_holds_as_often_as_it_says(p: float, q: float, rows: int) -> None:
    rng, held = np.random.default_rng(3), 0
    for _ in range(1000):
        low, high = share_change((rng.binomial(rows, p), rows), (rng.binomial(rows, q), rows), 1.96)
        held += low <= q - p <= high
    assert held >= 930  # Newcombe 1998: close to 95 %
