"""A rule is a line of text that is read strictly, printed back the same, and judged in plain words."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import MetricError, SliceError
from retrue.judge.rules import BETWEEN, Rule
from retrue.judge.thresholds import History, Quantile, Range, Relative, Series, Spread
from retrue.judge.verdict import VerdictKind
from retrue.metrics import Measure
from retrue.slices import Slice

COLUMNS = ["income", "age", "monthly income", "origin"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("missing(income) <= 0.02", Rule("missing", "<=", 0.02, "income")),
        ("  ks( age )<0.1 ", Rule("ks", "<", 0.1, "age")),
        ("roc_auc >= 0.7", Rule("roc_auc", ">=", 0.7)),
        ("missing(income) <= 2 %", Rule("missing", "<=", 0.02, "income")),
        ('missing("monthly income") = 0', Rule("missing", "=", 0.0, "monthly income")),
        ("min(age) > -1e-3", Rule("min", ">", -0.001, "age")),
        ("precision@0.3 >= .5", Rule("precision@0.3", ">=", 0.5)),
        ("roc_auc[origin = 'JFK'] >= 0.65", Rule("roc_auc", ">=", 0.65, slice=Slice.parse("origin = 'JFK'"))),
        (
            "missing(age)[age <= 3 OR origin = ']'] < 0.5",
            Rule("missing", "<", 0.5, "age", Slice.parse("age <= 3 OR origin = ']'")),
        ),
        ("mean(income) between 3e4 and 5e4", Rule("mean", BETWEEN, Range(3e4, 5e4), "income")),
        ("mean(income)<=1.1*reference", Rule("mean", "<=", Relative(1.1), "income")),
        ("missing(age) <= reference + 1 %", Rule("missing", "<=", Relative(1.0, 0.01), "age")),
        ("rows within 3 sigma", Rule("rows", BETWEEN, Range(Spread(-3, "sigma"), Spread(3, "sigma")))),
        ("rows >= quantile(0.01) over 90d", Rule("rows", ">=", Quantile(0.01), history=History(over=90 * 86_400))),
        (
            "roc_auc[origin = 'between 1 and 2'] >= -4 mad at the same weekday",
            Rule(
                "roc_auc",
                ">=",
                Spread(-4, "mad"),
                slice=Slice.parse("origin = 'between 1 and 2'"),
                history=History(same="weekday"),
            ),
        ),
        ("recall@within reach >= 0.5", Rule("recall@within reach", ">=", 0.5)),
    ],
)
def test_a_rule_is_read_and_printed_back(text: str, rule: Rule) -> None:
    assert Rule.parse(text, COLUMNS) == rule
    assert Rule.parse(str(rule)) == rule


names = st.from_regex(r"[A-Za-z_][A-Za-z_0-9]{0,5}", fullmatch=True) | st.text('ab "().[]<=>', min_size=1).map(
    str.strip
).filter(bool)


@given(
    op=st.sampled_from(["<=", "<", ">=", ">", "="]),
    bound=st.floats(allow_nan=False, allow_infinity=False),
    column=names,
    value=st.integers(-9, 9),
)
def test_whatever_the_column_is_called_the_rule_reads_back(op: str, bound: float, column: str, value: int) -> None:
    rule = Rule("missing", op, bound, column, Slice.equals("x", value))
    assert Rule.parse(str(rule)) == rule


@pytest.mark.parametrize(
    "text",
    [
        "",
        "missing",
        "missing(income)",
        "missing(income) <=",
        "missing(income) <= x",
        "<= 0.1",
        "missing(income) == 1",
        "missing(income) <= 0.1; rm",
        "missing(income <= 0.1",
        "missing() <= 1",
        "missing(a)(b) <= 1",
        "missing(income) between 1",
        "missing(income) <= within 3 sigma",
        "missing(income) 3 sigma",
        "missing(income) <= 1 <= 2",
        "missing(income) <= 3 over 7d",
        "rows within",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MetricError, match="doesn't parse"):
        Rule.parse(text)


def test_an_unknown_metric_or_column_is_named_with_the_nearest() -> None:
    with pytest.raises(MetricError, match=r"unknown metric 'mising'.*did you mean 'missing'"):
        Rule.parse("mising(income) <= 0.02")
    with pytest.raises(MetricError, match=r"unknown column 'incme'.*did you mean 'income'"):
        Rule.parse("missing(incme) <= 0.02", COLUMNS)
    with pytest.raises(MetricError, match="expected a feature, the score, the prediction or the label"):
        Rule.parse("mean(loan_id) >= 1", COLUMNS)
    with pytest.raises(SliceError, match="unknown column 'orgin'"):
        Rule.parse("roc_auc[orgin = 'JFK'] >= 0.65", COLUMNS)


def test_a_metric_of_a_column_needs_one_and_others_take_none() -> None:
    with pytest.raises(MetricError, match="'missing' is a metric of a column"):
        Rule.parse("missing <= 0.02")
    with pytest.raises(MetricError, match="'roc_auc' is a metric of a outcome"):
        Rule.parse("roc_auc(age) >= 0.7")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("missing(age) <= 0.02", VerdictKind.BROKEN),
        ("ks(age) <= 0.02", VerdictKind.DRIFTING),
        ("rows <= 0.02", VerdictKind.SILENT),
        ("accuracy <= 0.02", VerdictKind.DEGRADED),
    ],
)
def test_a_broken_rule_says_what_kind_of_trouble_it_is_and_always_alarms(text: str, kind: VerdictKind) -> None:
    verdict = Rule.parse(text).judge(Measure(0.5), n=100)
    assert (verdict.kind, verdict.alarm, verdict.threshold, verdict.n) == (kind, True, 0.02, 100)


def test_the_reason_has_the_value_its_interval_and_the_rule() -> None:
    broken = Rule.parse("missing(income) <= 0.02").judge(Measure(0.12, interval=(0.11, 0.13)))
    assert broken.reason == "missing(income) is 12 % (11 % to 13 %), but the rule says <= 2 %"
    kept = Rule.parse("roc_auc[origin = 'JFK'] >= 0.65").judge(Measure(0.7), window=("a", "b"))
    assert (kept.kind, kept.window) == (VerdictKind.TRUE, ("a", "b"))
    assert kept.reason == "ROC AUC is 0.700, as the rule says >= 0.650"
    assert kept.slice == "origin = 'JFK'"


def test_what_cant_be_measured_isnt_comparable_and_says_why() -> None:
    for measure in (None, Measure(None), Measure(math.nan)):
        verdict = Rule.parse("roc_auc >= 0.7").judge(measure)
        assert (verdict.kind, verdict.alarm, verdict.value) == (VerdictKind.NOT_COMPARABLE, False, None)
    assert Rule.parse("roc_auc >= 0.7").judge(Measure(None, note="one class only")).reason == "ROC AUC: one class only"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("mean(income) <= 1.1 * refrence", "reference"),
        ("rows within 3 sigam", "sigma"),
        ("rows witin 3 sigma", "within"),
        ("rows >= quantil(0.1)", "quantile"),
        ("rows within 5 mad at the same weekdy", "weekday"),
    ],
)
def test_a_misspelt_threshold_names_the_nearest_word(text: str, meant: str) -> None:
    with pytest.raises(MetricError, match=f"doesn't parse.*did you mean '{meant}'"):
        Rule.parse(text)


def test_a_column_called_like_a_threshold_is_a_column() -> None:
    rule = Rule.parse("mean(reference) <= 2 * reference", ["reference"])
    assert (rule.column, rule.bound) == ("reference", Relative(2.0))


START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = ("2026-02-04T00:00:00+00:00", "2026-02-05T00:00:00+00:00")
PAST = Series(tuple(START + timedelta(days=i) for i in range(30)), np.array([600.0, 700.0] * 15))


def test_a_range_says_both_ends_and_holds_the_value_against_the_one_it_broke() -> None:
    rule = Rule.parse("mean(age) between 30 and 40")
    low, inside, high = (rule.judge(Measure(value)) for value in (29.0, 39.0, 41.0))
    assert [v.kind for v in (low, inside, high)] == [VerdictKind.BROKEN, VerdictKind.TRUE, VerdictKind.BROKEN]
    assert [v.threshold for v in (low, inside, high)] == [30, 40, 40]
    assert low.reason == "mean(age) is 29.0, but the rule says between 30.0 and 40.0"


def test_a_threshold_relative_to_the_reference_says_what_the_reference_has() -> None:
    broken = Rule.parse("missing(income) <= 1.5 * reference").judge(Measure(0.04), reference=0.02)
    assert (broken.kind, broken.threshold) == (VerdictKind.BROKEN, 0.03)
    assert broken.reason == "missing(income) is 4 %, but the rule says <= 3 % (1.5 times the reference's 2 %)"


def test_a_threshold_from_history_says_how_much_of_it_there_is() -> None:
    """Mean 650, sample sd 50 * sqrt(30 / 29) = 50.85."""
    rule = Rule.parse("rows within 3 sigma")
    broken = rule.judge(Measure(900.0), past=PAST, window=WINDOW)
    assert (broken.kind, broken.alarm) == (VerdictKind.SILENT, True)
    assert broken.threshold == pytest.approx(650 + 3 * 50 * math.sqrt(30 / 29))
    assert broken.reason == (
        "rows is 900, but the rule says between 497 and 803 "
        "(3 sigma (50.9 each) from the mean 650 of 30 earlier windows)"
    )
    assert rule.judge(Measure(800.0), past=PAST, window=WINDOW).kind is VerdictKind.TRUE


def test_no_reference_and_too_little_history_arent_comparable_and_say_why() -> None:
    early = ("2026-01-09T00:00:00+00:00", "2026-01-10T00:00:00+00:00")
    found = Rule.parse("rows within 3 sigma").judge(Measure(900.0), past=PAST, window=early)
    assert (found.kind, found.value, found.threshold) == (VerdictKind.NOT_COMPARABLE, 900.0, None)
    assert found.reason.endswith("no threshold is known for rows within 3 sigma: 4 earlier windows, needs 10")
    relative = Rule.parse("ks(age) <= 2 * reference").judge(Measure(0.1))
    assert relative.reason.endswith("the reference has no such value")
