"""The share of a window's rows that meet a watched signal: `check` counts it on the rows, no profile tells it alone."""

from __future__ import annotations

from retrue.metrics.measure import Measure
from retrue.metrics.registry import metric, untold

NAME = "signal_share"


@metric(NAME, family="drift", of="estimate", range=(0, 1), unit="share", source="interval: Wilson 1927")
def signal_share(*inputs: object) -> Measure:
    """Share of rows that meet a watched signal (see `model.watch_signal`)."""
    return untold(*inputs)
