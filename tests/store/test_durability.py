"""Killed processes, full and read-only disks, damaged logs: nothing that was acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import lacking

from retrue.errors import StoreError, StoreFullError
from retrue.store.layout import Layout
from retrue.store.store import Store

T0 = datetime(2013, 3, 1, tzinfo=UTC)

WRITER = """
import sys
import polars as pl
from datetime import datetime, timedelta, UTC
from retrue.store.store import Store

folder, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Store.open(folder)
for round in range(rounds):
    ids = [f"{name}-{round}-{i}" for i in range(20)]
    times = [datetime(2013, 3, 1, tzinfo=UTC) + timedelta(hours=round)] * 20
    store.append("m", "events", pl.DataFrame({"id": ids, "t": times, "x": float(round)}), key=f"{name}-{round}")
    print("events", round, flush=True)
    store.append("m", "labels", pl.DataFrame({"id": ids[:10], "y": [round % 2] * 10}))
    print("labels", round, flush=True)
    if round % 3 == 0:
        store.apply("m")
store.apply("m")
print("done", rounds, flush=True)
"""


def start(folder: Path, name: str, rounds: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), name, str(rounds)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )  # fmt: skip


def said(process: subprocess.Popen[str]) -> dict[str, int]:
    """The last round that was acknowledged, by kind."""
    last: dict[str, int] = {}
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            kind, number = line.split()
            last[kind] = int(number)
    return last


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = Store.open(tmp_path / "store")
    store.add_model("m", Layout(id="id", time="t", label="y", window=3600))
    store.close()
    return tmp_path / "store"


def batch(name: str, rows: int = 20) -> pl.DataFrame:
    return pl.DataFrame({"id": [f"{name}-{i}" for i in range(rows)], "t": [T0] * rows, "x": [1.0] * rows})


def assert_books_agree(store: Store) -> None:
    before = [(w.start, w.events, w.labelled) for w in store.windows("m")]
    store.recount("m")
    assert before == [(w.start, w.events, w.labelled) for w in store.windows("m")]


def test_a_process_killed_at_any_moment_loses_no_acknowledged_row(folder: Path) -> None:
    chance = random.Random(7)
    acknowledged: dict[str, dict[str, int]] = {}
    for name in ("a", "b", "c", "d"):
        process = start(folder, name, 10_000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.5))
        process.send_signal(signal.SIGKILL)
        acknowledged[name] = said(process)
    store = Store.open(folder)
    store.apply("m")
    rows = store.labelled("m").collect()
    assert rows["id"].n_unique() == len(rows)
    for name, last in acknowledged.items():
        mine = rows.filter(pl.col("id").str.starts_with(f"{name}-"))
        assert len(mine) >= 20 * (last.get("events", 0) + 1)
        assert mine["y"].count() >= 10 * (last.get("labels", -1) + 1)
    assert_books_agree(store)
    store.close()


def test_two_processes_write_and_apply_on_one_folder(folder: Path) -> None:
    processes = [start(folder, name, 12) for name in ("a", "b")]
    assert [said(process)["done"] for process in processes] == [12, 12]
    assert [process.returncode for process in processes] == [0, 0]
    store = Store.open(folder)
    rows = store.labelled("m").collect()
    assert len(rows) == rows["id"].n_unique() == 2 * 12 * 20
    assert rows["y"].count() == 2 * 12 * 10
    assert store.pending("m") == 0
    assert_books_agree(store)
    store.close()


# Disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB, which only root may mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        lacking("the right to mount a small file system", "run as root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_acknowledges_nothing_and_loses_nothing(small_disk: Path) -> None:
    store = Store.open(small_disk / "store")
    store.add_model("m", Layout(id="id", time="t", label="y"))
    noise = pl.Series("noise", [os.urandom(500).hex() for _ in range(200)])
    taken = 0
    with pytest.raises(StoreFullError, match="the disk is full"):  # noqa: PT012
        for number in range(100):
            store.append("m", "events", batch(f"{number}", 200).with_columns(noise))
            taken += 200
    assert store.pending("m") == taken
    with pytest.raises(StoreFullError, match=f"{taken:,} acknowledged rows are safe in the spool; free some space"):
        store.apply("m")
    assert store.pending("m") == taken
    subprocess.run(["mount", "-o", "remount,size=100m", str(small_disk)], check=True)
    store.apply("m")
    assert len(store.events("m").collect()) == taken
    assert_books_agree(store)
    store.close()


def test_a_read_only_folder_is_a_clear_error(small_disk: Path) -> None:
    store = Store.open(small_disk / "store")
    store.add_model("m", Layout(id="id", time="t", label="y"))
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    store = Store.open(small_disk / "store")
    with pytest.raises(StoreError, match=r"can't be written.*check its permissions"):
        store.append("m", "events", batch("a"))
    with pytest.raises(StoreError, match="can't be written"):
        store.add_model("another", Layout())
    with pytest.raises(StoreError, match="can't be written"):
        Store.open(small_disk / "another")


# Damaged logs


@pytest.mark.parametrize("damage", ["", '{"commitInfo":{"ti', "not json\n"])
def test_an_unreadable_newest_log_entry_is_set_aside_and_what_it_held_is_there_again(folder: Path, damage: str) -> None:
    store = Store.open(folder)
    for name in ("first", "second"):
        store.append("m", "events", batch(name))
        store.apply("m")
    entries = sorted((folder / "lake/m/events/_delta_log").glob("*.json"))
    entries[-1].write_text(damage)
    store.close()
    store = Store.open(folder)
    assert store.tables("m")["events"].done(store.spool.app) == 2
    assert len(store.events("m").collect()) == 40
    assert (folder / "lake/m/events/_set_aside" / entries[-1].name).read_text() == damage
    store.append("m", "events", batch("third"))
    store.apply("m")
    assert len(store.events("m").collect()) == 60
    assert_books_agree(store)
    store.close()


def test_a_table_whose_only_log_entry_is_damaged_is_made_anew(folder: Path) -> None:
    class Died(BaseException):
        pass

    def die(step: str) -> None:
        if step == "lake: table made":
            raise Died

    store = Store.open(folder, fault=die)
    store.append("m", "events", batch("a"))
    with pytest.raises(Died):
        store.apply("m")
    (folder / "lake/m/events/_delta_log/00000000000000000000.json").write_text("")
    store = Store.open(folder)
    store.apply("m")
    assert len(store.events("m").collect()) == 20
    store.close()


def test_a_damaged_checkpoint_is_set_aside(folder: Path) -> None:
    store = Store.open(folder)
    for number in range(51):
        store.append("m", "events", batch(str(number), 1))
        store.apply("m")
    log = folder / "lake/m/events/_delta_log"
    checkpoint = next(log.glob("*.checkpoint*.parquet"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    store.close()
    store = Store.open(folder)
    assert len(store.events("m").collect()) == 51
    store.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to tell which file was synced")
def test_everything_a_segment_wrote_is_synced_before_it_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither Polars nor delta-rs calls fsync: after a power cut the lake would lack what the catalog has counted."""
    synced: set[Path] = set()
    unsynced: list[Path] = []
    fsync = os.fsync

    def remember(handle: int) -> None:
        synced.add(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    def look(step: str) -> None:
        if step == "cycle: before applied":
            lake = folder / "lake" / "m"
            paths = [lake.parent, lake, *lake.rglob("*")]
            unsynced.extend(p for p in paths if p not in synced)

    monkeypatch.setattr(os, "fsync", remember)
    store = Store.open(folder, fault=look)
    store.append("m", "events", batch("a"))
    store.append("m", "labels", pl.DataFrame({"id": ["a-1", "nobody"], "y": [1, 0]}))
    store.append("m", "feedback", pl.DataFrame({"id": ["a-1", None], "clicks": [1, 2]}))
    store.apply("m")
    assert len({path.parent for path in synced if path.suffix == ".parquet"}) == 5
    assert unsynced == []
    store.close()
