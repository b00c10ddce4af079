"""Jobs and what they said, and markers on the axis of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from retrue.jobs import records
from retrue.server.api.shapes import JobShape, LogShape, MarkerShape, PageShape
from retrue.server.api.shared import ERRORS, PREFIX, Editor, Moment, Offset, Served, Since, Until, asked
from retrue.server.auth import Actor, some_viewer
from retrue.store import rows
from retrue.workspace import clock, notes

router = APIRouter(prefix=PREFIX, tags=["work"], responses=ERRORS)

Limit = Annotated[int, Query(ge=1, le=1_000)]
SomeViewer = Annotated[Actor, Depends(some_viewer)]
Named = Annotated[str | None, Query(max_length=200)]


@router.get("/jobs", response_model=PageShape[JobShape], operation_id="list_jobs", summary="List jobs")
def list_jobs(
    served: Served, actor: SomeViewer, kind: Named = None, status: Literal["running", "done", "failed"] | None = None,
    model: Named = None, id: Named = None, run: Named = None, version: Named = None,
    offset: Offset = 0, limit: Limit = 50,
) -> dict[str, Any]:  # fmt: skip
    """Give the runs of jobs, newest first, a page at a time; of the caller's models, where they are for some only."""
    asked = {"kind": kind, "status": status, "model": model, "id": id, "run": run, "version": version}
    found = served.workspace.jobs(**asked, models=actor.models, limit=limit, offset=offset)
    return paged(found, job_dict)


@router.get("/logs", response_model=PageShape[LogShape], operation_id="list_logs", summary="List what jobs said")
def list_logs(
    served: Served, actor: SomeViewer, model: Named = None, job: Named = None, run: Named = None,
    version: Named = None, text: Named = None,
    level: Literal["debug", "info", "warning", "error"] | None = None, since: Since = None, until: Until = None,
    offset: Offset = 0, limit: Limit = 100,
) -> dict[str, Any]:  # fmt: skip
    """Give what jobs, trainings and the server said, newest first; of the caller's models, where they are for some."""
    about = {"model": model, "job": job, "run": run, "version": version}
    asked = {**about, "text": text, "level": level, "since": since, "until": until}
    found = served.workspace.logs(**asked, models=actor.models, limit=limit, offset=offset)
    return paged(found, log_dict)


def paged(page: records.Page[Any], plain: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """A page as plain values."""
    return {"rows": [plain(one) for one in page.rows], "total": page.total, "offset": page.offset}


class NewMarker(BaseModel):
    """A time to mark: now unless it says when; of one model, or of all."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "deployment", "text": "version 2", "at": "2026-03-01T12:00:00Z"}]},
    )

    text: Annotated[str, Field(min_length=1, max_length=notes.LONGEST)]
    kind: Literal["deployment", "holiday", "note"] = "note"
    at: Moment | None = None
    until: Moment | None = None
    model: Annotated[str | None, Field(max_length=100)] = None


@router.get("/markers", response_model=list[MarkerShape], operation_id="list_markers", summary="List markers")
def list_markers(
    served: Served, actor: SomeViewer, model: Named = None, since: Since = None, until: Until = None
) -> list[dict[str, Any]]:
    """Give the markers of a model and of all, in order of time."""
    found = served.workspace.markers(model, since, until)
    return [notes.marker_dict(one) for one in found if one.model is None or actor.sees(one.model)]


@router.post("/markers", response_model=MarkerShape, operation_id="add_marker", summary="Mark a time", status_code=201)
def add_marker(served: Served, _: Editor, body: NewMarker) -> dict[str, Any]:
    """Mark a time on every axis."""
    if body.model is not None:
        served.model(body.model)
    marked = served.workspace.add_marker(body.text, kind=body.kind, at=body.at, until=body.until, model=body.model)
    return notes.marker_dict(marked)


@router.delete(
    "/markers/{number}", response_model=MarkerShape, operation_id="remove_marker", summary="Take a marker away"
)
def remove_marker(number: Annotated[int, Path(ge=1, le=2**53)], served: Served, _: Editor) -> dict[str, Any]:
    """Take a marker away, and give what it was."""
    found = {one.number: one for one in served.workspace.markers()}
    with asked():
        served.workspace.remove_marker(number)
    return notes.marker_dict(found[number])


def job_dict(row: rows.Job) -> dict[str, Any]:
    """A job as plain values."""
    return {
        "id": row.id, "kind": row.kind, "status": row.status, "model": row.model,
        "due": clock.moment(row.due).isoformat(), "updated": clock.moment(row.updated).isoformat(),
        "body": dict(row.body),
    }  # fmt: skip


def log_dict(row: rows.Log) -> dict[str, Any]:
    """A line as plain values."""
    return {
        "at": clock.moment(row.at).isoformat(), "level": row.level, "text": row.text, "job": row.job,
        "model": row.model, "version": row.version, "run": row.run,
    }  # fmt: skip
