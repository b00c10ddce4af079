"""Errors of single events: a rise is found near where it is, and a stream in which nothing changes says nothing."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from retrue.errors import MetricError
from retrue.judge.streams import ALPHA, DETECTORS, LEAST, change_points, level_since, rises

DETECTOR = pytest.mark.parametrize("detector", list(DETECTORS))


def wrong(rng: np.random.Generator, *levels: float, n: int = 2_000) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Errors of 0 and 1 at one level after the other."""
    return np.concatenate([(rng.random(n) < level).astype(float) for level in levels])


@DETECTOR
def test_a_rise_is_found_near_where_it_is(detector: str) -> None:
    errors = wrong(np.random.default_rng(0), 0.2, 0.4)
    (found,) = rises(errors, detector)
    assert abs(found.start - 2_000) < 150
    assert found.stop == errors.size
    assert found.start <= found.noticed < 3_000
    assert found.before == pytest.approx(errors[: found.start].mean())
    assert found.after == pytest.approx(errors[found.start :].mean())
    low, high = found.interval
    assert low < 0.4 < high


@DETECTOR
def test_absolute_errors_of_any_unit_are_understood(detector: str) -> None:
    rng = np.random.default_rng(1)
    minutes = np.abs(np.concatenate([rng.normal(0, 10, 2_000), rng.normal(0, 20, 2_000)]))
    in_minutes, in_seconds = rises(minutes, detector), rises(60 * minutes, detector)
    assert len(in_minutes) >= 1
    assert abs(in_minutes[0].start - 2_000) < 150
    assert [rise.start for rise in in_minutes] == [rise.start for rise in in_seconds]


@DETECTOR
def test_a_fall_is_no_trouble(detector: str) -> None:
    assert rises(wrong(np.random.default_rng(2), 0.4, 0.2), detector) == []


def test_a_rise_that_ends_says_when() -> None:
    (found,) = rises(wrong(np.random.default_rng(3), 0.1, 0.4, 0.1))
    assert abs(found.start - 2_000) < 150
    assert abs(found.stop - 4_000) < 150


def test_a_rise_too_small_to_tell_isnt_told() -> None:
    """With a million events River would notice half a point; nobody wants to hear of it."""
    rng = np.random.default_rng(4)
    assert rises(np.concatenate([rng.normal(10, 0.5, 5_000), rng.normal(10.4, 0.5, 5_000)])) == []


@pytest.mark.slow
@pytest.mark.parametrize(("detector", "runs"), [("adwin", 200), ("page_hinkley", 100), ("hddm", 20)])
def test_false_alarms_stay_within_alpha(detector: str, runs: int) -> None:
    """A stream in which nothing changes is told to change in at most ALPHA of runs, but for chance (1 in 1,000)."""
    rng = np.random.default_rng()
    for level in (0.05, 0.3):
        false = sum(bool(rises(wrong(rng, level, n=8_000), detector)) for _ in range(runs))
        assert false <= binom.ppf(0.999, runs, ALPHA), level


def spells(rng: np.random.Generator, rise: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Errors of 120 days of 300 events: every day has a level of its own, sd 8 points; from day 60 on it is higher."""
    levels = np.clip(0.2 + rng.normal(0, 0.08, 120) + np.where(np.arange(120) < 60, 0.0, rise), 0, 1)
    return (rng.random(36_000) < np.repeat(levels, 300)).astype(float)


def test_spells_are_no_change_of_level() -> None:
    """Event by event every bad day would be one: bad weather is not concept drift."""
    rng = np.random.default_rng()
    found = [len(rises(spells(rng, 0.0))) for _ in range(20)]
    assert sum(count > 0 for count in found) <= 6


def test_a_lasting_rise_is_found_among_spells() -> None:
    rng = np.random.default_rng()
    starts = [[rise.start for rise in rises(spells(rng, 0.3))] for _ in range(10)]
    assert sum(any(abs(start - 18_000) < 3_000 for start in found) for found in starts) >= 6


def test_too_few_events_say_nothing() -> None:
    assert rises(np.r_[np.zeros(50), np.ones(LEAST - 51)]) == []


def test_a_model_that_is_never_wrong_and_then_always_is() -> None:
    (found,) = rises(np.r_[np.zeros(300), np.ones(300)])
    assert (found.start, found.before, found.after) == (300, 0.0, 1.0)


@pytest.mark.parametrize("errors", [[0.1, np.nan], [-1.0, 0.5], [np.inf, 0.0]])
def test_errors_that_are_none_are_refused(errors: list[float]) -> None:
    with pytest.raises(MetricError, match="negative or not finite"):
        rises(errors * LEAST)


def test_an_unknown_detector_is_named_with_the_nearest() -> None:
    with pytest.raises(MetricError, match=r"unknown detector 'adwn'.*did you mean 'adwin'"):
        rises([0.0] * LEAST, "adwn")


# --- change points ----------------------------------------------------------------------------------------------------


def test_levels_are_found_where_they_begin() -> None:
    rng = np.random.default_rng(5)
    series = np.concatenate([rng.normal(0.9, 0.01, 20), rng.normal(0.8, 0.01, 15), rng.normal(0.7, 0.01, 10)])
    assert change_points(series) == [20, 35]
    assert [level_since(series, place, above=False) for place in (44, 35, 30, 10)] == [35, 35, 20, None]
    assert level_since(series, 44, above=True) is None, "that was for the better"


def test_windows_without_a_figure_are_left_out() -> None:
    series = np.r_[np.full(10, 0.9), np.nan, np.nan, np.full(10, 0.7)] + np.tile([0.0, 0.001], 11)
    assert change_points(series) == [12]


@pytest.mark.parametrize("length", [30, 100])
def test_noise_has_few_levels(length: int) -> None:
    """At most 1 in 8 series of pure noise is cut; 6.5 % of 30 and 2 % of 100 windows in a simulation of 200."""
    rng = np.random.default_rng()
    cut = sum(bool(change_points(rng.normal(size=length))) for _ in range(100))
    assert cut <= binom.ppf(0.999, 100, 0.125)


@given(st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), max_size=30))
def test_whatever_the_series_change_points_are_places_in_it(series: list[float]) -> None:
    found = change_points(series)
    assert found == sorted(set(found))
    assert all(0 < place < len(series) and np.isfinite(series[place]) for place in found)


def test_neither_library_is_loaded_before_it_is_needed() -> None:
    code = "import sys, retrue.judge.streams; assert not {'river', 'ruptures'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
