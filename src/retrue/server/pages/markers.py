"""What is marked on a model's time axes, from its page: deployments, holidays and notes are added and removed there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Path, Response
from starlette.responses import RedirectResponse

from retrue.errors import ConfigError
from retrue.server.auth import Actor, editor
from retrue.server.errors import HttpError
from retrue.server.pages.model import Name
from retrue.server.service import Service, service
from retrue.store import rows
from retrue.workspace import clock

router = APIRouter(prefix="/models/{model}/markers", include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Editor = Annotated[Actor, Depends(editor)]
Text = Annotated[str, Form(max_length=1_000)]


@router.post("/add")
def add(
    served: Served, _: Editor, name: Name, text: Text = "", kind: Text = "note", at: Text = "", until: Text = ""
) -> Response:
    """Mark something of a model; now, where no time is given."""
    model = served.model(name)
    begins, ends = time_of(at, "At"), time_of(until, "Until")
    served.workspace.add_marker(text, kind=kind, at=begins, until=ends, model=model.name)
    return back(name)


@router.post("/{number}/remove")
def remove(served: Served, actor: Editor, name: Name, number: Annotated[int, Path(ge=0, le=2**62)]) -> Response:
    """Forget a marker of the model; one of all models only by who is for all models.

    Raises:
        HttpError: 404, the model has no such marker; 403, it is of all models and the actor isn't for all.
    """
    model = served.model(name)
    with model.store.catalog.read() as tx:
        found = tx.get(rows.Marker, number=number)
    if found is None or found.model not in (None, model.name):
        raise HttpError(404, f"no marker {number}", where=f"model {model.name!r}", type="StoreError")
    if found.model is None and actor.models is not None:
        raise HttpError(403, f"marker {number} is of all models, and {actor.name!r} is not for all")
    served.workspace.remove_marker(number)
    return back(name)


def time_of(text: str, where: str) -> datetime | None:
    """A time as a form gives it, in UTC; None where the field is empty.

    Raises:
        ConfigError: it is none.

    >>> print(time_of("2026-01-05T09:30", "At"), time_of(" ", "At"))
    2026-01-05 09:30:00+00:00 None
    """
    if not text.strip():
        return None
    try:
        return clock.aware(datetime.fromisoformat(text.strip()))
    except ValueError as error:
        raise ConfigError(f"no time in {text[:80]!r}", where=where, expected="such as 2026-01-05T09:30") from error


def back(name: str) -> Response:
    """Go on at the model's page, where its markers are."""
    return RedirectResponse(f"/models/{quote(name, safe='')}#markers", 303)
