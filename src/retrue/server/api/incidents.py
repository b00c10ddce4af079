"""Incidents: list them, look at one, have it explained, and say something of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import PlainTextResponse, Response

from retrue.server.api.shapes import CommentShape, IncidentShape, JsonObject
from retrue.server.api.shared import ERRORS, PREFIX, Editor, ModelName, Moment, Served, Viewer, asked, report_page
from retrue.server.auth import Actor, some_viewer
from retrue.server.errors import HttpError
from retrue.server.service import Service
from retrue.workspace import clock, notes
from retrue.workspace.incident import ModelIncident

router = APIRouter(prefix=PREFIX, tags=["incidents"], responses=ERRORS)

IncidentId = Annotated[str, Path(description="Its id, or the start of it.", min_length=1, max_length=200)]
Live = Annotated[bool, Query(description="Only those that aren't resolved.")]
OFF, ON = False, True


class Body(BaseModel):
    """What all bodies share: no field that isn't known."""

    model_config = ConfigDict(extra="forbid")


class Snooze(Body):
    """Until when nobody wants to hear of it; a day from now unless given."""

    until: Moment | None = None


class Resolve(Body):
    """When it was over; now unless given."""

    at: Moment | None = None


class Mark(Body):
    """Whether it is real or a false alarm, and why."""

    real: bool
    note: Annotated[str | None, Field(max_length=notes.LONGEST)] = None


class Said(Body):
    """A comment."""

    text: Annotated[str, Field(min_length=1, max_length=notes.LONGEST)]


def found(served: Service, model: str, id: str) -> ModelIncident:
    """The incident that is meant.

    Raises:
        HttpError: 404, there is none.
    """
    with asked():
        return served.model(model).incident(id)


def lasting(served: Service, model: str, id: str) -> ModelIncident:
    """The same; what is resolved needs nobody.

    Raises:
        HttpError: 409, it is resolved.
    """
    chosen = found(served, model, id)
    if not chosen.incident.live:
        raise HttpError(
            409,
            f"incident {chosen.id} is resolved",
            hint="alerts that come soon after open it again",
            type="StoreError",
        )
    return chosen


def now(chosen: ModelIncident) -> dict[str, Any]:
    """The incident as it is kept now."""
    return chosen.now().to_dict()


@router.get(
    "/incidents", response_model=list[IncidentShape], operation_id="list_all_incidents",
    summary="List the incidents of all models",
)  # fmt: skip
def list_all(served: Served, actor: Annotated[Actor, Depends(some_viewer)], live: Live = ON) -> list[dict[str, Any]]:
    """Give the incidents of the models that the caller may see, latest first."""
    models = [model for model in served.workspace.models() if actor.sees(model.name)]
    every = [one for model in models for one in model.incidents(live=live)]
    return [one.to_dict() for one in sorted(every, key=lambda one: str(one.since), reverse=True)]


@router.get(
    "/models/{model}/incidents", response_model=list[IncidentShape], operation_id="list_incidents",
    summary="List a model's incidents",
)  # fmt: skip
def list_incidents(model: ModelName, served: Served, _: Viewer, live: Live = OFF) -> list[dict[str, Any]]:
    """Give its incidents, latest first."""
    return [one.to_dict() for one in served.model(model).incidents(live=live)]


@router.get(
    "/models/{model}/incidents/{id}", response_model=IncidentShape, operation_id="get_incident",
    summary="Look at an incident",
)  # fmt: skip
def get_incident(model: ModelName, id: IncidentId, served: Served, _: Viewer) -> dict[str, Any]:
    """Give one incident."""
    return found(served, model, id).to_dict()


EXPLAINED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The explanation, in the form that was asked for.",
        "content": {"text/html": {"schema": {"type": "string"}}, "text/plain": {"schema": {"type": "string"}}},
    }
}


@router.get(
    "/models/{model}/incidents/{id}/explanation", response_model=JsonObject, responses=EXPLAINED,
    operation_id="explain", summary="Explain an incident",
)  # fmt: skip
def explain(
    model: ModelName, id: IncidentId, served: Served, _: Viewer,
    form: Annotated[Literal["json", "html", "text"], Query(description="As data, as a page, or as text.")] = "json",
) -> Any:  # fmt: skip
    """Say since when, which features, which rows, and what it costs. It reads the rows: it may take seconds."""
    with asked(409):
        explained = found(served, model, id).explain()
    if form == "json":
        return explained.to_dict()
    answer: Response = report_page(explained.to_html()) if form == "html" else PlainTextResponse(str(explained))
    return answer


@router.post(
    "/models/{model}/incidents/{id}/acknowledge", response_model=IncidentShape, operation_id="acknowledge",
    summary="Say that somebody is on it",
)  # fmt: skip
def acknowledge(model: ModelName, id: IncidentId, served: Served, _: Editor) -> dict[str, Any]:
    """Acknowledge an incident."""
    chosen = lasting(served, model, id)
    chosen.acknowledge()
    return now(chosen)


@router.post(
    "/models/{model}/incidents/{id}/snooze", response_model=IncidentShape, operation_id="snooze",
    summary="Hear no more of it for a while",
)  # fmt: skip
def snooze(model: ModelName, id: IncidentId, served: Served, _: Editor, body: Snooze | None = None) -> dict[str, Any]:
    """Snooze an incident: it is told again after a time."""
    chosen = lasting(served, model, id)
    chosen.snooze((body or Snooze()).until or clock.now() + timedelta(days=1))
    return now(chosen)


@router.post(
    "/models/{model}/incidents/{id}/resolve", response_model=IncidentShape, operation_id="resolve",
    summary="Say that it is over",
)  # fmt: skip
def resolve(model: ModelName, id: IncidentId, served: Served, _: Editor, body: Resolve | None = None) -> dict[str, Any]:
    """Resolve an incident; alerts in windows that end later open it again."""
    chosen = found(served, model, id)
    chosen.resolve((body or Resolve()).at)
    return now(chosen)


@router.post(
    "/models/{model}/incidents/{id}/mark", response_model=IncidentShape, operation_id="mark",
    summary="Call it real or a false alarm",
)  # fmt: skip
def mark(model: ModelName, id: IncidentId, served: Served, _: Editor, body: Mark) -> dict[str, Any]:
    """Say whether it is real; the windows of a false alarm count as good ones."""
    chosen = found(served, model, id)
    chosen.mark(real=body.real, note=body.note)
    return now(chosen)


@router.get(
    "/models/{model}/incidents/{id}/comments", response_model=list[CommentShape], operation_id="list_comments",
    summary="What was said of it",
)  # fmt: skip
def list_comments(model: ModelName, id: IncidentId, served: Served, _: Viewer) -> list[dict[str, Any]]:
    """Give the comments, oldest first."""
    return [notes.comment_dict(one) for one in found(served, model, id).comments()]


@router.post(
    "/models/{model}/incidents/{id}/comments", response_model=list[CommentShape], operation_id="comment",
    summary="Say something of it", status_code=201,
)  # fmt: skip
def comment(model: ModelName, id: IncidentId, served: Served, _: Editor, body: Said) -> list[dict[str, Any]]:
    """Add a comment, and give all of them."""
    chosen = found(served, model, id)
    chosen.comment(body.text)
    return [notes.comment_dict(one) for one in chosen.comments()]
