"""A chosen threshold comes to the number that NumPy, SciPy or plain arithmetic give, and says where it comes from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from retrue.errors import ConfigError, MetricError
from retrue.judge.thresholds import (
    LEAST,
    SEASONS,
    History,
    Quantile,
    Range,
    Relative,
    Series,
    Spread,
    Term,
    level,
    parse_bound,
    print_bound,
    terms,
)

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
VALUES = np.random.default_rng(7).normal(650, 80, 30)


def series(values: Any, step: timedelta = timedelta(days=1), start: datetime = MONDAY) -> Series:
    """A window every day, or as often as `step` says."""
    return Series(tuple(start + i * step for i in range(len(values))), np.asarray(values, float))


def come_to(term: Term, past: Series, **options: Any) -> float | None:
    """What a threshold comes to."""
    return level(term, "{:g}".format, **{"reference": None, "past": past, **options}).value


# --- what they come to ------------------------------------------------------------------------------------------------


def test_a_constant_is_itself_and_needs_no_reason() -> None:
    found = level(0.02, str, reference=None, past=Series())
    assert (found.value, found.because) == (0.02, "")


def test_a_multiple_of_the_reference_names_the_reference() -> None:
    found = level(Relative(1.1, -5), "{:g}".format, reference=200.0, past=Series())
    assert found.value == pytest.approx(215)
    assert found.because == "1.1 times the reference's 200 − 5"


def test_without_a_reference_it_cant_be_told() -> None:
    found = level(Relative(), str, reference=None, past=Series())
    assert (found.value, found.because) == (None, "the reference has no such value")


def test_sigma_is_the_mean_and_the_sample_standard_deviation_of_earlier_windows() -> None:
    past = series(VALUES)
    assert come_to(Spread(-3, "sigma"), past) == pytest.approx(VALUES.mean() - 3 * VALUES.std(ddof=1))
    found = level(Spread(3, "sigma"), "{:.0f}".format, reference=None, past=past)
    assert found.because == (
        f"3 sigma ({VALUES.std(ddof=1):.0f} each) from the mean {VALUES.mean():.0f} of 30 earlier windows"
    )


def test_mad_is_scipy_s_scaled_to_a_normal_distribution() -> None:
    expected = np.median(VALUES) + 5 * median_abs_deviation(VALUES, scale="normal")
    assert come_to(Spread(5, "mad"), series(VALUES)) == pytest.approx(expected)


def test_an_outlier_bends_sigma_and_not_mad() -> None:
    bent = VALUES.copy()
    bent[3] = 1e6
    assert come_to(Spread(3, "sigma"), series(bent)) > 1e5  # type: ignore[operator]
    assert come_to(Spread(3, "mad"), series(bent)) == pytest.approx(come_to(Spread(3, "mad"), series(VALUES)), rel=0.05)


def test_a_quantile_is_numpy_s() -> None:
    assert come_to(Quantile(0.9), series(VALUES)) == pytest.approx(np.quantile(VALUES, 0.9))


def test_a_constant_past_isnt_left_by_its_own_rounding() -> None:
    same = [0.1] * 12
    low, high = (come_to(Spread(times, "sigma"), series(same)) for times in (-3, 3))
    assert low is not None
    assert high is not None
    assert low < 0.1 < high


# --- which windows count ----------------------------------------------------------------------------------------------


def test_only_windows_before_the_one_judged_count() -> None:
    at = MONDAY + timedelta(days=20)
    expected = VALUES[:20].mean() + 3 * VALUES[:20].std(ddof=1)
    assert come_to(Spread(3, "sigma"), series(VALUES), at=at) == pytest.approx(expected)


def test_only_windows_of_the_time_asked_for_count() -> None:
    at = MONDAY + timedelta(days=30)
    expected = np.median(VALUES[16:]) + 2 * median_abs_deviation(VALUES[16:], scale="normal")
    found = come_to(Spread(2, "mad"), series(VALUES), at=at, history=History(over=14 * 86_400))
    assert found == pytest.approx(expected)


def test_windows_that_couldnt_be_measured_dont_count() -> None:
    gaps = np.where(np.arange(30) % 3 == 0, np.nan, VALUES)
    found = level(Spread(1, "sigma"), str, reference=None, past=series(gaps))
    assert found.because.endswith("of 20 earlier windows")


@pytest.mark.parametrize(
    ("term", "needs"),
    [(Spread(3, "sigma"), LEAST), (Spread(3, "mad"), LEAST), (Quantile(0.5), LEAST), (Quantile(0.99), 100)],
)
def test_too_short_a_history_says_how_much_it_takes(term: Term, needs: int) -> None:
    short, enough = (level(term, str, reference=None, past=series(np.arange(n))) for n in (needs - 1, needs))
    assert (short.value, short.because) == (None, f"{needs - 1} earlier windows, needs {needs}")
    assert enough.value is not None


def test_no_history_is_too_short_too() -> None:
    assert level(Spread(3, "mad"), str, reference=None, past=Series()).because == "0 earlier windows, needs 10"


# --- seasons ----------------------------------------------------------------------------------------------------------

HOURS = timedelta(hours=1)
BY_HOUR = History(same="hour")


def daily_wave(days: int, seed: int = 0) -> Series:
    """Hourly windows that rise and fall with the day: 1,000 at night, 5,000 at noon, sd 100."""
    hours = np.arange(24 * days)
    wave = 3000 - 2000 * np.cos(2 * np.pi * hours / 24)
    return series(wave + np.random.default_rng(seed).normal(0, 100, hours.size), HOURS)


def test_a_night_is_compared_with_nights() -> None:
    """The level is that of the hour, the spread that around each hour's level: 100, not the wave's 1,400."""
    past = daily_wave(14)
    at = MONDAY + timedelta(days=14)
    low, high = (come_to(Spread(k, "mad"), past, at=at, history=BY_HOUR) for k in (-4, 4))
    assert low == pytest.approx(1000 - 400, abs=200)
    assert high == pytest.approx(1000 + 400, abs=200)
    plain = come_to(Spread(4, "mad"), past, at=at)
    assert plain is not None
    assert plain > 6000, "without the season nothing at night is odd"


def test_the_seasonal_spread_is_unbiased() -> None:
    """Pooled over hours of four days each, by simulation: within 5 % of the true 100."""
    at = MONDAY + timedelta(days=4)
    spreads = []
    for seed in range(20):
        middle, above = (
            come_to(Spread(k, "sigma"), daily_wave(4, seed), at=at, history=BY_HOUR) or 0.0 for k in (0, 1)
        )
        spreads.append(above - middle)
    assert np.sqrt(np.mean(np.square(spreads))) == pytest.approx(100, rel=0.05)


@pytest.mark.parametrize(("same", "days"), [("hour", SEASONS), ("weekday", 7 * SEASONS), ("hour of week", 7 * SEASONS)])
def test_a_season_needs_four_windows_of_its_phase(same: str, days: int) -> None:
    step = timedelta(days=1) if same == "weekday" else HOURS
    per_day = 1 if same == "weekday" else 24
    for missing in (0, 1):
        past = series(np.arange(days * per_day, dtype=float), step)
        past = Series(past.starts[missing:], past.values[missing:])
        at = MONDAY + timedelta(days=days)
        found = level(Spread(3, "mad"), str, reference=None, past=past, history=History(same=same), at=at)
        assert (found.value is None) is bool(missing)
        assert f"{SEASONS - missing} earlier windows at the same {same}" in found.because


def test_the_phase_is_that_of_the_model_s_wall_clock() -> None:
    """New York's clocks went forward on 10 March 2013; seven in the morning stays seven in the morning."""
    zone = ZoneInfo("America/New_York")
    start = datetime(2013, 3, 4, tzinfo=zone)
    starts = [(start.astimezone(UTC) + i * HOURS).astimezone(zone) for i in range(24 * 14)]
    past = Series(tuple(starts), np.array([float(at.hour) for at in starts]))
    at = datetime(2013, 3, 18, 7, tzinfo=zone)
    assert come_to(Quantile(0.5), past, at=at, history=BY_HOUR) == 7


# --- their text -------------------------------------------------------------------------------------------------------

numbers = st.floats(allow_nan=False, allow_infinity=False)
one_term = st.one_of(
    numbers,
    st.builds(Relative, numbers, numbers),
    st.builds(Spread, numbers, st.sampled_from(["sigma", "mad"])),
    st.builds(Quantile, st.floats(0, 1, exclude_min=True, exclude_max=True)),
)
bounds = st.one_of(
    one_term,
    st.builds(Range, one_term, one_term).filter(
        lambda r: not (isinstance(r.low, float) and isinstance(r.high, float) and r.low > r.high)
    ),
    st.builds(lambda k, unit: Range(Spread(-k, unit), Spread(k, unit)), numbers, st.sampled_from(["sigma", "mad"])),
)
histories = st.builds(
    History,
    st.none() | st.integers(1, 10**7).map(float),
    st.sampled_from([None, "hour", "weekday", "hour of week"]),
)


@given(bound=bounds, history=histories)
def test_whatever_is_printed_reads_back(bound: Any, history: History) -> None:
    own = history if any(isinstance(term, Spread | Quantile) for term in terms(bound)) else History()
    assert parse_bound(print_bound(bound, own), words=isinstance(bound, Range)) == (bound, own)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("2 %", "0.02"),
        ("reference", "reference"),
        ("110 %*reference", "1.1 * reference"),
        ("reference+1%", "reference + 0.01"),
        ("2 * reference - 3", "2 * reference - 3"),
        ("-3sigma", "-3 sigma"),
        ("within  5   mad", "within 5 mad"),
        ("between -5 mad and 5 mad", "within 5 mad"),
        ("between 1 and 1.2 * reference", "between 1 and 1.2 * reference"),
        ("quantile( 99% ) over 90d", "quantile(0.99) over 90d"),
        ("within 3 sigma at the same  hour of  week over 8w", "within 3 sigma at the same hour of week over 8w"),
    ],
)
def test_a_threshold_has_one_way_to_be_written(text: str, printed: str) -> None:
    words = text.startswith(("between", "within"))
    assert print_bound(*parse_bound(text, words=words)) == printed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("between 2 and 1", "wrong way round: expected 'between 1 and 2'"),
        ("within 3", "expected 'within 3 sigma' or 'within 5 mad'"),
        ("within -3 sigma", "expected 'within 3 sigma'"),
        ("within quantile(0.5)", "expected 'within 3 sigma'"),
        ("between 1", "expected 'between 1 and 2'"),
        ("quantile(1)", "a share above 0 and below 1"),
        ("1e999", "a number that a computer can hold"),
        ("1.1 * reference over 7d", "doesn't depend on earlier windows"),
        ("3 at the same hour", "doesn't depend on earlier windows"),
        ("3 sigma at the same month", "expected a number"),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(text: str, said: str) -> None:
    with pytest.raises(MetricError, match=said.replace("(", r"\(").replace(")", r"\)")):
        parse_bound(text, words=text.startswith(("between", "within")))


def test_a_length_of_time_is_read_as_elsewhere() -> None:
    with pytest.raises(ConfigError, match="as a length of time"):
        parse_bound("3 sigma over 1.2.3d", words=False)
