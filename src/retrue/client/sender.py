"""The sender: takes what a watched function leaves in a queue to a server or a store, in two background threads.

    calls ── queue (bounded) ──[collector]── rows ── batches with keys ──[courier]──> server or store
                                                            └── too many, or nothing answers: overflow on disk

The caller's thread does nothing but append to a deque, which needs no lock. Whatever goes wrong here is counted and
told once in the log `retrue.watch`; nothing is ever raised to the caller.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import count
from typing import TYPE_CHECKING

from retrue.client.calls import Call, Left, Row, Signature, each, to_frame
from retrue.client.counts import Counts, Stats
from retrue.client.courier import Courier
from retrue.client.load import Load
from retrue.client.overflow import Overflow
from retrue.client.target import Target

if TYPE_CHECKING:
    import polars as pl

QUEUE = 10_000
"""Calls that may wait for the collector."""
FEW = 64
"""Large ones, of whole arrays or frames, that may wait."""
ROWS = 10_000
"""Rows that are put into one batch, more or less."""
AT_ONCE = 50
"""Calls that are read at a time, so that serving threads get their turn in between."""
EVERY = 1.0
"""Seconds from a call until it is sent, at most."""
PATIENCE = 5.0
"""Seconds that the end of a process waits for what is on its way; the rest goes to disk."""


class Sender:
    """Sends the calls of one watched function.

    Args:
        target: where to.
        signature: how its calls are read.
        overflow: where batches wait that can't be sent.
        version: the model version that predicts; None: the champion.
        signals: seconds between two records of the process and its machine; None: there are none.
    """

    def __init__(
        self,
        target: Target,
        signature: Signature,
        overflow: Overflow,
        *,
        version: str | None = None,
        signals: float | None = None,
    ) -> None:
        self.target, self.signature, self.overflow = target, signature, overflow
        self.version, self.signals = version, signals
        self.closed = False
        prepare()
        target.prepare()
        self._begin()
        ALIVE.add(self)

    def _begin(self) -> None:
        """Make everything that a process doesn't share with the one that it was forked from."""
        self.queue: deque[Left] = deque()
        self.large: deque[Left] = deque()
        self.counts, self.load = Counts(), Load()
        self.courier = Courier(self.target, self.overflow, self.version, self.counts)
        self.prefix, self.numbers = secrets.token_hex(6), count()
        self._lost, self._lost_so_far = count(1), 0
        self._rows: list[Row] = []
        self._gate, self._wake = threading.Lock(), threading.Event()
        self._threads: tuple[threading.Thread, ...] = ()
        self._taking = False

    def forked(self) -> None:
        """Begin anew in a forked process: what waits is sent by the parent, which has it too."""
        self.target.forget()
        self.overflow = self.overflow.anew()
        self._begin()

    # --- the caller's thread --------------------------------------------------------------------------------------

    def put(self, call: Left, *, large: bool = False) -> None:
        """Take a call, or count it as lost where too many wait."""
        queue, most = (self.large, FEW) if large else (self.queue, QUEUE)
        if self.closed or len(queue) >= most:
            self._lost_so_far = next(self._lost)
            return
        queue.append(call)
        if not self._threads:
            self.start()

    def start(self) -> None:
        """Start the threads; the first call does."""
        with self._gate:
            if self._threads or self.closed:
                return
            named = ((self._collecting, "retrue-collector"), (self._delivering, "retrue-courier"))
            threads = tuple(threading.Thread(target=run, name=name, daemon=True) for run, name in named)
            self._threads = threads
            if (multiprocessing := sys.modules.get("multiprocessing.util")) is not None:
                multiprocessing.Finalize(self, self.close, exitpriority=10)  # its processes run no atexit
            with contextlib.suppress(RuntimeError):  # the interpreter is ending: close() does the work
                for thread in threads:
                    thread.start()

    # --- the collector --------------------------------------------------------------------------------------------

    def _collecting(self) -> None:
        """Make batches of calls, until the end."""
        began = time.monotonic()
        while not self.closed:
            asked = self._wake.wait(0.05)
            self._wake.clear()
            self.guarded(self.take)
            if asked or time.monotonic() - began >= EVERY:
                self.guarded(self.pack)
                began = time.monotonic()
            if self.signals is not None and self.load.age >= self.signals:
                self.guarded(self._sample)

    def guarded(self, step: Callable[[], object]) -> None:
        """Do a step; a fault of ours ends neither the thread nor anything else."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the serving process must not notice
            self.counts.tell("fault", f"rt.watch failed: {type(error).__name__}: {error}")

    def take(self) -> None:
        """Read what waits in the queue, a little at a time."""
        while self.queue or self.large:
            self._taking = True
            left = [self.queue.popleft() for _ in range(min(AT_ONCE, len(self.queue)))]
            left += [self.large.popleft()] if self.large else []
            some = [Call(*one) for one in left]
            self.load.add(some)
            good = [call for call in some if call.error is None]
            self.counts.so_far.calls += len(some)
            self.counts.so_far.errors += len(some) - len(good)
            for rows in each(good, self.signature):
                self._keep(rows)
            self._taking = False
            if len(self._rows) >= ROWS:
                self.pack()
            time.sleep(0.0002)  # lets go of the interpreter: the serving threads come first

    def _keep(self, rows: list[Row] | pl.DataFrame | Exception) -> None:
        """Keep the rows of a call; a frame is a batch by itself."""
        if isinstance(rows, list):
            self._rows += rows
        elif isinstance(rows, Exception):
            self.counts.so_far.unread += 1
            self.counts.tell("unread", f"a call can't be read as an event, so it isn't logged: {rows}")
        elif rows.height:
            self.courier.post("events", rows)

    def pack(self) -> None:
        """Make a batch of the rows that were kept."""
        self._taking = True  # rows between the queue and the courier wait too: `flush` looks at this
        rows, self._rows = self._rows, []
        try:
            if rows:
                self._pack(rows)
        finally:
            self._taking = False

    def _pack(self, rows: Sequence[Row]) -> None:
        """One batch of all rows; where they don't fit together, one for each half."""
        try:
            self.courier.post("events", to_frame(rows))
        except Exception as error:  # noqa: BLE001 - one odd value must not cost the others
            if len(rows) == 1:
                self._keep(error)
                return
            middle = len(rows) // 2
            self._pack(rows[:middle])
            self._pack(rows[middle:])

    def _sample(self) -> None:
        """Record how the process, its machine and its calls are doing."""
        found = self.load.sample()
        if found is None:
            self.signals = None
            self.counts.tell("signals", "no system signals: psutil is missing. Hint: pip install 'retrue[client]'")
        else:
            self.courier.post("signals", to_frame([found]))

    # --- the courier ----------------------------------------------------------------------------------------------

    def _delivering(self) -> None:
        """Send batches as they come, until the end."""
        while not self.closed:
            if self.courier.due:
                self.guarded(self.courier.deliver)
            else:
                time.sleep(0.02)

    # --- the end --------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Calls and rows in memory."""
        return len(self.queue) + len(self.large) + int(self._taking) + len(self._rows) + self.courier.waiting

    def stats(self) -> Stats:
        """What became of the calls so far."""
        return self.counts.stats(lost=self._lost_so_far, waiting=self.waiting, on_disk=self.overflow.rows())

    def flush(self, timeout: float = PATIENCE) -> bool:
        """Send what waits, in memory and on disk; False where that isn't done in time."""
        end = time.monotonic() + timeout
        self.courier.rush()
        while self.waiting or self.overflow.rows():
            if time.monotonic() > end or self.closed:
                return False
            if not self._threads:
                self.start()
            self._wake.set()
            time.sleep(0.01)
        return True

    def close(self, timeout: float = PATIENCE) -> None:
        """Send what waits, put the rest on disk, and end. Calls that come later are counted as dropped."""
        if self.closed:
            return
        if self.waiting:
            self.guarded(lambda: self._last(timeout))
        self.closed = True
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):
                thread.join(timeout=1.0)
        self.guarded(self.take)
        self.guarded(self.pack)
        self.guarded(self.courier.shelve)
        self.guarded(self.courier.land)
        self.guarded(self.target.close)

    def _last(self, timeout: float) -> None:
        """Wait for what this process itself has in memory."""
        end = time.monotonic() + timeout
        self.courier.rush()
        while self.waiting and time.monotonic() < end:
            self._wake.set()
            time.sleep(0.01)


def prepare() -> None:
    """Import what the threads need: at the end of a process it would be too late."""
    import_module("retrue.tables.frames")


ALIVE: weakref.WeakSet[Sender] = weakref.WeakSet()
"""The senders of this process."""


def close_all() -> None:
    """Close every sender: what the end of the process does."""
    for sender in list(ALIVE):
        sender.close()


def begin_all() -> None:
    """Begin anew in a forked process."""
    for sender in list(ALIVE):
        sender.forked()


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=begin_all)
