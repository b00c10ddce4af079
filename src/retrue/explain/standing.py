"""Standing: how single events stand against a reference: how odd each is, why, and what is like it there.

events --Outliers--> outlier score, the columns behind it
       --Neighbours--> the reference's rows that are nearest, with what the model did there
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from retrue.core.grids import Grids
from retrue.explain.neighbours import Nearest, Neighbours
from retrue.explain.outliers import Floats, Outliers
from retrue.explain.places import Places
from retrue.judge.words import figure

OUTLIER_SCORE = "outlier_score"
"""The column by which a slice asks for it: `outlier_score > 0.99`."""
EDGE = 0.99
"""An event with a greater outlier score is an edge case."""
RARE = 2.58
"""A value whose normal score is beyond this is rare by itself: one in 100 is. Others are odd together."""
MOST = 3
"""Neighbours, and columns behind an outlier score, that are told."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What makes an event odd in one column.

    Args:
        column: the column.
        value: its value, as a sentence writes it; empty where it is missing.
        what: what is odd about it, such as "is beyond the reference".
    """

    column: str
    value: str
    what: str

    def __str__(self) -> str:
        """Say it.

        >>> print(Reason("precip", "3.2", "is beyond the reference"))
        precip 3.2 is beyond the reference
        """
        return " ".join(part for part in (self.column, self.value, self.what) if part)


@dataclass(frozen=True, eq=False)
class Standing:
    """How one event stands against the reference.

    Args:
        outlier_score: share of the reference's rows that are less odd, by robust distance, 0 to 1.
        forest_score: the same share by an isolation forest: a second opinion.
        because: what makes it odd, the most telling column first; nothing where it is no edge case.
        nearest: the reference's rows most like it, or that there are none.
    """

    outlier_score: float
    forest_score: float
    because: tuple[Reason, ...]
    nearest: Nearest

    @property
    def edge_case(self) -> bool:
        """Whether next to nothing is like it: 99 % of the reference's rows are less odd, or none is near."""
        return self.outlier_score > EDGE or not self.nearest

    @property
    def verdict(self) -> str:
        """Whether it is an edge case, and why."""
        score = f"odder than {odder(self.outlier_score)} of the reference"
        if not self.edge_case:
            return f"no edge case: {score}"
        reason = f" because {', '.join(map(str, self.because))}" if self.because else ""
        # One that isn't odd by its columns has no neighbours, which is said with those: its score would deny it.
        return f"an edge case{reason}: {score}" if self.outlier_score > EDGE else f"an edge case{reason}"

    def __str__(self) -> str:
        """Say whether it is an edge case, and why, and what is like it."""
        return f"{self.verdict}; {self.nearest}"

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values; the neighbours' values as they are in the reference."""
        return {
            "edge_case": self.edge_case,
            "outlier_score": self.outlier_score,
            "forest_score": self.forest_score,
            "because": [{"column": one.column, "reason": str(one)} for one in self.because],
            "nearest": self.nearest.nearest,
            "usual": self.nearest.usual,
            "neighbours": [
                {"distance": float(distance), "row": row}
                for distance, row in zip(self.nearest.distances, self.nearest.rows.to_dicts(), strict=True)
            ],
        }


@dataclass(frozen=True, eq=False)
class Standings:
    """Tells how events stand against one reference; fitted once, then quick for a single event.

    Args:
        grids: the reference's.
        rows: the reference's rows.
        columns: the columns that count (features, as a rule); None: all that the grids know.
    """

    grids: Grids
    rows: pl.DataFrame
    columns: Collection[str] | None = None

    def score(self, events: pl.DataFrame) -> Floats:
        """float64[rows]: the outlier score of each event, 0 to 1.

        Raises:
            TableError: no rows or no columns to learn from.
        """
        return scored(self.outliers, events)

    def of(self, events: pl.DataFrame, most: int = MOST) -> tuple[Standing, ...]:
        """Tell how each of a few events stands.

        Args:
            events: the events; columns that they lack count as null.
            most: neighbours, and columns behind a score, at most.

        Raises:
            TableError: no rows or no columns to learn from.
        """
        if not events.height:
            return ()
        scores, forest = self.score(events).tolist(), scored(self.forest, events).tolist()
        nearest = [self.neighbours.of(events[at : at + 1], most) for at in range(events.height)]
        because = reasons(self.outliers, events, most)
        found = map(Standing, scores, forest, because, nearest)
        return tuple(one if one.edge_case else replace(one, because=()) for one in found)

    @cached_property
    def outliers(self) -> Outliers:
        """The robust distance: what the score means."""
        return Outliers.fit(self.grids, self.rows, self.columns)

    @cached_property
    def forest(self) -> Outliers:
        """The isolation forest."""
        return Outliers.fit(self.grids, self.rows, self.columns, method="forest")

    @cached_property
    def neighbours(self) -> Neighbours:
        """Finds neighbours in the reference."""
        return Neighbours.fit(self.grids, self.rows, self.columns)


def scored(outliers: Outliers, events: pl.DataFrame) -> Floats:
    """float64[rows]: the share of the reference's rows that are less odd."""
    return np.asarray(1.0 - outliers.rarity(events))


def reasons(outliers: Outliers, events: pl.DataFrame, most: int = MOST) -> list[tuple[Reason, ...]]:
    """Say for each event what makes it odd, the most telling column first."""
    places, codes = outliers.places, outliers.places.codes(events)
    order = {name: at for at, name in enumerate(places.columns)}
    return [
        tuple(reason(places, name, int(codes[order[name], row]), events[row : row + 1]) for name in names)
        for row, names in enumerate(outliers.why(events, most))
    ]


def reason(places: Places, name: str, bin_: int, event: pl.DataFrame) -> Reason:
    """Say what is odd about one value of an event.

    Args:
        places: where rows stand.
        name: the profiled column.
        bin_: where the value lies.
        event: a table of one row.
    """
    column, grid = places.columns[name], places.grids.columns[name]
    value = places.grids.values([name], event)[name][0]
    if value is None:
        return Reason(name, "", "is missing" + (", as in no row of the reference" if column.outside[bin_] else ""))
    if column.outside[bin_]:
        is_number = bin_ < grid.bins and grid.kind == "numeric"
        return Reason(name, written(value), "is beyond the reference" if is_number else "is new")
    return Reason(name, written(value), "is rare" if abs(column.oddity[bin_]) > RARE else "doesn't go with the rest")


def written(value: object) -> str:
    """Write a value in a sentence; long texts are cut.

    >>> written(3.25), written("JFK"), written(True)
    ('3.25', "'JFK'", 'True')
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | datetime):
        return cut(str(value))
    if isinstance(value, str):
        return f"'{cut(value)}'"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if not np.isfinite(value):
        return f"{value:g}"
    return f"{value:,.0f}" if float(value).is_integer() else figure(value)


def odder(score: float) -> str:
    """Write an outlier score as a share of the reference, never rounded up.

    >>> odder(0.99996), odder(0.4349), odder(0.0)
    ('99.99 %', '43.4 %', '0 %')
    >>> odder(0.99436)
    '99.4 %'
    """
    share = 100 * score
    return f"{np.floor(share * 100) / 100 if share > 99.9 else np.floor(share * 10) / 10:g} %"


def cut(text: str, most: int = 40) -> str:
    """At most so many characters.

    >>> cut("short"), len(cut("x" * 99))
    ('short', 40)
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"
