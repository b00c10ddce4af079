"""From a comparison to what its page shows: one entry for each finding and column, each chart once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from markupsafe import Markup

from retrue.core.column import ColumnProfile
from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.core.outcome import BinaryOutcome, MulticlassOutcome, RegressionOutcome
from retrue.judge.words import metric_name, moment, percent
from retrue.report import charts
from retrue.report.charts import Picture
from retrue.report.charts.bars import LOUD
from retrue.report.charts.display import FEW, Display, display, is_date
from retrue.report.charts.picture import short
from retrue.report.slices import QUIET, own_findings
from retrue.report.sparkline import sparkline
from retrue.report.units import in_points, is_business, is_loss, is_share
from retrue.report.words import (
    UNREADABLE,
    glyph_of,
    half_width,
    impact_text,
    out_of_true,
    precise,
    ranked_performance,
    state_of,
    subject_of,
    tone_of,
)

if TYPE_CHECKING:
    from retrue.judge.verdict import Verdict
    from retrue.metrics import Measure
    from retrue.report.comparison import ColumnReport, Comparison

ADVICE = {
    "broken": "Look at what fills this column: the data is wrong, whatever the model does with it.",
    "degraded": "Find the rows it fails on, label and collect them, and retrain.",
    "unknown": "Label some of these rows before you trust what the model says about them.",
    "silent": "Look at what sends the events: nothing, or too little, arrives.",
    "drifting": "Watch performance; where labels come late, estimate it. Retrain when it falls.",
}
"""What to do next, by kind of verdict."""


SLIGHT = 0.05
"""A smaller expected change, in points or the metric's unit, isn't drawn."""
RANKED = 12
"""The most columns whose cost is drawn."""
TELLING = (
    "missing",
    "mismatch",
    "nan",
    "infinite",
    "unseen",
    "out_of_range",
    "mean",
    "median",
    "std",
    "ks",
    "js",
    "psi",
)
"""A column's measures that are shown first, unless they are zero on both sides; the others are one click away."""
MOMENTS = frozenset({"min", "max", "mean", "median", "p05", "p25", "p75", "p95"})
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
    more_metrics: tuple[MetricRow, ...] = ()
    business: tuple[MetricRow, ...] = ()
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
    shown, told, maps = set[str](), own_findings(comparison), dict(comparison.maps)
    for i, verdict in enumerate(comparison.verdicts):
        report = comparison.columns.get(verdict.column) if verdict.column else None
        first = report is not None and verdict.column not in shown and verdict.slice is None
        if (verdict.kind == "true" and (report is None or not first)) or (
            verdict.kind not in QUIET and verdict not in told
        ):
            continue
        if report is not None and first:
            shown.add(report.name)
        made = entry(f"e{i}", verdict, report if first else None, gallery, comparison.impact_metric)
        if first and (column := str(verdict.column).rpartition(".")[0]) in maps:
            made = replace(made, pictures=(*gallery.hang([charts.embedding_map(maps.pop(column))]), *made.pictures))
        for other in (comparison.columns[name] for name in verdict.columns if first and name != verdict.column):
            drawn = gallery.hang(column_pictures(other.window, other.reference, other.name))
            made = replace(made, pictures=(*made.pictures, *drawn))
        sorted_out.get(str(verdict.kind), sorted_out["findings"]).append(made)
    return Sections(sorted_out["findings"], sorted_out["not_comparable"], sorted_out["true"])


def entry(
    key: str, verdict: Verdict, report: ColumnReport | None, gallery: Gallery, impact_metric: str | None = None
) -> Entry:
    """Write one verdict, with what is known about its column."""
    numeric = report is not None and not isinstance(report.reference.grid, CategoricalGrid)
    shown = display(report.window, report.reference) if report is not None and numeric else None
    return Entry(
        key=key,
        glyph=glyph_of(verdict),
        state=state_of(verdict),
        tone=tone_of(verdict),
        subject=subject_of(verdict),
        kind=str(report.kind) if report else ("" if verdict.column else "model"),
        reason=verdict.reason,
        figure=judged_figure(verdict),
        figure_name=metric_name(verdict.metric) if verdict.metric and judged_figure(verdict) else "",
        cost=impact_text(report.impact, impact_metric) if report and report.impact is not None else "",
        todo=ADVICE.get(str(verdict.kind), "") if verdict.alarms else "",
        spark=sparkline(report.window, report.reference, shown) if report else Markup(""),
        metrics=metric_rows(report, telling=True) if report else (),
        more_metrics=metric_rows(report, telling=False) if report else (),
        business=business_rows(report) if report else (),
        pictures=gallery.hang(column_pictures(report.window, report.reference, report.name)) if report else (),
    )


def judged_figure(verdict: Verdict) -> str:
    """Write the figure that was judged, as a percentage where it is a share of rows."""
    if verdict.value is None or verdict.metric in UNREADABLE:
        return ""
    if verdict.metric is not None and verdict.column is not None and is_share(verdict.metric):
        return percent(verdict.value)
    return precise(verdict.value, half_width(verdict.interval))


def column_pictures(window: ColumnProfile, reference: ColumnProfile, name: str) -> list[Picture | None]:
    """Draw a column: its categories, or its distribution and what stands apart from it."""
    if isinstance(reference.grid, CategoricalGrid):
        return [charts.categories(window, reference, name)]
    shown = display(window, reference)
    drawn, rest = charts.distribution(window, reference, name, shown), charts.apart(shown.apart, name)
    return [rest, drawn] if is_loud(shown) else [drawn, rest]  # what changed most comes first


def is_loud(shown: Display) -> bool:
    """Whether what stands apart from a histogram moved so much that it has to be seen."""
    return any(abs(apart.window - apart.reference) >= LOUD for apart in shown.apart)


def metric_rows(report: ColumnReport, *, telling: bool) -> tuple[MetricRow, ...]:
    """Write a column's telling measures, in the order of `TELLING`, or all the others as they come."""
    known, judged = told_metrics(report), report.verdict.metric
    known = {name: measure for name, measure in known.items() if name == judged or not is_business(name)}
    first = [name for name in dict.fromkeys([judged, *TELLING]) if name in known]
    chosen = [str(name) for name in first if name == judged or known[str(name)].value or known[str(name)].reference]
    return tuple(metric_row(n, known[n], report) for n in (chosen if telling else known) if telling or n not in chosen)


def business_rows(report: ColumnReport) -> tuple[MetricRow, ...]:
    """Write what a column's values come to, which says nothing of how they are distributed."""
    own = {name: measure for name, measure in told_metrics(report).items() if is_business(name)}
    return tuple(metric_row(name, own[name], report) for name in own if name != report.verdict.metric)


def told_metrics(report: ColumnReport) -> dict[str, Measure]:
    """A column's measures that say anything."""
    return {name: m for name, m in report.metrics.items() if m.value is not None or m.reference is not None or m.note}


def metric_row(name: str, measure: Measure, report: ColumnReport) -> MetricRow:
    """Write one measure of a column."""
    say = writer(name, report)
    reach = f"± {measure.error:.1g}" if measure.error else ""
    half = half_width(measure.interval)
    if measure.interval is not None:
        reach = f"{say(measure.interval[0], half)} to {say(measure.interval[1], half)}"
    note = measure.note or ", ".join(f"{n} {c:,.0f}" for n, c in measure.names[:3])
    error = half or (3 * measure.error if measure.error else None)
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


def performance_pictures(comparison: Comparison, gallery: Gallery) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Draw performance: the forest of differences and what moves cost, each on its own; then what the outcomes show."""
    reports = ranked_performance(comparison)
    return gallery.hang([charts.forest(reports), cost_picture(comparison)]), gallery.hang(outcome_pictures(comparison))


def cost_picture(comparison: Comparison) -> Picture | None:
    """Rank columns by how far the model's metric is expected to change because they moved; None where none matters."""
    metric = comparison.impact_metric
    scale = 100 if in_points(metric) else 1
    known = [(c.name, c.impact) for c in comparison.columns.values() if c.impact and abs(c.impact) * scale > SLIGHT]
    ranked = sorted(known, key=lambda item: -abs(item[1]))[:RANKED]
    items = [(short(name), value * scale, impact_text(value, metric)) for name, value in ranked]
    if not items:
        return None
    what = metric_name(metric) if metric else "performance"
    title = f"{items[0][0]} is expected to change {what} most, by {items[0][2]}"
    alarming = set(out_of_true(comparison))
    return charts.ranking(items, title, [short(n) for n, value in ranked if n in alarming and is_loss(value, metric)])


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
