"""Labelling: which rows need a label, how far are we, do people agree? One row at a time, by key or by thumb."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from starlette.responses import RedirectResponse

from retrue.errors import ConfigError, RetrueError, StoreError, TableError
from retrue.refine.annotate import Question, Task
from retrue.refine.annotate.tasks import AGREED, DISPUTED, KNOWN
from retrue.report.examples import picture
from retrue.report.words import plural
from retrue.server.auth import Actor, editor, viewer
from retrue.server.errors import HttpError, status_of
from retrue.server.pages.incident_actions import most_of
from retrue.server.pages.model import Name
from retrue.server.pages.moments import moment
from retrue.server.pages.shell import render
from retrue.server.service import Service, service
from retrue.workspace import Model
from retrue.workspace.annotate.annotating import Progress
from retrue.workspace.annotate.asking import collection_of

router = APIRouter(prefix="/models/{model}/labelling", include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Reader = Annotated[Actor, Depends(viewer)]
Editor = Annotated[Actor, Depends(editor)]
Id = Annotated[str, Query(max_length=100)]
Text = Annotated[str, Form(max_length=4_000)]
KEYS = 9
"""Choices that have a key of their own."""
LARGEST = 5_000_000
"""Bytes of a file with labels at most."""
LAST = 8
"""Answers that are listed."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
Cell = tuple[str, str, str | None]
"""What something is called, its value as one reads it, and the picture that it is."""
WORDS = {AGREED: "labelled", KNOWN: "labelled from elsewhere", DISPUTED: "disputed"}


@dataclass(frozen=True)
class Asked:
    """The row that is asked about.

    Attributes:
        id, event: the task and its event.
        cells: what there is to see.
        said: what the model said, behind a click.
        reasons: why it is asked about.
        choices: what can be said, each with its key ("" beyond the ninth); none: a number.
        own: what this person said of it before.
        note: what else there is to know: that people disagree, or how many must answer.
    """

    id: str
    event: str
    cells: tuple[Cell, ...]
    said: tuple[Cell, ...]
    reasons: tuple[str, ...]
    choices: tuple[tuple[str, str], ...]
    own: str | None
    note: str


@dataclass(frozen=True)
class Said:
    """An answer as the list shows it."""

    task: str
    event: str
    label: str
    who: str
    at: int | None
    state: str


@dataclass(frozen=True)
class LabellingView:
    """The page.

    Attributes:
        model: whose rows.
        sentence: the answer.
        facts: below it: name, fact, small.
        label: the column that is asked for.
        asked: the row that is shown; None: there is none for this person.
        said: the last answers.
        collections: what can be asked about.
        total: tasks in all.
        may_edit: whether the actor may label.
    """

    model: str
    sentence: str
    facts: tuple[tuple[str, str, str], ...]
    label: str
    asked: Asked | None
    said: tuple[Said, ...]
    collections: tuple[str, ...]
    total: int
    may_edit: bool


def view_of(model: Model, actor: Actor, task: str, after: str) -> LabellingView:
    """What the page shows somebody.

    Raises:
        SchemaError: the model has no label or no id.
    """
    queue = model.labelling
    question, progress = queue.question, queue.progress()
    chosen = queue.task(task) if task else queue.next(actor.name, after or None)
    may = actor.may("editor")
    said = tuple(
        Said(one.id, one.event, answer.label, answer.annotator, answer.at, WORDS.get(one.status, ""))
        for one, answer in queue.latest(LAST)
    )
    names = tuple(one.name for one in model.collections())
    asked = asked_of(chosen, question, actor.name) if chosen is not None and may else None
    return LabellingView(
        model.name, sentence_of(model.name, progress), facts_of(progress), question.label, asked, said, names,
        progress.total, may,
    )  # fmt: skip


def sentence_of(name: str, progress: Progress) -> str:
    """Say how far it is."""
    if not progress.total:
        return f"Nobody was asked for labels of {name} yet"
    if not progress.left:
        return f"{'The one row' if progress.total == 1 else f'All {progress.total:,} rows'} of {name} have a label"
    return f"{progress.left:,} of {plural(progress.total, 'row')} of {name} still need a label"


def facts_of(progress: Progress) -> tuple[tuple[str, str, str], ...]:
    """How many, by whom, and whether they agree."""
    if not progress.total:
        return ()
    done, found = progress.tasks[AGREED], progress.agreement
    ends = f"{found.interval[0]:.2f} to {found.interval[1]:.2f}, " if found.interval else ""
    alpha = (f"{found.alpha:.2f}", f"{ends}{found.word}") if found.alpha is not None else ("–", found.note or "")
    people = [f"{who} {n:,}" for who, n in list(progress.people.items())[:3]]
    more = len(progress.people) - len(people)
    return (
        ("Labelled", f"{done:,}", "by people here"),
        ("Disputed", f"{progress.tasks[DISPUTED]:,}", "no label has more than half"),
        ("From elsewhere", f"{progress.tasks[KNOWN]:,}", "a label came meanwhile"),
        (
            "Answers",
            f"{sum(progress.people.values()):,}",
            ", ".join(people) + (f" and {more} more" if more > 0 else ""),
        ),
        ("Agreement (alpha)", *alpha),
    )


def asked_of(task: Task, question: Question, who: str) -> Asked:
    """The row that is asked about."""
    own = next((one.label for one in task.answers if one.annotator == who), None)
    left = task.wanted - len(task.answers)
    note = "People disagree about this row." if task.status == DISPUTED else ""
    if not note and task.wanted > 1 and left > 0:
        note = f"{plural(left, 'answer')} of {task.wanted} still needed."
    return Asked(
        task.id, task.event, cells(task.row), cells(task.said), task.reasons, keyed(question.choices), own, note
    )


def keyed(choices: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Each choice with the key that says it: itself where all are digits, else the first nine by their place.

    >>> keyed(("0", "1")), keyed(("no", "yes"))
    ((('0', '0'), ('1', '1')), (('no', '1'), ('yes', '2')))
    """
    if all(re.fullmatch("[0-9]", one) for one in choices):
        return tuple((one, one) for one in choices)
    return tuple((one, str(i) if i <= KEYS else "") for i, one in enumerate(choices, 1))


def cells(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Names and values as one reads them, and the pictures that they are."""
    return tuple((name, told(value), picture(value)) for name, value in row.items())


def told(value: object) -> str:
    """A value as one reads it.

    >>> told(None), told(1234.50), told(True), told("late")
    ('–', '1234.5', 'true', 'late')
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and _TIME.match(value):
        with contextlib.suppress(ValueError):  # a text that only begins like a time
            return moment(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def shown(
    request: Request, model: Model, actor: Actor, task: str = "", after: str = "", trouble: RetrueError | None = None
) -> Response:
    """Answer with the page."""
    try:
        view = view_of(model, actor, task, after)
    except RetrueError as error:
        if no_such(error) and task:
            view, trouble = view_of(model, actor, "", ""), error
        else:
            view, trouble = (
                LabellingView(model.name, "These rows can't be labelled", (), "", None, (), (), 0, False),
                error,
            )
    status = 200 if trouble is None else 404 if no_such(trouble) else status_of(trouble)
    return render(
        request, "labelling.html", view, title="Labelling", place="Overview", status=status, trouble=trouble,
        done=done_of(request), last=request.query_params.get("labelled", "")[:100],
    )  # fmt: skip


def no_such(trouble: RetrueError) -> bool:
    """Whether what was asked for isn't there; the store's own trouble has another error behind it."""
    return isinstance(trouble, StoreError) and trouble.__cause__ is None


def done_of(request: Request) -> str:
    """What was done just now, in words."""
    made = request.query_params.get("made", "")
    if made.isdecimal() and len(made) < 9:
        return (
            f"{plural(int(made), 'row')} asked about."
            if int(made)
            else "No new row: those without a label are asked about."
        )
    counts = [(name, request.query_params.get(name, "")) for name in TAKEN]
    if any(text for _, text in counts) and all(text.isdecimal() and len(text) < 9 for _, text in counts):
        told = [f"{int(text):,} {TAKEN[name]}" for name, text in counts if int(text)]
        return f"From the file: {', '.join(told) or 'it has no row'}."
    return ""


TAKEN = {
    "new": "new",
    "changed": "changed",
    "repeated": "known already",
    "unknown": "of no task here",
    "blank": "without a label",
}
"""What became of the answers in a file."""


def read_file(sent: UploadFile | None) -> str:
    """The text of a file that was sent.

    Raises:
        ConfigError: none was chosen.
        HttpError: 413, it is too large.
        TableError: it isn't UTF-8.
    """
    if sent is None or not sent.filename:
        raise ConfigError("no file was chosen", where="the labels", expected="CSV, JSON or an export of Label Studio")
    data = sent.file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise HttpError(
            413, f"a file of more than {LARGEST / 1e6:g} MB", where=sent.filename[:100],
            hint="cut it into parts, or use the command line: retrue tasks import MODEL FILE",
        )  # fmt: skip
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError("no UTF-8", where=f"line {line} of {sent.filename[:100]}", expected="text in UTF-8") from error


@router.get("")
def labelling(request: Request, served: Served, name: Name, actor: Reader, task: Id = "", after: Id = "") -> Response:
    """Show the next row that needs a label, or the one that is named."""
    return shown(request, served.model(name), actor, task, after)


@router.post("/ask")
def ask(
    request: Request, served: Served, name: Name, actor: Editor,
    where: Text = "", collection: Text = "", most: Text = "100", people: Text = "1",
) -> Response:  # fmt: skip
    """Ask for labels of a slice's events, or of what was collected."""
    model = served.model(name)
    try:
        of = collection_of(model, collection) if collection else where.strip() or None
        made = model.labelling.make(of, most=most_of(most), people=most_of(people) or 1)
    except RetrueError as error:
        return shown(request, model, actor, trouble=error)
    return back(name, made=made.new)


@router.post("/file")
def take(
    request: Request, served: Served, name: Name, actor: Editor,
    labels: Annotated[UploadFile | None, File(description="A filled in file.")] = None,
) -> Response:  # fmt: skip
    """Take answers from a file: all of them, or none and the line that is wrong."""
    model = served.model(name)
    try:
        taken = model.labelling.take(read_file(labels), annotator=actor.name)
    except RetrueError as error:
        return shown(request, model, actor, trouble=error)
    return back(name, **taken.to_dict())


@router.post("/{task}")
def answer(request: Request, served: Served, name: Name, task: str, actor: Editor, label: Text = "") -> Response:
    """Say what the label of a row is, and go on to the next."""
    model = served.model(name)
    try:
        model.labelling.answer(task, label, annotator=actor.name)
    except RetrueError as error:
        return shown(request, model, actor, task, trouble=error)
    return back(name, labelled=task)


def back(name: str, **said: object) -> Response:
    """Go on at the page."""
    return RedirectResponse(f"/models/{quote(name, safe='')}/labelling?{urlencode(said)}", 303)
