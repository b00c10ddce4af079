"""Counts: what became of watched calls, and the one place where trouble is told: once for each kind, in a log."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field, replace

log = logging.getLogger("retrue.watch")


@dataclass
class Stats:
    """What became of the calls of a watched function so far; `watch.stats()` gives a copy of what goes on counting.

    Attributes:
        calls: that were made, as far as they have been looked at.
        errors: calls that raised; they are counted and timed, and no event.
        sent: events that the server or the store acknowledged.
        quarantined: of these, events that it set aside.
        refused: events that it refused for good.
        unread: calls that couldn't be read as events.
        dropped: calls and events lost because too much waited.
        waiting: calls and events on their way in memory.
        on_disk: events in the overflow, of this and other processes.
    """

    calls: int = 0
    errors: int = 0
    sent: int = 0
    quarantined: int = 0
    refused: int = 0
    unread: int = 0
    dropped: int = 0
    waiting: int = 0
    on_disk: int = 0

    def to_dict(self) -> dict[str, int]:
        """Plain values."""
        return asdict(self)


@dataclass
class Counts:
    """The same while it grows, which only background threads write, and what was told of trouble."""

    so_far: Stats = field(default_factory=Stats)
    told: set[str] = field(default_factory=set)

    def tell(self, kind: str, said: str) -> None:
        """Say something once for each kind of trouble."""
        if kind not in self.told:
            self.told.add(kind)
            log.warning("%s (said once; the counters of watch.stats() go on)", said)

    def stats(self, *, lost: int, waiting: int, on_disk: int) -> Stats:
        """As of now."""
        return replace(self.so_far, dropped=self.so_far.dropped + lost, waiting=waiting, on_disk=on_disk)
