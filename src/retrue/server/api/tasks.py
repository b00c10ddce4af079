"""Rows that need labels: ask for them, hand them out as files, take what people said."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import PlainTextResponse, Response

from retrue.errors import TableError
from retrue.refine.annotate.answers import LONGEST
from retrue.server.api.shared import ERRORS, PREFIX, Editor, ModelName, Moment, Offset, Served, Viewer, asked
from retrue.workspace.annotate.annotating import MOST, PEOPLE
from retrue.workspace.annotate.asking import collection_of

router = APIRouter(prefix=PREFIX + "/models/{model}/tasks", tags=["labelling"], responses=ERRORS)

TaskId = Annotated[str, Path(description="The task's id.", max_length=100)]
State = Literal["open", "disputed", "agreed", "known"]
Format = Literal["csv", "json", "label-studio", "label-studio-interface"]
TYPES = {"csv": "text/csv", "label-studio-interface": "application/xml"}
ANSWERED = ("application/json", *TYPES.values())
PAGE, LARGEST = 100, 1_000
"""Tasks on a page, unless said otherwise and at most."""
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {form: {"schema": {"type": "string"}} for form in ("text/csv", "application/json")},
    }
}


class Ask(BaseModel):
    """Which events to ask about: a slice or a collection of this name; all without a label unless given."""

    model_config = ConfigDict(extra="forbid")

    where: Annotated[str | None, Field(max_length=20_000)] = None
    collection: Annotated[str | None, Field(max_length=20_000)] = None
    since: Moment | None = None
    until: Moment | None = None
    most: Annotated[int | None, Field(ge=1, le=MOST)] = None
    people: Annotated[int, Field(ge=1, le=PEOPLE)] = 1


class Said(BaseModel):
    """What the label is."""

    model_config = ConfigDict(extra="forbid")

    label: Annotated[str, Field(max_length=2_000)] | bool | float


@router.get("", summary="Tasks with what people said")
def listed(
    model: ModelName, served: Served, _: Viewer, status: Annotated[State | None, Query()] = None,
    offset: Offset = 0, limit: Annotated[int, Query(ge=1, le=LARGEST)] = PAGE,
) -> dict[str, Any]:  # fmt: skip
    """Give tasks in the order in which they were made."""
    queue = served.model(model).labelling
    progress = queue.progress().tasks
    found = queue.tasks(status, offset=offset, most=limit)
    total = sum(progress.values()) if status is None else progress[status]
    return {"tasks": [one.to_dict() for one in found], "total": total}


@router.post("", status_code=201, summary="Ask for labels")
def made(model: ModelName, served: Served, _: Editor, body: Ask) -> dict[str, int]:
    """Make tasks of events that have no label; an event is asked about once."""
    chosen = served.model(model)
    if body.where is not None and body.collection is not None:
        raise TableError("a slice and a collection", where="tasks", expected="one of them, or neither")
    with asked():
        of = body.where if body.collection is None else collection_of(chosen, body.collection)
    said: dict[str, datetime | None] = {"since": body.since, "until": body.until}
    return chosen.labelling.make(of, most=body.most, people=body.people, **said).to_dict()


@router.get("/progress", summary="How far labelling is, and how far people agree")
def progress_of(model: ModelName, served: Served, _: Viewer) -> dict[str, Any]:
    """Give tasks by state, answers by person, and Krippendorff's alpha."""
    return served.model(model).labelling.progress().to_dict()


@router.get("/next", summary="The task to answer next")
def following(
    model: ModelName, served: Served, actor: Viewer,
    after: Annotated[str | None, Query(max_length=100, description="The task to pass over.")] = None,
) -> dict[str, Any]:  # fmt: skip
    """Give the task that whoever is signed in should answer next; null: there is none left for them."""
    found = served.model(model).labelling.next(actor.name, after)
    return {"task": None if found is None else found.to_dict()}


@router.get(
    "/export", summary="Tasks as a file", response_class=Response,
    responses={200: {"description": "The file.", "content": {form: {} for form in ANSWERED}}},
)  # fmt: skip
def exported(
    model: ModelName, served: Served, _: Viewer, format: Annotated[Format, Query()] = "csv",
    status: Annotated[State | None, Query(description="Those that still need somebody unless given.")] = None,
) -> Response:  # fmt: skip
    """Give tasks to be filled in: CSV, JSON, Label Studio's tasks, or the interface that shows those."""
    text = served.model(model).labelling.export(format, status)
    ending = {"csv": "csv", "label-studio-interface": "xml"}.get(format, "json")
    headers = {"Content-Disposition": f'attachment; filename="tasks.{ending}"'}
    return PlainTextResponse(text, media_type=TYPES.get(format, "application/json"), headers=headers)


@router.post("/answers", summary="Take answers from a file", openapi_extra=_FILE)
async def taken(
    request: Request, model: ModelName, served: Served, _: Editor,
    annotator: Annotated[str | None, Query(max_length=LONGEST, description="Who said it, where rows don't.")] = None,
) -> dict[str, int]:  # fmt: skip
    """Take a filled in CSV or JSON, or an export of Label Studio; the same file again changes nothing."""
    body = await request.body()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError("no UTF-8", where="the labels", expected="CSV or JSON in UTF-8") from error

    def take() -> dict[str, int]:
        return served.model(model).labelling.take(text, annotator=annotator).to_dict()

    return await run_in_threadpool(take)


@router.get("/{task}", summary="A task")
def one(model: ModelName, task: TaskId, served: Served, _: Viewer) -> dict[str, Any]:
    """Give a task with what people said."""
    chosen = served.model(model)
    with asked():
        return chosen.labelling.task(task).to_dict()


@router.post("/{task}/answer", summary="Say what the label is")
def answered(model: ModelName, task: TaskId, served: Served, actor: Editor, body: Said) -> dict[str, Any]:
    """Say what the label of a task is, as whoever is signed in; what the same person said before is replaced."""
    chosen = served.model(model)
    with asked():
        chosen.labelling.task(task)
    return chosen.labelling.answer(task, body.label, annotator=actor.name).to_dict()
