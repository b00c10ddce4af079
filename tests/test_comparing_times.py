"""Times in comparisons: what goes on by itself is no alarm."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl

import retrue as rt


def test_later_dates_are_no_unknown_traffic() -> None:
    """A time column that nobody named as the time goes on, and never alarms by that alone."""
    rng = np.random.default_rng(3)
    start = datetime.fromisoformat("2026-01-01")

    def hours(first: int) -> pl.DataFrame:
        score = rng.random(2_000)
        at = [start + timedelta(hours=first + i) for i in range(2_000)]
        return pl.DataFrame({"at": at, "p": score, "y": (rng.random(2_000) < score).astype(int)})

    report = rt.compare(hours(0), hours(5_000), label="y", score="p")
    assert [verdict for verdict in report.verdicts if verdict.alarms] == []
