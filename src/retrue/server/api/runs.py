"""Runs: queue one with a registered trainer, see what came of it, prove and promote it.

What loads a trainer's code or a trained model is done in a process of its own; none of it is ever sent or received.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from retrue.config import load
from retrue.jobs.apart import apart
from retrue.server.api.shapes import JsonObject
from retrue.server.api.shared import ERRORS, PREFIX, Editor, ModelName, Served, Somebody, Viewer, asked
from retrue.server.auth import Actor
from retrue.workspace import Model
from retrue.workspace.acting import audit
from retrue.workspace.run import Run
from retrue.workspace.train.parts import check_parts, part_names
from retrue.workspace.train.trainers import settings_of

router = APIRouter(prefix=PREFIX, tags=["runs"], responses=ERRORS)

RunId = Annotated[str, Path(description='Its id, the start of it, or "latest".', min_length=1, max_length=100)]
Limit = Annotated[int, Query(description="How many at most.", ge=1, le=1_000)]
LATEST = 20
Share = Annotated[float, Field(gt=0, le=1e9)]
Text = Annotated[str, Field(min_length=1, max_length=10_000)]


class MixSettings(BaseModel):
    """What `rt.Mix` takes besides its parts."""

    model_config = ConfigDict(extra="forbid")

    by: Literal["share", "row"] = "share"
    balance: Text | Annotated[list[Text], Field(max_length=100)] | None = None
    most: Annotated[int, Field(ge=1)] | dict[str, Annotated[int, Field(ge=1)]] | None = None
    unique: Literal["equal", "near"] | None = None
    trusted: Annotated[list[Text], Field(max_length=1_000)] = []
    broken: bool = False
    refit: bool = False
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0


class NewRun(BaseModel):
    """A registered trainer, and the shares of the parts that it is to learn from: reference, log, collections."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"trainer": "nightly", "mix": {"reference": 0.4, "log": 0.4, "storms": 0.2}}]},
    )

    trainer: Annotated[str, Field(min_length=1, max_length=200)]
    mix: Annotated[dict[str, Share], Field(min_length=1, max_length=100)]
    settings: MixSettings = MixSettings()
    holdout: Annotated[str, Field(max_length=20)] | Annotated[float, Field(gt=0, lt=1)] = 0.25
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0


class Promotion(BaseModel):
    """Why it is promoted though the gate refuses, on the name of who asks; the gate decides unless given."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str | None, Field(max_length=2_000)] = None
    who: Annotated[str | None, Field(max_length=100, description="Your name, where nobody has to sign in.")] = None


def queued(model: Model, actor: str, trainer: str, mix: dict[str, float], **asked_: Any) -> dict[str, Any]:
    """Queue a run in a process of its own; what is wrong with the names is said at once.

    Raises:
        ConfigError: an unknown trainer or part.
        RetrueError: as `Model.queue` raises it.
    """
    settings_of(trainer)
    check_parts(mix, part_names(model))
    with model.store.catalog.write() as tx:
        audit(tx, "asked for a training", model.name, {"trainer": trainer, "mix": mix})
    return apart("queue", model.store.folder, model.name, actor, trainer=trainer, mix=mix, **asked_)


def found(served: Served, model: str, id: str) -> Run:
    """The run that is meant.

    Raises:
        HttpError: 404, there is none.
    """
    with asked():
        return served.model(model).run(id)


def ask(what: str, run: Run, actor: Actor, **told: Any) -> dict[str, Any]:
    """Prove or promote a run in a process of its own."""
    run.refuse_untrained()
    with run.model.store.catalog.write() as tx:
        audit(tx, f"asked to {what}", run.model.name, {"run": run.id, "override": "note" in told})
    return apart(what, run.model.store.folder, run.model.name, actor.name, run=run.id, **told)


@router.get("/trainers", response_model=list[str], operation_id="list_trainers", summary="List registered trainers")
def list_trainers(_: Somebody) -> list[str]:
    """Give the names of what `retrue.toml` names under `[trainers]`."""
    return sorted(load().trainers)


@router.get("/models/{model}/runs", operation_id="list_runs", summary="List a model's training runs")
def list_runs(model: ModelName, served: Served, _: Viewer, limit: Limit = LATEST) -> list[JsonObject]:
    """Give its runs, latest first, each with manifest, proof and what went wrong."""
    return [one.to_dict() for one in served.model(model).runs()[:limit]]


@router.post("/models/{model}/runs", status_code=201, operation_id="queue_run", summary="Queue a training run")
def queue_run(model: ModelName, served: Served, actor: Editor, body: NewRun) -> JsonObject:
    """Choose the rows now, and leave the training to the jobs of the service, which look for it every second."""
    mixed = {"settings": body.settings.model_dump(), "holdout": body.holdout, "seed": body.seed}
    return queued(served.model(model), actor.name, body.trainer, dict(body.mix), **mixed)


@router.get("/models/{model}/runs/{run}", operation_id="show_run", summary="Show a training run")
def show_run(model: ModelName, run: RunId, served: Served, _: Viewer) -> JsonObject:
    """Give what it learned from, what it showed, and what became of it."""
    return found(served, model, run).to_dict()


@router.post("/models/{model}/runs/{run}/prove", operation_id="prove_run", summary="Prove a run")
def prove_run(model: ModelName, run: RunId, served: Served, actor: Editor) -> JsonObject:
    """Compare champion and challenger on later events that neither has learned from."""
    return ask("prove", found(served, model, run), actor)


@router.post("/models/{model}/runs/{run}/promote", operation_id="promote_run", summary="Promote a run")
def promote_run(model: ModelName, run: RunId, body: Promotion, served: Served, actor: Editor) -> JsonObject:
    """Prove it once more and make it the champion; refused, with the reasons, unless the gate opens."""
    note = (body.note or "").strip()
    told = {"override": actor.named(body.who or ""), "note": note} if note else {}
    return ask("promote", found(served, model, run), actor, **told)
