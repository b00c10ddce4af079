"""Watched signals: named slices whose share of the traffic is judged, and whose rows are collected as they come.

watch ──> the signal in the catalog ──┬── `check`: the share of each window, against the reference's
                                      └── `gathering`: the rows of each day, chosen by the policy
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, func, select

from retrue.errors import ConfigError, RetrueError, SliceError, StoreError, nearest
from retrue.refine.collect import Policy, matching
from retrue.slices import Slice
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.store.tables import collected
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.collect.derived import NAMES, derive, is_derived
from retrue.workspace.names import check_name
from retrue.workspace.stored import StoredModel

USUAL = "200 per day"
"""The policy of a signal unless one is given."""


@dataclass(frozen=True, eq=False)
class WatchedSignal:
    """A signal that is watched.

    Attributes:
        name: what it, and its collection, are called.
        slice: the rows, as SQL; None where a function says.
        function: `module:name` of that function.
        policy: which of its rows are collected.
        incident: the incident whose guilty slice it is.
        since: events from then on are collected; None: all.
        applied: the segment through which its rows were collected.
        error: why it couldn't be told last time; None where it could.
        rows: how many are collected.
        matched: of how many that met it.
    """

    name: str
    slice: str | None
    function: str | None
    policy: str
    incident: str | None
    since: datetime | None
    applied: int
    error: str | None
    rows: int = 0
    matched: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        since = None if self.since is None else self.since.isoformat()
        return {**{name: getattr(self, name) for name in self.__dataclass_fields__}, "since": since}


def watch(
    model: StoredModel,
    part: Slice,
    incident: str | None,
    function: str | None,
    name: str | None,
    policy: str | Policy,
    since: datetime | None,
) -> WatchedSignal:
    """Watch a signal from now on, and collect what meets it.

    Raises:
        SliceError: it asks for what events don't have, or can't be stored.
        ConfigError: the policy is none for a stream, or the name is another collection's, or none.
    """
    if part.sql is None and function is None:
        hint = "write it as SQL, or as a function in a module that can be imported"
        raise SliceError("an expression can't be watched: it can't be stored", where="watch_signal", hint=hint)
    chosen = streaming(model, policy)
    called = check_name(" ".join((name or part.name or str(part)).split()), "a signal")
    if function is None:
        check_columns(model, part)
    body = {
        "policy": str(chosen), "incident": incident, "function": function, "seq": 0, "tried": 0, "error": None,
        "since": None if since is None else clock.aware(since).isoformat(),
    }  # fmt: skip
    at = clock.micros(clock.now())
    row = rows.Signal(model.name, called, at, at, part.sql, body)
    with model.store.catalog.write() as tx:
        if tx.get(rows.Collection, model=model.name, name=called) is not None:
            raise ConfigError(
                f"there is a collection {called!r} already", where="watch_signal", expected="another name"
            )
        tx.put(row)
        audit(
            tx,
            "signal watched",
            model.name,
            {"policy": str(chosen), **({} if called == part.sql else {"name": called})},
        )
    return read(row)


def streaming(model: StoredModel, policy: str | Policy) -> Policy:
    """A policy for rows of a model that go on coming.

    Raises:
        ConfigError: it can't be understood, is one of so many rows in all, or goes by a column that events don't have.
    """
    chosen = Policy.parse(str(policy))
    if chosen.budget is not None and not chosen.daily:
        raise ConfigError(f"{chosen} rows in all", where="watch_signal", expected=f"'{chosen.budget} per day'")
    if chosen.by is not None and not is_derived(chosen.by):
        known = columns_of(model)
        if chosen.by not in known:
            where, hint = f"policy {str(chosen)!r}", nearest(chosen.by, [*known, *NAMES])
            raise ConfigError(f"no column {chosen.by!r}", where=where, expected="benefit, or a number", hint=hint)
    return chosen


def check_columns(model: StoredModel, part: Slice) -> None:
    """Refuse a slice that asks for what events of the model don't have.

    Raises:
        SliceError: it does.
    """
    part.check(sorted(columns_of(model)), NAMES)


def columns_of(model: StoredModel) -> set[str]:
    """The columns that events of a model have, or may have."""
    layout = model.store.layout(model.name)
    logged = model.store.events(model.name).collect_schema().names()
    return {*logged, *(column.name for column in model.schema.columns), *layout.roles, layout.label_column}


def function_name(function: Callable[..., Any]) -> str:
    """`module:name` of a function.

    Raises:
        SliceError: it can't be imported by that, so another process couldn't ask it.
    """
    module, name = getattr(function, "__module__", "__main__"), getattr(function, "__qualname__", "")
    said = f"{module}:{name}"
    try:
        found = None if module == "__main__" else resolve(said)
    except SliceError:
        found = None
    if found is not function:
        hint = "put it at the top level of a module that the service can import, or write the signal as SQL"
        raise SliceError(f"the function {name or function!r} can't be watched", where="watch_signal", hint=hint)
    return said


def resolve(function: str) -> Callable[..., Any]:
    """Import a function by its `module:name`.

    Raises:
        SliceError: it can't be.
    """
    module, _, name = function.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise SliceError(f"the function {function} can't be imported: {error}", where="signals") from error
    if not callable(found):
        raise SliceError(f"{function} is no function", where="signals")
    return found  # type: ignore[no-any-return]


def part_of(row: rows.Signal) -> Slice:
    """The slice of a watched signal.

    Raises:
        SliceError: its function can't be imported.
    """
    if row.sql is not None:
        return Slice.parse(row.sql, row.name)
    return Slice.of(resolve(str(row.body.get("function"))), row.name)


def parts_of(found: Sequence[rows.Signal]) -> tuple[list[Slice], dict[str, str]]:
    """The slices of watched signals; and of those that can't be had, why."""
    parts, failed = list[Slice](), dict[str, str]()
    for row in found:
        try:
            parts.append(part_of(row))
        except RetrueError as error:
            failed[row.name] = str(error)
    return parts, failed


def meet(
    model: StoredModel, events: pl.DataFrame, parts: Sequence[Slice], version: str
) -> tuple[pl.DataFrame, dict[str, pl.Series], dict[str, str]]:
    """Say which events meet which signals.

    Returns:
        The events with the derived columns that were asked for, a Boolean series by signal, and of signals that can't
        be told, why.
    """
    table, underived = derive(model, events, frozenset().union(*(one.columns for one in parts)), version)
    broken = {str(one): underived[name] for one in parts for name in sorted(one.columns & underived.keys())}
    met, failed = matching(table, [one for one in parts if str(one) not in broken])
    return table, met, {**failed, **{name: str(error) for name, error in broken.items()}}


def rows_of(model: StoredModel) -> tuple[rows.Signal, ...]:
    """The watched signals as the catalog has them."""
    with model.store.catalog.read() as tx:
        return tx.find(rows.Signal, model=model.name)


def read(row: rows.Signal, taken: int = 0, matched: int = 0) -> WatchedSignal:
    """A watched signal, and how many rows were collected of how many."""
    body, since = row.body, row.body.get("since")
    return WatchedSignal(
        row.name, row.sql, body.get("function"), str(body["policy"]), body.get("incident"),
        None if since is None else datetime.fromisoformat(since), int(body["seq"]), body.get("error"), taken, matched,
    )  # fmt: skip


def watched(model: StoredModel) -> list[WatchedSignal]:
    """The watched signals, by name; of what was collected only the numbers are read."""
    c = collected.c
    sums = select(c.collection, func.sum(c.rows), func.sum(c.body["matched"].as_string().cast(BigInteger)))
    with model.store.catalog.read() as tx:
        found = tx.find(rows.Signal, model=model.name)
        told = tx.connection.execute(sums.where(c.model == model.name).group_by(c.collection)).all()
    counts = {str(name): (int(taken), int(matched or 0)) for name, taken, matched in told}
    return [read(row, *counts.get(row.name, (0, 0))) for row in found]


def change_policy(model: StoredModel, name: str, policy: str | Policy) -> None:
    """Collect a signal's rows by another policy, those of stored events too: each day's are chosen anew.

    Raises:
        ConfigError: the policy is none for a stream.
        StoreError: there is no signal of that name.
    """
    chosen, at = streaming(model, policy), clock.micros(clock.now())
    with model.store.catalog.write() as tx:
        row = found_in(tx, model, name)
        body = {**row.body, "policy": str(chosen), "seq": 0, "tried": 0}
        tx.put(replace(row, created=at, updated=at, body=body))
        audit(tx, "signal's policy changed", model.name, {"policy": str(chosen)})


def found_in(tx: Transaction, model: StoredModel, name: str) -> rows.Signal:
    """A watched signal.

    Raises:
        StoreError: there is none of that name.
    """
    row = tx.get(rows.Signal, model=model.name, name=name)
    if row is None:
        known = ", ".join(row.name for row in tx.find(rows.Signal, model=model.name)) or "none is watched"
        raise StoreError(f"no signal {name!r}", where=f"model {model.name!r}", expected=known)
    return row


def unwatch(model: StoredModel, name: str) -> None:
    """Watch a signal no more; what was collected stays.

    Raises:
        StoreError: there is none of that name.
    """
    with model.store.catalog.write() as tx:
        found_in(tx, model, name)
        tx.remove(rows.Signal, model=model.name, name=name)
        audit(tx, "signal no longer watched", model.name)
