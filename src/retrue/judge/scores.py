"""Are a model's scores still probabilities? Percentages or raw margins in their place break every metric of them."""

from __future__ import annotations

from retrue.core.outcome import BinaryOutcome, Outcome
from retrue.core.state import added
from retrue.judge.settings import Settings
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.judge.words import percent, rows
from retrue.metrics.performance.probabilities import NOTICEABLE, improbable_share


def judge_scores(
    name: str, window: Outcome | None, reference: Outcome | None, settings: Settings | None = None
) -> Verdict | None:
    """Give a `broken` verdict where the window's scores left 0 to 1 and the reference's lie within; else None.

    Args:
        name: the score's column.
        window: the outcome of the window.
        reference: that of the reference, on the same grid. Raw margins on both sides are no fault of the data: the
            metrics that need probabilities say so themselves.
        settings: how many rows it takes to tell.
    """
    share, before = improbable_share(window), improbable_share(reference)
    if share is None or before is None or share <= NOTICEABLE or before > NOTICEABLE:
        return None
    n = added(window.counts[:-1]) if isinstance(window, BinaryOutcome) else 0
    if n < (settings or Settings()).min_rows:
        return None
    reason = (
        f"{percent(share)} of {rows(n)} have a score that is no probability (outside 0 to 1), {percent(before)} did in "
        "the reference: give probabilities, or prediction="
    )
    return Verdict(VerdictKind.BROKEN, reason, column=name, value=share, n=n, threshold=NOTICEABLE)
