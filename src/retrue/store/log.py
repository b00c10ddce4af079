"""Entries of Delta's log that Retrue writes itself: files taken out, and others put in their place, in one step.

delta-rs has no commit that takes out chosen files and keeps its hands off the rest, so upkeep and erasure write the
entry as the protocol has it (https://github.com/delta-io/delta/blob/master/PROTOCOL.md): one JSON object a line, under
the next number. It is written beside, synced, and linked to its name (on an object store: put where nothing is): it is
there whole or not at all, and nobody's entry is overwritten.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from retrue.errors import StoreError
from retrue.store.durable import sync_file, sync_folder
from retrue.store.files import AnyPath, Remote
from retrue.version import VERSION

Action = Mapping[str, Any]


def write_entry(log: AnyPath, version: int, operation: str, actions: Sequence[Action]) -> None:
    """Write one entry durably.

    Args:
        log: the table's `_delta_log`.
        version: the entry's number, one more than the table's.
        operation: what the history calls it.
        actions: what it does.

    Raises:
        StoreError: somebody wrote an entry of that number first; nothing has changed.
    """
    info = {"timestamp": _now(), "operation": operation, "operationParameters": {}, "engineInfo": f"retrue:{VERSION}"}
    lines = [json.dumps(action, separators=(",", ":")) for action in ({"commitInfo": info}, *actions)]
    try:
        _create(log / f"{version:020d}.json", "".join(f"{line}\n" for line in lines))
    except FileExistsError as error:
        raise StoreError("somebody else has written to the table", where=str(log.parent), hint="try again") from error


def _create(entry: AnyPath, text: str) -> None:
    """Write an entry whole, and only where none of its name is."""
    if isinstance(entry, Remote):
        entry.create(text.encode())
        return
    partial = entry.with_name(f"_commit_{secrets.token_hex(8)}.json.tmp")
    try:
        partial.write_text(text, encoding="utf-8")
        sync_file(partial)
        os.link(partial, entry)
    finally:
        partial.unlink(missing_ok=True)
    sync_folder(entry.parent)


def removal(name: str, *, changed: bool) -> Action:
    """Take a file out; `changed` says whether rows go with it."""
    return {"remove": {"path": name, "deletionTimestamp": _now(), "dataChange": changed}}


def addition(
    name: str, size: int, rows: int, first: int, last: int, day: date | None, *, partitioned: bool, changed: bool
) -> Action:
    """Put a file in, with the statistics that pruning needs: rows, and its segments `first` to `last`."""
    stats = {"numRecords": rows, "minValues": {"_seq": first}, "maxValues": {"_seq": last}, "nullCount": {"_seq": 0}}
    values = {"_date": None if day is None else day.isoformat()} if partitioned else {}
    return {
        "add": {
            "path": name, "partitionValues": values, "size": size, "modificationTime": _now(), "dataChange": changed,
            "stats": json.dumps(stats),
        }
    }  # fmt: skip


def add_action(name: str, size: int, rows: int, segment: int, day: date | None, *, partitioned: bool) -> Any:
    """Describe a file of one segment as `addition` does, for delta-rs to commit."""
    from deltalake.transaction import AddAction

    bounds = {"_seq": segment}
    stats = {"numRecords": rows, "minValues": bounds, "maxValues": bounds, "nullCount": {"_seq": 0}}
    values = {"_date": None if day is None else day.isoformat()} if partitioned else {}
    return AddAction(name, size, values, time.time_ns() // 1_000_000, True, json.dumps(stats))


def transaction(app: str, version: int) -> Action:
    """Say which segment an app has committed."""
    return {"txn": {"appId": app, "version": version}}


def _now() -> int:
    return time.time_ns() // 1_000_000
