"""What comparing two tables found: the answer in data, that every view shows and `to_dict` hands on."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retrue.report.saving import save_report

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from retrue.core.column import ColumnProfile
    from retrue.core.outcome import Outcome
    from retrue.explain.embedding_map import EmbeddingMap
    from retrue.explain.joint import JointChange
    from retrue.judge.verdict import Verdict
    from retrue.metrics import Measure
    from retrue.metrics.registry import Metric

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """What was found about one column.

    Attributes:
        name: the column.
        kind: its kind, such as "numeric".
        metrics: what was measured, by metric, in the order to show.
        verdict: the judgement of the column.
        window: its profile in the window.
        reference: its profile in the reference, on the same grid.
        impact: how far the model's metric is expected to change because this column moved; None where that isn't known.
        impact_interval: its 95 % interval.
        source: the column of the table that it is a projection of; None where it is that column itself.
    """

    name: str
    kind: str
    metrics: Mapping[str, Measure]
    verdict: Verdict
    window: ColumnProfile
    reference: ColumnProfile
    impact: float | None = None
    impact_interval: tuple[float, float] | None = None
    source: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give `{"kind", "metrics": {name: {"value", "reference", "error", "interval"}}, "verdict"}`."""
        metrics = {name: measure.to_dict() for name, measure in self.metrics.items()}
        return {"kind": str(self.kind), "metrics": metrics, "verdict": self.verdict.to_dict()}


@dataclass(frozen=True, slots=True)
class PerformanceReport:
    """One performance metric on both sides.

    Attributes:
        metric: its name, such as "roc_auc".
        window: measured on the window's labelled rows.
        reference: measured on the reference's.
        difference: window - reference, None where either is unknown.
        interval: 95 % interval of the difference, None where either side has none.
        better: the direction that is better for the model, None where neither is.
        points: whether the metric is a share or lies between 0 and 1, so that differences read as points (hundredths).
        unit: the metric's unit, "" for a pure number.
    """

    metric: str
    window: Measure
    reference: Measure
    difference: float | None = None
    interval: tuple[float, float] | None = None
    better: Better | None = None
    points: bool = False
    unit: str = ""

    @classmethod
    def of(cls, metric: Metric, window: Measure, reference: Measure) -> PerformanceReport:
        """Compare a registered metric's two sides as independent samples."""
        known = window.value is not None and reference.value is not None
        return cls(
            metric.name,
            window,
            reference,
            (window.value or 0.0) - (reference.value or 0.0) if known else None,
            difference_interval(window, reference) if known else None,
            metric.better,
            metric.range == (0, 1) or metric.unit == "share",
            metric.unit,
        )

    @property
    def change(self) -> Literal["worse", "better", "same", "unknown"]:
        """Whether the interval of the difference leaves out zero, and on which side: "same" is within noise."""
        if self.difference is None or self.interval is None or self.better is None:
            return "unknown"
        if self.interval[0] <= 0 <= self.interval[1]:
            return "same"
        return "better" if (self.difference > 0) == (self.better == "higher") else "worse"

    def to_dict(self) -> dict[str, Any]:
        """Give `{"window", "reference", "interval", "error"}`; interval and error are those of the window's value."""
        measured = self.window.to_dict()
        return {
            "window": measured["value"],
            "reference": self.reference.value,
            "interval": measured["interval"],
            "error": measured["error"],
        }


def difference_interval(window: Measure, reference: Measure) -> tuple[float, float] | None:
    """Give the 95 % interval of window - reference from the two intervals; None where one has none.

    The method of variance estimates recovery (Zou and Donner 2008, "Construction of confidence limits about effect
    measures", equation 8): it keeps the asymmetry of the two intervals.
    """
    if window.value is None or reference.value is None or window.interval is None or reference.interval is None:
        return None
    difference = window.value - reference.value
    down = math.hypot(window.value - window.interval[0], reference.interval[1] - reference.value)
    up = math.hypot(window.interval[1] - window.value, reference.value - reference.interval[0])
    return difference - down, difference + up


def sized(rows: int, effective: float | None) -> dict[str, float]:
    """Give `{"rows"}`, and `"effective_rows"` where rows are weighted."""
    return {"rows": rows} if effective is None else {"rows": rows, "effective_rows": effective}


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """What `rt.compare` found. Print it, show it in a notebook, `save` it, or take `to_dict()`.

    Attributes:
        version: of Retrue.
        reference_rows, window_rows: how many rows each table has.
        reference_name, window_name: what the tables are called, such as a file's name.
        columns: what was found about each column, by name, in the table's order.
        performance: each performance metric, by name, the most telling first; empty without labels.
        verdicts: every verdict, worst first; those of columns are among them.
        window_outcome, reference_outcome: labels, predictions and scores together, for the charts.
        impact_metric: the metric that the columns' impacts are about.
        slices: the slices that were judged by themselves, by their SQL.
        positive: what counts as positive, such as "late = 1"; None where the model isn't binary.
        window_effective, reference_effective: the effective n of the rows; None where they aren't weighted.
        estimated: what labels would say of each metric, where the window has none yet and the reference has.
        estimate_notes: how that was estimated and how far to believe it, or why it can't be.
        maps: of each column of vectors, texts or images, where its rows lie; empty for a stored reference.
        joint: what columns do together that they didn't do before, where that was asked for.
        slice_sizes: how many rows of the window each slice has, by its SQL.
        impact_asked: whether somebody chose that metric; `to_dict` then has the impacts.
    """

    version: str
    reference_rows: int
    window_rows: int
    reference_name: str
    window_name: str
    columns: Mapping[str, ColumnReport]
    performance: Mapping[str, PerformanceReport] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    window_outcome: Outcome | None = None
    reference_outcome: Outcome | None = None
    impact_metric: str | None = None
    slices: tuple[str, ...] = ()
    positive: str | None = None
    window_effective: float | None = None
    reference_effective: float | None = None
    estimated: Mapping[str, PerformanceReport] = field(default_factory=dict)
    estimate_notes: tuple[str, ...] = ()
    maps: Mapping[str, EmbeddingMap] = field(default_factory=dict)
    joint: JointChange | None = None
    slice_sizes: Mapping[str, int] = field(default_factory=dict)
    impact_asked: bool = False

    @property
    def alarms(self) -> tuple[Verdict, ...]:
        """The verdicts that ask for a person, worst first."""
        return tuple(verdict for verdict in self.verdicts if verdict.alarms)

    @property
    def exit_status(self) -> int:
        """What `retrue compare` exits with: 0 in true (notices included), 1 out of true."""
        return 1 if self.alarms else 0

    def to_dict(self) -> dict[str, Any]:
        """Give the answer as plain values, ready for JSON: floats or None, never NaN."""
        estimated = {name: report.to_dict() for name, report in self.estimated.items()}
        impacts = {
            name: {"value": column.impact, "interval": list(column.impact_interval or ()) or None}
            for name, column in self.columns.items()
            if column.impact is not None and self.impact_asked
        }
        return {
            "retrue": self.version,
            "reference": sized(self.reference_rows, self.reference_effective),
            "window": sized(self.window_rows, self.window_effective),
            "columns": {name: column.to_dict() for name, column in self.columns.items()},
            "performance": {name: report.to_dict() for name, report in self.performance.items()},
            **({"estimated": estimated} if estimated else {}),
            **({} if self.joint is None else {"joint": self.joint.to_dict()}),
            **({"impacts": {"metric": self.impact_metric, "columns": impacts}} if impacts else {}),
            **({"maps": {name: one.to_dict() for name, one in self.maps.items()}} if self.maps else {}),
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
        }

    def to_json(self) -> str:
        """Give `to_dict()` as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def to_html(self) -> str:
        """Give the report as one self-contained page that opens offline."""
        from retrue.report.html import page

        return page(self)

    def save(self, path: str | Path) -> Path:
        """Write the report as `.html` (one self-contained page) or `.json` (`to_dict()`), and give the path.

        Raises:
            RetrueError: another suffix, or a file that can't be written.
        """
        return save_report(path, html=self.to_html, json=self.to_json)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from retrue.report.text import view

        yield from view(self, options.max_width)

    def __repr__(self) -> str:
        from retrue.report.words import headline

        return f"<Comparison: {headline(self)}>"

    def __str__(self) -> str:
        from retrue.report.text import plain

        return plain(self)

    def _repr_html_(self) -> str:
        from retrue.report.html import page
        from retrue.report.notebook import frame

        return frame("Retrue comparison", page(self, compact=True))
