"""Quarantine: rows that were set aside, why, and letting them in again, mended or as they are."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from retrue.errors import RetrueError, TableError
from retrue.report.words import plural
from retrue.server.auth import Actor, editor, some_viewer
from retrue.server.errors import status_of
from retrue.server.pages.model import Name
from retrue.server.pages.shell import render
from retrue.server.service import Service, service
from retrue.store import rows
from retrue.store.held import HeldPage, Tally
from retrue.store.quarantine import nothing
from retrue.workspace.replaying import Mended, replay

router = APIRouter(include_in_schema=False)

Served = Annotated[Service, Depends(service)]
PAGE = 50
"""Rows that are shown of a model."""
SOON = 5.0
"""Seconds that the page waits for rows that were let in to leave its list; a commit cycle takes less than one."""
POLL = 0.05
"""Seconds between two looks whether they have."""


@dataclass(frozen=True)
class Row:
    """A row that was set aside."""

    number: str
    at: object
    kind: str
    reason: str
    id: str
    text: str


@dataclass(frozen=True)
class QuarantineView:
    """The page.

    Attributes:
        sentence: the answer.
        models: those that ever set rows aside, each with how many wait now, most first.
        model: the one that is shown.
        reasons: the most frequent reasons, with how many rows each; `others` is how many reasons there are beside them.
        rows, total: some of its rows, newest first; how many there are.
        older: the number after which older rows come; "" on the last page.
        may_edit: whether the actor may let rows in.
    """

    sentence: str
    models: tuple[tuple[str, int], ...]
    model: str
    reasons: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    total: int
    may_edit: bool
    others: int = 0
    older: str = ""


def held_of(served: Service, actor: Actor) -> dict[str, int]:
    """How many rows are set aside of each model that ever set rows aside, most first."""
    with served.workspace.store.catalog.read() as tx:
        ever = [one.model for one in tx.find(rows.Counter, name="set aside") if one.value and actor.sees(one.model)]
    held = {name: served.workspace.store.set_aside(name).total for name in set(ever)}
    return dict(sorted(held.items(), key=lambda one: (-one[1], one[0])))


def shown(
    request: Request, served: Service, actor: Actor, model: str, reason: str = "", after: str = "",
    trouble: RetrueError | None = None,
) -> Response:  # fmt: skip
    """Answer with the page."""
    ever = held_of(served, actor)
    name = model or next(iter(ever), "")
    known, page = Tally(), HeldPage(nothing())
    if name:
        store = served.workspace.store
        known = store.set_aside(served.model(name).name)
        page = store.quarantine_page(name, PAGE, after=after or None, reason=reason or None)
    total = known.total
    sentence = (
        f"{plural(total, 'row')} of {name} {'is' if total == 1 else 'are'} set aside"
        if total
        else "Nothing is set aside"
    )
    reasons = tuple((why, f"{count:,}") for why, count in known.reasons.items())
    view = QuarantineView(
        sentence, tuple(ever.items()), name, reasons, rows_of(page), total, actor.may("editor"),
        known.several - len(reasons), page.next or "",
    )  # fmt: skip
    status = status_of(trouble) if trouble is not None else 200
    done = request.query_params.get("done", "")
    told = f"{plural(int(done), 'row')} let in again." if done.isdecimal() and len(done) < 9 else ""
    return render(
        request, "quarantine.html", view, title="Quarantine", place="Quarantine", live=name, status=status,
        trouble=trouble, done=told, reason=reason,
    )  # fmt: skip


def rows_of(page: HeldPage) -> tuple[Row, ...]:
    """A page's rows as they are shown."""
    return tuple(
        Row(one["number"], one["_at"], one["kind"], one["reason"] or "", one["id"] or "", one["row"] or "")
        for one in page.rows.iter_rows(named=True)
    )


@router.get("/quarantine")
def quarantine(
    request: Request, served: Served, actor: Annotated[Actor, Depends(some_viewer)],
    model: Annotated[str, Query(max_length=200)] = "", reason: Annotated[str, Query(max_length=2_000)] = "",
    after: Annotated[str, Query(max_length=100)] = "",
) -> Response:  # fmt: skip
    """Show what was set aside of a model that the actor sees."""
    return shown(request, served, actor, model if actor.sees(model) else "", reason, after)


@router.post("/models/{model}/quarantine/replay")
def replayed(
    request: Request, served: Served, actor: Annotated[Actor, Depends(editor)], name: Name,
    number: Annotated[str, Form(max_length=100)] = "", row: Annotated[str, Form(max_length=100_000)] = "",
) -> Response:  # fmt: skip
    """Let a row in again as it was mended, or all rows as they are where none is named."""
    model = served.model(name)
    try:
        chosen = [Mended(number, read(row))] if number else None
        received = replay(model, chosen)
        wait_until_gone(served, name)
    except RetrueError as error:
        return shown(request, served, actor, name, trouble=error)
    return RedirectResponse(f"/quarantine?{urlencode({'model': name, 'done': received.accepted})}", 303)


def wait_until_gone(served: Service, model: str) -> None:
    """Wait until rows that were let in again have left the list, so that nobody is shown them once more."""
    newest, until = served.workspace.store.spool.newest(model), time.monotonic() + SOON
    while not served.in_lake(model, newest) and time.monotonic() < until and not served.ending.wait(POLL):
        pass


def read(text: str) -> dict[str, object]:
    """A row as somebody typed it.

    Raises:
        TableError: it is no JSON object.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TableError("a row that is no JSON", where="the mended row", expected='such as {"id": "a1"}') from error
    if not isinstance(found, dict):
        raise TableError("a row that is no object", where="the mended row", expected='such as {"id": "a1"}')
    return found
