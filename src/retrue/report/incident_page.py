"""An incident as one page that opens offline: the sentence, the facts, the rows, the shape, what moved, what now.

It is made of the same parts as the report of a comparison: style, script, policy, charts.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from retrue.core.grid import NumericGrid
from retrue.explain.features import Feature
from retrue.explain.finding import guilty_of
from retrue.explain.since import sure_of
from retrue.explain.standing import Standing
from retrue.judge.cause import Cause
from retrue.judge.incident import Incident, State
from retrue.judge.verdict import VerdictKind
from retrue.judge.words import day, percent
from retrue.report.actions import actions, next_step
from retrue.report.charts.display import display
from retrue.report.charts.drift_map import drift_map
from retrue.report.charts.timeline import IncidentSpan
from retrue.report.entries import Gallery, column_pictures, is_loud
from retrue.report.examples import SHOWN, cell, chosen, contributions_said, picture, standings_said
from retrue.report.explanation import Explanation
from retrue.report.html import as_json, charts_data, environment, page_policy, page_script, read, style_sheet
from retrue.report.incident import (
    changed,
    cost_said,
    examples_title,
    expected,
    features_title,
    marked,
    past,
    reason_said,
    sharing_said,
    slices_cells,
    slices_title,
    whose,
)
from retrue.report.words import GLYPHS, glyph_of, state_of, tone_of, upper_first
from retrue.version import VERSION

if TYPE_CHECKING:
    from retrue.report.charts.picture import Picture

EXAMPLES_TITLE = "A few of those rows"
COLUMNS = 10
"""The most columns of the example rows."""


def page(told: Explanation) -> str:
    """Write the whole page."""
    gallery = Gallery()
    shown = evidence(told, gallery)
    style, script, vega = style_sheet(), page_script(), read("vega.js")
    return environment().get_template("incident.html").render(
        version=VERSION,
        incident=told.incident,
        headline=tight(told.incident.sentence),
        state=state(told),
        facts=facts(told),
        next=next_step(told),
        actions=actions(told),
        gallery=gallery.pictures,
        **shown,
        policy=page_policy(),
        style=Markup(style),  # noqa: S704 - ours, and free of data
        vega=Markup(vega),  # noqa: S704 - vendored
        script=Markup(script),  # noqa: S704 - ours
        drawings=Markup(as_json(charts_data(gallery.pictures))),  # noqa: S704 - `as_json` leaves no markup in it
    )  # fmt: skip


def evidence(told: Explanation, gallery: Gallery) -> dict[str, Any]:
    """What `evidence.html` shows: the drift map, the guilty rows before and after, what moved, examples."""
    drift, sides = gallery.hang([map_of(told)]), gallery.hang(distributions(told))
    heads, slices = slices_cells(told.slices, told.kept)
    return {
        "slices_title": slices_title(told.slices) if told.slices else "",
        "slices_heads": heads,
        "slices_labels": named_alone(heads),
        "slices": slices,
        "map": drift,
        "sides": sides,
        "features_title": features_title(told.features),
        "features": [feature_row(one) for one in told.features],
        "sharing": tight(sharing_said(told.sharing)),
        "examples": examples(told),
    }


def tight(text: str) -> str:
    """Keep figures and their per cent on one line, and what is short and in brackets."""
    bound = re.sub(r"\([^()]{1,24}\)|\{[^{}]{1,24}\}", lambda found: found[0].replace(" ", "\N{NO-BREAK SPACE}"), text)
    return bound.replace(" %", "\N{NO-BREAK SPACE}%")


def named_alone(heads: list[str]) -> list[str]:
    """Headings that say all when they stand alone, as on a phone.

    >>> named_alone(["Slice", "Share before", "now"])
    ['slice', 'share before', 'share now']
    """
    before = ["", *heads[:-1]]
    return [
        (last.replace("before", "now") if head == "now" else head).lower()
        for last, head in zip(before, heads, strict=True)
    ]


def state(told: Explanation) -> dict[str, str]:
    """The incident's kind and state: loud while it lasts."""
    incident = told.incident
    tone = "calm" if incident.state is State.RESOLVED else "bad" if incident.kind.value == "broken" else "warn"
    return {
        "tone": tone,
        "glyph": GLYPHS[incident.kind.value],
        "word": f"{incident.kind.value}, {incident.severity.value}, {incident.state.value}",
    }


def facts(told: Explanation) -> list[tuple[str, str, str]]:
    """Since when, what shape, what it costs, which rows: name, fact, and what stands below it in small."""
    incident = told.incident
    until = incident.ending(day)
    found = [("Since", day(incident.since), ", ".join((until, *changed(told, day))))]
    if told.course is not None:
        shape = told.course.shape
        also = "" if shape.second is None else f"also {shape.second.reason}"
        sure = "" if shape.confidence is None else sure_of(shape.confidence)
        small = ", ".join(part for part in (told.course.column, sure, also) if part)
        found.append(("Shape", upper_first(past(shape.reason, incident)), small))
    if incident.kind is not VerdictKind.SILENT:
        found.append(("Cost", upper_first(cost_said(incident, told.cost)), ""))
    if incident.cause is not None:
        found.append(("Rows", tight(incident.cause.rows), share_said(incident.cause)))
    elif alike(incident):
        found.append(("Rows", "All kinds alike", "no part of them explains more than all of them do"))
    if incident.real is not None:
        found.append(("People say", upper_first(marked(incident)), ""))
    if told.joint is not None:
        found.append(("Together", told.joint.short, told.joint.sentence))
    if incident.columns:
        more = len(incident.columns) - 3
        found.append(("Columns", ", ".join(incident.columns[:3]), f"and {more} more" if more > 0 else ""))
    return found


def alike(incident: Incident) -> bool:
    """Whether a model became worse on all rows: the search for the guilty ones found none."""
    searched = incident.search is not None and incident.search.failure is None
    return incident.kind is VerdictKind.DEGRADED and incident.cause is None and searched


def share_said(cause: Cause) -> str:
    """How many of the rows that is, now and in the reference."""
    return tight(f"{percent(cause.share)} of the rows; normally {percent(cause.normal)}")


def feature_row(one: Feature) -> dict[str, str]:
    """Write one column that moved."""
    return {
        "column": one.column,
        "tone": tone_of(one.verdict),
        "glyph": glyph_of(one.verdict),
        "state": state_of(one.verdict),
        "reason": tight(reason_said(one)),
        "expected": tight(expected(one)),
        "whose": tight(whose(one)),
    }


def examples(told: Explanation) -> dict[str, object]:
    """Write a few rows, the row of the reference that is most like each, and how each stands."""
    names = chosen(told, COLUMNS)
    numbers = [told.examples.schema[name].is_numeric() for name in names]
    rows = told.examples.head(SHOWN).select(names).iter_rows()
    near = [nearest(one, names) for one in told.standings] or [{}] * SHOWN
    return {
        "title": EXAMPLES_TITLE if told.slices and guilty_of(told.slices) is told.slices[0] else examples_title(told),
        "heads": list(zip(names, numbers, strict=True)),
        "numbers": numbers,
        "rows": [([seen(value) for value in row], beside) for row, beside in zip(rows, near, strict=False)],
        "said": [*standings_said(told.standings, told.outcome), *contributions_said(told)],
    }


def seen(value: object) -> tuple[str, str | None]:
    """A value as a table shows it, and the picture that it is."""
    return cell(value), picture(value)


def nearest(one: Standing, names: list[str]) -> dict[str, object]:
    """Write the row of the reference that is most like an event; where none is, that."""
    if not one.nearest:
        return {"cells": [], "said": f"nothing like it: the nearest is {one.nearest.nearest:.2g} away"}
    row = one.nearest.rows.row(0, named=True)
    return {"cells": [seen(row.get(name)) for name in names], "said": f"{one.nearest.nearest:.2g}"}


def distributions(told: Explanation) -> list[Picture | None]:
    """Draw the columns that the first slice is about, before and after; last what stands apart and moved much."""
    drawn: list[Picture | None] = []
    apart: list[Picture | None] = []
    for name, (now, before) in told.distributions.items():
        first, *rest = column_pictures(now, before, name)
        loud = isinstance(before.grid, NumericGrid) and is_loud(display(now, before))
        drawn += rest if loud else [first]
        apart += [first] if loud else []
    return [*drawn, *apart]


def map_of(told: Explanation) -> Picture | None:
    """The drift map of the main column, with the incident framed; None where there is none to draw."""
    course = told.course
    if course is None or not course.windows:
        return None
    start, last = told.incident.since, course.spans[-1][1]
    span = IncidentSpan(datetime.fromisoformat(start), datetime.fromisoformat(told.incident.until or last), "incident")
    ends = datetime.fromisoformat(course.spans[course.reference - 1][1]) if course.reference else None
    return drift_map(course.windows, course.spans, str(course), incident=span, reference_ends=ends)
