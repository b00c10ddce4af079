"""Ask: which logged events people are to label, each once, kept as tasks in the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import polars as pl

from retrue.core.hashing import hash64
from retrue.errors import StoreError, nearest
from retrue.refine.annotate import task_id
from retrue.refine.annotate.tasks import DISPUTED, OPEN
from retrue.refine.collect import Collected
from retrue.slices import Slice
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.store.ids import text_id
from retrue.store.keeping import Sample
from retrue.store.layout import UTC
from retrue.workspace import clock
from retrue.workspace.acting import audit
from retrue.workspace.collect.collecting import collections
from retrue.workspace.collect.derived import NAMES, with_derived
from retrue.workspace.explain.explanation import plain
from retrue.workspace.stored import StoredModel

Source: TypeAlias = str | Slice | Collected | None
"""Which events: a slice, what was collected, or all of them."""


@dataclass(frozen=True)
class Made:
    """What came of asking: tasks that are new, that were there already, and rows that have a label."""

    new: int
    known: int
    labelled: int

    def to_dict(self) -> dict[str, int]:
        """Plain values."""
        return asdict(self)


def ask(
    model: StoredModel, of: Source, *, since: datetime | None, until: datetime | None, most: int, people: int
) -> Made:
    """Make tasks of the events that have no label, at most so many new ones."""
    events = gathered(model, of, since, until)
    layout = model.store.layout(model.name)
    blank = events.filter(pl.col(layout.label_column).is_null())
    with model.store.catalog.read() as tx:
        kept = tx.find(rows.Task, model=model.name)
    asked = [(one.id, str(one.body["event"]), int(one.body["time"])) for one in kept]
    key = [layout.id_column, layout.time_column]
    there = pl.DataFrame(asked, schema={"task": pl.String, key[0]: pl.String, key[1]: pl.Int64}, orient="row")
    there = there.with_columns(pl.col(key[1]).cast(UTC))
    fresh = blank.join(there, on=key, how="anti", maintain_order="left").head(most)
    known = there.join(blank, on=key, how="semi")["task"].to_list()
    made = [task_row(model, row, of, people) for row in fresh.iter_rows(named=True)]
    return keep(model, made, known, people, events.height - blank.height)


def collection_of(model: StoredModel, name: str) -> Collected:
    """What was collected under a name.

    Raises:
        StoreError: nothing was.
    """
    known = {one.name: one for one in collections(model)}
    if name not in known:
        where = f"model {model.name!r}"
        raise StoreError(f"no collection {name[:100]!r}", where=where, hint=nearest(name, known) or "collect it first")
    return known[name]


def gathered(model: StoredModel, of: Source, since: datetime | None, until: datetime | None) -> pl.DataFrame:
    """The champion's events, each once, with its label as it is known now and its id as text.

    What was collected, of an earlier champion, too, stays in its order, which may be one of worth; other events are in
    the order of hashed ids: the first of them are a sample that is the same whenever it is taken.
    """
    layout = model.store.layout(model.name)
    ident, time = key = layout.id_column, layout.time_column
    if isinstance(of, Collected) and of.rows.height:
        first, last = of.rows[time].min(), of.rows[time].max()
        if isinstance(first, datetime) and isinstance(last, datetime):
            since, until = first, last + timedelta(microseconds=1)
    sample: Sample = "even" if of is None else "kept"
    version = None if isinstance(of, Collected) else model.version
    events = model.events(since, until, version=version, sample=sample).collect()
    events = events.with_columns(text_id(ident, events.schema[ident]))
    if isinstance(of, Collected):
        more = [name for name in ("_reasons", "_probability") if name in of.rows.columns]
        own = of.rows.select(text_id(ident, of.rows.schema[ident]), time, *more).unique(key, maintain_order=True)
        return own.join(events.drop("_probability", strict=False), on=key, how="inner", maintain_order="left").unique(
            key, maintain_order=True
        )
    if of is not None:
        part = Slice.of(of)
        events = with_derived(model, events, [part])
        part.check(events.columns, NAMES)
        events = events.filter(part.mask(events))
    return events.with_columns(hash64(events[ident]).alias("_h")).sort("_h", time).unique(key, maintain_order=True)


def task_row(model: StoredModel, row: Mapping[str, Any], of: Source, people: int) -> rows.Task:
    """An event as a task."""
    schema, layout = model.schema, model.store.layout(model.name)
    event, now = str(row[layout.id_column]), clock.micros(clock.now())
    time = clock.micros(row[layout.time_column])
    said = [name for name in (schema.prediction, *schema.scores) if name and name in row]
    hidden = {*said, layout.label_column, layout.id_column}
    seen = dict.fromkeys((layout.time_column, *schema.features, *schema.slices))
    body = {
        "event": event,
        "time": time,
        "row": {name: plain(row[name]) for name in seen if name in row and name not in hidden},
        "said": {name: plain(row[name]) for name in said},
        "reasons": [str(one) for one in row.get("_reasons") or reason(of)],
        "probability": row.get("_probability"),
        "wanted": people,
    }
    return rows.Task(task_id(model.name, event, time), model.name, OPEN, now, now, body)


def reason(of: Source) -> list[str]:
    """Why a row is asked about, where it doesn't say so itself."""
    return [] if of is None else [of.name if isinstance(of, Collected) else of if isinstance(of, str) else str(of)]


def keep(model: StoredModel, made: Sequence[rows.Task], known: Sequence[str], people: int, labelled: int) -> Made:
    """Keep the tasks that are new; of those that were known, more answers may be wanted."""
    with model.store.catalog.write() as tx:
        there = {one.id: one for one in tx.find(rows.Task, model=model.name)}
        new = [one for one in made if one.id not in there]  # others may have asked meanwhile
        again = [there[task] for task in [*known, *(one.id for one in made)] if task in there]
        more = [
            replace(one, status=OPEN, body={**one.body, "wanted": people})
            for one in again
            if one.status in (OPEN, DISPUTED) and people > one.body["wanted"]
        ]
        if new or more:
            tx.put(*new, *more)
        audit(tx, "asked for labels", model.name, {"tasks": len(new)})
    return Made(len(new), len(again), labelled)


def erase(tx: Transaction, model: str, events: Iterable[str]) -> int:
    """Take the tasks of these events out, with what was said of them; gives how many went."""
    gone = set(events)
    asked = [one.id for one in tx.find(rows.Task, model=model) if one.body["event"] in gone]
    return sum(tx.remove(rows.Task, model=model, id=one) for one in asked)
