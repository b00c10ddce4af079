"""The courier: sends batches, the oldest first; waits where nothing answers, and keeps them on disk meanwhile."""

from __future__ import annotations

import contextlib
import io
import secrets
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from retrue.client.counts import Counts
from retrue.client.overflow import Batch, Overflow
from retrue.client.target import Refused, Target, TooLarge

if TYPE_CHECKING:
    import polars as pl

WAITING = 32_000_000
"""Bytes of batches that may wait in memory; the next goes to disk."""
LARGEST = 16_000_000
"""Bytes of one batch, more or less; a larger frame is parted."""
LOOK = 1.0
"""Seconds between two looks at the disk."""
FIRST, SLOWEST = 0.5, 60.0
"""The first and the longest pause between two attempts, in seconds."""


class Courier:
    """Sends batches.

    Args:
        target: where to.
        overflow: where batches wait that can't be sent.
        version: the model version that predicts; None: the champion.
        counts: what became of them.
    """

    def __init__(self, target: Target, overflow: Overflow, version: str | None, counts: Counts) -> None:
        self.target, self.overflow, self.version, self.counts = target, overflow, version, counts
        self.outbox: deque[Batch] = deque()
        self.sending = 0
        self.prefix = secrets.token_hex(6)
        self._flying: Batch | None = None
        self._pause, self._until, self._look = 0.0, 0.0, 0.0

    @property
    def waiting(self) -> int:
        """Rows in memory."""
        return sum(batch.rows for batch in list(self.outbox)) + self.sending

    def post(self, kind: str, frame: pl.DataFrame) -> None:
        """Take a frame as a batch with a key of its own, or several of them where it is large."""
        data = to_bytes(frame)
        if len(data) > LARGEST and frame.height > 1:
            half = frame.height // 2
            self.post(kind, frame.slice(0, half))
            self.post(kind, frame.slice(half))
            return
        batch = Batch(kind, f"watch-{self.prefix}-{secrets.token_hex(6)}", frame.height, data)
        if sum(len(one.data) for one in list(self.outbox)) < WAITING:
            self.outbox.append(batch)
        else:
            self.spill(batch)

    def spill(self, batch: Batch) -> None:
        """Keep a batch on disk; where that can't be done, it is lost, and that is said."""
        why = self.overflow.put(batch)
        if why is None:
            return
        if batch.kind == "events":
            self.counts.so_far.dropped += batch.rows
        self.counts.tell("dropped", f"{why}: events that can't be sent are dropped")

    def shelve(self) -> None:
        """Move what waits in memory to disk: it may have to wait long."""
        with contextlib.suppress(IndexError):
            while True:
                self.spill(self.outbox.popleft())

    def land(self) -> None:
        """Put on disk what is on its way while the process ends: nobody will know whether it arrived.

        Where it did, its key keeps it from being taken twice.
        """
        if (batch := self._flying) is not None:
            self.spill(batch)

    @property
    def due(self) -> bool:
        """Whether there is something to send, and it is time to try."""
        now = time.monotonic()
        if now < self._until:
            return False
        if self.outbox:
            return True
        if now < self._look:
            return False
        self._look = now + LOOK
        return self.overflow.rows() > 0

    def rush(self) -> None:
        """Try again now, whatever was waited for."""
        self._until = self._look = 0.0

    def deliver(self) -> bool:
        """Send the oldest batch; False where that must be tried again later."""
        place, batch = self._next()
        if batch is None:
            return True
        self.sending = batch.rows
        self._flying = batch if place is None else None
        try:
            self._hand_over(batch)
        except Refused as error:
            self._refused(batch.kind, batch.rows, error)
        except Exception as error:  # noqa: BLE001 - the network, the disk, a server that isn't there, a bug
            self._back_off(error)
            if place is None:
                self.spill(batch)
            self.shelve()
            return False
        finally:
            self.sending, self._flying = 0, None
        if place is not None:
            self.overflow.done(place)
        self._pause = 0.0
        return True

    def _next(self) -> tuple[Path | None, Batch | None]:
        """The oldest batch, and its file where it has one: what is on disk is older than what is in memory."""
        if self._look <= time.monotonic() or not self.outbox:
            found = self.overflow.oldest()
            if found is not None:
                self._look = 0.0  # there may be more
                return found
        with contextlib.suppress(IndexError):
            self.sending = self.outbox[0].rows  # before it is taken out, so that it always counts as waiting
            return None, self.outbox.popleft()
        self.sending = 0
        return None, None

    def _hand_over(self, batch: Batch) -> None:
        """Send one batch, and count what became of its rows when all of it was answered.

        Raises:
            Refused: nobody can read it.
        """
        import polars as pl

        try:
            frame = pl.read_ipc_stream(io.BytesIO(batch.data))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise Refused("its file is damaged") from error  # a power cut: the others must not wait behind it
        for rows, outcome in self._answers(batch.kind, frame, batch.key):
            if isinstance(outcome, Refused):
                self._refused(batch.kind, rows, outcome)
            elif batch.kind == "events":
                self._taken(rows, outcome)

    def _answers(self, kind: str, frame: pl.DataFrame, key: str) -> list[tuple[int, int | Refused]]:
        """Send rows, in halves where they are too many at once: of each part its rows, and how many were set aside.

        Halves have keys that follow from the whole's: where the second can't be sent and all is tried again later, the
        first isn't taken twice.
        """
        try:
            return [(frame.height, self._send(kind, frame, key))]
        except TooLarge as error:
            half = frame.height // 2
            if not half:
                return [(frame.height, error)]
            first = self._answers(kind, frame.head(half), f"{key}-0")
            return [*first, *self._answers(kind, frame.slice(half), f"{key}-1")]
        except Refused as error:
            return [(frame.height, error)]

    def _send(self, kind: str, frame: pl.DataFrame, key: str) -> int:
        """Send rows under the model's names; gives how many were set aside."""
        if kind == "signals":
            self.target.signals(frame.to_dicts(), key)
            return 0
        naming = self.target.naming()
        unplaced = naming.unplaced(frame.columns)
        if unplaced:
            said = f"outputs that fit neither the model's prediction nor its scores are left out ({len(unplaced)} each)"
            self.counts.tell("outputs", said)
        return self.target.events(naming.named(frame), key, self.version)

    def _taken(self, rows: int, set_aside: int) -> None:
        self.counts.so_far.sent += rows
        self.counts.so_far.quarantined += set_aside
        if set_aside:
            self.counts.tell("quarantined", f"{set_aside} of {rows} events were set aside: see the quarantine")

    def _refused(self, kind: str, rows: int, error: Exception) -> None:
        if kind == "events":
            self.counts.so_far.refused += rows
        self.counts.tell(f"refused {kind}", f"{rows} {kind} were refused: {error}")

    def _back_off(self, error: Exception) -> None:
        """Wait as long as the server asked for, or twice as long as before."""
        asked = getattr(error, "retry_after", None)
        self._pause = min(max(2 * self._pause, FIRST), SLOWEST)
        self._until = time.monotonic() + (min(max(float(asked), 0.0), SLOWEST) if asked is not None else self._pause)
        self.counts.tell("waiting", f"nothing can be sent, so events wait on disk: {error}")


def to_bytes(frame: pl.DataFrame) -> bytes:
    """A frame as an Arrow IPC stream."""
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    return buffer.getvalue()
