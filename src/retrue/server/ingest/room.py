"""How much may come in: bytes in memory, acknowledged rows that wait for the lake, room on the disk.

Every bound is asked before a body is read, and each gives way by itself: when requests are answered, when the commit
cycle has caught up, when somebody has made room.
"""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field

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
    """

    spool: Spool
    settings: ServerSettings
    waiting: int = 0
    disk_full: bool = False
    spool_full: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int, of: int = 0) -> int:
        """Keep room for so many bytes of a body (of `of` by now), and give how much was kept; `leave` gives it back.

        Raises:
            HttpError: 413, it is too large for ever; 429, there is none now.
            StoreFullError: the disk is full.
        """
        if max(size, of) > self.settings.max_body:
            raise too_large(self.settings.max_body)
        self.refuse_trouble()
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
        disk = shutil.disk_usage(self.spool.path.parent)
        self.disk_full = disk.free < min(KEPT_FREE, disk.total // 10)
        self.spool_full = self.spool.holds_more(self.settings.max_spool)

    def refuse_trouble(self) -> None:
        """Raise where nothing more can be acknowledged.

        Raises:
            StoreFullError: the disk is full.
            HttpError: 429, the spool is.
        """
        if self.disk_full:
            raise StoreFullError(
                "the disk is full", where=str(self.spool.path.parent), hint="free some space; nothing was taken"
            )
        if self.spool_full:
            raise busy("the spool is full: the lake doesn't keep up", 5)


def busy(what: str, seconds: int) -> HttpError:
    """The error for what may succeed later."""
    return HttpError(429, what, hint=f"try again in {seconds} s", headers={"Retry-After": str(seconds)})
