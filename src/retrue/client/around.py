"""Wrappers: a function, async or not, generator or not, that stays what it is while each call of it is taken down.

Whatever its caller does to a generator (`send`, `throw`, `close`, leaving it half read) reaches the function's own, and
what that answers reaches the caller, return value included. A call that was cancelled or interrupted is an error.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrue.client.watch import Watch

LONGEST = 65_536
"""Characters of a stream of texts that are kept: its beginning."""


@dataclass(slots=True)
class Said:
    """What a generator said, as far as it is kept: its texts as one, or the last part of anything else.

    >>> said = Said()
    >>> said.add("on "), said.add("time"), said.output
    (None, None, 'on time')
    >>> said.add(7), said.output
    (None, 7)
    """

    texts: list[str] | None = field(default_factory=list)
    length: int = 0
    last: Any = None

    def add(self, part: Any) -> None:
        """Take a part."""
        self.last = part
        if not isinstance(part, str):
            self.texts = None
        elif self.texts is not None and part:
            if self.length < LONGEST:
                self.texts.append(part[: LONGEST - self.length])
            self.length += len(part)

    @property
    def output(self) -> Any:
        """All of it."""
        return "".join(self.texts) if self.texts else self.last

    def end(self, of: Watch, given: Any, error: BaseException | None) -> None:
        """Record the call; a caller that wants no more of a stream has had what it wanted."""
        of.record(given, self.output, None if isinstance(error, GeneratorExit) else error)
        if self.texts is not None and self.length > LONGEST:
            of.sender.counts.tell("long", f"of a stream the first {LONGEST:,} characters are logged")


def around(function: Callable[..., Any], of: Watch) -> Callable[..., Any]:
    """A plain function."""
    open_, record = of.given, of.record

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = open_(args, kwargs)
        try:
            output = function(*args, **kwargs)
        except BaseException as error:
            record(given, None, error)
            raise
        record(given, output)
        return output

    return call


def around_async(function: Callable[..., Awaitable[Any]], of: Watch) -> Callable[..., Any]:
    """A coroutine function."""

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        given = of.given(args, kwargs)
        try:
            output = await function(*args, **kwargs)
        except BaseException as error:
            of.record(given, None, error)
            raise
        of.record(given, output)
        return output

    return call


def around_generator(function: Callable[..., Generator[Any, Any, Any]], of: Watch) -> Callable[..., Any]:
    """A generator function: one event when it ends, or when nobody wants more of it."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        given, said, failed = of.given(args, kwargs), Said(), None
        try:
            own = function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(next, own)
            while True:
                try:
                    part = step()
                except StopIteration as end:
                    return end.value
                said.add(part)
                try:
                    step = functools.partial(own.send, (yield part))
                except BaseException as thrown:  # noqa: BLE001 - by the caller; it is the function's own to take
                    step = functools.partial(own.throw, thrown)
        except BaseException as error:
            failed = error
            raise
        finally:
            said.end(of, given, failed)

    return call


def around_async_generator(function: Callable[..., AsyncGenerator[Any, Any]], of: Watch) -> Callable[..., Any]:
    """An asynchronous generator function; as `around_generator`."""

    @functools.wraps(function)
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        given, said, failed = of.given(args, kwargs), Said(), None
        try:
            own = function(*args, **kwargs)
            step: Callable[[], Awaitable[Any]] = own.__anext__
            while True:
                try:
                    part = await step()
                except StopAsyncIteration:
                    return
                said.add(part)
                try:
                    step = functools.partial(own.asend, (yield part))
                except BaseException as thrown:  # noqa: BLE001 - by the caller; it is the function's own to take
                    step = functools.partial(own.athrow, thrown)
        except BaseException as error:
            failed = error
            raise
        finally:
            said.end(of, given, failed)

    return call
