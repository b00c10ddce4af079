"""A catalog in PostgreSQL: as on SQLite, shared by servers, and there again after it was away."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text
from tests.postgres import Cluster, running

from retrue.errors import ConfigError, RetrueError, StoreError
from retrue.jobs.records import failing
from retrue.server.pages.reading import live_of
from retrue.store import rows
from retrue.store.catalog import HEAD, KNOWN, Catalog, migrate
from retrue.store.home import VARIABLE
from retrue.store.layout import Layout
from retrue.store.place import FILE, PostgresPlace, place_of
from retrue.store.postgres import PostgresLocks
from retrue.store.store import Store
from retrue.store.tables import Words, audit, incidents, metadata
from retrue.store.upgrade import upgrade

T0 = datetime(2013, 3, 1, tzinfo=UTC)
LAYOUT = Layout(id="id", time="t", label="y", window=3600)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """Where a new store's catalog is: in its folder, or in a database of its own."""
    if request.param == "sqlite":
        return None
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster.catalog()


@pytest.fixture
def url(postgres: Cluster) -> str:
    """An empty catalog in PostgreSQL."""
    return postgres.catalog()


@pytest.fixture
def store(tmp_path: Path, place: str | None) -> Iterator[Store]:
    """A store with a model, on both."""
    store = Store.open(tmp_path / "store", catalog=place)
    store.add_model("m", LAYOUT)
    yield store
    store.close()


def events(name: str, rows: int = 20, hour: int = 0) -> pl.DataFrame:
    times = [T0 + timedelta(hours=hour)] * rows
    return pl.DataFrame({"id": [f"{name}-{i}" for i in range(rows)], "t": times, "x": [1.0] * rows})


# Its form


def test_migrations_go_back_and_forth(place: str | None, tmp_path: Path) -> None:
    """Every one of them, and what they make is what the code expects."""
    catalog = Catalog.open(place_of(tmp_path, place))
    before = {name: {c["name"] for c in inspect(catalog.engine).get_columns(name)} for name in metadata.tables}
    for revision in reversed(KNOWN[:-1]):
        migrate(catalog, revision)
        assert catalog.revision() == revision
    assert "leases" not in inspect(catalog.engine).get_table_names()
    migrate(catalog)
    assert catalog.revision() == HEAD
    found = inspect(catalog.engine)
    assert before == {name: {c["name"] for c in found.get_columns(name)} for name in metadata.tables}
    with catalog.engine.connect() as connection:
        options = {"compare_type": lambda *said: False if isinstance(said[-1], Words) else None}  # a type of our own
        differing = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    assert differing == []
    with pytest.raises(ConfigError, match="no migration '0000'"):
        migrate(catalog, "0000")
    catalog.close()


def test_what_an_older_form_has_no_place_for_is_dropped_and_the_rest_stays(store: Store) -> None:
    with store.catalog.write() as tx:
        tx.add(rows.Signal("m", "s", 0, 0))
    migrate(store.catalog, "0003")
    with pytest.raises(RetrueError, match="run: retrue migrate"):
        store.catalog.check()
    migrate(store.catalog)
    with store.catalog.read() as tx:
        assert [one.name for one in tx.find(rows.Model)] == ["m"]
        assert tx.find(rows.Signal) == ()


def test_the_audit_log_refuses_changes(store: Store) -> None:
    with store.catalog.write() as tx:
        tx.add(rows.Audit(0, "anna", "x"))
    for change in ("update audit set actor = 'eve'", "delete from audit"):
        with pytest.raises(StoreError, match="the audit log only grows"), store.catalog.write() as tx:
            tx.connection.exec_driver_sql(change)


# As on SQLite


def test_a_store_is_the_same_store_on_both(tmp_path: Path, url: str) -> None:
    """The same batches give the same rows, books, counters and receipts, and names in the same order."""
    told = []
    for name, catalog in (("a", None), ("b", url)):
        store = Store.open(tmp_path / name, catalog=catalog)
        for model in ("m", "M", "m-2"):  # by their bytes: a locale would have it otherwise
            store.add_model(model, LAYOUT)
        receipts = [store.append("m", "events", events("e"), key="k").accepted for _ in range(2)]
        store.append("m", "labels", pl.DataFrame({"id": ["e-1", "e-2", "zz"], "y": [1, 0, 1]}))
        store.apply("m")
        store.append("m", "labels", pl.DataFrame({"id": ["e-1"], "y": [0]}))
        store.append("m", "events", events("e", rows=22))
        done = store.apply("m")
        with store.catalog.read() as tx:
            counted = tx.find(rows.Counter, model="m")
        frame = store.labelled("m").collect().select("id", "x", "y").sort("id")
        told.append((
            [m.name for m in store.models()], receipts, done.counts, counted, frame.rows(),
            [(w.start, w.events, w.labelled, w.bent) for w in store.windows("m")], store.pending("m"),
        ))  # fmt: skip
        store.close()
    assert told[0] == told[1]


def test_text_with_a_nul_is_kept_with_the_sign_for_it(url: str) -> None:
    """PostgreSQL has no NUL in text: one costs no transaction, and keeps nothing else in a body from being read."""
    catalog, body = Catalog.open(PostgresPlace(url)), audit.c.body
    with catalog.write() as tx:
        tx.add(rows.Audit(0, "a\0b", "x", body={"said": "c\0d", "half": "\ud800", "run": "r"}))
    with catalog.read() as tx:
        found = tx.find(rows.Audit, actor="a\0b")[0]
        asked = select(body["run"].as_string()).where(body["said"].as_string() == "c\0d")
        assert tx.connection.execute(asked).scalars().all() == ["r"]
    assert (found.actor, found.body) == ("a\u2400b", {"said": "c\u2400d", "half": "\ufffd", "run": "r"})
    catalog.close()


def test_bodies_with_a_nul_from_before_are_mended_by_migrating(tmp_path: Path, url: str) -> None:
    """One keeps every list that asks for a part of it from being read: the error names what mends it."""
    store = Store.open(tmp_path / "s", catalog=url)
    store.add_model("m", LAYOUT)
    said = {
        "a": '{"sentence": "x\\u0000y"}',
        "b": '{"sentence": "\\ud800"}',
        "c": '{"sentence": "\\ud83d\\ude00 \\\\u0000"}',
    }
    with store.catalog.write() as tx:
        for name, body in said.items():
            tx.add(rows.IncidentRow(name, "m", "open", 0, 0))
            tx.connection.execute(text("update incidents set body = :body where id = :id"), {"body": body, "id": name})
    sentence = select(incidents.c.body["sentence"].as_string()).order_by(incidents.c.id)
    with pytest.raises(StoreError, match=r"has a NUL.*retrue migrate mends it"), store.catalog.read() as tx:
        tx.connection.execute(sentence).all()
    assert [upgrade(tmp_path / "s").mended for _ in range(2)] == [2, 0]
    with store.catalog.read() as tx:
        assert tx.connection.execute(sentence).scalars().all() == ["x\u2400y", "\ufffd", "\U0001f600 \\u0000"]
    store.close()


def test_what_began_at_one_time_stays_in_its_order(store: Store) -> None:
    """PostgreSQL gives a row that was changed after all others, SQLite gives it where it was."""
    with store.catalog.write() as tx:
        for number in "123":
            tx.add(rows.IncidentRow(number, "m", "open", 0, 0))
        for model in (None, "m"):
            tx.add(rows.Job(f"of {model}", "prune", "failed", 0, 0, model=model))
    with store.catalog.write() as tx:
        tx.put(rows.IncidentRow("1", "m", "open", 0, 1))
    with store.catalog.read() as tx:
        assert [one.id for one in live_of(tx.connection, ["m"])["m"]] == ["1", "2", "3"]
        assert [one.id for one in failing(tx)] == ["of None", "of m"]


def test_a_reader_sees_one_state_and_cannot_write(store: Store) -> None:
    with store.catalog.read() as before:
        assert len(before.find(rows.Model)) == 1
        store.add_model("n", LAYOUT)
        assert len(before.find(rows.Model)) == 1


def test_the_folder_remembers_where_its_catalog_is(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the password; who says another place is refused, as the parts are not of one store."""
    Store.open(tmp_path / "s", catalog=url.replace("retrue@", "retrue:secret@")).close()
    assert (tmp_path / "s" / FILE).read_text() == f"{url}\n"
    store = Store.open(tmp_path / "s", create=False)
    assert store.catalog.where == url
    store.close()
    with pytest.raises(StoreError, match="the catalog is missing"):
        Store.open(tmp_path / "s", catalog=str(tmp_path))
    monkeypatch.setenv(VARIABLE, "mysql://db/x")
    with pytest.raises(ConfigError, match="'mysql' can't hold the catalog"):
        Store.open(tmp_path / "t")


# Several servers

WRITER = """
import sys
import polars as pl
from datetime import datetime, timedelta, UTC
from retrue.errors import StoreError
from retrue.store.store import Store

folder, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Store.open(folder)

def again(task):
    for _ in range(400):
        try:
            return task()
        except StoreError as error:
            if "reached" not in str(error):
                raise
            __import__("time").sleep(0.05)
    raise SystemExit("away for too long")

def counted(name):
    with store.catalog.write() as tx:
        tx.count("m", name, 1)

for round in range(rounds):
    time = [datetime(2013, 3, 1, tzinfo=UTC) + timedelta(hours=round)]
    ids = [f"{name}-{round}-{i}" for i in range(20)]
    again(lambda: store.append("m", "events", pl.DataFrame({"id": ids, "t": time * 20, "x": float(round)})))
    print(f"{name}-{round}", flush=True)
    shared = [f"all-{round}-{i}" for i in range(20)]
    both = pl.DataFrame({"id": shared, "t": time * 20, "x": 0.5})
    again(lambda: store.append("m", "events", both, key=f"all-{round}"))
    again(lambda: counted("rounds"))
    if round % 3 == 2:
        again(lambda: store.apply("m"))
again(lambda: store.apply("m"))
print("done", flush=True)
"""


def start(folder: Path, name: str, rounds: int) -> subprocess.Popen[str]:
    """A server, as far as the store is concerned."""
    path = os.pathsep.join([str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", WRITER, str(folder), name, str(rounds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path})


def acknowledged(process: subprocess.Popen[str]) -> list[str]:
    """The rounds that a writer said it has been told of."""
    assert process.stdout is not None
    with process:
        return process.stdout.read().split()


def assert_books_agree(store: Store) -> None:
    before = [(w.start, w.events) for w in store.windows("m")]
    store.recount("m")
    assert before == [(w.start, w.events) for w in store.windows("m")]


@pytest.mark.slow
def test_servers_on_one_catalog_lose_no_update(tmp_path: Path, url: str) -> None:
    """Three of them count, log their own rows and the same rows with the same keys, and run commit cycles."""
    store = Store.open(tmp_path / "s", catalog=url)
    store.add_model("m", LAYOUT)
    processes = [start(tmp_path / "s", name, 6) for name in ("a", "b", "c")]
    assert [len(acknowledged(process)) for process in processes] == [7, 7, 7]
    store.apply("m")
    with store.catalog.read() as tx:
        assert tx.get(rows.Counter, model="m", name="rounds") == rows.Counter("m", "rounds", 18)
    frame = store.events("m").collect()
    assert len(frame) == frame["id"].n_unique() == 4 * 6 * 20
    assert_books_agree(store)
    store.close()


@pytest.mark.slow
def test_a_database_that_is_killed_and_comes_back_costs_no_row(tmp_path: Path) -> None:
    """Writers go on by themselves; what they were told is kept is there once, in the books as in the lake."""
    from tests.postgres import folder_of_binaries

    binaries = folder_of_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL here")
    with running(binaries, durable=True) as cluster:
        store = Store.open(tmp_path / "s", catalog=cluster.catalog())
        store.add_model("m", LAYOUT)
        processes = [start(tmp_path / "s", name, 12) for name in ("a", "b")]
        told = [next(iter(process.stdout or ())).strip() for process in processes]  # they are at it
        for wait in (0.1, 0.6):
            time.sleep(wait)
            cluster.kill()
            with pytest.raises(StoreError, match="can't be reached"):
                store.pending("m")
            cluster.start()
        told += [name for process in processes for name in acknowledged(process)]
        assert told.count("done") == 2
        store.apply("m")  # by the connections that were there before
        frame = store.events("m").collect()
        assert len(frame) == frame["id"].n_unique() == 3 * 12 * 20
        kept = set(frame["id"].to_list())
        assert all(f"{name}-{i}" in kept for name in told if name != "done" for i in range(20))
        assert_books_agree(store)
        store.close()


def test_a_lock_is_held_by_one_and_freed_when_its_holder_is_gone(url: str) -> None:
    locks = PostgresLocks(PostgresPlace(url))
    taken = threading.Event()

    def wait() -> None:
        with locks.hold("a"):
            taken.set()

    with locks.hold("a"):
        locks.confirm("a")
        with locks.try_hold("a") as free, locks.try_hold("b") as other:
            assert (free, other) == (False, True)
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not taken.wait(0.2)
    assert taken.wait(5)
    waiting.join()


def test_a_cycle_that_lost_its_lock_stops_before_it_writes(tmp_path: Path, postgres: Cluster, url: str) -> None:
    """Another server may be in its cycle by then; the next one brings the rows in, once."""
    lost: list[str] = []

    def fault(step: str) -> None:
        if step == "cycle: stamped" and not lost:
            lost.append(step)
            postgres.disconnect(url)

    store = Store.open(tmp_path / "s", catalog=url, fault=fault)
    store.add_model("m", LAYOUT)
    store.append("m", "events", events("a"))
    with pytest.raises(StoreError, match="can't be reached"):
        store.cycle("m").run()
    assert not store.tables("m")["events"].exists
    store.apply("m")
    assert len(store.events("m").collect()) == 20
    assert_books_agree(store)
    store.close()
