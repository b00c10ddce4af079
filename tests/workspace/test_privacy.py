"""Personal data stays at the door: no raw value is in any file of the store, and what is kept joins and counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.store.test_commit import fast_folder

import retrue as rt
from retrue.errors import ConfigError, SchemaError, StoreError
from retrue.store.privacy import Privacy
from retrue.workspace import Model

__all__ = ["fast_folder"]

T0 = datetime(2026, 3, 1, 13, 37, 11, tzinfo=UTC)
POLICY = {"email": "drop", "user": "hash", "id": "hash", "age": "bucket 10", "born": "day"}
RAW = ("@example.org", "user-77", "order-00", "1977-07-07 07:07:07", "47.1234")


def table(first: int = 0, count: int = 400) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "id": [f"order-00{i}" for i in numbers],
            "at": [T0 + timedelta(minutes=10 * i) for i in numbers],
            "email": [f"someone{i}@example.org" for i in numbers],
            "user": [f"user-77{i % 5}" for i in numbers],
            "age": [20.1234 + i % 60 for i in numbers],
            "born": [datetime(1977, 7, 7, 7, 7, 7)] * count,
            "p": [(i % 10) / 10 for i in numbers],
            "y": [i % 2 for i in numbers],
        }
    )


def register(folder: Path, **options: Any) -> Model:
    roles = {"id": "id", "time": "at", "label": "y", "score": "p", "window": "1d", "privacy": POLICY}
    return rt.open(folder).register("m", table(), **{**roles, **options})


@pytest.fixture
def model(fast_folder: Path) -> Model:
    return register(fast_folder / "store")


def leaks(folder: Path, raw: Sequence[str] = RAW) -> list[str]:
    """Files with a raw value, in their bytes, in the rows of Parquet files, or in rows of SQLite."""
    found = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        text = path.read_bytes().decode("latin-1")
        if path.suffix == ".parquet":
            text += pl.read_parquet(path, hive_partitioning=False).select(pl.all().cast(pl.String)).write_csv()
        if path.name == "spool.db":
            with sqlite3.connect(path) as db:
                blobs = [pl.read_ipc_stream(data) for (data,) in db.execute("select data from batches")]
            db.close()
            text += "".join(blob.write_csv() for blob in blobs)
        found += [f"{path.relative_to(folder)}: {one}" for one in raw if one in text]
    return found


def test_the_search_finds_what_is_kept_as_it_comes(fast_folder: Path) -> None:
    model = register(fast_folder / "open", privacy=None)
    model.store.append("m", "events", table(1000, 10).drop("y"))
    found = {name.partition(": ")[0] for name in leaks(model.store.folder)}
    assert {"references/m/1.parquet", "spool.db"} <= found


def test_no_raw_value_reaches_any_file(model: Model) -> None:
    folder = model.store.folder
    model.store.append("m", "events", table(1000, 50).drop("y"))
    assert leaks(folder) == []
    model.log(table(2000, 50).drop("y"), key="a batch")
    model.log({**table(3000, 1).drop("y").to_dicts()[0], "born": "1977-07-07 07:07:07"})
    model.log(table(4000, 5).drop("y").with_columns(pl.lit("no time").alias("at"), age=pl.lit("user-77")))
    model.log(table(5000, 5).drop("y", "email").with_columns(Email=pl.lit("x@example.org")))
    model.label(table(1000, 50).select("id", "y", "email"))
    model.feedback(table(1000, 5).select("id", "user", "email", clicks="age"))
    model.collect("p > 0.5", name="some")
    model.store.apply("m")
    model.check()
    assert len(model.quarantine()) == 5
    assert leaks(folder) == []


def test_hashed_ids_join_their_labels_whatever_type_they_come_in(model: Model) -> None:
    model.log(table(1000, 20).drop("y"))
    model.label(table(1000, 20).select("id", "y"))
    found = model.events().collect()
    assert found["y"].to_list() == table(1000, 20)["y"].to_list()
    assert found["id"].str.len_chars().unique().to_list() == [32]
    assert found["user"].n_unique() == 5
    model.log(table(6000, 1).drop("y").with_columns(id=pl.lit(17)))
    assert model.label(pl.DataFrame({"id": ["17"], "y": [1]})).counts == {}
    assert model.forget([17]).rows["events"] == 1


def test_numbers_become_ranges_and_times_days(model: Model) -> None:
    model.log(table(1000, 50).drop("y"))
    found = model.events().collect()
    assert found["age"].to_list() == [(20 + i % 60) // 10 * 10.0 for i in range(1000, 1050)]
    assert found["born"].unique().to_list() == [datetime(1977, 7, 7, tzinfo=UTC)]
    assert "email" not in found.columns
    assert "email" not in model.schema.features


def test_a_column_that_is_dropped_is_no_change_of_the_schema(model: Model) -> None:
    assert model.log(table(1000, 50).drop("y")).changes == ()


def test_days_begin_in_the_models_time_zone() -> None:
    private = Privacy({"t": "day"}, "America/New_York")
    masked = private.mask(pl.DataFrame({"t": ["2026-03-02 01:30:00", "soon"]}))
    assert masked["t"].to_list() == [datetime(2026, 3, 2, 5, tzinfo=UTC), None]


def test_odd_types_are_hashed_and_never_kept() -> None:
    frame = pl.DataFrame({"user": [[1, 2], [3]], "User": [b"ab", b"cd"]})
    masked = Privacy({"user": "hash"}, key=lambda: b"k").mask(frame)
    assert masked.schema == {"user": pl.String(), "User": pl.String()}
    assert Privacy({"a": "bucket 5"}).mask(pl.DataFrame({"a": ["12", "x", None]}))["a"].to_list() == [10.0, None, None]


def test_the_key_is_the_owners_alone_and_hashes_are_the_stores_own(model: Model, tmp_path: Path) -> None:
    path = model.store.folder / "privacy.key"
    assert path.stat().st_mode & 0o777 == 0o600
    other = register(tmp_path / "other")
    for one in (model, other):
        one.log(table(1000, 1).drop("y"))
    assert model.events().collect()["id"][0] != other.events().collect()["id"][0]
    path.chmod(0o644)
    with pytest.raises(StoreError, match=r"others may read.*chmod 600"):
        model.log(table(1001, 1).drop("y"))
    path.chmod(0o600)
    path.unlink()
    with pytest.raises(StoreError, match=r"the store's key is gone.*from a backup"):
        model.log(table(1001, 1).drop("y"))


@pytest.mark.parametrize(
    ("privacy", "said"),
    [
        ({"email": "erase"}, "email = 'erase' in privacy: expected how a column is kept"),
        ({"age": "bucket 0"}, "age = 'bucket 0'"),
        ({"y": "hash"}, "y = 'hash' in privacy: expected a column that has no such role"),
        ({"id": "day", "at": "day"}, "id = 'day' in privacy: expected \"hash\" for this role"),
    ],
)
def test_a_rule_that_cant_be_followed_is_refused(fast_folder: Path, privacy: dict[str, str], said: str) -> None:
    with pytest.raises((ConfigError, SchemaError)) as caught:
        register(fast_folder / "store", privacy=privacy)
    assert str(caught.value).startswith(said)


def test_the_configuration_says_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrue.cli.app import run

    monkeypatch.chdir(tmp_path)
    table().write_parquet("train.parquet")
    Path("retrue.toml").write_text(
        '[models.m]\nreference = "train.parquet"\nid = "id"\ntime = "at"\nlabel = "y"\nscore = "p"\n'
        'privacy = { email = "drop", user = "hash" }\n'
    )
    assert run(["register", "m"]) == 0
    assert run(["register", "n", "-r", "train.parquet", "--privacy", "age=bucket 10", "--time", "at"]) == 0
    with rt.open("store") as workspace:
        assert workspace.store.layout("m").privacy == {"email": "drop", "user": "hash"}
        assert workspace.store.layout("n").privacy == {"age": "bucket 10"}
