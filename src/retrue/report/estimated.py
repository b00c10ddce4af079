"""What labels would say of a window that has none yet, as a comparison shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from retrue.core.outcome import BinaryOutcome, MulticlassOutcome, Outcome, RegressionOutcome
from retrue.estimate.estimate import Estimate
from retrue.metrics import get
from retrue.metrics.performance.basis import counted
from retrue.report.comparison import PerformanceReport

Estimated: TypeAlias = tuple[dict[str, PerformanceReport], tuple[str, ...]]
"""Each metric, and how it was estimated and how far to believe it, or why it can't be."""


def estimated(window: Outcome | None, reference: Outcome | None, by_rows: Callable[[], Estimate]) -> Estimated:
    """What labels would say, and how far to believe it; nothing where the window has labels, or the reference none.

    Args:
        window: its outcome.
        reference: that of the reference.
        by_rows: estimates from rows what profiles can't tell.
    """
    if window is None or reference is None or window.labelled or not window.unlabelled or not reference.labelled:
        return {}, ()
    if isinstance(window, BinaryOutcome | MulticlassOutcome):
        from retrue.estimate.cbpe import cbpe

        found, said = cbpe(window, reference), ["From the scores: right as long as what a score means stays as it was."]
    elif isinstance(window, RegressionOutcome):
        found = by_rows()
        rows = f"From {found.rows:,} of {counted(window.unlabelled, 'row')}; right"
        right = rows if found.rows < window.unlabelled else "Right"
        said = [f"{found.how}.", f"{right} as long as labels depend on the inputs as they did."]
    else:
        return {}, ()
    if found.refused is not None:
        return {}, (f"Performance can't be estimated without labels: {found.refused}",)
    told = {
        name: PerformanceReport.of(get(name), one, get(name).compute(reference))
        for name, one in found.metrics.items()
        if one.value is not None
    }
    return told, (*found.warnings, *said)
