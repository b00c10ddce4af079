"""Shared rows: whether what is odd in one column goes away with the rows that are odd in another.

A window is read as rows of the reference, of which there are k in 100, and others, the surplus. In bins of a column
that hold no surplus the window has the share q = k p where the reference has p; in the others a row is surplus with the
chance 1 - k p/q. Weighing the window's rows by the chance that they aren't takes that column's surplus out. A change of
another column that vanishes with it has the same cause; one that stays has its own. So one finds an empty column that
is empty on the rows where another is, and the schooling that came with a new kind of household. Where a season moved a
column far more than its few missing rows did, those are looked at by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from retrue.core.state import Bools, Floats
from retrue.explain.association import coarse
from retrue.explain.coding import Coded
from retrue.explain.column import BINS, Codes

MOSTLY = 0.75
"""The share of a squared distance that has to vanish: half of the distance."""
ENOUGH = 50.0
"""Rows that must be left, by their weights, to tell anything."""
UNSEEN = 0.1
"""The share of a window's rows in bins without a row of the reference up to which the reference can be weighed."""
NOISE = 3.0
"""Standard errors that a bin's share has to rise before its rows are surplus."""


def shared_rows(coded: Coded, asked: frozenset[str]) -> frozenset[frozenset[str]]:
    """Find the pairs of columns whose changes have one cause: one explains the other, or a third column explains both.

    Args:
        coded: window and reference, as `code` codes them.
        asked: the columns in question; the others may explain them.
    """
    names = [column.name for column in coded.columns]
    wanted = [place for place, name in enumerate(names) if name in asked]
    if len(wanted) < 2 or coded.window.shape[1] < ENOUGH:
        return frozenset()
    explained = np.stack([explained_by(coded, cause, wanted) for cause in range(len(names))])
    found = set(missing_together(coded, wanted))
    for i in range(len(wanted)):
        for j in range(i):
            if float(np.minimum(explained[:, i], explained[:, j]).max()) >= MOSTLY:
                found.add(frozenset((names[wanted[i]], names[wanted[j]])))
    return frozenset(found)


def missing_together(coded: Coded, wanted: list[int]) -> Iterator[frozenset[str]]:
    """Find the pairs of columns that are missing in mostly the same rows, however much else moved in either."""
    nulls = {place: coded.columns[place].null for place in wanted}
    gone = {place: coded.window[place] == null for place, null in nulls.items() if null is not None}
    for one, other in combinations(gone, 2):
        if in_the_same_rows(gone[one], gone[other]):
            yield frozenset((coded.columns[one].name, coded.columns[other].name))


def in_the_same_rows(one: Bools, other: Bools) -> bool:
    """Say whether two sets of rows are mostly the same, and enough to tell."""
    both = int((one & other).sum())
    return both >= ENOUGH and both >= MOSTLY * int((one | other).sum())


def causes_of(coded: Coded, together: frozenset[str], asked: frozenset[str]) -> frozenset[str]:
    """Find the columns without whose surplus some others hang together as before.

    Args:
        coded: window and reference, as `code` codes them.
        together: the columns that changed together.
        asked: the columns that may be why.
    """
    names = [column.name for column in coded.columns]
    if not together <= set(names) or len(together) < 2 or coded.window.shape[1] < ENOUGH:
        return frozenset()
    joint = joint_cells(coded, [names.index(name) for name in sorted(together)])
    before = distance(*joint, None, None)
    return frozenset(
        name
        for cause, name in enumerate(names)
        if name in asked and name not in together and before > 0
        and any(1 - distance(*joint, *way) / before >= MOSTLY for way in ways_without(coded, cause))
    )  # fmt: skip


def joint_cells(coded: Coded, places: list[int]) -> tuple[Codes, Codes]:
    """Several columns' rows in cells of all of them, the rarest merged, of window and reference alike."""
    cells = [np.concatenate(cells_of(coded, place)).astype(np.int64) for place in places]
    _, joint, counts = np.unique(np.stack(cells), axis=1, return_inverse=True, return_counts=True)
    rank = np.empty(counts.size, np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(counts.size)
    merged = np.minimum(rank, BINS - 1)[joint].astype(np.uint8)
    n = coded.window.shape[1]
    return merged[:n], merged[n:]


def ways_without(coded: Coded, cause: int) -> list[tuple[Floats | None, Floats | None]]:
    """Weights of window and of reference that take a column's surplus out, or bring it in, where enough rows are left.

    Without it the window is like the reference again; or, where hardly a row is left then, the reference is like the
    window once it is weighed to have that column's shares.
    """
    codes, base = coded.window[cause], coded.reference[cause]
    ways: list[tuple[Floats | None, Floats | None]] = [
        (1.0 - surplus_of(codes, base), None),
        (None, raised_to(codes, base)),
    ]
    return [way for way in ways if all(one is None or effective(one) >= ENOUGH for one in way)]


def explained_by(coded: Coded, cause: int, wanted: list[int]) -> Floats:
    """Give the share of each wanted column's squared distance that one column explains, [wanted]."""
    found = [np.zeros(len(wanted))]
    for now, then in ways_without(coded, cause):
        found.append(np.array([explained(coded, one, now, then) for one in wanted]))
    if len(found) == 1:  # every row is odd, in a way that the reference never was: so are those of another such column
        odd = [surplus_of(coded.window[one], coded.reference[one]).mean() for one in wanted]
        found.append((np.array(odd) >= 1 - ENOUGH / coded.window.shape[1]).astype(np.float64))
    best = np.max(found, axis=0)
    best[[place for place, one in enumerate(wanted) if one == cause]] = 1.0
    return np.asarray(best, np.float64)


def explained(coded: Coded, place: int, now: Floats | None, then: Floats | None) -> float:
    """The share of a column's squared distance that vanishes where the rows of window or reference are weighed."""
    cells = cells_of(coded, place)
    before = distance(*cells, None, None)
    return 1 - distance(*cells, now, then) / before if before > 0 else 0.0


def raised_to(window: Codes, reference: Codes) -> Floats:
    """Weights of the reference's rows that give a column the shares of the window; none where it has no such rows."""
    q, p = (np.bincount(codes, minlength=BINS) / max(codes.size, 1) for codes in (window, reference))
    if float(q[p == 0].sum()) > UNSEEN:
        return np.zeros(reference.size)
    return np.asarray(np.divide(q, p, out=np.zeros_like(q), where=p > 0)[reference], np.float64)


def effective(weights: Floats) -> float:
    """How many rows weighed rows are worth (Kish 1965)."""
    return float(weights.sum()) ** 2 / max(float((weights**2).sum()), 1e-12)


def cells_of(coded: Coded, place: int) -> tuple[Codes, Codes]:
    """One column's rows in few cells, of window and reference alike."""
    ordered = coded.columns[place].ordered
    both = np.concatenate([coded.reference[place], coded.window[place]])
    cells = coarse(both, ordered=ordered).astype(np.uint8)
    m = coded.reference[place].size
    return cells[m:], cells[:m]


def distance(window: Codes, reference: Codes, now: Floats | None, then: Floats | None) -> float:
    """Give the squared distance of two columns, sum (q - p)^2 / (q + p), less what sampling alone brings about.

    Args:
        window: the window's cells.
        reference: the reference's.
        now: weights of the window's rows; None: all alike.
        then: weights of the reference's rows.
    """
    (q, n), (p, m) = (shares(codes, own) for codes, own in ((window, now), (reference, then)))
    held = q + p > 0
    q, p = q[held], p[held]
    noise = (q * (1 - q) / n + p * (1 - p) / m) / (q + p)
    return max(float(((q - p) ** 2 / (q + p) - noise).sum()), 0.0)


def shares(codes: Codes, weights: Floats | None) -> tuple[Floats, float]:
    """Give the share of each cell, and how many rows they rest on."""
    own = np.ones(codes.size) if weights is None else weights
    return np.bincount(codes, own, BINS) / max(float(own.sum()), 1e-12), max(effective(own), 1.0)


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
    kept = min(float(q[~risen].sum()) / max(float(p[~risen].sum()), 1e-12), 1.0)
    chance = np.where(risen, 1 - kept * np.divide(p, q, out=np.ones_like(q), where=q > 0), 0.0)
    return np.asarray(np.clip(chance, 0.0, 1.0)[window], np.float64)
