"""What Spark reads without a jar, and what it refuses because files alone don't say it."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from tests.conftest import needed
from tests.engine.spark.cluster import free_port

import retrue as rt
from retrue.cli import serve
from retrue.cli.app import run
from retrue.engine.spark import sources
from retrue.engine.spark.table import SparkTable
from retrue.errors import ConfigError, SliceError, TableError

DAYS = pl.DataFrame({"day": ["2024-05-01", "007", None, "a b/c"] * 3, "x": [float(i) for i in range(12)]})


def test_delta_is_read_by_its_log(sail: Any, tmp_path: Path) -> None:
    """Files that the log has dropped don't count; columns that a file is older than are null in its rows."""
    write_deltalake(str(tmp_path), DAYS.with_columns(x=pl.lit(-1.0)))
    write_deltalake(str(tmp_path), DAYS, mode="overwrite")
    more = DAYS.with_columns(y=pl.lit("new"))
    write_deltalake(str(tmp_path), more, mode="append", schema_mode="merge")
    found = sources.read(tmp_path).collect(["day", "x", "y"])
    wanted = pl.concat([DAYS, more], how="diagonal")
    order = ["x", "y", "day"]
    assert found.sort(order).equals(wanted.select(found.columns).sort(order))
    assert sources.read(DeltaTable(str(tmp_path), version=1)).count_rows() == 12


def test_deletion_vectors_are_refused(sail: Any, tmp_path: Path) -> None:
    """The files of such a table hold rows that are deleted: counting them would be wrong."""
    write_deltalake(str(tmp_path), DAYS)
    log = tmp_path / "_delta_log" / "00000000000000000000.json"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    features = ["deletionVectors"]
    versions = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}
    for entry in entries:
        entry.get("protocol", {}).update(versions)
    log.write_text("\n".join(map(json.dumps, entries)))
    with pytest.raises(TableError, match="with deletion vectors: its files hold rows that are deleted"):
        sources.read(tmp_path)


def test_column_mapping_is_refused() -> None:
    """Its files have other names for its columns."""
    with pytest.raises(TableError, match="with column mapping"):
        sources.refuse_delta(set(), {"delta.columnMapping.mode": "name"}, "a table")


def test_iceberg_is_read_by_the_plan(sail: Any, tmp_path: Path) -> None:
    """The data files of the newest snapshot; a renamed column is refused, whose files have the old name."""
    catalogs = needed("pyiceberg.catalog.sql")
    catalog = catalogs.SqlCatalog("t", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("db")
    rows = DAYS.to_arrow()
    table = catalog.create_table("db.events", schema=rows.schema)
    table.append(rows)
    table.append(rows)
    found = sources.read(table)
    assert isinstance(found, SparkTable)
    assert found.count_rows() == 24
    with table.update_schema() as update:
        update.rename_column("x", "z")
    with pytest.raises(TableError, match="renamed column"):
        sources.read(table)
    catalog.close()


def test_what_spark_is_not_asked_to_read_is_told(sail: Any, tmp_path: Path) -> None:
    """CSV has no types; a file that isn't there or is damaged; an engine that there isn't; a slice that can't be."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(TableError, match=r"doesn't read CSV.*spark\.read"):
        sources.read(tmp_path / "a.csv")
    with pytest.raises(TableError, match="no such file"):
        sources.read(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 this is no Parquet file PAR1")
    with pytest.raises(TableError, match="Spark says"):
        sources.read(tmp_path / "bad.parquet").count_rows()
    with pytest.raises(ConfigError, match="unknown engine 'sprak'"):
        rt.compare(DAYS, DAYS, engine="sprak")
    DAYS.write_parquet(tmp_path / "days.parquet")
    with pytest.raises(SliceError, match="unknown column"):
        rt.compare(tmp_path / "days.parquet", tmp_path / "days.parquet", engine="spark", where="w > 1")


def test_a_server_that_nobody_runs_is_told_at_once() -> None:
    """Spark itself asks for ten minutes. What isn't an address of Spark Connect, or no name here, is Spark's to say."""
    port = free_port()
    with pytest.raises(rt.RetrueError, match=rf"nobody listens at 127.0.0.1:{port}\. Hint: check SPARK_REMOTE"):
        sources.refuse_nobody(f"sc://127.0.0.1:{port}/;token=abc")
    for other in ("", "local[2]", "spark://127.0.0.1:1", "sc://no-such-host.invalid"):
        sources.refuse_nobody(other)
    with socket.create_server(("127.0.0.1", port)):
        sources.refuse_nobody(f"sc://127.0.0.1:{port}")


def test_samples_are_bounded_and_the_same_each_time(sail: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table that is too long to be held, Spark takes the sample."""
    monkeypatch.setattr("retrue.engine.spark.table.HELD_ROWS", 100)
    pl.DataFrame({"x": range(20_000)}).write_parquet(tmp_path / "x.parquet")
    table = sources.read(tmp_path / "x.parquet")
    one, two = table.sample(["x"], 1_000), table.sample(["x"], 1_000)
    assert one.equals(two)
    assert one.height <= 1_000
    assert one.height > 900  # binomial, 1,020 expected of 20,000: a hundred fewer are 3.9 standard deviations
    assert one["x"].n_unique() == one.height


def test_the_command_compares_on_spark(sail: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`retrue compare --engine spark` prints what it prints of one machine."""
    DAYS.write_parquet(tmp_path / "a.parquet")
    said = []
    for engine in ("local", "spark"):
        assert run(["compare", *[str(tmp_path / "a.parquet")] * 2, "--engine", engine, "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0]["columns"] == said[1]["columns"]


def test_a_data_frame_with_times_comes_in_without_the_engine(sail: Any, tmp_path: Path) -> None:
    """Its instants, whatever the session's time zone; `rt.compare` and `log` on this machine take it, too."""
    at = [datetime(2024, 7, 1, 12, minute, tzinfo=UTC) for minute in range(40)]
    local = pl.DataFrame({"id": [f"e{n}" for n in range(40)], "at": at, "x": [float(n) for n in range(40)]})
    sail.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
    frame = sail.createDataFrame(local.to_arrow())
    assert frame.schema["at"].dataType.typeName() == "timestamp"
    found = rt.read_table(frame).collect()
    assert found.with_columns(pl.col("at").dt.convert_time_zone("UTC")).equals(local)
    compared = rt.compare(frame, local)
    assert (compared.reference_rows, compared.window_rows) == (40, 40)
    with rt.open(tmp_path / "store") as store:
        model = store.register("m", frame, id="id", time="at")
        model.log(frame)
        assert model.events().collect().select("id", "at").equals(local.select("id", "at"))
    with pytest.raises(TableError, match=r"Spark says: .*no_such_column"):
        rt.read_table(frame.selectExpr("no_such_column"))


def test_commands_on_a_store_count_where_it_says(
    sail: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`[store] engine`, or `--engine`: Spark registers and recounts, and refuses what it doesn't read."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETRUE_ENGINE", "")
    toml = tmp_path / "retrue.toml"
    toml.write_text('[store]\nengine = "spark"\n')
    DAYS.write_csv("days.csv")
    DAYS.write_parquet("days.parquet")
    assert run(["register", "m", "--reference", "days.csv"]) == 2
    assert "engine='spark' doesn't read CSV" in capsys.readouterr().err
    assert run(["register", "m", "--reference", "days.csv", "--engine", "local"]) == 0
    assert run(["register", "n", "--reference", "days.parquet"]) == 0
    assert run(["log", "n", "days.parquet"]) == 0
    assert run(["recount", "n"]) == 0
    assert "2 profiles rebuilt" in capsys.readouterr().out
    serve.name_engine()  # what all parts of a service do
    with rt.open("store") as store:
        assert store.engine == "spark"
    monkeypatch.setenv("RETRUE_ENGINE", "")
    toml.write_text('[store]\nengine = "sparc"\n')
    for command in (["check"], ["serve", "store"]):
        assert run(command) == 2
        assert "unknown engine 'sparc': expected 'local' or 'spark'" in capsys.readouterr().err
