"""Checks of other tools as rules: what maps, what is watched anyway, what has no counterpart and why."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import retrue as rt
from retrue.adapters.imports import READERS, Imported, evidently, gx, tfdv
from retrue.judge.rules import Rule


def rules(found: Imported) -> list[str]:
    """The rules as text."""
    return [str(one.rule) for one in found.rules]


def suite(*expectations: tuple[str, dict[str, Any]]) -> str:
    """A suite as GX Core 1.x writes it."""
    listed = [{"type": kind, "kwargs": kwargs, "meta": {}, "severity": "critical"} for kind, kwargs in expectations]
    return json.dumps({"name": "s", "expectations": listed, "meta": {"great_expectations_version": "1.9.1"}})


A = {"column": "a"}
ENDS = {"column": "a b", "min_value": 0, "max_value": 9, "strict_max": True}
QUANTILES = {"quantiles": [0.5, 0.9], "value_ranges": [[1, 2], [3, 4]]}
SET = {**A, "value_set": ["x", "it's", None]}
PAIR = {"column_A": "end", "column_B": "start", "or_equal": True}
GX: dict[str, tuple[dict[str, Any], list[str]]] = {
    "expect_column_values_to_not_be_null": ({**A, "mostly": 0.98}, ["missing(a) <= 0.02"]),
    "expect_column_values_to_be_between": (ENDS, ['min("a b") >= 0', 'max("a b") < 9']),
    "expect_column_values_to_be_in_set": (SET, ["rows[a NOT IN ('x', 'it''s')] = 0"]),
    "expect_column_values_to_not_be_in_set": ({**A, "value_set": [1, 2]}, ["rows[a IN (1, 2)] = 0"]),
    "expect_column_mean_to_be_between": ({**A, "min_value": 1, "max_value": 2}, ["mean(a) between 1 and 2"]),
    "expect_column_max_to_be_between": ({**A, "max_value": 2}, ["max(a) <= 2"]),
    "expect_column_proportion_of_non_null_values_to_be_between": ({**A, "min_value": 0.9}, ["missing(a) <= 0.1"]),
    "expect_table_row_count_to_be_between": ({"min_value": 100}, ["rows >= 100"]),
    "expect_column_quantile_values_to_be_between": ({**A, "quantile_ranges": QUANTILES}, ["median(a) between 1 and 2"]),
    "expect_column_pair_values_a_to_be_greater_than_b": (PAIR, ['rows["end" < start] = 0']),
}  # fmt: skip


@pytest.mark.parametrize("kind", GX)
def test_expectations_are_rules(kind: str) -> None:
    kwargs, expected = GX[kind]
    assert rules(gx(suite((kind, kwargs)))) == expected
    older = json.dumps({"expectation_suite_name": "s", "expectations": [{"expectation_type": kind, "kwargs": kwargs}]})
    assert rules(gx(older)) == expected


def test_what_has_no_counterpart_says_why() -> None:
    found = gx(
        suite(
            ("expect_column_values_to_be_between", {"column": "a", "min_value": 0, "mostly": 0.9}),
            ("expect_column_values_to_match_regex", {"column": "a", "regex": "x"}),
            ("expect_something_of_ours", {"column": "a"}),
            ("expect_column_max_to_be_between", {"column": "a", "max_value": {"$PARAMETER": "m"}}),
            ("expect_column_to_exist", {"column": "a"}),
        )
    )
    assert found.rules == ()
    assert [one.reason.split(":")[0][:40] for one in found.left] == [
        "it holds for a share of the rows only (m", "slices have no regular expressions", "Retrue has no such check",
        "its values are parameters that only a ru",
    ]  # fmt: skip
    assert [one.source for one in found.watched] == ["expect_column_to_exist(a)"]


def test_a_set_of_values_holds_as_the_rule_says() -> None:
    """The rule that a set becomes alarms for one row outside of it, and is told as broken data."""
    (rule,) = rules(gx(suite(("expect_column_values_to_be_in_set", {"column": "c", "value_set": ["a", "b", "z"]}))))
    table = {"c": ["a", "b"] * 60}
    broken = rt.compare(table, {"c": ["a", "b"] * 60 + ["q"]}, rules=[rule]).verdicts
    kept = rt.compare(table, {"c": ["a", "b"] * 60 + ["z"]}, rules=[rule]).verdicts
    assert [one.kind.value for one in broken if one.rule] == ["broken"]
    assert [one.kind.value for one in kept if one.rule] == ["true"]


def test_a_report_of_evidently_is_read_as_version_0_7_23_wrote_it() -> None:
    """The file is what `snapshot.json()` gave for a report with these tests."""
    found = evidently(Path(__file__).with_name("evidently_0.7.23.json").read_text(encoding="utf-8"))
    assert rules(found) == [
        "mean(age) > 25",
        "mean(age) < 0.9 * reference",
        "rows[city IS NULL] <= 40",
        "missing(city) <= 0.5",
        "p25(age) >= 10",
        "rows[age < 0 OR age > 100] = 0",
        "psi(age) <= 0.2",
        "rows >= 10",
        "rows[city NOT IN ('a', 'b')] = 0",
    ]
    assert [one.source for one in found.left] == ["CategoryCount(city)", "MinValue(age)"]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("LessOrEqual", ["mean(a) <= 1.1 * reference"]),
        ("GreaterOrEqual", ["mean(a) >= 0.9 * reference"]),
        ("GreaterThan", ["mean(a) > 1.1 * reference"]),
        ("Equal", ["mean(a) >= 0.9 * reference", "mean(a) <= 1.1 * reference"]),
    ],
)
def test_tolerances_go_the_way_that_evidently_compares(test: str, expected: list[str]) -> None:
    """`ApproxValue` of evidently.legacy.utils.types: <= and >= leave room for the tolerance, < and > are beyond it."""
    said = {"type": f"evidently:test_v2:{test}MetricTest", "threshold": {"relative": 0.1}}
    metric = {"type": "evidently:metric_v2:MeanValue", "column": "a", "tests": [said]}
    assert rules(evidently(json.dumps({"metrics": [metric]}))) == expected


def test_drift_without_a_threshold_is_watched_anyway() -> None:
    found = evidently(json.dumps({"type": "evidently:metric_v2:ValueDrift", "column": "a"}))
    assert (found.rules, [one.source for one in found.watched]) == ((), ["ValueDrift(a)"])


SCHEMA = """
# what tfdv.write_schema_text writes
feature {
  name: "company"
  type: BYTES
  domain: "company"
  presence { min_fraction: 0.98 min_count: 1 }
  distribution_constraints { min_domain_mass: 0.9 }
}
feature {
  name: "pay"
  type: BYTES
  presence: <min_fraction: 1.0>
  string_domain { value: "cash" value: "o\\'card" }
  skew_comparator { infinity_norm { threshold: 0.01 } }
}
feature {
  name: "fare" type: FLOAT
  float_domain { min: 0 max: inf disallow_nan: true }
  skew_comparator { jensen_shannon_divergence { threshold: 0.04 } }
  drift_comparator { jensen_shannon_divergence { threshold: 0.04 } }
  not_in_environment: ["SERVING", "OTHER"]
}
feature { name: "old" lifecycle_stage: DEPRECATED int_domain { min: 0 } }
string_domain { name: "company" value: "a" value: "b" }
"""


def test_a_schema_of_tfdv_is_read() -> None:
    found = tfdv(SCHEMA)
    assert rules(found) == [
        "missing(company) <= 0.02",
        "unseen(company) <= 0.1",
        "missing(pay) <= 0",
        "rows[pay NOT IN ('cash', 'o''card')] = 0",
        "linf(pay) <= 0.01",
        "min(fare) >= 0",
        "nan(fare) <= 0",
        "js(fare) <= 0.2",
    ]
    assert [one.source for one in found.left] == [
        "drift_comparator of fare",
        "not_in_environment of fare",
        "feature old",
    ]


@pytest.mark.parametrize(
    "text", ["", "feature {", "feature { name: }", "{", '"', "feature: <name: 'x'", "a" + "{b" * 500]
)
def test_what_is_no_schema_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(rt.TableError, match="schema"):
        tfdv(text)


@pytest.mark.parametrize("tool", READERS)
@given(text=st.text(max_size=40) | st.sampled_from(['{"expectations": 3}', "[1]", '{"type": 1}', "[" * 100_000]))
def test_nothing_that_is_read_makes_more_than_an_error(tool: str, text: str) -> None:
    try:
        READERS[tool](text)
    except rt.TableError as error:
        assert error.what  # noqa: PT017 - that there is an error at all depends on the text


def test_what_is_printed_is_toml_whose_rules_parse() -> None:
    found = gx(suite(("expect_column_values_to_be_in_set", {"column": 'q"\n]', "value_set": ['"\n# x']})))
    said = tomllib.loads(found.to_toml("loans"))["models"]["loans"]["rules"]
    assert [str(Rule.parse(text)) for text in said] == rules(found)
