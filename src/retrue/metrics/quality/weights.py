"""How good the weights of sampled traffic are: rows left out for want of one, and what the others are worth."""

from __future__ import annotations

from retrue.core.profile import Profile
from retrue.core.weighted import WEIGHT, WeightSums
from retrue.metrics.measure import Measure
from retrue.metrics.quality.shares import share
from retrue.metrics.registry import metric

UNWEIGHTED = Measure(None, note="the events are not weighted")


def weights(profile: Profile) -> WeightSums | None:
    """What the profile's weights are like; None where each event counts once."""
    found = profile.extras.get(WEIGHT)
    return found if isinstance(found, WeightSums) else None


@metric(
    "bad_weights",
    family="quality",
    of="profile",
    range=(0, 1),
    unit="share",
    better="lower",
    source="interval: Wilson 1927",
)
def bad_weights(window: Profile, reference: Profile) -> Measure:
    """Share of events whose weight is null, NaN, infinite, negative or no number: every other metric leaves them out.

    A weight of 0 is no fault; such events count for nothing.
    """
    found, before = weights(window), weights(reference)
    if found is None or before is None:
        return UNWEIGHTED
    return share(found.bad, found.rows, before.bad, before.rows)


@metric(
    "effective_rows",
    family="quality",
    of="profile",
    range=(0, None),
    unit="rows",
    better="higher",
    source="Kish 1965, Survey Sampling, section 8.2",
)
def effective_rows(window: Profile, reference: Profile) -> Measure:
    """How many equally weighted events would tell as much: (sum of weights)^2 / sum of squared weights.

    Intervals, thresholds and "too few rows" go by it. Without weights it is the number of events.
    """
    found, before = weights(window), weights(reference)
    if found is None or before is None:
        return Measure(float(window.rows), float(reference.rows))
    return Measure(found.effective, before.effective)
