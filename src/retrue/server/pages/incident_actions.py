"""What people do about an incident: each a form that works without scripts, and ends on the incident's page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request, Response
from starlette.responses import RedirectResponse

from retrue.config import parse_duration
from retrue.errors import ConfigError, RetrueError
from retrue.server.api.incidents import found, lasting
from retrue.server.auth import Actor, editor
from retrue.server.errors import status_of
from retrue.server.pages.incident import Id, Served, shown
from retrue.server.pages.model import Name
from retrue.server.pages.moments import at_of
from retrue.workspace import clock
from retrue.workspace.incident import ModelIncident

router = APIRouter(prefix="/models/{model}/incidents/{id}", include_in_schema=False)

Editor = Annotated[Actor, Depends(editor)]
Text = Annotated[str, Form(max_length=4_000)]


def back(chosen: ModelIncident, done: str) -> Response:
    """Go on at the incident's page, which says what was done."""
    return RedirectResponse(
        f"/models/{quote(chosen.model.name, safe='')}/incidents/{quote(chosen.id)}?done={done}", 303
    )


@router.post("/acknowledge")
def acknowledge(served: Served, name: Name, id: Id, _: Editor) -> Response:
    """Say that somebody is on it."""
    chosen = lasting(served, name, id)
    chosen.acknowledge()
    return back(chosen, "acknowledge")


@router.post("/snooze")
def snooze(
    request: Request, served: Served, name: Name, id: Id, actor: Editor, length: Text = "1d", until: Text = ""
) -> Response:
    """Hear no more of it for a while, or before a time."""
    chosen = lasting(served, name, id)
    try:
        chosen.snooze(end_of(length, until, clock.now()))
    except RetrueError as error:
        return shown(request, served, actor, chosen, trouble=error, status=status_of(error))
    return back(chosen, "snooze")


def end_of(length: str, until: str, now: datetime) -> datetime:
    """When what was put off is told again.

    Raises:
        ConfigError: no time, or one that has passed.

    >>> print(end_of("8h", "", datetime.fromisoformat("2026-01-05T09:00Z")))
    2026-01-05 17:00:00+00:00
    """
    if not until.strip():
        return now + parse_duration(length)
    try:
        end = clock.aware(datetime.fromisoformat(until.strip()))
    except ValueError as error:
        raise ConfigError(
            f"{until[:40]!r} is no time", where="snooze until", expected="such as 2026-01-05 17:00"
        ) from error
    if end <= now:
        raise ConfigError("a time that has passed", where="snooze until", expected=f"after {now:%Y-%m-%d %H:%M} UTC")
    return end


@router.post("/resolve")
def resolve(served: Served, name: Name, id: Id, _: Editor) -> Response:
    """Say that it is over."""
    chosen = found(served, name, id)
    chosen.resolve()
    return back(chosen, "resolve")


@router.post("/mark")
def mark(
    served: Served, name: Name, id: Id, _: Editor, real: Annotated[Literal["real", "false"], Form()], note: Text = ""
) -> Response:
    """Say whether it is real or a false alarm, and perhaps why."""
    chosen = found(served, name, id)
    chosen.mark(real=real == "real", note=note.strip() or None)
    return back(chosen, "mark")


@router.post("/comment")
def comment(request: Request, served: Served, name: Name, id: Id, actor: Editor, text: Text = "") -> Response:
    """Say something of it."""
    chosen = found(served, name, id)
    try:
        chosen.comment(text)
    except RetrueError as error:
        return shown(request, served, actor, chosen, trouble=error, status=status_of(error))
    return back(chosen, "comment")


@router.post("/collect")
def collect(
    request: Request, served: Served, name: Name, id: Id, actor: Editor,
    where: Text = "", budget: Text = "", span: Annotated[Literal["incident", "all"], Form()] = "incident",
) -> Response:  # fmt: skip
    """Keep the rows of a slice, of the time that the incident lasted or of the whole log."""
    chosen = found(served, name, id)
    incident = chosen.incident
    since, until = (at_of(incident.since), at_of(incident.last)) if span == "incident" else (None, None)
    try:
        guilty = incident.cause is not None and where.strip() == incident.cause.slice
        # Its own rows are collected as such: what is trained on them is known to have begun here.
        served.model(name).collect(chosen if guilty else where, budget=most_of(budget), since=since, until=until)
    except RetrueError as error:
        return shown(request, served, actor, chosen, trouble=error, status=status_of(error))
    return back(chosen, "collect")


def most_of(said: str) -> int | None:
    """The most rows to take; None: all.

    Raises:
        ConfigError: no number.

    >>> most_of("5,000"), most_of("")
    (5000, None)
    """
    text = said.replace(",", "").strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > 12:
        raise ConfigError(f"{said[:40]!r} is no number of rows", where="at most", expected="such as 5000, or nothing")
    return int(text)
