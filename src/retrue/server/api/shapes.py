"""What answers look like, for the OpenAPI document: each has the fields of the `to_dict()` that it comes from.

Parts that only people read (the cause of an incident, what a comparison measured) are objects without a promise.
"""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field

JsonObject: TypeAlias = dict[str, Any]
Kind = Literal["broken", "degraded", "unknown", "silent", "drifting", "not_comparable", "true"]


class Shape(BaseModel):
    """What all answers share: fields that come later are no fault."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())


class ErrorBody(Shape):
    """What went wrong: the class of error, what, where, what would have been right, and what to do."""

    type: str
    what: str
    where: str | None
    expected: str | None
    hint: str | None
    message: str


class ErrorAnswer(Shape):
    """Every answer with a status of 400 and above."""

    error: ErrorBody


class VerdictShape(Shape):
    """One judgement of one metric, column or slice in one window."""

    kind: Kind
    reason: str
    metric: str | None
    column: str | None
    slice: str | None
    window: list[str] | None
    value: float | None
    interval: list[float] | None
    n: float | None
    threshold: float | None


class JudgedShape(Shape):
    """A verdict, whether somebody is to be told, and what its column's move certainly costs."""

    verdict: VerdictShape
    alarm: bool
    loss: float | None


class FactsShape(Shape):
    """One model as lists show it."""

    model: str
    version: str
    events: int
    labelled: int
    open_incidents: int
    severity: str | None
    alarm_budget: str
    group: str | None


class ModelShape(Shape):
    """One model: what its events look like, and how it is watched."""

    model: str
    version: str
    schema_: JsonObject = Field(alias="schema")
    options: JsonObject


class VersionShape(Shape):
    """A version of a model, and its stage: champion, challenger, retired."""

    version: str
    stage: str
    created: str


class IncidentShape(Shape):
    """Alerts that belong together."""

    id: str
    model: str
    kind: Kind
    state: Literal["open", "acknowledged", "snoozed", "resolved"]
    since: str
    until: str | None
    columns: list[str]
    verdicts: list[VerdictShape]
    sentence: str
    severity: str


class CommentShape(Shape):
    """What somebody said of an incident."""

    number: int
    actor: str
    text: str
    at: str


class MarkerShape(Shape):
    """A time that is marked on every axis."""

    number: int
    kind: str
    text: str
    at: str
    until: str | None
    model: str | None
    actor: str
    created: str


class ReceivedShape(Shape):
    """What became of rows."""

    accepted: int
    quarantined: int
    reasons: dict[str, int]
    counts: dict[str, int]
    changes: list[str]


class CollectedShape(Shape):
    """A collection; its rows are at `/collections/rows`."""

    name: str
    slice: str | None
    rows: int
    matched: int
    incident: str | None
    policy: str


class WatchedSignalShape(Shape):
    """A signal that is watched, and what it has collected."""

    name: str
    slice: str | None
    function: str | None
    policy: str
    incident: str | None
    since: str | None
    applied: int
    error: str | None
    rows: int
    matched: int


class GainedShape(Shape):
    """How many rows came by signal."""

    rows: dict[str, int]


class SliceShape(Shape):
    """A slice that profiles are kept for."""

    name: str
    sql: str


class JobShape(Shape):
    """A run of a job."""

    id: str
    kind: str
    status: str
    model: str | None
    due: str
    updated: str
    body: JsonObject


class LogShape(Shape):
    """A line that a job, a training or the server said."""

    at: str
    level: str
    text: str
    job: str | None
    model: str | None
    version: str | None
    run: str | None


class ErasedShape(Shape):
    """What became of an erasure: rows by place, and what may still hold some."""

    ids: int
    rows: dict[str, int]
    files: int
    left: list[str]


Row = TypeVar("Row")


class PageShape(Shape, Generic[Row]):
    """Some of the rows that a question found, and how many there are on all pages."""

    rows: list[Row]
    total: int
    offset: int


class BacktestShape(Shape):
    """Sets of monitors replayed over history."""

    model: str
    since: str
    until: str
    windows: int
    days: float
    marked: int
    sets: list[JsonObject]
    monitors: list[JsonObject]
    notes: list[str]
    signals: list[JsonObject]
