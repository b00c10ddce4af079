"""A store whose references are learned, and whose lake is recounted, on Spark: the same profiles, byte by byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tests.engine.spark.agreeing import differing

import retrue as rt
from retrue.engine.opening import open_table


def traffic(rows: int, seed: int, day: int) -> pl.DataFrame:
    """Events of three days."""
    rng = np.random.default_rng(seed)
    start = datetime(2024, 3, day, tzinfo=UTC)
    p = rng.uniform(size=rows)
    return pl.DataFrame(
        {
            "id": [f"{seed}-{i}" for i in range(rows)],
            "at": [start + timedelta(days=3) * i / rows for i in range(rows)],
            "x": pl.Series(rng.normal(size=rows)).scatter(np.arange(0, rows, 7), None),
            "city": rng.choice(["Århus", "東京"], rows),
            "p": p,
            "late": (rng.uniform(size=rows) < p).astype(int),
        }
    )


def stored(model: Any) -> list[Any]:
    """All that the store keeps of a model's windows, in order."""
    return sorted(model.store.profiles(model.name), key=lambda one: (one.version, one.start, one.slice))


def test_a_store_is_learned_and_recounted_on_spark(sail: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Register from Parquet, log, label, recount: profiles are those of a store that Spark never saw."""
    monkeypatch.setattr("retrue.store.recount.STEP", 500)  # so that there are several runs of dates
    traffic(2_000, 1, 1).write_parquet(tmp_path / "reference.parquet")
    events = traffic(1_500, 2, 10)
    found = {}
    for engine in ("local", "spark"):
        with rt.open(tmp_path / engine, engine=engine) as store:
            model = store.register(
                "m", str(tmp_path / "reference.parquet"), id="id", time="at", label="late", score="p", slices=["city"]
            )
            model.log(events.drop("late"))
            model.label(events.select("id", "late").head(900))
            assert model.recount() > 0
            found[engine] = stored(model)
    assert len(found["spark"]) == len(found["local"])
    for one, other in zip(found["spark"], found["local"], strict=True):
        assert (one.version, one.start, one.slice) == (other.version, other.start, other.slice)
        assert differing(one.profile, other.profile) == []


def test_a_reference_that_is_too_long_is_counted_there(sail: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """Grids are fitted on a sample, all rows are counted on Spark, and a sample of the rows is kept."""
    for place in ("engine.opening.FIT_ROWS", "engine.local.FIT_ROWS", "engine.spark.table.HELD_ROWS"):
        monkeypatch.setattr(f"retrue.{place}", 500)
    traffic(2_000, 1, 1).write_parquet(tmp_path / "reference.parquet")
    table = open_table(str(tmp_path / "reference.parquet"), "spark")
    with rt.open(tmp_path / "store", engine="spark") as store:
        model = store.register("m", table, id="id", time="at", label="late", score="p", slices=["city"])
        reference = model.reference
        assert reference.load().profile.rows == 2_000
        assert 0 < reference.frame.height <= 500
