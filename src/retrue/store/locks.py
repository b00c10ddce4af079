"""Locks: what holds others off a model's tables, files or folder while a cycle or an upkeep is at work.

Each lock is free again when its holder dies. Where the catalog is a file they are files too (`flock`); where it is
PostgreSQL they are its advisory locks, so that servers on several machines hold each other off.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from retrue.store.failure import store_error
from retrue.store.place import Place


class Locks(Protocol):
    """The locks of a store, by name."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock against all other threads, processes and machines; waits until it is free."""

    def try_hold(self, name: str) -> AbstractContextManager[bool]:
        """Hold a lock if it is free; gives whether it was."""

    def confirm(self, name: str) -> None:
        """Refuse to go on where this thread's hold on a lock was lost.

        Raises:
            StoreError: it was: the database that kept it went away.
        """


@dataclass(frozen=True)
class FileLocks:
    """Locks that are files in a folder.

    Args:
        folder: the folder.
    """

    folder: Path

    def hold(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock against other threads and processes."""
        return locked(self.folder / name)

    def try_hold(self, name: str) -> AbstractContextManager[bool]:
        """Hold a lock if it is free; gives whether it was."""
        return try_locked(self.folder / name)

    def confirm(self, name: str) -> None:
        """A file's lock is kept until its holder lets go."""


def locks_at(place: Place) -> Locks:
    """The locks of the store that has its catalog there."""
    if isinstance(place, Path):
        return FileLocks(place.parent / "locks")
    from retrue.store.postgres import PostgresLocks

    return PostgresLocks(place)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file against other threads and processes; the system frees it when its holder dies."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise store_error(error, path) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def try_locked(path: Path) -> Iterator[bool]:
    """Hold a file if it is free; gives whether it was."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)
