"""Durability where the libraries stop: syncing files, folders and log entries, and mending what a power cut left.

A Delta log entry that is empty or cut off is set aside (moved, never deleted) when it is the newest one: nothing can
have been built on it. The segment it belonged to is then committed again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from retrue.store.files import AnyPath, Remote, found, move

ASIDE = "_set_aside"


def sync_file(path: AnyPath) -> None:
    """Write a file's content through to the disk."""
    if isinstance(path, Remote):
        return
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: AnyPath) -> None:
    """Write a folder's entries through to the disk (a new file is lost in a power cut unless its folder is, too)."""
    if isinstance(folder, Remote):
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_log(folder: AnyPath, version: int) -> None:
    """Write a table's log entry of this version, its checkpoint and the folders above through to the disk."""
    if isinstance(folder, Remote):
        return
    log = folder / "_delta_log"
    for path in (*log.glob(f"{version:020d}*"), log / "_last_checkpoint"):
        if path.is_file():
            sync_file(path)
    sync_folder(log)
    sync_folder(folder)


def heal(folder: AnyPath) -> tuple[str, ...]:
    """Set a table's newest log entry and newest checkpoint aside where they can't be read; gives their names."""
    log, bad = folder / "_delta_log", torn(folder)
    entries = _entries(log) if bad else []
    for path in bad:
        aside = folder / ASIDE
        aside.mkdir(exist_ok=True)
        move(path, unused(aside / path.name))
        sync_folder(aside)
    if bad:
        sync_folder(log)
        sync_folder(folder)
    if entries and entries == bad and not any(log.glob("*.checkpoint*.parquet")):
        move(log, unused(folder / ASIDE / "_delta_log"))  # the table's first entry: it is made anew
        sync_folder(folder)
    return tuple(path.name for path in bad)


def torn(folder: AnyPath) -> list[AnyPath]:
    """A table's newest log entry and newest checkpoint, where they can't be read: `heal` sets them aside."""
    log = folder / "_delta_log"
    if not log.is_dir():
        return []
    return [*(path for path in _entries(log)[-1:] if not readable(path)), *_bad_checkpoints(log)]


def _entries(log: AnyPath) -> list[AnyPath]:
    return [path for path in found(log, "*.json") if path.stem.isdigit()]


def readable(entry: AnyPath) -> bool:
    """Whether a log entry holds whole actions: one JSON object a line, and at least one."""
    try:
        actions = [json.loads(line) for line in entry.read_text().splitlines()]
    except ValueError:
        return False
    return bool(actions) and all(isinstance(action, dict) for action in actions)


def _bad_checkpoints(log: AnyPath) -> Iterable[AnyPath]:
    """Checkpoints that can't be read, with the pointer to them: the entries since the one before are still there."""
    pointer = log / "_last_checkpoint"
    if not pointer.exists():
        return ()
    try:
        version = int(json.loads(pointer.read_text())["version"])
    except (ValueError, KeyError, TypeError):
        return (pointer,)
    parts = found(log, f"{version:020d}.checkpoint*.parquet")
    if parts and all(whole_parquet(path) for path in parts):
        return ()
    return (pointer, *parts)


def whole_parquet(path: AnyPath) -> bool:
    """Whether a Parquet file has its beginning and its end (`PAR1` at both)."""
    if isinstance(path, Remote):
        data = path.read_bytes()
        return data[:4] == data[-4:] == b"PAR1" and len(data) > 12
    with path.open("rb") as file:
        first = file.read(4)
        file.seek(max(-4, -path.stat().st_size), os.SEEK_END)
        return first == file.read(4) == b"PAR1" and path.stat().st_size > 12


def unused(path: AnyPath) -> AnyPath:
    """A name that nothing has yet: what was set aside once is never overwritten."""
    number, free = 1, path
    while free.exists():
        free, number = path.with_name(f"{path.name}.{number}"), number + 1
    return free
