"""Shared rows: whether the rows that are odd in one column are those that are odd in another.

A window is read as the reference's rows and some more, the surplus. Where a bin holds the share q of the window and p
of the reference, a row in it is surplus with the chance 1 - p/q. Two columns share a cause where a row that is surplus
in one is mostly surplus in the other as well, and more so than chance brings about.
"""

from __future__ import annotations

import numpy as np

from retrue.core.state import Floats
from retrue.explain.coding import Coded
from retrue.explain.column import BINS, Codes

MOSTLY = 0.5
"""The least correlation of two columns' surplus: of two causes with the same rows but for a third of them, about .5."""
ALL = 0.9
"""Where two columns have so much surplus nearly every row is odd in both, and nothing can tell the two apart."""
NOISE = 3.0
"""Standard errors that a bin's share has to rise before its rows are surplus."""


def shared_rows(coded: Coded) -> frozenset[frozenset[str]]:
    """Find the pairs of columns whose surplus is mostly the same rows.

    Args:
        coded: window and reference, as `code` codes them.
    """
    if not coded.columns or coded.window.shape[1] < 2:
        return frozenset()
    surplus = np.stack([surplus_of(*codes) for codes in zip(coded.window, coded.reference, strict=True)])
    mean, spread = surplus.mean(axis=1), surplus.std(axis=1)
    centred = surplus - mean[:, None]
    joint = (centred @ centred.T) / surplus.shape[1]
    size = np.outer(spread, spread)
    correlation = np.divide(joint, size, out=np.zeros_like(joint), where=size > 0)
    same = (correlation >= MOSTLY) | (np.minimum.outer(mean, mean) >= ALL)
    names = [column.name for column in coded.columns]
    return frozenset(frozenset((names[i], names[j])) for i, j in np.argwhere(np.triu(same, 1)).tolist())


def surplus_of(window: Codes, reference: Codes) -> Floats:
    """Give each row of the window the chance that it is surplus, [rows].

    >>> codes = np.array([0] * 50 + [1] * 50, np.uint8)
    >>> surplus_of(codes, np.array([0] * 100, np.uint8))[[0, -1]].tolist()
    [0.0, 1.0]
    """
    n, m = window.size, max(reference.size, 1)
    q, p = np.bincount(window, minlength=BINS) / n, np.bincount(reference, minlength=BINS) / m
    error = np.sqrt(np.maximum(p * (1 - p), 1 / m) / n + p * (1 - p) / m)
    risen = q > p + NOISE * error
    chance = np.where(risen, 1 - np.divide(p, q, out=np.ones_like(q), where=q > 0), 0.0)
    return np.asarray(chance[window], np.float64)
