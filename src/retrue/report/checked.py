"""What `check` says: the sentence, then one line for each thing that is out of true, however many windows show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from retrue.judge.projected import failed_projections
from retrue.judge.rules import breaks_rule
from retrue.judge.verdict import Verdict, VerdictKind, sort_worst_first
from retrue.judge.words import metric_name
from retrue.metrics import get
from retrue.metrics.names import is_estimated, metric_of
from retrue.report.layout import add_row, quiet_table, stretch
from retrue.report.text import STYLES, WIDE, named, state_text
from retrue.report.words import half_width, placed_reason, plural, precise, spanned, subject_of, upper_first

SILENT_KINDS = (VerdictKind.TRUE, VerdictKind.NOT_COMPARABLE)


@dataclass(frozen=True)
class Finding:
    """The same thing in several windows.

    Attributes:
        worst: the verdict that says most.
        starts: the windows that show it (ISO).
    """

    worst: Verdict
    starts: tuple[str, ...]


@dataclass(frozen=True)
class checked_view:  # noqa: N801 - used as a function is, and knows the terminal's width only when printed
    """The terminal view of one model's verdicts, worst first."""

    model: str
    verdicts: Sequence[Verdict]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(headline(self.model, self.verdicts), style="bold" if any(v.alarms for v in self.verdicts) else "")
        found = findings(self.verdicts)
        if found:
            yield Text("")
            yield from ([findings_table(found)] if options.max_width >= WIDE else findings_lines(found))
        quiet = [line for line in (estimated_line(self.verdicts), untold_line(self.verdicts)) if line]
        if quiet:
            said = "\n".join(quiet)
            yield Text(f"\n{said}" if found else said, style="dim")


def headline(model: str, verdicts: Sequence[Verdict]) -> str:
    """Say in one sentence how a model stands, and in another one which projections failed.

    >>> headline("loans", [])
    'loans: no window has closed or changed since the last check.'
    """
    failed = failed_projections(verdicts)
    said = stands(model, verdicts)
    return f"{said} {upper_first(failed)}." if failed else said


def stands(model: str, verdicts: Sequence[Verdict]) -> str:
    """Say in one sentence how a model stands."""
    windows = {verdict.window for verdict in verdicts}
    loud = {verdict.window for verdict in verdicts if verdict.alarms}
    if not windows:
        return f"{model}: no window has closed or changed since the last check."
    if not loud:
        return f"{model} is in true: {plural(len(windows), 'window')} judged."
    where = "the one window" if len(windows) == 1 else f"{len(loud)} of {len(windows)} windows"
    failed = [verdict for verdict in verdicts if verdict.of_model and breaks_rule(verdict)]
    said = f": {placed_reason(worst_of(failed))}" if failed else ""
    return f"{model} is out of true in {where} judged{said}."


def findings(verdicts: Iterable[Verdict]) -> list[Finding]:
    """Put together what is the same in several windows, worst first."""
    groups: dict[tuple[object, ...], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.kind not in SILENT_KINDS:
            about = verdict.column or verdict.metric
            groups.setdefault((verdict.kind, verdict.alarms, about, verdict.slice), []).append(verdict)
    worst = {id(first): Finding(first, starts_of(same)) for same in groups.values() for first in [worst_of(same)]}
    return [worst[id(verdict)] for verdict in sort_worst_first(one.worst for one in worst.values())]


def worst_of(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict that says most: of a model's performance the lowest or highest, else the most surprising."""
    first = sort_worst_first(verdicts)[0]
    known = [verdict for verdict in verdicts if verdict.value is not None]
    if first.kind is not VerdictKind.DEGRADED or first.metric is None or not known:
        return first
    sign = -1 if get(first.metric).better == "higher" else 1
    return max(known, key=lambda verdict: sign * (verdict.value or 0.0))


def starts_of(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """The windows that verdicts are about."""
    return tuple(sorted({verdict.window[0] for verdict in verdicts if verdict.window}))


def findings_table(found: Sequence[Finding]) -> Table:
    """Rank the findings in a table."""
    table = quiet_table("State", "What", "Windows", "From", "At its worst", right=["Windows"], wide="At its worst")
    for one in found:
        cells = (state_said(one.worst), subject_of(one.worst), f"{len(one.starts):,}", stretch(one.starts))
        add_row(table, (*cells, reason_of(one.worst)))
    return table


def findings_lines(found: Sequence[Finding]) -> Iterator[RenderableType]:
    """Write each finding as a heading and its reason, for narrow terminals."""
    for one in found:
        windows = f"  {plural(len(one.starts), 'window')}, {stretch(one.starts)}"
        yield Text.assemble(state_said(one.worst), "  ", (subject_of(one.worst), "bold"), (windows, "dim"))
        yield Padding(Text(reason_of(one.worst)), (0, 0, 0, 2))


def state_said(verdict: Verdict) -> Text:
    """A verdict's glyph and word; what alarms nobody says so."""
    calm = not verdict.alarms and not verdict.notice
    return Text(f"◌ {verdict.kind.value} (notice)", style=STYLES["calm"]) if calm else state_text(verdict)


def reason_of(verdict: Verdict) -> str:
    """The reason without the name that stands beside it already."""
    if verdict.column is not None or verdict.metric is None:
        return verdict.reason
    return verdict.reason.removeprefix(f"{metric_name(verdict.metric)} ")


def untold_line(verdicts: Iterable[Verdict]) -> str:
    """Say what can't be told and the first reason why; nothing where all can."""
    untold = [verdict for verdict in verdicts if verdict.kind is VerdictKind.NOT_COMPARABLE]
    if not untold:
        return ""
    subjects = list(dict.fromkeys(subject_of(verdict) for verdict in untold))
    return f"Can't tell in {plural(len(starts_of(untold)), 'window')}: {named(subjects)} ({untold[0].reason})"


def estimated_line(verdicts: Iterable[Verdict]) -> str:
    """Say what was estimated in the windows without labels that are in true, of the last one; nothing without any."""
    known = [v for v in verdicts if v.metric and is_estimated(v.metric) and v.kind is VerdictKind.TRUE]
    starts = starts_of(known)
    if not starts:
        return ""
    last = [verdict for verdict in known if verdict.window and verdict.window[0] == starts[-1]]
    said = ", ".join(f"{metric_name(metric_of(v.metric or ''))} {estimated_figure(v)}" for v in last)
    which = "" if len(starts) == 1 else ", the last one"
    return f"Estimated in {plural(len(starts), 'window')} without labels{which}: {said}"


def estimated_figure(verdict: Verdict) -> str:
    """An estimate with its interval."""
    reach = f" ({spanned(verdict.interval)})" if verdict.interval else ""
    return f"{precise(verdict.value or 0.0, half_width(verdict.interval))}{reach}"
