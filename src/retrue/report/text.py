"""The terminal view: the sentence, what is out of true (worst first), performance, what to type next.

From 110 columns on it is a table; narrower, each finding is a heading and its reason. Reasons wrap, nothing is cut.
Colour only repeats what a word and a glyph say already, so `NO_COLOR` loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from retrue.judge.words import metric_name, percent
from retrue.report.slices import SliceRow, heads, own_findings, slice_rows
from retrue.report.units import is_share
from retrue.report.words import (
    UNREADABLE,
    compared,
    difference,
    glyph_of,
    half_width,
    headline,
    impact_text,
    performance_note,
    plural,
    precise,
    ranked,
    ranked_performance,
    spanned,
    state_of,
    subject_of,
    tone_of,
    valued,
)

if TYPE_CHECKING:
    from retrue.judge.verdict import Verdict
    from retrue.report.comparison import Comparison, PerformanceReport

WIDE = 110
"""Narrower than this, findings are lines rather than a table."""
NARROW = 72
"""Narrower than this, performance does without its interval."""
METRICS = 8
"""How many performance metrics a terminal shows."""
NAMED = 12
"""How many columns in true are named."""
EXPECTED = "expected to change"
"""How a reason says what a move costs."""
STYLES = {"bad": "bold red", "warn": "yellow", "calm": "dim"}


def view(comparison: Comparison, width: int) -> Iterator[RenderableType]:
    """Yield what to print, for a terminal of that width."""
    loud = bool(comparison.alarms)
    yield Text(headline(comparison), style="bold" if loud else "")
    yield Text(compared(comparison), style="dim")
    findings = own_findings(comparison)
    if findings:
        yield Text("")
        yield findings_table(comparison, findings) if width >= WIDE else findings_lines(comparison, findings)
    if comparison.performance:
        yield Text("")
        yield performance_table(worth_a_line(comparison), width)
        left = len(comparison.performance) - len(worth_a_line(comparison))
        if left:
            yield Text(f"and {plural(left, 'more metric')} in the report", style="dim")
        if comparison.positive is not None:
            yield Text(f"positive: {comparison.positive}", style="dim")
        yield from (Text(line, style="dim") for line in note_lines(worth_a_line(comparison)))
    if comparison.estimated or comparison.estimate_notes:
        yield Text("")
        if comparison.estimated:
            yield performance_table(told_first(ranked(comparison.estimated)), width, "Estimated, without labels")
        yield from (Text(line, style="dim") for line in comparison.estimate_notes)
    if comparison.joint is not None:
        yield Text("")
        yield Text(comparison.joint.sentence)
    if comparison.slices:
        yield Text("")
        yield slices_table(slice_rows(comparison), width)
    quiet = [*untold_lines(comparison), *calm_lines(comparison)]
    if quiet:
        yield Text("")
        yield Text("\n".join(quiet), style="dim")
    yield Text("")
    yield next_step(comparison)


def state_text(verdict: Verdict) -> Text:
    """Write a verdict's glyph and word."""
    return Text(f"{glyph_of(verdict)} {state_of(verdict)}", style=STYLES[tone_of(verdict)])


def kind_of(comparison: Comparison, verdict: Verdict) -> str:
    """Say the kind of the verdict's column; "model" where it is about none."""
    report = comparison.columns.get(verdict.column) if verdict.column else None
    return report.kind if report else ("" if verdict.column else "model")


def findings_table(comparison: Comparison, findings: Sequence[Verdict]) -> Table:
    """Rank the findings in a table, key figures right-aligned."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, expand=True, header_style="dim")
    table.add_column("State", no_wrap=True)
    table.add_column("Column", overflow="fold", max_width=28)
    table.add_column("Kind", no_wrap=True, style="dim")
    table.add_column("What happened", ratio=1, overflow="fold")
    table.add_column("Figure", justify="right", no_wrap=True)
    for verdict in findings:
        kind = Text(kind_of(comparison, verdict))
        table.add_row(
            state_text(verdict),
            Text(subject_of(verdict)),
            kind,
            Text(told(comparison, verdict)),
            Text(figure_of(verdict)),
        )
    return table


def told(comparison: Comparison, verdict: Verdict) -> str:
    """A verdict's reason, with what the column's move is expected to cost where that isn't in it."""
    report = comparison.columns.get(verdict.column) if verdict.column and verdict.slice is None else None
    if report is None or report.impact is None or comparison.impact_metric is None or EXPECTED in verdict.reason:
        return verdict.reason
    low, high = report.impact_interval or (report.impact, report.impact)
    if low <= 0 <= high:
        return verdict.reason
    effect = impact_text(report.impact, comparison.impact_metric)
    return f"{verdict.reason}; {EXPECTED} {metric_name(comparison.impact_metric)} by {effect}"


def figure_of(verdict: Verdict) -> str:
    """Say the figure that was judged, with the metric's name; nothing where there is none."""
    if verdict.value is None or verdict.metric is None or verdict.metric in UNREADABLE:
        return ""
    written = percent(verdict.value) if is_share(verdict.metric) and verdict.column else precise_value(verdict)
    return f"{metric_name(verdict.metric)} {written}"


def precise_value(verdict: Verdict) -> str:
    """Write a verdict's value with the digits that its interval supports."""
    return precise(verdict.value or 0.0, half_width(verdict.interval))


def findings_lines(comparison: Comparison, findings: Sequence[Verdict]) -> Group:
    """Write each finding as a heading and its reason, for narrow terminals."""
    parts: list[RenderableType] = []
    for verdict in findings:
        kind = kind_of(comparison, verdict)
        said = Text.assemble(state_text(verdict), "  ", (subject_of(verdict), "bold"), (f"  {kind}", "dim"))
        head = Table.grid(expand=True, padding=(0, 2, 0, 0))
        head.add_column(ratio=1, overflow="fold")
        head.add_column(justify="right", no_wrap=True)
        head.add_row(said, Text(figure_of(verdict)))
        parts += [head, Padding(Text(told(comparison, verdict)), (0, 0, 0, 2))]
    return Group(*parts)


def worth_a_line(comparison: Comparison) -> list[PerformanceReport]:
    """Choose the metrics for a terminal: the first few that have a better direction, and those of users."""
    return told_first(ranked_performance(comparison))


def told_first(reports: list[PerformanceReport]) -> list[PerformanceReport]:
    """Of ranked metrics, those for a terminal."""
    directed = [report for report in reports if report.better is not None][:METRICS]
    own = [report for report in reports if report.reference.value is None and report.better is None]
    return [*directed, *own] or reports[:METRICS]


def performance_table(reports: Sequence[PerformanceReport], width: int, title: str = "Performance") -> Table:
    """Show each metric on both sides; narrow terminals do without the interval of the window's value."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    table.add_column(title, overflow="fold")
    table.add_column("Window", justify="right", no_wrap=True)
    if width >= NARROW:
        table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("Reference", justify="right", no_wrap=True)
    table.add_column("Difference", justify="right", no_wrap=True)
    for report in reports:
        style = STYLES["warn"] if report.change == "worse" else ""
        gap = "within noise" if report.change == "same" else difference(report)
        cells = [metric_name(report.metric), valued(report.window), valued(report.reference), gap]
        if width >= NARROW:
            cells.insert(2, spanned(report.window.interval))
        table.add_row(*(Text(cell, style=style if i == len(cells) - 1 else "") for i, cell in enumerate(cells)))
    return table


def slices_table(rows: Sequence[SliceRow], width: int) -> Table:
    """Show each slice: its state, its rows, the model's performance in it, and which columns moved."""
    table, metrics = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim"), heads(rows)
    table.add_column("Slice", overflow="fold")
    table.add_column("State", no_wrap=True)
    for name in ("Rows", *metrics):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Columns that moved", overflow="fold")
    for one in rows:
        figures = [f"{one.rows:,}", *(measured(one, name, width) for name in metrics)]
        table.add_row(Text(one.slice), state_text(one.worst), *map(Text, figures), Text(one.moved or "–"))
    return table


def measured(one: SliceRow, metric: str, width: int) -> str:
    """Write a slice's figure, with its interval where the terminal is wide."""
    value, interval = one.performance.get(metric, ("–", ""))
    return f"{value} ({interval})" if interval and width >= WIDE else value


def note_lines(reports: Sequence[PerformanceReport]) -> list[str]:
    """Say what is to be known about the metrics shown: one line for each note, with the metrics it is about."""
    notes: dict[str, list[str]] = {}
    for report in reports:
        if note := performance_note(report):
            notes.setdefault(note, []).append(metric_name(report.metric))
    return [f"{', '.join(names)}: {note}" for note, names in notes.items()]


def untold_lines(comparison: Comparison) -> list[str]:
    """Say what can't be told, and why: one line for each reason."""
    reasons: dict[str, list[str]] = {}
    for verdict in comparison.verdicts:
        if verdict.kind == "not_comparable":
            reasons.setdefault(verdict.reason, []).append(subject_of(verdict))
    return [f"Can't tell: {named(subjects)} ({reason})" for reason, subjects in reasons.items()]


def calm_lines(comparison: Comparison) -> list[str]:
    """Name the columns that are in true; nothing where all are, for the first line says it."""
    names = [name for name, report in comparison.columns.items() if report.verdict.kind == "true"]
    if not names or len(names) == len(comparison.columns):
        return []
    return [f"{plural(len(names), 'column')} in true: {named(names)}"]


def named(names: Sequence[str]) -> str:
    """Name the first few, and count the others.

    >>> named(["a", "b"])
    'a, b'
    """
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def next_step(comparison: Comparison) -> Text:
    """Say what to type next."""
    if not comparison.columns:
        return Text(
            "The tables share no column that can be profiled. Check that both hold the same kind of events.",
            style="dim",
        )
    said = "Each column with its distribution: " if comparison.alarms else "The whole picture: "
    return Text.assemble(
        (said, "dim"), "report.save('report.html')", (" or ", "dim"), "retrue compare ... --html report.html"
    )


def plain(shown: RenderableType, width: int = 100) -> str:
    """Give a view as plain text."""
    into = StringIO()
    Console(file=into, width=width, color_system=None, force_terminal=False).print(shown)
    return "\n".join(line.rstrip() for line in into.getvalue().splitlines())
