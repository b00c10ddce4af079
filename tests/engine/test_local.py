"""The counting pass on this machine: whatever form the table has, the same profile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from retrue.core.extra import RowRule, TimeSpan
from retrue.core.project import of_kind
from retrue.core.reference import Reference
from retrue.engine import local
from retrue.schema import Kind, Schema
from retrue.tables import Table, read

ROWS = 3_000
EXTRAS = (RowRule("x", "<=", "y"), TimeSpan("at"))


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    """Events of ten days with every kind of column."""
    rng = np.random.default_rng(0)
    p = rng.uniform(size=ROWS)
    start = datetime(2024, 3, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            "id": [f"e{i}" for i in range(ROWS)],
            "at": [start + timedelta(minutes=4.8 * i) for i in range(ROWS)],
            "x": rng.normal(size=ROWS),
            "y": rng.exponential(size=ROWS),
            "city": rng.choice(["a", "b", "c"], ROWS),
            "ok": rng.choice([True, False], ROWS),
            "comment": [f"{'a longer text with' if i % 2 else 'short'} {i}" for i in range(ROWS)],
            "p": p,
            "late": (rng.uniform(size=ROWS) < p).astype(int),
        }
    ).with_columns(y=pl.when(pl.int_range(pl.len()) % 11 > 0).then("y"))


@pytest.fixture(scope="module")
def schema(frame: pl.DataFrame) -> Schema:
    return Schema.infer(frame, id="id", time="at", label="late", score="p", kinds={"comment": "text"})


@pytest.fixture(scope="module")
def reference(frame: pl.DataFrame, schema: Schema) -> Reference:
    return local.fit_reference(read(frame), schema, EXTRAS, window=86_400.0)


@pytest.fixture(params=["frame", "parquet", "csv", "ndjson"])
def table(request: pytest.FixtureRequest, frame: pl.DataFrame, tmp_path: Path) -> Table:
    """The same events in memory and in files, read a column or a batch at a time."""
    path = tmp_path / f"events.{request.param}"
    if request.param == "parquet":
        frame.write_parquet(path, row_group_size=700)
    elif request.param == "csv":
        frame.write_csv(path)
    elif request.param == "ndjson":
        frame.write_ndjson(path)
    return read(frame) if request.param == "frame" else read(str(path))


def test_a_table_counts_the_same_in_any_form(table: Table, reference: Reference, frame: pl.DataFrame) -> None:
    """Streamed column by column, batch by batch, or at once: equal counts, sums to rounding."""
    assert local.count(table, reference.grids).agrees(reference.grids.count(frame))


def test_the_reference_is_counted_on_its_own_grids(reference: Reference, frame: pl.DataFrame) -> None:
    assert reference.profile.rows == ROWS
    counted = reference.grids.count(frame)
    learned = {name for name, source in reference.grids.sources.items() if source.learned and source.learned.fields}
    for name, column in reference.profile.columns.items():
        # What projections learned from isn't what they are counted on.
        assert column.rows < ROWS if name in learned else column.agrees(counted.columns[name])
    assert reference.profile.outcome is not None
    assert reference.profile.outcome.agrees(counted.outcome)
    assert all(extra.agrees(counted.extras[name]) for name, extra in reference.profile.extras.items())
    projected = {f"comment.{one.name}" for one in of_kind(Kind.TEXT)}
    assert set(reference.grids.columns) == {"x", "y", "city", "ok", "p", "late"} | projected
    assert all(column.out_of_range == 0 for column in reference.profile.columns.values())


@pytest.mark.parametrize("kinds", [{}, {"comment": "text", "ok": "categorical", "x": "categorical"}])
def test_a_schema_and_its_grids_come_from_one_read(table: Table, kinds: dict[str, str]) -> None:
    """They are what the schema alone and the grids alone would be, whatever kinds the user overrides."""
    roles: dict[str, Any] = {"id": "id", "time": "at", "label": "late", "score": "p", "kinds": kinds}
    schema, known = local.infer(table, **roles)
    assert schema == Schema.infer(table, **roles)
    assert bool(known) is table.columnar
    apart = local.fit_reference(table, schema, EXTRAS)
    together = local.fit_reference(table, schema, EXTRAS, known=known)
    assert together.to_bytes() == apart.to_bytes()


def test_its_windows_are_its_days(reference: Reference, frame: pl.DataFrame) -> None:
    """Ten days of 300 events, oldest first; together they are the whole."""
    assert [window.rows for window in reference.windows] == [300] * 10
    assert sum(window.columns["x"].counts for window in reference.windows).tolist() == (  # type: ignore[union-attr]
        reference.profile.columns["x"].counts.tolist()
    )


def test_without_time_or_window_there_are_no_windows(frame: pl.DataFrame, schema: Schema) -> None:
    assert local.fit_reference(read(frame), schema).windows == ()
    timeless = Schema.infer(frame.drop("at"), id="id", label="late", score="p")
    assert local.fit_reference(read(frame.drop("at")), timeless, window=3600.0).windows == ()


def test_it_knows_how_well_the_model_does_in_each_bin(reference: Reference, frame: pl.DataFrame) -> None:
    """Expected: accuracy by city from the events."""
    scores = reference.scores["city"]
    right = ((frame["p"] >= 0.5).cast(pl.Int64) == frame["late"]).cast(pl.Float64)
    grid = reference.grids.columns["city"]
    for city, label in enumerate(grid.labels[:3]):
        mask = frame["city"] == label
        assert scores.n[city] == mask.sum()
        assert scores.total[city] == pytest.approx(right.filter(mask).sum())


def test_without_labels_nobody_knows_how_well_it_does(frame: pl.DataFrame, schema: Schema) -> None:
    assert local.fit_reference(read(frame.drop("late")), schema).scores == {}


def test_columns_may_be_left_out(frame: pl.DataFrame, schema: Schema) -> None:
    grids = local.fit_grids(read(frame), schema, without=["late", "x"])
    assert not {"late", "x"} & set(grids.columns)


def test_a_large_reference_is_sampled_for_its_grids_and_counted_whole(
    frame: pl.DataFrame, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "FIT_ROWS", 100)
    found = local.fit_reference(read(frame), schema)
    assert found.profile.columns["x"].rows == ROWS
    assert found.grids.columns["x"].bins <= 2 * 100 + 2


@pytest.mark.parametrize("columns", [["x"], ["id"], ["city", "late"]])
@pytest.mark.parametrize("form", ["frame", "csv"])
def test_a_table_may_lack_columns(
    columns: list[str], form: str, reference: Reference, frame: pl.DataFrame, tmp_path: Path
) -> None:
    """They count as null, and every event is still counted."""
    less = frame.select(columns)
    less.write_csv(tmp_path / "less.csv")
    found = local.count(read(less) if form == "frame" else read(str(tmp_path / "less.csv")), reference.grids)
    assert found.rows == ROWS
    assert found.agrees(reference.grids.count(less))


def test_a_table_without_rows_has_an_empty_profile(reference: Reference, frame: pl.DataFrame, tmp_path: Path) -> None:
    frame.clear().write_parquet(tmp_path / "none.parquet")
    for table in (read(frame.clear()), read(str(tmp_path / "none.parquet"))):
        assert local.count(table, reference.grids).agrees(reference.grids.empty())


def test_one_worker_counts_what_many_count(
    reference: Reference, frame: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "workers", lambda: 1)
    alone = local.count(read(frame), reference.grids)
    monkeypatch.setattr(local, "workers", lambda: 5)
    assert local.count(read(frame), reference.grids).agrees(alone)


def test_an_error_in_a_thread_is_raised_here() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    with pytest.raises(ValueError, match="three"):
        local.spread(work, range(5))
