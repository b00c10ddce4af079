"""The lake: one commit for a segment, readable statistics, files found by date and hash."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrue.core.hashing import hash64
from retrue.store.durable import heal, readable
from retrue.store.lake import CHECKPOINT, File, LakeTable
from retrue.store.reading import Finder, HashCache, before, hits, micro_batches, scan

DAYS = [date(2013, 3, 1), date(2013, 3, 2), None]


@pytest.fixture
def table(tmp_path: Path) -> LakeTable:
    return LakeTable(tmp_path / "m" / "events")


def rows(segment: int, ids: list[str], days: list[date | None]) -> pl.DataFrame:
    frame = pl.DataFrame({"id": ids, "_date": pl.Series(days, dtype=pl.Date), "_seq": [segment] * len(ids)})
    return frame.with_columns(_h=hash64(frame["id"]))


def test_a_commit_leaves_its_segment_as_transaction_version(table: LakeTable) -> None:
    assert (table.exists, table.done("app")) == (False, 0)
    table.commit(rows(1, ["a", "b", "c"], DAYS), "app", 1)
    assert (table.done("app"), table.done("other")) == (1, 0)


def test_files_are_sorted_newest_date_first_and_those_without_one_last(table: LakeTable) -> None:
    table.commit(rows(1, ["a", "b", "c"], DAYS), "app", 1)
    table.commit(rows(2, ["d"], [DAYS[0]]), "app", 2)
    found = [(f.day, f.first, f.rows) for f in table.snapshot().files]
    assert found == [(DAYS[1], 1, 1), (DAYS[0], 2, 1), (DAYS[0], 1, 1), (None, 1, 1)]


def test_another_handle_sees_what_this_one_committed(table: LakeTable) -> None:
    other = LakeTable(table.folder)
    table.commit(rows(1, ["a"], DAYS[:1]), "app", 1)
    assert other.done("app") == 1
    other.commit(rows(2, ["b"], DAYS[:1]), "app", 2)
    assert (table.done("app"), len(table.snapshot().files)) == (2, 2)


def test_columns_are_added_and_null_before(table: LakeTable) -> None:
    table.commit(rows(1, ["a"], DAYS[:1]), "app", 1)
    table.commit(rows(2, ["b"], DAYS[:1]).with_columns(x=pl.lit(1.5)), "app", 2)
    snapshot = table.snapshot()
    found = scan(snapshot.files, snapshot.schema, ["id", "x", "_date"]).collect().sort("id")
    assert found.rows() == [("a", None, DAYS[0]), ("b", 1.5, DAYS[0])]


def test_a_checkpoint_is_made_now_and_then(table: LakeTable) -> None:
    for segment in range(1, CHECKPOINT + 1):
        table.commit(rows(segment, ["a"], DAYS[:1]), "app", segment)
    assert (table.folder / "_delta_log" / "_last_checkpoint").exists()
    assert LakeTable(table.folder).done("app") == CHECKPOINT


def test_what_a_lost_log_entry_held_is_committed_again_from_its_files(table: LakeTable) -> None:
    for segment in (1, 2, 3):
        table.commit(rows(segment, [str(segment), "x"], [DAYS[0], None]), "app", segment)
    max((table.folder / "_delta_log").glob("*.json")).write_text("{")
    assert table.heal() == (f"{3:020d}.json",)
    assert table.done("app") == 2
    assert table.replay("app", applied=2) == 0
    assert table.replay("app", applied=3) == 1
    assert (table.done("app"), len(table.snapshot().files)) == (3, 6)


def test_a_healthy_table_is_left_alone(table: LakeTable, tmp_path: Path) -> None:
    table.commit(rows(1, ["a"], DAYS[:1]), "app", 1)
    assert table.heal() == ()
    assert heal(tmp_path / "nothing") == ()


@pytest.mark.parametrize("text", ["", "\n", "{", "[1]\n", '{"add": {}}\n{"ad'])
def test_a_log_entry_is_readable_only_when_it_is_whole(tmp_path: Path, text: str) -> None:
    (tmp_path / "entry").write_text(text)
    assert not readable(tmp_path / "entry")


# Finding


def test_rows_are_found_by_hash_in_earlier_segments_and_given_dates(table: LakeTable) -> None:
    table.commit(rows(1, ["a", "b", "c"], DAYS), "app", 1)
    table.commit(rows(2, ["a"], [DAYS[1]]), "app", 2)
    wanted = hash64(pl.Series(["a", "c", "nobody"]))

    def find(segment: int, days: set[date | None] | None = None) -> list[tuple[str, int]]:
        found = Finder(table.snapshot(), segment, HashCache()).find(wanted, days)
        return sorted(found.select("id", "_seq").rows())

    assert find(1) == []
    assert find(2) == [("a", 1), ("c", 1)]
    assert find(3) == [("a", 1), ("a", 2), ("c", 1)]
    assert find(3, {DAYS[1], None}) == [("a", 2), ("c", 1)]


def test_the_newest_date_is_found_and_ids_on_several_are_counted(table: LakeTable) -> None:
    table.commit(rows(1, ["a", "a", "b"], [DAYS[0], DAYS[1], DAYS[0]]), "app", 1)
    ids = pl.Series("id", ["a", "b", "c"])
    keys = pl.DataFrame({"id": ids, "_h": hash64(ids)})
    finder = Finder(table.snapshot(), 2, HashCache())
    found, several = finder.newest(keys, "id", ["id", "_h", "_date", "_seq"])
    assert sorted(found.select("id", "_date").rows()) == [("a", DAYS[1]), ("b", DAYS[0])]
    assert several == 1


def test_the_cache_of_hashes_stays_within_its_limit(tmp_path: Path) -> None:
    cache = HashCache(limit=200)
    for number in range(5):
        path = tmp_path / f"{number}.parquet"
        pl.DataFrame({"_h": np.arange(10)}).write_parquet(path)
        assert cache.read(str(path)).tolist() == list(range(10))
        assert cache.size == sum(h.nbytes for h in cache.held.values()) <= 200


def test_micro_batches_never_cut_a_date() -> None:
    files = [File(str(i), date(2013, 3, 9 - i // 2), 1, 1, 10) for i in range(8)]
    runs = list(micro_batches(files, 15))
    assert [f.path for run in runs for f in run] == [str(i) for i in range(8)]
    assert [len({f.day for f in run}) for run in runs] == [1, 1, 1, 1]
    assert before(files, 1) == []


def test_hits_are_row_numbers_of_their_own_file(table: LakeTable) -> None:
    table.commit(rows(1, ["a", "b", "c"], [DAYS[0], DAYS[1], DAYS[1]]), "app", 1)
    found = {f.day: at.tolist() for f, at in hits(table.snapshot().files, hash64(pl.Series(["a", "c"])), HashCache())}
    assert found == {DAYS[1]: [1], DAYS[0]: [0]}


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(st.lists(st.integers(-9, 9), max_size=120), min_size=1, max_size=4),
    wanted=st.sets(st.integers(-12, 12), min_size=1, max_size=6), ordered=st.lists(st.booleans(), min_size=4),
)  # fmt: skip
def test_a_sorted_file_is_searched_and_gives_what_looking_through_it_gives(
    parts: list[list[int]], wanted: set[int], ordered: list[bool]
) -> None:
    cache, files = HashCache(), []
    for number, (part, sort) in enumerate(zip(parts, ordered, strict=False)):
        files.append(File(str(number), date(2013, 3, 1), 1, 1, len(part)))
        cache.keep(str(number), np.array(sorted(part) if sort else part, np.int64))
    found = {file.path: at.tolist() for file, at in hits(files, pl.Series(sorted(wanted)), cache)}
    truth = {path: [at for at, one in enumerate(held) if one in wanted] for path, held in cache.held.items()}
    assert found == {path: at for path, at in truth.items() if at}
