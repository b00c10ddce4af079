"""Which metrics judge a regression: mean and median of the errors, or the median alone where errors have long tails."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from retrue.core.reference import Reference
from retrue.engine import local
from retrue.judge.assess import Assessment, Judge
from retrue.judge.main_metrics import HEAVY
from retrue.judge.verdict import Verdict, VerdictKind
from retrue.schema import Schema
from retrue.tables import read

TAXI = Path(__file__).parents[3] / "shared" / "data" / "green_taxi_covid2020" / "data.parquet"
MEAN, MEDIAN = "mae", "median_absolute_error"


def rides(seed: int, size: float = 1.0, absurd: int = 0, rows: int = 5_000) -> pl.DataFrame:
    """Predictions of the duration of rides, off by so many times N(0, 3) minutes; so many clocks ran on for days."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(5, 40, rows)
    duration = x + size * rng.normal(0, 3, rows)
    duration[rng.choice(rows, absurd, replace=False)] += rng.exponential(5_000, absurd)
    return pl.DataFrame({"x": x, "guess": x, "duration": duration})


def assess(before: pl.DataFrame, after: pl.DataFrame) -> Assessment:
    """Judge one by the other."""
    schema = Schema.infer(read(before), label="duration", prediction="guess", task="regression")
    reference: Reference = local.fit_reference(read(before), schema)
    return Judge(reference).assess(local.count(read(after), reference.grids))


def on_performance(found: Assessment) -> dict[str, Verdict]:
    """The verdicts on performance, by metric."""
    return {str(one.metric): one for one in found.verdicts if one.column is None}


def test_where_a_few_absurd_labels_make_the_mean_the_median_judges_and_says_so() -> None:
    """Errors grow by 40 %: the mean of 25 absurd labels a side hides that."""
    found = assess(rides(1, absurd=25), rides(2, size=1.4, absurd=25))
    told = on_performance(found)
    assert list(told) == [MEDIAN]
    assert told[MEDIAN].kind is VerdictKind.DEGRADED
    assert told[MEDIAN].reason.endswith(HEAVY)
    assert found.performance[MEAN][0].value is not None  # it is shown, all the same


@pytest.mark.parametrize("seed", range(5))
def test_a_few_more_absurd_labels_alone_are_no_alarm_where_they_are_usual(seed: int) -> None:
    found = on_performance(assess(rides(seed, absurd=15), rides(seed + 100, absurd=60)))
    assert found[MEDIAN].kind is VerdictKind.TRUE


def test_where_errors_are_as_usual_both_judge_and_absurd_labels_hide_nothing() -> None:
    """The reference has no absurd label; one in the window blurs the mean, not the median."""
    calm = on_performance(assess(rides(1), rides(2)))
    assert {name: one.kind for name, one in calm.items()} == dict.fromkeys([MEAN, MEDIAN], VerdictKind.TRUE)
    found = on_performance(assess(rides(1), rides(2, size=1.4, absurd=1)))
    assert found[MEDIAN].kind is VerdictKind.DEGRADED
    assert HEAVY not in found[MEDIAN].reason


def test_errors_in_steps_are_judged_by_their_mean() -> None:
    """Two in three predictions are right: the median is 0 until half are wrong, and then 1 at once."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 5, 3_000)
    frame = pl.DataFrame({"x": rng.normal(size=3_000), "guess": y + rng.choice([0, 0, 1], 3_000) * 1.0, "duration": y})
    assert list(on_performance(assess(frame, frame))) == [MEAN]


def test_only_what_can_be_estimated_is_judged_before_labels_come() -> None:
    schema = Schema.infer(read(rides(1)), label="duration", prediction="guess", task="regression")
    judge = Judge(local.fit_reference(read(rides(1, absurd=25)), schema))
    assert (judge.judged_metrics, judge.estimated_metrics) == ((MEDIAN,), (MEAN,))
    assert set(judge.pasts) <= {MEAN, MEDIAN}


@pytest.mark.skipif(not TAXI.exists(), reason="the shared data isn't here")
def test_on_green_taxis_the_median_tells_of_the_empty_streets_what_the_mean_does_not() -> None:
    """Schools closed on 16 March 2020; clocks that ran on for a day make MAE 11 to 13 minutes before and after."""
    trips = pl.scan_parquet(TAXI).rename({"lpep_pickup_datetime": "t", "trip_distance": "miles", "duration_min": "y"})
    march = trips.select("t", "miles", y=pl.col("y").cast(pl.Float64)).filter(pl.col("miles") < 50).collect()
    first = march.filter(pl.col("t").is_between(datetime(2020, 3, 1), datetime(2020, 3, 8)))
    pace, start = np.polyfit(first["miles"].to_numpy(), first["y"].to_numpy(), 1).tolist()
    frame = march.select("t", x="miles", guess=start + pl.col("miles") * pace, duration="y")
    before = frame.filter(pl.col("t").is_between(datetime(2020, 3, 1), datetime(2020, 3, 8)))
    after = frame.filter(pl.col("t").is_between(datetime(2020, 3, 15), datetime(2020, 3, 22)))
    found = assess(before.drop("t"), after.drop("t"))
    (now, then), told = found.performance[MEAN], on_performance(found)
    assert now.interval is not None
    assert then.value is not None
    assert now.interval[0] <= then.value <= now.interval[1]
    assert list(told) == [MEDIAN]
    assert told[MEDIAN].kind is VerdictKind.DEGRADED
