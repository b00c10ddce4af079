"""What goes into the catalog and comes out of it: one frozen dataclass for each table.

Times are microseconds since 1970 (UTC), a window's `start` is seconds since 1970. `body` holds JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from retrue.store.flywheel import (
    Annotation,
    CollectedRow,
    Collection,
    Decision,
    Manifest,
    RunRow,
    Signal,
    Task,
    Trial,
)
from retrue.store.row import Body, Row

__all__ = [
    "ROWS",
    "Annotation",
    "Audit",
    "Body",
    "CollectedRow",
    "Collection",
    "Comment",
    "Counter",
    "Decision",
    "Delivery",
    "EstimateRow",
    "GridsRow",
    "IncidentRow",
    "Job",
    "Lease",
    "Log",
    "Manifest",
    "Marker",
    "Model",
    "NamedSlice",
    "Point",
    "Preference",
    "ProfileRow",
    "Reference",
    "Row",
    "RunRow",
    "Session",
    "Signal",
    "Task",
    "Token",
    "Trial",
    "VerdictRow",
    "Version",
    "Window",
]


@dataclass(frozen=True)
class Model(Row):
    """A registered model; `digest` names the grids it is counted on, `applied` is its last finished segment."""

    table: ClassVar[str] = "models"
    name: str
    layout: Body
    schema: str = "{}"
    settings: Body = field(default_factory=dict)
    digest: str | None = None
    applied: int = 0
    created: int = 0


@dataclass(frozen=True)
class Version(Row):
    """A version of a model; `stage` is champion, challenger, shadow, retired ..."""

    table: ClassVar[str] = "versions"
    model: str
    version: str
    stage: str
    created: int = 0
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class GridsRow(Row):
    """The grids of a model's line, as bytes."""

    table: ClassVar[str] = "grids"
    model: str
    digest: str
    data: bytes
    created: int = 0


@dataclass(frozen=True)
class Reference(Row):
    """A version's reference as bytes, on the grids named by `digest`."""

    table: ClassVar[str] = "reference_profiles"
    model: str
    version: str
    digest: str
    rows: int
    labelled: int
    data: bytes
    created: int = 0
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class NamedSlice(Row):
    """A slice that profiles are kept for, as canonical SQL."""

    table: ClassVar[str] = "slices"
    model: str
    name: str
    sql: str
    created: int = 0
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class ProfileRow(Row):
    """One part of the profile of one window and slice; `applied` is the segment that changed it last."""

    table: ClassVar[str] = "profiles"
    model: str
    version: str
    digest: str
    start: int
    slice: str
    part: str
    rows: int
    applied: int
    data: bytes


@dataclass(frozen=True)
class Window(Row):
    """A window's bookkeeping; `bent` counts corrections that min, max and float sums couldn't follow exactly."""

    table: ClassVar[str] = "windows"
    model: str
    version: str
    start: int
    events: int
    labelled: int
    applied: int
    bent: int = 0


@dataclass(frozen=True)
class Counter(Row):
    """A running count of a model: repeated, quarantined, ambiguous ..."""

    table: ClassVar[str] = "counters"
    model: str
    name: str
    value: int


@dataclass(frozen=True)
class Point(Row):
    """A metric's value on a window and slice; `column` is "" where the metric has none."""

    table: ClassVar[str] = "points"
    model: str
    version: str
    start: int
    slice: str
    metric: str
    column: str
    value: float | None
    reference: float | None = None
    low: float | None = None
    high: float | None = None
    error: float | None = None
    rows: int = 0
    applied: int = 0
    note: str | None = None


@dataclass(frozen=True)
class EstimateRow(Row):
    """What labels would say of a window (`Estimate.to_dict`), as it was estimated from `events` of them."""

    table: ClassVar[str] = "estimates"
    model: str
    version: str
    start: int
    events: int
    created: int
    body: Body


@dataclass(frozen=True)
class VerdictRow(Row):
    """A verdict as it was given; `applied` is what it had seen. `number` is given by the catalog."""

    table: ClassVar[str] = "verdicts"
    model: str
    version: str
    start: int
    kind: str
    applied: int
    created: int
    body: Body
    number: int | None = None


@dataclass(frozen=True)
class IncidentRow(Row):
    """An incident: open, acknowledged, snoozed or resolved."""

    table: ClassVar[str] = "incidents"
    id: str
    model: str
    status: str
    opened: int
    updated: int
    closed: int | None = None
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Job(Row):
    """A run of something that runs by itself: `status` is running, done or failed, from `due` to `updated`."""

    table: ClassVar[str] = "jobs"
    id: str
    kind: str
    status: str
    due: int
    updated: int
    body: Body = field(default_factory=dict)
    model: str | None = None


@dataclass(frozen=True)
class Audit(Row):
    """Who did what and when; `digest` chains it to the entry before. `number` is given by the catalog."""

    table: ClassVar[str] = "audit"
    at: int
    actor: str
    action: str
    model: str | None = None
    body: Body = field(default_factory=dict)
    digest: str | None = None
    number: int | None = None


@dataclass(frozen=True)
class Lease(Row):
    """Who may do a piece of work until when; when that has passed, another may take it over."""

    table: ClassVar[str] = "leases"
    name: str
    holder: str
    until: int
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Log(Row):
    """A line that a job, a training or the server said. `number` is given by the catalog."""

    table: ClassVar[str] = "logs"
    at: int
    level: str
    text: str
    job: str | None = None
    model: str | None = None
    version: str | None = None
    run: str | None = None
    body: Body = field(default_factory=dict)
    number: int | None = None


@dataclass(frozen=True)
class Delivery(Row):
    """A message about an incident to a channel: `event` is opened or resolved, `status` waiting, sent or failed."""

    table: ClassVar[str] = "deliveries"
    incident: str
    model: str
    channel: str
    event: str
    status: str
    due: int
    updated: int
    tries: int = 0
    body: Body = field(default_factory=dict)
    number: int | None = None


@dataclass(frozen=True)
class Marker(Row):
    """Something to remember on every time axis: a deployment, a holiday, a note; of one model, or of all."""

    table: ClassVar[str] = "markers"
    kind: str
    text: str
    at: int
    actor: str
    created: int
    until: int | None = None
    model: str | None = None
    number: int | None = None


@dataclass(frozen=True)
class Comment(Row):
    """What somebody said of an incident."""

    table: ClassVar[str] = "comments"
    model: str
    incident: str
    actor: str
    text: str
    created: int
    number: int | None = None


@dataclass(frozen=True)
class Token(Row):
    """What a program signs in with: only its digest is kept. `body` names the `models` that it is for; none: all."""

    table: ClassVar[str] = "tokens"
    id: str
    name: str
    digest: str
    role: str
    created: int
    expires: int | None = None
    used: int | None = None
    revoked: int | None = None
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Session(Row):
    """Somebody who is signed in; `id` is the digest of what the cookie holds."""

    table: ClassVar[str] = "sessions"
    id: str
    actor: str
    role: str
    created: int
    expires: int
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Preference(Row):
    """A setting that people change while the service runs: channels, quiet hours, retention."""

    table: ClassVar[str] = "preferences"
    name: str
    body: Body
    updated: int


ROWS: tuple[type[Row], ...] = (
    Model, Version, GridsRow, Reference, NamedSlice, ProfileRow, Window, Counter, Point, EstimateRow, VerdictRow,
    IncidentRow, RunRow, Manifest, Collection, Job, Audit, Lease, Log, Delivery, Marker, Comment, Token, Session,
    Preference, Signal, CollectedRow, Task, Annotation, Trial, Decision,
)  # fmt: skip
"""Every kind of row."""
