"""What is usual at an hour and on a weekday: learned from history, and no news when it comes again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from benchmarks.alarms import episodes
from numpy.typing import NDArray
from scipy import stats

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.judge.budget import drift_threshold
from retrue.judge.columns import Known, judge_column, learn_null
from retrue.judge.distance import KS
from retrue.judge.performance import Past, judge_metric
from retrue.judge.season import DAY, WEEK, Pattern, Season, learn_metric_season, learn_season
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.metrics import Measure

Floats = NDArray[np.float64]
GRID = NumericGrid(np.concatenate([[-10.0], stats.norm.ppf(np.arange(1, 64) / 64), [10.0]]))
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
THREE_WEEKS = 24 * 22


def moments(first: int, count: int, hours: int = 1) -> list[datetime]:
    """When windows of so many hours start."""
    return [MONDAY + timedelta(hours=hours * i) for i in range(first, first + count)]


def levels(at: list[datetime], day: float = 0.5, week: float = 0.3) -> Floats:
    """A mean that is low at night and higher at weekends."""
    return np.array([-day * np.cos(2 * np.pi * m.hour / 24) + week * (m.weekday() >= 5) for m in at])


def windows(means: Floats, rng: np.random.Generator, rows: int = 300) -> list[ColumnProfile]:
    """Windows of a normal column with these means."""
    inner = stats.norm.cdf(GRID.cuts - means[:, None])
    shares = np.diff(np.hstack([np.zeros((means.size, 1)), inner, np.ones((means.size, 1))]))
    return [replace(GRID.empty(), counts=one) for one in rng.multinomial(rows, shares)]


@pytest.fixture(scope="module")
def past() -> tuple[list[ColumnProfile], list[datetime]]:
    """Three weeks of hours in which nothing was wrong."""
    at = moments(0, THREE_WEEKS)
    return windows(levels(at), np.random.default_rng(1)), at


@pytest.fixture(scope="module")
def season(past: tuple[list[ColumnProfile], list[datetime]]) -> Season:
    """What they teach."""
    found = learn_season(*past)
    assert found is not None
    return found


def judged(
    past: tuple[list[ColumnProfile], list[datetime]], season: Season | None, mean: float, at: datetime
) -> Verdict:
    """The verdict on a window with this mean at this moment."""
    (window,) = windows(np.array([mean]), np.random.default_rng(2))
    expected = None if season is None else season.at(at)
    known = Known(learn_null(past[0]), expected=expected)
    total = sum(past[0][1:], past[0][0])
    return judge_column("x", window, total, 1e-5, Settings(), known)


AT_3, AT_15 = datetime(2024, 1, 29, 3, tzinfo=UTC), datetime(2024, 1, 29, 15, tzinfo=UTC)


def test_days_and_weeks_are_told_apart_and_from_none(season: Season) -> None:
    assert season.pattern.periods == (DAY, WEEK)
    rng = np.random.default_rng(3)
    days = moments(0, 60, hours=24)
    weekly = learn_season(windows(levels(days), rng), days)
    assert weekly is not None
    assert weekly.pattern.periods == (WEEK,)
    assert learn_season(windows(np.zeros(60), rng), days) is None
    assert learn_season(windows(np.zeros(1), rng), days[:1]) is None


def test_what_is_usual_is_what_the_world_is(season: Season) -> None:
    """Against the shares that windows were drawn from: as near as 22 windows of 300 rows can know."""
    expected = season.at(AT_3)
    assert expected is not None
    (truth,) = windows(levels([AT_3]), np.random.default_rng(4), rows=10_000_000)
    assert float(KS.counts(expected.fold(truth), expected.usual)) < 0.05
    assert 300 * 5 < expected.counts.sum() < 300 * THREE_WEEKS


def test_a_night_like_all_nights_is_true(past: tuple[list[ColumnProfile], list[datetime]], season: Season) -> None:
    found = judged(past, season, float(levels([AT_3])[0]), AT_3)
    assert found.kind is VerdictKind.TRUE
    assert "from what is usual on Mondays at 03:00" in found.reason


def test_a_night_like_a_day_alarms_though_days_are_as_high(
    past: tuple[list[ColumnProfile], list[datetime]], season: Season
) -> None:
    """Held against all of the reference it would be nothing: that has as many days as nights."""
    high = float(levels([AT_15])[0])
    found = judged(past, season, high, AT_3)
    assert (found.kind, found.alarm) == (VerdictKind.DRIFTING, True)
    assert "from what is usual on Mondays at 03:00, more than" in found.reason
    assert judged(past, None, high, AT_3).kind is VerdictKind.TRUE
    assert judged(past, season, high, AT_15).kind is VerdictKind.TRUE


def test_a_far_night_is_as_usual_and_says_so() -> None:
    """Ten turns of a day that moves by two standard deviations: a null of one level would call each night news."""
    rng, at = np.random.default_rng(5), moments(0, 60, hours=24)
    past = windows(levels(at, day=0, week=2.0), rng), at
    found = learn_season(*past)
    assert found is not None
    saturday = MONDAY + timedelta(days=61)
    expected = found.at(saturday)
    (window,) = windows(np.array([2.0]), rng)
    total = sum(past[0][1:], past[0][0])
    verdict = judge_column("x", window, total, 1e-5, Settings(), Known(expected=expected))
    assert verdict.kind is VerdictKind.TRUE
    assert "as is usual on Saturdays" in verdict.reason


def test_an_hour_that_too_few_days_have_shown_is_unknown(past: tuple[list[ColumnProfile], list[datetime]]) -> None:
    kept = [i for i, at in enumerate(past[1]) if at.hour != 3 or at.day <= 2]
    found = learn_season([past[0][i] for i in kept], [past[1][i] for i in kept])
    assert found is not None
    assert found.at(AT_3) is None
    assert found.at(AT_15) is not None


def test_hours_are_those_of_the_model_s_clocks() -> None:
    """In summer time the same hour is another moment."""
    zone = ZoneInfo("America/New_York")
    at = [(datetime(2024, 2, 19, 5, tzinfo=UTC) + timedelta(hours=i)).astimezone(zone) for i in range(THREE_WEEKS)]
    found = learn_season(windows(levels(at, week=0), np.random.default_rng(6)), at)
    assert found is not None
    summer = found.at(datetime(2024, 3, 20, 12, tzinfo=zone))
    assert summer is not None
    (noon,) = windows(np.array([0.5]), np.random.default_rng(7))
    assert float(KS.counts(summer.fold(noon), summer.usual)) < 0.12


def test_a_window_is_predicted_from_other_days_only() -> None:
    """By hand: with one value a day, a Monday is predicted by the mean of the other Mondays."""
    at = moments(0, 28, hours=24)
    values = np.arange(28.0)[:, None]
    usual, weights = Pattern((WEEK,), tuple(at), values, np.full(28, 2.0)).by_others
    assert usual[0, 0] == pytest.approx(np.mean([7, 14, 21]))
    assert weights[0] == pytest.approx(3 * 2.0)
    alone, known = Pattern((WEEK,), tuple(at[:7]), values[:7], np.ones(7)).by_others
    assert (known == 0).all(), "no other day of its kind"
    assert np.isfinite(alone).all()


def test_a_periodic_world_keeps_the_budget() -> None:
    """A fortnight of hours of 4 columns with a pattern of day and week that wanders: one alarm in a month of 20 is due.

    They have 0.1 by right; 3 or more would be a chance of 1 in 6,000 (Poisson).
    """
    rng, month = np.random.default_rng(8), 336
    at = moments(0, THREE_WEEKS + month)
    alpha, alarms = Settings(looks=720).alpha(2 * 20), 0
    for _ in range(4):
        own = windows(levels(at) + 0.05 * rng.normal(size=len(at)), rng)
        found = learn_season(own[:THREE_WEEKS], at[:THREE_WEEKS])
        assert found is not None
        far = []
        for window, moment in zip(own[THREE_WEEKS:], at[THREE_WEEKS:], strict=True):
            expected = found.at(moment)
            assert expected is not None
            q, p = expected.fold(window), expected.usual
            limit = drift_threshold(KS, q, p, alpha, null=expected.null, floor=0.0).value
            far.append(float(KS.counts(q, p)) > limit)
        alarms += episodes(np.array(far))
    assert alarms <= 2


def metric_past(at: list[datetime], night: float, seed: int) -> Past:
    """An accuracy of 0.9 that is lower at night, measured with an error of 0.01."""
    rng = np.random.default_rng(seed)
    usual = np.array([0.9 - night * (m.hour < 6) for m in at])
    return Past(usual + rng.normal(0, 0.01, len(at)), np.full(len(at), 0.01))


def test_a_metric_that_is_worse_every_night_is_held_against_nights() -> None:
    at = moments(0, THREE_WEEKS)
    found = learn_metric_season(metric_past(at, 0.1, 9), at)
    assert found is not None
    night, noon = found.at(AT_3), found.at(AT_15)
    assert night is not None
    assert noon is not None
    assert night.measure.value == pytest.approx(0.8, abs=0.02)
    seen = Measure(0.8, interval=(0.78, 0.82))
    at_night = judge_metric("accuracy", seen, night.measure, 500, 1e-4, past=night.past, usual=night.when)
    assert at_night.kind is VerdictKind.TRUE
    assert "usually 0.8" in at_night.reason
    assert "at 03:00" in at_night.reason
    at_noon = judge_metric("accuracy", seen, noon.measure, 500, 1e-4, past=noon.past, usual=noon.when)
    assert at_noon.kind is VerdictKind.DEGRADED


def test_a_metric_without_a_pattern_has_no_season() -> None:
    at = moments(0, THREE_WEEKS)
    assert learn_metric_season(metric_past(at, 0.0, 10), at) is None
    nothing = Past(np.full(9, np.nan), np.full(9, np.nan))
    assert learn_metric_season(nothing, at[:9]) is None
