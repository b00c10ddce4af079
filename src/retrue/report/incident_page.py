"""An incident as one page that opens offline: the sentence, the facts, the rows, the shape, what moved, what now.

It is made of the same parts as the report of a comparison: style, script, policy, charts.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from retrue.explain.features import Feature
from retrue.explain.since import sure_of
from retrue.judge.incident import State
from retrue.judge.words import day
from retrue.report.charts.drift_map import drift_map
from retrue.report.charts.timeline import Mark
from retrue.report.examples import SHOWN, cell, chosen
from retrue.report.html import as_json, charts_data, environment, policy, read, style_sheet
from retrue.report.incident import (
    Explanation,
    cost_said,
    examples_title,
    expected,
    features_title,
    next_step,
    reason_said,
    slices_cells,
    slices_title,
)
from retrue.report.words import GLYPHS, glyph_of, state_of, tone_of, upper_first
from retrue.version import VERSION

if TYPE_CHECKING:
    from retrue.report.charts.picture import Picture

COLUMNS = 10
"""The most columns of the example rows."""


def page(told: Explanation) -> str:
    """Write the whole page."""
    picture = map_of(told)
    pictures = {} if picture is None else {"map": picture}
    heads, slices = slices_cells(told.slices)
    style, script, vega = style_sheet(), read("report.js"), read("vega.js")
    return environment().get_template("incident.html").render(
        version=VERSION,
        incident=told.incident,
        headline=tight(told.incident.sentence),
        state=state(told),
        facts=facts(told),
        next=next_step(told),
        slices_title=slices_title(told.slices) if told.slices else "",
        slices_heads=heads,
        slices_labels=named_alone(heads),
        slices=slices,
        map="map" if pictures else "",
        gallery=pictures,
        features_title=features_title(told.features),
        features=[feature_row(one) for one in told.features],
        examples=examples(told),
        policy=policy([vega, script], [style]),
        style=Markup(style),  # noqa: S704 - ours, and free of data
        vega=Markup(vega),  # noqa: S704 - vendored
        script=Markup(script),  # noqa: S704 - ours
        drawings=Markup(as_json(charts_data(pictures))),  # noqa: S704 - `as_json` leaves no markup in it
    )  # fmt: skip


def tight(text: str) -> str:
    """Keep figures and their per cent on one line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


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
        "word": f"{incident.kind.value}, {incident.state.value}",
    }


def facts(told: Explanation) -> list[tuple[str, str, str]]:
    """Since when, what shape, what it costs, which rows: name, fact, and what stands below it in small."""
    incident = told.incident
    until = "it lasts" if incident.until is None else f"until {day(incident.until)}"
    found = [("Since", day(told.since), until)]
    if told.course is not None:
        shape = told.course.shape
        also = "" if shape.second is None else f"also {shape.second.reason}"
        sure = "" if shape.confidence is None else sure_of(shape.confidence)
        small = ", ".join(part for part in (told.course.column, sure, also) if part)
        found.append(("Shape", upper_first(shape.reason), small))
    found.append(("Cost", upper_first(cost_said(told.cost)), ""))
    if incident.columns:
        found.append(("Columns", ", ".join(incident.columns[:3]), ""))
    return found


def feature_row(one: Feature) -> dict[str, str]:
    """Write one column that moved."""
    return {
        "column": one.column,
        "tone": tone_of(one.verdict),
        "glyph": glyph_of(one.verdict),
        "state": state_of(one.verdict),
        "reason": tight(reason_said(one)),
        "expected": expected(one.cost),
    }


def examples(told: Explanation) -> dict[str, object]:
    """Write a few rows, with the columns that matter most."""
    names = chosen(told, COLUMNS)
    rows = told.examples.head(SHOWN).select(names).iter_rows()
    return {"title": examples_title(told), "heads": names, "rows": [[cell(value) for value in row] for row in rows]}


def map_of(told: Explanation) -> Picture | None:
    """The drift map of the main column, with the incident framed; None where there is none to draw."""
    course = told.course
    if course is None or not course.windows:
        return None
    start, last = told.incident.since, course.spans[-1][1]
    mark = Mark(datetime.fromisoformat(start), datetime.fromisoformat(told.incident.until or last), "incident")
    ends = datetime.fromisoformat(course.spans[course.reference - 1][1]) if course.reference else None
    return drift_map(course.windows, course.spans, str(course), mark=mark, reference_ends=ends)
