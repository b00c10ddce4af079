"""What becomes of errors: every one is JSON with the same five fields, and a status that says whose turn it is.

    {"error": {"type": "SchemaError", "what": ..., "where": ..., "expected": ..., "hint": ..., "message": ...}}

What a client sent wrong is a 4xx; 503 and 507 are the store's trouble and pass; 500 is a bug of ours, and its words go
to the log, not to strangers.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from retrue.errors import ProfileError, RefusedError, RetrueError, StoreError, StoreFullError
from retrue.server.policy import HEADERS
from retrue.version import VERSION

log = logging.getLogger("retrue.server")


class HttpError(RetrueError):
    """An answer that only HTTP knows: not found, too large, too many, not allowed.

    Args:
        status: the HTTP status.
        what: what went wrong, in one clause.
        where: as in every error; so are `expected` and `hint`.
        expected: what would have been right.
        hint: what to do about it.
        headers: headers of the answer, such as `Retry-After`.
        type: the class of error that a client raises of it.
    """

    def __init__(
        self,
        status: int,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        type: str = "RetrueError",
    ) -> None:
        self.status, self.headers, self.type = status, dict(headers or {}), type
        super().__init__(what, where=where, expected=expected, hint=hint)


STATUSES: tuple[tuple[type[RetrueError], int], ...] = (
    (RefusedError, 409),
    (StoreFullError, 507),
    (StoreError, 503),
    (ProfileError, 503),
)
"""Statuses by kind of error, the first that fits; any other is something that the client can mend: 400."""


def status_of(error: RetrueError) -> int:
    """The HTTP status of an error.

    >>> from retrue.errors import SchemaError
    >>> status_of(HttpError(404, "no such page")), status_of(SchemaError("no column"))
    (404, 400)
    """
    if isinstance(error, HttpError):
        return error.status
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 400)


def body_of(error: RetrueError) -> dict[str, dict[str, Any]]:
    """An error as JSON; `type` is the class that a client raises of it."""
    kind = error.type if isinstance(error, HttpError) else type(error).__name__
    said = {"what": error.what, "where": error.where, "expected": error.expected, "hint": error.hint}
    reasons = {"reasons": list(error.reasons)} if isinstance(error, RefusedError) else {}
    return {"error": {"type": kind, **said, **reasons, "message": str(error)}}


def answer(error: RetrueError) -> Response:
    """The response that tells an error."""
    headers = dict(error.headers) if isinstance(error, HttpError) else {}
    status = status_of(error)
    if status in {503, 507}:
        headers.setdefault("Retry-After", "5")
    return JSONResponse(body_of(error), status, headers)


def told(request: Request, error: RetrueError) -> Response:
    """The response that tells an error as it was asked: a page for a browser, else JSON."""
    from retrue.server.pages.troubles import trouble_page, wants_page  # pages stand on errors

    said = answer(error)
    if said.status_code == HTTPStatus.UNAUTHORIZED and request.method == "GET" and wants_page(request):
        asked = quote(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        return RedirectResponse(f"/login?next={asked}", 303)
    if not wants_page(request):
        return said
    page = trouble_page(request, said.status_code, error)
    page.headers.update({name: value for name, value in said.headers.items() if name not in OF_BODY})
    return page


OF_BODY = frozenset({"content-length", "content-type"})
"""Headers that belong to a body."""


def add_handlers(app: FastAPI) -> None:
    """Let the application answer every error in this form."""
    app.add_exception_handler(RetrueError, of_ours)
    app.add_exception_handler(RequestValidationError, of_validation)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(Exception, of_bug)


async def of_ours(request: Request, error: Exception) -> Response:
    """Answer an error that Retrue raised on purpose."""
    if not isinstance(error, RetrueError):
        raise error
    return told(request, error)


async def of_validation(request: Request, error: Exception) -> Response:
    """Answer a request whose parameters don't fit; the first of them is told."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    where = " ".join(str(part) for part in first["loc"])
    return told(request, HttpError(422, str(first["msg"]), where=where, hint="see /openapi.json", type="ConfigError"))


async def of_http(request: Request, error: Exception) -> Response:
    """Answer what routing found: no such address, a method that it doesn't have."""
    if not isinstance(error, HTTPException):
        raise error
    if isinstance(error.__cause__, RetrueError):  # of a body that FastAPI read
        return told(request, error.__cause__)
    what = error.detail or HTTPStatus(error.status_code).phrase
    headers = dict(error.headers or {})
    known = "an address of /openapi.json" if request.url.path.startswith("/api/") else None
    said = HttpError(
        error.status_code, what.lower() if what.istitle() else what, headers=headers,
        where=f"{request.method} {request.url.path[:200]}", expected=headers.get("Allow") or known,
    )  # fmt: skip
    return told(request, said)


async def of_bug(request: Request, error: Exception) -> Response:
    """Answer a fault of our own; what it was goes to the log."""
    log.error("bug in %s %s", request.method, request.url.path, exc_info=error)
    hint = "its traceback is in the server's log: report it with what `retrue doctor` says"
    said = told(request, HttpError(500, f"this is a bug in retrue {VERSION}", hint=hint))
    said.headers.update(HEADERS)  # this answer goes around the guard
    return said
