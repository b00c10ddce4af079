"""How many events there are."""

from __future__ import annotations

from retrue.core.profile import Profile
from retrue.metrics.measure import Measure
from retrue.metrics.registry import metric


@metric("rows", family="quality", of="profile", range=(0, None), unit="rows")
def rows(window: Profile, reference: Profile) -> Measure:
    """Number of events in the window, whatever is in them."""
    return Measure(float(window.rows), float(reference.rows))
