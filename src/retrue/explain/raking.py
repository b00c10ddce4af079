"""Raking: weight the reference so that what was found is no longer news.

After the reference holds as much student housing as the window, ages 18 to 21 aren't news either: proxies vanish, and
what is left is something else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrue.explain.column import Floats, Mask

FEW = 5
"""A slice with fewer rows than this is absent from a table."""

Sides = tuple[Floats, Floats]
"""Weights of the rows of the window and of the reference."""
Masks = tuple[Mask, Mask]
"""Which rows of the window and of the reference are in a slice."""


def without(weights: Sides, slices: Sequence[Masks]) -> Sides:
    """Rake the reference to the slices' shares of the window; what one table lacks is left out of the other.

    Only the last slice is looked at for what is lacking: the others have been.
    """
    out = weights[0].copy(), weights[1].copy()
    inside = slices[-1]
    for part in (inside, (~inside[0], ~inside[1])):
        for here, there in ((0, 1), (1, 0)):
            if int(part[here].sum()) < FEW:
                out[there][part[there]] = 0.0
    targets = [float(out[0][now].sum() / max(out[0].sum(), 1e-9)) for now, _ in slices]
    return out[0], rake(out[1], [before for _, before in slices], targets)


def rake(weights: Floats, masks: Sequence[Mask], targets: Sequence[float], rounds: int = 20) -> Floats:
    """Weight rows so that each mask holds its target share (iterative proportional fitting; Deming and Stephan 1940).

    A mask without weight, or a target of 0 or 1, can't be reached by weighting and is left alone.

    Returns:
        weights scaled to their effective size (Kish 1965): their sum is what so many equal rows would tell.

    >>> rake(np.ones(4), [np.array([True, False, False, False])], [0.5]).round(2).tolist()
    [1.5, 0.5, 0.5, 0.5]
    """
    out = weights.copy()
    for _ in range(rounds if len(masks) > 1 else 1):
        for mask, target in zip(masks, targets, strict=True):
            share = float(out[mask].sum() / max(out.sum(), 1e-300))
            if 0 < share < 1 and 0 < target < 1:
                out *= np.where(mask, target / share, (1 - target) / (1 - share))
    return np.asarray(out * (out.sum() / max(float((out**2).sum()), 1e-300)))
