"""A run: what it learned from, what it showed, why it may or may not be promoted, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, Path, Request, Response
from starlette.responses import RedirectResponse

from retrue.errors import RefusedError, RetrueError
from retrue.jobs.apart import apart
from retrue.judge.words import metric_name, percent
from retrue.report.charts.outcome import forest_of
from retrue.report.words import upper_first
from retrue.server.auth import Actor, editor, viewer
from retrue.server.errors import HttpError, status_of
from retrue.server.pages.figures import pictured
from retrue.server.pages.model import Name
from retrue.server.pages.run_evidence import Evidence, calibration_picture, evidence_of
from retrue.server.pages.shell import render
from retrue.server.pages.turn import Line, Turn, line_of, report_of, turn_of
from retrue.server.service import Service, service
from retrue.store import rows
from retrue.workspace import Model
from retrue.workspace.acting import audit
from retrue.workspace.promote.lineage import Lineage, Part, effect_of, lineages
from retrue.workspace.train.refitting import sentence
from retrue.workspace.train.runs import ROLLED_BACK, UNTRAINED

router = APIRouter(prefix="/models/{model}/runs/{run}", include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Reader = Annotated[Actor, Depends(viewer)]
Editor = Annotated[Actor, Depends(editor)]
Id = Annotated[str, Path(alias="run", max_length=100)]
LINES = 100
"""Log lines that are shown."""
MANIFEST = ("parts", "rows", "left_out")
"""What of a manifest stands elsewhere on the page."""


@dataclass(frozen=True)
class RunView:
    """The page.

    Attributes:
        model: whose; id: which.
        turn: the chain.
        lines: every comparison.
        drawn: whether there is a forest plot.
        evidence: what it showed besides.
        reasons: why the gate stays shut; faults: what couldn't be told.
        parts: what it learned from; left_out: how many rows it didn't, by reason.
        manifest: what else its training set is told by.
        log: what was said while it ran, oldest first.
        error: why it failed, in full.
        may_promote: whether the gate opens and nothing else stands in the way.
        by_proof: what promoting it does about the proof, in words.
        may_override: whether a named person may promote it all the same.
        may_roll_back: whether it is the champion, and another was before it.
        again: what came of a second fit, with the holdout, in words; empty where there was none.
        gone: that its rows and its model went by age, in words; empty while they are here.
    """

    model: str
    id: str
    turn: Turn
    lines: tuple[Line, ...]
    drawn: bool
    evidence: Evidence
    reasons: tuple[str, ...]
    faults: tuple[str, ...]
    parts: tuple[Part, ...]
    left_out: tuple[str, ...]
    manifest: tuple[tuple[str, str], ...]
    log: tuple[rows.Log, ...]
    error: str
    may_promote: bool
    by_proof: str
    may_override: bool
    may_roll_back: bool
    again: str
    gone: str


def found(model: Model, id: str) -> Lineage:
    """The run that is meant.

    Raises:
        HttpError: 404, there is none.
    """
    chosen = next((one for one in lineages(model) if one.id == id), None)
    if chosen is None:
        raise HttpError(404, f"no run {id[:40]!r}", where=f"model {model.name!r}", type="StoreError")
    return chosen


def view_of(model: Model, one: Lineage, actor: Actor) -> RunView:
    """What the page shows somebody."""
    incidents = {each.id: each.incident.sentence for each in model.incidents() if each.id in one.incidents}
    with model.store.catalog.read() as tx:  # of its training: lines of what it does in production have its own version
        log = tuple(reversed(tx.latest(rows.Log, LINES, run=one.id, version=one.champion)))
    champion = model.version
    gone = model.run(one.id).gone or ""
    back = ROLLED_BACK in one.body
    rivals = one.proof is not None and (back or one.version is None) and one.champion == champion and not gone
    may = actor.may("editor")
    before = next((row.body.get("before") for row in model.versions() if row.version == champion), None)
    return RunView(
        model.name, one.id, turn_of(model.name, one, effect_of(model, one), incidents, champion),
        tuple(line_of(contest) for contest in (*one.contests, *one.baselines)), picture_of(one) is not None,
        evidence_of(model, one), tuple(map(upper_first, one.reasons)), tuple(map(upper_first, one.faults)),
        one.parts, left_of(one.manifest), told_of(one.manifest), log, one.error or "",
        may and rivals and (back or not one.reasons), by_proof(model, one),
        may and rivals and not back and bool(one.reasons),
        may and one.version == champion and before is not None, again_of(one), gone,
    )  # fmt: skip


def again_of(one: Lineage) -> str:
    """What came of a second fit, in words, once it has ended."""
    said = one.body.get("refit")
    return "" if said is None or one.status in UNTRAINED else sentence(said)


def by_proof(model: Model, one: Lineage) -> str:
    """Which proof a promotion would stand on."""
    if ROLLED_BACK in one.body:
        return f"makes version {one.version} the champion again, on the proof that it was promoted on"
    if one.proof is None or one.version is not None or model.run(one.id).holding is None:
        return "proves it again first: what the proof looked at has changed"
    return f"makes it the champion on the proof of {str(one.proof['at'])[:16].replace('T', ' ')} UTC"


def left_of(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """The rows that a training set leaves out, by reason."""
    said = manifest.get("left_out")
    return tuple(f"{rows:,} {why}" for why, rows in said.items()) if isinstance(said, Mapping) else ()


def told_of(manifest: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """A manifest as names and values."""
    return tuple(
        (
            name.replace("_", " "),
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str),
        )
        for name, value in manifest.items()
        if name not in MANIFEST
    )


def picture_of(one: Lineage) -> Any:
    """The forest plot of the metric that decides: on the whole holdout, then in each slice."""
    if not one.contests:
        return None
    main = one.contests[0].get("metric")
    named = [(line_of(each).where, report_of(each)) for each in one.contests if each.get("metric") == main]
    return forest_of(named, f"Challenger against champion, {metric_name(str(main))} by slice")


DONE = {
    "queued": "Queued: the service trains it, and this page shows how it goes.",
    "promoted": "Promoted: from now on this version is the champion.",
    "back": "Rolled back: the version before is the champion again.",
}


def shown(request: Request, model: Model, actor: Actor, id: str, trouble: RetrueError | None = None) -> Response:
    """Answer with the page."""
    view = view_of(model, found(model, id), actor)
    status = 200 if trouble is None else 409 if isinstance(trouble, RefusedError) else status_of(trouble)
    done = DONE.get(request.query_params.get("done", ""), "")
    return render(
        request, "run.html", view, title=view.turn.sentence, place="Overview", live=model.name, status=status,
        trouble=trouble, done=done, percent=percent,
    )  # fmt: skip


@router.get("")
def run(request: Request, served: Served, name: Name, id: Id, actor: Reader) -> Response:
    """Show a run."""
    return shown(request, served.model(name), actor, id)


@router.get("/forest")
def forest(request: Request, served: Served, name: Name, id: Id, _: Reader) -> Response:
    """The forest plot."""
    return pictured(request, picture_of(found(served.model(name), id)))


@router.get("/calibration")
def calibration(request: Request, served: Served, name: Name, id: Id, _: Reader) -> Response:
    """The calibration of both."""
    return pictured(request, calibration_picture(found(served.model(name), id)))


@router.post("/promote")
def promote(
    request: Request, served: Served, name: Name, id: Id, actor: Editor,
    note: Annotated[str, Form(max_length=2_000)] = "",
    who: Annotated[str, Form(max_length=100)] = "",
) -> Response:  # fmt: skip
    """Promote a run, on its proof while that holds; with a note, against the gate, on the actor's name."""
    model = served.model(name)
    chosen = found(model, id)
    with model.store.catalog.write() as tx:
        audit(tx, "asked for a promotion", name, {"run": chosen.id, "override": bool(note.strip())})
    try:
        override: dict[str, Any] = {"override": actor.named(who), "note": note.strip()} if note.strip() else {}
        apart("promote", model.store.folder, name, actor.name, run=chosen.id, **override)
    except RetrueError as error:
        return shown(request, model, actor, id, error)
    return back(name, id, "promoted")


@router.post("/rollback")
def rollback(request: Request, served: Served, name: Name, id: Id, actor: Editor) -> Response:
    """Make the version before the champion again; only from the page of the run that is the champion."""
    model = served.model(name)
    if not view_of(model, found(model, id), actor).may_roll_back:
        what, hint = f"run {id} is not rolled back", "see which version is the champion"
        return shown(request, model, actor, id, RefusedError(["it is not the champion"], what=what, hint=hint))
    model.rollback()
    return back(name, id, "back")


def back(name: str, id: str, done: str) -> Response:
    """Go on at the run's page, which says what was done."""
    return RedirectResponse(f"/models/{quote(name, safe='')}/runs/{quote(id)}?{urlencode({'done': done})}", 303)
