"""What is kept of jobs and what they said, to be read: newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Table, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from retrue.errors import ConfigError
from retrue.store import rows
from retrue.store.catalog import Catalog, Transaction
from retrue.store.tables import jobs as jobs_table
from retrue.store.tables import logs as logs_table
from retrue.workspace import clock

LEVELS = ("debug", "info", "warning", "error")
"""How grave a log line is, least first."""
STATUSES = ("running", "done", "failed")
"""Where a job may be in its life."""

R = TypeVar("R", bound=rows.Row)


@dataclass(frozen=True)
class Page(Generic[R]):
    """Some of the rows that a question found.

    Attributes:
        rows: this page's, newest first.
        total: how many there are on all pages.
        offset: how many come before this page.
    """

    rows: tuple[R, ...]
    total: int
    offset: int = 0


def find_jobs(
    catalog: Catalog,
    *,
    kind: str | None = None,
    status: str | None = None,
    model: str | None = None,
    id: str | None = None,
    run: str | None = None,
    version: str | None = None,
    models: Collection[str] | None = None,
    idle: bool = True,
    limit: int = 50,
    offset: int = 0,
) -> Page[rows.Job]:
    """Give the runs of jobs, newest first.

    Args:
        catalog: where they are.
        kind: of one kind.
        status: running, done or failed.
        model: of one model.
        id: the one run, or the start of its id.
        run: about one training run, or the start of its id.
        version: about one version.
        models: of these models only.
        idle: also those that found nothing to do.
        limit: how many at most.
        offset: how many to pass over.

    Raises:
        ConfigError: an unknown status.
    """
    if status is not None and status not in STATUSES:
        raise ConfigError(f"no status {status!r}", expected=", ".join(STATUSES))
    table = jobs_table
    where = [*equal(table, kind=kind, status=status, model=model), *of_models(table, models)]
    where += [] if idle else [not_idle()]
    where += [] if id is None else [table.c.id.startswith(id, autoescape=True)]
    where += [] if run is None else [table.c.body["run"].as_string().startswith(run, autoescape=True)]
    where += [] if version is None else [table.c.body["version"].as_string() == version]
    with catalog.read() as tx:
        return page(tx, rows.Job, table, where, [table.c.due.desc(), table.c.id], limit, offset)


def not_idle() -> ColumnElement[bool]:
    """The condition that a run found something to do: each kind of job says "nothing ..." where there was none."""
    said = func.coalesce(jobs_table.c.body["message"].as_string(), "")
    return or_(jobs_table.c.status != "done", said.not_like("nothing %"))


def find_logs(
    catalog: Catalog,
    *,
    model: str | None = None,
    job: str | None = None,
    run: str | None = None,
    version: str | None = None,
    text: str | None = None,
    level: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    models: Collection[str] | None = None,
    limit: int = 100,
    offset: int = 0,
) -> Page[rows.Log]:
    """Give log lines, newest first.

    Args:
        catalog: where they are.
        model: of one model.
        job: of one run of a job, or the start of its id.
        run: of one training run, or the start of its id.
        version: of one version.
        text: lines that hold it, in whatever case.
        level: that level and graver ones: debug, info, warning, error.
        since: from then on.
        until: before then.
        models: of these models only; lines of no model may name any, and are left out.
        limit: how many at most.
        offset: how many to pass over.

    Raises:
        ConfigError: an unknown level.
    """
    if level is not None and level not in LEVELS:
        raise ConfigError(f"no level {level!r}", expected=", ".join(LEVELS))
    c = logs_table.c
    where = [*equal(logs_table, model=model, version=version), *of_models(logs_table, models)]
    where += [c[name].startswith(start, autoescape=True) for name, start in (("job", job), ("run", run)) if start]
    where += [] if text is None else [c.text.icontains(text, autoescape=True)]
    where += [] if level is None else [c.level.in_(LEVELS[LEVELS.index(level) :])]
    where += [] if since is None else [c.at >= clock.micros(since)]
    where += [] if until is None else [c.at < clock.micros(until)]
    with catalog.read() as tx:
        return page(tx, rows.Log, logs_table, where, [c.at.desc(), c.number.desc()], limit, offset)


def last_job(tx: Transaction, kind: str, model: str | None) -> rows.Job | None:
    """The latest run of a job that is over."""
    c = jobs_table.c
    about = c.model.is_(None) if model is None else c.model == model
    query = select(jobs_table).where(c.kind == kind, about, c.status.in_(("done", "failed")))
    found = tx.connection.execute(query.order_by(c.updated.desc(), c.id).limit(1)).mappings().first()
    return None if found is None else rows.Job(**found)


def failing(tx: Transaction) -> list[rows.Job]:
    """The jobs whose last run that is over failed: that run of each, by kind and model."""
    c = jobs_table.c
    newest = func.row_number().over(partition_by=(c.kind, c.model), order_by=(c.updated.desc(), c.id)).label("newest")
    ended = select(jobs_table, newest).where(c.status.in_(("done", "failed"))).subquery()
    query = select(*(ended.c[one.name] for one in c)).where(ended.c.newest == 1, ended.c.status == "failed")
    found = tx.connection.execute(query.order_by(ended.c.kind, ended.c.model.nulls_first())).mappings()
    return [rows.Job(**row) for row in found]


def equal(table: Table, **values: str | None) -> list[ColumnElement[bool]]:
    """Conditions for what was asked for."""
    return [table.c[name] == value for name, value in values.items() if value is not None]


def of_models(table: Table, models: Collection[str] | None) -> list[ColumnElement[bool]]:
    """The condition that rows are of some models; none where all are asked for."""
    return [] if models is None else [table.c.model.in_(sorted(models))]


def page(
    tx: Transaction,
    kind: type[R],
    table: Table,
    where: Iterable[ColumnElement[bool]],
    order: Iterable[Any],
    limit: int,
    offset: int,
) -> Page[R]:
    """Read one page."""
    conditions = list(where)
    total = tx.connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar() or 0
    query = select(table).where(*conditions).order_by(*order).limit(limit).offset(offset)
    return Page(tuple(kind(**row) for row in tx.connection.execute(query).mappings()), int(total), offset)
