"""How a window's performance differs from the reference's, with an interval."""

from __future__ import annotations

from retrue.core.outcome import Outcome
from retrue.metrics.measure import Measure
from retrue.metrics.performance.intervals import of_difference
from retrue.metrics.registry import Metric, get


def difference(metric: Metric | str, window: Outcome, reference: Outcome) -> Measure:
    """The metric of the window minus that of the reference, with the interval of the difference.

    The two are taken to be independent (no event in both). The square-and-add rule makes the interval from the two
    intervals, so it is as good for shares, areas and means alike; see `intervals.of_difference`.

    Args:
        metric: a metric of outcomes, or its name.
        window: the outcome of the window.
        reference: the outcome of the reference, on the same grid.

    Returns:
        `value` the difference, `reference` the reference's own value, `error` the sum of both errors; no value, and
        a note that says which side lacks it, where either has none.

    Raises:
        MetricError: there is no metric of that name.

    >>> from retrue.metrics.performance.arrays import binary
    >>> before = binary([0, 1] * 50, predictions=[0, 1] * 50)
    >>> now = binary([0, 1] * 50, predictions=[0, 0] * 50)
    >>> found = difference("accuracy", now, before)
    >>> found.value, [round(end, 2) for end in found.interval]
    (-0.5, [-0.6, -0.4])
    """
    chosen = get(metric) if isinstance(metric, str) else metric
    here, there = chosen.compute(window), chosen.compute(reference)
    for side, found in (("window", here), ("reference", there)):
        if found.value is None:
            return Measure(None, reference=there.value, note=f"{side}: {found.note}")
    return between(here, there)


def between(window: Measure, reference: Measure) -> Measure:
    """The difference of two measures of the same metric that both have a value."""
    if window.value is None or reference.value is None:
        return Measure(None, reference=reference.value, note=window.note or reference.note)
    ends = None
    if window.interval and reference.interval:
        ends = of_difference(window.value, window.interval, reference.value, reference.interval)
    errors = [e for e in (window.error, reference.error) if e is not None]
    notes = [f"{side}: {m.note}" for side, m in (("window", window), ("reference", reference)) if m.note]
    return Measure(
        window.value - reference.value,
        reference=reference.value,
        error=sum(errors) if errors else None,
        interval=ends,
        note="; ".join(notes) or None,
    )
