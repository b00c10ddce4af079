"""What a set of monitors comes to: alarms by episode, delay until somebody is told, and a dummy to beat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from scipy.stats import chi2

from retrue.judge.grouping import Hysteresis
from retrue.judge.replay import Episode, Marked, covered_days, dummy, episodes_of, poisson_interval, shortness, tally
from retrue.judge.verdict import Verdict, VerdictKind

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)


def at(number: float) -> datetime:
    """The beginning of a day."""
    return START + number * DAY


def span(number: int) -> tuple[str, str]:
    """A day as a window."""
    return at(number).isoformat(), at(number + 1).isoformat()


def marked(first: float, last: float, name: str = "outage") -> Marked:
    """An incident from one day to another."""
    return Marked(at(first), at(last), name)


def alarm(first: int, last: int) -> Episode:
    """An alarm in the windows from one day to another, told at the end of the first."""
    return Episode(at(first), at(first + 1), at(last), at(first + 1), "why")


def verdicts(days: int, bad: set[int], kind: VerdictKind = VerdictKind.BROKEN) -> dict[tuple[str, str], list[Verdict]]:
    """A verdict for each day."""
    metric, column = ("accuracy", None) if kind is VerdictKind.DEGRADED else ("missing", "x")
    return {
        span(i): [Verdict(kind if i in bad else VerdictKind.TRUE, "why", metric=metric, column=column)]
        for i in range(days)
    }


def test_consecutive_windows_are_one_alarm() -> None:
    found = episodes_of("m", verdicts(30, {3, 4, 5, 20}), Hysteresis())
    assert [(one.since, one.opened, one.until) for one in found] == [(at(3), at(4), at(6)), (at(20), at(21), at(21))]


def test_an_alarm_is_told_after_grace_and_of_performance_when_labels_have_matured() -> None:
    grace, maturity = timedelta(hours=2), 3 * DAY
    (data,) = episodes_of("m", verdicts(9, {3}), Hysteresis(), grace, maturity)
    (model,) = episodes_of("m", verdicts(9, {3}, VerdictKind.DEGRADED), Hysteresis(), grace, maturity)
    assert (data.told, model.told) == (at(4) + grace, at(4) + maturity)


def test_delay_counts_from_the_incident_s_beginning_until_somebody_is_told() -> None:
    found = tally("present", [alarm(11, 13), alarm(40, 41)], 60, [marked(10, 20), marked(50, 52, "lost")])
    assert (found.alarms, found.found, found.false, found.missed) == (2, 1, 1, ("lost",))
    assert found.delay == 2 * DAY
    assert found.per_month == 1


def test_an_alarm_that_was_open_before_hasnt_found_an_incident() -> None:
    """Else a monitor that always alarms would find everything at once, with one alarm."""
    found = tally("present", [alarm(0, 60)], 60, [marked(10, 20)])
    assert (found.found, found.false, found.delay) == (0, 0, None)


def test_an_alarm_in_the_window_in_which_an_incident_begins_has_found_it() -> None:
    found = tally("present", [alarm(10, 11)], 60, [marked(10.5, 20)])
    assert (found.found, found.delay) == (1, 0.5 * DAY)


def test_without_marked_incidents_nothing_is_said_of_them() -> None:
    found = tally("present", [alarm(1, 2)], 60, [])
    assert (found.found, found.delay, found.false, found.missed) == (None, None, None, ())


@pytest.mark.parametrize("count", [0, 1, 7, 60])
def test_the_interval_of_a_count_is_garwood_s(count: int) -> None:
    """By the quantiles of chi-squared, as SciPy has them."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    assert poisson_interval(count) == pytest.approx((low, chi2.ppf(0.975, 2 * count + 2) / 2))


def test_the_dummy_alarms_as_often_as_it_is_told_to_and_finds_what_chance_finds() -> None:
    """One alarm in 10 days finds an incident of 5 days half the time, on average after 3 days (1 to 5)."""
    found = dummy([span(i) for i in range(100)], 10, 100, [marked(50, 55)])
    assert found.alarms == 10
    assert found.found == pytest.approx(0.5)
    assert found.delay == 3 * DAY
    assert found.false == pytest.approx(9.5)
    assert found.interval is None


def test_a_dummy_beside_a_set_that_never_alarms_alarms_once() -> None:
    assert dummy([span(i) for i in range(100)], 0, 100, []).alarms == 1


def test_a_dummy_in_a_single_window_alarms_there() -> None:
    assert dummy([span(0)], 5, 1, [marked(0, 1)]).found == 1


def test_a_short_history_is_told() -> None:
    (short,) = shortness(12, [])
    assert short.startswith("only 12 days of history")
    (wide,) = shortness(60, [tally("present", [alarm(1, 2)], 60, [])])
    assert "known only within their intervals" in wide
    assert shortness(3000, [tally("present", [alarm(i, i + 1) for i in range(0, 3000, 10)], 3000, [])]) == []


def test_days_are_counted_once_though_two_versions_have_them() -> None:
    assert covered_days([span(0), span(1), span(1)]) == 2
