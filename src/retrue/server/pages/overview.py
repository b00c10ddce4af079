"""Overview: is anything out of true? A sentence, then one row a model, worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from retrue.report.words import plural, short_count
from retrue.server.auth import Actor, some_viewer
from retrue.server.pages.moments import day
from retrue.server.pages.ranges import DAYS, Lately, lately
from retrue.server.pages.reading import replay_of
from retrue.server.pages.shell import render
from retrue.server.pages.standing import Group, Standing
from retrue.server.service import Service, service
from retrue.workspace import clock

router = APIRouter(include_in_schema=False)

Sort = Literal["worst", "name", "change", "rows", "labels"]
Days = Literal[7, 30, 90, 365]
SORTS: dict[str, str] = {
    "worst": "worst first", "name": "name", "change": "furthest below", "rows": "most rows",
    "labels": "fewest labels",
}  # fmt: skip
STATES: dict[str, str] = {"": "all", "out": "out of true", "in": "in true", "untold": "can't be told"}
STALE = 2 * clock.DAY
"""Seconds without a new window from which on the page says so."""


@dataclass(frozen=True)
class Asked:
    """What the address asks for: a deep link to a view."""

    q: str = ""
    sort: Sort = "worst"
    state: str = ""
    lately: Lately = field(default_factory=Lately)


@dataclass(frozen=True)
class OverviewView:
    """The page.

    Attributes:
        sentence: the answer.
        sub: what stands below it.
        rows: the models to show, in order.
        found: how many of how many, where not all are shown.
        asked: what was asked for.
        empty: whether the store has no model yet.
        address: the server's address, for the first snippet.
        past: the end of what is shown, in microseconds since 1970; None: now.
    """

    sentence: str
    sub: str
    rows: tuple[Standing, ...]
    found: str
    asked: Asked
    empty: bool
    address: str
    past: int | None = None


def overview_view(every: Sequence[Standing], asked: Asked, sub: str, address: str) -> OverviewView:
    """Say how the models stand, and choose and order those that are asked for."""
    wanted = asked.q.strip().casefold()
    shown = [
        one for one in every if wanted in one.name.casefold() and (not asked.state or one.state.group == asked.state)
    ]
    ordered = tuple(sorted(shown, key=ORDERS[asked.sort]))
    found = "" if len(shown) == len(every) else f"{len(shown):,} of {plural(len(every), 'model')}"
    return OverviewView(sentence_of(every), sub, ordered, found, asked, not every, address)


def worst(one: Standing) -> tuple[float | str, ...]:
    """Worst first: by state, open incidents, what was lost, name."""
    return one.state.rank, -len(one.incidents), -one.lost, one.name.casefold()


ORDERS: dict[str, Callable[[Standing], tuple[float | str, ...]]] = {
    "worst": worst,
    "name": lambda one: (one.name.casefold(),),
    "change": lambda one: (-one.lost, one.name.casefold()),
    "rows": lambda one: (-(one.events or 0), one.name.casefold()),
    "labels": lambda one: (one.coverage if one.coverage is not None else 2.0, one.name.casefold()),
}  # fmt: skip


def sentence_of(every: Sequence[Standing]) -> str:
    """Answer whether anything is out of true."""
    if not every:
        return "No model yet"
    groups: list[Group] = [one.state.group for one in every]
    out, untold, total = groups.count("out"), groups.count("untold"), len(every)
    can_not = f", {untold:,} can't be told yet" if untold else ""
    if untold == total:
        return f"{plural(total, 'model')}, none judged yet"
    if out:
        some = "The one model" if total == 1 else f"{out:,} of {total:,} models"
        return f"{some} {'is' if out == 1 else 'are'} out of true{can_not}"
    if untold:
        return f"None of {total:,} models is out of true{can_not}"
    return {1: "The one model is in true", 2: "Both models are in true"}.get(total, f"All {total:,} models are in true")


def sub_of(every: Sequence[Standing], until: float, now: float, replay: Mapping[str, Any] | None = None) -> str:
    """Say how much came in, whether anything still does, and whether the clock runs fast."""
    if not every:
        return ""
    events = sum(one.events or 0 for one in every)
    said = [f"{short_count(round(events))} predictions a day" if events else "No predictions yet"]
    covered = [(one.coverage, one.events or 0.0) for one in every if one.coverage is not None]
    weight = sum(rows for _, rows in covered)
    if weight:
        said.append(
            f"labels for {sum(c * rows for c, rows in covered) / weight:.0%} of those old enough".replace("%", " %")
        )
    last = f"{datetime.fromtimestamp(until, clock.now().tzinfo):%-d %B %Y}"
    stale = f" Nothing newer than {last}: times are told from there." if now - until > STALE else ""
    fast = (
        ""
        if replay is None
        else f" A replay: a day takes {replay['pace']:g} seconds, and it is {day(replay['at'], year=True)}."
    )
    return f"{', '.join(said)}.{fast or stale}"


@router.get("/")
def overview(
    request: Request,
    served: Annotated[Service, Depends(service)],
    actor: Annotated[Actor, Depends(some_viewer)],
    asked: Annotated[Lately, Depends(lately())],
    q: Annotated[str, Query(max_length=200)] = "",
    sort: Sort = "worst",
    state: Literal["", "out", "in", "untold"] = "",
) -> Response:
    """Show every model."""
    told, until = served.standings.all(asked)
    every = [one for one in told if actor.sees(one.name)]
    with served.workspace.store.catalog.read() as tx:
        replay = replay_of(tx.connection)
    past = asked.end() is not None
    sub = sub_of(every, until, until if past else clock.now().timestamp(), None if past else replay)
    view = overview_view(every, Asked(q, sort, state, asked), sub, str(request.base_url).rstrip("/"))
    view = replace(view, past=int(until * clock.MICROS) if past else None)
    choices = {
        "sorts": SORTS,
        "states": STATES,
    }
    return render(
        request, "overview.html", view, title=view.sentence, place="Overview", live="", choices=choices, lengths=DAYS,
        drawn=served.drawn.rows,
    )  # fmt: skip
