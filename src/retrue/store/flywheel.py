"""What the flywheel keeps in the catalog: from the rows that were collected to what was decided. See `rows`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from retrue.store.row import Body, Row


@dataclass(frozen=True)
class RunRow(Row):
    """A training run and what came of it."""

    table: ClassVar[str] = "runs"
    id: str
    model: str
    status: str
    created: int
    updated: int
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest(Row):
    """A named set of lake rows: those of a query with `_seq <= seq`, and the digest that they had."""

    table: ClassVar[str] = "manifests"
    id: str
    model: str
    kind: str
    seq: int
    digest: str
    created: int
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Collection(Row):
    """Collected rows (edge cases): Parquet bytes, and the slice that they came from."""

    table: ClassVar[str] = "collections"
    model: str
    name: str
    rows: int
    data: bytes
    created: int
    sql: str | None = None
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Signal(Row):
    """A named slice whose share of the traffic is watched, and how its rows are collected; `sql` is None for code."""

    table: ClassVar[str] = "signals"
    model: str
    name: str
    created: int
    updated: int
    sql: str | None = None
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class CollectedRow(Row):
    """Rows that a collection took at one time: Parquet bytes, each with its reasons and inclusion probability."""

    table: ClassVar[str] = "collected"
    model: str
    collection: str
    rows: int
    data: bytes
    created: int
    body: Body = field(default_factory=dict)
    number: int | None = None


@dataclass(frozen=True)
class Task(Row):
    """An event that needs a label from a person; `id` is the same whenever it is asked for."""

    table: ClassVar[str] = "tasks"
    id: str
    model: str
    status: str
    created: int
    updated: int
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Annotation(Row):
    """What one person said of a task."""

    table: ClassVar[str] = "annotations"
    task: str
    annotator: str
    label: str
    created: int
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Trial(Row):
    """Two versions side by side in production, as a shadow or as an A/B test, and what they have shown so far."""

    table: ClassVar[str] = "trials"
    id: str
    model: str
    status: str
    created: int
    updated: int
    body: Body = field(default_factory=dict)


@dataclass(frozen=True)
class Decision(Row):
    """Whether to retrain, and why: `answer` is "retrain" or "wait"; `run` is what was started."""

    table: ClassVar[str] = "decisions"
    model: str
    answer: str
    created: int
    run: str | None = None
    body: Body = field(default_factory=dict)
    number: int | None = None
