"""Signals: which edge cases are watched for, how often they come, what was collected of them; and watching for more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from retrue.errors import ConfigError, RetrueError
from retrue.judge.replay import Episode, SignalTally
from retrue.refine import signals as built_in
from retrue.report.words import plural
from retrue.server.api.shared import asked
from retrue.server.auth import Actor, editor, viewer
from retrue.server.errors import status_of
from retrue.server.pages.figures import pictured
from retrue.server.pages.model import Name
from retrue.server.pages.ranges import DAYS, Lately, Range, lately, range_of
from retrue.server.pages.shell import render
from retrue.server.pages.signal_figures import Line, lines_of, share_picture
from retrue.server.service import Service, service
from retrue.slices import Slice
from retrue.workspace import Model
from retrue.workspace.check.backtest import preview_signal
from retrue.workspace.collect.watching import USUAL, change_policy
from retrue.workspace.collects import slice_of
from retrue.workspace.incident import ModelIncident
from retrue.workspace.names import LONGEST

router = APIRouter(prefix="/models/{model}/signals", include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Reader = Annotated[Actor, Depends(viewer)]
Editor = Annotated[Actor, Depends(editor)]
LONG = 90
"""Days that are shown unless the address says."""
Asked = Annotated[Lately, Depends(lately(LONG))]
Sql = Annotated[str, Form(max_length=10_000)]
Short = Annotated[str, Form(max_length=LONGEST)]
Preview = tuple[SignalTally, list[Episode]]
OPEN = 5
"""Live incidents whose rows are offered."""
FINDS: Mapping[str, str] = {
    "low_confidence": "rows that the model is least sure of: as the lowest 5 % of the reference",
    "high_entropy": "rows whose probabilities are spread over the classes: as the highest 5 % of the reference",
    "high_expected_loss": "rows that the model is most likely wrong about: as the highest 5 % of the reference",
    "out_of_range": "rows with a number below or above all that the reference has",
    "unseen_category": "rows with a category that the reference never had",
    "outlier": "rows that are odder than 99 % of the reference",
    "new_cluster": "rows unlike any of the reference, ten or more of them alike",
    "disagreement": "rows that another version, logged beside this one, scores differently by more than 0.2",
}
"""What the built-in signals find, in words."""


@dataclass(frozen=True)
class Wish:
    """A signal that somebody thinks of: a slice as SQL, a built-in one, or an incident's; its name and policy."""

    where: str = ""
    signal: str = ""
    incident: str = ""
    name: str = ""
    policy: str = USUAL

    def source(self, model: Model) -> Slice | ModelIncident:
        """What it is.

        Raises:
            SliceError: the slice doesn't parse, or there is no such signal.
            StoreError: there is no such incident.
            ConfigError: it says nothing.
        """
        if self.incident:
            return model.incident(self.incident)
        if self.signal:
            return built_in.named(self.signal)
        if not self.where:
            raise ConfigError("which rows?", where="a signal", expected="a slice as SQL, such as precip > 0.1")
        return Slice.parse(self.where, self.name or None)


@dataclass(frozen=True)
class Ready:
    """A signal that may be watched with one press: what it is called, what it finds, as SQL, and what asks for it."""

    name: str
    finds: str
    sql: str
    key: str


@dataclass(frozen=True)
class SignalsView:
    """The page.

    Attributes:
        model: whose.
        sentence: the answer.
        lines: the watched signals, those that need a person first.
        built_in: signals that come with Retrue and aren't watched yet.
        offered: live incidents whose guilty slice isn't watched yet: id and sentence.
        wish: what the form says.
        preview: what the wished signal would have met; None where nobody asked.
        trouble: what is wrong with it.
        may_edit: whether the actor may change something.
        range: the stretch of time shown.
    """

    model: str
    sentence: str
    lines: tuple[Line, ...]
    built_in: tuple[Ready, ...]
    offered: tuple[tuple[str, str], ...]
    wish: Wish
    preview: Preview | None
    trouble: RetrueError | None
    may_edit: bool
    range: Range


def sentence_of(name: str, lines: Sequence[Line]) -> str:
    """Say how many signals are watched, and which of them need a person.

    >>> sentence_of("flights", [])
    'No signal of flights is watched yet'
    """
    if not lines:
        return f"No signal of {name} is watched yet"
    many = f"{plural(len(lines), 'signal')} of {name} {'is' if len(lines) == 1 else 'are'} watched"
    lost = [one.name for one in lines if one.error]
    risen = [one for one in lines if one.risen]
    if len(risen) == 1:
        return f"{many}; {risen[0].name} is met by {risen[0].share} of the rows, more than usual"
    if risen:
        return f"{many}; {len(risen)} are met more often than usual"
    if lost:
        return f"{many}; {', '.join(lost[:3])} can't be told"
    judged, told = [one for one in lines if one.judged], [one for one in lines if one.told]
    if not judged:
        return f"{many}; {'none can be judged' if told else 'none is judged yet'}"
    unsaid = len(told) - len(judged)
    which = f"{unsaid} can't be judged, no other" if unsaid else "none"
    return f"{many}; {which} is met more often than usual"


def ready_of(lines: Sequence[Line]) -> tuple[Ready, ...]:
    """The built-in signals that aren't watched yet."""
    known = {one.asks for one in lines}
    found = []
    for function in built_in.BUILT_IN:
        part = function()
        if part.sql not in known:
            key = function.__name__
            found.append(Ready(str(part), FINDS[key], str(part.sql), key))
    return tuple(found)


def offered_of(model: Model, lines: Sequence[Line]) -> tuple[tuple[str, str], ...]:
    """The live incidents whose guilty slice isn't watched yet."""
    known = {one.asks for one in lines}
    live = [one.incident for one in model.incidents(live=True)]
    found = [(one.id, one.sentence) for one in live if one.cause is not None and one.cause.slice not in known]
    return tuple(found[:OPEN])


def shown(
    request: Request, served: Service, actor: Actor, name: str, wish: Wish, *, ask: bool = False,
    trouble: RetrueError | None = None, done: str = "", asked: Lately | None = None,
) -> Response:  # fmt: skip
    """Answer with the page; `ask`: with what the wished signal would have met."""
    model, preview = served.model(name), None
    if ask and trouble is None:
        try:
            state = served.watch.look().get(name, "")
            preview = served.signals.of((name, state, repr(wish)), lambda: previewed(model, wish))
        except RetrueError as error:
            trouble = error
    with model.store.catalog.read() as tx:
        span = range_of(tx.connection, model, asked or Lately(LONG))
    lines = lines_of(model, span)
    view = SignalsView(
        name, sentence_of(name, lines), lines, ready_of(lines), offered_of(model, lines), wish, preview, trouble,
        actor.may("editor"), span,
    )  # fmt: skip
    status = status_of(trouble) if trouble is not None and request.method == "POST" else 200
    return render(
        request, "signals.html", view, title=view.sentence, place="Overview", live=name, status=status, done=done,
        lengths=DAYS,
    )  # fmt: skip


def previewed(model: Model, wish: Wish) -> Preview:
    """What a signal would have met, collected and told."""
    return preview_signal(model, slice_of(wish.source(model))[0], wish.policy)


def wished(
    where: Annotated[str, Query(max_length=10_000)] = "",
    signal: Annotated[str, Query(max_length=100)] = "",
    incident: Annotated[str, Query(max_length=100)] = "",
    called: Annotated[str, Query(alias="name", max_length=LONGEST)] = "",
    policy: Annotated[str, Query(max_length=300)] = USUAL,
) -> Wish:
    """The signal that an address is about."""
    return Wish(where.strip(), signal, incident, called.strip(), policy.strip() or USUAL)


@router.get("")
def signals(
    request: Request, served: Served, actor: Reader, name: Name, asked: Asked, wish: Annotated[Wish, Depends(wished)],
    preview: Annotated[str, Query(max_length=1)] = "", done: Annotated[str, Query(max_length=20)] = "",
    rows: Annotated[int, Query(ge=0, le=10**12)] = 0,
) -> Response:  # fmt: skip
    """Show the signals; `preview`: with what the one in the address would have met."""
    return shown(request, served, actor, name, wish, ask=bool(preview), done=said_of(done, rows), asked=asked)


def said_of(done: str, rows: int) -> str:
    """What a change came to, in words; "" of none.

    >>> said_of("collected", 1), said_of("", 0)
    ('1 new row was collected.', '')
    """
    new = "no new row was" if not rows else "1 new row was" if rows == 1 else f"{rows:,} new rows were"
    return {
        "watched": "It is watched from the next check on; its rows are collected as they come.",
        "policy": "Its rows are chosen anew, by that policy, at the next collection.",
        "stopped": "It is watched no more; what it collected stays.",
        "collected": f"{new[:1].upper()}{new[1:]} collected.",
    }.get(done, "")


@router.get("/figure")
def figure(
    request: Request, served: Served, _: Reader, name: Name,
    signal: Annotated[str, Query(max_length=LONGEST)], asked: Asked,
) -> Response:  # fmt: skip
    """A signal's share of the rows over time, with its incidents."""
    model = served.model(name)
    with model.store.catalog.read() as tx:
        span = range_of(tx.connection, model, asked)
    return pictured(request, share_picture(model, signal, span))


# --- changes --------------------------------------------------------------------------------------------------------


@router.post("/watch")
def watch(
    request: Request, served: Served, actor: Editor, name: Name, where: Sql = "", signal: Short = "",
    incident: Short = "", called: Annotated[str, Form(alias="name", max_length=LONGEST)] = "", policy: Short = USUAL,
) -> Response:  # fmt: skip
    """Watch a signal: its share is judged, its rows are collected."""
    wish = Wish(where.strip(), signal, incident, called.strip(), policy.strip() or USUAL)
    model = served.model(name)
    try:
        model.watch_signal(wish.source(model), name=wish.name or None, policy=wish.policy)
    except RetrueError as error:
        return shown(request, served, actor, name, wish, trouble=error)
    return back(name, "watched")


@router.post("/once")
def once(
    request: Request, served: Served, actor: Editor, name: Name, where: Sql = "",
    called: Annotated[str, Form(alias="name", max_length=LONGEST)] = "", policy: Short = USUAL,
) -> Response:  # fmt: skip
    """Collect the rows of a slice once, and watch nothing."""
    wish = Wish(where.strip(), name=called.strip(), policy=policy.strip() or USUAL)
    model = served.model(name)
    try:
        found = model.collect(wish.source(model), policy=wish.policy, name=wish.name or None)
    except RetrueError as error:
        return shown(request, served, actor, name, wish, trouble=error)
    return back(name, "collected", rows=found.rows.height)


@router.post("/policy")
def policy(
    request: Request, served: Served, actor: Editor, name: Name, signal: Short = "", policy: Short = ""
) -> Response:
    """Collect a signal's rows by another policy."""
    try:
        change_policy(served.model(name), signal, policy)
    except RetrueError as error:
        return shown(request, served, actor, name, Wish(), trouble=error)
    return back(name, "policy")


@router.post("/stop")
def stop(request: Request, served: Served, actor: Editor, name: Name, signal: Short = "") -> Response:
    """Watch a signal no more."""
    try:
        with asked():
            served.model(name).unwatch_signal(signal)
    except RetrueError as error:
        return shown(request, served, actor, name, Wish(), trouble=error)
    return back(name, "stopped")


@router.post("/collect")
def collect(request: Request, served: Served, actor: Editor, name: Name) -> Response:
    """Collect now what newly met the signals."""
    try:
        gained: Mapping[str, int] = served.model(name).collect_new()
    except RetrueError as error:
        return shown(request, served, actor, name, Wish(), trouble=error)
    return back(name, "collected", rows=max(sum(gained.values()), 0))


def back(name: str, done: str, **more: int) -> Response:
    """Go on at the page, which says what was done."""
    return RedirectResponse(f"/models/{quote(name, safe='')}/signals?{urlencode({'done': done, **more})}", 303)
