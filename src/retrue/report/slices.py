"""What a comparison found inside slices: one row for each, and which findings only repeat what holds for all rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrue.judge.verdict import Verdict, sort_worst_first
from retrue.judge.words import metric_name
from retrue.report.words import half_width, precise, spanned, state_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from retrue.report.comparison import Comparison

QUIET = ("true", "not_comparable")


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One slice, written.

    Attributes:
        slice: its SQL.
        rows: how many rows of the window it has.
        worst: its worst verdict.
        performance: each main metric with its interval, both written, by name.
        moved: the columns that aren't in true, with their state.
    """

    slice: str
    rows: int
    worst: Verdict
    performance: dict[str, tuple[str, str]]
    moved: str


def slice_rows(comparison: Comparison) -> list[SliceRow]:
    """A row for each slice that was judged, the worst first."""
    by_slice: dict[str, list[Verdict]] = {name: [] for name in comparison.slices}
    for verdict in comparison.verdicts:
        if verdict.slice in by_slice:
            by_slice[verdict.slice].append(verdict)
    ranked = sort_worst_first(verdicts[0] for verdicts in by_slice.values() if verdicts)
    sizes = comparison.slice_sizes
    return [row(worst, by_slice[worst.slice or ""], sizes.get(worst.slice or "")) for worst in ranked]


def row(worst: Verdict, verdicts: list[Verdict], size: int | None) -> SliceRow:
    """Write one slice from its verdicts, worst first; of one whose size isn't known, they tell it."""
    measured = [v for v in verdicts if v.column is None and v.metric is not None and v.value is not None]
    odd = {f"{v.column} {state_of(v)}": None for v in verdicts if v.column is not None and v.kind not in QUIET}
    return SliceRow(
        worst.slice or "",
        int(max((v.n for v in verdicts if v.n is not None), default=0)) if size is None else size,
        worst,
        {metric_name(str(v.metric)): said(v) for v in sorted(measured, key=lambda v: str(v.metric), reverse=True)},
        ", ".join(odd),
    )


def said(verdict: Verdict) -> tuple[str, str]:
    """Write a value, and its interval."""
    return precise(verdict.value or 0.0, half_width(verdict.interval)), spanned(verdict.interval)


def heads(rows: Iterable[SliceRow]) -> list[str]:
    """The metrics that any of the rows has."""
    return list(dict.fromkeys(name for one in rows for name in one.performance))


def own_findings(comparison: Comparison) -> list[Verdict]:
    """The findings worth a line of their own: of a slice only those that all rows don't show alike."""
    found = [verdict for verdict in comparison.verdicts if verdict.kind not in QUIET]
    whole = {(v.kind, v.column, v.metric): v for v in found if v.slice is None}
    return [v for v in found if not is_echo(v, whole.get((v.kind, v.column, v.metric)), comparison.slices)]


def is_echo(verdict: Verdict, whole: Verdict | None, judged: Collection[str | None]) -> bool:
    """Whether a slice's finding says no more than the same finding about all rows does; a user's rule always counts."""
    if whole is None or verdict.slice not in judged or f"[{verdict.slice}]" in verdict.reason:
        return False
    ours, theirs = reach(verdict), reach(whole)
    return ours[0] <= theirs[1] and theirs[0] <= ours[1]


def reach(verdict: Verdict) -> tuple[float, float]:
    """The interval of what was measured, or the value alone."""
    value = verdict.value or 0.0
    return verdict.interval or (value, value)
