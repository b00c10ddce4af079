"""Evidently: the tests of a report's JSON (`snapshot.json()`, or what `save_json` writes) as rules.

Shape: Evidently 0.7; each metric is an object with `"type": "evidently:metric_v2:MinValue"`, its parameters, and its
`tests`, `share_tests`, `mean_tests` and `std_tests`: https://docs.evidentlyai.com/docs/library/tests and
https://docs.evidentlyai.com/metrics/all_metrics.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from retrue.adapters.imports.imported import (
    Imported,
    Item,
    Left,
    Making,
    among,
    literal,
    name,
    number,
    objects,
    parsed,
    relative,
)
from retrue.errors import TableError
from retrue.judge.thresholds import Term

Metric: TypeAlias = Mapping[str, Any]
Found: TypeAlias = Iterable[Item | Left]

METRIC = "evidently:metric_v2:"
OPERATORS = {
    "LessOrEqualMetricTest": "<=",
    "LessThanMetricTest": "<",
    "GreaterOrEqualMetricTest": ">=",
    "GreaterThanMetricTest": ">",
    "EqualMetricTest": "=",
}
OF_COLUMN = {"MinValue": "min", "MaxValue": "max", "MeanValue": "mean", "StdValue": "std", "MedianValue": "median"}
OF_MODEL = {
    "RowCount": "rows", "Accuracy": "accuracy", "Precision": "precision", "Recall": "recall", "F1Score": "f1",
    "RocAuc": "roc_auc", "LogLoss": "log_loss", "MAE": "mae", "RMSE": "rmse", "MAPE": "mape", "R2Score": "r2",
    "TPR": "recall", "TNR": "specificity",
}  # fmt: skip
QUANTILES = {0.05: "p05", 0.25: "p25", 0.5: "median", 0.75: "p75", 0.95: "p95"}
DRIFT = {
    "psi": "psi",
    "jensenshannon": "js",
    "hellinger": "hellinger",
    "TVD": "tv",
    "kl_div": "kl",
    "wasserstein": "wasserstein",
}
"""Methods of drift that Retrue has, too; p-values of tests have no counterpart."""
CONDITIONS = ("tests", "share_tests", "mean_tests", "std_tests")
DRIFTS = "ValueDrift"
OWN = "their thresholds come from one reference table; retrue suggest TABLE proposes rules from its windows"
LEARNED = "drift is judged by thresholds that follow from the alarm budget; no rule is needed"


def evidently(text: str) -> Imported:
    """Read the tests of a report.

    Raises:
        TableError: it is no JSON of Evidently 0.7, or has no tests.
    """
    held = parsed(text, "a report")
    metrics = [one for one in objects(held) if str(one.get("type", "")).startswith(METRIC)]
    if not metrics:
        hint = "save it by snapshot.save_json('report.json') of Evidently 0.6 or later; older TestSuites aren't read"
        raise TableError(
            "it has no metrics of Evidently", where="a report", expected=f'"type": "{METRIC}..."', hint=hint
        )
    found, watched = list[Item | Left](), list[Left]()
    for metric in metrics:
        kind = str(metric["type"]).removeprefix(METRIC)
        if kind == "ValueDrift" and unsaid(metric):
            watched.append(Left(source_of(kind, metric), LEARNED))
        else:
            found += of_metric(kind, metric)
    found += by_default(held)
    return Imported.of(found, watched)


def unsaid(metric: Metric) -> bool:
    """Whether nobody chose how drift is told: what Evidently chose is written by its name for people, with spaces."""
    return metric.get("threshold") is None or " " in str(metric.get("method") or " ")


def by_default(held: Any) -> Iterable[Left]:
    """What is said of tests that nobody wrote a condition for: presets make one for nearly each column and figure."""
    tests = held.get("tests") if isinstance(held, Mapping) else None
    metrics = [one["metric_config"] for one in objects(tests) if isinstance(one.get("metric_config"), Mapping)]
    said = [one["params"] for one in metrics if isinstance(one.get("params"), Mapping)]
    count = sum(
        not any(one.get(key) for key in CONDITIONS) for one in said if not str(one.get("type")).endswith(DRIFTS)
    )
    if count:
        tests_ = "1 test" if count == 1 else f"{count} tests"
        yield Left(f"{tests_} with Evidently's own conditions", OWN)


def source_of(kind: str, metric: Metric) -> str:
    """What a metric is called."""
    return f"{kind}({metric['column']})" if metric.get("column") else kind


def of_metric(kind: str, metric: Metric) -> Found:
    """The rules of a metric's tests."""
    make = Making(source_of(kind, metric))
    if kind == "ValueDrift":
        yield drift(metric, make)
        return
    for test in metric.get("tests") or []:
        yield from of_test(kind, metric, test, make, share=False)
    for test in metric.get("share_tests") or []:
        yield from of_test(kind, metric, test, make, share=True)
    for test in metric.get("mean_tests") or []:  # what the metric is; `MeanStdMetric` of 0.7 has no `tests`
        yield from of_test(kind, metric, test, make, share=False)
    for _ in metric.get("std_tests") or []:
        yield Making(f"{make.source} (std)").left("the spread of errors isn't a metric of Retrue")


def drift(metric: Metric, make: Making) -> Item | Left:
    """A drift score with a threshold of its own."""
    method, threshold = str(metric["method"]), metric["threshold"]
    if method not in DRIFT or not number(threshold):
        return make.left(f"method {method!r} gives a p-value, or is none of Retrue's; {LEARNED}")
    note, bound = "on the reference's grid, so the value differs a little", float(threshold)
    if method == "jensenshannon":
        note, bound = f"{bound:g} in Evidently's base e; {note}", float(f"{bound / math.sqrt(math.log(2)):.4g}")
    if method == "kl_div":
        note = f"of the window from the reference, Evidently's is of the reference from the window; {note}"
    return Making(make.source, note).rule(DRIFT[method], "<=", bound, str(metric.get("column")))


def of_test(kind: str, metric: Metric, test: Any, make: Making, *, share: bool) -> Found:
    """One test of a metric."""
    said = str(test.get("type", "")).rpartition(":")[2] if isinstance(test, Mapping) else ""
    subject = subject_of(kind, metric, share=share)
    if isinstance(subject, str):
        return [make.left(subject)]
    measure, column, part = subject
    if said not in OPERATORS:
        return [make.left(f"{said or 'this test'} has no counterpart: a rule is a bound")]
    bound = test.get("threshold", test.get("expected"))
    note = "rows of each window" if measure == "rows" else None
    if isinstance(bound, Mapping):
        return against_reference(OPERATORS[said], bound, subject, make)
    if not number(bound):
        return [make.left("its threshold is no number")]
    return [Making(make.source, note).rule(measure, OPERATORS[said], float(bound), column, part)]


def against_reference(
    op: str, said: Mapping[str, Any], subject: tuple[str, str | None, str | None], make: Making
) -> Found:
    """A threshold by what the reference has, with Evidently's tolerance (`ApproxValue` of 0.7).

    `lte` and `gte` leave room for it, `lt` and `gt` must be beyond it, `eq` within. It is the larger of `relative`
    times the reference and `absolute`; a rule can say one of them.
    """
    measure, column, part = subject
    share, more = said.get("relative"), said.get("absolute")
    if part is not None:
        return [make.left("rows of a slice are counted by window, and the reference is of another size")]
    if share is not None and more is not None:
        return [make.left("it allows the larger of a relative and an absolute tolerance; a rule has one of them")]
    wide, far = float(share or 0.0), float(more or 0.0)
    above, below = relative(1 + wide, far), relative(1 - wide, -far)
    bounds: dict[str, list[tuple[str, Term]]] = {
        "<=": [("<=", above)],
        "<": [("<", below)],
        ">=": [(">=", below)],
        ">": [(">", above)],
        "=": [(">=", below), ("<=", above)],
    }
    note = "as long as the reference's value is above 0" if wide else None
    return [Making(make.source, note).rule(measure, sign, bound, column) for sign, bound in bounds[op]]


def subject_of(kind: str, metric: Metric, *, share: bool) -> tuple[str, str | None, str | None] | str:
    """What a rule is about: metric, column, slice; or why there is none."""
    column = str(metric.get("column"))
    if kind in OF_COLUMN:
        return OF_COLUMN[kind], column, None
    if kind in OF_MODEL:
        return OF_MODEL[kind], None, None
    if kind == "QuantileValue":
        metric_ = QUANTILES.get(float(metric.get("quantile", 0.5)))
        return (metric_, column, None) if metric_ else f"Retrue has quantiles at {', '.join(map(str, QUANTILES))}"
    if kind == "MissingValueCount" and share:
        return "missing", column, None
    part = part_of(kind, metric, name(column))
    if part is None:
        return "Retrue has no such metric"
    return "the share of a slice's rows isn't a metric; test the count instead" if share else ("rows", None, part)


def part_of(kind: str, metric: Metric, column: str) -> str | None:
    """The rows that a metric counts, as a slice."""
    if kind == "MissingValueCount":
        return f"{column} IS NULL"
    if kind in ("InRangeValueCount", "OutRangeValueCount"):
        low, high = literal(metric.get("left")), literal(metric.get("right"))
        inside = kind.startswith("In")
        return f"{column} BETWEEN {low} AND {high}" if inside else f"{column} < {low} OR {column} > {high}"
    if kind in ("InListValueCount", "OutListValueCount"):
        return among(str(metric.get("column")), metric.get("values") or [], negated=kind.startswith("Out"))
    if kind == "CategoryCount":
        values = metric.get("categories") or [metric.get("category")]
        return among(str(metric.get("column")), values)
    return None
