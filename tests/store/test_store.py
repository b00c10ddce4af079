"""A store as a whole: opened, refused, written, read back by any engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.store.odd import ODD

from retrue.errors import SchemaError, StoreError, StoreVersionError
from retrue.store.layout import Layout
from retrue.store.store import Store

T0 = datetime(2013, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "store")
    store.add_model("m", Layout(id="id", time="t", label="y"))
    yield store
    store.close()


def events(n: int = 4) -> pl.DataFrame:
    times = [T0 + timedelta(days=i) for i in range(n)]
    return pl.DataFrame({"id": [str(i) for i in range(n)], "t": times, "x": [float(i) for i in range(n)]})


def fill(store: Store) -> None:
    store.append("m", "events", events())
    store.append("m", "labels", pl.DataFrame({"id": ["1", "9"], "y": [1, 0]}))
    store.apply("m")


def test_the_lake_is_open_to_every_reader_of_delta(store: Store) -> None:
    import duckdb
    from deltalake import DeltaTable

    fill(store)
    path = store.folder / "lake" / "m" / "events"
    assert sorted(pl.read_delta(str(path))["x"].to_list()) == [0.0, 1.0, 2.0, 3.0]
    table = DeltaTable(str(path))
    assert table.to_pyarrow_table().num_rows == 4
    files = table.file_uris()
    connection = duckdb.connect()
    found = connection.execute("select sum(x) from read_parquet($1)", [files]).fetchone()
    connection.close()
    assert found == (6.0,)
    labels = pl.read_delta(str(store.folder / "lake" / "m" / "labels"))
    assert sorted(labels.select("id", "_date").rows()) == [("1", (T0 + timedelta(days=1)).date()), ("9", None)]


def test_a_batch_with_a_key_is_taken_once(store: Store) -> None:
    first = store.append("m", "events", events(), key="k")
    again = store.append("m", "events", events(), key="k")
    assert (first.repeated, again.repeated, again.accepted) == (False, True, 4)
    assert store.apply("m").taken["events"] == 4


def test_events_are_read_by_time_version_and_column(store: Store) -> None:
    fill(store)
    store.append("m", "events", events().with_columns(x=pl.col("x") + 10), version="2")
    store.apply("m")
    since, until = T0 + timedelta(days=1), T0 + timedelta(days=3)
    found = store.labelled("m", since, until, version="2", columns=["x", "y"]).sort("x").collect()
    assert found.rows() == [(11.0, 1), (12.0, None)]
    assert store.events("m", since, until).collect().height == 4


def test_events_as_of_an_earlier_segment_stay_what_they_were(store: Store) -> None:
    fill(store)
    store.append("m", "labels", pl.DataFrame({"id": ["1", "2"], "y": [0, 0]}))
    store.apply("m")
    then = store.labelled("m", applied=1).sort("id").collect()["y"].to_list()
    now = store.labelled("m").sort("id").collect()["y"].to_list()
    assert (then, now) == ([None, 1, None, None], [None, 0, 0, None])


def test_a_model_without_events_reads_as_empty(store: Store) -> None:
    assert store.labelled("m").collect().is_empty()
    assert store.quarantine("m").is_empty()
    assert store.label_history("m").collect().is_empty()
    assert (store.windows("m"), store.profiles("m"), store.reference("m", "1")) == ((), (), None)
    assert store.recount("m") == 0


def test_a_column_that_comes_later_is_null_before(store: Store) -> None:
    fill(store)
    store.append("m", "events", pl.DataFrame({"id": ["new"], "t": [T0], "x": [1.0], "z": ["later"]}))
    store.apply("m")
    assert store.events("m").collect()["z"].drop_nulls().to_list() == ["later"]


def test_unknown_names_are_told_with_the_nearest(store: Store) -> None:
    with pytest.raises(SchemaError, match=r"unknown model 'mm'.*did you mean 'm'"):
        store.append("mm", "events", events())
    with pytest.raises(SchemaError, match=r"unknown kind 'event'.*did you mean 'events'"):
        store.append("m", "event", events())
    with pytest.raises(SchemaError, match="there is a model 'm' already"):
        store.add_model("m", Layout())
    with pytest.raises(SchemaError, match="can't name a model"):
        store.add_model("../m", Layout())


def test_opening_again_changes_nothing(store: Store) -> None:
    fill(store)
    before = {p: p.stat().st_mtime_ns for p in (store.folder / "lake").rglob("*") if p.is_file()}
    other = Store.open(store.folder)
    assert other.labelled("m").collect().equals(store.labelled("m").collect())
    other.close()
    assert before == {p: p.stat().st_mtime_ns for p in (store.folder / "lake").rglob("*") if p.is_file()}


def test_a_lake_that_another_engine_compacted_goes_on(store: Store) -> None:
    """With more than 32 columns, other engines write no statistics for the last ones: the lake's own."""
    from deltalake import DeltaTable

    wide = events().with_columns(pl.lit(i).alias(f"w{i}") for i in range(40))
    for day in range(3):
        store.append("m", "events", wide.with_columns(id=pl.col("id") + f"-{day}"))
        store.apply("m")
    path = store.folder / "lake" / "m" / "events"
    assert DeltaTable(str(path)).optimize.compact()["numFilesRemoved"] == 12
    assert store.events("m", applied=2).collect().height == 8
    store.append("m", "events", wide.with_columns(id=pl.col("id") + "-2"))
    store.append("m", "labels", pl.DataFrame({"id": ["1-0", "2-2"], "y": [1, 0]}))
    done = store.apply("m")
    assert (done.counts["events repeated"], done.counts["labels waiting"]) == (4, 0)
    books = [(w.start, w.events, w.labelled) for w in store.windows("m")]
    store.recount("m")
    assert books == [(w.start, w.events, w.labelled) for w in store.windows("m")]


# Refused


def test_there_must_be_a_store_where_none_is_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store here"):
        Store.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("part", ["lake", "spool.db"])
def test_parts_of_different_stores_are_refused(tmp_path: Path, part: str) -> None:
    for name in ("a", "b"):
        store = Store.open(tmp_path / name)
        store.add_model("m", Layout(id="id", time="t"))
        store.append("m", "events", events())
        store.apply("m")
        store.close()
    mine, theirs = tmp_path / "a" / part, tmp_path / "b" / part
    shutil.rmtree(mine) if mine.is_dir() else mine.unlink()
    theirs.rename(mine)
    with pytest.raises(StoreError, match="belongs to another store"):
        Store.open(tmp_path / "a")


def test_a_lake_of_a_newer_version_is_refused(store: Store) -> None:
    card = store.folder / "lake" / "_store.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "format": 99}))
    with pytest.raises(StoreVersionError, match="newer version"):
        Store.open(store.folder)


def test_a_lake_without_its_catalog_is_refused(store: Store) -> None:
    """A new catalog would count segments from 1 again, and the lake would take them for done."""
    fill(store)
    store.close()
    for file in store.folder.glob("catalog.db*"):
        file.unlink()
    with pytest.raises(StoreError, match=r"catalog is missing.*backup"):
        Store.open(store.folder)


def test_a_catalog_older_than_the_lake_is_refused_before_anything_is_written(store: Store) -> None:
    saved = store.folder / "old.db"
    fill(store)
    from retrue.store.sqlite_file import backup

    backup(store.folder / "catalog.db", "old").rename(saved)
    for n in (5, 6):
        store.append("m", "events", events(n))
        store.apply("m")
    store.close()
    for file in store.folder.glob("catalog.db*"):
        file.unlink()
    saved.rename(store.folder / "catalog.db")
    again = Store.open(store.folder)
    again.append("m", "events", events(7))
    with pytest.raises(StoreError, match="catalog is older than the lake"):
        again.apply("m")
    assert again.pending("m") == 7
    again.close()


def test_a_spool_from_a_backup_brings_nothing_in_twice(store: Store) -> None:
    """What it held was applied since: segments go by the catalog's number, and an equal event is a repeat."""
    store.append("m", "events", events(3))
    backup = store.folder / "backup.db"
    store.spool._db.all("vacuum into ?", (str(backup),))
    store.apply("m")
    store.append("m", "events", events(4))
    store.apply("m")
    store.close()
    for end in ("-wal", "-shm"):
        (store.folder / f"spool.db{end}").unlink(missing_ok=True)
    shutil.copy(backup, store.folder / "spool.db")
    restored = Store.open(store.folder)
    restored.append("m", "events", events(5))
    restored.apply("m")
    assert sorted(restored.events("m").collect()["id"]) == ["0", "1", "2", "3", "4"]
    assert sum(w.events for w in restored.windows("m")) == 5
    restored.close()


# Names and types that a lake can't have


def test_a_feature_that_is_renamed_in_case_only_is_refused_at_the_door(tmp_path: Path) -> None:
    """Delta can't tell `x` from `X`: once the lake had one, no segment with the other could ever be written."""
    with_x = Layout(id="id", time="t", label="y", types={"x": "Float64"})
    store = Store.open(tmp_path)
    store.add_model("m", with_x)
    with pytest.raises(SchemaError, match=r"column 'X' differs in case only from 'x'.*rename the column to 'x'"):
        store.append("m", "events", events().rename({"x": "X"}))
    assert store.pending("m") == 0
    fill(store)
    assert store.events("m").collect()["x"].sum() == 6
    store.close()


def test_a_name_that_only_waits_or_is_only_in_the_lake_is_known_too(store: Store) -> None:
    store.append("m", "events", events())
    with pytest.raises(SchemaError, match="'X' differs in case only from 'x'"):
        store.append("m", "events", events().rename({"x": "X"}))
    store.apply("m")
    store.spool._db.all("delete from types")  # a spool that was lost
    store._vetted.clear()
    with pytest.raises(SchemaError, match="'X' differs in case only from 'x'"):
        store.append("m", "events", events().rename({"x": "X"}))
    again = store.append("m", "events", events().with_columns(pl.col("x").cast(pl.String), id=pl.lit("new")))
    assert again.accepted == 4  # as the lake has it, not as the first batch has it
    store.apply("m")
    assert store.events("m").collect().schema["x"] == pl.Float64()


def test_a_batch_that_is_refused_leaves_no_name_behind(store: Store) -> None:
    with pytest.raises(SchemaError, match="column 't' is missing"):
        store.append("m", "events", pl.DataFrame({"id": [1], "X": [1.0]}))
    fill(store)
    assert store.events("m").collect().height == 4


@pytest.mark.parametrize("name", ["ID", "T", "Y", "_VERSION", "_Seq"])
def test_a_role_or_a_column_of_the_lake_in_other_case_is_refused(store: Store, name: str) -> None:
    with pytest.raises(SchemaError, match=r"differ|reserved"):
        store.append("m", "events", events().with_columns(pl.lit("1").alias(name)))
    assert store.pending("m") == 0


@pytest.mark.parametrize(
    "name", ["a b", "a.b", "a,b;{}()=", "naïve", "ИМЯ", " x", "select", "a\tb", "a'b", 'a"b', "%41"]
)
def test_any_other_name_comes_back_as_it_went_in(store: Store, name: str) -> None:
    store.append("m", "events", events().rename({"x": name}))
    store.append("m", "labels", pl.DataFrame({"id": ["1"], "y": [1]}))
    store.apply("m")
    store.append("m", "events", events(6).rename({"x": name}))
    store.apply("m")
    assert store.labelled("m").collect()[name].sort().to_list() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize("name", ODD)
def test_a_column_of_any_type_is_kept_in_one_that_the_lake_has(store: Store, name: str) -> None:
    values, kept = ODD[name]
    plain_row = pl.DataFrame({"id": ["a"], "t": [T0], "x": [1.0]})
    frame = plain_row.with_columns(values.alias("z"))
    nulls = plain_row.with_columns(id=pl.lit("b")).with_columns(pl.Series("z", [None], dtype=values.dtype))
    assert store.append("m", "events", frame).accepted == 1
    assert store.append("m", "events", nulls).accepted == 1
    store.apply("m")
    found = store.labelled("m").sort("id").collect()
    assert found["id"].to_list() == ["a", "b"]
    assert kept is None or found["z"].to_list() == [kept, None]


def test_a_label_beyond_64_bits_is_set_aside_with_its_column(store: Store) -> None:
    labels = pl.DataFrame({"id": ["a", "b"], "y": pl.Series([1, 2**100], dtype=pl.Int128())})
    receipt = store.append("m", "labels", labels)
    assert (receipt.accepted, receipt.reasons) == (1, {"wrong type: column 'y' expected Int64": 1})


@pytest.mark.parametrize("values", [[{"a": 1}], [[1]]])
def test_an_id_that_is_a_list_or_a_struct_is_refused(store: Store, values: list[object]) -> None:
    with pytest.raises(SchemaError, match="column 'id' holds"):
        store.append("m", "events", pl.DataFrame({"id": values, "t": [T0]}))
