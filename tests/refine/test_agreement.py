"""Agreement is Krippendorff's alpha: as he computes it by hand, and as its definition by pairs says."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.refine.annotate import agreement

TWO = [*zip("aabbdcccedda", "babbbccceddd", strict=True)]
"""Two people and twelve units (Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, section B)."""
FOUR = ["11-1", "2232", "3333", "3333", "2222", "1234", "4444", "1121", "2222", "-555", "--11", "--3-"]
"""Four people, of whom some say nothing (the same, section C); a column for each unit."""
ASKED = [[one for one in unit if one != "-"] for unit in FOUR]


def test_it_is_what_krippendorff_computes_by_hand() -> None:
    assert agreement(TWO).alpha == pytest.approx(0.692, abs=5e-4)
    assert agreement(ASKED).alpha == pytest.approx(0.743, abs=5e-4)
    assert agreement(ASKED, numbers=True).alpha == pytest.approx(0.849, abs=5e-4)


def by_pairs(units: list[list[str]], *, numbers: bool) -> float | None:
    """Alpha by its definition: every pair of answers of a unit, against every pair of all answers."""

    def apart(a: str, b: str) -> float:
        return (float(a) - float(b)) ** 2 if numbers else float(a != b)

    units = [unit for unit in units if len(unit) > 1]
    every = [one for unit in units for one in unit]
    if not every:
        return None
    seen = sum(apart(a, b) / (len(unit) - 1) for unit in units for a, b in itertools.permutations(unit, 2))
    chance = sum(apart(a, b) for a, b in itertools.permutations(every, 2)) / (len(every) - 1)
    return 1 - seen / chance if chance else None


@given(st.lists(st.lists(st.sampled_from("1235"), max_size=4), max_size=8), st.booleans())
def test_it_is_its_definition_by_pairs(units: list[list[str]], numbers: bool) -> None:
    found, expected = agreement(units, numbers=numbers), by_pairs(units, numbers=numbers)
    assert (found.alpha is None) == (expected is None)
    assert expected is None or found.alpha == pytest.approx(expected, abs=1e-9)


def test_too_little_to_tell_is_said() -> None:
    assert agreement([["1"], []]).note == "no task has two answers"
    assert agreement([["1", "1"], ["1", "1"]]).note == "everybody said the same of every task"
    assert agreement([["1", "1"], ["1", "1"]]).word == "can't tell"
    assert agreement([["1", "0"], ["1", "1"]]).interval is None  # two tasks tell no interval


def test_the_interval_holds_what_many_more_answers_come_to() -> None:
    """Two people who are right with 90 %: alpha is (2 * .9 - 1)^2 = 0.64 for labels that are even (by hand)."""
    rng = random.Random(1)

    def units(n: int) -> list[list[str]]:
        truth = [rng.random() < 0.5 for _ in range(n)]
        return [[str(int(one != (rng.random() < 0.1))) for _ in range(2)] for one in truth]

    assert agreement(units(40_000)).alpha == pytest.approx(0.64, abs=0.02)
    held = 0
    for _ in range(200):
        interval = agreement(units(60)).interval
        assert interval is not None
        held += interval[0] <= 0.64 <= interval[1]
    assert held / 200 == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 200))
