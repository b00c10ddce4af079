"""Refine: what did we collect, train, prove? The chain from an incident to what its mending did, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Request, Response
from sqlalchemy import func, select
from starlette.responses import RedirectResponse

from retrue.config import load
from retrue.errors import ConfigError, RetrueError
from retrue.report.words import plural, upper_first
from retrue.server.api.runs import queued
from retrue.server.auth import Actor, editor, viewer
from retrue.server.errors import status_of
from retrue.server.pages.model import Name
from retrue.server.pages.shell import render
from retrue.server.pages.turn import Turn, turn_of
from retrue.server.service import Service, service
from retrue.store import rows, tables
from retrue.workspace import Model
from retrue.workspace.decide.deciding import COLLECTED, HOLDOUT
from retrue.workspace.promote.lineage import Lineage, effect_of, lineages, origins_of
from retrue.workspace.prove.golden import GOLDEN
from retrue.workspace.stored import made_at
from retrue.workspace.train.parts import barren, part_names, read_holdout

router = APIRouter(include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Reader = Annotated[Actor, Depends(viewer)]
Editor = Annotated[Actor, Depends(editor)]
Words = Annotated[list[Annotated[str, Form(max_length=20_000)]], Form(max_length=200)]
SHOWN = 10
"""Turns that are shown."""
EFFECTS = 3
"""Promotions whose effect is worked out."""
OPEN = 5
"""Incidents that are offered."""


@dataclass(frozen=True)
class Kept:
    """What was collected: its name, rows, when, whether a run has learned from it, and the incident behind it.

    `until`: the newest day of its events, of what is collected day by day; else "".
    """

    name: str
    rows: str
    created: int
    used: bool
    incident: str
    until: str = ""


@dataclass(frozen=True)
class Decided:
    """The last decision whether to retrain, with its reason, and why a run that it asked for couldn't be started."""

    sentence: str
    refused: str | None
    created: int


@dataclass(frozen=True)
class Queueing:
    """The form that queues a run.

    Attributes:
        trainers: registered ones, by name; parts: what a mix may be made of, each with the percentage that is offered.
        why_not: why no run can be queued here; "" where one can.
        chosen, holdout: what was asked for.
        barren: parts that have no row to learn from yet, and why.
    """

    trainers: tuple[str, ...]
    parts: tuple[tuple[str, str], ...]
    why_not: str
    chosen: str = ""
    holdout: str = f"{HOLDOUT:g}"
    barren: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RefineView:
    """The page.

    Attributes:
        model: whose.
        sentence: the answer.
        turns: the chains, latest first; of the others only how many there are.
        more: how many older runs there are.
        kept: collections, latest first.
        offered: live incidents that no run has learned from, id and sentence.
        decided: the last decision.
        tasks: rows that wait for a label.
        champion: the version in production.
        queueing: the form that queues a run; None for who may only look.
    """

    model: str
    sentence: str
    turns: tuple[Turn, ...]
    more: int
    kept: tuple[Kept, ...]
    offered: tuple[tuple[str, str], ...]
    decided: Decided | None
    tasks: int
    champion: str
    queueing: Queueing | None


def view_of(model: Model, queueing: Queueing | None) -> RefineView:
    """What the page shows, with this form on it."""
    found, incidents = lineages(model), {one.id: one for one in model.incidents()}
    sentences = {key: one.incident.sentence for key, one in incidents.items()}
    promoted = [one for one in found[:SHOWN] if one.version is not None][:EFFECTS]
    effects = {one.id: effect_of(model, one) for one in promoted}
    champion = model.version
    turns = tuple(turn_of(model.name, one, effects.get(one.id), sentences, champion) for one in found[:SHOWN])
    kept = kept_of(model, found)
    mended = {key for one in found for key in one.incidents}
    offered = [
        (key, sentences[key])
        for key, one in incidents.items()
        if one.live and one.incident.cause is not None and key not in mended
    ]
    return RefineView(
        model.name, sentence_of(turns, kept, len(offered)), turns, max(len(found) - SHOWN, 0), kept,
        tuple(offered[:OPEN]), decided_of(model), waiting(model), champion, queueing,
    )  # fmt: skip


def sentence_of(turns: Sequence[Turn], kept: Sequence[Kept], offered: int) -> str:
    """Say where things stand."""
    if turns:
        return turns[0].sentence
    fresh = [one for one in kept if not one.used]
    if fresh:
        return f"{plural(len(fresh), 'collection')} {'waits' if len(fresh) == 1 else 'wait'} for a training"
    if offered:
        return f"Nothing is collected yet; {plural(offered, 'live incident')} could begin it"
    return "Nothing is collected or trained yet"


def kept_of(model: Model, found: Sequence[Lineage]) -> tuple[Kept, ...]:
    """What was collected, latest first, without reading the rows."""
    used, origins = {part.name for one in found for part in one.parts}, origins_of(model)
    c, d = tables.collections.c, tables.collected.c
    once = select(c.name, c.rows, c.created, c.body).where(c.model == model.name)
    newest = func.max(d.body["day"].as_string())
    going = select(d.collection, func.sum(d.rows), func.max(d.created), newest).where(d.model == model.name)
    with model.store.catalog.read() as tx:
        listed = [(name, n, at, "") for name, n, at, body in tx.connection.execute(once) if not body.get(GOLDEN)]
        listed += [tuple(one) for one in tx.connection.execute(going.group_by(d.collection))]
    told = {str(name): (int(n), int(created), day or "") for name, n, created, day in listed}
    return tuple(
        Kept(name, f"{n:,}", created, name in used, origins.get(name, ""), day)
        for name, (n, created, day) in sorted(told.items(), key=lambda one: -one[1][1])
    )


def decided_of(model: Model) -> Decided | None:
    """The last decision whether to retrain."""
    with model.store.catalog.read() as tx:
        found = tx.latest(rows.Decision, 1, model=model.name)
    if not found:
        return None
    body: Mapping[str, Any] = found[0].body
    return Decided(upper_first(str(body["text"])), body.get("refused"), made_at(found[0]))


def waiting(model: Model) -> int:
    """Rows that wait for a label from a person."""
    t = tables.tasks.c
    query = select(func.count()).where(t.model == model.name, t.status.in_(("open", "disputed")))
    with model.store.catalog.read() as tx:
        return int(tx.connection.execute(query).scalar_one())


def queueing_of(model: Model) -> Queueing:
    """The form as it is offered: half original data, half the log; a fifth for what was collected.

    None for what has no row to learn from yet: a mix with it is refused.
    """
    names, schema = part_names(model), model.schema
    try:
        trainers, why_not = tuple(sorted(load().trainers)), ""
    except ConfigError as error:
        trainers, why_not = (), str(error)
    if schema.label is None or schema.time is None or not (schema.score or schema.prediction):
        why_not = "retraining needs a label, a time and a score, and this model lacks one of them"
    elif not trainers and not why_not:
        why_not = "no trainer is named in the service's retrue.toml"
    none = barren(model, HOLDOUT) if names[2:] else {}
    offered = [name for name in names[2:] if name not in none]
    rest = 100 * (1 - COLLECTED) / 2 if offered else 50
    each = f"{100 * COLLECTED / len(offered):.3g}" if offered else ""
    shares = [f"{rest:g}", f"{rest:g}", *("" if name in none else each for name in names[2:])]
    return Queueing(trainers, tuple(zip(names, shares, strict=True)), why_not, barren=none)


def shown(
    request: Request, model: Model, actor: Actor, queueing: Queueing | None = None, trouble: RetrueError | None = None
) -> Response:
    """Answer with the page; with what was asked for, and why it can't be, where it can't."""
    form = (queueing or queueing_of(model)) if actor.may("editor") else None
    view = view_of(model, form)
    status = 200 if trouble is None else status_of(trouble)
    return render(
        request, "refine.html", view, title=view.sentence, place="Overview", live=model.name, status=status,
        trouble=trouble,
    )  # fmt: skip


@router.get("/models/{model}/refine")  # noqa: FAST003 - `Name` is it
def refine(request: Request, served: Served, name: Name, actor: Reader) -> Response:
    """Show the chains of a model."""
    return shown(request, served.model(name), actor)


@router.post("/models/{model}/refine/queue")  # noqa: FAST003 - `Name` is it
def queue(
    request: Request, served: Served, name: Name, actor: Editor, part: Words, share: Words,
    trainer: Annotated[str, Form(max_length=200)] = "", holdout: Annotated[str, Form(max_length=20)] = "0.25",
) -> Response:  # fmt: skip
    """Queue a run, and go on at its page."""
    model = served.model(name)
    try:
        mix = mix_said(part, share)
        run = queued(model, actor.name, trainer, mix, settings={}, holdout=read_holdout(holdout))
    except RetrueError as error:
        kept = replace(queueing_of(model), parts=tuple(zip(part, share, strict=False)), chosen=trainer, holdout=holdout)
        return shown(request, model, actor, kept, error)
    return RedirectResponse(f"/models/{quote(name, safe='')}/runs/{quote(run['id'])}?done=queued", 303)


def mix_said(parts: Sequence[str], shares: Sequence[str]) -> dict[str, float]:
    """The parts that have a share.

    Raises:
        ConfigError: a share that is no number, or none at all.

    >>> mix_said(["reference", "log", "storms"], ["50", " 50 %", ""])
    {'reference': 50.0, 'log': 50.0}
    """
    found = dict[str, float]()
    for part, share in zip(parts, shares, strict=False):
        text = share.strip().removesuffix("%").strip()
        try:
            value = float(text or 0)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise ConfigError(f"{share[:40]!r} is no share", where=part[:100], expected="a percentage such as 40")
        found |= {part: value} if value else {}
    if not found:
        raise ConfigError("a mix of nothing", where="shares", expected="a percentage for at least one part")
    return found
