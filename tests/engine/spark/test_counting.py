"""What Spark counts is what this machine counts: integers to the last bit, sums to 1e-12."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.engine.spark.agreeing import differing

import retrue as rt
from retrue.core.extra import RowRule, TimeSpan
from retrue.core.grids import Grids
from retrue.core.profile import Profile
from retrue.engine import local
from retrue.engine.slices import count_slices
from retrue.engine.spark import sources
from retrue.engine.spark.table import SparkTable
from retrue.schema import Schema
from retrue.slices import Slice
from retrue.tables import read


def events(rows: int, seed: int) -> pl.DataFrame:
    """Events with every kind of column and every odd value."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    for at, odd in enumerate([np.nan, np.inf, -np.inf, -0.0, 1e300, -1e300, 5e-324]):
        x[at::97] = odd
    start, p = datetime(2024, 3, 1, tzinfo=UTC), rng.uniform(size=rows)
    return pl.DataFrame(
        {
            "id": [f"e{i % (rows - 3 if rows > 9 else rows)}" for i in range(rows)],
            "at": [start + timedelta(seconds=17 * i) for i in range(rows)],
            "x": pl.Series(x).scatter(np.arange(3, rows, 13), None),
            "city": rng.choice(["Århus", "Zürich", "東京", "🛬", "it's; --", ""], rows),
            "n.legs": rng.integers(-5, 5, rows),
            "ok": rng.choice([True, False], rows),
            "comment": [f"{'a longer text with' if i % 2 else 'short'} {i}" for i in range(rows)],
            "p": p,
            "late": (rng.uniform(size=rows) < p).astype(int),
        }
    )


@pytest.fixture(scope="module")
def grids() -> Grids:
    """Grids of other rows: some of what is counted was never seen."""
    frame = events(3_000, 1).filter(pl.col("city") != "🛬")
    schema = Schema.infer(frame, id="id", time="at", label="late", score="p", kinds={"comment": "text"})
    return local.fit_reference(read(frame), schema, (RowRule("x", "<=", "p"), TimeSpan("at"))).grids


def agree(one: Profile, other: Profile) -> None:
    """Every integer and text is the same, every float to 1e-12 of the largest of its field."""
    assert differing(one, other) == []


CASES: Mapping[str, pl.DataFrame] = {
    "many": events(5_000, 2),
    "one row": events(1, 3),
    "no rows": events(10, 4).clear(),
    "nulls alone": events(40, 5).with_columns(pl.lit(None, dtype=pl.Float64).alias("x")),
    "a column less": events(200, 6).drop("city"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("files", [1, 5])
def test_a_profile_is_the_local_one(case: str, files: int, grids: Grids, sail: Any, tmp_path: Path) -> None:
    """Whatever the rows and however many files they lie in, of very different lengths and one of them empty."""
    frame = CASES[case]
    table = sources.read(written(frame, tmp_path, files))
    assert isinstance(table, SparkTable)
    agree(local.count(table, grids), local.count(read(frame), grids))


def written(frame: pl.DataFrame, folder: Path, files: int) -> str:
    """Write a frame as so many files: the first is empty, the last holds most rows."""
    cuts = [0, 0, *(frame.height * i // 50 for i in range(1, files - 1)), frame.height] if files > 1 else [0, None]
    for i, (start, end) in enumerate(pairwise(cuts)):
        frame[start:end].write_parquet(folder / f"{i}.parquet")
    return f"{folder}/*.parquet"


def test_slices_are_the_local_ones(grids: Grids, sail: Any, tmp_path: Path) -> None:
    """Overlapping slices, one of them empty, on coarse grids; all by Polars' idea of equality."""
    frame = CASES["many"]
    parts = [Slice.parse(sql) for sql in ("city = '東京'", "x > 0 AND ok", '"n.legs" IS NULL', "city <> 'Zürich'")]
    table = sources.read(written(frame, tmp_path, 4))
    found, wanted = count_slices(table, grids, parts), count_slices(read(frame), grids, parts)
    assert found.keys() == wanted.keys()
    for name in found:
        agree(found[name], wanted[name])


def test_a_comparison_is_the_local_one(sail: Any, tmp_path: Path) -> None:
    """`rt.compare` says the same of two tables on Spark, part by part and where a slice is chosen.

    Not of what learns from some rows, such as a vocabulary: Spark gives them in an order of its own.
    """
    for name, seed in (("before", 7), ("after", 8)):
        (tmp_path / name).mkdir()
        written(events(4_000, seed).drop("comment"), tmp_path / name, 3)
    before, after = f"{tmp_path}/before/*.parquet", f"{tmp_path}/after/*.parquet"
    given: dict[str, Any] = {
        "id": "id",
        "time": "at",
        "label": "late",
        "score": "p",
        "slices": ["ok"],
        "where": '"n.legs" > -4',
    }
    here, there = rt.compare(before, after, **given), rt.compare(before, after, engine="spark", **given)
    assert [str(one) for one in there.verdicts] == [str(one) for one in here.verdicts]
    assert there.slice_sizes == here.slice_sizes
    for name, column in here.columns.items():
        agree_columns(there.columns[name].window, column.window)


def agree_columns(one: Any, other: Any) -> None:
    """Counts of a column are the same."""
    assert one.counts.tolist() == other.counts.tolist()
    assert one.special.tolist() == other.special.tolist()


def test_a_weighted_profile_agrees(sail: Any, tmp_path: Path) -> None:
    """Weighted counts are floats: they agree as sums do."""
    frame = events(2_000, 9).with_columns(w=pl.col("p") * 3)
    written(frame, tmp_path, 3)
    here = rt.compare(frame, frame, id="id", weight="w", label="late", score="p")
    there = rt.compare(frame, sources.read(f"{tmp_path}/*.parquet"), engine="spark", id="id", weight="w", label="late",
                       score="p")  # fmt: skip
    for name, column in here.columns.items():
        assert np.allclose(there.columns[name].window.counts, column.window.counts, rtol=1e-12)


def test_data_frames_are_taken_as_they_are(sail: Any, grids: Grids) -> None:
    """A DataFrame of the user's, after a shuffle, filtered, with any column names."""
    frame = CASES["many"]
    data = sail.createDataFrame(frame.select("id", "city", "n.legs").to_arrow()).repartition(7).filter("city <> ''")
    found = local.count(SparkTable.of(data, "events"), grids)
    wanted = local.count(read(frame.select("id", "city", "n.legs").filter(pl.col("city") != "")), grids)
    agree(found, wanted)
