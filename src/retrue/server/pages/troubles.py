"""Errors as pages: what, where, expected, what to do; for whoever asks as a browser does."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request, Response

from retrue.errors import RetrueError
from retrue.report.words import upper_first
from retrue.server.pages.shell import render


@dataclass(frozen=True)
class TroubleView:
    """An error in words, a sentence each."""

    status: int
    title: str
    where: str
    expected: str
    hint: str


def wants_page(request: Request) -> bool:
    """Whether a page is asked for: by a browser, outside the API."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def trouble_view(status: int, error: RetrueError) -> TroubleView:
    """Say an error.

    >>> from retrue.errors import SchemaError
    >>> trouble_view(404, SchemaError("no model 'flight'", hint="did you mean 'flights'?")).title
    "No model 'flight'"
    """
    said = (error.what, f"in {error.where}" if error.where else "", error.expected or "", error.hint or "")
    return TroubleView(status, *(upper_first(part) for part in said))


def trouble_page(request: Request, status: int, error: RetrueError) -> Response:
    """Answer with an error as a page."""
    view = trouble_view(status, error)
    return render(request, "error.html", view, title=view.title, status=status)
