"""Since when: the change point is found where it was put, and noise has none."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.grid import CategoricalGrid
from retrue.explain.since import Course, since_when


def test_a_level_that_changed_for_good_is_dated() -> None:
    hits = 0
    for seed in range(100):
        series = np.random.default_rng(seed).normal(size=60)
        series[40:] += 3
        found = since_when(series)
        hits += found is not None and abs(found.start - 40) <= 1 and found.stop is None
    assert hits >= 95


def test_a_stretch_that_ended_has_both_ends() -> None:
    hits = 0
    for seed in range(100):
        series = np.random.default_rng(seed).normal(size=60)
        series[30:34] += 5
        found = since_when(series)
        hits += (
            found is not None and abs(found.start - 30) <= 1 and found.stop is not None and abs(found.stop - 34) <= 1
        )
    assert hits >= 95


@pytest.mark.parametrize("windows", [10, 30, 100])
def test_noise_has_no_date(windows: int) -> None:
    found = [since_when(np.random.default_rng(seed).normal(size=windows)) for seed in range(300)]
    assert sum(since is not None for since in found) <= 0.05 * 300


def test_the_levels_are_the_means_outside_and_inside() -> None:
    found = since_when([1.0, 1.1, 0.9, 1.0, 5.0, 5.1, 4.9, 1.0, 1.0])
    assert found is not None
    assert (found.start, found.stop) == (4, 7)
    assert (found.before, found.after) == pytest.approx((1.0, 5.0))


def test_windows_without_a_figure_are_left_out_and_places_are_kept() -> None:
    found = since_when([1.0, 1.1, math.nan, 0.9, 1.0, math.nan, 5.0, 5.1, 4.9])
    assert found is not None
    assert (found.start, found.stop) == (6, None)


@pytest.mark.parametrize("series", [[], [1.0], [1.0, 2.0, 3.0], [2.0] * 50, [math.nan] * 50])
def test_short_constant_and_unknown_series_have_none(series: list[float]) -> None:
    assert since_when(series) is None


@given(st.lists(st.floats(-1e6, 1e6), max_size=30))
def test_whatever_the_series_the_places_are_in_it(series: list[float]) -> None:
    found = since_when(series)
    if found is not None:
        assert 0 < found.start < len(series)
        assert found.stop is None or found.start < found.stop < len(series)
        assert math.isfinite(found.gain)


def course(shares: list[float]) -> Course:
    """Daily windows in which category `a` has these shares."""
    grid = CategoricalGrid(("a", "b"), ())
    padding = [0] * (grid.bins - 2)
    counts = [np.array([round(1_000 * share), round(1_000 * (1 - share)), *padding]) for share in shares]
    days = [f"2026-01-{i + 1:02}T00:00:00+00:00" for i in range(len(shares) + 1)]
    windows = tuple(replace(grid.empty(), counts=one) for one in counts)
    return Course("kind", windows, tuple(pairwise(days)))


def test_a_course_says_its_shape_and_how_sure_it_is() -> None:
    found = course([0.5] * 15 + [0.7] * 15)
    assert str(found) == "kind: sudden on 16 January 2026, and it lasts (over 99 % sure)"
    assert json.loads(json.dumps(found.to_dict()))["column"] == "kind"


def test_a_short_course_says_why_it_has_no_shape() -> None:
    assert str(course([0.5] * 5)) == "kind: 5 windows with at least 50 rows, needs 12"
