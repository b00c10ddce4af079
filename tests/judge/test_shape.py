"""The shape of a change is told with its dates; wander, too few windows and too few rows have none."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.errors import MetricError, ProfileError
from retrue.judge.shape import MIN_WINDOWS, shape_of
from retrue.judge.shapes.templates import ShapeKind

Floats = NDArray[np.float64]
DAY = 86_400
START = datetime(2026, 1, 1, tzinfo=UTC)
GRID = NumericGrid(np.concatenate([[-10.0], stats.norm.ppf(np.arange(1, 32) / 32), [10.0]]))


def day(number: float) -> str:
    """The beginning of a day."""
    return (START + timedelta(days=number)).isoformat()


def spans(count: int, step: float = 1) -> list[tuple[str, str]]:
    """Windows of so many days."""
    return [(day(i * step), day((i + 1) * step)) for i in range(count)]


def moved(means: Floats, seed: int = 0, rows: int | NDArray[np.int64] = 1_000) -> list[ColumnProfile]:
    """Windows of a normal column with these means."""
    inner = stats.norm.cdf(GRID.cuts - means[:, None])
    shares = np.diff(np.hstack([np.zeros((means.size, 1)), inner, np.ones((means.size, 1))]))
    counts = np.random.default_rng(seed).multinomial(rows, shares)
    return [replace(GRID.empty(), counts=one.astype(np.int64)) for one in counts]


def path(kind: str, count: int = 90) -> Floats:
    """A mean that moves by half a standard deviation from day 30 on."""
    t = np.arange(count)
    after = t >= 30
    paths = {
        "sudden": after * 0.5,
        "gradual": np.clip((t - 30) / (count - 31), 0, 1) * 0.5,
        "temporary": (after & (t < 45)) * 0.5,
        "decaying": np.where(after, np.exp(-np.maximum(t - 30, 0) / 10), 0) * 0.7,
        "periodic": 0.25 * np.sin(2 * math.pi * t / 7),
        "stable": np.zeros(count),
    }
    return np.asarray(paths[kind], np.float64)


@pytest.mark.parametrize("kind", ["sudden", "gradual", "temporary", "decaying", "periodic", "stable"])
def test_a_clear_shape_is_told(kind: str) -> None:
    right = [shape_of(moved(path(kind), seed), spans(90)).kind.value == kind for seed in range(15)]
    assert sum(right) >= 14


def test_a_jump_is_dated_and_lasts() -> None:
    shape = shape_of(moved(path("sudden")), spans(90))
    assert (shape.since, shape.until) == (day(30), None)
    assert shape.reason == "sudden on 31 January 2026, and it lasts"
    assert shape.confidence is not None
    assert shape.confidence > 0.9


def test_a_stretch_has_both_ends() -> None:
    shape = shape_of(moved(path("temporary")), spans(90))
    assert (shape.since, shape.until) == (day(30), day(45))


def test_a_slope_begins_about_where_it_does() -> None:
    shape = shape_of(moved(path("gradual")), spans(90))
    assert shape.since is not None
    assert abs((datetime.fromisoformat(shape.since) - START).days - 30) <= 10
    assert shape.reason.startswith("gradual since ")


def test_a_jump_that_decays_is_one_event_with_a_half_life() -> None:
    shape = shape_of(moved(path("decaying")), spans(90))
    assert shape.since == day(30)
    assert shape.second is None
    assert shape.half_life == pytest.approx(10 * math.log(2) * DAY, rel=0.5)
    assert "fades" in shape.reason


@pytest.mark.parametrize(("step", "turn", "said"), [(1, 7, "every 7 days"), (1 / 24, 1, "every 24 hours")])
def test_the_period_is_named(step: float, turn: float, said: str) -> None:
    t = np.arange(120) * step
    shape = shape_of(moved(0.25 * np.sin(2 * math.pi * t / turn)), spans(120, step))
    assert shape.kind is ShapeKind.PERIODIC
    assert shape.period == turn * DAY
    assert shape.reason == f"periodic, {said}"


def test_a_second_event_is_told_beside_the_first() -> None:
    shape = shape_of(moved(path("periodic") + path("sudden")), spans(90))
    assert shape.second is not None
    assert {shape.kind, shape.second.kind} == {ShapeKind.PERIODIC, ShapeKind.SUDDEN}


def test_wander_has_no_shape() -> None:
    """An autoregression of .05 standard deviations in the mean: at most 5 % of 60, with some room for luck."""
    alarms = 0
    for seed in range(60):
        rng, off = np.random.default_rng([seed, 1]), np.zeros(120)
        for i in range(1, 120):
            off[i] = 0.6 * off[i - 1] + 0.8 * 0.05 * rng.normal()
        alarms += shape_of(moved(off, seed), spans(120)).told
    assert alarms <= 8


def test_a_category_that_grows_has_a_shape_too() -> None:
    grid, rng = CategoricalGrid(("a", "b", "c"), ()), np.random.default_rng(0)
    shares = np.array([[0.5, 0.3, 0.2]] * 40 + [[0.4, 0.3, 0.3]] * 40)
    width = grid.empty().counts.size
    counts = np.hstack([rng.multinomial(1_000, shares), np.zeros((80, width - 3), np.int64)])
    shape = shape_of([replace(grid.empty(), counts=one) for one in counts], spans(80))
    assert (shape.kind, shape.since) == (ShapeKind.SUDDEN, day(40))


def test_rising_nulls_have_a_shape_too() -> None:
    windows = moved(path("stable"))
    nulls = [replace(one, special=np.array([100 * (i >= 50), 0, 0, 0, 0])) for i, one in enumerate(windows)]
    shape = shape_of(nulls, spans(90))
    assert (shape.kind, shape.since) == (ShapeKind.SUDDEN, day(50))


def test_the_order_given_is_not_the_order_in_time() -> None:
    windows, days = moved(path("sudden")), spans(90)
    order = np.random.default_rng(0).permutation(90)
    assert shape_of([windows[i] for i in order], [days[i] for i in order]) == shape_of(windows, days)


def test_missing_windows_and_uneven_ones_keep_the_dates() -> None:
    """A third of the windows is missing, others hold from 200 to 3,000 rows."""
    rng = np.random.default_rng(0)
    windows = moved(path("sudden"), rows=rng.integers(200, 3_000, 90))
    kept = np.sort(rng.permutation(90)[:60])
    shape = shape_of([windows[i] for i in kept], [spans(90)[i] for i in kept])
    assert shape.kind is ShapeKind.SUDDEN
    assert shape.since == day(int(kept[kept >= 30][0]))


def test_a_long_series_is_read_in_longer_windows() -> None:
    """Sixty days of hours; the jump is dated to a few hours."""
    means = np.where(np.arange(1440) >= 720, 0.3, 0.0)
    shape = shape_of(moved(means, rows=300), spans(1440, 1 / 24))
    assert shape.kind is ShapeKind.SUDDEN
    assert shape.since is not None
    assert abs(datetime.fromisoformat(shape.since) - datetime.fromisoformat(day(30))) <= timedelta(hours=6)
    assert shape.windows <= 240


@pytest.mark.parametrize("rows", [1_000, 20])
def test_too_few_windows_or_rows_are_not_comparable(rows: int) -> None:
    count = MIN_WINDOWS - 1 if rows > 50 else 90
    shape = shape_of(moved(path("sudden", 90)[:count], rows=rows), spans(count))
    known = count if rows > 50 else 0
    assert shape.kind is ShapeKind.NOT_COMPARABLE
    assert shape.reason == f"{known} windows with at least 50 rows, needs 12"
    assert shape.confidence is None


def test_windows_that_are_all_alike_have_no_shape() -> None:
    one = moved(np.zeros(1))[0]
    assert shape_of([one] * 40, spans(40)).kind is ShapeKind.STABLE
    assert shape_of([], []).kind is ShapeKind.NOT_COMPARABLE


def test_mistaken_windows_are_refused() -> None:
    windows = moved(np.zeros(20))
    with pytest.raises(MetricError, match="19 spans for 20 windows"):
        shape_of(windows, spans(19))
    with pytest.raises(MetricError, match="at the same time"):
        shape_of(windows, [spans(1)[0]] * 20)
    with pytest.raises(ProfileError, match="different grids"):
        shape_of([*windows[:-1], NumericGrid(np.array([0.0, 1.0])).empty()], spans(20))


def test_a_shape_is_plain_values() -> None:
    shape = shape_of(moved(path("periodic") + path("sudden")), spans(90))
    told = json.loads(json.dumps(shape.to_dict(), allow_nan=False))
    assert told["kind"] in ("sudden", "periodic")
    assert told["second"]["kind"] in ("sudden", "periodic")


@given(
    st.lists(st.lists(st.integers(0, 400), min_size=4, max_size=4), min_size=0, max_size=30),
    st.sampled_from([1.0, 7.0, 1 / 24]),
)
def test_whatever_the_counts_there_is_an_answer(counts: list[list[int]], step: float) -> None:
    grid = NumericGrid(np.array([0.0, 1.0, 2.0]))
    windows = [replace(grid.empty(), counts=np.array(one)) for one in counts]
    shape = shape_of(windows, spans(len(windows), step))
    assert shape.reason
    assert shape.told == (shape.confidence is not None and shape.kind is not ShapeKind.STABLE)
    if shape.confidence is not None:
        assert 0 < shape.confidence <= 1
