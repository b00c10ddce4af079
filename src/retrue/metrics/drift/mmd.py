"""Maximum mean discrepancy: how much of what columns do together has changed, over all pairs of columns."""

from __future__ import annotations

import math

from retrue.core.joint import JOINT, JointSums, pairs_of
from retrue.core.profile import Profile
from retrue.metrics.measure import Measure
from retrue.metrics.registry import metric

LEAST = 2
"""Rows that both sides need: a U-statistic leaves out each row's product with itself."""


def joint_sums(profile: Profile) -> JointSums | None:
    """What a profile keeps of its columns together; None where it keeps nothing."""
    found = profile.extras.get(JOINT)
    return found if isinstance(found, JointSums) else None


def own_noise(sums: JointSums) -> float:
    """By how much single rows alone raise the squared distance, in all pairs together."""
    power = float((sums.dependence**2).sum())
    return max(sums.energy / sums.n - power, 0.0) / (sums.n - 1)


@metric(
    "mmd",
    family="drift",
    of="profile",
    range=(0, None),
    better="lower",
    error="exact up to 256 pairs of columns; beyond, off by about 9 %",
    source="Gretton et al. 2012, 'A kernel two-sample test', equation 3; Rahimi and Recht 2007",
)
def mmd(window: Profile, reference: Profile) -> Measure:
    """Maximum mean discrepancy of what pairs of columns do together; what they do one by one is taken out.

    The root of the mean over pairs of the squared change of their dependence, which is about a correlation: 0.1 where
    each pair's correlation changed by 0.1, or one of 25 pairs' by 0.5. An unbiased estimate (a U-statistic), 0 where it
    is negative. `check` holds it, and each pair by itself, against what chance and the reference's windows explain.
    """
    after, before = joint_sums(window), joint_sums(reference)
    if after is None or before is None:
        return Measure(None, note="what columns do together isn't counted: it takes two features that vary")
    if min(after.n, before.n) < LEAST:
        return Measure(None, note=f"{min(after.n, before.n)} rows, needs {LEAST}")
    moved, pairs = after.dependence - before.dependence, pairs_of(after.columns).left.size
    square = (float((moved**2).sum()) - own_noise(after) - own_noise(before)) / pairs
    return Measure(math.sqrt(max(square, 0.0)))
