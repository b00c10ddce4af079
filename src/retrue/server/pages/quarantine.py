"""Quarantine: rows that were set aside, why, and letting them in again, mended or as they are."""

from __future__ import annotations

import json
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
from retrue.workspace.acting import audit
from retrue.workspace.replaying import Mended, replay

router = APIRouter(include_in_schema=False)

Served = Annotated[Service, Depends(service)]
PAGE = 50
"""Rows that are shown of a model."""


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
        reasons: why, with how many rows each, most first.
        rows, total: some of its rows, oldest first; how many there are.
        may_edit: whether the actor may let rows in.
    """

    sentence: str
    models: tuple[tuple[str, int], ...]
    model: str
    reasons: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    total: int
    may_edit: bool


def held_of(served: Service, actor: Actor) -> dict[str, int]:
    """How many rows are set aside of each model that ever set rows aside, most first."""
    with served.workspace.store.catalog.read() as tx:
        ever = [one.model for one in tx.find(rows.Counter, name="set aside") if one.value and actor.sees(one.model)]
    held = {name: served.workspace.store.quarantine(name).height for name in set(ever)}
    return dict(sorted(held.items(), key=lambda one: (-one[1], one[0])))


def shown(
    request: Request, served: Service, actor: Actor, model: str, reason: str = "", trouble: RetrueError | None = None
) -> Response:
    """Answer with the page."""
    ever = held_of(served, actor)
    name = model or next(iter(ever), "")
    reasons: list[tuple[str, str]] = []
    found: list[Row] = []
    total = 0
    if name:
        held = served.workspace.store.quarantine(served.model(name).name)
        total = held.height
        counted = held["reason"].value_counts(sort=True)
        reasons = [(str(why), f"{count:,}") for why, count in counted.iter_rows()]
        chosen = held.filter(held["reason"] == reason) if reason else held
        found = [
            Row(one["number"], one["_at"], one["kind"], one["reason"] or "", one["id"] or "", one["row"] or "")
            for one in chosen.head(PAGE).iter_rows(named=True)
        ]
    sentence = (
        f"{plural(total, 'row')} of {name} {'is' if total == 1 else 'are'} set aside"
        if total
        else "Nothing is set aside"
    )
    view = QuarantineView(sentence, tuple(ever.items()), name, tuple(reasons), tuple(found), total, actor.may("editor"))
    status = status_of(trouble) if trouble is not None else 200
    done = request.query_params.get("done", "")
    told = f"{plural(int(done), 'row')} let in again." if done.isdecimal() and len(done) < 9 else ""
    return render(
        request, "quarantine.html", view, title="Quarantine", place="Quarantine", status=status, trouble=trouble,
        done=told, reason=reason,
    )  # fmt: skip


@router.get("/quarantine")
def quarantine(
    request: Request, served: Served, actor: Annotated[Actor, Depends(some_viewer)],
    model: Annotated[str, Query(max_length=200)] = "", reason: Annotated[str, Query(max_length=2_000)] = "",
) -> Response:  # fmt: skip
    """Show what was set aside of a model that the actor sees."""
    return shown(request, served, actor, model if actor.sees(model) else "", reason)


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
    except RetrueError as error:
        return shown(request, served, actor, name, trouble=error)
    with served.workspace.store.catalog.write() as tx:
        audit(tx, "replayed", name, {"rows": "all" if chosen is None else 1})
    return RedirectResponse(f"/quarantine?{urlencode({'model': name, 'done': received.accepted})}", 303)


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
