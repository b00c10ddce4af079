"""Checks of other tools as rules: what maps, what is watched anyway, what has no counterpart and why."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import needed

import retrue as rt
from retrue.adapters.imports import READERS, Imported, evidently, gx, tfdv
from retrue.adapters.imports.pbtxt import parse
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


STRICT = {**A, "min_value": 1, "max_value": 2, "strict_min": True}
LENGTHS = {**A, "min_value": 1, "max_value": 9, "strict_max": True}


@pytest.mark.parametrize(
    ("kind", "kwargs", "expected"),
    [
        ("expect_column_mean_to_be_between", STRICT, ["mean(a) > 1", "mean(a) <= 2"]),
        ("expect_column_max_to_be_between", {**A, "max_value": 2, "strict_max": True}, ["max(a) < 2"]),
        ("expect_table_row_count_to_be_between", {"min_value": 9, "strict_min": True}, ["rows > 9"]),
        (
            "expect_column_proportion_of_non_null_values_to_be_between",
            {**A, "min_value": 0.9, "max_value": 1, "strict_min": True},
            ["missing(a) >= 0", "missing(a) < 0.1"],
        ),
        ("expect_column_value_lengths_to_equal", {**A, "value": 3}, ["rows[LENGTH(a) < 3 OR LENGTH(a) > 3] = 0"]),
        ("expect_column_value_lengths_to_be_between", LENGTHS, ["rows[LENGTH(a) < 1 OR LENGTH(a) >= 9] = 0"]),
    ],
)
def test_ends_that_are_left_out_are(kind: str, kwargs: dict[str, Any], expected: list[str]) -> None:
    assert rules(gx(suite((kind, kwargs)))) == expected


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("expect_column_median_to_be_between", {**A, "min_value": 10, "max_value": 1}),
        ("expect_column_median_to_be_between", {**A, "min_value": 1, "max_value": 1, "strict_max": True}),
        ("expect_column_values_to_be_between", {**A, "min_value": 10, "max_value": 1}),
        ("expect_column_values_to_be_between", {**A, "min_value": 1, "max_value": 1, "strict_min": True}),
        ("expect_column_value_lengths_to_be_between", {**A, "min_value": 10, "max_value": 1}),
        (
            "expect_column_quantile_values_to_be_between",
            {**A, "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[3, 2]]}},
        ),
    ],
)
def test_what_can_never_hold_is_no_rule(kind: str, kwargs: dict[str, Any]) -> None:
    found = gx(suite((kind, kwargs)))
    assert found.rules == ()
    assert [one.reason.endswith("it could never hold") for one in found.left] == [True]


def test_a_validations_result_is_read_as_its_suite_is() -> None:
    """As GX Core 1.x and 0.x write it, and as a checkpoint's result holds several."""
    kwargs = {"column": "a", "batch_id": "default"}
    one = {"expectation_config": {"type": "expect_column_values_to_not_be_null", "kwargs": kwargs}, "success": True}
    two = {"expectation_config": {"expectation_type": "expect_table_row_count_to_equal", "kwargs": {"value": 3}}}
    result = {"success": False, "results": [one, two], "suite_name": "s", "statistics": {"evaluated_expectations": 2}}
    expected = ["missing(a) <= 0", "rows = 3"]
    assert rules(gx(json.dumps(result))) == expected
    assert rules(gx(json.dumps({"run_results": {"id": result}}))) == expected
    assert rules(gx(json.dumps({"run_results": {"id": {"validation_result": result}}}))) == expected
    with pytest.raises(rt.TableError, match="it has no list of expectations"):
        gx(json.dumps({"results": [{"success": True}]}))


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


def test_tests_of_the_mean_error_are_rules_and_those_of_its_spread_are_listed() -> None:
    """`MAE`, `MAPE` and `MeanError` of 0.7 have `mean_tests` and `std_tests`, and no `tests`."""
    test = {"type": "evidently:test_v2:LessThanMetricTest", "threshold": 3.0}
    metric = {"type": "evidently:metric_v2:MAE", "mean_tests": [test], "std_tests": [test]}
    found = evidently(json.dumps({"metrics": [metric, metric | {"type": "evidently:metric_v2:MeanError"}]}))
    assert rules(found) == ["mae < 3"]
    assert [one.source for one in found.left] == ["MAE (std)", "MeanError", "MeanError (std)"]


def test_a_threshold_of_jensen_and_shannon_is_put_from_base_e_into_base_2() -> None:
    """Evidently calls `scipy.spatial.distance.jensenshannon(p, q)`, whose base is e; Retrue's `js` has base 2."""
    from scipy.spatial.distance import jensenshannon

    p, q = [0.5, 0.3, 0.2], [0.4, 0.3, 0.3]
    metric = {"column": "a", "method": "jensenshannon", "threshold": float(jensenshannon(p, q))}
    found = evidently(json.dumps({"metrics": [metric | {"type": "evidently:metric_v2:ValueDrift"}]}))
    assert rules(found) == [f"js(a) <= {jensenshannon(p, q, base=2):.4g}"]


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


def test_what_evidently_chose_by_itself_is_counted_and_not_taken() -> None:
    """A preset's drift is written by its method's name for people; a preset's tests have no condition of their own."""
    drift = {"type": "evidently:metric_v2:ValueDrift", "column": "a", "threshold": 0.1}
    drift |= {"method": "Jensen-Shannon distance"}
    least = {"type": "evidently:metric_v2:MinValue", "column": "a"}
    tests = [{"metric_config": {"params": one}} for one in (drift, least, least | {"column": "b"})]
    found = evidently(json.dumps({"metrics": [{"config": drift}, {"config": least}], "tests": tests}))
    assert (found.rules, [one.source for one in found.watched]) == ((), ["ValueDrift(a)"])
    assert [one.source for one in found.left] == ["2 tests with Evidently's own conditions"]
    assert "retrue suggest" in found.left[0].reason


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


WHOLE = """
feature {
  name: "tips" type: INT
  presence { min_fraction: 1.0 min_count: 1 }
  annotation { tag: "money" }
  bool_domain { name: "tips" }
  value_count { min: 1 max: 1 }
}
feature { name: "paid" type: BYTES presence { min_count: 50 } bool_domain { true_value: "y" false_value: "n" } }
feature { name: "gone" deprecated: true presence { min_fraction: 1.0 } }
feature {
  name: "odd"
  presence { min_fraction: odd }
  bool_domain { }
  group_presence { required: true }
  int_domain { min: 0 is_categorical: true strange { deep: 1 } }
  distribution_constraints { min_domain_mass: 0.9 }
}
sparse_feature { name: "words" index_feature { name: "i" } value_feature { name: "v" } }
weighted_feature { name: "heavy" feature { step: "tips" } weight_feature { step: "w" } }
dataset_constraints { min_examples_count: 1000 num_examples_drift_comparator { min_fraction_threshold: 0.5 } new: 1 }
default_environment: ["TRAINING"]
"""


def test_of_a_schema_nothing_is_dropped_in_silence() -> None:
    """Each field is a rule, is watched anyway, or is listed: also those that nobody has heard of."""
    found = tfdv(WHOLE)
    assert rules(found) == [
        "missing(tips) <= 0",
        "rows[tips NOT IN (0, 1)] = 0",
        "rows[paid IS NOT NULL] >= 50",
        "rows[paid NOT IN ('y', 'n')] = 0",
        "min(odd) >= 0",
        "rows >= 1000",
    ]
    assert [one.source for one in found.watched] == [
        "type INT of tips", "presence.min_count of tips", "type BYTES of paid",
    ]  # fmt: skip
    assert [one.source for one in found.left] == [
        "value_count of tips",
        "feature gone",
        "bool_domain of odd",
        "presence.min_fraction of odd",
        "group_presence of odd",
        "int_domain.strange of odd",
        "distribution_constraints of odd",
        "dataset_constraints.num_examples_drift_comparator",
        "sparse_feature words",
        "weighted_feature heavy",
        "dataset_constraints.new of the schema",
        "default_environment of the schema",
    ]


def test_texts_of_a_schema_are_read_as_protobuf_writes_them() -> None:
    """What TFDV writes escapes each byte of letters that aren't ASCII."""
    text_format, wrappers = needed("google.protobuf.text_format"), needed("google.protobuf.wrappers_pb2")
    values = ["café", "日本\n", '"\\303"', "it's\ta 😀"]
    written = [text_format.MessageToString(wrappers.StringValue(value=one), as_utf8=False) for one in values]
    domain = parse(" ".join(written))
    assert "\\303\\251" in written[0]
    assert domain.all("value") == values


def test_rules_of_a_schema_hold_as_tfdv_means_them() -> None:
    """On the real thing: a text that is neither truth, too few values, too few rows."""
    table = {"paid": ["y", "n"] * 600, "tips": [0, 1] * 600}
    schema = [text for text in rules(tfdv(WHOLE)) if "odd" not in text]
    assert rt.compare(table, table, rules=schema).exit_status == 0
    window = {"paid": ["y"] * 20 + ["?"] * 10 + [None] * 370, "tips": [0, 1] * 200}
    broken = [one.rule for one in rt.compare(table, window, rules=schema).verdicts if one.rule and one.alarms]
    assert sorted(broken) == ["rows >= 1000", "rows[paid IS NOT NULL] >= 50", "rows[paid NOT IN ('y', 'n')] = 0"]


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
