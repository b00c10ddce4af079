"""Compare: which of two is better, and where? Versions, windows, slices, or models that share a label."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlencode

import polars as pl
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import select
from starlette.responses import RedirectResponse

from retrue.errors import ConfigError, RetrueError, SchemaError, TableError
from retrue.judge.words import metric_name
from retrue.report.charts.outcome import forest_of
from retrue.report.charts.picture import Picture
from retrue.report.comparison import PerformanceReport
from retrue.report.words import difference, headline_metric, spanned, valued
from retrue.schema import Schema
from retrue.server.api.compare import Part
from retrue.server.auth import Actor, some_viewer
from retrue.server.errors import HttpError
from retrue.server.pages.differing import Compared, Differing, Weighed, differing, title_of
from retrue.server.pages.figures import pictured
from retrue.server.pages.model import Name
from retrue.server.pages.shell import render
from retrue.server.pages.sides import OWN, Side, check_alike, outcome_schema, side_of
from retrue.server.service import Service, service
from retrue.slices import Slice
from retrue.store import tables

router = APIRouter(include_in_schema=False)

Served = Annotated[Service, Depends(service)]
Reader = Annotated[Actor, Depends(some_viewer)]
Asked = Annotated[str, Query(max_length=2_000)]
SLICES = 12
"""The most slices that are compared."""
LEAST = 50
"""Fewer rows than this on either side tell nothing of a slice."""
_SIDE = re.compile(
    r"\s*(?P<model>[\w.\-]+)(?:@(?P<version>[^\s@]+))?(?P<reference>\s+reference)?"
    r"(?:\s+(?P<since>\S*)\.\.(?P<until>\S*))?(?:\s+where\s+(?P<where>.+?))?\s*",
    re.DOTALL,
)
SHOWN = 12
"""Features that are shown at once."""
FORM = "MODEL[@VERSION] [reference] [FROM..UNTIL] [where SLICE]"


@dataclass(frozen=True)
class Line:
    """A slice: how many rows of each, the difference with its interval, and whether it can be told."""

    name: str
    rows: str
    first: str
    second: str
    difference: str
    interval: str
    change: str


@dataclass(frozen=True)
class Choice:
    """A side as the choosers say it: a model or a version of it, which of its rows, of which time, of which slice."""

    of: str
    rows: str = "events"
    since: str = ""
    until: str = ""
    where: str = ""

    @property
    def text(self) -> str:
        """It as one types it.

        >>> Choice("flights@2", since="2026-01-01").text, Choice("flights", "reference").text
        ('flights@2 2026-01-01..', 'flights reference')
        """
        when = f"{self.since}..{self.until}" if self.since or self.until else ""
        parts = (self.of, "reference" if self.rows == "reference" else "", when, self.where and f"where {self.where}")
        return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class CompareView:
    """The page: the verdict, a line a slice, how features differ, what the form says, what can be chosen for each."""

    sentence: str
    lines: tuple[Line, ...]
    metric: str
    a: str
    b: str
    models: tuple[str, ...]
    trouble: RetrueError | None
    forest: bool
    offered: tuple[tuple[str, tuple[str, ...]], ...] = ()
    chosen: tuple[Choice, ...] = ()
    features: tuple[Differing, ...] = ()
    more: tuple[Differing, ...] = ()
    differ: str = ""


def part_of(text: str, where: str) -> tuple[str, Part]:
    """Read which rows are meant.

    Raises:
        ConfigError: it can't be understood.

    >>> part_of("flights@1 2013-04-01.. where origin = 'JFK'", "a")[1].version
    '1'
    """
    found = _SIDE.fullmatch(text)
    if found is None:
        raise ConfigError(f"{text[:80]!r} can't be understood", where=where, expected=FORM)
    said = found.groupdict()
    try:
        since, until = (datetime.fromisoformat(one) if one else None for one in (said["since"], said["until"]))
        part = Part(
            version=said["version"], since=since, until=until, where=said["where"], reference=bool(said["reference"])
        )
    except ValueError as error:
        raise ConfigError(
            f"no time in {text[:80]!r}", where=where, expected="such as 2026-01-05..2026-02-01"
        ) from error
    return said["model"], part


def kept_comparison(served: Service, actor: Actor, a: str, b: str) -> Weighed:
    """How b did against a, by slice, and how it differs; worked out once while their models are as they are.

    Raises:
        HttpError: no such model, or none of the actor's.
        RetrueError: there are no such rows.
    """
    states = served.watch.look()
    asked = [(*part_of(text, where), f"{where.upper()}: {text[:80]}") for text, where in ((a, "a"), (b, "b"))]
    for name, *_ in asked:
        if not actor.sees(name):
            raise HttpError(403, f"{actor.name!r} is not for model {name[:100]!r}")
    models = [served.model(name) for name, *_ in asked]
    slices = sorted(one.to_sql() for one in models[0].store.slices(models[0].name))
    key = (a, b, *(states.get(one.name, "") for one in models), *slices)

    def made() -> Weighed:
        return weighed(*(side_of(own, part, said) for own, (_, part, said) in zip(models, asked, strict=True)))

    return served.comparisons.of(key, made)


def weighed(first: Side, second: Side) -> Weighed:
    """How the second did against the first, where labels say it, and how its features differ."""
    trouble: RetrueError | None = None
    lines: tuple[Compared, ...] = ()
    try:
        lines = tuple(compared(first, second))
    except (SchemaError, TableError) as error:
        trouble = error
    schema, name = first.model.schema, second.model.name
    return Weighed(lines, trouble, differing(first.frame, second.frame, schema, name, outcomes=trouble is None))


def told(
    schema: Schema, first: pl.DataFrame, second: pl.DataFrame, metric: str | None = None
) -> PerformanceReport | None:
    """How the second did against the first, by a metric, or the one that tells most; None where nothing does."""
    from retrue.comparing import compare

    both = [name for name in first.columns if name.startswith(OWN) and name in second.columns]
    columns = [pl.col(name).alias(name.removeprefix(OWN)) for name in both]
    before, after = (one.select(columns).drop_nulls("label") for one in (first, second))
    if min(before.height, after.height) < LEAST:
        return None
    found = compare(before, after, schema=outcome_schema(schema, before.columns))
    return headline_metric(found) if metric is None else found.performance.get(metric)


def compared(first: Side, second: Side) -> Iterator[Compared]:
    """All rows, then each slice that both have rows enough of.

    Raises:
        TableError: a side has no labels, or too few.
        SchemaError: the sides predict something else.
    """
    for side in (first, second):
        own = {name.removeprefix(OWN) for name in side.frame.columns if name.startswith(OWN)}
        if "label" not in own or own == {"label"}:
            hint = "performance is compared where labels are known"
            raise TableError(f"no label and prediction on side {side.name}", hint=hint)
    check_alike(first, second)
    schema = first.model.schema
    parts: list[Slice] = list(first.model.store.slices(first.model.name))[:SLICES]
    whole = told(schema, first.frame, second.frame)
    if whole is None:
        raise TableError(f"too few labelled rows on a side: {LEAST} are needed", hint="choose a longer time")
    yield "all rows", first.frame.height, second.frame.height, whole
    for part in parts:
        if not part.columns <= (set(first.frame.columns) & set(second.frame.columns)):
            continue
        one, other = (side.frame.filter(part.mask(side.frame)) for side in (first, second))
        report = told(schema, one, other, whole.metric)
        if report is not None:
            yield part.words, one.height, other.height, report


def line_of(name: str, before: int, after: int, report: PerformanceReport) -> Line:
    """A slice in words."""
    scale = 100 if report.points else 1
    interval = spanned((report.interval[0] * scale, report.interval[1] * scale)) if report.interval else ""
    change = {"same": "within noise", "unknown": "can't be told"}.get(report.change, report.change)
    return Line(
        name, f"{before:,} and {after:,}", valued(report.reference), valued(report.window), difference(report),
        interval, change,
    )  # fmt: skip


def sentence_of(report: PerformanceReport, elsewhere: Sequence[PerformanceReport]) -> str:
    """Say which is better, and whether that is so everywhere."""
    name = metric_name(report.metric)
    sides = f"{valued(report.window)} against {valued(report.reference)}"
    if report.change in {"same", "unknown"}:
        said = f"No difference of {name} beyond noise: {sides}"
    else:
        said = f"B is {report.change}: {name} {sides}, {difference(report)}"
    other = sum(one.change not in {report.change, "same", "unknown"} for one in elsewhere)
    return said + (f"; the other way round in {other} of {len(elsewhere)} slices" if other else "")


def picture_of(found: Sequence[Compared]) -> Picture | None:
    """The forest plot of differences by slice; None where there is none to tell."""
    if not found:
        return None
    return forest_of(
        [(name, one) for name, *_, one in found], f"B against A, {metric_name(found[0][3].metric)} by slice"
    )


def offered(served: Service, actor: Actor) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The models that the actor sees, and what can be chosen of each: itself, and each of its versions."""
    c = tables.versions.c
    with served.workspace.store.catalog.read() as tx:
        names = tx.connection.execute(select(tables.models.c.name).order_by(tables.models.c.name)).scalars()
        found = {name: [name] for name in names if actor.sees(name)}
        for name, version in tx.connection.execute(select(c.model, c.version).order_by(c.created, c.version)):
            if name in found:
                found[name].append(f"{name}@{version}")
    return tuple((name, tuple(every)) for name, every in found.items())


def choice_of(text: str, otherwise: Choice) -> Choice:
    """What the choosers show of a side that was asked for; `otherwise` where it is empty or not understood."""
    found = _SIDE.fullmatch(text)
    if found is None:
        return otherwise
    said = found.groupdict()
    of = said["model"] + (f"@{said['version']}" if said["version"] else "")
    rows = "reference" if said["reference"] else "events"
    return Choice(of, rows, (said["since"] or "")[:10], (said["until"] or "")[:10], said["where"] or "")


@router.get("/models/{model}/compare")  # noqa: FAST003 - `Name` is it
def compare_of(_: Reader, name: Name) -> Response:
    """Go on to the comparison of a model's versions and windows; its reference is the first side."""
    return RedirectResponse(f"/compare?{urlencode({'a': f'{name} reference'})}", 303)


@router.get("/compare/choose")
def chosen_sides(
    _: Reader,
    of: Annotated[list[Asked], Query(min_length=2, max_length=2)],
    rows: Annotated[list[Literal["events", "reference"]], Query(min_length=2, max_length=2)],
    since: Annotated[list[Asked], Query(min_length=2, max_length=2)],
    until: Annotated[list[Asked], Query(min_length=2, max_length=2)],
    where: Annotated[list[Asked], Query(min_length=2, max_length=2)],
) -> Response:
    """Go on to the comparison that was put together with the choosers."""
    sides = [Choice(*one).text for one in zip(of, rows, since, until, where, strict=True)]
    return RedirectResponse(f"/compare?{urlencode({'a': sides[0], 'b': sides[1]})}", 303)


@router.get("/compare")
def compare_page(request: Request, served: Served, actor: Reader, a: Asked = "", b: Asked = "") -> Response:
    """Show which of two is better, and where."""
    choices = offered(served, actor)
    names = tuple(name for name, _ in choices)
    sentence, metric, drawn = "Compare two versions, windows, slices or models", "", False
    lines: tuple[Line, ...] = ()
    features: tuple[Differing, ...] = ()
    trouble: RetrueError | None = None
    if a and b:
        try:
            found = kept_comparison(served, actor, a, b)
            features, trouble = found.features, found.trouble
            if reports := [one for *_, one in found.lines]:
                sentence, metric = sentence_of(reports[0], reports[1:]), metric_name(reports[0].metric)
            else:
                sentence = title_of(features)
            lines, drawn = tuple(line_of(*one) for one in found.lines), picture_of(found.lines) is not None
        except RetrueError as error:
            trouble = error
    begun = choice_of(a, Choice(names[0] if names else "", "reference"))
    chosen = (begun, choice_of(b, Choice(begun.of.partition("@")[0])))
    view = CompareView(
        sentence, lines, metric, a, b, names, trouble, drawn, choices, chosen,
        features[:SHOWN], features[SHOWN:], title_of(features) if features else "",
    )  # fmt: skip
    return render(request, "compare.html", view, title="Compare", place="Compare", form=FORM)


@router.get("/compare/forest")
def forest_picture(request: Request, served: Served, actor: Reader, a: Asked, b: Asked) -> Response:
    """The forest plot."""
    found = kept_comparison(served, actor, a, b)
    return pictured(request, picture_of(found.lines))
