"""What becomes of errors: every one is JSON with the same five fields, and a status that says whose turn it is.

    {"error": {"type": "SchemaError", "what": ..., "where": ..., "expected": ..., "hint": ..., "message": ...}}

What a client sent wrong is a 4xx; 503 and 507 are the store's trouble and pass; 500 is a bug of ours, and its words go
to the log, not to strangers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from retrue.errors import ProfileError, RefusedError, RetrueError, StoreError, StoreFullError


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
