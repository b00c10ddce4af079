"""What comes in: events, labels and feedback, as JSON, NDJSON or Arrow IPC.

The three routes are declared as any other, so that the API's document tells of them. They read their few parameters by
hand (`RowsRoute`): FastAPI takes longer over them than taking a row does.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from retrue.server.auth import Actor, ingest
from retrue.server.errors import HttpError
from retrue.server.ingest.decode import FORMS, JSON
from retrue.server.ingest.gather import Asked
from retrue.server.ingest.replies import SCHEMA, Ack, reply, to_json
from retrue.server.ingest.room import Room
from retrue.server.service import Service

KEY_LENGTH = 200
PATIENCE = 60.0
"""Seconds that `ack=lake` waits for the commit cycle."""
POLL = 0.05
"""Seconds between two looks whether the lake has it."""

Sender = Annotated[Actor, Depends(ingest)]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=KEY_LENGTH, description="Taken once in seven days."),
]
AckQuery = Annotated[
    Ack, Query(description="Answer when it is on disk (spool), or in the lake and the profiles (lake).")
]
VersionQuery = Annotated[
    str | None,
    Query(min_length=1, max_length=KEY_LENGTH, description="The version that predicted; the champion unless given."),
]

_ROWS = {
    "oneOf": [
        {"type": "object", "description": "one row"},
        {"type": "array", "items": {"type": "object"}, "description": "rows"},
        {
            "type": "object",
            "required": ["columns"],
            "properties": {"columns": {"type": "object", "additionalProperties": {"type": "array", "items": {}}}},
            "additionalProperties": False,
            "description": "columns",
        },
    ]
}
_RAW = {"schema": {"type": "string", "format": "binary"}}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {form: {"schema": _ROWS} if form == JSON else _RAW for form in FORMS},
    }
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    202: {"description": "On disk.", "content": {JSON: {"schema": SCHEMA[0]}}},
    200: {"description": "In the lake and the profiles (`ack=lake`).", "content": {JSON: {"schema": SCHEMA[0]}}},
    **{
        status: {"description": said}
        for status, said in {
            400: "It can't be read, or no row of it can be taken.",
            404: "There is no such model.",
            408: "It doesn't come.",
            413: "It is too large.",
            422: "Its Idempotency-Key came before with another body.",
            415: "Its type or its encoding isn't known.",
            429: "Too much at a time: see Retry-After.",
            503: "The store can't be written now.",
            507: "The disk is full: see Retry-After.",
        }.items()
    },
}
OPTIONS: dict[str, Any] = {
    "status_code": 202,
    "responses": _ANSWERS,
    "openapi_extra": _BODY,
    "response_class": Response,
}


@dataclass(frozen=True)
class Asking:
    """What a request says beside its body.

    Attributes:
        key: its Idempotency-Key.
        version: the version that predicted, where the rows don't say theirs.
        ack: when it wants its answer.
    """

    key: str | None = None
    version: str | None = None
    ack: Ack = "spool"

    @classmethod
    def of(cls, request: Request) -> Asking:
        """Read headers and query.

        Raises:
            HttpError: 422, one of them doesn't fit.
        """
        key = short(request.headers.get("idempotency-key"), "header Idempotency-Key")
        if not request.scope["query_string"]:
            return cls(key)
        said = request.query_params
        ack = said.get("ack", "spool")
        if ack not in get_args(Ack):
            raise HttpError(422, f"ack {ack[:20]!r}", where="query ack", expected=" or ".join(get_args(Ack)))
        return cls(key, short(said.get("version"), "query version"), "lake" if ack == "lake" else "spool")


def short(text: str | None, where: str) -> str | None:
    """A text of a sender, as long as it may be.

    Raises:
        HttpError: 422, it is empty or too long.
    """
    if text is not None and not 1 <= len(text) <= KEY_LENGTH:
        raise HttpError(422, f"{len(text):,} characters", where=where, expected=f"1 to {KEY_LENGTH}")
    return text


class RowsRoute(APIRoute):
    """A route that takes rows; its address ends with their kind."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.app = self.answer
        self.kind = self.path.rpartition("/")[2]

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in who may send rows, and take them."""
        request = Request(scope, receive, send)
        await ingest(request)
        served: Service = scope["app"].state.retrue
        response = await take(served, request, scope["path_params"]["model"], self.kind, Asking.of(request))
        await response(scope, receive, send)


router = APIRouter(prefix="/api/v1/models/{model}", tags=["ingestion"], route_class=RowsRoute)


@router.post("/events", summary="Log predictions", **OPTIONS)
async def events(model: str, _: Sender, key: Key = None, version: VersionQuery = None, ack: AckQuery = "spool") -> None:
    """Take events: what the model saw and predicted. Good rows are taken, bad ones set aside, and both are told."""


@router.post("/labels", summary="Log what became true", **OPTIONS)
async def labels(model: str, _: Sender, key: Key = None, ack: AckQuery = "spool") -> None:
    """Take labels: the id and the truth, whenever it comes; a corrected one replaces the earlier."""


@router.post("/feedback", summary="Log clicks, purchases, thumbs", **OPTIONS)
async def feedback(model: str, _: Sender, key: Key = None, ack: AckQuery = "spool") -> None:
    """Take feedback: the id and any other columns, many for an id."""


async def take(served: Service, request: Request, model: str, kind: str, asking: Asking) -> Response:
    """Take rows of a kind, and answer once they are as safe as was asked for."""
    gatherer = served.gatherer
    if not gatherer.knows(model):
        gatherer.learn(await run_in_threadpool(served.model, model))
    kept, body = await read(request, gatherer.room, model)
    try:
        headers = request.headers
        form = headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = headers.get("content-encoding", "").strip().lower()
        version = asking.version if kind == "events" else None
        acknowledged = await gatherer.take(Asked(model, kind, body, form, encoding, asking.key, version))
    finally:
        gatherer.room.leave(kept)
    receipt = acknowledged.receipt
    if not receipt.repeated:
        served.meters.count(model, kind, receipt.accepted, receipt.quarantined)
    if asking.ack == "lake":
        await in_lake(served, model)
    status = 200 if asking.ack == "lake" else 202
    return Response(to_json(reply(acknowledged, asking.ack)), status, media_type=JSON)


async def read(request: Request, room: Room, model: str) -> tuple[int, bytes]:
    """Read a body of a model's rows for which there is room; gives how much of it was kept.

    Raises:
        HttpError: 413, it is too large; 429, there is no room now.
        StoreFullError: the disk is full.
    """
    said = request.headers.get("content-length", "")
    promised = int(said) if said.isdecimal() else 0  # it takes no room from others
    kept = room.take(0, model, of=promised)
    try:
        parts, size = list[bytes](), 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > kept:
                kept += room.take(len(chunk), model, of=size)
            parts.append(chunk)
    except BaseException:
        room.leave(kept)
        raise
    return kept, b"".join(parts)


async def in_lake(served: Service, model: str) -> None:
    """Wait until everything that was acknowledged by now is in the lake and the profiles.

    Raises:
        HttpError: 503, it takes too long, or the service stops; the rows are safe in the spool.
    """
    newest, until = await run_in_threadpool(served.workspace.store.spool.newest, model), time.monotonic() + PATIENCE
    while not await run_in_threadpool(served.in_lake, model, newest):
        if served.ending.is_set():
            raise not_yet("the service stops before the rows are in the lake")
        if time.monotonic() > until:
            raise not_yet(f"the rows aren't in the lake after {PATIENCE:g} s")
        await asyncio.sleep(POLL)


def not_yet(what: str) -> HttpError:
    """The error for rows that are acknowledged, and not in the lake."""
    hint = "they are safe in the spool, and sending them again is harmless; see `retrue doctor`"
    return HttpError(503, what, hint=hint)
