"""What became of the rows that came in, by the time when they came: taken, set aside, repeated, waiting.

The commit cycle adds it to a fact of the catalog, in the transaction that advances: so it counts once, whatever
crashes. Only the newest is kept: two hours by the minute, 15 days by the hour, as a few kilobytes of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from retrue.store.catalog import Transaction
from retrue.store.quarantine import RELEASED
from retrue.store.segment import Segment

KEPT = {60: 120, 3_600: 360}
"""Seconds of a step, and how many of them are kept."""


class Came(NamedTuple):
    """Rows of all kinds that came in a step of time, and what became of them.

    `waiting` are those of `taken` whose event wasn't there yet; whether it has come since isn't told.
    """

    taken: int
    aside: int
    repeated: int
    waiting: int


@dataclass(frozen=True)
class Arrivals:
    """What came lately: by length of the step, by its start (both in seconds)."""

    steps: Mapping[int, Mapping[int, Came]] = field(default_factory=lambda: {length: {} for length in KEPT})

    @property
    def newest(self) -> int | None:
        """The start of the newest minute in which rows came; None before the first."""
        return max(self.steps[60], default=None)

    @classmethod
    def from_json(cls, text: str) -> Arrivals:
        """Read what `to_json` wrote."""
        said = json.loads(text)
        return cls({length: {int(at): Came(*own) for at, own in said.get(str(length), {}).items()} for length in KEPT})

    def to_json(self) -> str:
        """Write it.

        >>> Arrivals({60: {120: Came(5, 1, 0, 0)}, 3600: {}}).to_json()
        '{"60":{"120":[5,1,0,0]},"3600":{}}'
        """
        return json.dumps(self.steps, separators=(",", ":"))

    def plus(self, came: Mapping[int, Came]) -> Arrivals:
        """With what came in some seconds more; what is too old goes.

        >>> Arrivals().plus({61: Came(2, 0, 0, 0), 119: Came(0, 1, 0, 0)}).steps[60]
        {60: Came(taken=2, aside=1, repeated=0, waiting=0)}
        """
        found = {}
        for length, many in KEPT.items():
            steps = dict(self.steps[length])
            for second, own in came.items():
                at = second // length * length
                steps[at] = Came(*(a + b for a, b in zip(steps.get(at, Came(0, 0, 0, 0)), own, strict=True)))
            oldest = max(steps, default=0) - many * length
            found[length] = {at: own for at, own in sorted(steps.items()) if at > oldest}
        return Arrivals(found)


def came(segment: Segment, tables: Mapping[str, pl.DataFrame]) -> dict[int, Came]:
    """What became of a segment's rows by the second in which they came.

    Args:
        segment: its rows.
        tables: what of them is written, by lake table.
    """
    sent = [segment.events, segment.labels, segment.feedback, not_marks(segment.quarantine)]
    own = [tables.get(name, pl.DataFrame()) for name in ("events", "labels", "feedback")]
    own = [rows.filter(pl.col("_from").is_null()) if "_from" in rows.columns else rows for rows in own]  # no copies
    late = [rows.filter(pl.col("_date").is_null()) for rows in own if len(rows)]
    aside = [not_marks(tables.get("quarantine", pl.DataFrame()))]
    all_, taken, refused, waiting = (by_second(parts) for parts in (sent, own, aside, late))
    return {
        at: Came(
            taken.get(at, 0), refused.get(at, 0), count - taken.get(at, 0) - refused.get(at, 0), waiting.get(at, 0)
        )
        for at, count in all_.items()
    }


def not_marks(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that were set aside, without the marks that one was let in again."""
    return rows.filter(pl.col("kind") != RELEASED) if len(rows) else rows


def by_second(parts: list[pl.DataFrame]) -> dict[int, int]:
    """How many rows came in each second."""
    found: dict[int, int] = {}
    for rows in parts:
        if len(rows):
            seconds = rows.select(pl.col("_at").dt.epoch("s").alias("at")).group_by("at").len()
            for at, count in seconds.iter_rows():
                found[at] = found.get(at, 0) + count
    return found


def keep_arrivals(tx: Transaction, model: str, found: Mapping[int, Came]) -> None:
    """Add what came to what is known."""
    if found:
        tx.set_fact(_fact(model), known_arrivals(tx, model).plus(found).to_json())


def known_arrivals(tx: Transaction, model: str) -> Arrivals:
    """What came lately."""
    said = tx.fact(_fact(model))
    return Arrivals.from_json(said) if said else Arrivals()


def _fact(model: str) -> str:
    return f"arrivals: {model}"
