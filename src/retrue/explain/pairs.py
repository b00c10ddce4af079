"""Pairs of columns whose dependence moved: each pair's table of both sides, compared with equal margins."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np

from retrue.core.state import Floats, Ints
from retrue.judge.distance import effective

CELLS = 8
"""Rows and columns of a pair's table: eighths of a number's ranks, the frequent categories and the rest."""
SURE = 0.01
"""How often any pair may be named where none moved (Bonferroni over the pairs)."""
MOST = 5
ROUNDS = 20
DRAWS = 200
_NORMAL = NormalDist()


@dataclass(frozen=True)
class ChangedPair:
    """Two columns whose dependence moved.

    Attributes:
        left, right: the columns.
        measure: "rank correlation" (Spearman) of two numbers, else "Cramér's V".
        before, after: of the reference and of the window.
        interval: 95 % interval of the change, for all pairs at once.
        p: how often chance alone moves a pair so far.
    """

    left: str
    right: str
    measure: str
    before: float
    after: float
    interval: tuple[float, float]
    p: float

    @property
    def change(self) -> float:
        """By how much it moved."""
        return self.after - self.before

    @property
    def sentence(self) -> str:
        """In words."""
        ends = " to ".join(f"{end:+.2f}" for end in self.interval)
        said = f"{self.measure} {self.before:.2f} to {self.after:.2f} (change {ends})".replace("-", "−")
        return f"{self.left} and {self.right}: {said}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "columns": [self.left, self.right],
            "measure": self.measure,
            "reference": self.before,
            "window": self.after,
            "interval": list(self.interval),
            "p": self.p,
        }


def changed_pairs(
    names: Sequence[str], window: Floats, reference: Floats, categorical: Sequence[bool]
) -> list[ChangedPair]:
    """The pairs whose dependence moved beyond doubt, most surprising first, at most `MOST`.

    Each pair's window table is held against the reference's with the window's margins (iterative proportional fitting,
    Deming and Stephan 1940), by the likelihood ratio: what is left is what the two do together.

    Args:
        names: of the d columns.
        window: float64[m, d]: ranks 0 to 1 of numbers, places of categories; NaN where there is no value.
        reference: float64[n, d].
        categorical: which are categories.
    """
    from scipy.stats import chi2

    sides = [cells_of(side, categorical) for side in (window, reference)]
    pairs = list(combinations(range(len(names)), 2))
    found = []
    for a, b in pairs:
        after, before = (table_of(side, a, b) for side in sides)
        statistic, freedom = moved(after, before)
        found.append((float(chi2.sf(statistic, freedom)), -statistic / freedom, a, b))
    sure = sorted(one for one in found if one[0] * len(pairs) < SURE)[:MOST]
    return [described(names, (window, reference), sides, categorical, a, b, p, len(pairs)) for p, _, a, b in sure]


def cells_of(side: Floats, categorical: Sequence[bool]) -> Ints:
    """int64[d, rows]: the cell of each value; the last one where there is none."""
    found = np.full(side.T.shape, CELLS, np.int64)
    for place, (values, named) in enumerate(zip(side.T, categorical, strict=True)):
        known = ~np.isnan(values)
        cells = values[known] if named else values[known] * CELLS
        found[place, known] = np.minimum(cells, CELLS - 1).astype(np.int64)
    return found


def table_of(cells: Ints, a: int, b: int) -> Floats:
    """float64[9, 9]: rows in each pair of cells."""
    width = CELLS + 1
    return np.bincount(cells[a] * width + cells[b], minlength=width * width).reshape(width, width).astype(np.float64)


def moved(after: Floats, before: Floats) -> tuple[float, float]:
    """The likelihood ratio of a pair's window table against the reference's with its margins; degrees of freedom."""
    kept = (after + before).sum(axis=1) > 0, (after + before).sum(axis=0) > 0
    after, before = (side[np.ix_(*kept)] + 0.5 / side.size for side in (after, before))
    expected = before / before.sum() * after.sum()
    for _ in range(ROUNDS):
        expected *= (after.sum(axis=1) / expected.sum(axis=1))[:, None]
        expected *= after.sum(axis=0) / expected.sum(axis=0)
    size = effective(float(after.sum()), float(before.sum())) / float(after.sum())
    # Of cells that hold next to nothing the likelihood ratio is no chi-square: they don't count.
    full = expected >= 1
    ratio = 2 * float((after * np.log(after / expected))[full].sum() - (after - expected)[full].sum())
    freedom = max((after.shape[0] - 1) * (after.shape[1] - 1) - int((~full).sum()), 1)
    return max(ratio * size, 0.0), float(freedom)


def described(
    names: Sequence[str],
    values: tuple[Floats, Floats],
    cells: Sequence[Ints],
    categorical: Sequence[bool],
    a: int,
    b: int,
    p: float,
    pairs: int,
) -> ChangedPair:
    """Measure how two columns hang together on both sides, and the change with an interval."""
    reach = _NORMAL.inv_cdf(1 - 0.025 / pairs)
    if categorical[a] or categorical[b]:
        tables = [table_of(side, a, b) for side in cells]
        after, before = (cramers_v(table) for table in tables)
        error = math.hypot(*(drawn_error(table) for table in tables))
        ends = after - before - reach * error, after - before + reach * error
        return ChangedPair(names[a], names[b], "Cramér's V", before, after, ends, p)
    (after, above), (before, below) = (correlated(side[:, a], side[:, b], reach) for side in values)
    low = after - before - math.hypot(after - above[0], below[1] - before)
    high = after - before + math.hypot(above[1] - after, before - below[0])
    return ChangedPair(names[a], names[b], "rank correlation", before, after, (low, high), p)


def correlated(x: Floats, y: Floats, reach: float) -> tuple[float, tuple[float, float]]:
    """Spearman's correlation of ranks, and its interval by Fisher's z (Fieller, Hartley and Pearson 1957)."""
    known = ~(np.isnan(x) | np.isnan(y))
    x, y = x[known], y[known]
    if x.size < 4 or x.std() == 0 or y.std() == 0:
        return 0.0, (-1.0, 1.0)
    rho = float(np.clip(np.corrcoef(x, y)[0, 1], -1, 1))
    z, error = math.atanh(float(np.clip(rho, -0.999999, 0.999999))), math.sqrt(1.06 / (x.size - 3))
    return rho, (math.tanh(z - reach * error), math.tanh(z + reach * error))


def cramers_v(table: Floats) -> float:
    """Cramér's V, corrected for bias (Bergsma 2013, "A bias-correction for Cramér's V", equation 3)."""
    table = table[np.ix_(table.sum(axis=1) > 0, table.sum(axis=0) > 0)]
    n, (r, c) = float(table.sum()), table.shape
    if n < 2 or min(r, c) < 2:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = max(0.0, float(((table - expected) ** 2 / expected).sum()) / n - (r - 1) * (c - 1) / (n - 1))
    least = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return min(math.sqrt(phi / least), 1.0) if least > 0 else 0.0


def drawn_error(table: Floats) -> float:
    """The standard error of Cramér's V: that of tables drawn from this one."""
    rng, n = np.random.default_rng(0), int(table.sum())
    return float(np.std([cramers_v(draw) for draw in draws(rng, table, n)]))


def draws(rng: np.random.Generator, table: Floats, n: int) -> Iterator[Floats]:
    """Tables drawn from a table."""
    for drawn in rng.multinomial(n, table.ravel() / max(n, 1), size=DRAWS):
        yield drawn.reshape(table.shape).astype(np.float64)
