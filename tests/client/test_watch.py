"""Watching a function: what it logs, and that its caller notices nothing."""

from __future__ import annotations

import asyncio
import inspect
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]
import polars as pl
import pytest
from tests.client.conftest import in_a_loop, logged, make

import retrue as rt
from retrue.client.calls import Signature
from retrue.client.overflow import Overflow
from retrue.client.sender import Sender
from retrue.client.target import StoreTarget
from retrue.client.watch import Watch, watched

MAKER = Callable[..., Any]


@pytest.fixture
def watching(folder: Path, tmp_path: Path) -> Iterator[MAKER]:
    """Watch functions into the store; what they have is sent and their threads end after the test."""
    made: list[Watch] = []

    def watch(function: Any = None, **options: Any) -> Any:
        usual = {"to": folder, "model": "flights", "overflow": tmp_path / "over", "signals": None}
        found = rt.watch(function, **{**usual, **options})
        made.append(found.watch)
        return found

    yield watch
    for one in made:
        one.close()


def test_a_dict_and_a_number_become_an_event_with_id_time_and_score(watching: MAKER, folder: Path) -> None:
    predict = watching(lambda features: 0.25)
    assert predict({"x": 1.5, "city": "JFK"}) == 0.25
    assert predict.watch.flush(20)
    event = logged(folder, predict.watch.id).to_dicts()[0]
    assert (event["x"], event["city"], event["p"]) == (1.5, "JFK", 0.25)
    assert event["at"] is not None


def test_inputs_with_the_models_id_keep_it(watching: MAKER, folder: Path) -> None:
    predict = watching(lambda features: 0.25)
    predict({"id": "own-1", "x": 1.0, "city": "LGA"})
    assert predict.watch.flush(20)
    assert logged(folder, "own-1").height == 1


def test_a_label_finds_its_event_by_the_id_of_the_last_call(watching: MAKER, folder: Path) -> None:
    predict = watching(lambda features: 0.9)
    predict({"x": 2.0, "city": "JFK"})
    called = predict.watch.id
    assert predict.watch.flush(20)
    with rt.open(folder) as store:
        store.model("flights").label({"id": called, "y": 1})
    assert logged(folder, called)["y"].to_list() == [1]


def test_ids_are_those_of_the_thread_or_task_that_called(watching: MAKER) -> None:
    predict, seen = watching(lambda features: 0.5), dict[int, tuple[str, str]]()
    barrier = threading.Barrier(4)

    def call(number: int) -> None:
        with predict.watch.named(f"thread-{number}"):
            predict({"x": float(number), "city": "JFK"})
        barrier.wait(10)
        seen[number] = (predict.watch.id, f"thread-{number}")

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(got == wanted for got, wanted in seen.values())
    assert len(seen) == 4


FRAMES = [
    pl.DataFrame({"x": [1.0, 2.0], "city": ["JFK", "LGA"]}),
    pd.DataFrame({"x": [1.0, 2.0], "city": ["JFK", "LGA"]}),
    [{"x": 1.0, "city": "JFK"}, {"x": 2.0, "city": "LGA"}],
    {"x": [1.0, 2.0], "city": ["JFK", "LGA"]},
]
OUTPUTS = [
    np.array([0.1, 0.2]),
    [0.1, 0.2],
    np.array([[0.9, 0.1], [0.8, 0.2]]),
    pl.DataFrame({"p": [0.1, 0.2]}),
    [{"p": 0.1}, {"p": 0.2}],
]


@pytest.mark.parametrize("given", FRAMES, ids=["polars", "pandas", "rows", "columns"])
@pytest.mark.parametrize("output", OUTPUTS, ids=["array", "list", "probabilities", "frame", "dicts"])
def test_many_rows_make_many_events(watching: MAKER, folder: Path, given: Any, output: Any) -> None:
    predict = watching(lambda rows: output)
    predict(given)
    assert predict.watch.flush(20)
    found = logged(folder, f"{predict.watch.id}/")
    assert found.select("x", "city", "p").rows() == [(1.0, "JFK", 0.1), (2.0, "LGA", 0.2)]


def test_an_array_has_the_columns_that_are_named(watching: MAKER, folder: Path) -> None:
    predict = watching(lambda array: array[:, 0] / 10, columns=["x", "city"])
    predict(np.array([[1.0, 0.0], [3.0, 0.0]]))
    assert predict.watch.flush(20)
    assert logged(folder, predict.watch.id)["p"].to_list() == [0.1, 0.3]


def test_plain_arguments_are_columns_by_their_names(watching: MAKER, folder: Path) -> None:
    def predict(x: float, city: str = "JFK") -> dict[str, float]:
        return {"p": x / 2}

    watched = watching(predict)
    watched(1.0, city="LGA")
    assert watched.watch.flush(20)
    assert logged(folder, watched.watch.id).select("x", "city", "p").rows() == [(1.0, "LGA", 0.5)]


def test_a_function_of_ones_own_says_what_the_rows_are(watching: MAKER, folder: Path) -> None:
    predict = watching(lambda text: f"{text}!", row=lambda text, output: {"x": len(text), "city": "JFK", "p": 0.5})
    predict("abc")
    assert predict.watch.flush(20)
    assert logged(folder, predict.watch.id)["x"].to_list() == [3.0]


def test_what_a_function_changes_of_its_inputs_is_logged_as_it_was(watching: MAKER, folder: Path) -> None:
    def predict(features: dict[str, Any]) -> float:
        features.clear()
        return 0.5

    watched = watching(predict)
    watched({"x": 4.0, "city": "JFK"})
    assert watched.watch.flush(20)
    assert logged(folder, watched.watch.id)["x"].to_list() == [4.0]


def test_an_error_is_raised_as_it_was_and_counted(watching: MAKER) -> None:
    def predict(features: Any) -> float:
        raise KeyError("x")

    watched = watching(predict)
    with pytest.raises(KeyError):
        watched({})
    assert watched.watch.flush(20)
    assert (watched.watch.stats().calls, watched.watch.stats().errors, watched.watch.stats().sent) == (1, 1, 0)


def test_what_cannot_be_read_is_counted_and_costs_no_other_event(watching: MAKER) -> None:
    predict = watching(lambda features: features.get("out", 0.5))
    predict({"x": 1.0, "out": [1, 2, 3]})
    predict({"x": 1.0, "city": "JFK"})
    assert predict.watch.flush(20)
    stats = predict.watch.stats()
    assert stats.unread + stats.sent == 2
    assert stats.sent >= 1


class Learner:
    """A model with a method."""

    @rt.watch(model="flights", to="unused-until-called", signals=None)
    def predict(self, features: dict[str, float]) -> float:
        """Predict."""
        return 0.5


def test_a_method_stays_a_method_and_keeps_its_name() -> None:
    learner: Any = Learner()
    assert learner.predict({"x": 1.0}) == 0.5
    assert learner.predict.__name__ == "predict"
    assert Learner.predict.watch.sender.signature.method
    Learner.predict.watch.sender.closed = True


async def tenth(x: float) -> float:
    """Stand in for a prediction that waits."""
    await asyncio.sleep(0)
    return x / 10


def test_an_async_function_stays_one(watching: MAKER, folder: Path) -> None:
    predict = watching(tenth)
    assert inspect.iscoroutinefunction(predict)

    async def main() -> list[str]:
        async def one(number: int) -> str:
            await predict(x=float(number))
            return str(predict.watch.id)

        return await asyncio.gather(*(one(number) for number in range(5)))

    ids = in_a_loop(main())
    assert predict.watch.flush(20)
    assert len(set(ids)) == 5
    assert sorted(logged(folder, *ids)["p"].to_list()) == [0.0, 0.1, 0.2, 0.3, 0.4]


def test_generators_are_logged_at_their_end(watching: MAKER) -> None:
    def said(features: Any) -> Iterator[str]:
        yield "on "
        yield "time"

    async def said_slowly(features: Any) -> AsyncIterator[str]:
        for part in said(features):
            yield part

    async def main(of: Any) -> list[str]:
        return [part async for part in of({"x": 1.0})]

    def row(_: Any, output: Any) -> dict[str, Any]:
        seen.append(output)
        return {"x": 1.0, "city": "JFK", "p": 0.1}

    seen: list[Any] = []
    plain, slow = watching(said, row=row), watching(said_slowly, row=row)
    assert list(plain({"x": 1.0})) == ["on ", "time"]
    assert in_a_loop(main(slow)) == ["on ", "time"]
    assert plain.watch.flush(20)
    assert slow.watch.flush(20)
    assert seen == ["on time", "on time"]


def test_latency_goes_to_its_column_in_the_unit_of_its_name() -> None:
    from retrue.client.calls import LATENCY, Call, Signature, rows_of, to_frame
    from retrue.client.naming import Naming

    call = Call("a", 1_700_000_000_000_000_000, 250_000_000, ({"x": 1.0},), {}, 0.5)
    rows = rows_of(call, Signature())
    assert isinstance(rows, list)
    frame = to_frame(rows)
    assert LATENCY in frame.columns
    in_ms = Naming(id="id", latency="took_ms", scores=("p",)).named(frame)
    assert in_ms["took_ms"].to_list() == [250.0]
    assert Naming(id="id", latency="took").named(frame)["took"].to_list() == [0.25]
    assert set(Naming(id="id").named(frame).columns) == {"x", "id"}


def test_it_needs_to_know_where_calls_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETRUE_URL", raising=False)
    monkeypatch.delenv("RETRUE_STORE", raising=False)
    with pytest.raises(rt.ConfigError, match="where do calls go"):
        rt.watch(lambda x: x, model="flights")


def test_without_a_store_events_wait_on_disk_and_are_sent_once_later(tmp_path: Path) -> None:
    """The store is made after the calls; another process's sender takes what the first left."""
    store, over = tmp_path / "store", tmp_path / "over"
    first = rt.watch(lambda features: 0.5, to=store, model="flights", overflow=over, signals=None)
    for number in range(3):
        first({"id": f"late-{number}", "x": 1.0, "city": "JFK"})
    first.watch.close(0.3)
    assert first.watch.stats().on_disk == 3
    make(store)
    second = rt.watch(lambda features: 0.5, to=store, model="flights", overflow=over, signals=None)
    second({"id": "late-3", "x": 1.0, "city": "JFK"})
    assert second.watch.flush(20)
    second.watch.close()
    assert logged(store)["id"].to_list() == ["late-0", "late-1", "late-2", "late-3"]
    assert second.watch.stats().on_disk == 0


def test_a_damaged_file_keeps_nothing_behind_it_waiting(folder: Path, tmp_path: Path) -> None:
    """A power cut may leave a file empty; it is the oldest, so all others would wait for ever, and then be lost."""
    over = tmp_path / "over"
    over.mkdir()
    (over / "00000000000000000001-1-0.events.7.key.arrow").write_bytes(b"")
    watched = rt.watch(lambda features: 0.5, to=folder, model="flights", overflow=over, signals=None)
    watched({"id": "behind", "x": 1.0, "city": "JFK"})
    assert watched.watch.flush(20)
    watched.watch.close()
    assert logged(folder, "behind").height == 1
    assert (watched.watch.stats().refused, watched.watch.stats().on_disk) == (7, 0)


def test_a_full_overflow_drops_and_counts(tmp_path: Path) -> None:
    nowhere = tmp_path / "no-store"
    watched = rt.watch(
        lambda features: 0.5, to=nowhere, model="flights", overflow=tmp_path / "over", overflow_bytes=10, signals=None
    )
    watched({"x": 1.0})
    watched.watch.close(0.3)
    assert watched.watch.stats().dropped == 1


class Slow:
    """A store that doesn't answer in time."""

    def __init__(self, folder: Path) -> None:
        self.target, self.asked, self.answer = StoreTarget(folder, "flights"), Event(), Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)

    def events(self, frame: pl.DataFrame, key: str, version: str | None) -> int:
        self.asked.set()
        self.answer.wait(30)
        raise OSError("nobody waits any more")


def test_what_is_on_its_way_when_the_process_ends_is_on_disk(folder: Path, tmp_path: Path, watching: MAKER) -> None:
    """Nobody waits for the answer any more, and nothing is lost, nor taken twice."""
    slow = Slow(folder)
    sender = Sender(slow, Signature(("features",)), Overflow(tmp_path / "over"))
    predict = watched(lambda features: 0.5, Watch(sender))
    predict({"id": "late-0", "x": 1.0, "city": "JFK"})
    assert slow.asked.wait(30)
    predict.watch.close(0.1)
    assert Overflow(tmp_path / "over").rows() == 1
    slow.answer.set()
    again = watching(lambda features: 0.5)
    assert again.watch.flush(20)
    assert logged(folder, "late-").height == 1


ENDS = """
import sys
import retrue as rt
predict = rt.watch(lambda features: 0.5, to=sys.argv[1], model="flights", overflow=sys.argv[2], signals=None)
for number in range(20):
    predict({"id": f"exit-{number}", "x": 1.0, "city": "JFK"})
"""


@pytest.mark.slow
def test_the_end_of_the_process_sends_what_waits_or_puts_it_on_disk(
    watching: MAKER, folder: Path, tmp_path: Path
) -> None:
    subprocess.run([sys.executable, "-c", ENDS, folder, tmp_path / "over"], check=True, timeout=60)
    predict = watching(lambda features: 0.5)
    assert predict.watch.flush(20)  # a busy machine may have had no time to send all
    assert logged(folder, "exit-").height == 20


def in_child(predict: Any, conn: Any) -> None:
    """Call in a forked process, where what is open must not be used again."""
    predict({"id": "child", "x": 1.0, "city": "JFK"})
    conn.send((predict.watch.id, predict.watch.sender.counts.so_far.calls))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Using fork:RuntimeWarning")
def test_a_fork_sends_its_own_calls_and_not_its_parents(watching: MAKER, folder: Path, tmp_path: Path) -> None:
    """The parent's calls are sent once; the child's wait on disk until a process that may open the store sends them."""
    predict = watching(lambda features: 0.5)
    predict({"id": "parent", "x": 1.0, "city": "JFK"})
    assert predict.watch.flush(20)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=in_child, args=(predict, there))
    child.start()
    own, _ = here.recv()
    child.join(20)
    assert child.exitcode == 0
    assert own != predict.watch.id
    assert predict.watch.flush(20)
    assert logged(folder, "parent", "child")["id"].to_list() == ["child", "parent"]
