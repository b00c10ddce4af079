"""The terminal view of a model's performance over time: a line of blocks, then one row for each window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from retrue.judge.words import metric_name, percent
from retrue.report.layout import add_row, moment, quiet_table
from retrue.report.text import named
from retrue.report.words import half_width, plural, precise, signed, spanned

BLOCKS = "▁▂▃▄▅▆▇█"
SHOWN, DRAWN = 20, 60
"""The most windows in the table, and in the line: the last ones."""


def performance_view(model: str, version: str, metric: str, table: pl.DataFrame) -> RenderableType:
    """Show one metric over the judged windows.

    Args:
        model: its name.
        version: the version.
        metric: the metric.
        table: what `Model.performance` gives for it.
    """
    windows = [row for row in table.iter_rows(named=True) if best(row) is not None or row["reason"]]
    known = [row for row in windows if best(row) is not None]
    nothing = f"Nothing is known of {metric_name(metric)} yet"
    if not windows:
        return Text(f"{nothing}: no window of version {version} has labels or an estimate.")
    said = headline(model, version, metric, known) if known else f"{nothing}: see why in each window."
    parts: list[RenderableType] = [Text(said, style="bold")]
    if len(known) > 1:
        parts.append(Text(drawn(known), style="blue"))
    parts += [Text(""), windows_table(windows[-SHOWN:])]
    if len(windows) > SHOWN:
        parts.append(Text(f"and {plural(len(windows) - SHOWN, 'earlier window')}: --json", style="dim"))
    return Group(*parts, *(Text(line, style="dim") for line in [*refusals(windows[-SHOWN:]), *notes(known)]))


def best(row: Mapping[str, Any]) -> float | None:
    """What labels say, else what was estimated."""
    found: float | None = row["realised"] if row["realised"] is not None else row["estimated"]
    return found


def headline(model: str, version: str, metric: str, known: Sequence[Mapping[str, Any]]) -> str:
    """Say how the last window stands against the reference.

    Such as "flights, version 1: estimated ROC AUC 0.64 (0.61 to 0.67) in the last window, reference 0.67".
    """
    last, prefix = known[-1], "" if known[-1]["realised"] is not None else "estimated "
    said = f"{prefix}{metric_name(metric)} {interval_of(last, told=not prefix)} in the last window"
    reference = "" if last["reference"] is None else f", reference {precise(last['reference'], reach(last))}"
    return f"{model}, version {version}: {said}{reference}"


def drawn(known: Sequence[Mapping[str, Any]]) -> str:
    """Draw the last windows as blocks, the least as the lowest, with the ends of the scale.

    >>> drawn([{"realised": 0.5, "estimated": None}, {"realised": None, "estimated": 0.7}])
    '▁█  0.5 to 0.7 in 2 windows'
    """
    values = [value for row in known[-DRAWN:] if (value := best(row)) is not None]
    low, high = min(values), max(values)
    steps = [0 if high == low else round((value - low) / (high - low) * (len(BLOCKS) - 1)) for value in values]
    return f"{''.join(BLOCKS[step] for step in steps)}  {precise(low)} to {precise(high)} in {len(values)} windows"


def windows_table(known: Sequence[Mapping[str, Any]]) -> Table:
    """One row for each window."""
    table = quiet_table("Window", "Labels say", "Estimated", "Concept drift", "Labelled", right=["Labelled"])
    for row in known:
        drift = "" if row["concept_drift"] is None else signed(row["concept_drift"], reach(row))
        share = "–" if row["coverage"] is None else percent(row["coverage"])
        add_row(table, (moment(row["window"]), interval_of(row, told=True), interval_of(row, told=False), drift, share))
    return table


def refusals(windows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say why a window has neither: one line for each reason, with the windows that it is about."""
    reasons: dict[str, list[str]] = {}
    for row in windows:
        if best(row) is None:
            reasons.setdefault(row["reason"], []).append(moment(row["window"]))
    for reason, starts in reasons.items():
        yield f"Can't tell in {named(starts)}: {reason}"


def interval_of(row: Mapping[str, Any], *, told: bool) -> str:
    """What labels say, or what was estimated, with its interval; a dash where it isn't known."""
    value, low, high = (row[name] for name in (TOLD if told else ESTIMATED))
    if value is None:
        return "–"
    interval = None if low is None or high is None else (low, high)
    said = precise(value, half_width(interval))
    return said if interval is None else f"{said} ({spanned(interval)})"


TOLD = ("realised", "low", "high")
ESTIMATED = ("estimated", "estimated_low", "estimated_high")


def reach(row: Mapping[str, Any]) -> float | None:
    """Half of the interval of what is known best."""
    low, high = (row[name] for name in (TOLD if row["realised"] is not None else ESTIMATED)[1:])
    return None if low is None or high is None else half_width((low, high))


def notes(known: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say what the columns mean, where they say something."""
    if any(row["estimated"] is not None for row in known):
        yield "Estimated: what labels would say, before there are any; intervals are 95 %."
    if any(row["concept_drift"] is not None for row in known):
        yield "Concept drift: realised minus estimated, what the inputs don't explain."
