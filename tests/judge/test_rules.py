"""A rule is a line of text that is read strictly, printed back the same, and judged in plain words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.errors import MetricError, SliceError
from retrue.judge.rules import Rule
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
    assert kept.reason == "roc_auc[origin = 'JFK'] is 0.700, as the rule says >= 0.650"
    assert kept.slice == "origin = 'JFK'"


def test_what_cant_be_measured_isnt_comparable_and_says_why() -> None:
    for measure in (None, Measure(None), Measure(math.nan)):
        verdict = Rule.parse("roc_auc >= 0.7").judge(measure)
        assert (verdict.kind, verdict.alarm, verdict.value) == (VerdictKind.NOT_COMPARABLE, False, None)
    assert Rule.parse("roc_auc >= 0.7").judge(Measure(None, note="one class only")).reason == "roc_auc: one class only"
