"""What the catalog has of a labelling queue: tasks, answers, counts; each asked for without reading all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, func, select

from retrue.refine.annotate import Answer, Task
from retrue.refine.annotate.tasks import DISPUTED, OPEN
from retrue.store import rows
from retrue.store.catalog import Transaction
from retrue.store.tables import label_annotations as said
from retrue.store.tables import tasks

NAMED = 500
"""A query names so many values; more are sought among all."""
LEFT = tasks.c.status.in_((OPEN, DISPUTED))
"""What still needs somebody."""


def find_tasks(tx: Transaction, model: str, ids: Collection[str] | None) -> list[rows.Task]:
    """Tasks by id; all unless given."""
    if ids is not None and len(ids) <= NAMED:
        return list(tx.find(rows.Task, model=model, id=sorted(ids)))
    return [one for one in tx.find(rows.Task, model=model) if ids is None or one.id in ids]


def page_of(
    tx: Transaction, model: str, states: Collection[str] | None, offset: int = 0, most: int | None = None
) -> list[rows.Task]:
    """Tasks in these states, in the order in which they were made."""
    wanted = [tasks.c.model == model, *([] if states is None else [tasks.c.status.in_(states)])]
    query = select(tasks).where(*wanted).order_by(tasks.c.created, tasks.c.id).offset(offset).limit(most)
    return [rows.Task(**row) for row in tx.connection.execute(query).mappings()]


def answers_of(tx: Transaction, model: str, ids: Collection[str] | None = None) -> dict[str, list[Answer]]:
    """What was said of each of these tasks, oldest first; of all of a model's unless given."""
    wanted: list[ColumnElement[bool]] = [tasks.c.model == model]
    if ids is not None and len(ids) <= NAMED:
        wanted.append(tasks.c.id.in_(ids))
    joined = select(said).join(tasks, tasks.c.id == said.c.task).where(*wanted)
    found: dict[str, list[Answer]] = defaultdict(list)
    for one in in_order(rows.Annotation(**row) for row in tx.connection.execute(joined).mappings()):
        found[one.task].append(one)
    return found


def latest(tx: Transaction, model: str, most: int) -> list[Answer]:
    """The last answers, newest first."""
    joined = select(said).join(tasks, tasks.c.id == said.c.task).where(tasks.c.model == model)
    kept = tx.connection.execute(
        joined.order_by(said.c.created.desc(), said.c.task, said.c.annotator).limit(most)
    ).mappings()
    return list(reversed(in_order(rows.Annotation(**row) for row in kept)))


def in_order(kept: Iterable[rows.Annotation]) -> tuple[Answer, ...]:
    """What was said, oldest first."""
    ordered = sorted(kept, key=lambda one: (one.created, one.annotator))
    return tuple(Answer(one.task, one.annotator, one.label, one.created) for one in ordered)


def left_for(tx: Transaction, model: str, who: str) -> list[str]:
    """Ids of the tasks that somebody may still answer: those that others have begun first, then as they were made."""
    own = select(said.c.task).where(said.c.annotator == who)
    begun = select(func.count()).where(said.c.task == tasks.c.id).scalar_subquery()
    query = select(tasks.c.id).where(tasks.c.model == model, LEFT, tasks.c.id.not_in(own))
    return [str(each) for (each,) in tx.connection.execute(query.order_by(begun.desc(), tasks.c.created, tasks.c.id))]


def counted(tx: Transaction, model: str) -> dict[str, int]:
    """How many tasks are in each state."""
    query = select(tasks.c.status, func.count()).where(tasks.c.model == model).group_by(tasks.c.status)
    return {str(status): int(n) for status, n in tx.connection.execute(query)}


def agreed_of(row: rows.Task) -> str | None:
    """The label that was agreed on."""
    label = row.body.get("agreed")
    return None if label is None else str(label)


def task_of(row: rows.Task, answers: Sequence[Answer]) -> Task:
    """A task as the catalog has it."""
    body = row.body
    return Task(
        row.id, body["event"], body["row"], body.get("said", {}), tuple(body.get("reasons", ())), int(body["wanted"]),
        row.status, agreed_of(row), tuple(answers), int(body["time"]),
    )  # fmt: skip
