"""Rate limits: a bucket of tokens for each caller, refilled at a steady rate."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

MOST = 10_000
"""Callers that are remembered; of more, those are forgotten who asked longest ago."""


@dataclass
class Buckets:
    """One bucket for each caller; a request takes one token out.

    Args:
        rate: tokens a second that flow into each bucket.
        burst: tokens that a bucket holds.
        clock: seconds, from anywhere.

    >>> now = [0.0]
    >>> buckets = Buckets(rate=2, burst=3, clock=lambda: now[0])
    >>> [buckets.take("anna") for _ in range(4)]
    [0.0, 0.0, 0.0, 0.5]
    >>> now[0] = 0.5
    >>> buckets.take("anna"), buckets.take("bob")
    (0.0, 0.0)
    """

    rate: float
    burst: float
    clock: Callable[[], float] = monotonic
    _held: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)

    def take(self, caller: str) -> float:
        """Take a token; gives 0, or the seconds until there is one again."""
        wait = self.wait(caller)
        if not wait:
            self._put(caller, self.held(caller) - 1)
        return wait

    def wait(self, caller: str) -> float:
        """The seconds until there is a token; takes none."""
        return max(0.0, (1 - self.held(caller)) / self.rate)

    def held(self, caller: str) -> float:
        """How many tokens a caller's bucket holds now."""
        before, at = self._held.get(caller, (self.burst, self.clock()))
        return min(self.burst, before + (self.clock() - at) * self.rate)

    def _put(self, caller: str, held: float) -> None:
        self._held[caller] = held, self.clock()
        self._held.move_to_end(caller)
        if len(self._held) > MOST:
            self._held.popitem(last=False)


def whole_seconds(seconds: float) -> str:
    """Seconds as `Retry-After` says them: whole ones, at least one.

    >>> whole_seconds(0.2), whole_seconds(3.1)
    ('1', '4')
    """
    return str(max(1, math.ceil(seconds)))
