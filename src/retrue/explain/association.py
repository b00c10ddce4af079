"""Association: how strongly two columns go together, by the bias-corrected Cramér's V of their coded values."""

from __future__ import annotations

import math

import numpy as np

from retrue.core.state import Floats
from retrue.explain.coding import Coded
from retrue.explain.column import BINS, Codes

COARSE = 10
"""Cells of an ordered column: finer ones only add noise."""


def association(coded: Coded, asked: frozenset[str]) -> dict[frozenset[str], float]:
    """Say for every two columns how strongly they go together in the reference: 0 not at all, 1 completely.

    Args:
        coded: the tables as `code` codes them; only the reference is looked at.
        asked: the columns in question.
    """
    coded = coded.only(asked)
    cells = [
        coarse(codes, ordered=column.ordered) for column, codes in zip(coded.columns, coded.reference, strict=True)
    ]
    names = [column.name for column in coded.columns]
    return {
        frozenset((names[i], names[j])): cramers_v(np.bincount(cells[i] * BINS + cells[j], minlength=BINS * BINS))
        for i in range(len(names))
        for j in range(i)
    }


def coarse(codes: Codes, *, ordered: bool) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Merge the bins of an ordered column to about ten of equal mass; nulls and the like stay in the last ones."""
    if not ordered:
        return codes.astype(np.int64)
    counts = np.bincount(codes, minlength=BINS)
    middle = (np.cumsum(counts) - counts / 2) / max(int(counts.sum()), 1)
    return np.minimum((middle * COARSE).astype(np.int64), COARSE - 1)[codes]


def cramers_v(counts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
    """Give Cramér's V of a table of counts, without its bias (Bergsma 2013, "A bias-correction for Cramér's V").

    Args:
        counts: rows in each pair of bins, [64 x 64].

    >>> table = np.zeros(BINS * BINS, np.int64); table[[0, 65]] = 500  # two columns that are the same
    >>> round(cramers_v(table), 3)
    1.0
    """
    table: Floats = counts.reshape(BINS, BINS).astype(np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n, (rows, columns) = float(table.sum()), table.shape
    if n < 2 or min(rows, columns) < 2:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n
    corrected = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    room = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(corrected / room)) if room > 0 else 0.0
