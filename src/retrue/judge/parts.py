"""One slice of a window: its columns and its performance, against the same slice of the reference, beside the whole.

What all rows show is told once: where the whole moved, a slice is held against a reference that moved alike, and alarms
only if it differs from that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.profile import Profile
from retrue.core.state import Counts
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import rows
from retrue.metrics import Measure

if TYPE_CHECKING:
    from retrue.judge.assess import Judge


def judge_part(part: Judge, window: Profile, whole: Judge, total: Profile, told: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts on one slice: the columns, and the main performance metrics; or that it has too few rows.

    Args:
        part: the judge of the slice.
        window: the slice in the window.
        whole: the judge of all rows.
        total: all rows of the window.
        told: the verdicts on them.
    """
    least = part.settings.min_rows
    if window.rows < least:
        few = f"{rows(window.rows)}, needs {least}"
        return [Verdict(VerdictKind.NOT_COMPARABLE, few, n=window.rows, threshold=least)]
    loud = {(v.column, v.metric if v.column is None else None): v for v in told if v.kind.alarms}
    columns = [part_column(part, name, column) for name, column in window.columns.items()]
    metrics = part.judge_performance(part.performance(window.outcome, part.judged_metrics), window.outcome)
    return [
        *(
            beyond_column(part, verdict, window, whole, total) if (verdict.column, None) in loud else verdict
            for verdict in columns
        ),
        *(
            beyond_metric(part, verdict, window, loud[None, verdict.metric], whole)
            if (None, verdict.metric) in loud
            else verdict
            for verdict in metrics
        ),
    ]


def part_column(part: Judge, name: str, column: ColumnProfile) -> Verdict:
    """Judge a column; how it wanders, which takes long to learn, is only asked where chance doesn't explain it."""
    cost = part.impact(name, column)
    plain = part.judge_column(name, column, cost, habits=False)
    return plain if not plain.kind.alarms else part.judge_column(name, column, cost)


def beyond_column(part: Judge, verdict: Verdict, window: Profile, whole: Judge, total: Profile) -> Verdict:
    """The verdict; or `true` where the column only did in the slice what it did in all rows."""
    name = verdict.column
    if not verdict.kind.alarms or name is None:
        return verdict
    column, before = window.columns[name], part.reference.profile.columns[name]
    then, now = (profile.columns[name].coarsen(before.grid) for profile in (whole.reference.profile, total))
    beyond = part.judge_column(name, column, part.impact(name, column), reference=moved_alike(before, then, now))
    return verdict if beyond.kind.alarms else as_in_all_rows(verdict)


def beyond_metric(part: Judge, verdict: Verdict, window: Profile, all_rows: Verdict, whole: Judge) -> Verdict:
    """The verdict; or `true` where the metric only fell in the slice as it did in all rows."""
    name = verdict.metric
    if not verdict.kind.alarms or name is None or all_rows.value is None:
        return verdict
    fell, before = all_rows.value - (whole.own[name].value or 0.0), part.own[name]
    measure = part.performance(window.outcome, (name,))[name][0]
    (beyond,) = part.judge_performance({name: (measure, shifted(before, fell))}, window.outcome)
    return verdict if beyond.kind.alarms else as_in_all_rows(verdict)


def as_in_all_rows(verdict: Verdict) -> Verdict:
    """What is told of all rows is no news of the slice."""
    return replace(verdict, kind=VerdictKind.TRUE, reason=f"as in all rows: {verdict.reason}", alarm=False, loss=None)


def moved_alike(part: ColumnProfile, then: ColumnProfile, now: ColumnProfile) -> ColumnProfile:
    """A slice's column in the reference, had it moved as that of all rows did from then to now.

    Each bin's rows are multiplied by what its share was multiplied by; what is new to all rows is added in proportion.
    """
    before = np.concatenate([part.counts, part.special])
    p, q = then.shares, now.shares
    made = np.where(p > 0, before * q / np.where(p > 0, p, 1.0), part.rows * q)
    scaled: Counts = np.rint(made * (part.rows / max(float(made.sum()), 1e-300))).astype(before.dtype)
    return replace(part, counts=scaled[: part.counts.size], special=scaled[part.counts.size :])


def shifted(measure: Measure, by: float) -> Measure:
    """A measure that lies so much higher, with its interval."""
    if measure.value is None:
        return measure
    interval = None if measure.interval is None else (measure.interval[0] + by, measure.interval[1] + by)
    return replace(measure, value=measure.value + by, interval=interval)
