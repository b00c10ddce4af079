"""The terminal view of a backtest: each set of monitors side by side, then each monitor, then what to know first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from retrue.judge.replay import Backtest, Episode, Tally
from retrue.report.layout import add_row, moment, quiet_table
from retrue.report.words import plural

SHOWN = 12
"""Alarms that are listed of each set."""


@dataclass(frozen=True)
class backtest_view:  # noqa: N801 - used as a function is
    """The terminal view of a backtest."""

    backtest: Backtest

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found = self.backtest
        yield Text(headline(found), style="bold")
        yield Text("")
        yield sets_table(found)
        yield Text("\nEach monitor by itself", style="bold")
        yield monitors_table(found)
        if found.signals:
            yield Text("\nEach signal by itself", style="bold")
            yield signals_table(found)
        yield from episodes_parts(found.sets)
        for note in found.notes:
            yield Text(f"\n{note[:1].upper()}{note[1:]}.", style="dim", end="")
        yield Text("")


def headline(found: Backtest) -> str:
    """Say in one sentence what was replayed, and what came of it."""
    said = "; ".join(f"{one.name} {count(one.alarms)}" for one in found.sets)
    when = f"{moment(found.since)} to {moment(found.until)}"
    return f"{plural(found.windows, 'window')} of {found.model} replayed, {when}. Alarms: {said}."


def sets_table(found: Backtest) -> Table:
    """Each set: how often it alarms, what it finds and how late, how much was for nothing."""
    marked = ("Found", "Delay", "False") if found.marked else ()
    table = quiet_table("Set", "Alarms", "In 30 days", *marked, right=("Alarms", "Found", "Delay", "False"))
    for one in found.sets:
        held = (f"{count(one.found)} of {found.marked}", lasting(one.delay), count(one.false)) if found.marked else ()
        add_row(table, (one.name, count(one.alarms), rate(one), *held))
    return table


def rate(one: Tally) -> str:
    """Say alarms in 30 days with their interval."""
    if one.interval is None:
        return f"{one.per_month:.2g}"
    low, high = one.interval
    return f"{one.per_month:.2g} ({low:.2g} to {high:.2g})"


def monitors_table(found: Backtest) -> Table:
    """Each monitor of each set."""
    table = quiet_table("Set", "Monitor", "Alarms", "Windows", wide="Monitor", right=("Alarms", "Windows"))
    for one in found.monitors:
        add_row(table, (one.set, one.monitor, str(one.alarms), f"{one.alarmed} of {one.judged}"))
    return table


def signals_table(found: Backtest) -> Table:
    """Each signal of each set: how many rows it would have met and collected, and what its share would have told."""
    columns = ("Set", "Signal", "Met", "Of", "Collected", "Policy", "Alarms", "Windows")
    table = quiet_table(*columns, wide="Signal", right=("Met", "Of", "Collected", "Alarms", "Windows"))
    for one in found.signals:
        told = f"{one.alarmed} of {one.judged}"
        numbers = (f"{one.met:,}", f"{one.rows:,}", f"{one.collected:,}", one.policy, str(one.alarms), told)
        add_row(table, (one.set, one.signal, *numbers))
    return table


def episodes_parts(sets: Sequence[Tally]) -> Iterator[RenderableType]:
    """The alarms of the last set that isn't the dummy: the proposed one, where there is one."""
    chosen = [one for one in sets if one.interval is not None][-1]
    if not chosen.episodes:
        return
    yield Text(f"\nWhat the {chosen.name} set would have told", style="bold")
    table = quiet_table("From", "Told", "What", wide="What")
    for one in chosen.episodes[:SHOWN]:
        add_row(table, (time_text(one), moment(one.told.isoformat()), one.reason))
    yield table
    if len(chosen.episodes) > SHOWN:
        yield Text(f"and {len(chosen.episodes) - SHOWN} more: --json has them all", style="dim")


def time_text(one: Episode) -> str:
    """Say when an alarm's first window began."""
    return moment(one.since.isoformat())


def count(number: float | None) -> str:
    """Say how many, with one digit where it is an average.

    >>> count(3), count(2.0), count(2.1666), count(None)
    ('3', '2', '2.2', '–')
    """
    if number is None:
        return "–"
    return f"{number:g}" if number == int(number) else f"{number:.1f}"


def lasting(delay: timedelta | None) -> str:
    """Say a delay in hours or days.

    >>> lasting(timedelta(hours=26)), lasting(timedelta(days=5)), lasting(None)
    ('26 h', '5 d', '–')
    """
    if delay is None:
        return "–"
    hours = delay.total_seconds() / 3600
    return f"{hours:.2g} h" if hours < 72 else f"{hours / 24:.3g} d"
