"""The quarantine: rows that were set aside, each with a number by which it can be mended and let in again.

A row that is let in again leaves: beside the rows that take its place, in the same transaction of the spool, goes a
mark that it was released, and marks come into the lake with them. Its number is a key of that transaction, as a
sender's would be, so two people who mend the same row at once release it once.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from retrue.core.hashing import hash64
from retrue.store.door import QUARANTINE

RELEASED = "released"
"""The kind of a mark; its `id` is the number of the row that left."""
COLUMNS = ("number", "_at", *QUARANTINE)
"""What is told of each row: its number, when it came, its kind, why it was set aside, its id, and the row as JSON."""

PLACE = ("_seq", "_n", "\0reason")
"""Segment, place in it, and hash of the reason: together a row's number, and the order of rows."""


def key_of(number: str) -> str:
    """The key under which a row is released: no two releases of it are taken."""
    return f"quarantine/{number}"


def marks(numbers: Sequence[str]) -> pl.DataFrame:
    """Marks that rows were released, for the spool."""
    said = [(RELEASED, "let in again", number, None) for number in numbers]
    return pl.DataFrame(said, pl.Schema(QUARANTINE), orient="row")


def numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with their `number` and what it says (`PLACE`).

    Args:
        rows: with `_seq`, `_n` and `reason`.
    """
    # `_n` counts the rows of one origin; those of another in the same segment were set aside for other reasons.
    place = rows.with_columns((hash64(rows["reason"].fill_null("")) & 0xFFFFFF).cast(pl.Int64).alias(PLACE[-1]))
    return place.with_columns(pl.format("{}-{}-{}", *PLACE).alias("number"))


def still_there(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that weren't released, oldest first, each with its number.

    Args:
        rows: all of the lake's table, with `_seq` and `_n`.
    """
    marked = rows["kind"] == RELEASED
    gone, held = rows.filter(marked)["id"], numbered(rows.filter(~marked)).sort(PLACE)
    return held.filter(~pl.col("number").is_in(gone.implode())).select(COLUMNS)


def count(rows: pl.DataFrame | None) -> int:
    """How many rows of a segment are set aside; marks are none."""
    return 0 if rows is None else int((rows["kind"] != RELEASED).sum())


def nothing() -> pl.DataFrame:
    """A quarantine without rows."""
    return pl.DataFrame(schema={"number": pl.String(), "_at": pl.Datetime("us", "UTC"), **QUARANTINE})
