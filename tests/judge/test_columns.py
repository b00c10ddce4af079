"""One verdict a column: what an engineer on call would want to be told, and nothing else."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.judge.conftest import judge_columns

from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.profile import Profile
from retrue.errors import ProfileError
from retrue.judge.columns import Known, learn_null
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.metrics import get
from retrue.metrics.quality.shares import wilson


def profiles(reference: Mapping[str, Any], *windows: Mapping[str, Any]) -> list[Profile]:
    """Profiles of the reference and of each window, on the reference's grids."""
    base = pl.DataFrame(reference)
    grids: dict[str, Grid] = {
        name: (CategoricalGrid if base[name].dtype in (pl.String, pl.Boolean) else NumericGrid).fit(base[name])
        for name in base.columns
    }
    return [
        Profile(frame.height, {name: grids[name].count(frame[name]) for name in base.columns}, None, {})
        for frame in (pl.DataFrame(table) for table in (reference, *windows))
    ]


def judge(reference: Any, window: Any, known: Known | None = None, **options: Any) -> Verdict:
    """The verdict of a single column `x`."""
    base, now = profiles({"x": reference}, {"x": window})
    return judge_columns(now, base, Settings(**options), {"x": known} if known else None)[0]


rng = np.random.default_rng(20)
NORMAL = rng.normal(size=20_000)
LETTERS = rng.choice(list("abcde"), size=20_000, p=[0.4, 0.3, 0.2, 0.06, 0.04])


def with_nulls(values: np.ndarray, share: float) -> pl.Series:
    return pl.Series(values).set(pl.Series(np.arange(len(values)) < share * len(values)), None)


# --- broken ---


def test_missing_values_that_rose_are_told_with_both_shares() -> None:
    verdict = judge(with_nulls(NORMAL, 0.001), with_nulls(rng.normal(size=4031), 0.12))
    assert (verdict.kind, verdict.metric, verdict.alarm) == (VerdictKind.BROKEN, "missing", True)
    assert verdict.reason == "missing rose from 0.1 % to 12 % of 4,031 rows"
    assert verdict.interval is not None
    assert verdict.interval[0] < 0.12 < verdict.interval[1]


def test_missing_values_as_ever_are_no_news() -> None:
    assert judge(with_nulls(NORMAL, 0.3), with_nulls(rng.normal(size=4000), 0.31)).kind is VerdictKind.TRUE


def test_most_rows_out_of_range_are_broken_data() -> None:
    window = rng.normal(size=1000)
    window[:910] += 50
    verdict = judge(NORMAL, window)
    assert (verdict.kind, verdict.metric, verdict.value) == (VerdictKind.BROKEN, "out_of_range", 0.91)
    assert verdict.reason.startswith("91 % of 1,000 rows lie outside what the reference has shown: 91 % above 3.")


def test_one_unseen_category_among_a_thousand_rows_is_no_news() -> None:
    window = rng.choice(list("abcde"), size=1000, p=[0.4, 0.3, 0.2, 0.06, 0.04])
    window[0] = "z"
    assert judge(LETTERS, window).kind is VerdictKind.TRUE


def test_unseen_categories_are_named_with_their_shares() -> None:
    window = np.array(["ZZ"] * 31 + ["QQ"] * 4 + ["a"] * 965)
    verdict = judge(LETTERS, window)
    assert (verdict.kind, verdict.metric) == (VerdictKind.BROKEN, "unseen")
    assert verdict.reason == "unseen categories: 'ZZ' 3.1 %, 'QQ' 0.4 % of 1,000 rows"


def test_where_new_names_are_usual_only_a_frequent_one_is_told() -> None:
    names = [f"user{i}" for i in rng.integers(0, 5000, size=4000)]
    fresh = [f"user{i}" for i in rng.integers(0, 5000, size=1000)]
    assert judge(names, fresh).kind is not VerdictKind.BROKEN
    assert judge(names, ["robot"] * 60 + fresh[60:]).kind is VerdictKind.UNKNOWN


@pytest.mark.parametrize(("share", "kind"), [(0.015, VerdictKind.DRIFTING), (0.04, VerdictKind.UNKNOWN)])
def test_a_new_category_where_some_are_rare_is_unknown_from_a_share_that_matters(
    share: float, kind: VerdictKind
) -> None:
    """As in bookings by market segment, some of which have one booking in ten thousand; fewer rows are a move."""
    names = ["Online"] * 6_000 + ["Groups"] * 3_998 + ["Aviation", "Complementary"]
    fresh = ["Charter"] * int(1_000 * share) + ["Online"] * 600
    assert judge(names, fresh + ["Groups"] * (1_000 - len(fresh))).kind is kind


def test_values_of_another_type_are_broken_data() -> None:
    verdict = judge(NORMAL, ["1.5"] * 500 + ["n/a"] * 500)
    assert (verdict.kind, verdict.metric) == (VerdictKind.BROKEN, "mismatch")
    assert "values of another type rose from 0 % to 50 %" in verdict.reason


@pytest.mark.parametrize(("value", "metric"), [(math.nan, "nan"), (math.inf, "infinite"), (-math.inf, "infinite")])
def test_nan_and_infinities_are_broken_data(value: float, metric: str) -> None:
    window = rng.normal(size=1000)
    window[:100] = value
    verdict = judge(NORMAL, window)
    assert (verdict.kind, verdict.metric) == (VerdictKind.BROKEN, metric)


def test_a_column_that_became_constant_is_broken() -> None:
    numbers, letters = judge(NORMAL, [0.25] * 500), judge(LETTERS, ["b"] * 500)
    assert (numbers.kind, numbers.metric, letters.metric) == (VerdictKind.BROKEN, "constant", "constant")
    assert numbers.reason.startswith("all 500 rows have the same value 0.25;")
    assert letters.reason == "all 500 rows have the same value 'b'; in the reference 30 % have it"


@pytest.mark.parametrize(("share", "kind"), [(0.82, VerdictKind.DRIFTING), (0.3, VerdictKind.BROKEN)])
def test_a_category_that_most_had_and_all_have_now_is_drift(share: float, kind: VerdictKind) -> None:
    reference = np.where(np.arange(1000) < share * 1000, "a", np.where(np.arange(1000) % 2, "b", "c"))
    assert judge(list(reference), ["a"] * 500).kind is kind


@pytest.mark.parametrize(
    ("one", "many"), [(0.25, np.linspace(0, 1, 2_000)), ("none", np.array(["none", "some", "all", "more"] * 500))]
)
def test_a_column_that_goes_live_is_unknown(one: Any, many: Any) -> None:
    """It alarms, but no model can have learned from one value: it isn't the data that are broken."""
    found = judge(np.full(4_000, one), many)
    assert (found.kind, found.alarms) == (VerdictKind.UNKNOWN, True)
    assert found.reason.endswith("; the reference has one value only")


def test_a_column_that_always_was_constant_is_true() -> None:
    assert judge([1.0] * 500, [1.0] * 500).kind is VerdictKind.TRUE
    assert judge(["a"] * 500, ["a"] * 500).kind is VerdictKind.TRUE


def test_a_value_that_reference_windows_are_constant_in_too_isnt_broken() -> None:
    _, *days = profiles({"x": np.repeat(np.arange(7.0), 500)}, *({"x": [float(i % 7)] * 500} for i in range(28)))
    total = days[0]
    for day in days[1:]:
        total = total + day
    assert judge_columns(days[3], total)[0].metric == "constant"
    null = learn_null([day.columns["x"] for day in days])
    assert judge_columns(days[3], total, known={"x": Known(null=null)})[0].kind is VerdictKind.TRUE


def test_several_faults_are_one_verdict_with_the_worst_first() -> None:
    window = [None] * 100 + ["ZZ"] * 300 + ["a"] * 600
    verdict = judge(LETTERS, window)
    assert verdict.metric == "unseen"
    assert "; missing rose from 0 % to 10 %" in verdict.reason


def test_later_dates_are_a_notice_and_earlier_ones_a_fault() -> None:
    days = pl.datetime_range(pl.datetime(2020, 1, 1), pl.datetime(2021, 1, 1), "1h", eager=True)
    later = judge(days, days.dt.offset_by("1y").head(1000))
    assert (later.kind, later.alarm) == (VerdictKind.DRIFTING, False)
    earlier = judge(days, days.dt.offset_by("-50y").head(1000))
    assert earlier.kind is VerdictKind.BROKEN
    assert "below 2020-01-01" in earlier.reason


def test_what_was_missing_by_fits_and_starts_isnt_broken_by_another_fit() -> None:
    shares = np.tile([0.0, 0.0, 0.1, 0.0, 0.15, 0.02], 10)
    known = Known(history={"missing": (shares, np.full(60, 1000.0))})
    reference, window = with_nulls(NORMAL, 0.045), with_nulls(rng.normal(size=1000), 0.12)
    assert judge(reference, window).kind is VerdictKind.BROKEN
    assert judge(reference, window, known).kind is not VerdictKind.BROKEN


# --- drifting ---


def test_a_shifted_mean_drifts_and_the_sentence_has_the_numbers() -> None:
    verdict = judge(NORMAL, rng.normal(0.5, 1, size=4000))
    assert (verdict.kind, verdict.metric, verdict.alarm) == (VerdictKind.DRIFTING, "ks", True)
    assert verdict.reason.startswith("moved by KS 0.")
    assert "the mean rose by 0.51 standard deviations" in verdict.reason
    assert verdict.value is not None
    assert verdict.threshold is not None
    assert verdict.value > verdict.threshold


def test_a_category_that_grew_is_named() -> None:
    verdict = judge(LETTERS, rng.choice(list("abcde"), size=4000, p=[0.3, 0.3, 0.2, 0.06, 0.14]))
    assert (verdict.kind, verdict.metric) == (VerdictKind.DRIFTING, "js")
    assert "'e' rose from 4" in verdict.reason or "'a' fell from 40 %" in verdict.reason


@pytest.mark.parametrize("n", [200, 4_000, 200_000])
def test_the_same_world_is_true_at_any_size(n: int) -> None:
    reference = {f"x{i}": rng.normal(size=20_000) for i in range(5)} | {"c": rng.choice(list("abcdefgh"), 20_000)}
    window = {f"x{i}": rng.normal(size=n) for i in range(5)} | {"c": rng.choice(list("abcdefgh"), n)}
    base, now = profiles(reference, window)
    assert {verdict.kind for verdict in judge_columns(now, base)} == {VerdictKind.TRUE}


def test_ten_to_sixteen_percent_is_seen_at_fifty_thousand_rows() -> None:
    reference, window = rng.random(50_000) < 0.1, rng.random(50_000) < 0.16
    assert judge(reference, window).kind is VerdictKind.DRIFTING


def test_a_real_change_too_small_to_tell_is_not_told() -> None:
    verdict = judge(rng.normal(size=200_000), rng.normal(0.05, 1, size=200_000))
    assert verdict.kind is VerdictKind.TRUE
    assert "smallest change worth telling" in verdict.reason


def test_missing_values_that_vanished_are_drift() -> None:
    assert judge(with_nulls(NORMAL, 0.3), rng.normal(size=4000)).kind is VerdictKind.DRIFTING


def test_a_column_that_wanders_by_itself_needs_more_to_alarm() -> None:
    base, *windows = profiles({"x": NORMAL}, *({"x": rng.normal(m, 1, 2000)} for m in rng.normal(0, 0.3, size=60)))
    null = learn_null([window.columns["x"] for window in windows])
    total = windows[0]
    for window in windows[1:]:
        total = total + window
    now = profiles({"x": NORMAL}, {"x": rng.normal(0.4, 1, 2000)})[1]
    assert judge_columns(now, total)[0].kind is VerdictKind.DRIFTING
    verdict = judge_columns(now, total, known={"x": Known(null=null)})[0]
    assert verdict.kind is VerdictKind.TRUE
    assert "the reference's own variation" in verdict.reason
    assert base.rows == 20_000


# --- cost, and the unknown ---


@dataclass(frozen=True)
class Cost:
    value: float
    interval: tuple[float, float]
    metric: str = "accuracy"
    uncovered: float = 0.0
    uncovered_before: float = 0.0
    before: float | None = None

    @property
    def loss(self) -> tuple[float, float]:
        return -self.interval[1], -self.interval[0]


@pytest.mark.parametrize(
    ("cost", "alarm"),
    [
        (Cost(0.0, (-0.002, 0.002)), False),
        (Cost(0.05, (0.04, 0.06)), False),
        (Cost(-0.07, (-0.08, -0.06)), True),
        (Cost(-0.005, (-0.03, 0.02)), True),
        (None, True),
    ],
    ids=["known to be small", "a gain", "a loss", "uncertain", "unknown"],
)
def test_drift_alarms_unless_its_cost_is_known_to_be_small(cost: Cost | None, alarm: bool) -> None:
    verdict = judge(NORMAL, rng.normal(0.5, 1, size=4000), Known(impact=cost))
    assert (verdict.kind, verdict.alarm) == (VerdictKind.DRIFTING, alarm)
    assert ("expected to change accuracy by" in verdict.reason) == (cost is not None)


def test_traffic_where_the_model_was_never_evaluated_is_unknown() -> None:
    verdict = judge(NORMAL, rng.normal(size=2000), Known(impact=Cost(0, (0, 0), uncovered=0.2, uncovered_before=0.01)))
    assert verdict.kind is VerdictKind.UNKNOWN
    assert verdict.reason == "20 % of 2,000 rows lie where the model was never evaluated; 1 % did before"


def test_numbers_just_beyond_what_the_model_learned_are_unknown_and_far_off_ones_broken() -> None:
    winter, impact = rng.uniform(10, 60, size=5000), Known(impact=Cost(0, (0, 0)))
    summer = rng.uniform(50, 80, size=1000)
    verdict = judge(winter, summer, impact)
    assert (verdict.kind, verdict.metric, verdict.alarm) == (VerdictKind.UNKNOWN, "out_of_range", True)
    assert verdict.reason.endswith("above 60.0; the model was never evaluated there")
    assert judge(winter, (summer - 32) * 100, impact).kind is VerdictKind.BROKEN
    assert judge(winter, summer).kind is VerdictKind.BROKEN  # without labels nothing is known of the model


# --- too few, and odd tables ---


def test_few_rows_are_not_comparable_and_say_how_many_are_needed() -> None:
    assert judge(NORMAL, NORMAL[:12]).reason == "12 rows, needs 50"
    assert judge(NORMAL[:12], NORMAL).reason == "the reference has 12 rows, needs 50"


def test_each_column_gets_one_verdict_and_none_costs_the_rest() -> None:
    reference = {"null": pl.Series([None] * 90, dtype=pl.Float64), "x": NORMAL[:90], "c": LETTERS[:90]}
    base, now = profiles(reference, {**reference, "x": NORMAL[90:180]})
    verdicts = judge_columns(now, base, span_of=("2013-01-01", "2013-01-02"))
    assert [verdict.column for verdict in verdicts] == ["null", "x", "c"]
    assert {verdict.window for verdict in verdicts} == {("2013-01-01", "2013-01-02")}


def test_the_value_is_that_of_the_registered_metric() -> None:
    base, now = profiles({"x": NORMAL, "c": LETTERS}, {"x": NORMAL[:900] + 0.1, "c": LETTERS[:900]})
    for verdict in judge_columns(now, base):
        measure = get(str(verdict.metric)).compute(now.columns[str(verdict.column)], base.columns[str(verdict.column)])
        assert (verdict.value, verdict.interval) == (measure.value, measure.interval)


def test_profiles_on_two_grids_are_refused() -> None:
    (base,), (other,) = profiles({"x": NORMAL}), profiles({"x": NORMAL + 1})
    with pytest.raises(ProfileError, match="'x' is counted on two grids"):
        judge_columns(other, base)


cells = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.just(1.0)


@settings(max_examples=60, deadline=None)
@given(reference=st.lists(cells, max_size=5), window=st.lists(cells, max_size=5), times=st.sampled_from([1, 40, 300]))
def test_whatever_the_numbers_there_is_a_verdict_and_never_nan(
    reference: list[float | None], window: list[float | None], times: int
) -> None:
    tables = [{"x": pl.Series(side * times, dtype=pl.Float64)} for side in (reference, window)]
    base, now = profiles(*tables)
    verdict = judge_columns(now, base)[0]
    assert verdict.reason
    assert "nan" not in verdict.reason.replace("NaN", "")
    for number in (verdict.value, verdict.threshold, *(verdict.interval or ())):
        assert number is None or math.isfinite(number)


@settings(max_examples=60, deadline=None)
@given(
    reference=st.lists(st.none() | st.text(max_size=2), max_size=5),
    window=st.lists(st.none() | st.text(max_size=2), max_size=5),
    times=st.sampled_from([1, 40, 300]),
)
def test_whatever_the_texts_there_is_a_verdict(
    reference: list[str | None], window: list[str | None], times: int
) -> None:
    base, now = profiles(*({"x": pl.Series(side * times, dtype=pl.String)} for side in (reference, window)))
    assert judge_columns(now, base)[0].reason


def test_judging_26_columns_costs_milliseconds() -> None:
    reference = {f"x{i}": rng.normal(size=5000) for i in range(20)}
    reference |= {f"c{i}": rng.integers(0, 1000, 5000).astype(str) for i in range(6)}
    base, now = profiles(reference, reference)
    judge_columns(now, base)
    start = time.process_time()
    judge_columns(now, base)
    assert time.process_time() - start < 0.5  # 20 ms on a quiet machine


def test_a_shares_interval_is_wilsons() -> None:
    low, high = wilson(5, 50)  # Wilson (1927), as in statsmodels' proportion_confint(5, 50, method="wilson")
    assert (low, high) == pytest.approx((0.0434751, 0.2136023), abs=1e-6)
