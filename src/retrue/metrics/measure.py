"""What a metric says: a value with its error and interval, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

Interval: TypeAlias = tuple[float, float]

Z95 = 1.959963984540054
"""Half-width of a 95 % interval in standard errors."""


@dataclass(frozen=True)
class Measure:
    """What a metric says: never NaN, never a bare number.

    Attributes:
        value: the window's value, or the distance from the reference; None where it can't be told.
        reference: the same of the reference, where that makes sense.
        error: how far the value may be from the exact one, because it was read from a grid.
        interval: 95 % interval of the value.
        note: what a reader must know, such as why there is no value.
        names: categories or columns that the value speaks of, with counts.
    """

    value: float | None
    reference: float | None = None
    error: float | None = None
    interval: Interval | None = None
    note: str | None = None
    names: tuple[tuple[str, float], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """`{"value", "reference", "error", "interval"}`, as in the report's JSON."""
        interval = None if self.interval is None else list(self.interval)
        return {"value": self.value, "reference": self.reference, "error": self.error, "interval": interval}


NOTHING = Measure(None, note="no rows to measure")
