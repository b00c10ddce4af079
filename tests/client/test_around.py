"""Watched generators behave as the bare ones, whatever their caller does to them; what is logged of them is bounded."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.conftest import in_a_loop

from retrue.client.around import LONGEST
from retrue.client.calls import Signature
from retrue.client.overflow import Overflow
from retrue.client.sender import Sender
from retrue.client.target import StoreTarget
from retrue.client.watch import Watch, watched

ERRORS = {"value": ValueError, "key": KeyError, "exit": GeneratorExit, "stop": StopIteration, "end": StopAsyncIteration}
CATCHES = st.sampled_from([(), (ValueError,), (KeyError, GeneratorExit), (BaseException,)])
STEPS = st.lists(st.tuples(st.integers(0, 9), CATCHES), max_size=4)
ENDS = st.one_of(st.integers(0, 9), st.sampled_from(["value", "stop", "exit"]))
DOES = st.lists(
    st.one_of(
        st.just(("next", None)),
        st.tuples(st.just("send"), st.integers(0, 9)),
        st.tuples(st.just("throw"), st.sampled_from(sorted(ERRORS))),
        st.just(("close", None)),
    ),
    max_size=7,
)


class Kept(Watch):
    """A watch that keeps what it records, and sends nothing."""

    def __init__(self) -> None:
        target = StoreTarget("nowhere", "nothing")
        super().__init__(Sender(target, Signature(("x",), False, (), None), Overflow(Path("nowhere"))))
        self.calls: list[tuple[Any, str | None]] = []

    def record(self, given: Any, output: Any, error: BaseException | None = None) -> None:
        """Keep it."""
        self.calls.append((output, None if error is None else type(error).__name__))


@dataclass
class Script:
    """What a generator does: yields a value at each step and takes what it catches there, then ends so."""

    steps: list[tuple[int, tuple[type[BaseException], ...]]]
    end: int | str
    log: list[Any] = field(default_factory=list)

    def over(self) -> Any:
        """Return, or raise."""
        self.log.append("over")
        if isinstance(self.end, str):
            raise ERRORS[self.end]
        return self.end

    def plain(self) -> Generator[int, Any, Any]:
        """Run as a generator."""
        for value, catches in self.steps:
            try:
                self.log.append((yield value))
            except catches as error:
                self.log.append(repr(error))
        return self.over()

    async def slow(self) -> AsyncGenerator[int, Any]:
        """Run as an asynchronous generator, which returns nothing."""
        for value, catches in self.steps:
            try:
                self.log.append((yield value))
            except catches as error:
                self.log.append(repr(error))
        self.over()


def told(act: Callable[[], Any]) -> Any:
    """What came of an act, an error included."""
    try:
        return act()
    except BaseException as error:  # noqa: BLE001 - any is an answer
        return type(error).__name__, error.args, getattr(error, "value", None)


def ended(close: Callable[[], Any]) -> list[Any]:
    """What came of closing a generator until it takes it: nothing of it is left to the garbage collector."""
    return [told(close) for _ in range(6)]


def driven(generator: Generator[Any, Any, Any], does: list[tuple[str, Any]]) -> list[Any]:
    """What a caller sees who does all of this to a generator."""
    acts: dict[str, Callable[[Any], Any]] = {
        "next": lambda _: next(generator),
        "send": generator.send,
        "throw": lambda name: generator.throw(ERRORS[name]("thrown")),
        "close": lambda _: generator.close(),
    }
    return [told(partial(acts[what], value)) for what, value in does]


def now(awaitable: Any) -> Any:
    """What an awaitable that waits for nobody gives."""
    try:
        awaitable.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def driven_slowly(generator: AsyncGenerator[Any, Any], does: list[tuple[str, Any]]) -> list[Any]:
    """The same of an asynchronous one."""
    acts: dict[str, Callable[[Any], Any]] = {
        "next": lambda _: now(generator.__anext__()),
        "send": lambda value: now(generator.asend(value)),
        "throw": lambda name: now(generator.athrow(ERRORS[name]("thrown"))),
        "close": lambda _: now(generator.aclose()),
    }
    return [told(partial(acts[what], value)) for what, value in does]


@given(STEPS, ENDS, DOES)
def test_a_watched_generator_is_the_bare_one_to_caller_and_callee(steps: Any, end: Any, does: Any) -> None:
    bare, own, of = Script(steps, end), Script(steps, end), Kept()
    wrapped, plain = watched(own.plain, of)(), bare.plain()
    assert driven(wrapped, does) == driven(plain, does)
    assert ended(wrapped.close) == ended(plain.close)
    assert own.log == bare.log
    assert len(of.calls) <= 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@given(STEPS, ENDS, DOES)
def test_a_watched_async_generator_is_the_bare_one_too(steps: Any, end: Any, does: Any) -> None:
    """One that refused to close can't be ended: bare or watched, the garbage collector hears of it."""
    bare, own, of = Script(steps, end), Script(steps, end), Kept()
    wrapped, plain = watched(own.slow, of)(), bare.slow()
    assert driven_slowly(wrapped, does) == driven_slowly(plain, does)
    assert ended(lambda: now(wrapped.aclose())) == ended(lambda: now(plain.aclose()))
    assert own.log == bare.log
    assert len(of.calls) <= 1


def said(*parts: Any) -> Callable[[], Generator[Any, None, str]]:
    """A generator function that says this, and returns something."""

    def say() -> Generator[Any, None, str]:
        yield from parts
        return "done"

    return say


@pytest.mark.parametrize(
    ("parts", "output"),
    [
        (("on ", "time"), "on time"),
        (("", ""), ""),
        ((1, 2.5), 2.5),
        (("a", 3), 3),
        ((), None),
        (("ab" * LONGEST, "c"), "ab" * (LONGEST // 2)),
        (("x",) * (LONGEST + 9), "x" * LONGEST),
    ],
    ids=["texts", "empty texts", "numbers", "both", "nothing", "a long text", "a long stream"],
)
def test_what_is_logged_of_a_stream_is_its_beginning_or_its_last_part(parts: Any, output: Any) -> None:
    of = Kept()
    assert list(watched(said(*parts), of)()) == list(parts)
    assert of.calls == [(output, None)]


def test_who_wants_no_more_of_a_stream_has_had_what_it_wanted() -> None:
    """It is left half read and forgotten, or closed: an event of what came, and no error."""
    of = Kept()
    wrapped = watched(said("on ", "time"), of)
    assert next(wrapped()) == "on "
    gc.collect()
    assert of.calls == [("on ", None)]
    begun = wrapped()
    next(begun)
    begun.close()
    assert of.calls == [("on ", None)] * 2


def test_objects_that_are_called_stay_of_their_kind_too() -> None:
    class Speaker:
        def __call__(self) -> Generator[str, None, None]:
            yield "word"

    of = Kept()
    wrapped = watched(Speaker(), of)
    assert inspect.isgeneratorfunction(wrapped)
    assert list(wrapped()) == ["word"]
    assert of.calls == [("word", None)]


def test_a_call_that_is_cancelled_is_an_error_and_stays_cancelled() -> None:
    """A coroutine and an asynchronous generator, each cancelled while it waits."""
    of = Kept()

    async def slow() -> float:
        await asyncio.sleep(60)
        return 0.5

    async def stream() -> AsyncGenerator[str, None]:
        yield "on "
        await asyncio.sleep(60)

    async def read() -> list[str]:
        return [part async for part in watched(stream, of)()]

    async def main() -> list[bool]:
        tasks = [asyncio.create_task(one) for one in (watched(slow, of)(), read())]
        await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return [task.cancelled() for task in tasks]

    assert in_a_loop(main()) == [True, True]
    assert sorted(of.calls, key=str) == [("on ", "CancelledError"), (None, "CancelledError")]
