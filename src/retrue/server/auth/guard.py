"""The guard before every route: where a request came to, who sent it, how often, and what every answer says.

request ── host known? ── not too large? ── who asks? ── not too often? ── not made by another's page? ── route
answer  <── policy, no sniffing, no referrer, a cookie for visitors without one

Roles are demanded by routes (`retrue.server.auth.demand`): what is found out here waits for them in `request.state`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retrue.errors import RetrueError
from retrue.server.auth import csrf, hosts
from retrue.server.auth.access import Access
from retrue.server.auth.actor import Actor
from retrue.server.auth.limits import Buckets, whole_seconds
from retrue.server.errors import HttpError
from retrue.server.handlers import told
from retrue.server.policy import HEADERS, HSTS
from retrue.server.settings import ServerSettings
from retrue.workspace.acting import acting, recorded

MOST_HEADERS = 32_768
"""Bytes of all headers of a request together."""
UPLOAD, UPLOADED = "/labelling/file", 5_100_000
"""How the address of a page ends that takes a file, and the bytes of that with its form."""
SMALL_BODY = 1_000_000
"""Bytes of a request by somebody unknown, or by a form of a page."""
ROWS, CAPTURE = ("/events", "/labels", "/feedback"), "/capture"
"""How addresses that take rows end; and those of captured calls, before the format."""
ENTRY = "Retrue-Audit-Entry"
"""The header with the number of the entry that a change has in the audit log."""
UNCOUNTED = ("/static/", "/healthz", "/readyz")
"""Addresses that nobody is limited on."""
PATIENCE, SLOWEST = 30.0, 20_000
"""Seconds that a body has to come, and the bytes that earn it one more: a sender that stalls holds nothing for ever."""
MOST_AT_ONCE = 800
"""Requests that may be under way; each holds a socket, of which a process has about a thousand."""
RAW = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
"""What every answer says, as it goes over the wire."""
BURST = 3
"""Seconds of its rate that a caller may use at once."""
FAILURES_A_SECOND, FAILURES_AT_ONCE = 0.2, 20
"""How often an address may come with a token or a password that isn't one."""


@dataclass
class Guard:
    """The ASGI middleware.

    Args:
        app: what is behind it.
        access: who may come in.
        settings: the limits.
    """

    app: ASGIApp
    access: Access
    settings: ServerSettings
    asked: Buckets = field(init=False)
    brought: Buckets = field(init=False)
    failed: Buckets = field(init=False)
    under_way: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        asked, brought = self.settings.requests_per_second, self.settings.batches_per_second
        self.asked, self.brought = (Buckets(rate, max(1.0, rate * BURST)) for rate in (asked, brought))
        self.failed = Buckets(FAILURES_A_SECOND, FAILURES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        visit = Visit.of(request, self.access)
        guarded = visit.answering(send)
        request.state.csrf = csrf.token_of(visit.cookie) if visit.cookie else ""
        request.state.access, request.state.cookie = self.access, visit
        try:
            self.refuse_many(request)
        except RetrueError as error:
            await told(request, error)(scope, receive, guarded)
            return
        self.under_way += 1
        try:
            await self.passed(request, visit, guarded)
        finally:
            self.under_way -= 1

    async def passed(self, request: Request, visit: Visit, send: Send) -> None:
        """Let a request pass that there is room for, or answer it here."""
        scope, receive = request.scope, request.receive
        try:
            actor = await self.admit(request, visit)
        except RetrueError as error:
            await told(request, error)(scope, receive, send)
            return
        with acting("nobody" if actor is None else actor.name), recorded() as numbers:
            await self.app(scope, self.limited(request, receive), telling(send, numbers))

    def refuse_many(self, request: Request) -> None:
        """Refuse what comes while as much as can be is under way."""
        if self.under_way >= MOST_AT_ONCE and not request.scope["path"].startswith(UNCOUNTED):
            raise HttpError(503, "too many requests at a time", hint="try again in 1 s", headers={"Retry-After": "1"})

    async def admit(self, request: Request, visit: Visit) -> Actor | None:
        """Find out who asks.

        Raises:
            HttpError: the request must not come any further.
        """
        request.state.actor = None
        self.check_form(request)
        actor = await self.access.actor(request.headers, visit.given)
        request.state.actor = actor
        self.count(request, actor)
        self.check_length(request)
        if request.method not in hosts.SAFE and (actor is None or actor.kind != "token"):
            refuse_others_pages(request)
        return actor

    def check_form(self, request: Request) -> None:
        """Refuse what came to another name, and what is too large."""
        host = request.headers.get("host", "")
        names = {self.settings.host, *self.settings.hosts}
        if not hosts.known(host, names):
            name = hosts.name_of(host) or "none"
            hint = f'if that is this service, say so in retrue.toml: [server] hosts = ["{name}"]'
            raise HttpError(421, f"a request for another host, {name[:100]!r}", hint=hint)
        if sum(len(name) + len(value) for name, value in request.headers.raw) > MOST_HEADERS:
            raise HttpError(431, "headers that are too large", expected=f"{MOST_HEADERS:,} bytes together")

    def check_length(self, request: Request) -> None:
        """Refuse what says that it is too large."""
        length = request.headers.get("content-length", "0")
        if length.isdigit() and int(length) > self.largest(request):
            raise too_large(self.largest(request))

    def largest(self, request: Request) -> int:
        """The most bytes that a request may bring: much to the API, from somebody who is known, else little."""
        if request.state.actor is None:
            return SMALL_BODY
        path = request.scope["path"]
        if path.endswith(UPLOAD):
            return min(self.settings.max_body, UPLOADED)
        return self.settings.max_body if path.startswith("/api/") else SMALL_BODY

    def limited(self, request: Request, receive: Receive) -> Receive:
        """The same body, and an error where it grows larger than it may, or takes longer."""
        came, most, whole = 0, self.largest(request), False
        began = asyncio.get_running_loop().time()

        async def counted() -> Message:
            nonlocal came, whole
            if whole:  # what comes now is only that somebody went
                return await receive()
            try:
                async with asyncio.timeout_at(began + PATIENCE + came / SLOWEST):
                    message = await receive()
            except TimeoutError as error:
                raise stalled() from error
            whole = not message.get("more_body", False)
            came += len(message.get("body", b""))
            if came > most:
                raise too_large(most)
            return message

        return counted

    def count(self, request: Request, actor: Actor | None) -> None:
        """Refuse who asks too often: a token, a session, or an address that nobody signed in from."""
        if request.scope["path"].startswith(UNCOUNTED):
            return
        address = address_of(request)
        if actor is None and "authorization" in request.headers:
            refuse_often(self.failed.take(address), "too many tries with what is no valid token")
        buckets = self.brought if brings_rows(request) else self.asked
        refuse_often(buckets.take(caller(request, actor)), "too many requests")


def telling(send: Send, numbers: list[int]) -> Send:
    """The same answer, which says where in the audit log a change is."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and numbers:
            MutableHeaders(scope=message)[ENTRY] = str(numbers[-1])
        await send(message)

    return sent


@dataclass(frozen=True)
class Visit:
    """A browser's cookie: the one that came, or a fresh one for a visitor without.

    Attributes:
        name: what the cookie is called.
        given: what came.
        cookie: what the visitor has from now on.
        secure: whether they came by https.
    """

    name: str
    given: str | None
    cookie: str
    secure: bool

    @classmethod
    def of(cls, request: Request, access: Access) -> Visit:
        """The cookie of a request."""
        secure = request.scope.get("scheme") == "https"
        name = access.cookie(secure=secure)
        given = request.cookies.get(name) if "cookie" in request.headers else None
        fresh = "" if request.scope["path"].startswith("/api/") else csrf.fresh_cookie()  # programs keep no cookies
        return cls(name, given, given or fresh, secure)

    def answering(self, send: Send) -> Send:
        """The same answer with the headers that all have; pages give visitors their cookie."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = list(message.get("headers", ()))
                there = {name for name, _ in said}
                message["headers"] = said + [one for one in RAW if one[0] not in there]
                headers = MutableHeaders(scope=message)
                if self.secure:
                    headers.setdefault("Strict-Transport-Security", HSTS)
                if self.given is None and headers.get("content-type", "").startswith("text/html"):
                    headers.append("Set-Cookie", self.written(self.cookie))
            await send(message)

        return sent

    def written(self, value: str, *, gone: bool = False) -> str:
        """The cookie as a header: no script reads it, no other site sends it along with a change."""
        secure, age = "; Secure" if self.secure else "", "; Max-Age=0" if gone else ""
        return f"{self.name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}"

    def give(self, response: Response, value: str) -> None:
        """Let an answer give the visitor another cookie."""
        response.headers.append("Set-Cookie", self.written(value, gone=not value))


def brings_rows(request: Request) -> bool:
    """Whether a request brings rows."""
    path = request.scope["path"]
    return request.method == "POST" and (path.endswith(ROWS) or path.rpartition("/")[0].endswith(CAPTURE))


def caller(request: Request, actor: Actor | None) -> str:
    """By whom a request is counted: a token, a session, or the address that nobody signed in from."""
    return (actor.key if actor else "") or address_of(request)


def address_of(request: Request) -> str:
    """Where a request came from."""
    return "address " + (request.client.host if request.client else "unknown")


def too_large(most: int) -> HttpError:
    """The error of a body that is too large."""
    return HttpError(413, "a request that is too large", expected=f"at most {most:,} bytes", hint="send it in parts")


def stalled() -> HttpError:
    """The error of a body that doesn't come; what may come of it still is not waited for."""
    said = f"the body didn't come within {PATIENCE:g} s"
    return HttpError(408, said, hint="send it again", headers={"Connection": "close"})


def refuse_often(wait: float, what: str) -> None:
    """Raise HttpError where somebody must wait."""
    if wait:
        seconds = whole_seconds(wait)
        raise HttpError(429, what, hint=f"try again in {seconds} s", headers={"Retry-After": seconds})


def refuse_others_pages(request: Request) -> None:
    """Raise HttpError for a change that a page of somebody else made a browser ask for."""
    said = request.headers
    if hosts.from_elsewhere(said.get("host", ""), said.get("origin"), said.get("sec-fetch-site")):
        raise HttpError(403, "a change that another site asked for", hint="open Retrue's own page, and do it there")
