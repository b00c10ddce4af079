"""`rt.watch`: a prediction function that logs what it is asked and what it answers, without its caller noticing.

    @rt.watch(to="http://host:8000", model="flights")
    def predict(features): ...

    p = predict({"id": "f1", "precip": 0.3})
    predict.watch.id                          # what names the event of this thread's (or task's) last call

The caller's thread copies a few references into a queue, half of the time within 10 µs; everything else happens in the
background (see `sender`). Functions, methods, async functions and generators, async or not, stay what they are.
"""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, ParamSpec, Protocol, TypeAlias, TypeVar, overload

from retrue.client.around import around, around_async, around_async_generator, around_generator
from retrue.client.calls import PLAIN, RowMaker, Signature, is_large, snapshot
from retrue.client.counts import Stats
from retrue.client.models import WatchedModel, method_of, names_of, rows_by, takes_options
from retrue.client.overflow import LIMIT, Overflow, default_overflow
from retrue.client.sender import PATIENCE, Sender
from retrue.client.target import StoreTarget, Target
from retrue.errors import ConfigError

clock = time.perf_counter_ns
Given: TypeAlias = tuple[tuple[Any, ...], dict[str, Any], int]
P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
URL, STORE, TOKEN = "RETRUE_URL", "RETRUE_STORE", "RETRUE_TOKEN"
"""Where calls go, and the token, unless `watch` is told."""
SIGNALS = 30.0
"""Seconds between two records of the process and its machine."""


class Watched(Protocol, Generic[P, R_co]):
    """A function as it was, with its `watch` beside it."""

    watch: Watch

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class Watch:
    """What watches one function: ids, counters, the end.

    Args:
        sender: what takes its calls away.
    """

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self._given: ContextVar[str | None] = ContextVar("given", default=None)
        self._last: ContextVar[str | None] = ContextVar("last", default=None)

    @property
    def id(self) -> str | None:
        """What names the event of the last call of this thread, or of this task; None before the first.

        A call with several rows makes the events `ID/0`, `ID/1` ... Inputs that carry the model's id column keep that.
        """
        return self._last.get()

    def fresh_id(self) -> str:
        """An id that no other call has."""
        return f"{self.sender.prefix}-{next(self.sender.numbers)}"

    @contextmanager
    def named(self, id: str) -> Iterator[None]:
        """Let calls in this block (of this thread or task) have this id."""
        token = self._given.set(str(id))
        try:
            yield
        finally:
            self._given.reset(token)

    def stats(self) -> Stats:
        """What became of the calls so far."""
        return self.sender.stats()

    def flush(self, timeout: float = PATIENCE) -> bool:
        """Send what waits; False where that isn't done within so many seconds."""
        return self.sender.flush(timeout)

    def close(self, timeout: float = PATIENCE) -> None:
        """Send what waits, put the rest on disk, and end: what the end of the process does too."""
        self.sender.close(timeout)

    def given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Given:
        """What a call is given, before it can be changed, and when it begins; never raises."""
        try:
            if len(args) == 1 and not kwargs and type(args[0]) is dict:  # nearly always; each step here is paid for
                return (args[0].copy(),), kwargs, clock()
            copied = tuple([snapshot(one) for one in args])
            return copied, {name: snapshot(one) for name, one in kwargs.items()} if kwargs else kwargs, clock()
        except Exception as failure:  # noqa: BLE001 - the serving path must not notice
            self._fault(failure)
            return args, kwargs, clock()

    def record(self, given: Given, output: Any, error: BaseException | None = None) -> None:
        """Take a call that ended just now; never raises.

        Args:
            given: what it was given, and when it began.
            output: what it returned.
            error: what it raised.
        """
        spent = clock() - given[2]
        try:
            sender = self.sender
            own = self._given.get() or self.fresh_id()
            self._last.set(own)
            told = None if error is None else type(error).__name__
            args, kwargs, _ = given
            kept = output if type(output) is float else snapshot(output)
            call = (own, time.time_ns(), spent, args, kwargs, kept, told)  # a plain one: see `Left`
            small = type(output) in PLAIN and len(args) == 1 and not kwargs and type(args[0]) in PLAIN
            sender.put(call, large=not small and any(map(is_large, (output, *args, *kwargs.values()))))
        except Exception as failure:  # noqa: BLE001 - the serving path must not notice
            self._fault(failure)

    def _fault(self, failure: Exception) -> None:
        self.sender.counts.tell("fault", f"rt.watch failed: {type(failure).__name__}: {failure}")


@overload
def watch(predict: Callable[P, R_co], /, *, model: str, **options: Any) -> Watched[P, R_co]: ...
@overload
def watch(*, model: str, **options: Any) -> Callable[[Callable[P, R_co]], Watched[P, R_co]]: ...


def watch(  # type: ignore[misc]  # the overloads leave the options to this one's docstring
    predict: Any = None,
    /,
    *,
    model: str,
    to: str | Path | None = None,
    token: str | None = None,
    version: str | None = None,
    columns: Sequence[str] = (),
    row: RowMaker | None = None,
    signals: float | None = SIGNALS,
    overflow: str | Path | None = None,
    overflow_bytes: int = LIMIT,
) -> Any:
    """Log what a prediction function is asked and answers, how long it takes, and how often it fails.

    Inputs may be a dict, a list of them, a frame (Polars, pandas, pyarrow), an array, or plain arguments, which are
    columns by their names. Outputs may be a number, a text, an array, a dict or a frame with as many rows: a number
    with a fraction is the model's score, anything else its prediction, an array the scores of its classes. The time of
    an event is when the call returned; its id is made, unless the inputs have the model's id column. A latency goes to
    the column in that role, in seconds (in milliseconds where the column's name ends in `_ms`). Inputs that are changed
    after the call must be copied by the caller, except dicts and arrays of up to 64 kB.

    Args:
        predict: the function, or a model of scikit-learn, LightGBM, XGBoost, Keras, PyTorch or ONNX Runtime, or a
            Hugging Face pipeline, which stays what it is (see `models`); left out, a decorator comes back.
        model: the registered model that it is.
        to: a server's URL, or a store's folder; otherwise RETRUE_URL, then RETRUE_STORE.
        token: the server's token (role ingest); otherwise RETRUE_TOKEN.
        version: the model version that it is; the champion unless given.
        columns: the names of an array's columns; the model's own `feature_names_in_`, or its features, unless given.
        row: a function of inputs and output that gives a dict, or one for each row, in place of all of the above. It
            runs in the background.
        signals: seconds between two records of the process and its machine (CPU, memory, disk, network, GPU, requests,
            errors, latency), kept as the model `NAME-system`; None: there are none.
        overflow: the folder for what can't be sent; one of this user's unless given. It holds inputs and outputs.
        overflow_bytes: the most that it may hold.

    Raises:
        ConfigError: nobody said where calls go.
    """
    goal = to or os.environ.get(URL) or os.environ.get(STORE)
    if goal is None:
        raise ConfigError("where do calls go?", where="rt.watch", expected="to=URL or to=FOLDER", hint=f"or set {URL}")

    def decorate(function: Any) -> Any:
        target = target_of(goal, model, token or os.environ.get(TOKEN))
        kept = (
            default_overflow(str(goal), model, overflow_bytes)
            if overflow is None
            else Overflow(Path(overflow), overflow_bytes)
        )
        method = method_of(function)
        if method is None:
            signature = signature_of(function, columns, row)
            return watched(function, Watch(Sender(target, signature, kept, version=version, signals=signals)))
        bound = getattr(function, method)
        signature = signature_of(bound, columns or names_of(function), row or rows_by(function, method))
        signature = replace(signature, first=takes_options(function, method))
        of = Watch(Sender(target, signature, kept, version=version, signals=signals))
        return WatchedModel(function, method, watched(bound, of), of)

    return decorate if predict is None else decorate(predict)


def target_of(to: str | Path, model: str, token: str | None) -> Target:
    """A server for a URL, else a folder."""
    if str(to).startswith(("http://", "https://")):
        from retrue.client.http import ServerTarget

        return ServerTarget(str(to), model, token)
    return StoreTarget(to, model)


def signature_of(function: Callable[..., Any], columns: Sequence[str], row: RowMaker | None) -> Signature:
    """How a function's inputs are called."""
    try:
        names = tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # written in C
        names = ()
    owner = getattr(function, "__self__", None)
    known = columns if len(columns) else getattr(owner, "feature_names_in_", ())
    method = names[:1] in (("self",), ("cls",))
    return Signature(names[1:] if method else names, method, tuple(map(str, known)), row)


def watched(function: Callable[..., Any], of: Watch) -> Any:
    """The function with everything that it does taken down; of the same kind as it was."""

    def is_one(test: Callable[[Any], bool]) -> bool:
        return test(function) or test(getattr(function, "__call__", None))  # noqa: B004 - an object may be called

    if is_one(inspect.isasyncgenfunction):
        wrapped: Callable[..., Any] = around_async_generator(function, of)
    elif is_one(inspect.isgeneratorfunction):
        wrapped = around_generator(function, of)
    elif is_one(inspect.iscoroutinefunction):
        wrapped = around_async(function, of)
    else:
        wrapped = around(function, of)
    wrapped.watch = of  # type: ignore[attr-defined]
    return wrapped
