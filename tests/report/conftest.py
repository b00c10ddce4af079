"""Comparisons to show: made of real profiles and real verdicts, with a few measures of each column."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score
from tests.judge.conftest import judge_columns

from retrue.core.column import ColumnProfile
from retrue.engine.local import count, fit_reference
from retrue.judge.verdict import Verdict, VerdictKind, sort_worst_first
from retrue.metrics import Measure
from retrue.report.comparison import ColumnReport, Comparison, PerformanceReport, difference_interval
from retrue.schema import Schema
from retrue.tables import read

Compare = Callable[..., Comparison]

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</script><script>alert(3)</script>",
    "{{ 7 * 7 }}",
    "[bold red]markup[/]",
    "a\u2028b & 'quotes' " + "long " * 40,
)
"""Column names that try to be something else."""


def flights(rows: int, seed: int, *, moved: bool = False) -> pl.DataFrame:
    """Make events like flights; `moved` breaks one column, moves three, and makes the score worse."""
    draw = np.random.default_rng(seed)
    carriers = np.array(
        ["UA", "B6", "EV", "DL", "AA", "MQ", "US", "9E", "WN", "VX", "FL", "AS", "F9", "YV", "HA", "OO"]
    )
    weight = 1 / np.arange(1, 17) ** 1.1
    if moved:
        weight[2] *= 3
    temperature = draw.normal(48 if not moved else 61, 14, rows)
    rain = np.where(draw.random(rows) < 0.82, 0.0, draw.exponential(0.08, rows))
    seats = draw.integers(50, 400, rows).astype(float)
    seats[draw.random(rows) < (0.46 if moved else 0.004)] = np.nan
    risk = 1 / (1 + np.exp(1.6 - draw.normal(0, 1.1, rows)))
    carrier = draw.choice(carriers, rows, p=weight / weight.sum()).astype(object)
    if moved:
        carrier[draw.random(rows) < 0.07] = "ZZ"
    return pl.DataFrame(
        {
            "passenger_count": pl.Series(seats, nan_to_null=True),
            "carrier": pl.Series(carrier, dtype=pl.String),
            "temperature": temperature,
            "precipitation": rain,
            "hour": draw.choice(np.arange(5, 24), rows),
            "distance": draw.lognormal(6.7, 0.9, rows),
            "scheduled": [
                datetime(2013, 3 if moved else 1, 1, tzinfo=UTC) + timedelta(minutes=int(m))
                for m in draw.integers(0, 40_000, rows)
            ],
            "weekend": draw.random(rows) < 2 / 7,
            "delay_before": np.round(draw.normal(3, 6, rows)),
            "p_late": np.clip(risk if not moved else 0.6 * risk + 0.25 * draw.random(rows), 0, 1),
            "late": (draw.random(rows) < risk).astype(int),
        }
    )


def build(
    reference: pl.DataFrame, window: pl.DataFrame, names: tuple[str, str] = ("train.parquet", "week.parquet")
) -> Comparison:
    """Compare two frames as `rt.compare` does, with fewer measures."""
    labelled = "late" in reference.columns
    schema = Schema.infer(read(reference), label="late" if labelled else None, score="p_late" if labelled else None)
    fitted = fit_reference(read(reference), schema)
    counted = count(read(window), fitted.grids)
    judged = {v.column: v for v in judge_columns(counted, fitted.profile)}
    columns = {
        name: ColumnReport(
            name,
            str(schema.column(name).kind),
            measures(counted.columns[name], before),
            judged[name],
            counted.columns[name],
            before,
        )
        for name, before in fitted.profile.columns.items()
    }
    performance = measured_performance(reference, window) if labelled else {}
    verdicts = sort_worst_first([*judged_performance(performance), *judged.values()])
    return Comparison(
        "0.1.0", reference.height, window.height, *names, columns, performance, tuple(verdicts),
        counted.outcome, fitted.profile.outcome,
    )  # fmt: skip


def measures(window: ColumnProfile, reference: ColumnProfile) -> dict[str, Measure]:
    """Measure what can be told without the registry."""
    missing = [side.special_count("null") / max(side.rows, 1) for side in (window, reference)]
    found = {"missing": Measure(missing[0], missing[1], interval=(max(missing[0] - 0.01, 0), missing[0] + 0.01))}
    if window.sums.size and window.n and reference.n:
        found["mean"] = Measure(window.moments.mean, reference.moments.mean, note="of finite values")
    gap = np.abs(np.cumsum(window.shares) - np.cumsum(reference.shares)).max()
    found["ks"] = Measure(float(gap), error=0.002)
    return found


def measured_performance(reference: pl.DataFrame, window: pl.DataFrame) -> dict[str, PerformanceReport]:
    """Measure ROC AUC and accuracy with scikit-learn, with plain intervals."""
    found = {}
    for name, measure in (("roc_auc", roc_auc_score), ("accuracy", accuracy_score)):
        sides = []
        for frame in (window, reference):
            scores = frame["p_late"].to_numpy()
            value = float(measure(frame["late"].to_numpy(), scores if name == "roc_auc" else scores >= 0.5))
            reach = 1.96 * (value * (1 - value) / frame.height) ** 0.5
            sides.append(Measure(value, interval=(value - reach, value + reach)))
        now, before = sides
        gap = (now.value or 0) - (before.value or 0)
        interval = difference_interval(now, before)
        found[name] = PerformanceReport(name, now, before, gap, interval, "higher", points=True)
    return found


def judged_performance(performance: dict[str, PerformanceReport]) -> list[Verdict]:
    """Call a metric degraded where it is worse beyond noise."""
    return [
        Verdict(VerdictKind.DEGRADED, f"{name} is worse", metric=name, value=r.window.value, interval=r.window.interval)
        for name, r in performance.items()
        if r.change == "worse"
    ]


@pytest.fixture(scope="session")
def compare() -> Compare:
    """Give the function that compares two frames."""
    return build


@pytest.fixture(scope="session")
def troubled() -> Comparison:
    """A window with a broken column, an unseen category, drift, and a worse model."""
    return build(flights(20_000, 1), flights(6_000, 2, moved=True))


@pytest.fixture(scope="session")
def calm() -> Comparison:
    """A window like the reference."""
    return build(flights(20_000, 1), flights(6_000, 3))


@pytest.fixture(scope="session")
def hostile() -> Comparison:
    """Column names, categories and table names that would be code if anything let them."""
    draw = np.random.default_rng(4)
    before, after = (
        pl.DataFrame(
            {name: draw.normal(place * i, 1, 500) for i, name in enumerate(HOSTILE)}
            | {"category": draw.choice([*HOSTILE, "plain"], 500)}
        )
        for place in (0, 1)
    )
    return build(before, after, names=(HOSTILE[0], HOSTILE[1]))


@pytest.fixture(scope="session")
def tiny() -> Comparison:
    """Too few rows to tell anything."""
    return build(flights(400, 1), flights(12, 2))


@pytest.fixture(scope="session")
def nothing() -> Comparison:
    """Two tables without a column to compare."""
    return Comparison("0.1.0", 0, 0, "a", "b", {})


@pytest.fixture(scope="session")
def wide() -> Comparison:
    """Two hundred columns, one of which broke."""
    draw = np.random.default_rng(5)
    before, after = (pl.DataFrame({f"feature_{i:03}": draw.normal(0, 1, 2_000) for i in range(200)}) for _ in range(2))
    return build(before, after.with_columns(feature_007=pl.lit(None, pl.Float64)))
