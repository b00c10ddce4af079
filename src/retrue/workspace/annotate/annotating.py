"""The labelling queue of a model: which rows are asked about, what people say, and the labels that they agree on.

    model.labelling.make("p BETWEEN 0.4 AND 0.6", most=200)      # ask
    model.labelling.answer(task.id, "1")                         # one person says
    model.labelling.take(Path("labels.csv").read_text())         # many people said

What is agreed on goes through the ordinary door, once: its key is made of the answers, so that doing it again after a
crash brings nothing twice. A label that came from elsewhere meanwhile is the truth, and stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from retrue.errors import ConfigError, SchemaError, StoreError, TableError, nearest
from retrue.refine.annotate import FORMATS, Agreement, Answer, Question, Task, agreement, read_answers, written
from retrue.refine.annotate.answers import LONGEST, storable
from retrue.refine.annotate.tasks import DISPUTED, OPEN, STATES
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.acting import actor, audit
from retrue.workspace.annotate.asking import Made, Source, ask
from retrue.workspace.annotate.queued import (
    answers_of,
    counted,
    find_tasks,
    in_order,
    latest,
    left_for,
    page_of,
    task_of,
)
from retrue.workspace.annotate.settling import settle
from retrue.workspace.stored import StoredModel

MOST = 100_000
"""Tasks that are made at a time."""
PEOPLE = 20
"""Answers to a task that can be asked for."""


@dataclass(frozen=True)
class Taken:
    """What came of answers: new ones, those that replace what the same person said, repeated ones, unknown tasks.

    `blank`: rows of the file that had none.
    """

    new: int
    changed: int
    repeated: int
    unknown: int
    blank: int = 0

    def to_dict(self) -> dict[str, int]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Progress:
    """How far the queue is: tasks by state, answers by person, and how far people agree."""

    tasks: Mapping[str, int]
    people: Mapping[str, int]
    agreement: Agreement

    @property
    def total(self) -> int:
        """All tasks."""
        return sum(self.tasks.values())

    @property
    def left(self) -> int:
        """Tasks that still need somebody."""
        return self.tasks[OPEN] + self.tasks[DISPUTED]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "total": self.total, "left": self.left, "tasks": dict(self.tasks), "people": dict(self.people),
            "agreement": self.agreement.to_dict(),
        }  # fmt: skip


@dataclass(frozen=True)
class Labelling:
    """A model's rows that people label; `model.labelling` is one."""

    model: StoredModel

    # --- asking ---------------------------------------------------------------------------------------------------

    @property
    def question(self) -> Question:
        """What is asked of each row.

        Raises:
            SchemaError: the model has no label, or its events have no id.
        """
        schema, layout = self.model.schema, self.model.store.layout(self.model.name)
        if schema.label is None or layout.id is None:
            lacks = "label" if schema.label is None else "id"
            raise SchemaError(
                f"the model has no {lacks}", where=f"model {self.model.name!r}", hint=f"register it with {lacks}=..."
            )
        choices = schema.classes if schema.task in ("binary", "multiclass") else ()
        return Question(schema.label, tuple(choices))

    def make(
        self,
        of: Source = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        most: int | None = None,
        people: int = 1,
    ) -> Made:
        """Ask for labels of the champion's events that have none; an event is asked about once.

        Args:
            of: a slice, or what was collected; all events unless given.
            since: first event time.
            until: events from here on are left out.
            most: the most new tasks; those asked before don't count, so that the same call again asks about the next
                events. Which they are follows from the events, not from chance.
            people: how many answers each needs.

        Raises:
            ConfigError: so many tasks or people can't be asked for.
            SchemaError: the model has no label or no id.
            SliceError: the slice doesn't fit.
        """
        _ = self.question
        if not 1 <= people <= PEOPLE:
            raise ConfigError(f"{people} answers to a task", where="people", expected=f"1 to {PEOPLE}")
        if most is not None and not 1 <= most <= MOST:
            raise ConfigError(f"{most:,} tasks", where="most", expected=f"1 to {MOST:,}")
        bound = MOST if most is None else most
        return ask(self.model, of, since=since, until=until, most=bound, people=people)

    # --- looking --------------------------------------------------------------------------------------------------

    def tasks(self, status: str | None = None, *, offset: int = 0, most: int | None = None) -> list[Task]:
        """The tasks with their answers, in the order in which they were made.

        Args:
            status: those in this state; all unless given.
            offset: how many to pass over.
            most: the most to give.

        Raises:
            ConfigError: no such state.
        """
        return self._tasks(None if status is None else (state_named(status),), offset, most)

    def _tasks(self, states: Sequence[str] | None, offset: int = 0, most: int | None = None) -> list[Task]:
        with self.model.store.catalog.read() as tx:
            found = page_of(tx, self.model.name, states, offset, most)
            said = answers_of(tx, self.model.name, None if most is None else {one.id for one in found})
        return [task_of(one, said.get(one.id, ())) for one in found]

    def task(self, id: str) -> Task:
        """One task.

        Raises:
            StoreError: there is none.
        """
        with self.model.store.catalog.read() as tx:
            found = tx.get(rows.Task, id=id, model=self.model.name)
            if found is None:
                raise StoreError(f"no task {id[:40]!r}", where=f"model {self.model.name!r}")
            return task_of(found, in_order(tx.find(rows.Annotation, task=id)))

    def next(self, annotator: str | None = None, after: str | None = None) -> Task | None:
        """The task that somebody should answer next; None: there is none left for them.

        What others have begun comes first, so that a few tasks are finished rather than many begun.

        Args:
            annotator: who; whoever acts now unless given.
            after: the task that they pass over: those behind it come first.
        """
        with self.model.store.catalog.read() as tx:
            left = left_for(tx, self.model.name, annotator or actor.get())
        at = left.index(after) if after in left else -1
        behind = [*left[at + 1 :], *left[: at + 1]]
        return self.task(behind[0]) if behind else None

    def progress(self) -> Progress:
        """How far it is."""
        with self.model.store.catalog.read() as tx:
            states, said = counted(tx, self.model.name), answers_of(tx, self.model.name)
        people = Counter(one.annotator for answers in said.values() for one in answers)
        units = [[one.label for one in answers] for answers in said.values()]
        alike = agreement(units, numbers=self.model.schema.task not in ("binary", "multiclass"))
        return Progress({state: states.get(state, 0) for state in STATES}, dict(people.most_common()), alike)

    def latest(self, most: int = 20) -> list[tuple[Task, Answer]]:
        """The last answers, newest first, each with its task."""
        with self.model.store.catalog.read() as tx:
            said = latest(tx, self.model.name, most)
            found = {one.id: task_of(one, ()) for one in find_tasks(tx, self.model.name, {one.task for one in said})}
        return [(found[one.task], one) for one in said if one.task in found]

    def export(self, format: str = "csv", status: str | None = None) -> str:
        """The tasks as a file: "csv", "json", "label-studio", or the "label-studio-interface" that shows them.

        Args:
            format: which.
            status: those in this state; those that still need somebody unless given.

        Raises:
            ConfigError: no such format or state.
        """
        if format not in FORMATS:
            raise ConfigError(f"no format {format!r}", expected=", ".join(FORMATS), hint=nearest(format, FORMATS))
        states = (OPEN, DISPUTED) if status is None else (state_named(status),)
        return written(self._tasks(states), self.question, format)

    # --- answering ------------------------------------------------------------------------------------------------

    def answer(self, id: str, label: object, *, annotator: str | None = None) -> Task:
        """Say what the label of a task is; what the same person said before is replaced.

        Raises:
            StoreError: there is no such task.
            TableError: it is no label.
        """
        who = _name(annotator or actor.get())
        _ = self.task(id)
        said = Answer(id, who, self.question.read(label, f"task {id}"))  # without a time: said now, the newest
        self._keep([said], "labelled a row", {"task": id, "annotator": who})
        return self.task(id)

    def take(self, text: str, *, annotator: str | None = None) -> Taken:
        """Take answers from a file: CSV, JSON, or an export of Label Studio; the same file again changes nothing.

        Args:
            text: what is in it.
            annotator: who said it where the rows don't say; whoever acts now unless given.

        Raises:
            TableError: it can't be read, says what is no label, or has two labels of one task by the same person, of
                which no time tells the newer; nothing was taken.
        """
        said, blank = read_answers(text, self.question, _name(annotator or actor.get()))
        refuse_contradictions(said)
        people = sorted({one.annotator for one in said})
        taken = self._keep(said, "took labels", {"answers": len(said), "annotators": people[:100]})
        return replace(taken, blank=blank)

    def _keep(self, said: Sequence[Answer], action: str, facts: Mapping[str, Any]) -> Taken:
        """Keep answers, then let what was agreed on through the door."""
        now, counts = clock.micros(clock.now()), dict.fromkeys(("new", "changed", "repeated", "unknown"), 0)
        # No answer is from a time to come (a clock that is fast), or nothing that its person says later would count.
        timed = [one if one.at is None else replace(one, at=min(one.at, now)) for one in said]
        oldest_first = sorted(timed, key=lambda one: now if one.at is None else one.at)
        last = {(one.task, one.annotator): one for one in oldest_first}
        touched: list[str] = []
        with self.model.store.catalog.write() as tx:
            there = {one.id: one for one in find_tasks(tx, self.model.name, {one.task for one in said})}
            before = answers_of(tx, self.model.name, {one.task for one in said})
            for one in last.values():
                old = next((a for a in before.get(one.task, ()) if a.annotator == one.annotator), None)
                what = _change(one, old, known=one.task in there)
                counts[what] += 1
                if what in ("new", "changed"):
                    tx.put(rows.Annotation(one.task, one.annotator, one.label, one.at or now))
                    touched.append(one.task)
            audit(tx, action, self.model.name, facts)
        settle(self.model, self.question, touched)
        return Taken(**counts)

    def settle(self) -> int:
        """Let what people agree on through the door again, after a crash; gives how many labels went through."""
        return settle(self.model, self.question)


def state_named(status: str) -> str:
    """Check a state's name.

    Raises:
        ConfigError: there is no such state.
    """
    if status not in STATES:
        raise ConfigError(f"no state {status!r}", expected=", ".join(STATES), hint=nearest(status, STATES))
    return status


def _change(new: Answer, old: Answer | None, *, known: bool) -> str:
    """What an answer is beside what the same person said before; an older one is a repeat."""
    if not known:
        return "unknown"
    if old is None:
        return "new"
    stale = new.at is not None and old.at is not None and new.at < old.at
    return "repeated" if old.label == new.label or stale else "changed"


def refuse_contradictions(said: Sequence[Answer]) -> None:
    """Refuse two labels of one task by the same person where no time tells the newer: the order of lines is no reason.

    Raises:
        TableError: with the first of them, and how many tasks there are of which that holds.
    """
    labels: dict[tuple[str, str, int | None], set[str]] = {}
    for one in said:
        labels.setdefault((one.task, one.annotator, one.at), set()).add(one.label)
    twice = [(task, who, found) for (task, who, _), found in labels.items() if len(found) > 1]
    if twice:
        task, who, found = twice[0]
        others = f", and {len(twice) - 1:,} more tasks so" if len(twice) > 1 else ""
        raise TableError(
            f"{who} says {' and '.join(map(repr, sorted(found)))} of task {task}{others}",
            where="the same file", expected="one label of a task by a person, or `at`, when each was said",
        )  # fmt: skip


def _name(annotator: str) -> str:
    """Check a person's name.

    Raises:
        ConfigError: there is none, or too long a one.
    """
    if not annotator.strip():
        raise ConfigError("a blank name", where="annotator", expected="who says it")
    if len(annotator) > LONGEST:
        raise ConfigError(f"a name of {len(annotator)} characters", where="annotator", expected=f"1 to {LONGEST}")
    if not storable(annotator):
        raise ConfigError(f"a name such as {annotator[:40]!r}", where="annotator", expected="text")
    return annotator.strip()
