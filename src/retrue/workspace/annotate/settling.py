"""Settle: what people agree on goes through the ordinary door, once, and is written down in the task.

answers ── consensus ──> "sent" in the catalog ──> spool, with a key made of the answers ──> status in the catalog

A crash between any two of these is mended by doing it again: the key is the same, so that nothing comes twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from retrue.errors import RetrueError
from retrue.refine.annotate import Answer, Consensus, Question, consensus
from retrue.refine.annotate.tasks import AGREED, KNOWN
from retrue.store import rows
from retrue.store.ids import text_id
from retrue.store.intake import Part
from retrue.store.layout import UTC
from retrue.workspace import clock
from retrue.workspace.annotate.queued import agreed_of, answers_of, find_tasks
from retrue.workspace.receiving import Lot, acknowledge
from retrue.workspace.stored import StoredModel


@dataclass(frozen=True)
class Settled:
    """A task whose answers come to something else than what is written down."""

    row: rows.Task
    answers: Sequence[Answer]
    result: Consensus

    @property
    def key(self) -> str:
        """The key of the agreed label: the same as long as the answers behind it are."""
        told = "\n".join(f"{one.annotator}\0{one.label}\0{one.at}" for one in self.answers)
        return f"task {self.row.id} {hashlib.blake2b(told.encode(), digest_size=8).hexdigest()}"


def settle(model: StoredModel, question: Question, ids: Iterable[str] | None = None) -> int:
    """Let what people agree on through the door; gives how many labels.

    Args:
        model: whose.
        question: what was asked.
        ids: the tasks that were answered; all unless given.

    Raises:
        StoreError: the store can't be written; doing it again does the rest.
    """
    with model.store.catalog.read() as tx:
        wanted = None if ids is None else set(ids)
        found, said = find_tasks(tx, model.name, wanted), answers_of(tx, model.name, wanted)
    told = [
        Settled(one, said.get(one.id, ()), consensus([a.label for a in said.get(one.id, ())], int(one.body["wanted"])))
        for one in found
        if one.status != KNOWN
    ]
    changed = [one for one in told if (one.result.status, one.result.label) != (one.row.status, agreed_of(one.row))]
    agreed = [one for one in changed if one.result.status == AGREED]
    known = already(model, question, [one.row for one in agreed])
    sent = [one for one in agreed if one.row.id not in known]
    sent = send(model, sent)
    now = clock.micros(clock.now())
    with model.store.catalog.write() as tx:
        fresh = {one.id: one for one in find_tasks(tx, model.name, {one.row.id for one in changed})}
        for one in changed:
            if one.row.id in fresh:  # it may have been erased meanwhile
                state = KNOWN if one.row.id in known else one.result.status
                label = None if state == KNOWN else one.result.label
                row = fresh[one.row.id]
                tx.put(replace(row, status=state, updated=now, body={**row.body, "agreed": label}))
    return len(sent)


def already(model: StoredModel, question: Question, tasks: Sequence[rows.Task]) -> set[str]:
    """Tasks whose event has a label that these people didn't give: it is the truth, and stays."""
    if not tasks:
        return set()
    layout = model.store.layout(model.name)
    times = [int(one.body["time"]) for one in tasks]
    ends = clock.moment(min(times)), clock.moment(max(times) + 1)
    ident, label = layout.id_column, layout.label_column
    events = model.store.labelled(model.name, *ends, columns=[ident, layout.time_column, label], sample="all").collect()
    asked = pl.DataFrame({"task": [one.id for one in tasks], "id": [one.body["event"] for one in tasks]})
    asked = asked.with_columns(times_of(tasks).alias("time"))
    known = events.select(
        text_id(ident, events.schema[ident]).alias("id"), time=pl.col(layout.time_column), label=pl.col(label)
    ).drop_nulls()
    truth = dict(asked.join(known, on=["id", "time"], how="inner").select("task", "label").iter_rows())
    return {one.id for one in tasks if one.id in truth and not ours(question, one, truth[one.id])}


def times_of(tasks: Sequence[rows.Task]) -> pl.Series:
    """The times of the events that tasks ask about."""
    return pl.Series([int(one.body["time"]) for one in tasks], dtype=pl.Int64).cast(UTC)


def ours(question: Question, task: rows.Task, label: object) -> bool:
    """Whether a label that is in the log is the one that people gave here."""
    earlier = task.body.get("sent")
    try:
        return earlier is not None and question.read(label, "the log") == str(earlier)
    except RetrueError:  # a label that nobody could give here came from elsewhere
        return False


def send(model: StoredModel, agreed: Sequence[Settled]) -> list[Settled]:
    """Let labels through the door, each with a key of its own; gives those whose task is still there.

    Ids are as the lake has them, hashed ones too, which must not be hashed again.
    """
    with model.store.catalog.write() as tx:  # first, so that what is found in the log later is known to be ours
        there = {one.id: one for one in find_tasks(tx, model.name, {one.row.id for one in agreed})}
        agreed = [one for one in agreed if one.row.id in there]  # others were erased meanwhile, and don't come back
        bodies = [{**there[one.row.id].body, "sent": one.result.label} for one in agreed]
        tx.put(*(replace(there[one.row.id], body=body) for one, body in zip(agreed, bodies, strict=True)))
    if not agreed:
        return []
    layout = model.store.layout(model.name)
    events, labels = [one.row.body["event"] for one in agreed], [one.result.label for one in agreed]
    frame = pl.DataFrame({layout.id_column: events, layout.label_column: labels})
    if layout.time is not None:  # of all events of an id the one that was asked about
        frame = frame.with_columns(times_of([one.row for one in agreed]).alias(layout.time))
    parts = [Part(1, one.key) for one in agreed]
    (outcome,) = acknowledge(model.store, [Lot(model, "labels", frame, parts, clock.now(), masked=True)])
    if isinstance(outcome, RetrueError):
        raise outcome
    return list(agreed)
