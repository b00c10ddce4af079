"""Refine: what did we collect, train, prove? The chain from an incident to what its mending did, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import func, select

from retrue.report.words import plural, upper_first
from retrue.server.auth import Actor, viewer
from retrue.server.pages.model import Name
from retrue.server.pages.shell import render
from retrue.server.pages.turn import Turn, turn_of
from retrue.server.service import Service, service
from retrue.store import rows, tables
from retrue.workspace import Model
from retrue.workspace.promote.lineage import Lineage, effect_of, lineages, origins_of

router = APIRouter(include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Reader = Annotated[Actor, Depends(viewer)]
SHOWN = 10
"""Turns that are shown."""
EFFECTS = 3
"""Promotions whose effect is worked out."""
OPEN = 5
"""Incidents that are offered."""


@dataclass(frozen=True)
class Kept:
    """What was collected: its name, rows, since when, whether a run has learned from it, and the incident behind it."""

    name: str
    rows: str
    created: int
    used: bool
    incident: str


@dataclass(frozen=True)
class Decided:
    """The last decision whether to retrain."""

    sentence: str
    reasons: tuple[str, ...]
    created: int


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


def view_of(model: Model) -> RefineView:
    """What the page shows."""
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
        tuple(offered[:OPEN]), decided_of(model), waiting(model), champion,
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
    once = select(c.name, c.rows, c.created).where(c.model == model.name)
    going = select(d.collection, func.sum(d.rows), func.max(d.created)).where(d.model == model.name)
    with model.store.catalog.read() as tx:
        listed = [*tx.connection.execute(once), *tx.connection.execute(going.group_by(d.collection))]
    told = {str(name): (int(n), int(created)) for name, n, created in listed}
    ordered = sorted(told.items(), key=lambda one: -one[1][1])
    return tuple(Kept(name, f"{n:,}", created, name in used, origins.get(name, "")) for name, (n, created) in ordered)


def decided_of(model: Model) -> Decided | None:
    """The last decision whether to retrain, as far as it says why."""
    with model.store.catalog.read() as tx:
        found = tx.latest(rows.Decision, 1, model=model.name)
    if not found:
        return None
    body: Mapping[str, Any] = found[0].body
    said = body.get("sentence") or body.get("words")
    why = body.get("reasons")
    answer = "Retrain" if found[0].answer == "retrain" else "Not yet"
    reasons = tuple(str(one) for one in why) if isinstance(why, list | tuple) else ()
    return Decided(upper_first(str(said)) if said else answer, reasons, found[0].created)


def waiting(model: Model) -> int:
    """Rows that wait for a label from a person."""
    t = tables.tasks.c
    query = select(func.count()).where(t.model == model.name, t.status.in_(("open", "disputed")))
    with model.store.catalog.read() as tx:
        return int(tx.connection.execute(query).scalar_one())


@router.get("/models/{model}/refine")  # noqa: FAST003 - `Name` is it
def refine(request: Request, served: Served, name: Name, _: Reader) -> Response:
    """Show the chains of a model."""
    model = served.model(name)
    view = view_of(model)
    return render(request, "refine.html", view, title=view.sentence, place="Overview", live=model.name)
