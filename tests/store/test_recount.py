"""What the commit cycle adds up, bit by bit, is what a count of the whole lake gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from retrue.core.grids import Grids, fit_outcome, learn_column
from retrue.core.profile import Profile
from retrue.core.reference import Reference
from retrue.errors import SliceError
from retrue.schema import Schema
from retrue.slices import Slice
from retrue.store.commit import ODD
from retrue.store.layout import Layout
from retrue.store.rows import Point
from retrue.store.store import Store

T0 = datetime(2013, 3, 8, tzinfo=UTC)
ZONE = "America/New_York"
SLICES = [
    Slice.parse("c = 'a'", "only a"),
    Slice.parse("c = 'b' AND x > 0", "b above"),
    Slice.parse("y = 1", "positives"),
    Slice.parse("s >= 0.5 AND y = 0", "false alarms"),
]


def rows(chance: random.Random, n: int, *, first: int = 0) -> pl.DataFrame:
    """Events with ids from `first`, over six days around a change of clocks."""
    return pl.DataFrame(
        {
            "id": [f"e{first + i}" for i in range(n)],
            "t": [T0 + timedelta(minutes=chance.randrange(6 * 24 * 60)) for _ in range(n)],
            "x": [chance.choice([None, chance.gauss(0, 1), float("nan"), 1e6]) for _ in range(n)],
            "c": [chance.choice(["a", "b", "new", None]) for _ in range(n)],
            "s": [chance.random() for _ in range(n)],
            "v": [chance.choice(["1", "2"]) for _ in range(n)],
        }
    )


def reference(task: str) -> Reference:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(300)],
            "t": [T0 + timedelta(minutes=i) for i in range(300)],
            "x": rng.normal(size=300),
            "c": rng.choice(["a", "b"], 300),
            "s": rng.random(300),
            "v": ["1"] * 300,
            "y": rng.integers(0, 2, 300) if task == "binary" else rng.normal(size=300),
        }
    )
    roles: dict[str, Any] = {"score": "s"} if task == "binary" else {"prediction": "s"}
    schema = Schema.infer(frame, id="id", time="t", version="v", label="y", timezone=ZONE, task=task, **roles)
    fitted = [one for column in schema.profiled for one in learn_column(column, frame[column.name]).items()]
    columns = {source.name: profile.grid for source, profile in fitted}
    grids = Grids(columns, {source.name: source for source, _ in fitted}, fit_outcome(schema, frame))
    return Reference(schema, grids, grids.count(frame))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "store")
    yield store
    store.close()


def register(store: Store, task: str = "binary", window: int = 86_400) -> Reference:
    held = reference(task)
    store.add_model("m", Layout.of(held.schema, window), schema=held.schema.to_json())
    return held


def profiles(store: Store) -> dict[tuple[str, int, str], Profile]:
    return {(p.version, p.start, p.slice): p.profile for p in store.profiles("m")}


def books_of(store: Store) -> list[tuple[object, ...]]:
    """What the books say of each window, and how many labels of it don't count."""
    with store.catalog.read() as tx:
        odd = {(p.version, p.start): p.rows for p in tx.find(Point, model="m", metric=ODD) if p.rows}
    return [(w.version, w.start, w.events, w.labelled, odd.get((w.version, w.start))) for w in store.windows("m")]


def straighten(store: Store) -> int:
    """Recount the windows whose sums corrected labels have bent; gives how many there were."""
    bent = sorted({w.start for w in store.windows("m") if w.bent})
    for start in bent:
        store.recount("m", start, start + 1)
    return len(bent)


def assert_recount_agrees(store: Store) -> None:
    straighten(store)
    added, books = profiles(store), books_of(store)
    for version, start, *_, labelled, _odd in books:
        outcome = added[str(version), int(str(start)), ""].outcome
        assert outcome is None or outcome.labelled == labelled
    store.recount("m")
    counted = profiles(store)
    assert added.keys() == counted.keys()
    assert [key for key in added if not added[key].agrees(counted[key])] == []
    assert books == books_of(store)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("task", "window"), [("binary", 86_400), ("regression", 21_600)])
def test_increments_add_up_to_a_recount(store: Store, seed: int, task: str, window: int) -> None:
    chance = random.Random(seed)
    held = register(store, task, window)
    store.set_reference("m", "1", held)
    store.set_slices("m", SLICES if task == "binary" else SLICES[:2])
    for step in range(14):
        events = rows(chance, 12, first=chance.randrange(40))
        ids = [f"e{chance.randrange(60)}" for _ in range(8)]
        known = [float(chance.randrange(3)) for _ in ids]  # 2 is neither class
        kind = chance.random()
        if kind < 0.5:
            store.append("m", "events", events, key=str(step))
        else:
            store.append("m", "labels", pl.DataFrame({"id": ids, "y": known}))
        if chance.random() < 0.7:
            store.apply("m")
    store.apply("m")
    assert_recount_agrees(store)


def test_a_slice_that_reads_the_label_gains_and_loses_events(store: Store) -> None:
    store.set_reference("m", "1", register(store))
    store.set_slices("m", SLICES)
    store.append("m", "events", rows(random.Random(1), 30))
    store.apply("m")
    assert not [key for key in profiles(store) if key[2] == "positives"]
    for label, expected in ((1, 30), (0, 0)):
        store.append("m", "labels", pl.DataFrame({"id": [f"e{i}" for i in range(30)], "y": [label] * 30}))
        store.apply("m")
        found = sum(p.rows for key, p in profiles(store).items() if key[2] == "positives")
        assert found == expected
    assert_recount_agrees(store)


def test_a_label_rewrites_nothing_but_what_it_changes(store: Store) -> None:
    from retrue.store import rows as catalog_rows

    store.set_reference("m", "1", register(store))
    store.append("m", "events", rows(random.Random(1), 200))
    first = store.apply("m")
    event = store.labelled("m").collect().row(0, named=True)
    store.append("m", "labels", pl.DataFrame({"id": [event["id"]], "y": [1]}))
    done = store.apply("m")
    with store.catalog.read() as tx:
        changed = [p for p in tx.find(catalog_rows.ProfileRow, model="m") if p.applied == done.segment]
    assert len(first.windows) > 5
    assert [(p.version, p.start, p.part) for p in changed] == [(*next(iter(done.windows)), "labels")]


def test_events_before_any_reference_wait_in_the_lake(store: Store) -> None:
    held = register(store)
    store.append("m", "events", rows(random.Random(2), 50))
    store.apply("m")
    assert store.profiles("m") == ()
    assert sum(w.events for w in store.windows("m")) == 50
    assert store.set_reference("m", "1", held) > 0
    assert sum(p.rows for (_, _, name), p in profiles(store).items() if name == "") == 50
    assert_recount_agrees(store)


def test_a_new_slice_is_counted_from_the_lake_and_a_dropped_one_goes(store: Store) -> None:
    store.set_reference("m", "1", register(store))
    store.append("m", "events", rows(random.Random(3), 50))
    store.apply("m")
    store.set_slices("m", SLICES[:1])
    frame = store.labelled("m").collect()
    found = sum(p.rows for (_, _, name), p in profiles(store).items() if name == "only a")
    assert found == frame.filter(pl.col("c") == "a").height
    store.set_slices("m", SLICES[1:2])
    assert {name for _, _, name in profiles(store)} == {"", "b above"}


def test_a_slice_is_checked_when_it_is_set_and_not_when_events_come(store: Store) -> None:
    """A slice that failed inside a commit cycle would stop every later batch."""
    store.set_reference("m", "1", register(store))
    for text, message in (("carrier = 'AA'", "unknown column 'carrier'"), ("x = 'a'", "compared with 'a'")):
        with pytest.raises(SliceError, match=message):
            store.set_slices("m", [Slice.parse(text)])
    store.set_slices("m", SLICES)
    store.append("m", "events", rows(random.Random(1), 9).drop("c", "x"))
    assert store.apply("m").taken["events"] == 9
    assert_recount_agrees(store)


def test_a_reference_on_the_same_grids_recounts_nothing(store: Store) -> None:
    held = register(store)
    store.set_reference("m", "1", held)
    store.append("m", "events", rows(random.Random(3), 50))
    store.apply("m")
    assert store.set_reference("m", "2", held) == 0
    again = store.reference("m", "2")
    assert again is not None
    assert again.profile.agrees(held.profile)


def test_a_recount_of_some_windows_leaves_the_others_alone(store: Store) -> None:
    from retrue.store import rows as catalog_rows

    store.set_reference("m", "1", register(store))
    store.append("m", "events", rows(random.Random(4), 100))
    store.apply("m")
    starts = sorted({w.start for w in store.windows("m")})
    with store.catalog.write() as tx:
        tx.remove(catalog_rows.ProfileRow, model="m")
    store.recount("m", starts[1], starts[3])
    assert sorted({p.start for p in store.profiles("m")}) == starts[1:3]
    store.recount("m")
    assert_recount_agrees(store)


def test_a_straightened_week_has_all_its_days(store: Store) -> None:
    store.set_reference("m", "1", register(store, "regression", 7 * 86_400))
    store.append("m", "events", rows(random.Random(6), 60))
    for y in (5.0, 0.5):
        store.append("m", "labels", pl.DataFrame({"id": [f"e{i}" for i in range(60)], "y": [y] * 60}))
        store.apply("m")
    before = {key: p.rows for key, p in profiles(store).items()}
    assert straighten(store) == 2
    assert before == {key: p.rows for key, p in profiles(store).items()}
    assert_recount_agrees(store)


def test_windows_are_days_of_the_models_time_zone(store: Store) -> None:
    """New York changes its clocks on 10 March 2013: that day has 23 hours."""
    store.set_reference("m", "1", register(store))
    times = [
        datetime(2013, 3, 10, 4, 59, tzinfo=UTC),
        datetime(2013, 3, 10, 5, tzinfo=UTC),
        datetime(2013, 3, 11, 4, tzinfo=UTC),
    ]
    events = rows(random.Random(5), 3).with_columns(t=pl.Series(times), v=pl.lit("1"))
    store.append("m", "events", events)
    store.apply("m")
    starts = [datetime.fromtimestamp(w.start, UTC) for w in store.windows("m")]
    assert starts == [
        datetime(2013, 3, 9, 5, tzinfo=UTC),
        datetime(2013, 3, 10, 5, tzinfo=UTC),
        datetime(2013, 3, 11, 4, tzinfo=UTC),
    ]


def test_a_corrected_label_bends_a_window_until_it_is_straightened(store: Store) -> None:
    store.set_reference("m", "1", register(store, "regression"))
    store.append("m", "events", rows(random.Random(6), 20))
    store.append("m", "labels", pl.DataFrame({"id": ["e1"], "y": [1e9]}))
    store.apply("m")
    store.append("m", "labels", pl.DataFrame({"id": ["e1"], "y": [0.5]}))
    store.apply("m")
    assert sum(w.bent for w in store.windows("m")) == 1
    assert straighten(store) == 1
    assert sum(w.bent for w in store.windows("m")) == 0
    assert max(p.columns["y"].moments.max for p in profiles(store).values() if p.columns["y"].n) == 0.5
