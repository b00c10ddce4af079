"""What labels would say of a window that has none yet, as a comparison shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from retrue.core.outcome import BinaryOutcome, MulticlassOutcome, Outcome, RegressionOutcome
from retrue.core.reference import Reference
from retrue.estimate import caution
from retrue.estimate.estimate import Estimate, refuse
from retrue.judge.assess import Assessment, Judge
from retrue.judge.eased import eased
from retrue.judge.estimated import judge_estimate
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import percent
from retrue.metrics import Measure, get
from retrue.metrics.performance.basis import counted
from retrue.report.comparison import PerformanceReport
from retrue.tables import Table

Estimated: TypeAlias = tuple[dict[str, PerformanceReport], tuple[str, ...]]
"""Each metric, and how it was estimated and how far to believe it, or why it can't be."""
BAD = ("missing", "mismatch", "nan", "infinite", "unseen", "out_of_range")
"""Shares of a column's rows of which the reference may say nothing."""


def estimate_of(
    window: Outcome | None, base: Reference, assessed: Assessment, rows: tuple[Table, Table] | None
) -> Estimate | None:
    """What labels would say; None where the window has labels, or the reference none.

    Args:
        window: its outcome.
        base: the reference.
        assessed: what was found about the window's columns.
        rows: the reference's rows and the window's, which tell more than score bins; None where they aren't at hand.
    """
    reference = base.profile.outcome
    if window is None or reference is None or window.labelled or not window.unlabelled or not reference.labelled:
        return None
    if isinstance(window, RegressionOutcome):
        return by_rows(rows, base)
    if not isinstance(window, BinaryOutcome | MulticlassOutcome):
        return None
    if rows is not None and learnable(base):
        return by_rows(rows, base)
    from retrue.estimate.cbpe import cbpe

    found, unknown = cbpe(window, reference), unlike(base, assessed)
    return refuse("cbpe", unknown, found.metrics, found.rows) if unknown and not found.refused else found


def by_rows(rows: tuple[Table, Table] | None, base: Reference) -> Estimate:
    """Estimate from rows of both tables; a stored reference has none."""
    if rows is None or base.grids.outcome is None:
        return refuse("auto", "a stored reference holds no rows to learn from", ())
    from retrue.estimate.sampled import estimate_sampled

    try:
        return estimate_sampled(*rows, base.schema, base.grids.outcome)
    except Exception as error:  # noqa: BLE001 - no data, however odd, may cost the comparison its other answers
        return refuse("auto", f"the estimator failed: {type(error).__name__}: {error}", ())


def learnable(base: Reference) -> bool:
    """Whether a classifier's rows tell more than score bins, and soon: unweighted, with features, of few classes."""
    from retrue.estimate.sampled import affordable

    outcome, schema = base.grids.outcome, base.schema
    return schema.weight is None and bool(schema.features) and outcome is not None and affordable(outcome)


def unlike(base: Reference, assessed: Assessment) -> str | None:
    """Why score bins tell nothing: a broken feature has values like none of the reference in too many rows."""
    broken = {one.column for one in assessed.verdicts if one.kind is VerdictKind.BROKEN and one.slice is None}
    names = [name for name in assessed.columns if name in broken and name in base.schema.features]
    worst = max(names, key=lambda name: bad_share(assessed.columns[name]), default=None)
    share = 0.0 if worst is None else bad_share(assessed.columns[worst])
    if share <= caution.MOST:
        return None
    return f"{percent(share)} of the rows are broken in {worst!r}: nothing is known of the model there"


def bad_share(measures: Mapping[str, Measure]) -> float:
    """The greatest rise of a share of bad rows."""
    found = (measures[name] for name in BAD if name in measures)
    return max(((one.value or 0.0) - (one.reference or 0.0) for one in found), default=0.0)


def with_estimate(judge: Judge, verdicts: Sequence[Verdict], estimate: Estimate | None) -> list[Verdict]:
    """The verdicts with those on an estimate, judged and weighed against the others as in `check`."""
    reference = judge.reference.profile.outcome
    if estimate is None or reference is None:
        return list(verdicts)
    names, tests, rules = judge.estimated_metrics, judge.tests, {(rule.metric, rule.column) for rule in judge.rules}
    told = judge_estimate(estimate, judge.own, reference.labelled, names, judge.strict, tests, judge.pasts)
    return eased([*verdicts, *told], judge.own, judge.judged_metrics, judge.settings, rules, names)


def estimated(found: Estimate | None, window: Outcome | None, reference: Outcome | None) -> Estimated:
    """What labels would say, beside the reference's, and how far to believe it; nothing where nothing was asked."""
    if found is None or window is None or reference is None:
        return {}, ()
    if found.refused is not None:
        return {}, (f"Performance can't be estimated without labels: {found.refused}",)
    told = {
        name: PerformanceReport.of(get(name), one, get(name).compute(reference))
        for name, one in found.metrics.items()
        if one.value is not None
    }
    return told, (*found.warnings, *belief(found, window))


def belief(found: Estimate, window: Outcome) -> list[str]:
    """How it was estimated, and what must hold for it to be right."""
    if found.method == "cbpe":
        return ["From the scores: right as long as what a score means stays as it was."]
    rows = f"From {found.rows:,} of {counted(window.unlabelled, 'row')}; right"
    right = rows if found.rows < window.unlabelled else "Right"
    return [f"{found.how[:1].upper()}{found.how[1:]}.", f"{right} as long as labels depend on the inputs as they did."]
