"""Damage: Parquet files that are gone or can't be read, named and set aside so that the rest is served.

A damaged file is moved to the table's `_set_aside` and taken out of the table's log, in this order: a crash between the
two leaves a file that is gone, which is taken out the next time. What was lost is told until all is recounted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import polars as pl

from retrue.errors import StoreError
from retrue.store.catalog import Transaction
from retrue.store.durable import ASIDE, sync_folder, unused, whole_parquet
from retrue.store.files import AnyPath, Remote, any_path, move, read_table
from retrue.store.lake import File, LakeTable


@dataclass(frozen=True)
class Damaged:
    """Something that was set aside: a file of a table (`rows` were in it), a log's entry, or a window's profile."""

    table: str
    name: str
    rows: int
    reason: str

    def __str__(self) -> str:
        """Say it in a sentence.

        >>> str(Damaged("events", "_date=2026-03-01/part-1.parquet", 20, "it was cut off"))
        '20 rows of events were lost: _date=2026-03-01/part-1.parquet was set aside (it was cut off)'
        """
        lost = f"{self.rows:,} rows of {self.table} were lost: " if self.rows else f"{self.table}: "
        return f"{lost}{self.name} was set aside ({self.reason})"

    def unread(self) -> str:
        """Say it of what nobody has set aside yet.

        >>> Damaged("events", "_date=2026-03-01/part-1.parquet", 20, "it is gone").unread()
        "events/_date=2026-03-01/part-1.parquet with 20 rows can't be read (it is gone)"
        """
        return f"{self.table}/{self.name} with {self.rows:,} rows can't be read ({self.reason})"


def damaged_files(files: Sequence[File], *, deep: bool) -> Iterator[tuple[File, str]]:
    """Files that can't be read, each with the reason.

    Args:
        files: which to look at.
        deep: read them whole; otherwise only their ends are looked at, which takes microseconds.
    """
    for file in files:
        reason = ailment(any_path(file.path), deep=deep, size=file.size)
        if reason is not None:
            yield file, reason


def ailment(path: AnyPath, *, deep: bool, size: int = 0) -> str | None:
    """Why a Parquet file can't be read; None where it can. An object was put whole: its size says enough."""
    try:
        if not (found := path.stat().st_size) or not (found == size if _put_whole(path, size) else whole_parquet(path)):
            return "it was cut off or overwritten"
        if deep:
            read_table(path, hive_partitioning=False)
    except FileNotFoundError:
        return "it is gone"
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        return " ".join(str(error).split())[:200]
    return None


def _put_whole(path: AnyPath, size: int) -> bool:
    return isinstance(path, Remote) and size > 0


def set_aside(table: LakeTable, file: File) -> None:
    """Move a file out of the way, and take it out of the table. The caller holds the model's lock."""
    path = any_path(file.path)
    if path.exists():
        aside = table.folder / ASIDE
        aside.mkdir(exist_ok=True)
        move(path, unused(aside / path.name))
        sync_folder(aside)
        sync_folder(path.parent)
    table.fault("damage: moved")
    table.replace([file], [], changed=True)


def known(tx: Transaction, model: str) -> tuple[Damaged, ...]:
    """What was set aside and hasn't been recounted since."""
    said = tx.fact(_fact(model))
    return tuple(Damaged(**one) for one in json.loads(said)) if said else ()


def remember(tx: Transaction, model: str, found: Sequence[Damaged]) -> None:
    """Keep what was set aside, to be told."""
    all_ = dict.fromkeys((*known(tx, model), *found))
    tx.set_fact(_fact(model), json.dumps([asdict(one) for one in all_]))


def settled(tx: Transaction, model: str) -> None:
    """Forget what was set aside: profiles agree with what is left."""
    if tx.fact(_fact(model)):
        tx.set_fact(_fact(model), "")


def _fact(model: str) -> str:
    return f"damaged: {model}"


READING = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException, StoreError)
"""What reading a damaged file or log may raise."""
