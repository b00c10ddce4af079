"""Which columns changed together, where no single one tells: from rows, since it takes their combinations.

    window, reference --ranks on their own side--> equal column by column --classifier--> AUC, importances, odd rows
                                               --table of each pair------> pairs whose dependence moved

Each side's numbers are replaced by their ranks on that side, so that what a classifier can still tell apart is what
the columns do together (the copula; Nelsen 2006, "An Introduction to Copulas", section 2.3). Categories have no ranks:
leave columns out that moved by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from retrue.core.state import Floats, Ints
from retrue.errors import SchemaError, nearest
from retrue.estimate.features import Coder
from retrue.explain.apart import SEED, told_apart
from retrue.explain.pairs import ChangedPair, changed_pairs
from retrue.explain.places import KEPT, thinned
from retrue.judge.joint import MOVED
from retrue.judge.verdict import Verdict
from retrue.judge.words import figure, span
from retrue.schema import Kind, Schema
from retrue.tables import Table

KINDS = (Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN)
LEAST_ROWS = 100
"""Rows that it takes on both sides."""
MOST_COLUMNS = 40
EXAMPLES = 5
SURE = 0.001
"""How often chance alone may have an AUC so high that rows count as told apart."""


@dataclass(frozen=True)
class JointChange:
    """What columns do together that they didn't do before.

    Attributes:
        auc: how well a classifier tells window rows from reference rows by their columns together, on rows that it
            didn't learn from: 0.5 where it can't, 1 where it always can. None where it can't be tried.
        interval: its 95 % interval (DeLong).
        p: how often chance alone has an AUC as high (Mann and Whitney).
        features: the columns it used, with the AUC lost where one of them is shuffled, most first.
        pairs: pairs of columns whose dependence moved beyond doubt, most surprising first.
        examples: rows of the window that look least like the reference.
        rows: how many rows of the window and of the reference were read.
        note: why it can't be told.
    """

    auc: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    features: tuple[tuple[str, float], ...] = ()
    pairs: tuple[ChangedPair, ...] = ()
    examples: pl.DataFrame = field(default_factory=pl.DataFrame)
    rows: tuple[int, int] = (0, 0)
    note: str | None = None

    @property
    def apart(self) -> bool:
        """Whether the classifier can tell the rows apart beyond doubt."""
        return self.p is not None and self.p < SURE

    @property
    def changed(self) -> bool:
        """Whether the columns changed together beyond doubt."""
        return self.apart or bool(self.pairs)

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        if self.auc is None or self.interval is None:
            return f"What columns do together can't be compared: {self.note}."
        auc = f"AUC {figure(self.auc, 0.01)} ({span(self.interval)})"
        by = f", most by {' and '.join(name for name, _ in self.features[:2])}" if self.features else ""
        can = "tells" if self.apart else "can't tell"
        told = f"a classifier {can} the rows apart ({auc})"
        if not self.changed:
            return f"Columns go together as they did: {told}."
        pairs = "; ".join(pair.sentence for pair in self.pairs[:1])
        return f"Columns changed together: {'; '.join(part for part in (pairs, told + by * self.apart) if part)}."

    @property
    def short(self) -> str:
        """The pair that changed most, or whether any did."""
        if self.pairs:
            return f"{self.pairs[0].left} and {self.pairs[0].right}"
        return "several columns" if self.changed else "nothing beyond doubt"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the examples."""
        return {
            "auc": self.auc,
            "interval": None if self.interval is None else list(self.interval),
            "p": self.p,
            "features": [{"column": name, "auc_lost": lost} for name, lost in self.features],
            "pairs": [pair.to_dict() for pair in self.pairs],
            "rows": {"window": self.rows[0], "reference": self.rows[1]},
            "note": self.note,
        }


def find_joint(
    window: pl.DataFrame, reference: pl.DataFrame, columns: Sequence[str], kinds: Mapping[str, Kind]
) -> JointChange:
    """Find what columns do together in the window that they don't in the reference.

    Args:
        window: its rows; at most 20,000, evenly spread, are read.
        reference: the reference's rows, the same.
        columns: which columns, the first 40 of which are read; numbers, categories and booleans count.
        kinds: what each of them is.

    Raises:
        SchemaError: a column that one of the tables lacks.

    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 2_000))
    >>> before, after = pl.DataFrame({"x": x, "y": y}), pl.DataFrame({"x": x, "y": np.sort(y)[x.argsort().argsort()]})
    >>> found = find_joint(after, before, ["x", "y"], dict.fromkeys("xy", Kind.NUMERIC))
    >>> found.pairs[0].sentence
    'x and y: rank correlation ... to 1.00 (change ...)'
    """
    both = set(window.columns) & set(reference.columns)
    for name in columns:
        if name not in both:
            raise SchemaError(f"unknown column {name!r}", where="the tables to explain", hint=nearest(name, both))
    after, before = thinned(window), thinned(reference)
    rows = after.height, before.height
    if min(rows) < LEAST_ROWS:
        return JointChange(rows=rows, note=f"{min(rows):,} rows, needs {LEAST_ROWS}")
    rng = np.random.default_rng(SEED)
    halves = tuple(rng.permutation(side.height) % 2 for side in (after, before))
    coded = [code(name, kinds[name], (after, before), halves, rng) for name in columns if kinds[name] in KINDS]
    known = [one for one in coded if one is not None][:MOST_COLUMNS]
    if len(known) < 2:
        return JointChange(rows=rows, note="it takes two columns that vary")
    names, sides = [name for name, _, _ in known], tuple(np.column_stack([one[i] for one in known]) for i in (1, 2))
    categorical = [kinds[name] is not Kind.NUMERIC for name in names]
    found = told_apart(sides, halves, categorical)
    order = np.argsort(-found.lost, kind="stable")
    used = tuple((names[at], float(found.lost[at])) for at in order if found.lost[at] > 0)
    oddest = after[np.argsort(-found.window, kind="stable")[:EXAMPLES]]
    pairs = changed_pairs(names, sides[0], sides[1], categorical)
    change = JointChange(found.auc, found.interval, found.p, used, tuple(pairs), oddest, rows)
    return change if change.changed else replace(change, features=(), examples=after.clear())


def of_tables(window: Table, reference: Table, schema: Schema, verdicts: Iterable[Verdict]) -> JointChange:
    """What features do together in one table that they don't in another; those apart that changed by themselves."""
    odd = {verdict.column for verdict in verdicts if verdict.kind in MOVED}
    both = set(window.dtypes) & set(reference.dtypes)
    columns = [name for name in schema.features if name in both and name not in odd]
    if not columns:
        return JointChange(note="it takes two columns that vary")
    after, before = window.sample(columns, KEPT), reference.sample(columns, KEPT)
    return find_joint(after, before, columns, {name: schema.column(name).kind for name in columns})


Coded = tuple[str, Floats, Floats]


def code(
    name: str, kind: Kind, sides: Sequence[pl.DataFrame], halves: Sequence[Ints], rng: np.random.Generator
) -> Coded | None:
    """A column of both sides as numbers: ranks on their own side, or places of categories; None if it is constant."""
    coder = Coder.fit(sides[1][name], kind)
    found = [coder.codes(side) for side in sides]
    if any(np.unique(side[~np.isnan(side)]).size < 2 for side in found):
        return None
    if kind is Kind.NUMERIC:
        # Of one ranking over both halves, what one half had too much of the other would have too little of.
        for side, half in zip(found, halves, strict=True):
            for place in (0, 1):
                side[half == place] = own_ranks(side[half == place], rng)
    return name, found[0], found[1]


def own_ranks(values: Floats, rng: np.random.Generator) -> Floats:
    """float64[rows]: where each value ranks among its side's own, 0 to 1; equal ones anywhere among them, by chance.

    So both sides are uniform whatever they repeat: a share of zeros that changed can't be told from the ranks. NaN
    stays.
    """
    known = ~np.isnan(values)
    ordered = np.sort(values[known])
    below = np.searchsorted(ordered, values[known], side="left")
    upto = np.searchsorted(ordered, values[known], side="right")
    chance = rng.random(ordered.size)
    ranks = np.full(values.size, np.nan)
    ranks[known] = (below + (upto - below) * chance) / max(ordered.size, 1)
    return ranks
