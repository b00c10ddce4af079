"""Decisions and trials: whether retraining pays, and which of two versions is the better one in production."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from retrue.server.api.shapes import JsonObject
from retrue.server.api.shared import ERRORS, PREFIX, Editor, ModelName, Moment, Served, Viewer, asked
from retrue.server.errors import HttpError
from retrue.workspace import clock
from retrue.workspace.decide import deciding, trials

router = APIRouter(prefix=PREFIX, tags=["work"], responses=ERRORS)

TrialId = Annotated[str, Path(description="Its id, or the start of it.", min_length=1, max_length=200)]
Limit = Annotated[int, Query(description="How many at most.", ge=1, le=1_000)]
LATEST = 100


class Start(BaseModel):
    """The version that is tried beside the champion, and how."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Literal["shadow", "ab"] = "shadow"
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.01
    slices: Annotated[list[Annotated[str, Field(max_length=10_000)]] | None, Field(max_length=trials.PLACES)] = None
    run: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    now: Moment | None = None


class Question(BaseModel):
    """When to decide for (now), and what to weigh by: the model's own policy unless given."""

    model_config = ConfigDict(extra="forbid")

    now: Moment | None = None
    policy: JsonObject | None = None


class Stop(BaseModel):
    """Why, and when; now unless given."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(max_length=10_000)] = ""
    now: Moment | None = None


def found(served: Served, model: str, id: str) -> trials.Trial:
    """The trial that is meant.

    Raises:
        HttpError: 404, there is none.
    """
    with asked():
        return trials.find(served.model(model), id)


@router.get("/models/{model}/trials", operation_id="list_trials", summary="List a model's trials")
def list_trials(model: ModelName, served: Served, _: Viewer) -> list[JsonObject]:
    """Give its trials as they were last judged, latest first."""
    return [one.to_dict() for one in served.model(model).trials()]


@router.post("/models/{model}/trials", operation_id="start_trial", summary="Try a version beside the champion")
def start_trial(model: ModelName, body: Start, served: Served, _: Editor) -> JsonObject:
    """Compare a version with the champion from now on, or go on with the trial that does."""
    given: dict[str, Any] = body.model_dump(exclude={"version"})
    with asked():  # a run that isn't there
        return served.model(model).trial(body.version, **given).to_dict()


@router.get("/models/{model}/trials/{id}", operation_id="show_trial", summary="Say what a trial has shown")
def show_trial(model: ModelName, id: TrialId, served: Served, _: Viewer) -> JsonObject:
    """Judge it by the labels that have matured by now."""
    chosen = found(served, model, id)
    return {**chosen.to_dict(), "judged": chosen.judge().to_dict()}


@router.post("/models/{model}/trials/{id}/stop", operation_id="stop_trial", summary="End a trial")
def stop_trial(model: ModelName, id: TrialId, body: Stop, served: Served, _: Editor) -> JsonObject:
    """Let events from now on count no more."""
    chosen = found(served, model, id)
    if chosen.status == trials.STOPPED:
        raise HttpError(409, f"trial {chosen.id} was stopped already", type="StoreError")
    return chosen.stop(body.note, body.now).to_dict()


@router.get("/models/{model}/decision", operation_id="decide", summary="Say whether retraining pays by now")
def decide(model: ModelName, served: Served, _: Viewer) -> JsonObject:
    """Give the answer with every number that it was made from; it isn't kept."""
    return deciding.weigh(served.model(model), clock.now()).to_dict()


@router.post("/models/{model}/decisions", operation_id="keep_decision", summary="Decide, and keep the answer")
def keep_decision(model: ModelName, body: Question, served: Served, _: Editor) -> JsonObject:
    """Give the answer with every number that it was made from, and keep it; nothing is fitted or started."""
    chosen, at = served.model(model), clock.aware(body.now or clock.now())
    return deciding.keep(chosen, deciding.weigh(chosen, at, body.policy), at).to_dict()


@router.get("/models/{model}/decisions", operation_id="list_decisions", summary="List earlier answers")
def list_decisions(model: ModelName, served: Served, _: Viewer, limit: Limit = LATEST) -> list[JsonObject]:
    """Give them newest first."""
    return served.model(model).decisions()[:limit]
