"""Leases: who may do a piece of work now, over all servers; when one of them dies, another takes its work over.

    leases = Leases(catalog, owner="host:4711")
    held = leases.take(tx, "check/flights")      # None where another server is at it
    with leases.fencing(held):                   # what is written here needs the lease, in the same transaction
        model.check()
    leases.release(tx, held)

Clocks lie: they are set back, and two machines disagree. So a lease isn't over when a clock says so, but when nobody
has renewed it for its length, as the one who waits counts it on a monotonic clock of its own. `until` is for people.

A holder may be suspended, lose its lease and wake up: then its next transaction is refused (*fencing*), because it
looks for its own name in the lease before it writes.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from retrue.errors import StoreError
from retrue.store.catalog import Catalog, Transaction, fence
from retrue.store.rows import Lease
from retrue.workspace import clock

LENGTH = 20.0
"""Seconds without a sign of life after which a lease may be taken over."""
BEATS = 4
"""Signs of life in that time."""

logger = logging.getLogger("retrue.jobs")


class LeaseLostError(StoreError):
    """The work was taken over by another server; what this one found is not kept."""


@dataclass(frozen=True)
class Held:
    """A lease that this process holds.

    Attributes:
        name: of the work.
        holder: who holds it: a name that is used once.
        before: the lease that was taken over, where a server died over it.
    """

    name: str
    holder: str
    before: Lease | None = None


@dataclass(eq=False)
class Leases:
    """The leases of a store, as one process sees them.

    Args:
        catalog: where they are.
        owner: who this process is, for people.
        length: seconds without a sign of life after which one of its leases may be taken over.
        monotonic: seconds of a clock that nobody can set.
    """

    catalog: Catalog
    owner: str
    length: float = LENGTH
    monotonic: Callable[[], float] = time.monotonic
    held: dict[str, Held] = field(default_factory=dict)
    _seen: dict[str, tuple[tuple[str, int], float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, tx: Transaction, name: str, body: Mapping[str, Any] | None = None) -> Held | None:
        """Take a lease that nobody holds, or whose holder gave no sign of life for its length; None: it is held.

        Args:
            tx: a transaction that writes; what else it notes is noted if and only if the lease is taken.
            name: of the work.
            body: facts that whoever takes it over may want.
        """
        found = tx.get(Lease, name=name)
        if found is not None and not self._silent(found):
            return None
        held = Held(name, uuid.uuid4().hex, found)
        tx.put(self._row(held, 0, body or {}))
        with self._lock:
            self.held[name] = held
        return held

    def beat(self) -> None:
        """Give a sign of life for all leases that are held; one that was lost isn't any more."""
        with self._lock:
            mine = list(self.held.values())
        if not mine:
            return
        with self.catalog.write() as tx:
            for one in mine:
                found = tx.get(Lease, name=one.name, holder=one.holder)
                if found is not None:
                    tx.put(self._row(one, int(found.body["beat"]) + 1, found.body))
                else:
                    self._forget(one)

    def release(self, tx: Transaction, held: Held) -> None:
        """Give a lease back, in the transaction that keeps the work's result."""
        tx.remove(Lease, name=held.name, holder=held.holder)
        self._forget(held)

    def leave(self, held: Held) -> None:
        """Give no more signs of life for a lease; one that couldn't be given back is taken over after its length."""
        self._forget(held)

    def look(self) -> tuple[frozenset[str], tuple[Lease, ...]]:
        """What others hold now: the names of their leases, and those whose holders are silent.

        Whoever waits for a lease must look again and again: its length counts from when it was last seen to change.
        """
        with self.catalog.read() as tx:
            found = tx.find(Lease)
        with self._lock:
            mine = {one.holder for one in self.held.values()}
        others = [lease for lease in found if lease.holder not in mine]
        names = {lease.name for lease in others}
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}
        silent = tuple(lease for lease in others if self._silent(lease))
        return frozenset(names - {lease.name for lease in silent}), silent

    @contextmanager
    def fencing(self, held: Held) -> Iterator[None]:
        """Let no transaction of this block be kept once the lease is lost; in this thread.

        Raises:
            LeaseLostError: from the first transaction that would write after it was lost.
        """

        def refuse(tx: Transaction) -> None:
            if tx.get(Lease, name=held.name, holder=held.holder) is None:
                raise LeaseLostError(f"{held.name!r} was taken over by another server", hint="it does the work now")

        before = fence.set(refuse)
        try:
            yield
        finally:
            fence.reset(before)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Give signs of life in a thread of its own as long as the block lasts."""
        stop = threading.Event()

        def beat() -> None:
            while not stop.wait(self.length / BEATS):
                try:
                    self.beat()
                except StoreError as error:  # a full disk: the next one may get through
                    logger.warning("no sign of life could be given: %s", error)

        thread = threading.Thread(target=beat, name="leases", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _silent(self, lease: Lease) -> bool:
        """Whether a lease hasn't changed for its length, as far as this process has seen."""
        mark, now = (lease.holder, int(lease.body["beat"])), self.monotonic()
        seen, since = self._seen.get(lease.name, (None, now))
        if seen != mark:
            since = now
        self._seen[lease.name] = (mark, since)
        return now - since >= float(lease.body["length"])

    def _row(self, held: Held, beat: int, body: Mapping[str, Any]) -> Lease:
        until = clock.micros(clock.now()) + round(self.length * clock.MICROS)
        return Lease(held.name, held.holder, until, {**body, "owner": self.owner, "beat": beat, "length": self.length})

    def _forget(self, held: Held) -> None:
        with self._lock:
            if self.held.get(held.name) == held:
                del self.held[held.name]
