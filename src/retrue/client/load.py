"""Load: how many calls, how slow, how many failed since the last record; and how the process and its machine are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from retrue.client.calls import Call

KEPT = 10_000
"""Latencies that are kept for a record's quantiles: the latest."""


class Load:
    """What came since the last record; `sample` makes one and begins anew."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._spent: deque[int] = deque(maxlen=KEPT)
        self._calls = self._errors = 0
        self._gauges: Any = None

    @property
    def age(self) -> float:
        """Seconds since the last record."""
        return time.monotonic() - self.began

    def add(self, calls: Iterable[Call]) -> None:
        """Count calls."""
        for call in calls:
            self.count(call.spent, failed=call.error is not None)

    def count(self, spent: int, *, failed: bool) -> None:
        """Count one call that took so many nanoseconds."""
        self._calls += 1
        self._errors += failed
        self._spent.append(spent)

    def sample(self) -> dict[str, Any] | None:
        """A record as of now; None where psutil is missing."""
        try:
            found = self._machine()
        except ImportError:
            return None
        seconds, calls, errors, spent = self.age, self._calls, self._errors, sorted(self._spent)
        self.began, self._calls, self._errors = time.monotonic(), 0, 0
        self._spent.clear()
        return {
            "at": datetime.now(UTC),
            **found,
            "requests_per_s": calls / seconds if seconds > 0 else 0.0,
            "errors_percent": 100 * errors / calls if calls else None,
            "latency_p50_ms": quantile(spent, 0.5),
            "latency_p99_ms": quantile(spent, 0.99),
        }

    def _machine(self) -> dict[str, Any]:
        if self._gauges is None:
            from retrue.adapters.system import Gauges

            self._gauges = Gauges()
        return dict(self._gauges.read())


def quantile(ordered: list[int], share: float) -> float | None:
    """A quantile of nanoseconds in order, in milliseconds; None of nothing.

    >>> quantile([1_000_000, 2_000_000, 3_000_000], 0.5)
    2.0
    """
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] / 1e6 if ordered else None
