"""Great Expectations: the expectations of a suite's JSON as rules.

Shapes: GX Core 1.x writes `{"name", "expectations": [{"type", "kwargs", "meta"}]}`, 0.x `"expectation_type"` instead of
`"type"`: https://docs.greatexpectations.io/docs/reference/api/ExpectationSuite_class and
https://greatexpectations.io/expectations/. A validation's result has the same under `results[].expectation_config`, and
that of a checkpoint its validations' results under `run_results`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from retrue.adapters.imports.imported import Imported, Item, Left, Making, among, literal, name, never, number, parsed
from retrue.errors import TableError

Kwargs: TypeAlias = Mapping[str, Any]
Found: TypeAlias = Iterable[Item | Left]

ALL_ROWS = "it holds for a share of the rows only (mostly), and rules on values are about all of them"
ANYWAY = {
    "expect_column_to_exist": "a column that is gone is told as a change",
    "expect_table_columns_to_match_set": "added and missing columns are told as changes",
    "expect_table_columns_to_match_ordered_list": "as columns_to_match_set; their order has no meaning",
    "expect_table_column_count_to_equal": "added and missing columns are told as changes",
    "expect_table_column_count_to_be_between": "added and missing columns are told as changes",
}
"""Expectations that need no rule."""


def gx(text: str) -> Imported:
    """Read a suite.

    Raises:
        TableError: it is no JSON of a suite.
    """
    expectations = listed_in(parsed(text, "a suite"))
    found, watched = list[Item | Left](), list[Left]()
    for one in expectations:
        kind, kwargs = str(one.get("type") or one.get("expectation_type")), one.get("kwargs") or {}
        source = f"{kind}({kwargs.get('column', '')})" if isinstance(kwargs, Mapping) and kwargs.get("column") else kind
        if kind in ANYWAY:
            watched.append(Left(source, ANYWAY[kind]))
        else:
            found += of_expectation(kind, kwargs if isinstance(kwargs, Mapping) else {}, source)
    return Imported.of(found, watched)


def listed_in(said: Any) -> list[Kwargs]:
    """The expectations of a suite, or those that a validation, or a checkpoint's validations, looked at.

    Raises:
        TableError: there is no list of them.
    """
    found = said
    if isinstance(said, Mapping):
        runs = said.get("run_results")
        runs = [one for one in runs.values() if isinstance(one, Mapping)] if isinstance(runs, Mapping) else [said]
        runs = [one.get("validation_result", one) for one in runs]
        looked_at = [result for run in runs if isinstance(run, Mapping) for result in results_of(run)]
        found = said.get("expectations") or looked_at or said.get("expectations")
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        expected = '{"expectations": [...]}, or {"results": [{"expectation_config": ...}]}'
        raise TableError("it has no list of expectations", where="a suite", expected=expected)
    return found


def results_of(validation: Kwargs) -> list[Any]:
    """What a validation looked at."""
    results = validation.get("results")
    if not isinstance(results, list):
        return []
    return [one["expectation_config"] for one in results if isinstance(one, Mapping) and "expectation_config" in one]


def of_expectation(kind: str, kwargs: Kwargs, source: str) -> Found:
    """One expectation's rules."""
    make = Making(source)
    if any(isinstance(value, Mapping) and "$PARAMETER" in value for value in kwargs.values()):
        return [make.left("its values are parameters that only a run of the suite knows")]
    if kwargs.get("row_condition"):
        return [make.left("it is about rows of a condition of its own: write the condition as the rule's slice")]
    reader = READERS.get(kind)
    if reader is None:
        return [make.left(REASONS.get(kind, "Retrue has no such check"))]
    return reader(kwargs, make)


def column_of(kwargs: Kwargs) -> str:
    """The column that it is about."""
    return str(kwargs.get("column", ""))


def mostly(kwargs: Kwargs) -> float:
    """The share of the rows for which it must hold."""
    said = kwargs.get("mostly")
    return float(said) if isinstance(said, int | float) else 1.0


def not_null(kwargs: Kwargs, make: Making) -> Found:
    """At most so many nulls."""
    return [make.rule("missing", "<=", round(1 - mostly(kwargs), 12), column_of(kwargs))]


def present(kwargs: Kwargs, make: Making) -> Found:
    """A share of values that aren't null."""
    ends = [kwargs.get("max_value"), kwargs.get("min_value")]
    low, high = (round(1 - end, 12) if isinstance(end, int | float) else None for end in ends)
    strict = (kwargs.get("strict_max") is True, kwargs.get("strict_min") is True)
    return make.between("missing", low, high, column_of(kwargs), strict=strict)


def null(kwargs: Kwargs, make: Making) -> Found:
    """At least so many nulls."""
    return [make.rule("missing", ">=", mostly(kwargs), column_of(kwargs))]


def between(kwargs: Kwargs, make: Making) -> Found:
    """Every value in a range: the least and the greatest are."""
    if mostly(kwargs) < 1:
        return [make.left(ALL_ROWS)]
    ends = [
        (metric, sign, kwargs.get(f"{metric}_value"), kwargs.get(f"strict_{metric}"))
        for metric, sign in (("min", ">"), ("max", "<"))
    ]
    said = [(metric, op if strict else f"{op}=", end) for metric, op, end, strict in ends if end is not None]
    if any(not number(end) for _, _, end in said) or not said:
        return [make.left("its bounds are no numbers")]
    strict = (bool(kwargs.get("strict_min")), bool(kwargs.get("strict_max")))
    if len(said) == 2 and (why := never("value", said[0][2], said[1][2], strict)):
        return [make.left(why)]
    return [make.rule(metric, op, float(end), column_of(kwargs)) for metric, op, end in said]


def of_metric(metric: str) -> Callable[[Kwargs, Making], Found]:
    """A statistic of a column in a range."""

    def read(kwargs: Kwargs, make: Making) -> Found:
        return ranged(make, metric, kwargs, column_of(kwargs))

    return read


def ranged(make: Making, metric: str, kwargs: Kwargs, column: str | None) -> Found:
    """A metric between `min_value` and `max_value`, neither of which it may be where that is said."""
    strict = (kwargs.get("strict_min") is True, kwargs.get("strict_max") is True)
    return make.between(metric, kwargs.get("min_value"), kwargs.get("max_value"), column, strict=strict)


def in_set(kwargs: Kwargs, make: Making) -> Found:
    """Every value in a set: no rows are outside of it."""
    return listed(kwargs, make, negated=True)


def not_in_set(kwargs: Kwargs, make: Making) -> Found:
    """No value of a set: no rows have one."""
    return listed(kwargs, make, negated=False)


def listed(kwargs: Kwargs, make: Making, *, negated: bool) -> Found:
    """No row with a value of a set, or outside of it."""
    values = [one for one in kwargs.get("value_set") or [] if one is not None]
    if mostly(kwargs) < 1:
        return [make.left(ALL_ROWS)]
    if not values:
        return [make.left("its set of values is empty")]
    return [make.rule("rows", "=", 0.0, part=among(column_of(kwargs), values, negated=negated))]


def row_count(kwargs: Kwargs, make: Making) -> Found:
    """So many rows."""
    note = "rows of each window, not of a batch"
    if "value" in kwargs:
        return [Making(make.source, note).rule("rows", "=", float(kwargs["value"]))]
    return ranged(Making(make.source, note), "rows", kwargs, None)


def quantiles(kwargs: Kwargs, make: Making) -> Found:
    """Quantiles in ranges, where Retrue keeps them."""
    ranges = kwargs.get("quantile_ranges") or {}
    found = list[Item | Left]()
    for q, ends in zip(ranges.get("quantiles") or [], ranges.get("value_ranges") or [], strict=False):
        metric = QUANTILES.get(q)
        if metric is None or not isinstance(ends, list) or len(ends) != 2:
            found.append(make.left(f"quantile {q}: Retrue has those at {', '.join(map(str, QUANTILES))}"))
        else:
            found += make.between(metric, ends[0], ends[1], column_of(kwargs))
    return found or [make.left("it names no quantiles")]


def pairs(op: str) -> Callable[[Kwargs, Making], Found]:
    """One column against another in every row: no row has it the other way."""

    def read(kwargs: Kwargs, make: Making) -> Found:
        if mostly(kwargs) < 1:
            return [make.left(ALL_ROWS)]
        a, b = name(str(kwargs.get("column_A", ""))), name(str(kwargs.get("column_B", "")))
        opposite = "<>" if op == "=" else "<" if kwargs.get("or_equal") else "<="
        return [make.rule("rows", "=", 0.0, part=f"{a} {opposite} {b}")]

    return read


def lengths(kwargs: Kwargs, make: Making) -> Found:
    """Texts of some lengths: no row has another."""
    column = name(column_of(kwargs))
    low, high = (kwargs.get("value", kwargs.get(end)) for end in ("min_value", "max_value"))
    strict = (bool(kwargs.get("strict_min")), bool(kwargs.get("strict_max")))
    below, above = ("<=" if strict[0] else "<"), (">=" if strict[1] else ">")
    if mostly(kwargs) < 1:
        return [make.left(ALL_ROWS)]
    if number(low) and number(high) and (why := never("length", low, high, strict)):
        return [make.left(why)]
    wrong = [f"LENGTH({column}) {op} {literal(end)}" for op, end in ((below, low), (above, high)) if number(end)]
    return [make.rule("rows", "=", 0.0, part=" OR ".join(wrong))] if wrong else [make.left("it names no bound")]


QUANTILES = {0.05: "p05", 0.25: "p25", 0.5: "median", 0.75: "p75", 0.95: "p95"}
READERS: dict[str, Callable[[Kwargs, Making], Found]] = {
    "expect_column_values_to_not_be_null": not_null,
    "expect_column_values_to_be_null": null,
    "expect_column_proportion_of_non_null_values_to_be_between": present,
    "expect_column_values_to_be_between": between,
    "expect_column_values_to_be_in_set": in_set,
    "expect_column_distinct_values_to_be_in_set": in_set,
    "expect_column_values_to_not_be_in_set": not_in_set,
    "expect_column_value_lengths_to_be_between": lengths,
    "expect_column_value_lengths_to_equal": lengths,
    "expect_column_min_to_be_between": of_metric("min"),
    "expect_column_max_to_be_between": of_metric("max"),
    "expect_column_mean_to_be_between": of_metric("mean"),
    "expect_column_median_to_be_between": of_metric("median"),
    "expect_column_stdev_to_be_between": of_metric("std"),
    "expect_column_quantile_values_to_be_between": quantiles,
    "expect_column_pair_values_a_to_be_greater_than_b": pairs(">"),
    "expect_column_pair_values_to_be_equal": pairs("="),
    "expect_table_row_count_to_be_between": row_count,
    "expect_table_row_count_to_equal": row_count,
}
"""Expectations that are rules."""

TYPES = "values that aren't of the column's kind in the reference are counted and watched; other types have no meaning"
ORDER, SHARES = "windows have no order of rows", "profiles keep shares of values, not how many there are"
REASONS = {
    "expect_column_values_to_be_unique": "windows keep no rows; an id that comes again with other values is set aside",
    "expect_compound_columns_to_be_unique": "windows keep no rows to compare",
    "expect_column_values_to_be_of_type": TYPES,
    "expect_column_values_to_be_in_type_list": TYPES,
    "expect_column_values_to_match_regex": "slices have no regular expressions",
    "expect_column_kl_divergence_to_be_less_than": "it is against a partition of its own: say kl(column) <= ...",
    "expect_column_unique_value_count_to_be_between": SHARES,
    "expect_column_proportion_of_unique_values_to_be_between": SHARES,
    "expect_column_values_to_be_increasing": ORDER,
    "expect_column_values_to_be_decreasing": ORDER,
}
"""Why some have no counterpart."""
