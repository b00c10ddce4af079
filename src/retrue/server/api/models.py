"""Models: list them, look at one, register one with its reference, its versions, and what is judged of it."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from retrue.client.classes import score_columns
from retrue.errors import ConfigError
from retrue.judge.verdict import Verdict
from retrue.server.api.shapes import (
    ErasedShape,
    FactsShape,
    JsonObject,
    JudgedShape,
    ModelShape,
    SliceShape,
    VersionShape,
)
from retrue.server.api.shared import ERRORS, PREFIX, Editor, ModelName, Moment, Served, Somebody, Version, Viewer, asked
from retrue.server.api.tables import read_table
from retrue.server.auth import Actor, admin, some_viewer
from retrue.version import VERSION
from retrue.workspace import clock
from retrue.workspace.facts import described, facts
from retrue.workspace.stored import made_at

router = APIRouter(prefix=PREFIX, tags=["models"], responses=ERRORS)


class CheckQuestion(BaseModel):
    """What a check is asked: the time to judge at (now), and what windows are compared with this time."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"against": "last 7d"}]})

    now: Moment | None = None
    against: Annotated[str | None, Field(max_length=200)] = None


@router.get("/about", response_model=dict[str, str], operation_id="about", summary="Which version is it?")
def about(_: Somebody) -> dict[str, str]:
    """Give the version of Retrue that serves."""
    return {"version": VERSION}


@router.get("/models", response_model=list[FactsShape], operation_id="list_models", summary="List the models")
def list_models(served: Served, actor: Annotated[Actor, Depends(some_viewer)]) -> list[dict[str, Any]]:
    """Give each model that the caller may see: its events, labels, open incidents."""
    return [facts(model) for model in served.workspace.models() if actor.sees(model.name)]


@router.post(
    "/models/{model}", response_model=ModelShape, operation_id="register", summary="Register a model", status_code=201
)
def register(
    model: str,
    served: Served,
    _: Editor,
    reference: Annotated[
        UploadFile, File(description="The table it was trained or validated on: Parquet or Arrow IPC.")
    ],
    options: Annotated[str, Form(description="Roles and options of `register`, as a JSON object.")] = "{}",
) -> dict[str, Any]:
    """Register a model by the table that it learned from; held-out rows with scores and labels say most."""
    given = read_options(options)
    if given.keys() & {"predict", "schema", "validation"}:  # a path would be read here
        what = "a function, a schema or another table can't be sent"
        raise ConfigError(what, where="options", expected="roles and options", hint="POST /datasets records a table")
    frame = read_table(reference.file.read(served.settings.max_body + 1), served.settings.max_body)
    try:
        made = served.workspace.register(model, frame, **given)
    except TypeError as error:
        raise ConfigError(f"options that can't be read: {error}", where="register") from error
    return described(made)


def read_options(text: str) -> dict[str, Any]:
    """Options as they were sent.

    Raises:
        ConfigError: no JSON object.
    """
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"options that are no JSON ({error})", where="options") from error
    if not isinstance(given, dict):
        raise ConfigError("options that are no object", where="options", expected='such as {"id": "flight_id"}')
    return given


@router.get("/models/{model}", response_model=ModelShape, operation_id="get_model", summary="Look at a model")
def get_model(model: ModelName, served: Served, _: Viewer) -> dict[str, Any]:
    """Give what its events look like, and how it is watched."""
    return described(served.model(model))


@router.get("/models/{model}/schema", response_model=JsonObject, operation_id="get_schema", summary="Its schema")
def get_schema(model: ModelName, served: Served, _: Viewer) -> dict[str, Any]:
    """Give what its events look like: columns, kinds, roles."""
    return served.model(model).schema.to_dict()


@router.get(
    "/models/{model}/roles", response_model=JsonObject, operation_id="get_roles", summary="Which column is what"
)
def get_roles(model: ModelName, served: Served, _: Somebody) -> dict[str, Any]:
    """Give what a sender must know of the schema: the columns in the roles that it fills."""
    schema = served.model(model).schema
    single = {name: getattr(schema, name) for name in ("id", "time", "latency", "prediction")}
    several = {"scores": list(schema.scores), "features": list(schema.features), "labels": list(schema.classes)}
    return {**single, **several, "classes": score_columns(schema)}


@router.get(
    "/models/{model}/versions", response_model=list[VersionShape], operation_id="list_versions", summary="Its versions"
)
def list_versions(model: ModelName, served: Served, _: Viewer) -> list[dict[str, Any]]:
    """Give its versions, oldest first, each with its stage."""
    return [
        {"version": one.version, "stage": one.stage, "created": clock.moment(made_at(one)).isoformat()}
        for one in served.model(model).versions()
    ]


@router.get("/models/{model}/slices", response_model=list[SliceShape], operation_id="list_slices", summary="Its slices")
def list_slices(model: ModelName, served: Served, _: Viewer) -> list[dict[str, str]]:
    """Give the slices that profiles are kept for."""
    return [{"name": str(one), "sql": one.to_sql()} for one in served.workspace.store.slices(served.model(model).name)]


@router.post("/models/{model}/check", response_model=list[JudgedShape], operation_id="check", summary="Check a model")
def check(model: ModelName, served: Served, _: Editor, question: CheckQuestion | None = None) -> list[dict[str, Any]]:
    """Judge every window that closed or changed since the last check; worst first."""
    said = question or CheckQuestion()
    return [judged(one) for one in served.model(model).check(said.now, against=said.against)]


@router.get(
    "/models/{model}/verdicts", response_model=list[JudgedShape], operation_id="list_verdicts", summary="Its verdicts"
)
def list_verdicts(model: ModelName, served: Served, _: Viewer, version: Version = None) -> list[dict[str, Any]]:
    """Give what checks have judged so far of a version, in order of time."""
    from retrue.workspace.check.incidents import verdicts_of

    found = served.model(model)
    kept = verdicts_of(found, version or found.version)
    return [judged(one.within(span)) for span in sorted(kept) for one in kept[span]]


@router.get(
    "/models/{model}/concept_drift", response_model=list[JudgedShape], operation_id="concept_drift",
    summary="Since when it errs more",
)  # fmt: skip
def concept_drift(
    model: ModelName, served: Served, _: Viewer, detector: str = "adwin", version: Version = None,
    now: Moment | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Say since which event a version is wrong more often than before: its errors in order of event time."""
    with asked():
        return [judged(one) for one in served.model(model).concept_drift(detector, version=version, now=now)]


@router.post("/models/{model}/rollback", response_model=JsonObject, operation_id="rollback", summary="Roll back")
def rollback(model: ModelName, served: Served, _: Editor) -> dict[str, str]:
    """Make the version before the champion the champion again."""
    return {"version": served.model(model).rollback()}


class Forget(BaseModel):
    """Whose rows to erase, and why: the note goes into the audit log, so no personal data belongs in it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ids": ["f1"], "note": "asked by mail"}]}
    )

    ids: Annotated[list[Annotated[str, Field(max_length=1_000)] | int], Field(min_length=1, max_length=100_000)]
    note: Annotated[str | None, Field(max_length=1_000)] = None


@router.post("/models/{model}/forget", response_model=ErasedShape, operation_id="forget", summary="Erase rows by id")
def forget(model: ModelName, served: Served, _: Annotated[Actor, Depends(admin)], body: Forget) -> dict[str, Any]:
    """Erase every row of these ids, older versions included; profiles and figures stay. For admins."""
    return served.model(model).forget(body.ids, note=body.note).to_dict()


def judged(verdict: Verdict) -> dict[str, Any]:
    """A verdict, with what isn't among its ten fields."""
    return {"verdict": verdict.to_dict(), "alarm": bool(verdict.alarm), "loss": verdict.loss}
