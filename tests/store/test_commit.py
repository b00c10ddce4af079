"""The commit cycle survives a crash at any step: every acknowledged row once, profiles equal to a recount."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import polars as pl
import pytest

from retrue.core.hashing import hash64, numbers
from retrue.store.catalog import Transaction
from retrue.store.counting import COLUMNS, LABELS, Cell
from retrue.store.keeping import Keep
from retrue.store.layout import Layout
from retrue.store.store import Store

START, NOW = datetime(2013, 3, 1, tzinfo=UTC), datetime(2013, 4, 1, tzinfo=UTC)
IDS = 60
STEPS = (
    "spool: before commit", "spool: after commit", "cycle: begun", "cycle: stamped", "lake: table made",
    "lake: files written", "lake: committed", "lake: columns added", "cycle: events written", "cycle: labels written",
    "cycle: feedback written", "cycle: quarantine written", "cycle: before applied", "cycle: counted",
    "cycle: forgotten", "rewrite: files written", "rewrite: committed",
)  # fmt: skip


class Crash(BaseException):
    """The process dies here."""


@dataclass(frozen=True)
class Tally:
    """An exact state: rows, a sum of integers, labels by value."""

    rows: int
    total: int
    labels: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.rows + other.rows, self.total + other.total, self.labels + other.labels)

    def subtract(self, other: Tally) -> Tally:
        labels = Counter(self.labels)
        labels.subtract(other.labels)
        assert min(labels.values(), default=0) >= 0, "a label was taken away that was never added"
        return Tally(self.rows - other.rows, self.total - other.total, +labels)


class TallyCounting:
    """Counts rows, the sum of `x` and the labels by window."""

    digest = "tally"
    reads = frozenset({"x"})
    joins = frozenset[str]()
    outcome = None

    def count(self, frame: pl.DataFrame, starts: pl.Series, *, moved: bool) -> Mapping[Cell, Tally]:
        cells: dict[Cell, Tally] = {}
        xs = [0] * len(frame) if moved else frame["x"]
        for start, x, label in zip(starts, xs, frame["y"], strict=True):
            known = (start, "", LABELS)
            one = Tally(1, 0, Counter([str(label)]))
            cells[known] = cells[known] + one if known in cells else one
            if not moved:
                columns, one = (start, "", COLUMNS), Tally(1, int(x or 0))
                cells[columns] = cells[columns] + one if columns in cells else one
        return cells

    def rows(self, state: Tally) -> int:
        return state.rows

    def dump(self, state: Tally) -> bytes:
        return repr((state.rows, state.total, sorted(state.labels.items()))).encode()

    def load(self, data: bytes, cell: Cell) -> Tally:
        rows, total, labels = eval(data, {}, {})  # noqa: S307 - what `dump` wrote
        return Tally(rows, total, Counter(dict(labels)))


TALLY = TallyCounting()


def tallied(_tx: Transaction, _model: str, _types: object) -> TallyCounting:
    return TALLY


@dataclass
class Client:
    """Sends batches with keys, again and again until they are acknowledged, and remembers what it sent.

    Batches arrive on one day after another. Unless `timed`, events say no time: an id is one event on any day.
    """

    seed: int
    folder: Path
    wander: bool = False
    timed: bool = True
    crashes: int = 0
    keep: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.armed: str | None = None
        self.events: dict[tuple[str, str, datetime | None], tuple[int, str]] = {}
        self.labels: dict[str, int] = {}
        self.feedback: set[tuple[str, int]] = set()
        self.differing = 0
        self.sent = 0
        self.store = self.open()
        if not self.store.models():
            time = "t" if self.timed else None
            self.store.add_model("m", Layout(id="id", time=time, version="v", label="y", keep=self.keep))

    def open(self) -> Store:
        return Store.open(self.folder, counting=tallied, fault=self.fault)

    def fault(self, step: str) -> None:
        assert step in STEPS, f"{step!r} is not in the list of steps"
        if self.random.random() < 0.12:
            self.crashes += 1
            raise Crash(step)

    def survive(self, action: str, *args: object, **options: object) -> None:
        """Do something in a process that may die, in the next one again, until it is done."""
        while True:
            try:
                getattr(self.store, action)(*args, **options)
            except Crash:
                self.store = self.open()
            else:
                return

    def step(self) -> None:
        choice = self.random.random()
        if choice < 0.4:
            self.send_events()
        elif choice < 0.65:
            self.send_labels()
        elif choice < 0.75:
            self.send_feedback()
        else:
            self.survive("apply", "m")

    def send(self, kind: str, rows: list[dict[str, object]]) -> None:
        self.sent += 1
        frame = pl.DataFrame(rows) if self.timed else pl.DataFrame(rows).drop("t", strict=False)
        came = NOW + timedelta(hours=7 * self.sent)
        self.survive("append", "m", kind, frame, key=f"{self.seed}-{self.sent}", at=came)

    def send_events(self) -> None:
        rows: list[dict[str, object]] = []
        for _ in range(self.random.randint(1, 6)):
            number, version = self.random.randrange(IDS), self.random.choice("ab")
            x = number if self.random.random() < 0.8 else number + 1
            rows.append({"id": number, "t": self.time(number), "v": version, "x": x})
            if self.random.random() < 0.05:
                rows[-1]["z"] = 1.0
            when = cast("datetime", rows[-1]["t"]) if self.timed else None
            key, value = (str(number), version, when), (x, str(rows[-1].get("z")))
            if key in self.events and self.events[key] != value:
                self.differing += 1
            self.events.setdefault(key, value)
        keys = {name for row in rows for name in row}
        self.send("events", [{name: row.get(name) for name in sorted(keys)} for row in rows])

    def time(self, number: int) -> datetime:
        """An id has one time, or one of three on different dates where ids wander."""
        days = self.random.randrange(3) if self.wander else 0
        return START + timedelta(hours=5 * number, days=days)

    def send_labels(self) -> None:
        rows: list[dict[str, object]] = []
        for _ in range(self.random.randint(1, 6)):
            number, label = self.random.randrange(IDS), self.random.randrange(3)
            rows.append({"id": str(number), "y": label})
            self.labels[str(number)] = label
        self.send("labels", rows)

    def send_feedback(self) -> None:
        number, clicks = self.random.randrange(IDS), self.random.randrange(3)
        self.feedback.add((str(number), clicks))
        self.send("feedback", [{"id": number, "clicks": clicks}, {"id": number, "clicks": clicks}])


def check(client: Client) -> None:
    """Compare the lake with what was sent, and the profiles with a recount."""
    store = client.store
    rows = store.labelled("m").collect() if not client.keep else checked_sample(client)
    rows = rows if client.timed else rows.with_columns(t=pl.lit(None))
    lake = {(i, v, t): (x, str(z)) for i, v, t, x, z in rows.select("id", "v", "t", "x", zed(rows)).rows()}
    assert len(rows) == len(lake), "an event is in the lake twice"
    assert lake == client.events
    known = {i for i, *_ in client.events}
    joined = {(i, y) for i, y in rows.select("id", "y").rows() if y is not None}
    assert client.wander or joined == {(i, y) for i, y in client.labels.items() if i in known}
    history = store.label_history("m").collect()
    waiting = set(history.filter(pl.col("_date").is_null())["id"]) if len(history) else set()
    assert waiting == client.labels.keys() - known
    assert set(store.feedback("m").collect().select("id", "clicks").rows()) == client.feedback
    assert client.wander or len(store.feedback("m").collect()) == len(client.feedback)
    assert len(store.quarantine("m")) == client.differing
    assert store.pending("m") == 0
    assert_recount_agrees(store)


def checked_sample(client: Client) -> pl.DataFrame:
    """Every event with what it says; what the lake left out of most is taken from what was sent, once it is checked."""
    store, keep = client.store, Keep.of(client.keep)
    every, kept = (store.labelled("m", sample=which).collect() for which in ("all", "kept"))
    assert "x" not in every.columns
    key = ["id", "v", "t"] if client.timed else ["id", "v"]
    sent = pl.DataFrame(
        [(*said[: len(key)], x, None if z == "None" else float(z)) for said, (x, z) in client.events.items()],
        schema={**{name: every.schema[name] for name in key}, "x": pl.Int64, "z": pl.Float64}, orient="row",
    )  # fmt: skip
    number = numbers(hash64(sent["id"]))
    edge = sent["x"].to_numpy() >= 50
    whole = sent.filter(pl.Series((number < keep.share) | edge)).sort(key)
    assert kept.select(*key, "x", zed(kept)).sort(key).equals(whole), "the sample follows from the ids alone"
    assert kept.filter(pl.col("x") < 50)["_probability"].unique().to_list() == [keep.share]
    assert kept.filter(pl.col("x") >= 50)["_probability"].unique().to_list() == [1.0]
    even = store.labelled("m").collect()
    assert even.select(key).sort(key).equals(sent.filter(pl.Series(number < keep.share)).select(key).sort(key))
    joined = every.join(sent, on=key, how="inner")
    total = sum(one.total for one in cells(store).values())  # those of labels have none
    assert total == sent["x"].sum(), "the profiles count what isn't kept"
    return joined


def zed(rows: pl.DataFrame) -> pl.Expr:
    return pl.col("z") if "z" in rows.columns else pl.lit(None).alias("z")


def assert_recount_agrees(store: Store) -> None:
    profiles, windows = cells(store), books(store)
    assert profiles, "nothing was counted"
    store.recount("m")
    assert profiles == cells(store)
    assert windows == books(store)


def cells(store: Store) -> dict[object, Tally]:
    from retrue.store import rows

    with store.catalog.read() as tx:
        found = tx.find(rows.ProfileRow, model="m")
    return {(p.version, p.start, p.part): TALLY.load(p.data, (p.start, p.slice, p.part)) for p in found}


def books(store: Store) -> list[tuple[object, ...]]:
    return [(w.version, w.start, w.events, w.labelled) for w in store.windows("m")]


@pytest.fixture
def fast_folder() -> Iterator[Path]:
    """A folder in memory where there is one: what is tested here is order, not the disk."""
    memory = Path("/dev/shm")  # noqa: S108
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


def run(folder: Path, seed: int, steps: int, keep: Mapping[str, object] | None = None, *, timed: bool = True) -> int:
    client = Client(seed, folder, wander=seed % 3 == 2 or not timed, timed=timed, keep=keep or {})
    for _ in range(steps):
        client.step()
    client.survive("apply", "m")
    check(client)
    return client.crashes


@pytest.mark.parametrize("seed", range(3))
def test_crashes_at_any_step_lose_nothing_and_count_nothing_twice(fast_folder: Path, seed: int) -> None:
    assert run(fast_folder, seed, 60) > 10


@pytest.mark.parametrize("keep", [None, {"share": 0.3, "always": ["x >= 50"]}], ids=["whole", "sample"])
def test_crashes_count_no_id_twice_where_events_say_no_time(fast_folder: Path, keep: Mapping[str, object]) -> None:
    """What comes again on another day is known by its id alone, and differs only in what it says."""
    assert run(fast_folder, 4, 60, keep, timed=False) > 10


@pytest.mark.parametrize("seed", [0, 2])
def test_crashes_leave_the_same_sample_and_the_same_profiles(fast_folder: Path, seed: int) -> None:
    """Repeats, differing ones and late labels of rows that aren't kept whole are told as if they were."""
    assert run(fast_folder, seed, 30, {"share": 0.3, "always": ["x >= 50"]}) > 5


@pytest.mark.slow
def test_hundreds_of_crashes_leave_the_same_sample(fast_folder: Path) -> None:
    assert run(fast_folder, 200, 80, {"share": 0.3, "always": ["x >= 50"]}) > 20


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "steps"), [(100, 75), (101, 150), (102, 75)])
def test_hundreds_of_crashes_lose_nothing_and_count_nothing_twice(fast_folder: Path, seed: int, steps: int) -> None:
    """In a long life where ids wander, and in two that are half as long, for each step costs more than the last."""
    assert run(fast_folder, seed, steps) > steps / 3
