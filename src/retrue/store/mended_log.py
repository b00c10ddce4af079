"""Mending a table's log: an entry in its middle that can't be read is set aside, and written again from what it added.

The Parquet files that no other entry names were added by the damaged one: their names say segment and app. What can't
be told for sure (two damaged entries, one of upkeep, files of several segments) is left as it is: then the table asks
for a backup. The newest entry is `durable.heal`'s.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from retrue.store import clean
from retrue.store.durable import ASIDE, readable, sync_folder, unused
from retrue.store.files import AnyPath, below, found, height, move, read_table
from retrue.store.lake import LakeTable
from retrue.store.log import Action, addition, transaction, write_entry


def mend_log(table: LakeTable, app: str) -> tuple[str, ...]:
    """Write entries again that can't be read; gives their names. The caller holds the model's lock."""
    summed = max(clean.checkpoints(table), default=-1)
    entries = [path for path in clean.entries_of(table) if int(path.stem) > summed]
    bad = [path for path in entries if not readable(path)]
    if len(bad) != 1 or bad[0] == entries[-1] or int(bad[0].stem) == 0:
        return ()
    named = {place for path in entries if path not in bad for place in mentioned(path)} | summed_up(table, summed)
    lost = [path for path in clean.parquet_files(table.folder) if below(path, table.folder) not in named]
    added = [path for path in lost if path.name.startswith("part-") and path.name.endswith(f"-{app}.parquet")]
    if not added or len(added) < len(lost) or len({segment(path) for path in added}) > 1:
        return ()
    if segment(added[0]) >= max((number for path in entries if path not in bad for number in applied(path)), default=0):
        return ()  # what a cycle that was cut off has left, perhaps
    aside = table.folder / ASIDE
    aside.mkdir(exist_ok=True)
    move(bad[0], unused(aside / bad[0].name))
    sync_folder(aside)
    actions = [*(again(path, table.folder) for path in added), transaction(app, max(map(segment, added)))]
    write_entry(table.folder / "_delta_log", int(bad[0].stem), "WRITE", actions)
    table.reload()
    return (bad[0].name,)


def mentioned(entry: AnyPath) -> Iterator[str]:
    """The files that an entry adds or takes out."""
    for line in entry.read_text(encoding="utf-8").splitlines():
        action: dict[str, Any] = json.loads(line)
        yield from (action[kind]["path"] for kind in ("add", "remove") if kind in action)


def applied(entry: AnyPath) -> Iterator[int]:
    """The segments that an entry says are done."""
    for line in entry.read_text(encoding="utf-8").splitlines():
        action: dict[str, Any] = json.loads(line)
        if "txn" in action:
            yield int(action["txn"]["version"])


def summed_up(table: LakeTable, version: int) -> set[str]:
    """The files that a checkpoint names."""
    paths = found(table.folder / "_delta_log", f"{version:020d}.checkpoint*.parquet") if version >= 0 else []
    frames = [read_table(path, columns=["add", "remove"]) for path in paths]
    return {
        place
        for frame in frames
        for kind in ("add", "remove")
        for place in frame[kind].struct.field("path").drop_nulls().to_list()
    }


def segment(path: AnyPath) -> int:
    """The segment that a file's name says."""
    return int(path.name.split("-")[1])


def again(path: AnyPath, root: AnyPath) -> Action:
    """Describe a file as its lost entry did."""
    rows, day = height(path), path.parent.name
    date = None if "HIVE" in day or not day.startswith("_date=") else pl.Series([day[6:]]).str.to_date()[0]
    place, number = below(path, root), segment(path)
    return addition(
        place, path.stat().st_size, rows, number, number, date, partitioned=day.startswith("_date="), changed=True
    )
