"""What comes in: events, labels and feedback, as JSON, NDJSON or Arrow IPC."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.responses import Response

from retrue.server.auth import Actor, ingest
from retrue.server.errors import HttpError
from retrue.server.ingest.decode import FORMS, JSON
from retrue.server.ingest.gather import Asked
from retrue.server.ingest.replies import SCHEMA, Ack, reply, to_json
from retrue.server.ingest.room import Room
from retrue.server.service import Service, service
from retrue.store.spool import Spool

router = APIRouter(prefix="/api/v1/models/{model}", tags=["ingestion"])

KEY_LENGTH = 200
PATIENCE = 60.0
"""Seconds that `ack=lake` waits for the commit cycle."""
POLL = 0.05
"""Seconds between two looks whether the lake has it."""

Served = Annotated[Service, Depends(service)]
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


@router.post("/events", summary="Log predictions", **OPTIONS)
async def events(
    model: str,
    request: Request,
    served: Served,
    _: Sender,
    key: Key = None,
    version: VersionQuery = None,
    ack: AckQuery = "spool",
) -> Response:
    """Take events: what the model saw and predicted. Good rows are taken, bad ones set aside, and both are told."""
    return await take(served, request, model, "events", key, ack, version)


@router.post("/labels", summary="Log what became true", **OPTIONS)
async def labels(
    model: str, request: Request, served: Served, _: Sender, key: Key = None, ack: AckQuery = "spool"
) -> Response:
    """Take labels: the id and the truth, whenever it comes; a corrected one replaces the earlier."""
    return await take(served, request, model, "labels", key, ack)


@router.post("/feedback", summary="Log clicks, purchases, thumbs", **OPTIONS)
async def feedback(
    model: str, request: Request, served: Served, _: Sender, key: Key = None, ack: AckQuery = "spool"
) -> Response:
    """Take feedback: the id and any other columns, many for an id."""
    return await take(served, request, model, "feedback", key, ack)


async def take(
    served: Service, request: Request, model: str, kind: str, key: str | None, ack: Ack, version: str | None = None
) -> Response:
    """Take rows of a kind, and answer once they are as safe as was asked for."""
    gatherer = served.gatherer
    if not gatherer.knows(model):
        gatherer.learn(await run_in_threadpool(served.model, model))
    kept, body = await read(request, gatherer.room)
    try:
        headers = request.headers
        form = headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = headers.get("content-encoding", "").strip().lower()
        acknowledged = await gatherer.take(Asked(model, kind, body, form, encoding, key, version))
    finally:
        gatherer.room.leave(kept)
    receipt = acknowledged.receipt
    if not receipt.repeated:
        served.meters.count(model, kind, receipt.accepted, receipt.quarantined)
    if ack == "lake":
        await in_lake(served.workspace.store.spool, model)
    status = 200 if ack == "lake" else 202
    return Response(to_json(reply(acknowledged, ack)), status, media_type=JSON)


async def read(request: Request, room: Room) -> tuple[int, bytes]:
    """Read a body for which there is room; gives how much of it was kept.

    Raises:
        HttpError: 413, it is too large; 429, there is no room now.
        StoreFullError: the disk is full.
    """
    said = request.headers.get("content-length", "")
    kept = room.take(0, of=int(said) if said.isdecimal() else 0)  # what is only promised takes no room from others
    try:
        parts, size = list[bytes](), 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > kept:
                kept += room.take(len(chunk), of=size)
            parts.append(chunk)
    except BaseException:
        room.leave(kept)
        raise
    return kept, b"".join(parts)


async def in_lake(spool: Spool, model: str) -> None:
    """Wait until everything that was acknowledged by now is in the lake and the profiles.

    Raises:
        HttpError: 503, it takes too long; the rows are safe in the spool.
    """
    newest, until = await run_in_threadpool(spool.newest, model), time.monotonic() + PATIENCE
    while (oldest := await run_in_threadpool(spool.oldest, model)) is not None and oldest <= newest:
        if time.monotonic() > until:
            hint = "they are safe in the spool, and sending them again is harmless; see `retrue doctor`"
            raise HttpError(503, f"the rows aren't in the lake after {PATIENCE:g} s", hint=hint)
        await asyncio.sleep(POLL)
