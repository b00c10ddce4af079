"""What a message says: the sentence, four facts, the link; and the picture that goes with it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import polars as pl

from retrue.adapters.notify import Message, Tone
from retrue.adapters.png import png
from retrue.judge.incident import Incident
from retrue.judge.severity import Severity
from retrue.judge.verdict import VerdictKind, sort_worst_first
from retrue.judge.words import day
from retrue.metrics.names import estimated
from retrue.report.charts import IncidentSpan, Picture, Point, timeline
from retrue.report.incident import cost_said
from retrue.report.words import upper_first
from retrue.store import rows
from retrue.workspace import clock
from retrue.workspace.axis import marked
from retrue.workspace.check.incidents import version_of
from retrue.workspace.explain.course import course_of
from retrue.workspace.explain.evidence import alarmed

if TYPE_CHECKING:
    from retrue.workspace import Model

OPENED, WORSE, REOPENED, RESOLVED, WITHDRAWN = "opened", "worse", "reopened", "resolved", "withdrawn"
"""What is told of an incident."""
SHOWN = 60
"""Windows before an incident that its picture shows."""
TITLE = 70
"""The most letters of a picture's title: what stands on one line."""
LETTERS = 300
"""The most letters of a fact: names of strangers may be long."""
FAULTS = (Exception, pl.exceptions.PanicException)
"""What a model's rows, or its picture, may raise: a panic of Polars is no Exception."""

logger = logging.getLogger("retrue.jobs.notify")


def message_of(model: Model, incident: Incident, event: str, key: str, address: str | None) -> Message:
    """Write a message.

    Args:
        model: whose incident.
        incident: as it is now.
        event: what is told of it.
        key: the same where the same message is sent again.
        address: of the service, where people reach it; None: no link.
    """
    found = [f"{name}: {cut(said)}" for name, said in facts(model, incident)]
    link = [] if address is None else [link_to(address, model.name, incident.id)]
    text = "\n\n".join(["\n".join(part) for part in ([f"{cut(incident.sentence, 1000)}."], found, link) if part])
    ending = f"\n\nincident {incident.id} · {event} · {key}"
    return Message(title_of(incident, event), text + ending, key, incident.id, tone_of(incident, event))


def withdrawn(incident: Incident, key: str) -> Message:
    """Tell that an incident isn't one any more, by what was logged since."""
    text = f"What was logged later shows nothing out of true there. It was said: {cut(incident.sentence, 1000)}."
    ending = f"\n\nincident {incident.id} · {WITHDRAWN} · {key}"
    return Message(title_of(incident, WITHDRAWN), text + ending, key, incident.id, "success")


def title_of(incident: Incident, event: str) -> str:
    """A message in a line."""
    kind, severity = incident.kind.value, incident.severity.value
    said = {
        OPENED: f"{kind}, {severity}",
        WORSE: f"{kind}, now {severity}",
        REOPENED: f"{kind} again, {severity}",
        RESOLVED: f"over: {kind}",
        WITHDRAWN: f"withdrawn: {kind}",
    }
    return f"{incident.model}: {said[event]}"


def tone_of(incident: Incident, event: str) -> Tone:
    """How it looks: what is over is calm."""
    if event in (RESOLVED, WITHDRAWN):
        return "success"
    return "failure" if incident.severity >= Severity.HIGH else "warning"


def link_to(address: str, model: str, incident: str) -> str:
    """Where people read on.

    >>> link_to("https://retrue.example.org/", "flights", "3f2a")
    'https://retrue.example.org/models/flights/incidents/3f2a'
    """
    return f"{address.rstrip('/')}/models/{quote(model, safe='')}/incidents/{quote(incident, safe='')}"


def facts(model: Model, incident: Incident) -> Iterator[tuple[str, str]]:
    """Since when, what shape, what it costs, which rows: as far as they are known."""
    over = incident.ending(day)
    yield "Since", f"{day(incident.since)}, {over}"
    shape = shape_of(model, incident)
    if shape is not None:
        yield "Shape", shape
    if incident.kind is not VerdictKind.SILENT:
        yield "Cost", upper_first(cost_said(incident, incident.cost))
    if incident.cause is not None:
        yield "Rows", upper_first(incident.cause.words(over=not incident.live))
    elif incident.columns:
        yield "Columns", ", ".join(incident.columns[:3]) + (" and more" if len(incident.columns) > 3 else "")


def shape_of(model: Model, incident: Incident) -> str | None:
    """The shape of its main column's change; None where it isn't about one, or its windows are gone."""
    try:
        course = course_of(model, incident, version_of(model, incident), ())
    except FAULTS as error:
        logger.warning("the shape of incident %s can't be told: %s", incident.id, error)
        return None
    return None if course is None else upper_first(course.shape.reason)


def with_picture(message: Message, model: Model, incident: Incident) -> Message:
    """The same with its picture; a picture that can't be drawn never keeps a message back."""
    try:
        picture = marked(model, picture_of(model, incident))
        return message if picture is None else replace(message, picture=png(picture.vega()))
    except FAULTS as error:
        logger.warning("incident %s is told without its picture: %s", incident.id, error)
        return message


def picture_of(model: Model, incident: Incident) -> Picture | None:
    """What it costs over time, else the figure behind its worst alarm, the incident marked; of silence, the events."""
    version, first = version_of(model, incident), starts_at(model, incident)
    since, until = (datetime.fromisoformat(one) for one in (incident.since, incident.until or incident.last))
    spans = [IncidentSpan(since, until, "incident")]
    for title, where in figures_of(incident):
        with model.store.catalog.read() as tx:
            found = tx.between(rows.Point, first, None, model=model.name, version=version, **where)
        points = [Point(moment(one.start), one.value, interval(one)) for one in found]
        if any(one.value is not None and one.time < since for one in points):
            reference = next((one.reference for one in found if one.reference is not None), None)
            return timeline(points, cut(title, TITLE), reference=reference, incidents=spans)
    counts = {one.start: one.events for one in model.store.windows(model.name, first) if one.version == version}
    counts = {**dict.fromkeys(alarmed(model, incident), 0), **counts}
    events = [Point(moment(start), float(n)) for start, n in sorted(counts.items())]
    said = sort_worst_first(incident.verdicts)[0].reason if incident.kind is VerdictKind.SILENT else "events"
    return timeline(events, cut(upper_first(said), TITLE), incidents=spans, zero=True)


def figures_of(incident: Incident) -> Iterator[tuple[str, dict[str, str]]]:
    """The figures that show it, the most telling first: a title, and where its points are kept."""
    cost, worst = incident.cost, sort_worst_first(incident.verdicts)[0]
    if cost is not None and cost.told and cost.slice is None:
        name = estimated(cost.metric) if cost.estimated else cost.metric
        title = upper_first(cost.words(over=not incident.live))
        yield title, {"metric": name, "column": "", "slice": ""}
    if worst.metric is not None:
        title = worst.reason.partition(": ")[0]
        title = title if worst.column is None else f"{worst.column}: {title}"
        yield title, {"metric": worst.metric, "column": worst.column or "", "slice": worst.slice or ""}


def starts_at(model: Model, incident: Incident) -> int:
    """The start of the first window that its picture shows, in seconds since 1970."""
    return int(datetime.fromisoformat(incident.since).timestamp() - SHOWN * model.options.window)


def interval(point: rows.Point) -> tuple[float, float] | None:
    """The interval of a figure."""
    return None if point.low is None or point.high is None else (point.low, point.high)


def moment(start: int) -> datetime:
    """When a window begins."""
    return clock.moment(start * clock.MICROS)


def cut(text: str, most: int = LETTERS) -> str:
    """A text of at most so many letters, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"
