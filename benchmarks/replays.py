"""The streams that `benchmarks refine` replays: real data with drift, as a model would have met them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from benchmarks.looked import Noting
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]
DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@dataclass(frozen=True)
class Stream:
    """A data set as it is replayed.

    Args:
        name: what it is called.
        frame: rows with `id`, `at`, the features and `y`, in order of time.
        features: what the model reads.
        categories: those that are categories.
        task: "binary", "multiclass" or "regression".
        start: what comes before is learned first.
        window: days of a window, a multiple of seven from a Monday on.
        delay: days until a label comes.
        judged: days of the windows that the store judges.
        rounds: trees of the model.
    """

    name: str
    frame: pl.DataFrame
    features: tuple[str, ...]
    categories: tuple[str, ...]
    task: str
    start: datetime
    window: int
    delay: float = 1.0
    judged: int = 7
    rounds: int = 40

    @property
    def past(self) -> pl.DataFrame:
        """What is known at the start."""
        return self.frame.filter(pl.col("at") < self.start)

    @property
    def traffic(self) -> float:
        """Rows a day since the start."""
        live = self.frame.filter(pl.col("at") >= self.start)["at"]
        return float(live.len() / max((live[-1] - live[0]).total_seconds() / 86_400, 1.0))

    def windows(self) -> Iterator[tuple[datetime, pl.DataFrame]]:
        """The end of each window, and what came in it."""
        until, step = self.start, timedelta(days=self.window)
        while until <= self.frame["at"][-1]:
            until += step
            yield until, self.frame.filter(pl.col("at").is_between(until - step, until, closed="left"))

    def learner(self) -> Any:
        """An unfitted pipeline: categories to codes, then boosted trees; `benchmarks.looked` may note what it sees."""
        from sklearn.compose import ColumnTransformer
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OrdinalEncoder

        codes = OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan, max_categories=250
        )
        numbers = [name for name in self.features if name not in self.categories]
        columns = ColumnTransformer([("codes", codes, list(self.categories)), ("numbers", "passthrough", numbers)])
        kind = HistGradientBoostingRegressor if self.task == "regression" else HistGradientBoostingClassifier
        trees = kind(
            max_iter=self.rounds, learning_rate=0.15, early_stopping=False, random_state=0,
            categorical_features=list(range(len(self.categories))),
        )  # fmt: skip
        return make_pipeline(Noting(), columns, trees)

    def thin(self, share: int) -> Stream:
        """The same with one row in so many, drawn by chance (seed 0) in each window alike."""
        kept = np.random.default_rng(0).random(self.frame.height) < 1 / share
        return replace(self, frame=self.frame.filter(pl.Series(kept)))

    def short(self, windows: int) -> Stream:
        """Its first windows only."""
        return replace(self, frame=self.frame.filter(pl.col("at") < self.start + timedelta(days=self.window * windows)))

    def fit(self, table: pl.DataFrame, weights: Floats | None = None) -> Any:
        """Learn from a table."""
        model = self.learner()
        extra = {} if weights is None else {f"{model.steps[-1][0]}__sample_weight": weights}
        with threadpool_limits(1):  # threads that wait for each other on a busy machine cost ten times what they give
            return model.fit(table.select(self.features), table["y"].to_numpy(), **extra)

    def scores(self, model: Any, table: pl.DataFrame) -> Floats:
        """What a model says: the probability of 1, the number, or the class."""
        seen = table.select(self.features)
        with threadpool_limits(1):
            found = model.predict_proba(seen)[:, 1] if self.task == "binary" else model.predict(seen)
        return np.asarray(found)

    def value(self, table: pl.DataFrame, said: Floats) -> float:
        """ROC AUC, accuracy, or mean absolute error, of a window."""
        from sklearn.metrics import roc_auc_score

        y = table["y"].to_numpy()
        if self.task == "binary":
            return float(roc_auc_score(y, said))
        return float((y == said).mean() if self.task == "multiclass" else np.abs(y - said).mean())

    @property
    def metric(self) -> str:
        """What the models are compared by."""
        return {"binary": "ROC AUC", "multiclass": "accuracy", "regression": "MAE"}[self.task]


def day(*date: int) -> datetime:
    """Midnight, without a zone, as the streams' times are."""
    return datetime(*date)  # type: ignore[arg-type]  # noqa: DTZ001


def flights() -> Stream:
    """Flights out of New York in 2013: seasons and weather; labels a day later. One flight in five."""
    from retrue.demo import flights as source

    frame = source.load().rename({"flight_id": "id", "scheduled": "at", "late": "y"})
    return Stream("flights", frame, tuple(source.FEATURES), source.CATEGORIES, "binary", day(2013, 3, 4), 14).thin(5)


def bikes() -> Stream:
    """Rentals an hour: seasons, and growth that no feature says."""
    frame = pl.read_parquet(DATA / "bike_sharing_dc" / "data.parquet").sort("event_time").with_row_index("id")
    features = ("hour", "holiday", "weekday", "workingday", "weather_code", "temp", "atemp", "humidity", "windspeed")
    frame = frame.select(
        pl.col("id").cast(pl.Int64), pl.col("event_time").alias("at"), *features, y=pl.col("count").cast(pl.Float64)
    )
    return Stream("bike sharing", frame, features, (), "regression", day(2011, 4, 4), 28)


def taxis() -> Stream:
    """Minutes of a trip: the lockdown of March 2020, and a partial recovery. One trip in three, up to 180 minutes."""
    raw = pl.read_parquet(DATA / "green_taxi_covid2020" / "data.parquet")
    at = pl.col("lpep_pickup_datetime")
    frame = (
        raw.filter(at.is_between(day(2020, 3, 1), day(2020, 9, 1), closed="left"))
        .filter(pl.col("duration_min").is_between(0, 180, closed="right"), pl.col("trip_distance") <= 100)
        .sort("lpep_pickup_datetime", maintain_order=True)
        .with_row_index("id")
        .select(
            pl.col("id").cast(pl.Int64), at.alias("at"), distance=pl.col("trip_distance").cast(pl.Float64),
            pickup=pl.col("PULocationID").cast(pl.String), dropoff=pl.col("DOLocationID").cast(pl.String),
            hour=at.dt.hour().cast(pl.Int64), weekday=at.dt.weekday().cast(pl.Int64),
            y=pl.col("duration_min").cast(pl.Float64),
        )
    )  # fmt: skip
    features = ("distance", "pickup", "dropoff", "hour", "weekday")
    return Stream("green taxi", frame, features, ("pickup", "dropoff"), "regression", day(2020, 3, 9), 7).thin(3)


def sensors() -> Stream:
    """Gases by sensors that age. Batches span months and have no finer time: months of four weeks, in random order."""
    raw = pl.read_parquet(DATA / "gas_sensor_drift" / "data.parquet")
    features = tuple(name for name in raw.columns if name.startswith("s"))
    rng, month = np.random.default_rng(0), 28 * 86_400
    first, last = (raw[name].to_numpy() for name in ("month_first", "month_last"))
    seconds = ((first - 1 + rng.random(raw.height) * (last - first + 1)) * month).astype(np.int64)
    at = pl.Series("at", seconds) + 1_200_268_800  # 14 January 2008, where four weeks of the store begin
    frame = raw.with_columns(pl.from_epoch(at).alias("at")).sort("at").with_row_index("id")
    frame = frame.select(pl.col("id").cast(pl.Int64), "at", *features, y=pl.col("gas").cast(pl.String))
    return Stream("gas sensors", frame, features, (), "multiclass", day(2008, 3, 10), 28, judged=28)


def prices() -> Stream:
    """Whether the price of electricity goes up: three columns stand still until they go live one day."""
    raw = pl.read_parquet(DATA / "elec2" / "data.parquet").sort("event_time").with_row_index("id")
    features = ("day_of_week", "period", "nswdemand", "vicprice", "vicdemand", "transfer")
    frame = raw.select(
        pl.col("id").cast(pl.Int64), pl.col("event_time").alias("at"), *features, y=pl.col("target").cast(pl.Int64)
    )
    return Stream("electricity", frame, features, (), "binary", day(1996, 8, 5), 28)


STREAMS: dict[str, Callable[[], Stream]] = {
    "flights": flights, "gas": sensors, "taxi": taxis, "bikes": bikes, "electricity": prices
}  # fmt: skip
