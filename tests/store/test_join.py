"""Labels and feedback find their events: late, early, twice, corrected, for unknown ids, on several dates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from retrue.store.commit import Applied
from retrue.store.layout import Layout
from retrue.store.store import Store

T0 = datetime(2013, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def same_hash(ids: pl.Series) -> pl.Series:
    """Every id collides with every other."""
    return pl.Series(ids.name, [7] * len(ids), dtype=pl.Int64)


@pytest.fixture(params=[False, True], ids=["", "every hash collides"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Store]:
    options: dict[str, Any] = {"hasher": same_hash} if request.param else {}
    store = Store.open(tmp_path / "store", **options)
    store.add_model("m", Layout(id="id", time="t", version="v", label="y"))
    yield store
    store.close()


def log(store: Store, *rows: tuple[str, int, str], x: float = 0.0) -> Applied:
    """Log events: id, day, version."""
    frame = pl.DataFrame(
        {"id": [r[0] for r in rows], "t": [T0 + r[1] * DAY for r in rows], "v": [r[2] for r in rows], "x": x}
    )
    store.append("m", "events", frame)
    return store.apply("m")


def label(store: Store, *rows: tuple[str, int]) -> Applied:
    store.append("m", "labels", pl.DataFrame(rows, schema=["id", "y"], orient="row"))
    return store.apply("m")


def labels(store: Store) -> list[tuple[str, int, str, int | None]]:
    frame = store.labelled("m").collect().sort("id", "t", "v")
    return [(i, (t - T0).days, v, y) for i, t, v, y in frame.select("id", "t", "v", "y").rows()]


def test_a_label_joins_its_event_whenever_it_comes(store: Store) -> None:
    log(store, ("a", 0, "1"), ("b", 40, "1"))
    assert label(store, ("a", 1)).counts["labels waiting"] == 0
    assert labels(store) == [("a", 0, "1", 1), ("b", 40, "1", None)]


def test_an_early_label_waits_for_its_event(store: Store) -> None:
    assert label(store, ("a", 1), ("b", 0)).counts["labels waiting"] == 2
    assert log(store, ("a", 0, "1")).counts["labels picked up"] == 1
    assert labels(store) == [("a", 0, "1", 1)]
    assert store.label_history("m").collect().sort("id")["_date"].to_list() == [T0.date(), None]


def test_the_last_of_several_early_labels_counts(store: Store) -> None:
    label(store, ("a", 1))
    label(store, ("a", 0))
    label(store, ("a", 2), ("a", 3))
    log(store, ("a", 0, "1"))
    assert labels(store) == [("a", 0, "1", 3)]


def test_a_corrected_label_replaces_and_a_repeated_one_is_ignored(store: Store) -> None:
    log(store, ("a", 0, "1"))
    label(store, ("a", 1))
    assert label(store, ("a", 1)).counts["labels repeated"] == 1
    done = label(store, ("a", 0), ("a", 0), ("a", 1), ("a", 0))
    assert (done.counts["labels repeated"], done.counts["labels corrected"]) == (1, 3)
    assert labels(store) == [("a", 0, "1", 0)]
    assert store.label_history("m").collect()["y"].to_list() == [1, 0, 1, 0]


def test_a_label_is_for_every_version_that_logged_the_id(store: Store) -> None:
    log(store, ("a", 0, "champion"), ("a", 0, "shadow"))
    label(store, ("a", 1))
    assert [y for *_, y in labels(store)] == [1, 1]


def test_a_version_that_logs_an_id_later_finds_its_label(store: Store) -> None:
    log(store, ("a", 0, "champion"))
    label(store, ("a", 1))
    log(store, ("a", 0, "shadow"))
    assert [y for *_, y in labels(store)] == [1, 1]


def test_an_id_on_several_dates_gives_the_newest_the_label_and_is_counted_as_ambiguous(store: Store) -> None:
    log(store, ("a", 0, "1"), ("a", 3, "1"))
    log(store, ("a", 1, "1"))
    assert label(store, ("a", 1)).counts["labels ambiguous"] == 1
    assert labels(store) == [("a", 0, "1", None), ("a", 1, "1", None), ("a", 3, "1", 1)]


def test_a_label_that_says_a_time_goes_to_the_event_of_that_date(store: Store) -> None:
    """In any order, in the same segment, too; one for a date without such an event goes to the newest date."""
    log(store, ("a", 0, "1"), ("a", 2, "1"), ("b", 1, "1"))
    said = [("a", 3, 4), ("a", 0, 1), ("b", 7, 5), ("a", 2, 2)]
    timed = pl.DataFrame({"id": [r[0] for r in said], "t": [T0 + r[1] * DAY for r in said], "y": [r[2] for r in said]})
    event = pl.DataFrame({"id": ["a"], "t": [T0 + 3 * DAY], "v": ["1"], "x": [0.0]})
    store.append("m", "events", event)
    store.append("m", "labels", timed)
    assert store.apply("m").counts["labels waiting"] == 0
    assert labels(store) == [("a", 0, "1", 1), ("a", 2, "1", 2), ("a", 3, "1", 4), ("b", 1, "1", 5)]
    store.append("m", "labels", timed.head(2).with_columns(y=pl.lit(0)))
    assert store.apply("m").counts["labels corrected"] == 2
    assert labels(store) == [("a", 0, "1", 0), ("a", 2, "1", 2), ("a", 3, "1", 0), ("b", 1, "1", 5)]
    assert label(store, ("a", 9)).counts["labels ambiguous"] == 1
    assert labels(store)[2] == ("a", 3, "1", 9)


def test_a_label_that_says_a_time_may_come_before_any_event(store: Store) -> None:
    """It waits, as all others do."""
    store.append("m", "labels", pl.DataFrame({"id": ["a"], "t": [T0], "y": [1]}))
    assert store.apply("m").counts["labels waiting"] == 1
    log(store, ("a", 0, "1"))
    assert labels(store) == [("a", 0, "1", 1)]


def test_an_event_s_own_label_is_its_own_where_its_id_recurs(store: Store) -> None:
    """Of a backfill of several days in one batch, each event keeps the label that stands beside it."""
    days = [T0 + number * DAY for number in range(3)]
    store.append("m", "events", pl.DataFrame({"id": "a", "t": days, "v": "1", "x": 0.0, "y": [1, 0, 1]}))
    store.apply("m")
    assert labels(store) == [("a", 0, "1", 1), ("a", 1, "1", 0), ("a", 2, "1", 1)]


def test_a_waiting_label_goes_to_the_first_event_that_comes_and_stays_there(store: Store) -> None:
    label(store, ("a", 1))
    log(store, ("a", 0, "1"))
    log(store, ("a", 5, "1"))
    assert labels(store) == [("a", 0, "1", 1), ("a", 5, "1", None)]


def test_a_label_and_its_event_may_come_in_one_segment(store: Store) -> None:
    store.append("m", "labels", pl.DataFrame({"id": ["a"], "y": [1]}))
    log(store, ("a", 0, "1"))
    assert labels(store) == [("a", 0, "1", 1)]


def test_an_equal_repeat_is_ignored_and_a_differing_one_is_set_aside(store: Store) -> None:
    log(store, ("a", 0, "1"))
    done = log(store, ("a", 0, "1"), ("a", 0, "1"), ("a", 0, "2"))
    assert (done.taken["events"], done.counts["events repeated"]) == (1, 2)
    done = log(store, ("a", 0, "1"), ("b", 0, "1"), x=1.0)
    assert (done.taken["events"], done.counts["events differing"]) == (1, 1)
    assert store.quarantine("m")["reason"].to_list() == ["differs from the event that was logged first"]
    assert store.labelled("m").collect().sort("id", "v")["x"].to_list() == [0.0, 0.0, 1.0]


def test_a_repeat_inside_one_batch_is_found_like_one_across_batches(store: Store) -> None:
    frame = pl.DataFrame({"id": ["a", "a", "a"], "t": [T0] * 3, "v": ["1"] * 3, "x": [1.0, 1.0, 2.0]})
    store.append("m", "events", frame)
    done = store.apply("m")
    assert (done.taken["events"], done.counts["events repeated"], done.counts["events differing"]) == (1, 1, 1)


def test_nan_and_null_repeat_as_themselves(store: Store) -> None:
    frame = pl.DataFrame(
        {"id": ["a", "b"], "t": [T0] * 2, "v": ["1"] * 2, "x": [float("nan"), None], "l": [["p"], None]}
    )
    store.append("m", "events", frame)
    store.apply("m")
    store.append("m", "events", frame)
    done = store.apply("m")
    assert done.counts["events repeated"] == 2


def test_feedback_is_many_for_an_id_and_each_row_counts_once(store: Store) -> None:
    store.append("m", "feedback", pl.DataFrame({"id": ["a", "a", "a"], "clicks": [1, 1, 2]}))
    log(store, ("a", 0, "1"))
    store.append("m", "feedback", pl.DataFrame({"id": ["a", "a"], "clicks": [2, 3], "thumb": ["up", "up"]}))
    store.append("m", "feedback", pl.DataFrame({"id": ["a"], "clicks": [1]}))
    store.apply("m")
    found = store.feedback("m").collect()
    assert found.sort("clicks", "thumb").select("clicks", "thumb").rows() == [
        (1, None),
        (2, None),
        (2, "up"),
        (3, "up"),
    ]
    assert found["_date"].unique().to_list() == [T0.date()]


def test_integer_and_text_ids_are_one(store: Store) -> None:
    store.append("m", "events", pl.DataFrame({"id": [17], "t": [T0], "v": [1]}))
    store.append("m", "labels", pl.DataFrame({"id": [17.0, None], "y": [1, 0]}))
    done = store.apply("m")
    assert labels(store) == [("17", 0, "1", 1)]
    assert done.taken["quarantine"] == 1
    assert store.counters("m") == {"set aside": 1}


def test_when_a_label_came_is_kept(store: Store) -> None:
    log(store, ("a", 0, "1"))
    for hours, y in ((1, 0), (30, 1)):
        store.append("m", "labels", pl.DataFrame({"id": ["a"], "y": [y]}), at=T0 + timedelta(hours=hours))
    store.apply("m")
    assert store.labelled("m").collect()["_label_at"].to_list() == [T0 + timedelta(hours=30)]
    assert store.label_history("m").collect()["_at"].to_list() == [T0 + timedelta(hours=h) for h in (1, 30)]


# Events that say no time


@pytest.fixture
def timeless(tmp_path: Path) -> Iterator[Store]:
    """A store with a model whose events have an id and no time."""
    store = Store.open(tmp_path / "store")
    store.add_model("m", Layout(id="id", label="y"))
    yield store
    store.close()


def test_an_id_without_a_time_is_one_event_on_any_day(timeless: Store) -> None:
    """The same rows again: a second, a day and a year later, and after upkeep has merged the files."""
    frame = pl.DataFrame({"id": [str(n) for n in range(20)], "x": [float(n) for n in range(20)]})
    for at in (T0, T0 + timedelta(seconds=1), T0 + DAY, T0 + 365 * DAY):
        for part in frame.iter_slices(2):  # as a service's batches, each a file of its own
            timeless.append("m", "events", part, at=at)
            timeless.apply("m")
        list(timeless.upkeep(T0))
    assert timeless.labelled("m").collect().height == 20
    assert len(timeless.quarantine("m")) == 0
    timeless.append("m", "events", frame.with_columns(x=pl.lit(-1.0)).head(3), at=T0 + 400 * DAY)
    assert timeless.apply("m").counts["events differing"] == 3


def test_a_row_that_comes_again_with_its_label_labels_the_event_that_is_there(timeless: Store) -> None:
    for days, rows in ((0, {"id": ["a", "b"]}), (3, {"id": ["a"], "y": [1]}), (9, {"id": ["b", "b"], "y": [0, 1]})):
        timeless.append("m", "events", pl.DataFrame(rows), at=T0 + days * DAY)
        timeless.apply("m")
    events = timeless.labelled("m").collect().sort("id")
    assert events.select("id", "_time", "y").rows() == [("a", T0, 1), ("b", T0, 1)]
    assert [(w.events, w.labelled) for w in timeless.windows("m")] == [(2, 2)]
