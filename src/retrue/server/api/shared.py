"""What the API's routers share: who asks, where lists end, times, tables as JSON or Arrow, whose fault an error is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import polars as pl
from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator
from starlette.responses import HTMLResponse, JSONResponse, Response

from retrue.errors import StoreError, StoreFullError, StoreVersionError
from retrue.report.html import page_policy
from retrue.server.api.shapes import ErrorAnswer
from retrue.server.auth import Actor, editor, ingest, somebody, viewer
from retrue.server.errors import HttpError
from retrue.server.service import Service, service
from retrue.workspace.explain.explanation import plain

PREFIX = "/api/v1"
ARROW = "application/vnd.apache.arrow.stream"
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

Served = Annotated[Service, Depends(service)]
Viewer = Annotated[Actor, Depends(viewer)]
Editor = Annotated[Actor, Depends(editor)]
Sender = Annotated[Actor, Depends(ingest)]
Somebody = Annotated[Actor, Depends(somebody)]


def within(moment: datetime) -> datetime:
    """A time in UTC, of a century that events are of.

    Raises:
        ValueError: it is of another.
    """
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if not EARLIEST <= aware <= LATEST:
        raise ValueError("a time from 1900 to 2200")
    return aware.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(within)]
ModelName = Annotated[str, Path(description="The model's name.", examples=["flights"])]
Since = Annotated[Moment | None, Query(description="First event time (ISO 8601; UTC unless it says).")]
Until = Annotated[Moment | None, Query(description="Events from here on are left out.")]
Offset = Annotated[int, Query(ge=0, le=10**12, description="How many to pass over.")]
Version = Annotated[str | None, Query(max_length=200, description="The version; the champion unless given.")]

_SAID = {
    400: "What was asked for can't be understood, or doesn't fit the model.",
    401: "Nobody is signed in.",
    403: "The role doesn't suffice.",
    404: "There is no such thing.",
    409: "It can't be done now: the reasons say why.",
    422: "A parameter doesn't fit.",
    429: "Too many requests: see Retry-After.",
    503: "The store can't be read or written now.",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": said} for status, said in _SAID.items()
}
"""The errors that any route may answer."""
TABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Rows, as JSON or (by `Accept`) as an Arrow IPC stream.",
        "content": {
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
            ARROW: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


def table(request: Request, frame: pl.DataFrame, **headers: str) -> Response:
    """A table as it was asked for: JSON, or an Arrow IPC stream."""
    if ARROW in request.headers.get("accept", ""):
        buffer = io.BytesIO()
        frame.write_ipc_stream(buffer, compression="lz4")
        return Response(buffer.getvalue(), media_type=ARROW, headers=headers)
    return JSONResponse([plain(row) for row in frame.to_dicts()], headers=headers)


def report_page(html: str) -> Response:
    """A report as a page of its own: with its policy, as the service's would let none of its charts be drawn."""
    return HTMLResponse(html, headers={"Content-Security-Policy": f"{page_policy()}; frame-ancestors 'none'"})


@contextmanager
def asked(status: int = 404) -> Iterator[None]:
    """Answer with this status what the store says of a question that has no answer; its own trouble stays 503.

    Raises:
        HttpError: instead of a StoreError without another error behind it.
    """
    try:
        yield
    except (StoreFullError, StoreVersionError):
        raise
    except StoreError as error:
        if error.__cause__ is not None:
            raise
        raise HttpError(
            status, error.what, where=error.where, expected=error.expected, hint=error.hint, type="StoreError"
        ) from error
