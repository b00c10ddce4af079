"""What reports say, whatever shows it: names, figures with the digits they support, the sentence that comes first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retrue.judge.projected import failed_projections, has_failed
from retrue.judge.rules import breaks_rule
from retrue.judge.words import figure, metric_name, percent, rows
from retrue.metrics.names import estimated, is_estimated, metric_of
from retrue.report.units import in_points

if TYPE_CHECKING:
    from retrue.judge.verdict import Verdict
    from retrue.metrics import Measure
    from retrue.report.comparison import Comparison, PerformanceReport

GLYPHS = {
    "broken": "■",
    "degraded": "▲",
    "unknown": "◆",
    "silent": "○",
    "drifting": "●",
    "not_comparable": "–",
    "true": "·",
}
"""Beside each state's word, so that no state is told by colour alone."""


def state_of(verdict: Verdict) -> str:
    """Say a verdict's kind in a word or two.

    A drift that is known to cost little is a notice, and reads as one.
    """
    if verdict.kind == "drifting" and not verdict.alarms:
        return "drifting (notice)"
    return {"not_comparable": "can't tell", "true": "in true"}.get(str(verdict.kind), str(verdict.kind))


def tone_of(verdict: Verdict) -> str:
    """Say how loud a verdict is: "bad" (red), "warn" (orange), or "calm" (no colour)."""
    if not verdict.alarms:
        return "calm"
    return "bad" if verdict.kind == "broken" else "warn"


def glyph_of(verdict: Verdict) -> str:
    """Give the sign that stands beside the word; a notice has a hollow one."""
    return "◌" if verdict.kind == "drifting" and not verdict.alarms else GLYPHS[str(verdict.kind)]


def short_count(count: int) -> str:
    """Say a count in at most five characters.

    >>> [short_count(n) for n in (0, 921, 9999, 12_440, 68_211, 1_849_000, 23_000_000)]
    ['0', '921', '9,999', '12.4k', '68.2k', '1.85M', '23M']
    """
    if count < 10_000:
        return f"{count:,}"
    scale, unit = (1e3, "k") if count < 999_500 else (1e6, "M") if count < 999.5e6 else (1e9, "G")
    text = f"{count / scale:.3g}"
    return text + unit


def half_width(interval: tuple[float, float] | None) -> float | None:
    """Give half the width of an interval, None where there is none or it is a point."""
    return (interval[1] - interval[0]) / 2 or None if interval else None


def precise(value: float, error: float | None = None) -> str:
    """Say a number with the digits that its interval's half-width supports, with a real minus.

    One digit less would round away up to half of the interval; one more would be noise, and so would a fifth one.

    >>> precise(0.70841, 0.011), precise(0.70841, 0.04), precise(0.70841, 1e-9), precise(-12.0)
    ('0.708', '0.71', '0.7084', '−12')
    """
    if error:
        return figure(value, max(error / 3, abs(value) * 5e-4))
    text = figure(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def valued(measure: Measure) -> str:
    """Say a value with the digits its interval supports; a dash where there is none."""
    return "–" if measure.value is None else precise(measure.value, half_width(measure.interval))


def spanned(interval: tuple[float, float] | None) -> str:
    """Say an interval with the digits that it supports itself; nothing where there is none.

    >>> spanned((0.7562, 0.7718)), spanned(None)
    ('0.756 to 0.772', '')
    """
    if interval is None:
        return ""
    error = half_width(interval)
    return f"{precise(interval[0], error)} to {precise(interval[1], error)}"


def signed(value: float, error: float | None = None) -> str:
    """Say a difference with its sign, a real minus included.

    >>> signed(-0.0631, 0.008), signed(0.2), signed(0.0)
    ('−0.063', '+0.2', '0')
    """
    text = precise(abs(value), error)
    if not text.strip("0.,"):
        return "0"
    return ("−" if value < 0 else "+") + text


def difference(report: PerformanceReport) -> str:
    """Say how far a metric is from the reference, in points where it lies between 0 and 1."""
    if report.difference is None:
        return "–"
    scale = 100 if report.points else 1
    error = half_width(report.interval)
    said = signed(report.difference * scale, error * scale if error else None)
    return said + (" points" if report.points else f" {report.unit}" if report.unit not in ("", "value") else "")


def performance_note(report: PerformanceReport) -> str:
    """Say what is to be known about a metric: the window's note, or the reference's where the window has none."""
    if report.window.note:
        return report.window.note
    return f"the reference: {report.reference.note}" if report.reference.note else ""


def performance_clause(report: PerformanceReport, *, worse: bool = False) -> str:
    """Say one metric: value, interval, and how far from the reference, which a verdict may say is `worse` than noise.

    Such as "ROC AUC 0.64 (0.63 to 0.65), 8.1 points below the reference".
    """
    said = f"{metric_name(report.metric)} {valued(report.window)}"
    if report.window.interval is not None:
        said += f" ({spanned(report.window.interval)})"
    if report.difference is None:
        return said
    if report.change == "same" and not worse:
        return said + ", within noise of the reference"
    side = "below" if report.difference < 0 else "above"
    return f"{said}, {difference(report).lstrip('−+')} {side} the reference"


def impact_text(value: float, metric: str | None) -> str:
    """Write an expected change, in points where the metric lies between 0 and 1."""
    return signed(value * 100, 0.3) + " points" if in_points(metric) else signed(value)


UNREADABLE = ("constant", "mmd")
"""Metrics whose figure says nothing beside the reason: it is always 1, or a dependence that has no unit."""

PREFERRED = (
    "roc_auc", "roc_auc_macro", "accuracy", "mae", "median_absolute_error", "ndcg", "value_per_event", "f1",
    "f1_macro", "rmse", "average_precision", "log_loss", "precision", "recall", "brier", "ece", "mape", "r2",
    "hit_rate", "mrr", "map",
)  # fmt: skip
"""The usual metrics, the most telling first: what the first sentence tells where no verdict names one."""


def headline_metric(comparison: Comparison) -> PerformanceReport | None:
    """Choose the performance that the first sentence tells: a degraded one, else the most usual one with a value."""
    return next((report for report in ranked_performance(comparison) if report.window.value is not None), None)


def ranked_performance(comparison: Comparison) -> list[PerformanceReport]:
    """Order the metrics for reading: degraded ones, those that were judged, then as `ranked` does."""
    known = comparison.performance
    about = [v for v in comparison.verdicts if v.column is None and v.slice is None and v.metric in known]
    worst = [str(verdict.metric) for verdict in about if verdict.kind == "degraded"]
    judged = {verdict.metric for verdict in about}
    return ranked(known, [*worst, *(name for name in PREFERRED if name in judged)])


def ranked(known: Mapping[str, PerformanceReport], first: Sequence[str] = ()) -> list[PerformanceReport]:
    """Order metrics for reading: some first, the usual ones, those with a better direction, the others."""
    directed = [name for name, report in known.items() if report.better is not None]
    names = [*first, *(name for name in PREFERRED if name in known), *directed, *known]
    return [known[name] for name in dict.fromkeys(names)]


def out_of_true(comparison: Comparison) -> list[str]:
    """List the columns with an alarm, worst first."""
    loud = [verdict for verdict in comparison.alarms if not verdict.of_model]
    return list(dict.fromkeys(name for verdict in loud for name in verdict.columns or [str(verdict.column)]))


def headline(comparison: Comparison) -> str:
    """Say in one sentence what changed and how bad it is, and in another one which projections failed."""
    failed = failed_projections(comparison.verdicts)
    said = found_sentence(comparison)
    return f"{said} {upper_first(failed)}." if failed else said


def found_sentence(comparison: Comparison) -> str:
    """Say in one sentence what changed and how bad it is."""
    told = headline_metric(comparison)
    model = performance_clause(told) if told else estimated_clause(comparison)
    subject = columns_clause(comparison)
    loud = [v for v in comparison.alarms if v.of_model]
    failed = next((v for v in loud if breaks_rule(v)), None)
    if failed is not None:  # what a user wrote comes first
        model, loud = placed_reason(failed), [failed]
    if loud and not out_of_true(comparison):
        of = told.metric if told else metric_of(loud[0].metric or "")
        whole = loud[0].slice is None and loud[0].metric in (of, estimated(of))
        first = model if model and (whole or failed) else placed_reason(loud[0])
        return f"{upper_first(loud_word(loud[0]))}: {first}. {upper_first(subject)}."
    return upper_first("; ".join(part for part in (subject, model) if part)) + "."


def estimated_clause(comparison: Comparison) -> str:
    """Say the metric whose estimate is worst, where one is so much worse that it alarms; "" where none is."""
    worse = [v.metric for v in comparison.alarms if v.metric is not None and v.slice is None and is_estimated(v.metric)]
    known = [name for metric in worse if (name := metric_of(metric)) in comparison.estimated]
    return f"estimated {performance_clause(comparison.estimated[known[0]], worse=True)}" if known else ""


def placed_reason(verdict: Verdict) -> str:
    """A verdict's reason, after the slice that it is about."""
    return verdict.reason if verdict.slice is None else f"where {verdict.slice}, {verdict.reason}"


def subject_of(verdict: Verdict) -> str:
    """Say what a verdict is about: its column and how many others, the metric, or all rows; and where.

    >>> from retrue.judge.verdict import Verdict, VerdictKind
    >>> subject_of(Verdict(VerdictKind.BROKEN, "missing", column="temp", columns=("temp", "wind")))
    'temp and 1 more'
    """
    whole = "all rows" if verdict.slice else "the whole table"
    about = verdict.column or (metric_name(verdict.metric) if verdict.metric else whole)
    more = f" and {len(verdict.columns) - 1} more" if verdict.column in verdict.columns[:1] else ""
    return f"{about}{more} where {verdict.slice}" if verdict.slice else about + more


def loud_word(verdict: Verdict) -> str:
    """Introduce a verdict that is about no column."""
    return {
        "degraded": "the model is degraded",
        "broken": "the data is broken",
        "silent": "no data",
        "unknown": "the model sees what it was never evaluated on",
    }.get(str(verdict.kind), state_of(verdict))


def columns_clause(comparison: Comparison) -> str:
    """Say how many columns of the table are out of true, or that all is calm; projections of one column are one."""
    out = {source_of(comparison, name) for name in out_of_true(comparison)}
    kinds: dict[str, set[str]] = {}
    for report in comparison.columns.values():
        kinds.setdefault(report.source or report.name, set()).add(str(report.verdict.kind))
    total = len(kinds.keys() | out)
    drifting = sum("drifting" in found for found in kinds.values())
    untold = sum(found == {"not_comparable"} for found in kinds.values())
    if total == 0:
        return "there is no column to compare"
    if out:
        some = "the one column" if total == 1 else f"{len(out)} of {total:,} columns"
        return f"{some} {'is' if len(out) == 1 else 'are'} out of true"
    if untold == total:
        first = comparison.columns[next(iter(comparison.columns))].verdict
        return "nothing can be told" if has_failed(first) else f"too few rows to tell: {first.reason}"
    if drifting and total == 1:
        return "the one column drifts (no alarm)"
    if drifting:
        few = "1 drifts" if drifting == 1 else f"{drifting} drift"
        return f"none of {plural(total, 'column')} is out of true, {few} (no alarm)"
    if untold:
        told = total - untold
        return f"{plural(told, 'column')} {'is' if told == 1 else 'are'} in true, {untold} can't be told"
    return {1: "the one column is in true", 2: "both columns are in true"}.get(
        total, f"all {total:,} columns are in true"
    )


def source_of(comparison: Comparison, name: str) -> str:
    """The column of the table that a profiled column comes from."""
    report = comparison.columns.get(name)
    return name if report is None else report.source or name


def compared(comparison: Comparison) -> str:
    """Say what was compared, and how much of it is labelled."""
    labels = labelled(comparison)
    window, reference = sizes(comparison)
    said = f"{comparison.window_name} ({window}{', ' + labels if labels else ''})"
    return f"{said} against {comparison.reference_name} ({reference})"


def sizes(comparison: Comparison) -> tuple[str, str]:
    """Say how many rows window and reference have, and what they are worth where they are weighted."""
    window = sized(comparison.window_rows, comparison.window_effective)
    return window, sized(comparison.reference_rows, comparison.reference_effective)


def sized(count: int, effective: float | None) -> str:
    """Say a number of rows, and what they are worth.

    >>> sized(5000, None), sized(5000, 312.4)
    ('5,000 rows', '5,000 rows, weighted, worth 312')
    """
    return rows(count) + ("" if effective is None else f", weighted, worth {effective:,.0f}")


def labelled(comparison: Comparison) -> str:
    """Say how much of the window is labelled; nothing where neither table has labels."""
    window, reference = comparison.window_outcome, comparison.reference_outcome
    if window is None or (window.labelled == 0 and (reference is None or reference.labelled == 0)):
        return ""
    if window.labelled == 0:
        return (
            "no labels: performance is estimated"
            if comparison.estimated
            else "no labels: performance can't be measured"
        )
    return "all labelled" if not window.unlabelled else f"{percent(window.coverage or 0.0)} labelled"


def plural(count: int, noun: str) -> str:
    """Say a count of something.

    >>> plural(1, "column"), plural(26, "column")
    ('1 column', '26 columns')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def upper_first(text: str) -> str:
    """Begin a sentence.

    >>> upper_first("all is calm")
    'All is calm'
    """
    return text[:1].upper() + text[1:]


def finite(value: float | None) -> bool:
    """Tell whether a number is there and finite."""
    return value is not None and math.isfinite(value)
