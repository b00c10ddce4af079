"""Rules between two columns of a row, such as `departure <= arrival`: how many rows break them."""

from __future__ import annotations

from collections.abc import Mapping

from retrue.core.extra import COMPARISONS
from retrue.core.profile import Profile
from retrue.core.state import Sums
from retrue.errors import MetricError, nearest
from retrue.metrics.measure import Measure
from retrue.metrics.quality.shares import share
from retrue.metrics.registry import metric


@metric(
    "rule_broken",
    family="quality",
    of="profile",
    range=(0, 1),
    unit="share",
    better="lower",
    source="interval: Wilson 1927",
)
def rule_broken(window: Profile, reference: Profile, *, rule: str | None = None) -> Measure:
    """Share of rows that break a rule between two columns; without a name, of the rule that is broken most.

    A rule is a `retrue.core.extra.RowRule` that the model was registered with. Rows with a null in either column don't
    count. All rules are in the measure's names, with the rows that break them, most first.

    Args:
        window: a profile with the model's rules.
        reference: another one of the same model.
        rule: one rule, by name: `departure <= arrival`.

    Raises:
        MetricError: the model has no such rule.
    """
    found = rules(window)
    if rule is not None and rule not in found:
        raise MetricError(f"unknown row rule {rule!r}", hint=nearest(rule, found))
    if not found:
        return Measure(None, note="the model has no row rules")
    ranked = sorted(found.items(), key=lambda item: (-(item[1].mean or 0.0), item[0]))
    name, worst = (rule, found[rule]) if rule is not None else ranked[0]
    before = rules(reference).get(name, Sums())
    one = share(round(worst.total), worst.n, round(before.total), before.n)
    names = tuple((each, round(sums.total)) for each, sums in ranked)
    return Measure(one.value, one.reference, interval=one.interval, note=one.note, names=names)


def rules(profile: Profile) -> Mapping[str, Sums]:
    """The row rules among a profile's extras, by name."""
    return {
        name: extra
        for name, extra in profile.extras.items()
        if isinstance(extra, Sums) and any(f" {sign} " in name for sign in COMPARISONS)
    }
