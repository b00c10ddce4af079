"""A query is read on by a rising column, with an overlap for late rows, each row once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.conftest import needed
from tests.sources.conftest import expected, ids, register, rows, taken

import retrue as rt

if TYPE_CHECKING:
    from tests.postgres import Cluster

QUERY = "SELECT id, at, x, p, seen FROM predictions"
Insert = Callable[..., None]


def sqlite(path: Path) -> tuple[str, Insert]:
    """A database in a file, and a way to insert events that are seen at a number."""
    with sqlite3.connect(path) as db:
        db.execute("create table predictions (id text, at text, x real, p real, seen integer)")
    db.close()

    def insert(first: int, last: int, seen: int | None = None) -> None:
        found = rows(first, last)
        with sqlite3.connect(path) as db:
            db.executemany(
                "insert into predictions values (?, ?, ?, ?, ?)",
                [(i, at.isoformat(), x, p, int(i[1:]) if seen is None else seen) for i, at, x, p in found.iter_rows()],
            )
        db.close()

    return f"sqlite:///{path}", insert


def test_rows_are_taken_once_and_late_ones_within_the_overlap(model: rt.Model, tmp_path: Path) -> None:
    url, insert = sqlite(tmp_path / "db")
    insert(0, 20)
    model.set_sources(events={"sql": QUERY, "database": url, "rising": "seen", "overlap": 5})
    assert taken(model) == 20
    assert taken(model) == 0
    insert(20, 25, seen=16)  # late, within the overlap
    insert(25, 30)
    assert taken(model) == 10
    insert(30, 31, seen=3)  # later than the overlap reaches
    assert taken(model) == 0
    assert ids(model) == expected(0, 30)


def test_equal_values_and_equal_rows_are_told_apart(store: rt.Workspace, tmp_path: Path) -> None:
    """Without an id two equal rows are two events: the digests are counted."""
    model = register(store, id=None, label=None)
    url, insert = sqlite(tmp_path / "db")
    insert(0, 3, seen=7)
    model.set_sources(events={"sql": QUERY, "database": url, "rising": "seen"})
    assert taken(model) == 3
    insert(0, 3, seen=7)
    assert taken(model) == 3
    assert taken(model) == 0


def test_a_value_without_a_place_holds_nothing_up(store: rt.Workspace, tmp_path: Path) -> None:
    """NaN is the largest of all for databases, and nothing is larger than infinity: what rises goes on before both."""
    duckdb = needed("duckdb")
    model, place = register(store, id=None, label=None), tmp_path / "db"

    def insert(*values: str) -> None:
        with duckdb.connect(str(place)) as db:
            db.execute('create table if not exists t ("at" timestamptz, x double, p double, seen double)')
            for value in values:
                db.execute(f"insert into t values ('2024-05-01 00:00Z', 1, 0.5, '{value}'::double)")  # noqa: S608

    insert("1", "nan", "inf")
    model.set_sources(events={"sql": "SELECT * FROM t", "database": f"duckdb:///{place}", "rising": "seen"})
    assert taken(model) == 1
    insert("2", "nan")
    assert taken(model) == 1
    assert taken(model) == 0


def test_a_time_without_end_holds_nothing_up(store: rt.Workspace, postgres: Cluster) -> None:
    """In PostgreSQL a time may be infinite, as where something holds until further notice: no row is lost by it."""
    import psycopg

    model, url = register(store, id=None, label=None), postgres.database()
    made = (
        'create table t ("at" timestamptz, x float, p float, seen timestamptz, till timestamptz, a timestamp, d date)'
    )
    insert = "insert into t values (now(), 1, 0.5, %s, 'infinity', '-infinity', 'infinity')"
    told = {"2024-06-01": 1, "infinity": 0, "-infinity": 0, "20000-01-01": 0, "2024-06-02": 1}
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(made)
        model.set_sources(events={"sql": "SELECT * FROM t", "database": url, "rising": "seen", "overlap": "10m"})
        for seen, count in told.items():
            db.execute(insert, [seen])
            assert (taken(model), taken(model)) == (count, 0), seen
    kept = model.events().collect()
    assert kept["till"].dt.year().to_list() == kept["d"].dt.year().to_list() == [9999, 9999]
    assert kept["a"].dt.year().to_list() == [1, 1]


def test_a_time_without_end_holds_nothing_up_in_duckdb(store: rt.Workspace, tmp_path: Path) -> None:
    duckdb = needed("duckdb")
    model, place = register(store, id=None, label=None), tmp_path / "db"
    with duckdb.connect(str(place)) as db:
        db.execute('create table t ("at" timestamptz, x double, p double, seen timestamptz, d date)')
        for seen in ("2024-06-01", "infinity", "-infinity", "2024-06-02"):
            db.execute("insert into t values ('2024-05-01 00:00Z', 1, 0.5, ?::timestamptz, 'infinity')", [seen])
    model.set_sources(events={"sql": "SELECT * FROM t", "database": f"duckdb:///{place}", "rising": "seen"})
    assert (taken(model), taken(model)) == (2, 0)
    assert model.events().collect()["d"].dt.year().to_list() == [9999, 9999]


def test_chunks_go_on_from_each_other(model: rt.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrue.sources.sql.ROWS", 7)
    url, insert = sqlite(tmp_path / "db")
    insert(0, 30)
    source = rt.source(sql=QUERY, database=url, rising="seen", overlap=10)
    whole = list(source.after({}, ids=False))
    assert [len(chunk.frame) for chunk in whole] == [7, 7, 7, 7, 2]
    for i, chunk in enumerate(whole):  # whoever dies behind any chunk reads the others, and no row twice
        rest = [row for one in source.after({"": chunk.pieces[0].step}, ids=False) for row in one.frame["id"]]
        assert rest == expected(min(7 * (i + 1), 30), 30)


def test_the_order_is_the_database_s(store: rt.Workspace, tmp_path: Path) -> None:
    """Where it sorts text otherwise than Python does, no row comes twice; here "D" is behind "c"."""
    model = register(store, id=None, label=None)
    database = f"sqlite:///{tmp_path / 'db'}"
    with sqlite3.connect(tmp_path / "db", isolation_level=None) as db:
        db.execute("create table predictions (id text, at text, x real, p real, seen text collate nocase)")
        model.set_sources(events={"sql": QUERY, "database": database, "rising": "seen"})
        for seen in ("a", "B", "c", "D"):
            db.execute("insert into predictions values ('e', '2024-05-01', 1.0, 0.5, ?)", [seen])
            assert (taken(model), taken(model)) == (1, 0)
    db.close()


def test_rows_are_known_in_another_time_zone(store: rt.Workspace, tmp_path: Path, postgres: Cluster) -> None:
    """A session's zone is the machine's or the role's: the moments stay what they are."""
    import psycopg

    model, url = register(store, id=None, label=None), postgres.database()
    model.set_sources(events={"sql": "select * from e", "database": url, "rising": "seen", "overlap": "1h"})
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("create table e as select now() at, 1.0 x, 0.5 p, timestamptz '2024-06-01 10:00+00' seen")
        assert taken(model) == 1
        db.execute(f"alter database {url.rpartition('/')[2]} set timezone = 'Asia/Tokyo'")
        assert taken(model) == 0


def test_a_rising_column_of_another_type_is_said(model: rt.Model, tmp_path: Path) -> None:
    duckdb = needed("duckdb")
    path = str(tmp_path / "db")
    with duckdb.connect(path) as db:
        db.execute("create table e as select 'e0' id, now() \"at\", 1.0 x, 0.5 p, timestamp '2024-06-01' seen")
    model.set_sources(
        events={"sql": "from e", "database": f"duckdb:///{path}", "rising": "seen", "overlap": "1h"},
    )
    assert taken(model) == 1
    with duckdb.connect(path) as db:
        db.execute("alter table e alter seen type timestamptz")
    with pytest.raises(rt.TableError, match=r"'seen' changed its type: it was 2024-06-01 00:00:00 \(datetime without"):
        model.pull()


def test_a_database_that_is_away_says_so_without_its_password(
    model: rt.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2")
    url = f"sqlite:///{tmp_path}/gone/${{DB_PASSWORD}}/db"
    model.set_sources(events={"sql": QUERY, "database": url, "rising": "seen"})
    with pytest.raises(rt.TableError, match=r"the database says: unable to open database file in the query 'SELECT id"):
        model.pull()
    assert "hunter2" not in str(model.sources()["events"].to_dict())
    monkeypatch.delenv("DB_PASSWORD")
    with pytest.raises(rt.ConfigError, match="the environment has no DB_PASSWORD"):
        model.pull()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"database": "postgresql://me:secret@db/ml"}, "a password in database: expected a URL without one"),
        ({"database": "sqlite://", "risng": "seen"}, "unknown key 'risng'.*did you mean 'rising'"),
        ({}, "database"),
    ],
)
def test_a_description_that_can_not_be_meant_is_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(rt.ConfigError, match=why) as error:
        rt.source(sql=QUERY, **said)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("end", [" -- all of it", " -- all of it\n;", ";\n"])
def test_a_query_may_end_in_a_comment(tmp_path: Path, end: str) -> None:
    url, insert = sqlite(tmp_path / "db")
    insert(0, 3)
    source = rt.source(sql=QUERY + end, database=url, rising="seen")
    assert [len(chunk.frame) for chunk in source.after({}, ids=True)] == [3]


@pytest.mark.parametrize(
    ("url", "package"),
    [("snowflake://me@account/db", "snowflake-sqlalchemy"), ("mysql+retrue_has_none://db/x", "mysqlclient")],
)
def test_a_database_without_its_driver_names_the_package(url: str, package: str) -> None:
    with pytest.raises(rt.TableError, match=f"no driver for '{url[:5]}.*Hint: pip install {package}"):
        rt.read_table(rt.source(sql=QUERY, database=url))


def test_duckdb_is_read_by_time_with_an_overlap(model: rt.Model, tmp_path: Path) -> None:
    duckdb = needed("duckdb")
    path, start = tmp_path / "d.duckdb", datetime(2024, 6, 1, tzinfo=UTC)

    def insert(first: int, last: int, *, seen: datetime) -> None:
        frame = rows(first, last)  # noqa: F841 - DuckDB finds it by name
        with duckdb.connect(str(path)) as db:
            db.execute("set TimeZone = 'UTC'")
            db.execute('create table if not exists e (id text, "at" timestamptz, x double, p double, seen timestamptz)')
            db.execute("insert into e select *, ? from frame", [seen])

    insert(0, 10, seen=start)
    said = {"sql": "select * from e", "database": f"duckdb:///{path}", "rising": "seen", "overlap": "10m"}
    model.set_sources(events=said)
    assert taken(model) == 10
    insert(10, 15, seen=start - timedelta(minutes=5))
    insert(15, 20, seen=start + timedelta(hours=1))
    assert taken(model) == 10
    assert taken(model) == 0
    assert ids(model) == expected(0, 20)
    assert rt.read_table(rt.source(**said)).rows == 20


def test_postgresql_is_read_by_time_and_a_long_transaction_within_the_overlap(
    model: rt.Model, postgres: Cluster
) -> None:
    """Types of its own (numeric, jsonb, uuid) come as numbers and text; colons in the query are the query's."""
    import psycopg

    url, start = postgres.database(), datetime(2024, 6, 1, tzinfo=UTC)
    query = "select *, x::int as xi, 'a:b' as \"t:c\" from e;"
    said = {"sql": query, "database": url, "rising": "seen", "overlap": "10m"}
    insert = "insert into e select %s, now(), 1.5, 0.5, %s"
    with psycopg.connect(url, autocommit=True) as db, psycopg.connect(url) as long:
        db.execute(
            "create table e (id text, at timestamptz, x float, p numeric(5,2), seen timestamptz,"
            " tag jsonb default '{}', u uuid default gen_random_uuid())"
        )
        db.execute(insert, ["e0", start])
        model.set_sources(events=said)
        assert taken(model) == 1
        long.execute(insert, ["e1", start + timedelta(minutes=5)])
        db.execute(insert, ["e2", start + timedelta(minutes=9)])
        assert taken(model) == 1
        long.commit()
        assert (taken(model), taken(model)) == (1, 0)
        assert ids(model) == expected(0, 3)
        db.execute("alter table e rename seen to later")
        with pytest.raises(rt.TableError, match='the database says: column "seen" does not exist in the query'):
            model.pull()


def test_a_store_on_postgresql_keeps_how_far_it_was_read(postgres: Cluster, tmp_path: Path) -> None:
    url, insert = sqlite(tmp_path / "db")
    insert(0, 20)
    with rt.open(tmp_path / "shared", catalog=postgres.catalog()) as shared:
        model = register(shared, id=None, label=None)
        model.set_sources(events={"sql": QUERY, "database": url, "rising": "seen"})
        assert (taken(model), taken(model)) == (20, 0)
        assert len(model.events().collect()) == 20


def test_a_duckdb_file_can_be_reached_without_reading_it(tmp_path: Path) -> None:
    duckdb = needed("duckdb")
    with duckdb.connect(str(tmp_path / "db")) as db:
        db.execute("create table t as select 1 as seen, 2 as x")
    said = {"sql": "SELECT * FROM t", "database": f"duckdb:///{tmp_path / 'db'}"}
    rt.source(**said, rising="seen").reach(1)
    with pytest.raises(rt.TableError, match="no column 'sen' in the query 'SELECT \\* FROM t': expected 'seen', 'x'"):
        rt.source(**said, rising="sen").reach(1)
