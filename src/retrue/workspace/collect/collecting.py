"""Collect: events of a slice, kept in the store under a name; and the log itself as a part of a `Mix`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from typing import Any

import polars as pl

from retrue.core.hashing import hash64
from retrue.core.state import Ints
from retrue.core.times import window_starts
from retrue.core.values import text_rows
from retrue.errors import ConfigError, RetrueError, SliceError
from retrue.explain import novel
from retrue.refine.collect import ORDER, PROBABILITY, REASONS, Collected, Policy
from retrue.refine.collect import collect as choose
from retrue.slices import Slice
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.collect.derived import NAMES, with_derived
from retrue.workspace.explain.outliers import standings
from retrue.workspace.names import check_name
from retrue.workspace.prove.golden import GOLDEN
from retrue.workspace.stored import StoredModel, champions_of, tried_until


@dataclass(frozen=True, eq=False)
class Logged:
    """Logged events as a part of a `Mix`; `retrain` takes only those whose labels have matured."""

    name: str
    frame: pl.DataFrame
    since: datetime | None = None
    until: datetime | None = None


def logged(model: StoredModel, since: datetime | None = None, until: datetime | None = None) -> Logged:
    """The champion's logged events with their labels, and those of other champions that it hasn't learned from."""
    frame = log_of(model, model.version, since, until)
    return Logged("log" if since is None else f"log since {since:%Y-%m-%d}", frame, since, until)


def log_of(
    model: StoredModel, version: str, since: datetime | None, until: datetime | None, applied: int | None = None,
    *, others: bool = True,
) -> pl.DataFrame:  # fmt: skip
    """A version's events, and those that other champions scored which no reference of it has; each event once.

    Args:
        model: whose.
        version: the champion, now or then.
        since: first event time.
        until: events from here on are left out.
        applied: as of this segment.
        others: whether other champions' events count.
    """
    frames = [model.events(since, until, version=version, applied=applied).collect()]
    for other in champions_of(model) if others else ():
        if other.version != version:
            ends = [clock.utc(since), learned_until(model, version), tried_until(other)]
            first = max((end for end in ends if end is not None), default=None)
            frames.append(model.events(first, until, version=other.version, applied=applied).collect())
    if not any(one.height for one in frames[1:]):
        return frames[0]
    layout = model.store.layout(model.name)
    both = pl.concat(frames, how="diagonal_relaxed")
    return both.unique([layout.id_column, layout.time_column], keep="first", maintain_order=True)


def learned_until(model: StoredModel, version: str) -> datetime | None:
    """Until when a version was trained and proven on events, which are in its reference; None where no run tells."""
    with model.store.catalog.read() as tx:
        made = tx.get(rows.Version, model=model.name, version=version)
        run = None if made is None else tx.get(rows.RunRow, id=str(made.body.get("run")))
    return None if run is None else datetime.fromisoformat(run.body["manifest"]["matured"])


def collect(
    model: StoredModel,
    part: Slice,
    *,
    incident: str | None,
    budget: int | None,
    policy: str | Policy | None,
    since: datetime | None,
    until: datetime | None,
    name: str | None,
) -> Collected:
    """Collect the champion's logged events of a slice (guilty of this incident), with their labels, and keep them."""
    if name is not None:
        check_name(name, "a collection")
    if budget is not None and budget < 1:
        raise SliceError(f"a budget of {budget} rows", where=f"collection {name or str(part)!r}", expected="at least 1")
    chosen = Policy.of(policy, budget)
    table = model.events(since, until, version=model.version, sample="kept").collect()
    found = replace(choose_from(model, table, part, chosen, name or str(part)), incident=incident)
    keep(model, found)
    return found


def choose_from(
    model: StoredModel,
    table: pl.DataFrame,
    part: Slice,
    policy: Policy,
    name: str,
    met: dict[str, pl.Series] | None = None,
    columns: Sequence[str] | None = None,
) -> Collected:
    """Choose among events; the rows have the events' own columns (or those named), reasons and probability.

    Raises:
        SliceError: the slice doesn't fit the events.
        ConfigError: the policy chooses by a column that isn't there, or is no number.
    """
    part.check(table.columns, NAMES)
    events = with_derived(model, hashed(model, table), [part], names=[policy.by] if policy.by else [])
    days = days_of(model, events) if policy.daily else None
    looks = looks_of(model, events) if policy.by else None
    chosen = choose(events, part, name=name, policy=policy, days=days, looks=looks, met=met)
    own = [name for name in columns or table.columns if name != PROBABILITY]
    return replace(chosen, rows=chosen.rows.select(*own, REASONS, PROBABILITY))


def hashed(model: StoredModel, table: pl.DataFrame) -> pl.DataFrame:
    """Events with the hash of their ids, by which they are chosen."""
    key = model.store.layout(model.name).id_column
    if key not in table.columns:
        return table
    return table.with_columns(hash64(text_rows(table[key])).alias(ORDER))


def days_of(model: StoredModel, events: pl.DataFrame) -> Ints | None:
    """int64[rows]: the day of each event, in the model's time zone; None where events have no time."""
    time = model.store.layout(model.name).time_column
    if time not in events.columns:
        return None
    return window_starts(events[time], int(clock.DAY), model.schema.timezone).fill_null(-1).to_numpy()


def looks_of(model: StoredModel, events: pl.DataFrame) -> Ints | None:
    """int64[rows]: which events look alike; None where there is no reference to tell."""
    try:
        return novel.looks(standings(model).outliers.places, events)
    except RetrueError:
        return None


def keep(model: StoredModel, found: Collected) -> None:
    """Keep a collection in the catalog; one of the same name is replaced.

    Raises:
        ConfigError: a signal that is watched, or was, collects under that name; or a golden set has it.
    """
    body: dict[str, Any] = {"matched": found.matched, "policy": found.policy, "incident": found.incident}
    row = rows.Collection(
        model.name, found.name, found.rows.height, packed(found.rows), clock.micros(clock.now()), found.slice, body
    )
    # A slice may ask for one person's rows by their values, and what is in the audit log can't be erased.
    said = {} if found.name == found.slice else {"name": found.name}
    with model.store.catalog.write() as tx:
        if tx.find(rows.CollectedRow, model=model.name, collection=found.name) or tx.get(
            rows.Signal, model=model.name, name=found.name
        ):
            raise ConfigError(f"a watched signal collects as {found.name!r}", where="collect", expected="another name")
        old = tx.get(rows.Collection, model=model.name, name=found.name)
        if old is not None and old.body.get(GOLDEN):
            raise ConfigError(f"a golden set is called {found.name!r}", where="collect", expected="another name")
        tx.put(row)
        audit(tx, "collected", model.name, {**said, "rows": found.rows.height})


def packed(table: pl.DataFrame) -> bytes:
    """Rows as Parquet bytes."""
    data = BytesIO()
    table.write_parquet(data, compression="zstd")
    return data.getvalue()


def collections(model: StoredModel) -> list[Collected]:
    """What was collected, oldest first, with the labels known when it was."""
    with model.store.catalog.read() as tx:
        found = sorted(tx.find(rows.Collection, model=model.name), key=lambda row: row.created)
        parts = sorted(tx.find(rows.CollectedRow, model=model.name), key=lambda part: str(part.body.get("day")))
        signals = {row.name: row for row in tx.find(rows.Signal, model=model.name)}
    once = [read_collection(row) for row in found if not row.body.get(GOLDEN)]  # never trained on
    taken = {one.name for one in once}
    by_signal: dict[str, list[rows.CollectedRow]] = {}
    for part in parts:
        by_signal.setdefault(part.collection, []).append(part)
    going = [gathered(name, own, signals.get(name)) for name, own in by_signal.items() if name not in taken]
    return [*once, *going]


def read_collection(row: rows.Collection) -> Collected:
    """A collection that was taken at one time."""
    body = row.body
    rows_, matched = pl.read_parquet(BytesIO(row.data)), int(body.get("matched", row.rows))
    return Collected(row.name, row.sql, rows_, matched, body.get("incident"), str(body.get("policy", "always")))


def gathered(name: str, parts: Iterable[rows.CollectedRow], signal: rows.Signal | None) -> Collected:
    """What a signal has collected so far, by day."""
    days = list(parts)
    frames = [pl.read_parquet(BytesIO(part.data)) for part in days]
    matched = sum(int(part.body.get("matched", part.rows)) for part in days)
    last = days[-1].body
    sql = signal.sql if signal is not None else last.get("sql")
    together = pl.concat(frames, how="diagonal_relaxed")
    return Collected(name, sql, together, matched, last.get("incident"), str(last.get("policy", "always")))
