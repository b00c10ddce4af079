"""How old is the newest event? The present is an argument: metrics read no clock."""

from __future__ import annotations

from retrue.core.profile import Profile
from retrue.core.state import Moments
from retrue.metrics.measure import NOTHING, Measure
from retrue.metrics.registry import metric

TIME = "time"
"""The extra that holds the moments of the event time (`retrue.core.extra.TimeSpan`)."""


@metric("freshness", family="quality", of="profile", unit="seconds", better="lower")
def freshness(window: Profile, _reference: Profile, *, now: float | None = None) -> Measure:
    """Age of the newest event, in seconds.

    Args:
        window: a profile whose model has an event time.
        now: the present, in seconds since 1970-01-01 UTC.
    """
    span = window.extras.get(TIME)
    if not isinstance(span, Moments):
        return Measure(None, note="the model has no event time")
    if not span.n:
        return NOTHING
    if now is None:
        return Measure(None, note="the present isn't known: pass now=")
    return Measure(now - span.max)
