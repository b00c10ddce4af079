"""Rules between groups: which slices they are about, and what each group has of the metric.

accuracy_gap(sex) <= 0.05 ──slices_of──> sex = 'F', sex = 'M' ──measure_groups──> one measure
"""

from __future__ import annotations

from collections.abc import Mapping

from retrue.core.outcome import Outcome
from retrue.core.profile import Profile
from retrue.core.reference import Reference
from retrue.core.segments import parts_of
from retrue.judge.rules import Rule
from retrue.judge.words import rows
from retrue.metrics import Measure, Metric, get
from retrue.metrics.names import grouped_metric, is_estimated, metric_of
from retrue.slices import Slice

WITHOUT_LABELS = frozenset({"selection_rate"})
"""Metrics of all rows, labelled or not."""


def slices_of(rule: Rule, reference: Reference) -> list[Slice]:
    """The slices whose profiles a rule needs: its own; or, between groups, one for each frequent value of its column.

    Raises:
        SchemaError: the column of the groups isn't categorical.
    """
    if rule.slice is not None:
        return [rule.slice]
    if rule.column is None or get(rule.metric).of != "groups":
        return []
    return parts_of(reference.schema, rule.column, reference.profile.columns.get(rule.column), 1)


def measure_groups(
    rule: Rule, parts: Mapping[str, Profile], reference: Reference, least: int
) -> tuple[Measure, float | None]:
    """Compare the groups of a window.

    Args:
        rule: what is compared, between the values of which column.
        parts: the window's profiles by the SQL of their slice.
        reference: whose values are the groups; its labels calibrate what is estimated.
        least: rows that a group needs.

    Returns:
        The measure, and the rows of all groups that were counted.
    """
    base = get(grouped_metric(rule.metric))
    named = {one.to_sql(): said(one) for one in slices_of(rule, reference)}
    known = {sql: parts[sql].outcome for sql in named if sql in parts}
    if not known:
        return Measure(None, note="its groups weren't counted in this window"), None
    found = {named[sql]: measure_group(base, outcome, own(reference, sql), least) for sql, outcome in known.items()}
    return get(rule.metric).compute(found), sum(parts[sql].rows for sql in known)


def said(group: Slice) -> str:
    """A group's name: its value.

    >>> said(Slice.equals("sex", "F"))
    'F'
    """
    return group.to_sql().split(" = ", 1)[-1].strip("'")


def own(reference: Reference, sql: str) -> Outcome | None:
    """The reference's outcome in a group, or as a whole where the group wasn't counted."""
    part = reference.slices[sql].profile if sql in reference.slices else reference.profile
    return part.outcome


def measure_group(base: Metric, outcome: Outcome | None, before: Outcome | None, least: int) -> Measure:
    """What one group has of a metric; nothing where it has too few rows."""
    if outcome is None:
        return Measure(None, note="its labels aren't known yet")
    free = is_estimated(base.name) or base.name.partition("@")[0] in WITHOUT_LABELS
    n = outcome.labelled + (outcome.unlabelled if free else 0)
    if n < least:
        return Measure(None, note=f"{rows(n)}{'' if free else ' with labels'}, needs {least}")
    if not is_estimated(base.name):
        return base.compute(outcome)
    return estimate(metric_of(base.name), outcome, before)


def estimate(name: str, outcome: Outcome, before: Outcome | None) -> Measure:
    """What labels would say of a group, from its scores."""
    if before is None:
        return Measure(None, note="the reference has no labels")
    from retrue.estimate.cbpe import cbpe

    return cbpe(outcome, before, [name])[name]
