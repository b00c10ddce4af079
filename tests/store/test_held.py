"""The quarantine is read a page at a time, and gives what reading it whole gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from retrue.store.compact import compact
from retrue.store.layout import Layout
from retrue.store.quarantine import key_of, marks
from retrue.store.spool import Batch, Parcel
from retrue.store.store import Store

T0 = datetime(2013, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store whose model has set aside 40 rows, of two kinds and three reasons, in ten segments."""
    opened = Store.open(tmp_path / "store")
    opened.add_model("m", Layout(id="id", time="t", label="y"))
    chance = random.Random(7)
    for segment in range(10):
        rows = [
            (chance.choice(["events", "labels"]), chance.choice(["a", "b", "c"]), f"{segment}-{n}", f'{{"n": {n}}}')
            for n in range(4)
        ]
        put(opened, pl.DataFrame(rows, ["kind", "reason", "id", "row"], orient="row"))
    yield opened
    opened.close()


def put(store: Store, rows: pl.DataFrame) -> None:
    """Bring rows of the quarantine's table in."""
    at = int(T0.timestamp()) * 1_000_000
    store.spool.append(Parcel("m", [Batch("quarantine", at, rows)]))
    store.apply("m")


def turned(store: Store, limit: int, **asked: str) -> list[dict[str, object]]:
    """All rows, page by page."""
    found: list[dict[str, object]] = []
    after: str | None = None
    for _ in range(100):
        page = store.quarantine_page("m", limit, after=after, **asked)
        assert page.rows.height <= limit
        found += page.rows.to_dicts()
        after = page.next
        if after is None:
            return found
    raise AssertionError("the pages never end")


@pytest.mark.parametrize("limit", [1, 7, 40, 100])
def test_pages_give_every_row_once_newest_first(store: Store, limit: int) -> None:
    assert turned(store, limit) == store.quarantine("m").reverse().to_dicts()


def test_rows_that_were_let_in_are_on_no_page_and_are_not_counted(store: Store) -> None:
    """Nor are the marks that say so; an older page follows a row that has left meanwhile."""
    first = store.quarantine_page("m", 5)
    gone = [first.rows["number"][4], store.quarantine("m")["number"][3]]
    put(store, marks(gone))
    rest = store.quarantine("m").reverse()
    assert rest.height == 38
    assert turned(store, 6) == rest.to_dicts()
    assert first.next == gone[0]
    assert store.quarantine_page("m", 5, after=first.next).rows.to_dicts() == rest[4:9].to_dicts()
    known = store.set_aside("m")
    assert known.total == 38
    assert known.kinds == dict(rest["kind"].value_counts().iter_rows())
    assert known.reasons == dict(rest["reason"].value_counts().iter_rows())
    assert store.held_rows("m", [*gone, rest["number"][0]])["number"].to_list() == [rest["number"][0]]
    assert store.held_numbers("m").to_list() == rest["number"].to_list()[::-1]


def test_a_page_may_be_of_one_kind_or_one_reason(store: Store) -> None:
    whole = store.quarantine("m").reverse()
    assert turned(store, 3, kind="labels") == whole.filter(kind="labels").to_dicts()
    assert turned(store, 3, reason="b") == whole.filter(reason="b").to_dicts()


def test_pages_are_the_same_after_compaction(store: Store) -> None:
    before, table = turned(store, 7), store.tables("m")["quarantine"]
    compact(table, table.snapshot().files[2:6])
    assert turned(store, 7) == before


def test_a_page_reads_only_the_files_that_it_needs(store: Store) -> None:
    """Older files may be gone: the newest rows are still told."""
    store.set_aside("m")
    oldest = min(store.tables("m")["quarantine"].snapshot().files, key=lambda file: file.first)
    Path(oldest.path).unlink()
    assert store.quarantine_page("m", 5).rows.height == 5


def test_a_quarantine_without_rows_has_an_empty_page(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "other")
    store.add_model("m", Layout(id="id", time="t"))
    page = store.quarantine_page("m", 5)
    assert (page.rows.to_dicts(), page.next, store.set_aside("m").total) == ([], None, 0)
    assert store.held_numbers("m").to_list() == []
    assert store.quarantine_page("m", 5, after=key_of("x")).rows.height == 0
    store.close()
