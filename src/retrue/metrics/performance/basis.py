"""What a performance metric stands on, and why there is nothing to measure, in plain words."""

from __future__ import annotations

from retrue.core.outcome import Outcome
from retrue.core.state import Sums
from retrue.metrics.measure import NOTHING, Measure
from retrue.metrics.performance.intervals import of_fraction, of_mean


def counted(n: float, what: str) -> str:
    """A number with its noun.

    >>> counted(1, "label"), counted(1200, "label")
    ('1 label', '1,200 labels')
    """
    said = f"{n:,.0f} {what}"
    return said if said == f"1 {what}" else said + "s"


def without(outcome: Outcome, what: str = "predictions") -> Measure:
    """No value, because there are no rows, no labels, or no `what` beside the labels."""
    rows = outcome.labelled + outcome.unlabelled
    if rows == 0:
        return NOTHING
    if outcome.labelled == 0:
        return Measure(None, note=f"no labels among {counted(rows, 'row')}")
    return Measure(None, note=f"no {what} among {counted(outcome.labelled, 'labelled row')}")


def one_class(labels: float) -> Measure:
    """No value, because both classes are needed."""
    return Measure(None, note=f"only one class among {counted(labels, 'label')}")


def left_out(n: float, of: float, why: str) -> str | None:
    """A note where some rows don't count, None where all do.

    >>> left_out(3, 1200, "have a label of 0")
    '3 of 1,200 rows have a label of 0 and are left out'
    """
    return f"{n:,.0f} of {counted(of, 'row')} {why} and are left out" if n > 1e-9 * of else None


def mean(sums: Sums, *, low: float | None = None, note: str | None = None) -> Measure:
    """The mean of a per-event value that has at least one event, with Student's interval cut at `low`."""
    return Measure(sums.mean, interval=of_mean(sums, low), note=note or single(sums.n))


def mean_fraction(sums: Sums, note: str | None = None) -> Measure:
    """The mean of a per-event value between 0 and 1 that has at least one event."""
    value, error = sums.mean or 0.0, sums.standard_error
    return Measure(value, interval=of_fraction(value, (error or 0.0) ** 2, sums.n), note=note)


def single(n: float) -> str | None:
    """Why there is no interval of a mean."""
    return "one row only: no interval" if 0 < n < 2 else None
