"""What is known of a model's past: events, quarantine, performance, figures, odd events; and collections of rows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from retrue.errors import StoreError
from retrue.refine.collect import Collected
from retrue.server.api.shapes import CollectedShape, JsonObject, ReceivedShape
from retrue.server.api.shared import (
    ERRORS,
    PREFIX,
    TABLE,
    Editor,
    ModelName,
    Moment,
    Offset,
    Sender,
    Served,
    Since,
    Until,
    Version,
    Viewer,
    asked,
    table,
)
from retrue.server.errors import HttpError
from retrue.store.keeping import Sample
from retrue.workspace.explain.explanation import plain

router = APIRouter(prefix=PREFIX, tags=["history"], responses=ERRORS)

PAGE = 100_000
"""Rows of a page, at most."""
NEXT = "Retrue-Next"
"""The header that says at which offset the next page begins; it is missing on the last."""


@router.get(
    "/models/{model}/events", responses=TABLE, response_class=Response, operation_id="list_events",
    summary="Read logged events",
)  # fmt: skip
def list_events(
    request: Request, model: ModelName, served: Served, _: Viewer, since: Since = None, until: Until = None,
    version: Version = None, offset: Offset = 0, limit: Annotated[int, Query(ge=1, le=PAGE)] = 10_000,
    sample: Annotated[Sample, Query(description="Of a model that keeps a sample: which events.")] = "even",
) -> Response:  # fmt: skip
    """Give events with the label that is current, in order of time and id, a page at a time (header `Retrue-Next`)."""
    found = served.model(model)
    layout = served.workspace.store.layout(found.name)
    frame = found.events(since, until, version=version, sample=sample)
    order = [layout.time_column, layout.id_column]
    page = frame.sort(order).slice(offset, limit + 1).collect()
    more = {NEXT: str(offset + limit)} if page.height > limit else {}
    return table(request, page.head(limit), **more)


@router.get(
    "/models/{model}/quarantine/rows", responses=TABLE, response_class=Response, operation_id="quarantine_rows",
    summary="The whole quarantine as a table",
)  # fmt: skip
def quarantine_rows(request: Request, model: ModelName, served: Served, _: Viewer) -> Response:
    """Give rows that were set aside: when, kind, reason, id, and the row as JSON."""
    return table(request, served.model(model).quarantine())


@router.get(
    "/models/{model}/performance", responses=TABLE, response_class=Response, operation_id="performance",
    summary="How it did",
)  # fmt: skip
def performance(
    request: Request, model: ModelName, served: Served, _: Viewer,
    metric: Annotated[str | None, Query(max_length=200)] = None, version: Version = None,
) -> Response:  # fmt: skip
    """Give how a version did in each judged window: what labels say, and what was estimated without them."""
    return table(request, served.model(model).performance(metric, version=version))


@router.get(
    "/models/{model}/figures", responses=TABLE, response_class=Response, operation_id="figures",
    summary="What a column comes to",
)  # fmt: skip
def figures(
    request: Request, model: ModelName, served: Served, _: Viewer, value: Annotated[str, Query(max_length=500)],
    of: Literal["events", "feedback"] = "events", how: Literal["mean", "rate", "total", "count"] = "mean",
) -> Response:  # fmt: skip
    """Give what a column of the events or of the feedback comes to, by window and slice."""
    return table(request, served.model(model).figures(value, of=of, how=how))


@router.get(
    "/models/{model}/outliers", responses=TABLE, response_class=Response, operation_id="outliers",
    summary="Its oddest events",
)  # fmt: skip
def outliers(
    request: Request, model: ModelName, served: Served, _: Viewer, since: Since = None, until: Until = None
) -> Response:
    """Give the champion's logged events by how odd each is, the oddest first."""
    return table(request, served.model(model).outliers(since, until))


class Event(BaseModel):
    """One event, as it would be logged."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"event": {"precip": 0.3}}]})

    event: JsonObject


@router.post(
    "/models/{model}/outlier", response_model=JsonObject, operation_id="outlier", summary="How odd is one event?"
)
def outlier(model: ModelName, served: Served, _: Viewer, body: Event) -> Any:
    """Say how one event stands against the reference. It is not logged."""
    told = served.model(model).outlier(body.event)
    return {**plain(told.to_dict()), "said": str(told)}


class Records(BaseModel):
    """Records of a process and its machine."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"records": [{"at": "2026-03-01T12:00:00Z", "cpu_percent": 12}]}]},
    )

    records: Annotated[list[JsonObject], Field(min_length=1, max_length=10_000)]
    key: Annotated[str | None, Field(max_length=200)] = None


@router.post(
    "/models/{model}/signals", response_model=ReceivedShape, operation_id="signals", summary="Log system signals"
)
def signals(model: ModelName, served: Served, _: Sender, body: Records) -> Any:
    """Log how the service that runs a model is doing; kept as the model `NAME-system`, which rules judge."""
    return served.model(model).signals(body.records, key=body.key).to_dict()


class CollectQuestion(BaseModel):
    """Which rows to collect: a slice or an incident, perhaps a budget or a policy, a span of time, and a name."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"where": "precip > 0.1 AND origin = 'JFK'", "budget": 500}]}
    )

    where: Annotated[str | None, Field(min_length=1, max_length=10_000)] = None
    incident: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    budget: Annotated[int | None, Field(ge=1, le=10**7)] = None
    policy: Annotated[str | None, Field(min_length=1, max_length=300)] = None
    since: Moment | None = None
    until: Moment | None = None
    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None

    @model_validator(mode="after")
    def _one(self) -> CollectQuestion:
        if (self.where is None) == (self.incident is None):
            raise ValueError("one of where and incident")
        return self


@router.post(
    "/models/{model}/collections", response_model=CollectedShape, operation_id="collect", summary="Collect rows",
    status_code=201,
)  # fmt: skip
def collect(model: ModelName, served: Served, _: Editor, body: CollectQuestion) -> dict[str, Any]:
    """Collect the logged events of a slice, or of an incident's guilty slice, with their labels, under a name."""
    found = served.model(model)
    with asked():
        where = body.where or found.incident(str(body.incident))
    return collected(
        found.collect(where, budget=body.budget, policy=body.policy, since=body.since, until=body.until, name=body.name)
    )


@router.get(
    "/models/{model}/collections", response_model=list[CollectedShape], operation_id="list_collections",
    summary="List what was collected",
)  # fmt: skip
def list_collections(model: ModelName, served: Served, _: Viewer) -> list[dict[str, Any]]:
    """Give what was collected, oldest first."""
    return [collected(one) for one in served.model(model).collections()]


@router.get(
    "/models/{model}/collections/rows", responses=TABLE, response_class=Response, operation_id="collection_rows",
    summary="Read a collection",
)  # fmt: skip
def collection_rows(
    request: Request, model: ModelName, served: Served, _: Viewer, name: Annotated[str, Query(max_length=10_000)]
) -> Response:
    """Give the rows of a collection, with the labels known when it was made."""
    for one in served.model(model).collections():
        if one.name == name:
            return table(request, one.rows)
    raise HttpError(404, f"no collection {name[:100]!r}", where=f"model {model!r}", type=StoreError.__name__)


def collected(found: Collected) -> dict[str, Any]:
    """A collection without its rows."""
    return {
        "name": found.name, "slice": found.slice, "rows": found.rows.height, "matched": found.matched,
        "incident": found.incident, "policy": found.policy,
    }  # fmt: skip
