"""What every page is made with: the template engine, the policy, the rail of places, and how an answer is given.

A page module has a route, and one pure function that builds a frozen view; `render` makes the answer of the two:

    @router.get("/models/{model}")
    def page(request: Request, ...) -> Response:
        return render(request, "model.html", model_view(...), live=model)

An answer carries its digest: who has it already gets a 304.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from jinja2 import Environment, FunctionLoader, StrictUndefined
from starlette.routing import Match

from retrue.judge.words import percent
from retrue.report.html import breakable, read
from retrue.report.words import plural, short_count, upper_first
from retrue.server.assets import asset
from retrue.server.auth.actor import Actor
from retrue.server.pages.moments import day, moment
from retrue.version import VERSION

CACHE = {"Cache-Control": "private, no-cache"}


@dataclass(frozen=True)
class Place:
    """An entry of the rail: what it is called, and where it is."""

    name: str
    path: str


PLACES = (
    Place("Overview", "/"),
    Place("Incidents", "/incidents"),
    Place("Compare", "/compare"),
    Place("Jobs and logs", "/jobs"),
    Place("Quarantine", "/quarantine"),
    Place("Settings", "/settings"),
    Place("Audit", "/audit"),
)
"""In the rail's order; those that this server has are shown."""


def render(
    request: Request,
    template: str,
    view: object,
    *,
    title: str,
    place: str | None = None,
    live: str | None = None,
    status: int = 200,
    **more: object,
) -> Response:
    """Answer with a page.

    Args:
        request: what was asked.
        template: a file of `templates/` that extends `base.html`.
        view: what it shows, under the name `view`.
        title: the page's title: its finding or its noun.
        place: the place of the rail that it belongs to.
        live: what it follows: a model's name, or "" for all of them; None: it stays as it is, as what answers a form
            does, which has no address to be asked for again.
        status: the HTTP status.
        more: other values for the template.
    """
    request.app.state.retrue.looked.set()
    text = environment().get_template(template).render(
        view=view, title=title, place=place, live=None if request.method == "POST" else live,
        places=places_of(request), actor=actor_of(request), csrf=request.state.csrf,
        version=VERSION, path=request.url.path, address=request.url.include_query_params,
        back=address_now(request), folder=folder_for(request), **more,
    )  # fmt: skip
    return answered(request, text.encode(), "text/html; charset=utf-8", status=status)


def folder_for(request: Request) -> str:
    """The store's folder as a shell takes it, for admins of the whole service; FOLDER for others.

    Where the store lies tells of the machine, which is nobody else's business.
    """
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is None or actor.models is not None or not actor.may("admin"):
        return "FOLDER"
    return shlex.quote(str(request.app.state.retrue.workspace.folder))


def address_now(request: Request) -> str:
    """The address of a page as it is now: the same one without the end of a time that is over."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "until"]
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")


def answered(request: Request, body: bytes, kind: str, *, status: int = 200) -> Response:
    """Answer with a body and its digest; with 304 and no body where the browser has it."""
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {**CACHE, "ETag": tag}
    if status == 200 and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, status, headers, kind)


def places_of(request: Request) -> list[Place]:
    """The places that this server has; found once."""
    state = request.app.state
    if not hasattr(state, "places"):
        state.places = [place for place in PLACES if answers(request, place.path)]
    found: list[Place] = state.places
    return found


def answers(request: Request, path: str) -> bool:
    """Whether the application has a page at a path."""
    asked = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)


def actor_of(request: Request) -> Mapping[str, str | bool] | None:
    """Who is signed in, as the auth layer noted it on the request; `whole`: for all models. None where nobody is."""
    actor = getattr(request.state, "actor", None)
    if actor is None:
        return None
    return {"name": actor.name, "role": actor.role, "kind": actor.kind, "whole": actor.models is None}


SHARED = ("evidence.html",)
"""Templates that are the reports' own."""


def read_template(name: str) -> str:
    """Read a template."""
    if name in SHARED:
        return read(name)
    return (files("retrue.server") / "templates" / name).read_text(encoding="utf-8")


def stopped(text: str) -> str:
    """A sentence with its stop; one that has its own, as what others say of an error may, gets no second.

    >>> stopped("refused"), stopped("Refused."), stopped("rt_...")
    ('refused.', 'Refused.', 'rt_...')
    """
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


@cache
def environment() -> Environment:
    """Give the template engine: it escapes everything that isn't marked as markup, and knows no undefined names."""
    made = Environment(
        loader=FunctionLoader(read_template), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    helpers: dict[str, Any] = {
        "static": lambda name: asset(name).address,
        "plural": plural,
        "count": short_count,
        "percent": percent,
    }
    made.globals.update(helpers)
    made.filters.update({"breakable": breakable, "moment": moment, "day": day, "count": short_count})
    made.filters |= {"upper_first": upper_first, "stopped": stopped}
    return made
