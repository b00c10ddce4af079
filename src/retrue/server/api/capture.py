"""What serving systems send of their calls: CloudEvents of KServe, Knative and Seldon, OTLP spans, captured files.

A call may come in two halves, in any order and in requests of their own. The first one waits on disk for the other; not
that of a model with private columns, for it is kept as it comes.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from retrue.adapters.capture import MISSING, Bad, Exchange, Reading, get, paired
from retrue.adapters.capture.cloudevents import in_headers, structured
from retrue.adapters.capture.documents import KEPT, documents
from retrue.client.capture import capture_of
from retrue.errors import RetrueError
from retrue.server.api.events import KEY_LENGTH, read
from retrue.server.api.shared import ERRORS
from retrue.server.auth import Actor, ingest
from retrue.server.errors import HttpError
from retrue.server.ingest.decode import unpack
from retrue.server.ingest.halves import Half, Halves
from retrue.server.service import Service, service
from retrue.store.intake import HALF, Broken, Part
from retrue.workspace import Model, clock
from retrue.workspace.receiving import Lot, Received, acknowledge

router = APIRouter(prefix="/api/v1/models/{model}", tags=["ingestion"], responses=ERRORS)

FILE = "halves.db"
LATE = {True: "no answer came within an hour", False: "no request came within an hour"}
"""Why a half is set aside: what was asked, and what was answered."""

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {}},
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/cloudevents+json": {"schema": {"type": "object"}},
            "application/cloudevents-batch+json": {"schema": {"type": "array"}},
        },
    }
}


class CaptureReply(BaseModel):
    """What became of captured calls: rows taken, rows and documents set aside and why, halves that wait.

    `counts` says what else there was, such as calls that failed.
    """

    accepted: int
    quarantined: int
    reasons: dict[str, int]
    waiting: int
    counts: dict[str, int]


@router.post(
    "/capture/{format}", summary="Log what a serving system captured", status_code=202, openapi_extra=_BODY,
    operation_id="capture",
)  # fmt: skip
async def capture(
    model: str,
    format: str,
    request: Request,
    served: Annotated[Service, Depends(service)],
    _: Annotated[Actor, Depends(ingest)],
    map: Annotated[
        list[Annotated[str, Query(max_length=KEY_LENGTH)]] | None,
        Query(max_length=500, description="NAME=COLUMN: what the capture calls it, and the model's column."),
    ] = None,
    version: Annotated[str | None, Query(min_length=1, max_length=KEY_LENGTH)] = None,
) -> CaptureReply:
    """Take captured calls: a CloudEvent in binary or structured mode, or documents as JSON or JSON lines.

    Halves are joined by id. When this is answered, all of it is on disk.
    """
    kept, body = await read(request, served.gatherer.room, model)
    try:
        plain = unpack(body, request.headers.get("content-encoding", "").strip().lower(), served.settings.max_body)
        events = [structured(request.headers, plain)] if in_headers(request.headers) else plain
        return await run_in_threadpool(take, served, model, format, events, renamed(map or []), version)
    finally:
        served.gatherer.room.leave(kept)


def renamed(said: list[str]) -> dict[str, str]:
    """What `map` says.

    Raises:
        HttpError: 422, one of them has no `=`.
    """
    pairs = [one.rpartition("=") for one in said]
    if any(not name or not column for name, _, column in pairs):
        raise HttpError(422, "no NAME=COLUMN", where="query map", expected="output_1=p_late")
    return {name: column for name, _, column in pairs}


def take(
    served: Service, model: str, format: str, source: Any, columns: dict[str, str], version: str | None
) -> CaptureReply:
    """Pair, log and keep: all of it, or none."""
    found, reading = served.model(model), Reading(get(format))
    said = list(documents(source))
    parts = list(reading.exchanges(said))
    with Halves(served.workspace.store.folder / FILE).opened() as waiting:
        ids = list({one.id for one in parts if not one.whole})
        before = [(len(said) + n, json.loads(text)) for n, text in enumerate(waiting.of(found.name, format, ids))]
        whole, left = paired([*parts, *reading.exchanges(before)])
        reading.bad += [Bad(0, LATE[half.asked], half.text[:KEPT]) for half in waiting.overdue(found.name)]
        private = bool(found.store.layout(found.name).privacy)
        reading.bad += [Bad(one.number, HALF) for one in left if private]
        left, gone = ([], [*whole, *left]) if private else (left, whole)
        read_ = capture_of(whole, reading, found.schema, columns)
        received = logged(found, read_.events, read_.broken, version or found.version)
        received += Received(0, counts=read_.told)
        by_number = dict(said)
        waiting.drop(found.name, format, [one.id for one in gone])
        waiting.keep(
            found.name, format, [half_of(one, by_number[one.number]) for one in left if one.number < len(said)]
        )
    served.meters.count(found.name, "events", received.accepted, received.quarantined)
    return CaptureReply(
        accepted=received.accepted, quarantined=received.quarantined, reasons=dict(received.reasons),
        waiting=len(left), counts=dict(received.counts),
    )  # fmt: skip


def half_of(one: Exchange, document: Any) -> Half:
    """A half as it is kept."""
    return Half(one.id, one.outputs is MISSING, json.dumps(document))


def logged(model: Model, events: pl.DataFrame, broken: tuple[Bad, ...], version: str) -> Received:
    """Acknowledge events, and what was no document.

    Raises:
        RetrueError: none of it was taken.
    """
    if not events.height and not broken:
        return Received(0)
    bad = tuple(Broken(events.height + n, one.reason, one.text) for n, one in enumerate(broken))
    lot = Lot(model, "events", events, [Part(events.height, broken=bad)], clock.now(), version)
    (outcome,) = acknowledge(model.store, [lot])
    if isinstance(outcome, RetrueError):
        raise outcome
    return Received.of(outcome[0])
