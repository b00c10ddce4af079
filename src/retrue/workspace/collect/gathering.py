"""Continuous collection: what newly met the watched signals, day by day.

    new segments --their days--> events of each day --meet--> masks --policy--> the day's rows, in the catalog

A day's rows follow from the day's events alone: what was collected of a day is chosen anew when events of it come, so a
collection is the same however its events were cut into batches, however often, and whoever died over it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from retrue.errors import RetrueError
from retrue.refine.collect import Collected, Policy
from retrue.slices import Slice
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.collect.collecting import choose_from, packed
from retrue.workspace.collect.watching import meet, parts_of, rows_of
from retrue.workspace.stored import StoredModel, champions_of, tried_until


def collect_new(model: StoredModel) -> dict[str, int]:
    """Collect what newly met the watched signals; gives how many rows came by signal. Again at once, none.

    A signal that fails says why in its `error`, is tried again with the next events, and costs no other its rows.
    """
    model.store.apply(model.name)
    applied = model.store.model(model.name).applied
    late = [row for row in rows_of(model) if int(row.body["seq"]) < applied]
    if not late:
        return {}
    parts, failed = parts_of(rows_of(model))
    gained = dict.fromkeys((row.name for row in late), 0)
    for day, version in served_on(model, touched(model, min(int(row.body["seq"]) for row in late))):
        events = events_of_day(model, day, version)
        if not events.height:
            continue
        table, met, wrong = meet(model, events, parts, version)
        failed |= wrong
        for row in late:
            if row.name in met:
                try:
                    gained[row.name] += keep_day(model, row, day, version, table, events, met)
                except RetrueError as error:
                    failed[row.name] = str(error)
    for row in late:
        settle(model, row, applied, failed.get(row.name))
    return {name: count for name, count in gained.items() if name not in failed}


def touched(model: StoredModel, seq: int) -> list[date]:
    """The days, in the model's time zone, that may have events of later segments than this, oldest first.

    Files are parted by the date in UTC; a day begins up to 14 hours before or after that.
    """
    files = model.store.tables(model.name)["events"].snapshot().files
    dates = {file.day for file in files if file.last > seq and file.day is not None}
    near = (-1, 0, 1) if model.schema.timezone != "UTC" else (0,)
    return sorted({day + timedelta(days=step) for day in dates for step in near})


def served_on(model: StoredModel, days: Sequence[date]) -> Iterator[tuple[date, str]]:
    """Each day with every version that served then: an earlier champion's events, too, may come or be labelled late.

    What a version scored beside the champion, before its own promotion, are the champion's events.
    """
    windows, served = model.store.windows(model.name), {one.version: tried_until(one) for one in champions_of(model)}
    for day in days:
        start, until = (ends.timestamp() for ends in ends_of(model, day))
        there = {one.version for one in windows if start - model.options.window < one.start < until}
        for version, tried in served.items():
            if version in there and (tried is None or start >= tried.timestamp()):
                yield day, version


def ends_of(model: StoredModel, day: date) -> tuple[datetime, datetime]:
    """When a day of the model's time zone begins and ends."""
    zone = ZoneInfo(model.schema.timezone)
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    return start, datetime.combine(day + timedelta(days=1), start.timetz().replace(tzinfo=None), zone)


def events_of_day(model: StoredModel, day: date, version: str) -> pl.DataFrame:
    """The events of one day of the model's time zone, with their labels."""
    start, until = ends_of(model, day)
    return model.events(start, until, version=version, sample="kept").collect()


def keep_day(
    model: StoredModel, row: rows.Signal, day: date, version: str, table: pl.DataFrame, events: pl.DataFrame,
    met: Mapping[str, pl.Series],
) -> int:  # fmt: skip
    """Choose a signal's rows of one day anew, in the place of what was chosen before; gives how many more there are.

    A day that has fewer events than it had (old ones were dropped) stays as it was.
    """
    mine, since = met[row.name], row.body.get("since")
    if since is not None:
        mine = mine & (events[model.store.layout(model.name).time_column] >= datetime.fromisoformat(since))
    found = chosen(model, row, table, events, {**met, row.name: mine})
    body = {
        "day": day.isoformat(), "version": version, "events": events.height, "matched": found.matched,
        "policy": row.body["policy"], "incident": row.body.get("incident"), "sql": row.sql,
    }  # fmt: skip
    with model.store.catalog.write() as tx:
        if tx.get(rows.Signal, model=model.name, name=row.name) is None:  # it was removed meanwhile
            return 0
        own = tx.find(rows.CollectedRow, model=model.name, collection=row.name)
        before = [one for one in own if one.body["day"] == body["day"] and one.body["version"] == version]
        if any(int(one.body["events"]) > events.height for one in before):
            return 0
        for one in before:
            tx.remove(rows.CollectedRow, number=one.number)
        if found.matched:
            at = clock.micros(clock.now())
            tx.add(rows.CollectedRow(model.name, row.name, found.rows.height, packed(found.rows), at, body))
    return found.rows.height - sum(one.rows for one in before)


def chosen(
    model: StoredModel, row: rows.Signal, table: pl.DataFrame, events: pl.DataFrame, met: dict[str, pl.Series]
) -> Collected:
    """The rows of one day that a signal's policy chooses."""
    policy = Policy.parse(str(row.body["policy"]))
    mine = met[row.name]
    others = {name: mask.filter(mine) for name, mask in met.items() if name != row.name}
    return choose_from(model, table.filter(mine), Slice.all().named(row.name), policy, row.name, others, events.columns)


def settle(model: StoredModel, row: rows.Signal, applied: int, error: str | None) -> None:
    """Note through which segment a signal's rows were collected, or why they couldn't be."""
    with model.store.catalog.write() as tx:
        now = tx.get(rows.Signal, model=model.name, name=row.name)
        if now is None or now.created != row.created:  # it was removed, or is another one by now
            return
        seq = applied if error is None else int(now.body["seq"])
        body = {**now.body, "seq": seq, "tried": applied, "error": error}
        tx.put(replace(now, updated=clock.micros(clock.now()), body=body))
