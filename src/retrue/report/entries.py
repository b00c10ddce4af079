"""From a comparison to what its page shows: one entry for each finding and column, each chart once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from markupsafe import Markup

from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.outcome import BinaryOutcome, MulticlassOutcome, RegressionOutcome
from retrue.errors import MetricError
from retrue.judge.words import moment, percent
from retrue.report import charts
from retrue.report.charts import Picture
from retrue.report.charts.bars import LOUD
from retrue.report.charts.display import FEW, display, is_date
from retrue.report.sparkline import sparkline
from retrue.report.words import glyph_of, half_width, metric_name, precise, signed, state_of, tone_of

if TYPE_CHECKING:
    from retrue.judge.verdict import Verdict
    from retrue.metrics import Measure
    from retrue.report.comparison import ColumnReport, Comparison, PerformanceReport

TODO = {
    "broken": "Look at what fills this column: the data is wrong, whatever the model does with it.",
    "degraded": "Find the rows it fails on, label and collect them, and retrain.",
    "unknown": "Label some of these rows before you trust what the model says about them.",
    "silent": "Look at what sends the events: nothing, or too little, arrives.",
    "drifting": "Watch performance; where labels come late, estimate it. Retrain when it falls.",
}
"""What to do next, by kind of verdict."""


MOMENTS = frozenset({"min", "max", "mean", "median", "quantile"})
"""Metrics of a column of dates that are dates themselves."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One measure, written: its name, value, interval or error, the reference's value, a note."""

    name: str
    value: str
    reach: str
    reference: str
    note: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the page: a finding about a column, about the model, or a column that is in true."""

    key: str
    glyph: str
    state: str
    tone: str
    subject: str
    kind: str
    reason: str
    figure: str
    figure_name: str
    cost: str
    todo: str
    spark: Markup
    metrics: tuple[MetricRow, ...] = ()
    pictures: tuple[str, ...] = ()


@dataclass(slots=True)
class Gallery:
    """The pictures of a page by key, in order."""

    pictures: dict[str, Picture] = field(default_factory=dict)

    def hang(self, found: Iterable[Picture | None]) -> tuple[str, ...]:
        """Keep the pictures that there are, and give their keys."""
        keys = []
        for picture in found:
            if picture is not None:
                key = f"p{len(self.pictures)}"
                self.pictures[key] = picture
                keys.append(key)
        return tuple(keys)


@dataclass(frozen=True, slots=True)
class Sections:
    """All rows of a page: findings worst first, what can't be told, what is in true."""

    findings: list[Entry]
    untold: list[Entry]
    calm: list[Entry]


def sections(comparison: Comparison, gallery: Gallery) -> Sections:
    """Make an entry for each verdict, with its column's charts where it is the first about that column."""
    sorted_out: dict[str, list[Entry]] = {"findings": [], "not_comparable": [], "true": []}
    shown: set[str] = set()
    for i, verdict in enumerate(comparison.verdicts):
        report = comparison.columns.get(verdict.column) if verdict.column else None
        first = report is not None and verdict.column not in shown and verdict.slice is None
        if verdict.kind == "true" and (report is None or not first):
            continue
        if report is not None and first:
            shown.add(report.name)
        made = entry(f"e{i}", verdict, report if first else None, gallery)
        sorted_out.get(str(verdict.kind), sorted_out["findings"]).append(made)
    return Sections(sorted_out["findings"], sorted_out["not_comparable"], sorted_out["true"])


def entry(key: str, verdict: Verdict, report: ColumnReport | None, gallery: Gallery) -> Entry:
    """Write one verdict, with what is known about its column."""
    about = verdict.column or (metric_name(verdict.metric) if verdict.metric else "the whole table")
    numeric = report is not None and not isinstance(report.reference.grid, CategoricalGrid)
    shown = display(report.window, report.reference) if report is not None and numeric else None
    return Entry(
        key=key,
        glyph=glyph_of(verdict),
        state=state_of(verdict),
        tone=tone_of(verdict),
        subject=f"{about} where {verdict.slice}" if verdict.slice else about,
        kind=str(report.kind) if report else ("" if verdict.column else "model"),
        reason=verdict.reason,
        figure=judged_figure(verdict),
        figure_name=metric_name(verdict.metric) if verdict.metric and verdict.value is not None else "",
        cost=signed(report.impact * 100) + " points" if report and report.impact is not None else "",
        todo=TODO.get(str(verdict.kind), "") if verdict.alarms else "",
        spark=sparkline(report.window, report.reference, shown) if report else Markup(""),
        metrics=tuple(metric_row(n, m, report) for n, m in report.metrics.items()) if report else (),
        pictures=gallery.hang(column_pictures(report)) if report else (),
    )


def judged_figure(verdict: Verdict) -> str:
    """Write the figure that was judged, as a percentage where it is a share of rows."""
    if verdict.value is None:
        return ""
    if verdict.metric is not None and is_share(verdict.metric):
        return percent(verdict.value)
    return precise(verdict.value, half_width(verdict.interval))


def column_pictures(report: ColumnReport) -> list[Picture | None]:
    """Draw a column: its categories, or its distribution and what stands apart from it."""
    if isinstance(report.reference.grid, CategoricalGrid):
        return [charts.categories(report.window, report.reference, report.name)]
    shown = display(report.window, report.reference)
    drawn = charts.distribution(report.window, report.reference, report.name, shown)
    rest = charts.apart(shown.apart, report.name)
    # What changed most comes first.
    return [rest, drawn] if any(abs(a.window - a.reference) >= LOUD for a in shown.apart) else [drawn, rest]


def metric_row(name: str, measure: Measure, report: ColumnReport) -> MetricRow:
    """Write one measure of a column."""
    say = writer(name, report)
    reach = f"± {measure.error:.1g}" if measure.error else ""
    if measure.interval is not None:
        reach = f"{say(measure.interval[0], None)} to {say(measure.interval[1], None)}"
    note = measure.note or ", ".join(f"{n} {c:,}" for n, c in measure.names[:3])
    error = half_width(measure.interval) or (3 * measure.error if measure.error else None)
    return MetricRow(metric_name(name), say(measure.value, error), reach, say(measure.reference, None), note)


def writer(name: str, report: ColumnReport) -> Callable[[float | None, float | None], str]:
    """Choose how a metric's values are written: as percentages, as moments of a column of dates, or as numbers."""

    def say(value: float | None, error: float | None) -> str:
        if value is None:
            return "–"
        if is_share(name):
            return percent(value)
        grid = report.reference.grid
        dated = isinstance(grid, NumericGrid) and is_date(grid) and name.partition("@")[0] in MOMENTS
        return moment(value) if dated else precise(value, error)

    return say


@cache
def is_share(name: str) -> bool:
    """Tell whether a metric is a share of rows, which reads as a percentage.

    Distances are shares too, but read as numbers. So does a metric that isn't registered in this process.
    """
    from retrue.metrics import get

    try:
        found = get(name)
    except MetricError:
        return False
    return found.unit == "share" and found.family != "drift"


def performance_pictures(comparison: Comparison, gallery: Gallery) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Draw performance: the forest of differences, and what the outcomes show."""
    reports: Sequence[PerformanceReport] = list(comparison.performance.values())
    return gallery.hang([charts.forest(reports)]), gallery.hang(outcome_pictures(comparison))


def outcome_pictures(comparison: Comparison) -> list[Picture | None]:
    """Draw the outcomes by task; nothing where too few of the window's rows are labelled to see anything."""
    window, reference = comparison.window_outcome, comparison.reference_outcome
    if window is None or window.labelled < FEW:
        return []
    if isinstance(window, BinaryOutcome) and isinstance(reference, BinaryOutcome):
        by_label = [charts.scores(window, reference, label) for label in (1, 0)]
        return [charts.calibration(window, reference), charts.roc(window, reference), *by_label]
    if isinstance(window, MulticlassOutcome) and isinstance(reference, MulticlassOutcome):
        return [charts.confusion(window, reference)]
    if isinstance(window, RegressionOutcome) and isinstance(reference, RegressionOutcome):
        return [charts.errors(window, reference)]
    return []
