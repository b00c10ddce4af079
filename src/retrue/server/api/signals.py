"""Watched signals: which there are, watching one more or one less, and collecting what newly met them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from retrue.refine import signals as built_in
from retrue.server.api.shapes import GainedShape, WatchedSignalShape
from retrue.server.api.shared import ERRORS, PREFIX, Editor, ModelName, Moment, Served, Viewer, asked
from retrue.workspace.collect.watching import USUAL
from retrue.workspace.names import LONGEST

router = APIRouter(prefix=PREFIX, tags=["signals"], responses=ERRORS)


class NewSignal(BaseModel):
    """A signal to watch: a slice, a built-in one by its name, or an incident for its guilty slice; and its policy."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"signal": "low confidence"}, {"where": "precip > 0.1", "policy": "50 per day"}]
        },
    )

    where: Annotated[str | None, Field(min_length=1, max_length=10_000)] = None
    signal: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    incident: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    name: Annotated[str | None, Field(min_length=1, max_length=LONGEST)] = None
    policy: Annotated[str, Field(min_length=1, max_length=300)] = USUAL
    since: Moment | None = None

    @model_validator(mode="after")
    def _one(self) -> NewSignal:
        if sum(one is not None for one in (self.where, self.signal, self.incident)) != 1:
            raise ValueError("one of where, signal and incident")
        return self


@router.get(
    "/models/{model}/signals", response_model=list[WatchedSignalShape], operation_id="list_signals",
    summary="List watched signals",
)  # fmt: skip
def list_signals(model: ModelName, served: Served, _: Viewer) -> list[dict[str, Any]]:
    """Give the signals that are watched, by name, with how many rows each has collected."""
    return [one.to_dict() for one in served.model(model).watched_signals()]


@router.post(
    "/models/{model}/signals/watched", response_model=WatchedSignalShape, operation_id="watch_signal",
    summary="Watch a signal", status_code=201,
)  # fmt: skip
def watch_signal(model: ModelName, served: Served, _: Editor, body: NewSignal) -> dict[str, Any]:
    """Judge a signal's share of the traffic from now on, and collect its rows; one of the same name is replaced."""
    found = served.model(model)
    with asked():
        where = body.where or (found.incident(body.incident) if body.incident else built_in.named(str(body.signal)))
    return found.watch_signal(where, name=body.name, policy=body.policy, since=body.since).to_dict()


@router.delete(
    "/models/{model}/signals", response_model=list[WatchedSignalShape], operation_id="unwatch_signal",
    summary="Watch a signal no more",
)  # fmt: skip
def unwatch_signal(
    model: ModelName, served: Served, _: Editor, name: Annotated[str, Query(min_length=1, max_length=LONGEST)]
) -> list[dict[str, Any]]:
    """Watch a signal no more, and give those that still are; what it collected stays."""
    found = served.model(model)
    with asked():
        found.unwatch_signal(name)
    return [one.to_dict() for one in found.watched_signals()]


@router.post(
    "/models/{model}/signals/collect", response_model=GainedShape, operation_id="collect_new",
    summary="Collect what newly met its signals",
)  # fmt: skip
def collect_new(model: ModelName, served: Served, _: Editor) -> dict[str, Any]:
    """Collect now what the jobs would collect by themselves; gives how many rows came by signal."""
    return {"rows": served.model(model).collect_new()}
