"""The report as one page that opens offline: the sentence, the ranked list, performance, then the calm rest.

Everything is inlined. A strict content security policy lets only the two scripts and the style sheet in that were
written here, by their hashes; Vega evaluates its expressions by interpreter, so nothing is ever compiled from text.
Charts are data until they are scrolled into view.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from retrue.judge.words import metric_name
from retrue.report.charts.picture import Picture
from retrue.report.entries import Gallery, performance_pictures, sections
from retrue.report.slices import SliceRow, heads, slice_rows
from retrue.report.theme import THEMES, config, css
from retrue.report.words import (
    compared,
    difference,
    glyph_of,
    headline,
    headline_metric,
    labelled,
    performance_note,
    plural,
    ranked,
    ranked_performance,
    sizes,
    spanned,
    state_of,
    tone_of,
    upper_first,
    valued,
)

if TYPE_CHECKING:
    from jinja2 import Environment

    from retrue.report.comparison import Comparison, PerformanceReport

FILTERED = 12
"""From so many columns on, the page has a search field."""


def page(comparison: Comparison, *, compact: bool = False) -> str:
    """Write the whole page.

    Args:
        comparison: what to show.
        compact: for a notebook's cell: no rail of places, and no list of what is in true.
    """
    gallery = Gallery()
    rows_by_section = sections(comparison, gallery)
    forest, outcomes = performance_pictures(comparison, gallery)
    slices = slice_rows(comparison)
    slice_metrics = heads(slices)
    drawings = as_json(charts_data(gallery.pictures))
    style, script, vega = style_sheet(), page_script(), read("vega.js")
    return environment().get_template("report.html").render(
        version=comparison.version,
        comparison=comparison,
        compact=compact,
        headline=headline(comparison),
        compared=compared(comparison),
        state=overall(comparison),
        facts=facts(comparison),
        sections=rows_by_section,
        costs=any(e.cost for e in [*rows_by_section.findings, *rows_by_section.calm]),
        cost_name=metric_name(comparison.impact_metric) if comparison.impact_metric else "performance",
        performance=[performance_row(report) for report in ranked_performance(comparison)],
        estimated=[performance_row(report) for report in ranked(comparison.estimated)],
        slices=[slice_row(one, slice_metrics) for one in slices],
        slice_metrics=slice_metrics,
        forest=forest,
        outcomes=outcomes,
        gallery=gallery.pictures,
        filtered=len(comparison.columns) >= FILTERED and not compact,
        policy=page_policy(),
        style=Markup(style),  # noqa: S704 - ours, and free of data
        vega=Markup(vega),  # noqa: S704 - vendored
        script=Markup(script),  # noqa: S704 - ours
        drawings=Markup(drawings),  # noqa: S704 - `as_json` leaves no markup in it
    )  # fmt: skip


def overall(comparison: Comparison) -> dict[str, str]:
    """Give the state of the whole: that of its worst verdict."""
    if not comparison.alarms:
        return {"tone": "calm", "glyph": "", "word": "in true" if comparison.columns else "nothing to compare"}
    worst = comparison.alarms[0]
    return {"tone": tone_of(worst), "glyph": glyph_of(worst), "word": state_of(worst)}


def facts(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Give what frames the answer: name, fact, and what stands below it in small."""
    window, reference = sizes(comparison)
    told = [("Window", comparison.window_name, window), ("Reference", comparison.reference_name, reference)]
    labels = labelled(comparison)
    if labels:
        told.append(("Labels", upper_first(labels), ""))
    report = headline_metric(comparison)
    if report is not None:
        change = (
            "within noise of the reference" if report.change == "same" else f"{difference(report)} against reference"
        )
        interval = f" ({spanned(report.window.interval)})" if report.window.interval else ""
        told.insert(0, (upper_first(metric_name(report.metric)), valued(report.window) + interval, change))
    return told


def performance_row(report: PerformanceReport) -> dict[str, str]:
    """Write one performance metric."""
    return {
        "name": metric_name(report.metric),
        "window": valued(report.window),
        "interval": spanned(report.window.interval),
        "reference": valued(report.reference),
        "difference": difference(report),
        "difference_interval": spanned_difference(report),
        "change": {"same": "within noise", "unknown": ""}.get(report.change, report.change),
        "tone": "warn" if report.change == "worse" else "calm",
        "note": performance_note(report),
    }


def slice_row(one: SliceRow, metrics: list[str]) -> dict[str, Any]:
    """Write one slice."""
    return {
        "name": one.slice,
        "rows": f"{one.rows:,}",
        "state": {"tone": tone_of(one.worst), "glyph": glyph_of(one.worst), "word": state_of(one.worst)},
        "figures": [(name, *one.performance.get(name, ("–", ""))) for name in metrics],
        "moved": one.moved or "–",
    }


def spanned_difference(report: PerformanceReport) -> str:
    """Write the interval of the difference, in points where the metric lies between 0 and 1."""
    scale = 100 if report.points else 1
    return spanned((report.interval[0] * scale, report.interval[1] * scale)) if report.interval else ""


def charts_data(pictures: dict[str, Picture]) -> dict[str, Any]:
    """Give what the page's script draws: templates once, configurations for light and dark, the pictures by key."""
    if not pictures:
        return {"templates": {}, "configs": {}, "pictures": {}}
    from retrue.report.charts.templates import template

    used = dict.fromkeys(picture.template for picture in pictures.values())
    return {
        "templates": {name: template(name) for name in used},
        "configs": {name: config(palette) for name, palette in THEMES.items()},
        "pictures": {key: picture.to_dict() for key, picture in pictures.items()},
    }


def as_json(data: Any) -> str:
    """Write data as JSON that is inert within a script element: ASCII without `<`, `>` and `&`.

    >>> as_json("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def policy(scripts: list[str], styles: list[str]) -> str:
    """Give the content security policy that lets exactly these scripts and styles run."""
    allowed = [" ".join(f"'sha256-{digest(text)}'" for text in texts) for texts in (scripts, styles)]
    return (
        f"default-src 'none'; script-src {allowed[0]}; style-src {allowed[1]}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def page_policy() -> str:
    """Give the policy of reports: what serves one as a page sends it too, as each policy that is said binds."""
    return policy([read("vega.js"), page_script()], [style_sheet()])


@cache
def digest(text: str) -> str:
    """Give the SHA-256 of a text as the policy writes it."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def style_sheet() -> str:
    """Give the style sheet, with the colours of light and dark before it."""
    dark = f"@media(prefers-color-scheme:dark){{:root{{{css(THEMES['dark'])}}}}}"
    return f":root{{color-scheme:light dark;{css(THEMES['light'])}}}{dark}\n{read('report.css')}"


@cache
def page_script() -> str:
    """Give what draws the page's figures, and what the page does besides."""
    return read("figures.js") + read("report.js")


@cache
def read(name: str) -> str:
    """Read one of the page's parts."""
    folder = files("retrue.report") / ("static" if name == "vega.js" else "templates")
    return (folder / name).read_text(encoding="utf-8")


def breakable(name: str) -> Markup:
    """Let a long name break after its underscores and dots.

    >>> breakable("mean_<b>")
    Markup('mean_<wbr>&lt;b&gt;')
    """
    return Markup("").join(part + Markup("<wbr>") if part in {"_", "."} else part for part in re.split(r"([_.])", name))


@cache
def environment() -> Environment:
    """Give the template engine: it escapes everything that isn't marked as markup, and knows no undefined names."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        loader=FunctionLoader(read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals["plural"] = plural
    made.filters["breakable"] = breakable
    return made
