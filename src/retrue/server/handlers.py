"""What becomes of an error that a request meets: JSON for programs, a page for people."""

from __future__ import annotations

import logging
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from retrue.errors import RetrueError
from retrue.server.errors import HttpError, answer
from retrue.server.pages.troubles import trouble_page, wants_page
from retrue.server.policy import HEADERS
from retrue.version import VERSION

log = logging.getLogger("retrue.server")

GONE = 499
"""The status of requests whose client has gone: nginx's, as HTTP has none."""


def told(request: Request, error: RetrueError) -> Response:
    """The response that tells an error as it was asked: a page for a browser, else JSON."""
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
    app.add_exception_handler(ClientDisconnect, of_gone)
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
    if error.status_code == HTTPStatus.NOT_FOUND and wants_page(request):
        hint = "the link may be cut off, or what it led to is gone: look for it from the overview"
        return told(request, HttpError(404, "no page at this address", where=request.url.path[:200], hint=hint))
    what = error.detail or HTTPStatus(error.status_code).phrase
    headers = dict(error.headers or {})
    known = "an address of /openapi.json" if request.url.path.startswith("/api/") else None
    said = HttpError(
        error.status_code, what.lower() if what.istitle() else what, headers=headers,
        where=f"{request.method} {request.url.path[:200]}", expected=headers.get("Allow") or known,
    )  # fmt: skip
    return told(request, said)


async def of_gone(_: Request, __: Exception) -> Response:
    """Answer nobody: the client went before its body had come. No fault of ours; the status is for the meters."""
    return Response(status_code=GONE)


async def of_bug(request: Request, error: Exception) -> Response:
    """Answer a fault of our own; what it was goes to the log."""
    log.error("bug in %s %s", request.method, request.url.path, exc_info=error)
    hint = "its traceback is in the server's log: report it with what `retrue doctor` says"
    said = told(request, HttpError(500, f"this is a bug in retrue {VERSION}", hint=hint))
    said.headers.update(HEADERS)  # this answer goes around the guard
    return said
