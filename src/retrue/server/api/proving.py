"""Golden sets, the data that versions came from, and whether what is served is what was tested."""

from __future__ import annotations

from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from retrue.server.api.shapes import JsonObject
from retrue.server.api.shared import (
    ERRORS,
    PREFIX,
    TABLE,
    Editor,
    ModelName,
    Moment,
    Served,
    Version,
    Viewer,
    asked,
    table,
)
from retrue.server.api.tables import read_table
from retrue.server.errors import HttpError
from retrue.workspace.prove import asking

router = APIRouter(prefix=PREFIX + "/models/{model}", tags=["runs"], responses=ERRORS)

Rows = Annotated[UploadFile, File(description="The rows: Parquet or Arrow IPC.")]
SetName = Annotated[str, Form(min_length=1, max_length=200, description="What the set is called.")]
Part = Annotated[str, Form(max_length=20, description="training, validation or test.")]


class Replayed(BaseModel):
    """Which version's logged inputs are replayed: the champion's, and all of them, unless given."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    since: Moment | None = None
    until: Moment | None = None


def rows_of(sent: UploadFile, served: Served) -> pl.DataFrame:
    """The rows that were sent."""
    most = served.settings.max_body
    return read_table(sent.file.read(most + 1), most)


@router.get("/golden", operation_id="list_golden", summary="List golden sets")
def list_golden(model: ModelName, served: Served, _: Viewer) -> list[JsonObject]:
    """Give the golden sets, oldest first: name and rows."""
    return [one.to_dict() for one in served.model(model).golden_sets()]


@router.post("/golden", status_code=201, operation_id="register_golden", summary="Register a golden set")
def register_golden(model: ModelName, served: Served, _: Editor, name: SetName, rows: Rows) -> JsonObject:
    """Keep labelled rows that every challenger is compared on, and none may learn from."""
    return served.model(model).golden(name, rows_of(rows, served)).to_dict()


@router.get("/golden/rows", responses=TABLE, response_model=None, operation_id="golden_rows", summary="Its rows")
def golden_rows(
    request: Request, model: ModelName, served: Served, _: Viewer, name: Annotated[str, Query(max_length=200)]
) -> Response:
    """Give the rows of a golden set.

    Raises:
        HttpError: 404, there is none of that name.
    """
    kept = {one.name: one for one in served.model(model).golden_sets()}
    if name not in kept:
        raise HttpError(404, f"no golden set {name[:40]!r}", expected=", ".join(kept) or None, type="StoreError")
    return table(request, kept[name].frame)


@router.get("/datasets", operation_id="list_datasets", summary="What a version came from")
def list_datasets(model: ModelName, served: Served, _: Viewer, version: Version = None) -> dict[str, JsonObject]:
    """Give rows, digest and metrics of its training, validation and test data, as far as they were recorded."""
    return {part: one.to_dict() for part, one in served.model(model).datasets(version).items()}


@router.post("/datasets", status_code=201, operation_id="record_dataset", summary="Record what a version came from")
def record_dataset(
    model: ModelName, served: Served, _: Editor, part: Part, rows: Rows,
    version: Annotated[str | None, Form(max_length=200)] = None,
) -> JsonObject:  # fmt: skip
    """Keep profile and metrics of its training, validation or test data; the rows aren't kept."""
    with asked():
        return served.model(model).record(part, rows_of(rows, served), version=version).to_dict()


@router.post("/verify", status_code=202, operation_id="verify", summary="Ask whether what is served was tested")
def verify(model: ModelName, served: Served, _: Editor, body: Replayed) -> JsonObject:
    """Let the jobs of the service replay logged inputs through the version's trained model, where that is."""
    found = served.model(model)
    with asked():
        return asking.ask(found, body.version or found.version, body.since, body.until)


@router.get("/verify", operation_id="verified", summary="What replaying showed")
def verified(model: ModelName, served: Served, _: Viewer, version: Version = None) -> JsonObject:
    """Give the answer to what was asked last of a version: `waiting`, `failed` with why, or `done` with what was found.

    Raises:
        HttpError: 404, nobody has asked.
    """
    found = served.model(model)
    told: dict[str, Any] | None = asking.answer(found, version or found.version)
    if told is None:
        raise HttpError(404, "nobody has asked for it", hint="POST to the same address", type="StoreError")
    return told
