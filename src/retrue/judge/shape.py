"""What shape a change has: sudden, gradual, periodic, temporary, a jump that decays, or nothing beyond wandering.

    windows' profiles ──> vectors ──> three principal scores ──> templates under wandering noise ──> Shape
                             └──────> distances between windows: the drift map, for the eye

The answer comes from the counts alone. A shape is told where its evidence outweighs "it only wanders" clearly; once
told it is taken off, and what is left is looked at again for a second event.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from retrue.core.column import ColumnProfile
from retrue.core.state import Floats
from retrue.judge.shapes.fit import Fit, fit, principal_scores, residuals
from retrue.judge.shapes.series import MIN_ROWS, Series, Span, series_of
from retrue.judge.shapes.templates import ShapeKind, Templates, templates_for
from retrue.judge.words import day, duration

MIN_WINDOWS = 12
"""Fewer windows than this have no shape that one could tell."""
SURE, SHORT = 2.5, 60.0
"""Evidence in nats that a shape needs: 2.5, and 60 / T more, because T windows know little of how they wander."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a column did over time.

    Args:
        kind: which shape; `stable` where there is none beyond wandering, `not_comparable` with too few windows.
        reason: the same in words, with its dates.
        windows: how many windows it was read from.
        since: the start of the first window of the change (ISO); None where there is none, or it is periodic.
        until: the end of the last one; None where it lasts.
        period: seconds, of a periodic shape.
        half_life: seconds after which half of a jump is gone, of a decaying one.
        confidence: how likely this kind is among all, stable included; None where it is not comparable.
        second: what else happened, once this is taken off; None where nothing did.
    """

    kind: ShapeKind
    reason: str
    windows: int
    since: str | None = None
    until: str | None = None
    period: float | None = None
    half_life: float | None = None
    confidence: float | None = None
    second: Shape | None = None

    @property
    def told(self) -> bool:
        """Whether there is a shape at all."""
        return self.kind not in (ShapeKind.STABLE, ShapeKind.NOT_COMPARABLE)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": self.kind.value,
            "reason": self.reason,
            "windows": self.windows,
            "since": self.since,
            "until": self.until,
            "period": self.period,
            "half_life": self.half_life,
            "confidence": self.confidence,
            "second": None if self.second is None else self.second.to_dict(),
        }


def shape_of(windows: Sequence[ColumnProfile], spans: Sequence[Span]) -> Shape:
    """Say what shape a column's change has.

    Args:
        windows: profiles of one column on one grid, in any order. Hours may be missing and windows may differ in size;
            those with fewer than 50 rows are left out, and more than 240 are added up to longer ones.
        spans: start and end of each (ISO).

    Raises:
        MetricError: not as many spans as windows, or several windows that start at once.
        ProfileError: the windows are on different grids.
    """
    return shape_in(series_of(windows, spans))


def shape_in(series: Series) -> Shape:
    """Say what shape a series has; see `shape_of`."""
    from threadpoolctl import threadpool_limits

    count = len(series.spans)
    if count < MIN_WINDOWS:
        few = f"{count} windows with at least {MIN_ROWS} rows, needs {MIN_WINDOWS}"
        return Shape(ShapeKind.NOT_COMPARABLE, few, count)
    with threadpool_limits(1):  # matrices this small are slower on several threads: ten times where cores are busy
        templates = templates_for(series.starts, series.rows)
        first, found = read(series, series.vectors, templates)
        if not first.told:
            return first
        second, _ = read(series, residuals(series.vectors, found.columns, found.noise), templates)
    return replace(first, second=second) if second.told else first


def read(series: Series, vectors: Floats, templates: Templates) -> tuple[Shape, Fit]:
    """Fit the templates and put what they say into words."""
    count = len(series.spans)
    found = fit(principal_scores(vectors, series.rows, series.noise), templates, series.noise)
    needed = SURE + SHORT / count
    every = float(np.logaddexp.reduce([needed, *found.evidence.values()]))
    if found.evidence[found.kind] <= needed:
        calm = f"no shape beyond wandering in {count} windows"
        return Shape(ShapeKind.STABLE, calm, count, confidence=math.exp(needed - every)), found
    confidence = math.exp(found.evidence[found.kind] - every)
    return worded(placed(found, series, confidence)), found


def placed(found: Fit, series: Series, confidence: float) -> Shape:
    """Say when the best template of the best kind is."""
    count = len(series.spans)
    fade = found.fade * float(np.median(np.diff(series.starts)))
    return Shape(
        found.kind,
        "",
        count,
        since=None if found.start < 0 else series.spans[found.start][0],
        until=None if found.stop >= count else series.spans[found.stop - 1][1],
        period=found.period or None,
        half_life=fade * math.log(2) or None,
        confidence=confidence,
    )


def periods_of(shape: Shape | None) -> tuple[float, ...]:
    """The periods of a shape and of what comes second to it, in seconds."""
    if shape is None:
        return ()
    own = (shape.period,) if shape.kind is ShapeKind.PERIODIC and shape.period else ()
    return own + tuple(period for period in periods_of(shape.second) if period not in own)


def worded(shape: Shape) -> Shape:
    """Add the reason.

    >>> worded(Shape(ShapeKind.SUDDEN, "", 60, since="2026-03-14T00:00:00+00:00")).reason
    'sudden on 14 March 2026, and it lasts'
    >>> worded(Shape(ShapeKind.PERIODIC, "", 60, period=86_400.0)).reason
    'periodic, every 24 hours'
    """
    since = "" if shape.since is None else day(shape.since)
    until = "" if shape.until is None else day(shape.until)
    half = duration(shape.half_life or 0)
    reasons = {
        ShapeKind.SUDDEN: f"sudden on {since}, and it lasts",
        ShapeKind.GRADUAL: f"gradual from {since} to {until}, and it lasts" if until else f"gradual since {since}",
        ShapeKind.TEMPORARY: f"temporary, from {since} to {until}",
        ShapeKind.DECAYING: f"temporary, a jump on {since} that fades, half of it within {half}",
        ShapeKind.PERIODIC: f"periodic, every {duration(shape.period or 0)}",
    }
    return replace(shape, reason=reasons[shape.kind])
