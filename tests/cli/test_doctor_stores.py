"""`retrue doctor` on stores that are broken: each says what, where and the fix, and not a byte of them changes."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.cli.conftest import START, Call, loans
from tests.cli.test_doctor import problems
from tests.postgres import Cluster

import retrue as rt
from retrue.cli import doctor_models
from retrue.cli.doctor_models import Pulse, quiet_check
from retrue.store.store import Store


def content(store: Path) -> dict[str, bytes | None]:
    """Every file and folder of a store, with what is in it."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in store.rglob("*")}


def catalog(*statements: str) -> Callable[[Path], None]:
    """Change the catalog behind Retrue's back."""

    def change(store: Path) -> None:
        with sqlite3.connect(store / "catalog.db") as opened:
            for statement in statements:
                opened.execute(statement)
        opened.close()

    return change


def cut(name: str, size: int) -> Callable[[Path], None]:
    """Cut a file off; the first of those that fit the pattern."""
    return lambda store: os.truncate(min(store.glob(name)), size)


def gone(name: str) -> Callable[[Path], None]:
    """Take a file or folder away; the first of those that fit the pattern."""

    def take(store: Path) -> None:
        path = min(store.glob(name))
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return take


def holding(name: str, text: str) -> Callable[[Path], None]:
    """Let a file hold a text."""

    def write(store: Path) -> None:
        (store / name).write_text(text, encoding="utf-8")

    return write


def torn(store: Path) -> None:
    """Cut the newest entry of the events' log off, as a power cut does."""
    max((store / "lake" / "loans" / "events" / "_delta_log").glob("*.json")).write_text("{", encoding="utf-8")


def a_folder(store: Path) -> None:
    (store / "catalog.db").unlink()
    (store / "catalog.db").mkdir()


BROKEN: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "no catalog": (gone("catalog.db"), "the catalog is missing in store/catalog.db", "retrue restore --help"),
    "an empty catalog": (cut("catalog.db", 0), "the catalog is empty in store/catalog.db", "retrue restore --help"),
    "half a catalog": (cut("catalog.db", 1_000_000), "file is damaged in store/catalog.db", "retrue restore --help"),
    "a catalog's beginning": (cut("catalog.db", 50), "file is damaged in store/catalog.db", "retrue restore --help"),
    "a folder for a catalog": (a_folder, "a folder is where a file belongs in store/c", "move the folder away"),
    "an older form": (catalog("update alembic_version set version_num = '0003'"), "migration 0003", "retrue migrate"),
    "a newer form": (catalog("update alembic_version set version_num = '9'"), "a newer version", "upgrade Retrue"),
    "no form": (catalog("delete from alembic_version"), "no catalog here in store/catalog.db", "restore it from"),
    "no spool": (gone("spool.db"), "the spool is gone in store/spool.db", "restore it from a backup; or go on without"),
    "an empty spool": (cut("spool.db", 0), "the spool is gone in store/spool.db", "whatever writes next, such as"),
    "half a spool": (cut("spool.db", 9000), "the file is damaged in store/spool.db", "or move it away, and go on"),
    "no lake": (gone("lake"), "the lake is gone in store/lake", "is its disk mounted? Otherwise restore"),
    "no card": (gone("lake/_store.json"), "its card is gone in store/lake/_store.json", "restore it from a backup"),
    "half a card": (holding("lake/_store.json", "{"), "the lake's card is damaged", "restore it from a backup"),
    "another's card": (holding("lake/_store.json", '{"store": "x"}'), "belongs to another store", "retrue restore"),
    "no events": (gone("lake/loans/events"), "events are gone, the profiles know of 11,200", "a recount would"),
    "a torn log": (torn, "events/_delta_log/00000000000000000002.json can't be read", "retrue recount loans mends it"),
    "half a file": (cut("lake/loans/events/*/*.parquet", 99), "400 rows can't be read (it was cut", "retrue recount"),
    "no file": (gone("lake/loans/events/*/*.parquet"), "400 rows can't be read (it is gone)", "retrue recount loans"),
    "no profile": (
        catalog("delete from profiles where start = (select min(start) from profiles)"),
        "the profile of 1 window is gone or damaged, first of 19 Jan 2026 00:00 UTC", "retrue recount loans",
    ),
    "half a profile": (catalog("update profiles set data = x'00'"), "profile of 28 windows", "retrue recount loans"),
    "no grids": (catalog("delete from grids"), "the grids", "restore the catalog from a backup"),
    "half a reference": (
        catalog("update reference_profiles set data = x'00'"), "reference of version 1 is damaged", "the catalog from",
    ),
    "no version": (catalog("delete from versions"), "it has no version", "restore the catalog from a backup"),
    "no schema": (catalog("update models set schema = '{'"), "its schema or options can't be", "restore the catalog"),
    "rows of the reference": (cut("references/*/*", 99), "the reference's rows can't be read (it was", "from a backup"),
    "another address": (holding("catalog.url", "mysql://x"), "'mysql' can't hold the catalog in store/catalog.url", ""),
    "a catalog elsewhere": (holding("catalog.url", "/nowhere"), "catalog is missing in /nowhere", "say where it is"),
    "a lake elsewhere": (holding("lake.url", "nonsense"), "where the lake is isn't a URL in store/lake.url", "s3://"),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_broken_is_named_and_left_as_it_is(call: Call, store: Path, broken: str) -> None:
    """One finding for one fault, with the place and the fix."""
    breaking, what, fix = BROKEN[broken]
    breaking(store)
    before = content(store)
    (found,) = problems(call, Path("store"))
    assert what in found
    assert fix in found
    assert content(store) == before


def test_a_sound_store_is_left_as_it_is(call: Call, store: Path) -> None:
    """Whether it rests, or somebody has it open, with rows that wait."""
    before = content(store)
    assert problems(call, store) == []
    assert content(store) == before
    with rt.open(store) as workspace:
        workspace.model("loans").store.append("loans", "events", loans(42, 1).drop("defaulted"))
        before = content(store)
        said = call("doctor", "--store", store)
        assert "400 rows wait to be applied" in said.out
        after = content(store)
        assert {name for name in before if before[name] != after[name]} <= {f"{store}/{n}.db-shm" for n in NAMES}
        assert after.keys() == before.keys()


NAMES = ("catalog", "spool")
"""Whose shared memory says which reader reads what: it is nobody's data."""


def test_a_catalog_that_is_lost_isnt_begun_anew(call: Call, store: Path) -> None:
    """By any command: an empty file would become the catalog of another store, to which the lake doesn't belong."""
    (store / "catalog.db").write_bytes(b"")
    for command in ("models", "check", "log loans x.csv", "register x -r x.csv"):
        assert "the catalog is empty in " in call(*command.split(), "--store", store).error
        assert (store / "catalog.db").stat().st_size == 0
    (store / "catalog.db").unlink()
    assert "the catalog is missing in " in call("models", "--store", store).error


def test_a_spool_that_is_gone_is_made_anew_with_a_warning(
    call: Call, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What waited in it is lost, and the store goes on: that is said, once."""
    (store / "spool.db").unlink()
    for _ in range(2):
        rt.open(store).close()
    assert caplog.text.count("the spool was gone and is made anew: rows that waited in it, if any, are lost") == 1
    assert problems(call, store) == []


def test_a_database_of_others_is_no_catalog(call: Call, store: Path) -> None:
    (store / "catalog.db").unlink()
    catalog("create table theirs (a)")(store)
    assert "no catalog here in " in call("models", "--store", store).error
    with sqlite3.connect(store / "catalog.db") as opened:
        assert opened.execute("select name from sqlite_master").fetchall() == [("theirs",)]
    opened.close()


# --- what has stopped coming ------------------------------------------------------------------------------------------

NOW = START + timedelta(days=60)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[rt.Workspace]:
    """Two models by the day: one of which got rows until yesterday, the other until three weeks before."""
    workspace = rt.open(tmp_path / "pair")
    frame = pl.DataFrame({"id": range(100), "t": [START + timedelta(hours=i) for i in range(100)], "x": [1.0] * 100})
    for name, days in (("alive", 59), ("quiet", 39)):
        model = workspace.register(name, frame, id="id", time="t", window="1d")
        times = [START + timedelta(days=10 + day) for day in range(days - 9)]
        model.log(pl.DataFrame({"id": [f"e{i}" for i in range(len(times))], "t": times, "x": [1.0] * len(times)}))
    yield workspace
    workspace.close()


def test_a_model_that_fell_silent_while_others_receive(pair: rt.Workspace) -> None:
    alive, quiet = pair.models()
    check = quiet_check([alive, quiet], NOW)
    assert check(alive) is None
    assert check(quiet) == (
        "its newest events are of 13 Feb 2026, 20 days ago, where some usually come within 1 day; meanwhile rows come "
        "for 'alive'. Hint: does what logs them still run, and is 't' the events' time, in the right unit? "
        "See: retrue quarantine quiet"
    )
    assert quiet_check([quiet], NOW)(quiet) is None, "nothing says that it should receive"
    later = quiet_check([alive, quiet], NOW + timedelta(days=300))
    assert later(quiet) is None
    years = quiet_check([alive, quiet], NOW + 2 * doctor_models.OLD)
    for model in (alive, quiet):
        assert "years ago. Hint: does what logs them still run" in str(years(model))


def test_a_model_of_months_isnt_silent_after_weeks() -> None:
    """What comes in batches is measured by the pauses between them."""
    from retrue.store import rows

    day, ends = timedelta(days=1), (0, 30, 61, 91)
    books = tuple(rows.Window("m", "1", int((START + n * day).timestamp()), 9, 0, 1) for n in ends)
    pulse = Pulse.of(books, day)
    assert pulse is not None
    assert pulse.pause == 31 * day
    assert pulse.receives(START + 150 * day)
    assert not pulse.receives(START + 190 * day)
    assert Pulse.of((), day) is None


# --- on PostgreSQL ----------------------------------------------------------------------------------------------------


def test_a_database_is_only_looked_at(call: Call, tmp_path: Path, postgres: Cluster) -> None:
    """Neither the catalog nor the spool is made where there is none, nor written where there is one."""
    url = postgres.catalog()
    store = Store.open(tmp_path / "store", catalog=url)
    store.close()
    assert problems(call, tmp_path / "store") == []
    looked = Store.to_read(tmp_path / "store")
    with pytest.raises(rt.StoreError, match="opened to be read"), looked.catalog.write():
        pass
    with pytest.raises(rt.StoreError, match="can only be read"):
        looked.spool.set_meta("x", "y")
    looked.close()
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop schema public_spool cascade")
    (found,) = problems(call, tmp_path / "store")
    assert "the spool is gone in postgresql://retrue@127.0.0.1" in found
    assert "schema public_spool" in found
    empty = postgres.database()
    (tmp_path / "store" / "catalog.url").write_text(empty)
    (found,) = problems(call, tmp_path / "store")
    assert "no catalog here in postgresql://" in found
    assert "no catalog here" in call("models", "--store", "store").error
    with psycopg.connect(empty) as connection:
        assert connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone() == (0,)
