"""A feature: how did this column move? Over time, the reference against a window, quality, verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy import Connection, select

from retrue.core.column import ColumnProfile
from retrue.errors import nearest
from retrue.judge.verdict import VerdictKind
from retrue.judge.words import percent
from retrue.report.charts import Picture, Point, timeline
from retrue.report.charts.heat_strip import heat_strip
from retrue.report.entries import column_pictures
from retrue.server.auth import viewer
from retrue.server.errors import HttpError
from retrue.server.pages.columns import ColumnRow, ranked
from retrue.server.pages.figures import pictured
from retrue.server.pages.model import Name, kept_columns
from retrue.server.pages.model_figures import at_of, column_profiles
from retrue.server.pages.moments import day
from retrue.server.pages.ranges import DAYS, Lately, Range, lately, range_of
from retrue.server.pages.reading import earlier
from retrue.server.pages.shell import render
from retrue.server.pages.standing import State, state_of_kind
from retrue.server.service import Service, service
from retrue.store import tables
from retrue.workspace import Model
from retrue.workspace.axis import marked

router = APIRouter(prefix="/models/{model}", include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Reader = Annotated[object, Depends(viewer)]
Asked = Annotated[Lately, Depends(lately())]
Column = Annotated[str, Query(max_length=1000)]
Window = Annotated[int, Query(ge=-(2**40), le=2**40)]
VERDICTS, FOLDED = 12, 20
"""Verdicts that are listed, and how many windows one of them may stand for if all do for as many."""
FIGURES = re.compile(r"[-+−]?\d[\d.,]*")
"""Figures of a reason: by them alone what is said of one window differs from what is said of the next."""


@dataclass(frozen=True)
class VerdictLine:
    """What was said of the feature in one window, or much the same in windows in turn."""

    when: str
    state: State
    reason: str


@dataclass(frozen=True)
class FeatureView:
    """The page.

    Attributes:
        model, name: the feature, and of which model.
        sentence: the answer.
        row: its state, expected change, and how far it moved.
        range: the stretch of time shown.
        windows: starts of the windows to choose from, with their days, newest first.
        window: the chosen one; 0: the newest.
        verdicts: what was said lately, newest first.
    """

    model: str
    name: str
    sentence: str
    row: ColumnRow
    range: Range
    windows: tuple[tuple[int, str], ...]
    window: int
    verdicts: tuple[VerdictLine, ...]


def sentence_of(name: str, row: ColumnRow) -> str:
    """Say how the feature stands in the newest judged window."""
    if row.reason:
        return f"{name}: {row.reason.partition('; expected to change')[0]}"
    return f"{name} is {row.state.word}"


def verdict_lines(connection: Connection, model: Model, column: str, until: float | None) -> list[VerdictLine]:
    """What was said of a feature lately, of all rows, but that it is in true; once where windows in turn agree."""
    c = tables.verdicts.c
    told = [c.body[name].as_string() for name in ("reason", "alarm")]
    where = (
        c.model == model.name, c.body["column"].as_string() == column, c.kind != VerdictKind.TRUE.value,
        c.body["slice"].as_string().is_(None), *earlier(c.start, until),
    )  # fmt: skip
    query = select(c.start, c.kind, *told).where(*where).order_by(c.start.desc(), c.number).limit(VERDICTS * FOLDED)
    states = [
        (start, state_of_kind(kind, alarm=alarm not in {"false", "0", None}, group="out"), reason)
        for start, kind, reason, alarm in connection.execute(query)
    ]
    return [
        VerdictLine(when_of([day(model.span(start)[0], year=True) for start in starts]), state, reason)
        for starts, state, reason in folded(states, model.options.window)[:VERDICTS]
    ]


def folded(verdicts: Iterable[tuple[int, State, str]], window: float) -> list[tuple[list[int], State, str]]:
    """Put together what windows in turn (starts newest first, `window` seconds apart) say but for the figures.

    >>> calm = state_of_kind("drifting", alarm=False, group="out")
    >>> said = [(30, calm, "rose to 4 %"), (20, calm, "rose to 3 %"), (20, calm, "lost"), (0, calm, "rose to 2 %")]
    >>> [(starts, reason) for starts, _, reason in folded(said, 10)]
    [([30, 20], 'rose to 4 %'), ([20], 'lost'), ([0], 'rose to 2 %')]
    """
    found: list[tuple[list[int], State, str]] = []
    last: dict[tuple[State, str], list[int]] = {}
    for start, state, reason in verdicts:
        key = state, FIGURES.sub("", reason)
        if key in last and last[key][-1] - start == window:
            last[key].append(start)
        else:
            last[key] = [start]
            found.append((last[key], state, reason))
    return found


def when_of(days: Sequence[str]) -> str:
    """Say of which windows something was said, newest first.

    >>> when_of(["9 Jan"]), when_of(["9 Jan", "8 Jan"]), when_of(["9 Jan", "8 Jan", "7 Jan"])[:46]
    ('9 Jan', '9 Jan; much the same on 8 Jan', '9 Jan; much the same in the 2 windows before, ')
    """
    newest, *before = days
    if len(before) < 2:
        return "; much the same on ".join(days)
    return f"{newest}; much the same in the {len(before)} windows before, from {before[-1]} on"


def window_choices(connection: Connection, model: Model, shown: Range) -> list[tuple[int, str]]:
    """The windows with events of this time, newest first."""
    c = tables.windows.c
    query = select(c.start).where(c.model == model.name, c.start >= int(shown.since), c.events > 0).distinct()
    query = query.where(*earlier(c.start, shown.before))
    starts = connection.execute(query.order_by(c.start.desc()).limit(400)).scalars()
    return [(start, day(model.span(start)[0], year=True)) for start in starts]


@router.get("/features/{column:path}")
def feature_page(
    request: Request, served: Served, _: Reader, name: Name, column: Annotated[str, Path(max_length=1000)],
    asked: Asked, window: Window = 0,
) -> Response:  # fmt: skip
    """Show a feature."""
    model = served.model(name)
    known_column(model, column)
    with model.store.catalog.read() as tx:
        shown = range_of(tx.connection, model, asked)
        kept = kept_columns(tx.connection, model, shown, [column])
        row = ranked(kept, int(shown.since), int(shown.until), model.options.window)[0]
        verdicts = verdict_lines(tx.connection, model, column, shown.before)
        windows = window_choices(tx.connection, model, shown)
    sentence = sentence_of(column, row)
    view = FeatureView(name, column, sentence, row, shown, tuple(windows), window, tuple(verdicts))
    return render(request, "feature.html", view, title=f"{column}, {name}", place="Overview", live=name, lengths=DAYS)


def known_column(model: Model, column: str) -> None:
    """Raise HttpError where a model has no such column."""
    known = [*model.schema.features, *model.schema.named]
    if column not in known:
        raise HttpError(404, f"no column {column[:80]!r}", where=model.name, hint=nearest(column, known))


# --- pictures -------------------------------------------------------------------------------------------------------


def history(
    served: Service, name: str, column: str, asked: Lately
) -> tuple[Model, ColumnProfile, list[tuple[int, ColumnProfile]]]:
    """A feature's profiles by window, oldest first, and the reference's."""
    model = served.model(name)
    known_column(model, column)
    reference = model.reference.load().profile.columns.get(column)
    if reference is None:
        raise HttpError(404, f"nothing is counted of {column[:80]!r}", where=model.name)
    every = column_profiles(served, model, column, asked)
    found = [one for one in every if one[1].grid.digest == reference.grid.digest]
    return model, reference, found


@router.get("/columns/strip")
def strip(request: Request, served: Served, _: Reader, name: Name, column: Column, asked: Asked) -> Response:
    """The distribution over time, the reference beside it."""
    model, reference, found = history(served, name, column, asked)
    spans = [model.span(start) for start, _ in found]
    return pictured(request, marked(model, heat_strip([one for _, one in found], spans, reference, column)))


@router.get("/columns/window/{number}")
def against(
    request: Request, served: Served, _: Reader, name: Name, number: Annotated[int, Path(ge=0, le=1)], column: Column,
    asked: Asked, window: Window = 0,
) -> Response:  # fmt: skip
    """The reference against a window: the distribution (0), and what stands apart from it (1)."""
    _model, reference, found = history(served, name, column, asked)
    chosen = [one for start, one in found if start == window] or [one for _, one in found[-1:]]
    pictures = column_pictures(chosen[0], reference, column) if chosen else []
    return pictured(request, dict(enumerate(pictures)).get(number))


@router.get("/columns/quality/{what}")
def quality(
    request: Request, served: Served, _: Reader, name: Name, what: Annotated[str, Path(pattern="^(missing|outside)$")],
    column: Column, asked: Asked,
) -> Response:  # fmt: skip
    """The share of rows that are missing, or lie where the reference has nothing."""
    model, reference, found = history(served, name, column, asked)
    return pictured(request, marked(model, quality_picture(what, reference, found)))


def quality_picture(what: str, reference: ColumnProfile, found: Sequence[tuple[int, ColumnProfile]]) -> Picture | None:
    """A share over time, in per cent; its title says the newest."""

    def share(one: ColumnProfile) -> float:
        rows = one.special_count("null") if what == "missing" else one.out_of_range
        return rows / (one.rows or 1)

    if not found:
        return None
    said = "missing" if what == "missing" else "outside the reference, or never seen"
    title = f"{percent(share(found[-1][1]))} {said}; {percent(share(reference))} in the reference"
    return timeline(
        [Point(at_of(start), 100 * share(one)) for start, one in found],
        title,
        reference=100 * share(reference),
        zero=True,
    )
