"""Whether a model's scores are probabilities: what its losses, its calibration and a threshold of 0.5 rest on."""

from __future__ import annotations

import numpy as np

from retrue.core.outcome import BinaryOutcome, Outcome
from retrue.core.state import Bools, Floats, added
from retrue.metrics.measure import Measure
from retrue.metrics.performance.basis import left_out

NOTICEABLE = 0.01
"""Up to this share of scores outside 0 to 1 is left out with a note; beyond it, scores are no probabilities."""


def beyond(cuts: Floats) -> Bools:
    """bool[m + 1]: the score bins that hold nothing within 0 and 1; exact where 0 and 1 are cuts.

    >>> beyond(np.array([0.0, 0.5, np.nextafter(1.0, 2.0)])).tolist()
    [True, False, False, True]
    """
    low, high = np.concatenate([[-np.inf], cuts]), np.concatenate([cuts, [np.inf]])
    return np.asarray((low > 1) | (high <= 0))


def improbable_share(outcome: Outcome | None) -> float | None:
    """Share of all scores, labelled or not, that are no probabilities; None without scores of two classes."""
    if not isinstance(outcome, BinaryOutcome) or not outcome.cuts.size:
        return None
    counts = outcome.counts[:-1].sum(axis=1)
    scored = added(counts)
    return float(counts[beyond(outcome.cuts)].sum()) / scored if scored else None


def outside(outcome: BinaryOutcome) -> tuple[float, float]:
    """Labelled rows whose score is no probability, and labelled rows with a score."""
    scored = added(outcome.scored)
    return scored - outcome.losses["brier"].n, scored


def no_probabilities(outcome: Outcome, instead: str = "") -> Measure | None:
    """No value, because a noticeable share of the labelled scores are no probabilities; None where they are.

    >>> from retrue.metrics.performance.arrays import binary
    >>> no_probabilities(binary([0, 1], scores=[20.0, 80.0])).note
    '100 % of 2 scores are no probabilities: they lie outside 0 to 1'
    """
    if not isinstance(outcome, BinaryOutcome):
        return None
    out, scored = outside(outcome)
    if not scored or out / scored <= NOTICEABLE:
        return None
    said = f"{100 * out / scored:.3g} % of {scored:,.0f} scores are no probabilities: they lie outside 0 to 1"
    return Measure(None, note=said + instead)


def improbable(outcome: Outcome) -> str | None:
    """A note on the few labelled rows that have scores outside 0 to 1."""
    if not isinstance(outcome, BinaryOutcome):
        return None
    out, scored = outside(outcome)
    return left_out(out, scored, "have a score outside 0 to 1")
