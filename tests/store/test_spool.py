"""The spool: acknowledged is committed, a key is taken once, a stamped segment never changes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from retrue.errors import StoreError, StoreFullError, StoreVersionError
from retrue.store.failure import store_error
from retrue.store.spool import KEY_LIFE, PIECE, Batch, Parcel, Spool


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool.open(tmp_path / "spool.db")
    yield spool
    spool.close()


def batch(rows: int = 2, at: int = 0) -> Batch:
    return Batch("events", at, pl.DataFrame({"id": [str(i) for i in range(rows)]}))


def test_what_was_appended_is_there_in_another_connection(spool: Spool, tmp_path: Path) -> None:
    spool.append(Parcel("m", [batch(), batch(3)]))
    other = Spool.open(tmp_path / "spool.db")
    assert other.pending("m") == 5
    assert other.app == spool.app
    other.close()


def test_a_key_is_taken_once_and_gives_the_first_receipt_again(spool: Spool) -> None:
    assert spool.append(Parcel("m", [batch()], {"k": "first"}, now=1)) == [{}]
    assert spool.append(Parcel("m", [batch(5)], {"k": "second"}, now=2)) == [{"k": "first"}]
    assert spool.append(Parcel("other", [batch()], {"k": "other"}, now=2)) == [{}]
    assert spool.pending("m") == 2


def test_a_key_is_forgotten_after_seven_days(spool: Spool) -> None:
    spool.append(Parcel("m", [batch()], {"k": "r"}, now=0))
    assert spool.append(Parcel("m", [batch()], {"k": "r"}, now=KEY_LIFE)) == [{"k": "r"}]
    assert spool.append(Parcel("m", [batch()], {"k": "r"}, now=KEY_LIFE + 1)) == [{}]


def test_old_keys_are_found_without_reading_all(spool: Spool, tmp_path: Path) -> None:
    """There are millions of them where each batch has one."""
    with closing(sqlite3.connect(tmp_path / "spool.db")) as db:
        plan = db.execute("explain query plan delete from keys where seen < 0").fetchall()
    assert "USING INDEX aged" in str(plan)


def test_a_parcel_of_which_one_key_was_seen_is_not_taken_at_all(spool: Spool) -> None:
    """Whoever sent the other rows tries again without these; parcels beside it are taken."""
    spool.append(Parcel("m", [batch(1)], {"a": "first"}))
    told = spool.append(Parcel("m", [batch(2)], {"a": "again", "b": "b"}), Parcel("m", [batch(4)]))
    assert (told, spool.pending("m")) == ([{"a": "first"}, {}], 5)
    assert spool.seen("m", ["a", "b"]) == {"a": "first"}


def test_a_key_outlives_its_batch(spool: Spool) -> None:
    spool.append(Parcel("m", [batch()], {"k": "r"}))
    spool.stamp("m", 1, rows=10, size=10**9)
    spool.forget("m", 1)
    assert (spool.pending("m"), spool.seen("m", ["k"])) == (0, {"k": "r"})


def test_a_stamped_segment_keeps_its_batches_whatever_comes_later(spool: Spool) -> None:
    spool.append(Parcel("m", [batch(2, at=5)]))
    assert spool.stamp("m", 1, rows=10, size=10**9)
    spool.append(Parcel("m", [batch(3)]))
    assert spool.stamp("m", 1, rows=10, size=10**9)
    read = spool.read("m", 1)
    assert [(b.kind, b.at, len(b.frame)) for b in read] == [("events", 5, 2)]


def test_a_segment_is_bounded_but_never_empty(spool: Spool) -> None:
    for _ in range(3):
        spool.append(Parcel("m", [batch(4)]))
    assert spool.stamp("m", 1, rows=8, size=10**9)
    assert sum(len(b.frame) for b in spool.read("m", 1)) == 8
    assert spool.stamp("m", 2, rows=1, size=1)
    assert sum(len(b.frame) for b in spool.read("m", 2)) == 4
    assert not spool.stamp("m", 3, rows=1, size=1)


def test_a_large_batch_is_cut_into_pieces_in_one_transaction(spool: Spool) -> None:
    spool.append(Parcel("m", [batch(PIECE + 1)]))
    spool.stamp("m", 1, rows=10**9, size=10**12)
    read = spool.read("m", 1)
    assert [len(b.frame) for b in read] == [PIECE, 1]
    assert read[1].frame["id"].to_list() == [str(PIECE)]


def test_threads_that_append_at_once_all_get_their_batch_in(spool: Spool) -> None:
    def send(name: int) -> None:
        for i in range(20):
            spool.append(Parcel("m", [batch()], {f"{name}-{i}": ""}))

    threads = [threading.Thread(target=send, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spool.pending("m") == 8 * 20 * 2


def test_a_failed_commit_fails_every_caller_that_shared_it(tmp_path: Path) -> None:
    """Group commit: while the first caller's commit is held up, three more wait; their one commit fails for all."""
    begun, go, failures = threading.Event(), threading.Event(), []

    def fault(step: str) -> None:
        if step != "spool: before commit":
            return
        if not begun.is_set():
            begun.set()
            go.wait(10)
            return
        raise OSError(28, "No space left on device")

    spool = Spool.open(tmp_path / "spool.db", fault)

    def send() -> None:
        try:
            spool.append(Parcel("m", [batch()]))
        except OSError as error:
            failures.append(error)

    threads = [threading.Thread(target=send) for _ in range(4)]
    threads[0].start()
    begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(spool._queue) < 3:
        pass
    go.set()
    for thread in threads:
        thread.join()
    assert (len(failures), spool.pending("m")) == (3, 2)
    spool.close()


def test_the_first_type_of_a_column_is_its_type(spool: Spool) -> None:
    assert spool.types("m", "events", {"x": "Int64"}) == {"x": "Int64"}
    assert spool.types("m", "events", {"x": "String", "y": "Date"}) == {"x": "Int64", "y": "Date"}


def test_a_spool_of_a_newer_version_is_refused(spool: Spool, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "spool.db") as db:
        db.execute("update meta set value = '99' where name = 'format'")
    db.close()
    with pytest.raises(StoreVersionError, match="newer version"):
        Spool.open(tmp_path / "spool.db")


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_text("this is not a database, not even nearly; really not" * 100)
    with pytest.raises(StoreError, match="damaged"):
        Spool.open(tmp_path / "spool.db")


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (OSError(28, "No space left on device"), StoreFullError, "disk is full"),
        (OSError(27, "File too large"), StoreFullError, "disk is full"),
        (OSError(30, "Read-only file system"), StoreError, "can't be written"),
        (sqlite3.OperationalError("database or disk is full"), StoreFullError, "disk is full"),
        (ValueError("strange"), StoreError, "strange"),
    ],
)
def test_errors_of_the_system_are_told_in_the_stores_words(error: Exception, kind: type[Exception], text: str) -> None:
    told = store_error(error, Path("spool.db"))
    assert type(told) is kind
    assert text in str(told)
