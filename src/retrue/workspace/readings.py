"""Readings: what a store knows of its models, as samples that Prometheus scrapes and OTLP carries.

    catalog ── the newest figure of each metric, the last judged window's columns, incidents, books, jobs ──> families

Everything comes from the catalog and the spool; no event is read. What matters most comes first, so that a bound on
their number cuts off what moved least.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, select

from retrue.adapters.samples import Family, Sample
from retrue.judge.incident import State
from retrue.judge.severity import Severity
from retrue.store import rows, tables
from retrue.store.catalog import Transaction
from retrue.store.tables import windows
from retrue.workspace.clock import MICROS
from retrue.workspace.figures import Figures, figures_of, of_columns, of_performance
from retrue.workspace.newest import Books, newest_of, of_newest, roles_of
from retrue.workspace.remembered import Remembered
from retrue.workspace.restarts import PARTS, restarts

if TYPE_CHECKING:
    from retrue.workspace.workspace import Workspace

MOST = 20_000
"""The most samples that are exported at once."""


@dataclass(frozen=True)
class Kept:
    """What was read last, model by model: figures of judged windows, and what the newest window's profile says."""

    figures: Remembered[Figures] = field(default_factory=Remembered)
    newest: Remembered[tuple[Sample, ...]] = field(default_factory=Remembered)


@dataclass(frozen=True)
class Live:
    """An incident that isn't resolved."""

    model: str
    kind: str
    severity: str
    opened: int


def readings(
    workspace: Workspace,
    kept: Kept | None = None,
    judged: Mapping[str, str] | None = None,
    seconds: float = float("inf"),
) -> tuple[Family, ...]:
    """All families, those that matter most first.

    Args:
        workspace: whose.
        kept: what was read last, of one reader; it is brought up to date. Everything is read anew unless given.
        judged: a text by model that differs once one of its windows was judged; looked up before.
        seconds: how long what changed of judged windows and profiles is read for; the rest is told as it was, which
            `readings_behind` counts, and comes next time.
    """
    store, kept, end = workspace.store, kept or Kept(), time.monotonic() + seconds
    with store.catalog.read() as tx:
        champions = champions_of(tx)
        states = states_of(champions, judged)
        figures = kept.figures.of(states, lambda name: figures_of(tx, name, champions[name]), seconds)
        live, books, jobs = live_of(tx), books_of(tx, champions), jobs_of(tx)
        counted = tx.find(rows.Counter)
        schemas = schemas_of(tx)
        died = {part: restarts(tx, part) for part in PARTS}
    told = {one.model: (one, roles_of(one.model, schemas[one.model])) for one in books}
    wanted = {name: (own.version, own.last, roles) for name, (own, roles) in told.items() if roles and own.last}
    newest = kept.newest.of(wanted, lambda name: newest_of(store, *told[name]), end - time.monotonic())
    return (
        *of_incidents(sorted(schemas), live),
        *of_performance(figures.values()),
        *of_windows(books),
        *of_spool(workspace, sorted(schemas), counted),
        *of_jobs(jobs),
        *of_service(died, kept.figures.behind + kept.newest.behind),
        *of_newest(newest),
        *of_columns(one.columns for one in figures.values()),
    )


def read_some(workspace: Workspace, kept: Kept, judged: Mapping[str, str], most: int) -> bool:
    """Read the figures of a few models that weren't read before; gives whether some are left.

    Args:
        workspace: whose.
        kept: what was read before; what is read is added.
        judged: as in `readings`.
        most: how many models.
    """
    with workspace.store.catalog.read() as tx:
        champions = champions_of(tx)
        unread = [name for name in champions if name not in kept.figures.kept]
        wanted = champions.keys() - set(unread[most:])
        states = {name: state for name, state in states_of(champions, judged).items() if name in wanted}
        kept.figures.of(states, lambda name: figures_of(tx, name, champions[name]), 0)
    return len(unread) > most


def states_of(champions: Mapping[str, str], judged: Mapping[str, str] | None) -> dict[str, tuple[str, str | None]]:
    """What each model's figures are of: its champion, and what says that one of its windows was judged."""
    return {name: (version, (judged or {}).get(name)) for name, version in champions.items()}


def champions_of(tx: Transaction) -> dict[str, str]:
    """The champion of each model that has one."""
    v = tables.versions.c
    query = select(v.model, v.version).where(v.stage == "champion").order_by(v.model, v.version)
    return {row.model: row.version for row in tx.connection.execute(query)}


def schemas_of(tx: Transaction) -> dict[str, str]:
    """The schema of each model, in JSON."""
    m = tables.models.c
    return {row.name: row.schema for row in tx.connection.execute(select(m.name, m.schema))}


# --- incidents --------------------------------------------------------------------------------------------------------


def live_of(tx: Transaction) -> list[Live]:
    """The incidents that aren't resolved; of their bodies only what is told."""
    c = tables.incidents.c
    kind, severity = (c.body[name].as_string().label(name) for name in ("kind", "severity"))
    query = select(c.model, kind, severity, c.opened).where(c.status != State.RESOLVED.value).order_by(c.id)
    return [Live(one.model, one.kind or "", one.severity or "", one.opened) for one in tx.connection.execute(query)]


def of_incidents(models: Sequence[str], live: Sequence[Live]) -> Iterator[Family]:
    """Whether each model is out of true, and its incidents that aren't over by kind and severity."""
    open_: Counter[tuple[str, str, str]] = Counter()
    ages: dict[str, int] = {}
    for row in live:
        open_[row.model, row.kind, row.severity] += 1
        ages[row.model] = min(ages.get(row.model, row.opened), row.opened)
    yield Family(
        "model_out_of_true",
        "1 while the model has an incident that isn't resolved, else 0.",
        tuple(Sample(float(name in ages), {"model": name}) for name in models),
    )
    yield Family(
        "incidents",
        "Incidents that aren't resolved, by kind and severity.",
        tuple(
            Sample(float(open_[name, kind, severity]), {"model": name, "kind": kind, "severity": severity})
            for name, kind, severity in sorted(open_, key=lambda key: (-Severity(key[2] or "low").rank, key))
        ),
        unit="{incident}",
    )
    yield Family(
        "oldest_incident_timestamp_seconds",
        "When the oldest incident that isn't resolved opened.",
        tuple(Sample(at / MICROS, {"model": name}) for name, at in sorted(ages.items())),
        unit="s",
    )


# --- traffic ----------------------------------------------------------------------------------------------------------


def books_of(tx: Transaction, champions: Mapping[str, str]) -> list[Books]:
    """The books of each champion."""
    w = windows.c
    sums = func.sum(w.events).label("events"), func.sum(w.labelled).label("labelled"), func.max(w.start).label("start")
    totals = select(w.model, w.version, *sums).group_by(w.model, w.version).subquery()
    same = and_(*(w[name] == totals.c[name] for name in ("model", "version", "start")))
    query = select(totals.c.events.label("all_events"), totals.c.labelled.label("all_labelled"), windows)
    found: dict[tuple[str, str], Books] = {}
    for row in tx.connection.execute(query.join(windows, same)).mappings():
        last = rows.Window(**{column.name: row[column.name] for column in windows.columns})
        own = int(row["all_events"]), int(row["all_labelled"])
        found[last.model, last.version] = Books(last.model, last.version, *own, last)
    return [found.get(key, Books(*key)) for key in champions.items()]


def of_windows(books: Sequence[Books]) -> Iterator[Family]:
    """How many events and labels came."""
    yield Family(
        "events",
        "Events of the champion.",
        tuple(Sample(float(one.events), {"model": one.model, "version": one.version}) for one in books),
        counter=True,
        unit="{row}",
    )
    yield Family(
        "labelled_events",
        "Events of the champion whose label is known; a label that is taken back makes them fewer.",
        tuple(Sample(float(one.labelled), {"model": one.model, "version": one.version}) for one in books),
        unit="{row}",
    )
    last = [(one, one.last) for one in books if one.last is not None]
    yield Family(
        "window_rows",
        "Events of the newest window.",
        tuple(Sample(float(window.events), {"model": one.model, "version": one.version}) for one, window in last),
        unit="{row}",
    )
    yield Family(
        "window_start_timestamp_seconds",
        "Start of the newest window that has events.",
        tuple(Sample(float(window.start), {"model": one.model, "version": one.version}) for one, window in last),
        unit="s",
    )


def of_spool(workspace: Workspace, models: Sequence[str], counted: Sequence[rows.Counter]) -> Iterator[Family]:
    """What became of rows at the door and in the lake, and what still waits."""
    yield Family(
        "rows_special",
        "Rows that were repeated, differing, set aside, corrected, waiting ...",
        tuple(Sample(float(one.value), {"model": one.model, "what": one.name}) for one in counted),
        counter=True,
        unit="{row}",
    )
    spool = workspace.store.spool
    waiting, stuck = spool.waiting(), spool.all_stuck()  # two looks, not two for each model: writers wait for them
    yield Family(
        "spool_rows",
        "Acknowledged rows that wait for the lake.",
        tuple(Sample(float(waiting.get(name, 0)), {"model": name}) for name in models),
        unit="{row}",
    )
    yield Family(
        "spool_stuck",
        "Batches that couldn't be brought into the lake, and are tried again.",
        tuple(Sample(float(stuck.get(name, 0)), {"model": name}) for name in models),
        unit="{batch}",
    )


Ran = tuple[str, str, int, int]
"""Jobs of a kind and status: how many, and when the last of them changed."""


def jobs_of(tx: Transaction) -> list[Ran]:
    """How many jobs there are by kind and status, and when the last of them changed."""
    c = tables.jobs.c
    query = select(c.kind, c.status, func.count(), func.max(c.updated)).group_by(c.kind, c.status)
    return [(kind, status, n, at) for kind, status, n, at in tx.connection.execute(query.order_by(c.kind, c.status))]


def of_jobs(jobs: Sequence[Ran]) -> Iterator[Family]:
    """What runs by itself, by kind and status, and when each kind last did its work."""
    yield Family(
        "jobs",
        "Jobs by kind and status.",
        tuple(Sample(float(n), {"kind": kind, "status": status}) for kind, status, n, _ in jobs),
        unit="{job}",
    )
    yield Family(
        "job_last_success_timestamp_seconds",
        "When a job of this kind last ended well.",
        tuple(Sample(at / MICROS, {"kind": kind}) for kind, status, _, at in jobs if status == "done"),
        unit="s",
    )


def of_service(died: Mapping[str, int], behind: int) -> Iterator[Family]:
    """How often each part of the service died and was started again; how much here is older than the store."""
    yield Family(
        "restarts",
        "How often a part of `retrue serve` died and was started again.",
        tuple(Sample(float(n), {"part": part}) for part, n in died.items()),
        counter=True,
        unit="{restart}",
    )
    yield Family(
        "readings_behind",
        "Models whose figures here are older than the store: read again at the next scrapes.",
        (Sample(float(behind)),),
        unit="{model}",
    )
