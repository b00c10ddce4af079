"""How things stand, in a terminal: what was registered, what became of rows, what was set aside, which models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from retrue.judge.words import percent
from retrue.report.layout import add_row, length, quiet_table
from retrue.report.words import plural, short_count, upper_first
from retrue.schema import Schema


class Options(Protocol):
    """How a model is watched; `retrue.workspace.options.Options` is one."""

    @property
    def window(self) -> float: ...
    @property
    def grace(self) -> float: ...
    @property
    def maturity(self) -> float | None: ...
    @property
    def alarm_budget(self) -> str: ...
    @property
    def rules(self) -> Sequence[str]: ...
    @property
    def against(self) -> str: ...
    @property
    def longer(self) -> Sequence[float]: ...
    @property
    def group(self) -> str | None: ...


class Received(Protocol):
    """What became of rows; `retrue.workspace.model.Received` is one."""

    @property
    def accepted(self) -> int: ...
    @property
    def quarantined(self) -> int: ...
    @property
    def reasons(self) -> Mapping[str, int]: ...
    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def changes(self) -> Sequence[str]: ...


# --- register ---------------------------------------------------------------------------------------------------------


def schema_view(
    name: str, version: str, folder: str, schema: Schema, options: Options, sharing: int = 1
) -> RenderableType:
    """Show what was understood of a reference, and how the model is watched."""
    table = quiet_table("Column", "Kind", "Why", wide="Why")
    for column in schema.columns:
        add_row(table, (column.name, str(column.kind), column.reason))
    said = [
        Text(f"{name} is registered in {folder}, version {version}.", style="bold"),
        Text(watching(schema, options, sharing)),
    ]
    return Group(*said, Text(""), table, *(Text(line, style="yellow") for line in lacking(schema)))


def watching(schema: Schema, options: Options, sharing: int = 1) -> str:
    """Say how it is watched; so many models share its alarm budget.

    Such as "Windows of 1 day by `at`, judged 2 hours after their end; false alarms: 1 per 30d."
    """
    by = f"by {schema.time!r}" if schema.time else "by arrival"
    grace = f" {length(options.grace)} after their end" if options.grace else " as soon as they end"
    final = "" if options.maturity is None else f"; labels are final after {length(options.maturity)}"
    rules = f"; {plural(len(options.rules), 'rule')}" if options.rules else ""
    against = "" if options.against == "training" else f"; compared with: {options.against}"
    windows = " and ".join(length(seconds) for seconds in (options.window, *options.longer))
    shared = "" if options.group is None else f" for the {plural(sharing, 'model')} of group {options.group!r}"
    alarms = f"false alarms: {options.alarm_budget}{shared}"
    return f"Windows of {windows} {by}, judged{grace}{against}; {alarms}{final}{rules}."


def lacking(schema: Schema) -> Iterator[str]:
    """Say which roles nobody named, and what can't be done without them."""
    if schema.id is None:
        yield "\nNo id: labels can't find their events. Hint: --id COLUMN"
    if schema.time is None:
        yield "No time: events count when they arrive. Hint: --time COLUMN"
    if schema.label is None:
        yield "No label: performance can't be measured. Hint: --label COLUMN"
    elif schema.score is None and schema.prediction is None:
        yield "No score and no prediction: performance can't be measured. Hint: --score COLUMN or --prediction COLUMN"


# --- log, label, feedback ---------------------------------------------------------------------------------------------

COUNTS = {
    "events repeated": "were here already",
    "feedback repeated": "were here already",
    "labels repeated": "said what was known already",
    "labels corrected": "corrected an earlier label",
    "labels waiting": "wait for their event",
    "labels ambiguous": "belong to an id of several dates, and went to the newest",
    "labels picked up": "that had waited found their event",
    "feedback picked up": "that had waited found their event",
}


def received_view(received: Received, what: str) -> RenderableType:
    """Say what became of rows: taken, repeated, corrected or waiting; changed columns; set aside."""
    lines = [Text(f"{plural(fresh(received), what)} taken.")]
    lines += [Text(f"  {count:,} {COUNTS.get(name, name)}", style="dim") for name, count in received.counts.items()]
    lines += [Text(f"{upper_first(change)}.", style="yellow") for change in received.changes]
    if received.quarantined:
        lines.append(Text(f"{plural(received.quarantined, 'row')} set aside:", style="yellow"))
        lines += [Text(f"  {count:,}  {reason}") for reason, count in received.reasons.items()]
    return Group(*lines)


def fresh(received: Received) -> int:
    """How many rows were taken that weren't there before."""
    repeated = sum(count for name, count in received.counts.items() if name.endswith(" repeated"))
    return max(received.accepted - repeated, 0)


def quarantine_view(rows: pl.DataFrame, total: int) -> RenderableType:
    """Show rows that were set aside, the latest first: when, what, which, why.

    Args:
        rows: some of them, newest first.
        total: how many there are.
    """
    if not total:
        return Text("Nothing was set aside.")
    table = quiet_table("Set aside", "Kind", "Id", "Why", wide="Why")
    for row in rows.iter_rows(named=True):
        add_row(table, (f"{row['_at']:%Y-%m-%d %H:%M}", row["kind"], row["id"] or "–", row["reason"]))
    head = Text(f"{plural(total, 'row')} set aside; nothing of them was lost (--json shows each row whole).")
    return Group(head, Text(""), table if rows.height else Text("No rows are older than that."))


# --- models, doctor ---------------------------------------------------------------------------------------------------


def models_view(models: Sequence[Mapping[str, Any]]) -> Table:
    """Show the models, one a row: champion, events, share labelled, open incidents, false alarms accepted."""
    figures = ["Version", "Events", "Labelled", "Open incidents"]
    table = quiet_table("Model", *figures, "False alarms", right=figures)
    for one in models:
        share = percent(one["labelled"] / one["events"]) if one["events"] else "–"
        open_ = one["open_incidents"]
        worst = f", {one['severity']}" if one["severity"] else ""
        loud = Text(f"{open_:,}{worst}", style="yellow" if open_ else "dim")
        accepted = one["alarm_budget"] + (f", group {one['group']!r}" if one["group"] else "")
        add_row(table, (one["model"], str(one["version"]), short_count(one["events"]), share, loud, accepted))
    return table


def doctor_view(facts: Mapping[str, str], problems: Sequence[str]) -> RenderableType:
    """Show versions and models, then what is wrong."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in facts.items():
        add_row(table, (Text(name, style="dim"), value))
    said = [Text(f"■ {problem}", style="red") for problem in problems] or [Text("Nothing is wrong.")]
    return Group(table, Text(""), *said)
