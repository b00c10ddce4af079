"""How much may come in: bytes in memory, acknowledged rows that wait for the lake, room on the disk.

Every bound is asked before a body is read, and each gives way by itself: when requests are answered, when the commit
cycle has caught up, when somebody has made room.

A model may hold as much of the spool as is left free: alone half of it, and where rows of n models are stuck, they hold
1/(n + 1) each and leave as much to the others, so that nobody's trouble stops somebody else (dynamic thresholds, with
alpha = 1: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).
"""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

from retrue.errors import StoreFullError
from retrue.server.errors import HttpError
from retrue.server.ingest.decode import too_large
from retrue.server.settings import MEGA, ServerSettings
from retrue.store.spool import Spool

LEAST = 2_048
"""Bytes that a request counts for at least: a small body isn't all that it costs."""
KEPT_FREE = 64 * MEGA
"""Bytes of the disk that are left for the commit cycle, which needs room to make room; of a small disk a tenth."""


@dataclass(eq=False)
class Room:
    """The bounds on what comes in, and how much there is.

    Args:
        spool: where acknowledged rows wait.
        settings: the bounds.
        waiting: bytes of bodies in memory.
        disk_full: whether nobody's rows can be taken.
        spool_full: the models that hold more of the spool than they may.
    """

    spool: Spool
    settings: ServerSettings
    waiting: int = 0
    disk_full: bool = False
    spool_full: frozenset[str] = frozenset()
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int, model: str, of: int = 0) -> int:
        """Keep room for so many bytes of a body (of `of` by now), and give how much was kept; `leave` gives it back.

        Args:
            size: the bytes that came now.
            model: whose rows they are.
            of: the bytes of the body as far as it is known.

        Raises:
            HttpError: 413, it is too large for ever; 429, there is none now.
            StoreFullError: the disk is full.
        """
        if max(size, of) > self.settings.max_body:
            raise too_large(self.settings.max_body)
        self.refuse_trouble(model)
        kept = max(size, LEAST)
        with self._lock:
            # A body always fits where nothing else waits.
            if self.waiting and self.waiting + kept > self.settings.max_waiting:
                raise busy("too many requests at a time", 1)
            self.waiting += kept
        return kept

    def leave(self, size: int) -> None:
        """Give room back."""
        with self._lock:
            self.waiting -= size

    def look(self) -> None:
        """See how full spool and disk are; it waits for the spool's lock, so never in the event loop."""
        if isinstance(self.spool.where, Path):  # a database's disk isn't ours to see: it says when it is full
            disk = shutil.disk_usage(self.spool.where.parent)
            self.disk_full = disk.free < min(KEPT_FREE, disk.total // 10)
        most = self.settings.max_spool
        # The file's size is quick to ask; nobody holds more than is free where all together hold less than half.
        held = self.spool.held() if self.spool.size() > most / 2 else {}
        free = most - sum(held.values())
        self.spool_full = frozenset(model for model, size in held.items() if size > free)

    def refuse_trouble(self, model: str) -> None:
        """Raise where nothing more of a model can be acknowledged.

        Raises:
            StoreFullError: the disk is full.
            HttpError: 429, the model's part of the spool is.
        """
        if self.disk_full:
            raise StoreFullError(
                "the disk is full", where=str(self.spool.where), hint="free some space; nothing was taken"
            )
        if model in self.spool_full:
            raise busy(f"the spool is full of rows of {model!r}: the lake doesn't keep up", 5)


def busy(what: str, seconds: int) -> HttpError:
    """The error for what may succeed later."""
    return HttpError(429, what, hint=f"try again in {seconds} s", headers={"Retry-After": str(seconds)})
