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
ROUNDS = 50
LEAST = 1e-12
"""A mask with less weight than this share, inside or outside, counts as one without weight."""

Sides = tuple[Floats, Floats]
"""Weights of the rows of the window and of the reference."""
Masks = tuple[Mask, Mask]
"""Which rows of the window and of the reference are in a slice."""


def without(weights: Sides, slices: Sequence[Masks], margins: Sequence[Masks] = ()) -> Sides:
    """Rake the reference to the slices' shares of the window; what one table lacks is left out of the other.

    Args:
        weights: of the rows.
        slices: which rows are in them. Only the last one is looked at for what is lacking: the others have been.
        margins: what is raked as well: the slices' single conditions, or the mirror of `JFK AND rain > 4`,
            `JFK AND rain <= 4`, would be news.
    """
    out = weights[0].copy(), weights[1].copy()
    inside = slices[-1]
    for part in (inside, (~inside[0], ~inside[1])):
        for here, there in ((0, 1), (1, 0)):
            if int(part[here].sum()) < FEW:
                out[there][part[there]] = 0.0
    raked = [*slices, *margins]
    targets = [float(out[0][now].sum() / max(out[0].sum(), 1e-9)) for now, _ in raked]
    return out[0], rake(out[1], [before for _, before in raked], targets)


def rake(weights: Floats, masks: Sequence[Mask], targets: Sequence[float]) -> Floats:
    """Weight rows so that each mask holds its target share (iterative proportional fitting; Deming and Stephan 1940).

    A mask without weight, or a target of 0 or 1, can't be reached by weighting and is left alone. Rows in the same
    masks are weighted alike, so the fitting works on the sums of such cells.

    Returns:
        weights scaled to their effective size (Kish 1965): their sum is what so many equal rows would tell.

    >>> rake(np.ones(4), [np.array([True, False, False, False])], [0.5]).round(2).tolist()
    [1.5, 0.5, 0.5, 0.5]
    """
    cells = np.zeros(len(weights), np.int64)
    for place, mask in enumerate(masks):
        cells += mask.astype(np.int64) << place
    kinds, cells = np.unique(cells, return_inverse=True)
    sums = np.bincount(cells, weights, minlength=len(kinds)).astype(np.float64)
    factors = _fit(sums, [(kinds >> place) & 1 == 1 for place in range(len(masks))], targets)
    out = weights * factors[cells]
    return np.asarray(out * (out.sum() / max(float((out**2).sum()), 1e-300)))


def _fit(sums: Floats, masks: Sequence[Mask], targets: Sequence[float]) -> Floats:
    """Give the factor of each cell.

    Each step keeps the sum of weights, so that the factor of a cell with weight is bounded even where no weights reach
    the targets together. That of a cell without weight isn't, and means nothing: it stays 1.
    """
    factors, held = np.ones(len(sums)), sums > 0
    for _ in range(ROUNDS if len(masks) > 1 else 1):
        for mask, target in zip(masks, targets, strict=True):
            now = sums * factors
            inside, outside = float(now[mask].sum()), float(now[~mask].sum())
            total = inside + outside
            if min(inside, outside) > LEAST * total and 0 < target < 1:
                factors[held & mask] *= target * total / inside
                factors[held & ~mask] *= (1 - target) * total / outside
    return factors
