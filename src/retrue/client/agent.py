"""The agent: a process of its own that records how another process, and the machine, are doing.

    retrue agent flights --to http://host:8000 --pid 4711 --interval 10s

It logs what `rt.watch` logs from inside, requests apart, and as durably: what can't be sent waits on disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retrue.adapters.system import Gauges
from retrue.client.calls import to_frame
from retrue.client.counts import Counts
from retrue.client.courier import Courier
from retrue.client.overflow import Overflow, default_overflow
from retrue.client.watch import target_of
from retrue.errors import ConfigError, RetrueError

LEAST = 1.0
"""Seconds between two records, at least."""
WAITS = 0.2
"""Seconds between two looks whether something may be sent, or whether it is time to stop."""


class Agent:
    """Records one process and its machine.

    Args:
        model: the model that the process serves.
        to: a server's URL, or a store's folder.
        token: the server's token (role ingest).
        pid: the process; None: this one, that is, the machine alone.
        interval: seconds between two records.
        overflow: the folder for what can't be sent; one of this user's unless given.

    Raises:
        ConfigError: too short an interval, or no such process.
        RetrueError: psutil is missing.
    """

    def __init__(
        self,
        model: str,
        to: str | Path,
        *,
        token: str | None = None,
        pid: int | None = None,
        interval: float = 10.0,
        overflow: str | Path | None = None,
    ) -> None:
        if interval < LEAST:
            raise ConfigError(f"an interval of {interval:g} s", where="agent", expected=f"at least {LEAST:g} s")
        self.pid = pid
        kept = default_overflow(f"{to} agent", model) if overflow is None else Overflow(Path(overflow))
        self.gauges, self.interval, self.counts = gauges(pid), interval, Counts()
        self.target = target_of(to, model, token)
        self.target.prepare()
        self.courier = Courier(self.target, kept, None, self.counts)
        self.sent = 0

    def run(self, *, most: int | None = None, stop: Callable[[], bool] = lambda: False) -> int:
        """Record until told to stop, until the process ends, or so many times; gives how many records were sent."""
        self.gauges.read()  # rates are since the reading before
        made, due = 0, time.monotonic() + min(self.interval, LEAST)
        while not stop() and (most is None or made < most):
            if time.monotonic() >= due:
                if not self.record():
                    break
                made, due = made + 1, due + self.interval
            self.send()
            time.sleep(WAITS)
        self.courier.rush()
        self.send()
        self.courier.shelve()
        self.target.close()
        return self.sent

    def record(self) -> bool:
        """Make one record; False where the process has ended."""
        try:
            found: dict[str, Any] = {"at": datetime.now(UTC), **self.gauges.read()}
        except ProcessLookupError:
            return False
        if self.pid is None:  # then the process that was read is the agent's own
            found = {name: value for name, value in found.items() if name != "pid" and not name.startswith("process_")}
        self.courier.post("signals", to_frame([found]))
        return True

    def send(self) -> None:
        """Send what waits, as far as somebody answers."""
        while self.courier.due:
            refused = len(self.counts.told)
            if not self.courier.deliver():
                return
            self.sent += len(self.counts.told) == refused


def gauges(pid: int | None) -> Gauges:
    """What reads the machine.

    Raises:
        ConfigError: there is no such process.
        RetrueError: psutil is missing.
    """
    try:
        return Gauges(os.getpid() if pid is None else pid)
    except ImportError as error:
        raise RetrueError("the agent needs psutil", hint='pip install "retrue[client]"') from error
    except ProcessLookupError as error:
        raise ConfigError(f"no process {pid}", where="--pid", expected="the id of a running process") from error
