"""Slices: the parts of the rows that are counted by themselves, how each stands, and adding and removing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import polars as pl
from fastapi import APIRouter, Depends, Form, Query, Request, Response
from sqlalchemy import Connection, select
from starlette.responses import RedirectResponse

from retrue.errors import ConfigError, RetrueError, SliceError
from retrue.judge.rules import Rule
from retrue.judge.verdict import Verdict, badness
from retrue.judge.words import metric_name, percent
from retrue.server.auth import Actor, editor, viewer
from retrue.server.errors import status_of
from retrue.server.pages.model import Name
from retrue.server.pages.shell import render
from retrue.server.pages.slice_figures import ALL, NO_ROWS, SliceFigures, slice_table
from retrue.server.service import Service, service
from retrue.slices import Slice
from retrue.store import tables
from retrue.workspace import Model
from retrue.workspace.acting import audit
from retrue.workspace.check.incidents import read_verdict

router = APIRouter(prefix="/models/{model}/slices", include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Text = Annotated[str, Form(max_length=2_000)]
MOST = 200
"""Slices that a model may have from here: each is counted in every window."""


@dataclass(frozen=True)
class SliceLine:
    """A slice: how one types it, in words, its state, whether a rule needs it, and its figures where some are known."""

    name: str
    words: str
    state: str
    tone: str
    needed: bool
    figures: SliceFigures | None = None


@dataclass(frozen=True)
class SlicesView:
    """The page.

    Attributes:
        model: whose.
        sentence: the answer.
        slices: those that are counted.
        text: a slice that somebody is about to add.
        share: how many of the reference's rows it has, in words; "" where nobody asked.
        trouble: what is wrong with it.
        may_edit: whether the actor may change something.
        metric: what performance is told in, in words; "" before there is any.
        whole: the figures of all rows; None before there are events.
        when: of which time figures are.
    """

    model: str
    sentence: str
    slices: tuple[SliceLine, ...]
    text: str
    share: str
    trouble: RetrueError | None
    may_edit: bool
    metric: str = ""
    whole: SliceFigures | None = None
    when: str = ""


def said_of(connection: Connection, model: Model) -> dict[str, tuple[str, str]]:
    """The worst that the newest judged window says of each slice, and how loud that is."""
    c = tables.verdicts.c
    mine = (c.model == model.name, c.version == model.version)
    newest = connection.execute(select(c.start).where(*mine).order_by(c.start.desc()).limit(1)).scalar()
    query = select(c.body).where(*mine, c.start == newest, c.kind != "true", c.body["slice"].as_string().is_not(None))
    said = connection.execute(query.order_by(c.number)).scalars()
    worst = sorted((read_verdict(body) for body in said), key=badness, reverse=True)
    return {str(one.slice): (reason_of(one), "warn" if one.alarms else "calm") for one in worst}


def reason_of(verdict: Verdict) -> str:
    """What was said, and of which column.

    >>> from retrue.judge.verdict import VerdictKind
    >>> reason_of(Verdict(VerdictKind.DRIFTING, "moved by KS 0.3", column="income"))
    'income: moved by KS 0.3'
    """
    about = verdict.column
    return verdict.reason if about is None or about in verdict.reason else f"{about}: {verdict.reason}"


def lines(model: Model, figures: Mapping[str, SliceFigures] | None = None) -> list[SliceLine]:
    """The slices of a model with what is known of each."""
    with model.store.catalog.read() as tx:
        told = said_of(tx.connection, model)
    rules = [Rule.parse(text) for text in model.options.rules]
    needed = {one.slice.to_sql() for one in rules if one.slice is not None}
    found, known = [], figures or {}
    for one in model.store.slices(model.name):
        state, tone = told.get(one.to_sql(), told.get(str(one), ("nothing against it in the newest window", "calm")))
        own = known.get(one.to_sql(), known.get(str(one), NO_ROWS if known else None))
        found.append(SliceLine(str(one), one.words, state, tone, one.to_sql() in needed, own))
    return found


def share_of(model: Model, text: str) -> str:
    """How many of the reference's rows a slice has.

    Raises:
        SliceError: it doesn't parse, or reads what the reference doesn't have.
    """
    part, frame = Slice.parse(text), model.reference.frame
    part.check(frame.columns)
    try:
        rows = int(part.mask(frame).sum() or 0)
    except pl.exceptions.PolarsError as error:
        raise SliceError(f"{text[:80]!r} doesn't fit the reference", hint=str(error)[:200]) from error
    return f"{rows:,} of {frame.height:,} rows of the reference ({percent(rows / max(frame.height, 1))})"


def shown(
    request: Request, served: Service, actor: Actor, name: str, text: str = "", trouble: RetrueError | None = None
) -> Response:
    """Answer with the page; what is wrong with a slice stands beside its field."""
    model, share = served.model(name), ""
    if text and trouble is None:
        try:
            share = share_of(model, text)
        except RetrueError as error:
            trouble = error
    with model.store.catalog.read() as tx:
        schema = model.store.model(name).schema
        metric = served.headlines.find(tx.connection, name, schema, model.options.impact)
    counted = sorted(one.to_sql() for one in model.store.slices(name))
    key = (name, served.watch.look().get(name, ""), metric or "", *counted)
    table = served.slices.of(key, lambda: slice_table(model, metric))
    every = lines(model, table.slices)
    loud = sum(one.tone == "warn" for one in every)
    sentence = (
        f"{len(every)} slices of {name} are counted by themselves" if every else f"No slice of {name} is counted yet"
    )
    sentence += f"; {loud} out of true" if loud else ""
    view = SlicesView(
        name, sentence, tuple(every), text, share, trouble, actor.may("editor"), metric_name(metric) if metric else "",
        table.slices.get(ALL), table.when,
    )  # fmt: skip
    status = status_of(trouble) if trouble is not None and request.method == "POST" else 200
    return render(request, "slices.html", view, title=f"Slices of {name}", place="Overview", status=status)


@router.get("")
def slices(
    request: Request, served: Served, actor: Annotated[Actor, Depends(viewer)], name: Name,
    add: Annotated[str, Query(max_length=2_000)] = "",
) -> Response:  # fmt: skip
    """Show the slices; `add`: with what a new one would hold."""
    return shown(request, served, actor, name, add.strip())


@router.post("/add")
def add(
    request: Request, served: Served, actor: Annotated[Actor, Depends(editor)], name: Name, add: Text = ""
) -> Response:
    """Count one more slice; stored events are counted at once."""
    model, text = served.model(name), add.strip()
    try:
        share_of(model, text)
        known = model.store.slices(name)
        if len(known) >= MOST:
            raise ConfigError(f"{len(known)} slices already", expected=f"at most {MOST}", hint="remove one first")
        if Slice.parse(text).to_sql() not in {one.to_sql() for one in known}:
            keep(model, [*known, Slice.parse(text)], "slice added", text)
    except RetrueError as error:
        return shown(request, served, actor, name, text, error)
    return back(name)


@router.post("/remove")
def remove(
    request: Request, served: Served, actor: Annotated[Actor, Depends(editor)], name: Name, slice: Text = ""
) -> Response:
    """Count a slice no more."""
    model = served.model(name)
    if any(one.name == slice and one.needed for one in lines(model)):
        trouble = ConfigError(f"a rule needs {slice[:80]!r}", hint="remove the rule first, under monitors")
        return shown(request, served, actor, name, "", trouble)
    keep(model, [one for one in model.store.slices(name) if str(one) != slice], "slice removed", slice)
    return back(name)


def keep(model: Model, every: list[Slice], action: str, text: str) -> None:
    """Count these slices and no others, and write down who wanted that."""
    model.store.set_slices(model.name, every)
    with model.store.catalog.write() as tx:
        audit(tx, action, model.name, {"slice": text})


def back(name: str) -> Response:
    """Go on at the page."""
    return RedirectResponse(f"/models/{quote(name, safe='')}/slices", 303)
