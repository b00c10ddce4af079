"""Upkeep changes files, never rows: merged, dropped by age, cleaned up, whoever dies, reads or writes meanwhile."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from tests.store.test_commit import Client, Crash, check, fast_folder
from tests.store.test_durability import assert_books_agree, small_disk

from retrue.errors import ConfigError, StoreFullError
from retrue.store import clean, compact, rows
from retrue.store.lake import File
from retrue.store.layout import Layout
from retrue.store.reading import scan
from retrue.store.retention import Retention
from retrue.store.store import Store

__all__ = ["fast_folder", "small_disk"]

T0 = datetime(2013, 3, 1, tzinfo=UTC)
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three files are many, and a log of two entries is long."""
    monkeypatch.setattr(compact, "FEW", 2)
    monkeypatch.setattr(clean, "SUMMED", 2)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve segments on two dates, with labels, one of which waits."""
    store = Store.open(tmp_path_factory.mktemp("filled") / "store")
    store.add_model("m", Layout(id="id", time="t", label="y", window=3600))
    for number in range(12):
        log(store, number)
    store.close()
    return store.folder


@pytest.fixture
def store(filled: Path, fast_folder: Path) -> Store:
    """A copy of that store."""
    return Store.open(shutil.copytree(filled, fast_folder / "store"))


def log(store: Store, number: int, at: datetime | None = None) -> None:
    ids = [f"{number}-{i}" for i in range(10)]
    times = [(at or T0) + timedelta(hours=4 * number)] * 10
    store.append("m", "events", pl.DataFrame({"id": ids, "t": times, "x": [float(number)] * 10}))
    labels = pl.DataFrame({"id": [ids[0], f"waits-{number}"], "y": [1, 0]})
    store.append("m", "labels", labels, at=(at or T0) + timedelta(days=number))
    store.append("m", "feedback", pl.DataFrame({"id": [ids[1]], "clicks": [number]}))
    store.apply("m")


def raw(store: Store, table: str) -> pl.DataFrame:
    """Every row with the lake's own columns."""
    snapshot = store.tables("m")[table].snapshot()
    return scan(snapshot.files, snapshot.schema, sorted(snapshot.schema)).collect().sort("_seq", "_n")


def upkeep(store: Store, now: datetime = NOW, retention: Retention | None = None) -> list[str]:
    return [str(one) for one in store.upkeep(now, retention or Retention())]


# --- compaction -------------------------------------------------------------------------------------------------------


def test_small_files_of_a_date_become_one_sorted_by_hash_and_no_value_changes(store: Store) -> None:
    before = {name: raw(store, name) for name in ("events", "labels", "feedback")}
    done = {name: store.tables("m")[name].done(store.spool.app) for name in before}
    said = upkeep(store)
    assert "m: merged 6 files, 60 rows of events" in said
    assert {name: raw(store, name).equals(before[name]) for name in before} == dict.fromkeys(before, True)
    assert {name: store.tables("m")[name].done(store.spool.app) for name in before} == done
    files = store.tables("m")["events"].snapshot().files
    assert [(f.day, f.rows, f.first, f.last) for f in files] == [
        (date(2013, 3, 2), 60, 7, 12),
        (date(2013, 3, 1), 60, 1, 6),
    ]
    assert all(pl.read_parquet(f.path)["_h"].is_sorted() for f in files)
    assert upkeep(store) == []
    log(store, 3)
    assert store.counters("m")["events repeated"] == 10
    assert_books_agree(store)


def test_another_reader_of_delta_sees_the_same_rows_and_what_is_no_change_of_data(store: Store) -> None:
    folder = store.folder / "lake/m/events"
    before = pl.read_delta(str(folder)).sort("_seq", "_n")
    upkeep(store)
    assert pl.read_delta(str(folder)).sort("_seq", "_n").equals(before.select(pl.read_delta(str(folder)).columns))
    assert DeltaTable(str(folder)).history(1)[0]["operation"] == "OPTIMIZE"
    assert pl.read_delta(str(folder), version=12).height == 120


def test_a_dry_run_says_the_same_and_does_nothing(store: Store) -> None:
    files = sorted((store.folder / "lake").rglob("*"))
    due = [str(one) for one in store.upkeep(NOW, dry=True)]
    assert sorted((store.folder / "lake").rglob("*")) == files
    assert due == upkeep(store)


def test_groups_fit_in_memory_and_big_files_are_left_alone() -> None:
    day = date(2013, 3, 1)
    files = [File(str(i), day, i, i, 400_000, str(i), 1_000) for i in range(5)]
    files.append(File("big", day, 9, 9, 900_000, "big", 1_000))
    assert [[f.name for f in group] for group in compact.due(files)] == [["0", "1"], ["2", "3"]]


def test_a_full_disk_stops_compaction_and_loses_nothing(small_disk: Path) -> None:
    store = Store.open(small_disk / "store")
    store.add_model("m", Layout(id="id", time="t"))
    for number in range(3):
        noise = [os.urandom(400).hex() for _ in range(150)]
        store.append(
            "m", "events", pl.DataFrame({"id": [f"{number}-{i}" for i in range(150)], "t": [T0] * 150, "x": noise})
        )
        store.apply("m")
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * (free(small_disk) - 130_000))
    assert [one.step for one in store.upkeep(NOW)] == ["failed"]
    with pytest.raises(StoreFullError):
        compact.compact(store.tables("m")["events"], store.tables("m")["events"].snapshot().files)
    assert len(store.events("m").collect()) == 450
    filler.unlink()
    assert upkeep(store)[0] == "m: merged 3 files, 450 rows of events"
    assert len(store.events("m").collect()) == 450
    store.close()


def free(folder: Path) -> int:
    stat = os.statvfs(folder)
    return stat.f_bavail * stat.f_frsize


# --- clean-up ---------------------------------------------------------------------------------------------------------


def test_files_that_were_replaced_go_after_seven_days(store: Store) -> None:
    upkeep(store)
    events = store.tables("m")["events"]
    assert len(clean.stray_files(events)) == 12
    assert upkeep(store, NOW + timedelta(days=6)) == []
    assert any(one.startswith("m: deleted 12 files") for one in upkeep(store, NOW + timedelta(days=8)))
    assert clean.stray_files(events) == []
    assert len(store.labelled("m").collect()) == 120
    assert_books_agree(store)


def test_the_log_is_summed_up_and_old_entries_go_while_a_handle_that_slept_wakes_to_the_truth(store: Store) -> None:
    sleeper = Store.open(store.folder)
    assert sleeper.tables("m")["events"].snapshot().version == 12
    for number in range(12, 18):
        log(store, number)
        upkeep(store, NOW + timedelta(days=2))
    table = store.tables("m")["events"]
    oldest = int(clean.entries_of(table)[0].stem)
    assert oldest > 13, "the sleeper's entries are still there, and nothing was tested"
    assert table.done(store.spool.app) == 18
    log(sleeper, 18)
    assert table.snapshot().version == sleeper.tables("m")["events"].snapshot().version
    assert len(store.events("m").collect()) == 190
    assert len(Store.open(store.folder).events("m").collect()) == 190


def test_a_damaged_checkpoint_is_survived_after_clean_up(store: Store) -> None:
    for number in range(12, 16):
        log(store, number)
        upkeep(store, NOW + timedelta(days=2))
    log_folder = store.folder / "lake/m/events/_delta_log"
    newest = max(log_folder.glob("*.checkpoint*.parquet"))
    newest.write_bytes(b"PAR1")
    store.close()
    store = Store.open(store.folder)
    assert len(store.events("m").collect()) == 160
    log(store, 16)
    assert len(store.events("m").collect()) == 170


# --- retention --------------------------------------------------------------------------------------------------------


def test_old_events_go_with_their_labels_and_their_profiles_stay(store: Store) -> None:
    log(store, 13, NOW - timedelta(days=5))
    windows = store.windows("m")
    retention = Retention.of({"events": "30d"})
    assert upkeep(store, NOW, retention)[:2] == [
        f"m: dropped 12 files, 120 rows of events from before {NOW - timedelta(days=30):%Y-%m-%d}",
        f"m: dropped 24 files, 24 rows of labels from before {NOW - timedelta(days=30):%Y-%m-%d}",
    ]
    assert set(store.labelled("m").collect()["id"]) == {f"13-{i}" for i in range(10)}
    assert store.label_history("m").collect()["id"].sort().to_list() == ["13-0", "waits-13"]
    assert store.windows("m") == windows
    store.recount("m")
    assert [(w.start, w.events) for w in store.windows("m")] == [(w.start, w.events) for w in windows]
    assert upkeep(store, NOW, retention) == []


def test_retention_is_said_for_all_and_for_one_model() -> None:
    said = {"events": "365d", "quarantine": "30d", "logs": "never", "models": {"m": {"events": "90d"}}}
    retention = Retention.of(said)
    assert retention.of_model("m").events == timedelta(days=90)
    assert retention.of_model("m").quarantine == timedelta(days=30)
    assert retention.of_model("other").events == timedelta(days=365)
    assert Retention.of(retention.to_dict()) == retention
    with pytest.raises(ConfigError, match=r"unknown key 'event'.*did you mean 'events'"):
        Retention.of({"event": "1d"})
    with pytest.raises(ConfigError, match=r"events = '0d'.*such as"):
        Retention.of({"events": "0d"})
    with pytest.raises(ConfigError, match=r"events = '3 weeks ago' in \[retention\]: expected a length of time"):
        Retention.of({"events": "3 weeks ago"}, "[retention]")


def test_the_quarantine_and_waiting_labels_go_by_their_arrival(store: Store) -> None:
    for age in (40, 20):
        bad = pl.DataFrame({"id": [f"bad-{age}"], "t": ["no time"], "x": [1.0]})
        store.append("m", "events", bad, at=NOW - timedelta(days=age))
        store.apply("m")
    upkeep(store, NOW)
    upkeep(store, NOW, Retention.of({"quarantine": "30d"}))
    assert store.quarantine("m")["id"].to_list() == ["bad-20"]


def test_what_a_manifest_names_stays(store: Store) -> None:
    with store.catalog.write() as tx:
        tx.add(rows.Manifest("a", "m", "training", 12, "digest", 0, {"since": "2013-03-02", "until": "2013-03-02"}))
    upkeep(store, NOW, Retention.of({"events": "30d"}))
    assert store.events("m").collect()["t"].dt.date().unique().to_list() == [date(2013, 3, 2)]


def test_records_of_the_catalog_go_by_age(store: Store) -> None:
    old, new = (round((NOW - timedelta(days=days)).timestamp() * 1e6) for days in (40, 1))
    with store.catalog.write() as tx:
        for at in (old, new):
            tx.add(rows.Log(at, "info", "said"))
            tx.add(rows.Job(f"done-{at}", "check", "done", at, at))
            tx.add(rows.Job(f"waits-{at}", "check", "waiting", at, at))
            tx.add(rows.Delivery("i", "m", "mail", "opened", "sent", at, at))
            tx.add(rows.Session(f"s-{at}", "anna", "viewer", at, at))
    assert upkeep(store)[-3:] == ["dropped 1 old log lines", "dropped 1 old finished jobs", "dropped 2 old sessions"]
    with store.catalog.read() as tx:
        assert len(tx.find(rows.Delivery)) == 2
        assert {job.id for job in tx.find(rows.Job)} == {f"done-{new}", f"waits-{old}", f"waits-{new}"}


def test_the_preference_wins_over_the_file(store: Store) -> None:
    file = Retention.of({"events": "10d"})
    assert store.retention(file) == file
    with store.catalog.write() as tx:
        store.set_retention(tx, Retention.of({"events": "20d"}))
    assert store.retention(file).events == timedelta(days=20)


def test_statistics_are_those_of_the_files(store: Store) -> None:
    held = {one.table: one for one in store.statistics("m")}
    files = list((store.folder / "lake/m/events").rglob("part-*.parquet"))
    assert (held["events"].rows, held["events"].files) == (120, len(files))
    assert held["events"].size == sum(path.stat().st_size for path in files)
    assert held["quarantine"].rows == 0


# --- killed, and beside others ----------------------------------------------------------------------------------------


class Keeping(Client):
    """A client that tidies up as well."""

    def step(self) -> None:
        if self.random.random() < 0.75:
            super().step()
            return
        while True:
            try:
                list(self.store.upkeep(NOW + timedelta(days=self.random.choice([0, 9]))))
            except Crash:
                self.store = self.open()
            else:
                return


@pytest.mark.parametrize("seed", [1, pytest.param(3, marks=pytest.mark.slow), pytest.param(5, marks=pytest.mark.slow)])
def test_crashes_between_cycles_and_upkeep_lose_nothing_and_count_nothing_twice(fast_folder: Path, seed: int) -> None:
    client = Keeping(seed, fast_folder, wander=seed % 3 == 2)
    for _ in range(50):
        client.step()
    client.survive("apply", "m")
    check(client)
    assert client.crashes > 10
    assert any(Path(f.path).name.startswith("compact-") for f in client.store.tables("m")["events"].snapshot().files)


TIDY = """
import sys
from datetime import datetime, timedelta, UTC
import polars as pl
from retrue.store import clean, compact
from retrue.store.store import Store

compact.FEW, clean.SUMMED = 2, 2
store = Store.open(sys.argv[1])
name = sys.argv[2]
for round in range(1000):
    ids = [f"{name}-{round}-{i}" for i in range(5)]
    store.append("m", "events", pl.DataFrame({"id": ids, "t": [datetime(2013, 3, 1, tzinfo=UTC)] * 5, "x": [1.0] * 5}))
    print(round, flush=True)
    store.apply("m")
    for done in store.upkeep(datetime.now(UTC) + timedelta(days=9)):
        pass
"""


@pytest.mark.slow
def test_upkeep_killed_at_any_moment_loses_no_row(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    store.add_model("m", Layout(id="id", time="t", label="y", window=3600))
    chance, acknowledged = random.Random(5), 0
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    for name in "abcd":
        command = [sys.executable, "-c", TIDY, str(tmp_path / "store"), name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0.3, 0.9))
            process.send_signal(signal.SIGKILL)
            acknowledged += 5 * (1 + len(process.stdout.readlines()))
    store.close()
    store = Store.open(tmp_path / "store")
    store.apply("m")
    found = store.events("m").collect()
    assert acknowledged <= len(found) == found["id"].n_unique()
    upkeep(store, NOW + timedelta(days=9))
    assert len(store.events("m").collect()) == len(found)
    assert_books_agree(store)
    store.close()


def test_readers_and_commit_cycles_go_on_beside_upkeep(store: Store) -> None:
    failures: list[BaseException] = []
    done = threading.Event()

    def attempt(work: object) -> None:
        try:
            while not done.is_set():
                work()  # type: ignore[operator]
        except BaseException as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    def read() -> None:
        assert len(other.labelled("m").collect()) >= 120

    other, tidy = Store.open(store.folder), Store.open(store.folder)
    threads = [threading.Thread(target=attempt, args=(work,)) for work in (read, lambda: upkeep(tidy))]
    for thread in threads:
        thread.start()
    for number in range(12, 18):
        log(store, number)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.labelled("m").collect()) == 180
    assert_books_agree(store)
