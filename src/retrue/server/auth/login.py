"""Signing in and out: people bring a token, or come from the company's accounts, and get a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Form
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from retrue.server.auth import csrf, oidc, sessions
from retrue.server.auth.access import Access
from retrue.server.auth.actor import Actor
from retrue.server.auth.demand import signed_in
from retrue.server.auth.guard import Visit, address_of, refuse_often
from retrue.server.errors import HttpError
from retrue.server.settings import OidcSettings, ServerSettings

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class LoginView:
    """What the page shows.

    Attributes:
        next: where to go on.
        oidc: the provider of accounts, where there is one.
        trouble: what was wrong with the last try.
    """

    next: str
    oidc: str | None = None
    trouble: str = ""


def local(path: str) -> str:
    """Where to go on: a path of this service, whatever was asked for.

    >>> local("/models/flights?tab=1"), local("//evil.example"), local("https://evil.example")
    ('/models/flights?tab=1', '/', '/')
    """
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain and not urlsplit(path).netloc else "/"


@router.get("/login")
async def page(request: Request, next: str = "/") -> Response:
    """Show the form; who needs none goes on."""
    if request.state.actor is not None:
        return RedirectResponse(local(next), 303)
    return shown(request, local(next))


def shown(request: Request, onward: str, trouble: str = "", status: int = 200) -> Response:
    """The page with the form."""
    from retrue.server.pages.shell import render  # the pages stand on this room

    access: Access = request.state.access
    oidc = None if access.settings.oidc is None else urlsplit(access.settings.oidc.issuer).hostname
    return render(request, "login.html", LoginView(onward, oidc, trouble), title="Sign in", status=status)


@router.post("/login")
async def sign_in(
    request: Request,
    token: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
    csrf_token: Annotated[str, Form(alias="csrf")] = "",
) -> Response:
    """Begin a session with a token."""
    access, visit = request.state.access, request.state.cookie
    refuse_often(access.tries.wait(address_of(request)), "too many tries to sign in")
    if not csrf.fits(visit.cookie, csrf_token):
        return shown(request, local(next), "This page was no longer current. Try again.", 403)
    found = await run_in_threadpool(access.token, token.strip())
    if found is None:
        access.tries.take(address_of(request))
        return shown(request, local(next), "The token is not valid: it is unknown, has expired or was revoked.", 401)
    if not found.may("viewer"):
        return shown(request, local(next), "This token is for programs that send rows: it can't see anything.", 403)
    secret = await run_in_threadpool(begin, access, found)
    return entered(visit, secret, local(next))


def begin(access: Access, actor: Actor) -> str:
    """Begin the session of somebody with a token."""
    return sessions.begin(access.catalog, actor, token=actor.key.removeprefix("token "))


def entered(visit: Visit, secret: str, onward: str) -> Response:
    """Go on as who has signed in: with another cookie than before."""
    answer = RedirectResponse(onward, 303)
    visit.give(answer, secret)
    return answer


@router.get("/login/oidc")
def to_provider(request: Request, next: str = "/") -> Response:
    """Send somebody to the provider of accounts."""
    visit: Visit = request.state.cookie
    if visit.given is None:  # the provider's answer must come to the browser that asks here
        return RedirectResponse(f"/login?next={quote(local(next))}", 303)
    return RedirectResponse(oidc.begin(provider(request), visit.given, local(next), back(request)), 303)


@router.get("/login/oidc/back")
def from_provider(request: Request) -> Response:
    """Begin the session of somebody whom the provider knows."""
    access, visit = request.state.access, request.state.cookie
    said = dict(request.query_params)
    actor, onward = oidc.finish(provider(request), visit.cookie, said, back(request))
    secret = sessions.begin(access.catalog, actor, longest=sessions.LONGEST_OIDC)
    return entered(visit, secret, local(onward))


def provider(request: Request) -> OidcSettings:
    """The provider of accounts.

    Raises:
        HttpError: 404, there is none.
    """
    settings: ServerSettings = request.state.access.settings
    if settings.oidc is None:
        raise HttpError(404, "no provider of accounts", hint="sign in with a token at /login")
    return settings.oidc


def back(request: Request) -> str:
    """Where the provider shall send browsers; the guard has looked at the host."""
    return f"{request.url.scheme}://{request.headers['host']}/login/oidc/back"


@router.post("/logout")
def sign_out(
    request: Request,
    actor: Annotated[Actor, Depends(signed_in)],
    everywhere: Annotated[str, Form()] = "",
) -> Response:
    """End this session, or all sessions of who is signed in."""
    if actor.kind != "session":
        raise HttpError(409, "nobody is signed in with a session here")
    access, visit = request.state.access, request.state.cookie
    sessions.end(access.catalog, actor, visit.cookie, everywhere=bool(everywhere))
    access.forget()
    answer = RedirectResponse("/login", 303)
    visit.give(answer, "")
    return answer
