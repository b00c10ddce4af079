"""The page as text: self-contained, strict about what may run, inert whatever a column is called, quick to write."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from retrue.metrics import Measure
from retrue.report.comparison import Comparison
from retrue.report.entries import Gallery, sections
from retrue.report.html import as_json, page
from retrue.report.words import ranked_performance

STATIC = Path(__file__).parents[2] / "src" / "retrue" / "report" / "static"


class Reader(HTMLParser):
    """Collects what a browser would: elements with attributes, and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.held: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag = self.elements[-1][0] if self.elements else ""
        if tag in self.held and self.get_starttag_text() is not None and self.cdata_elem == tag:
            self.held[tag].append(data)


def test_nothing_is_fetched(troubled: Comparison) -> None:
    """No element names another file: the report is one file."""
    for tag, attributes in Reader(page(troubled)).elements:
        assert tag not in {"link", "iframe", "img", "object", "base"}
        assert "src" not in attributes
        assert attributes.get("href") is None or str(attributes["href"]).startswith("#")


def test_the_policy_names_exactly_what_is_inlined(troubled: Comparison) -> None:
    """Each executable script and the style sheet is allowed by its SHA-256, and nothing else is."""
    reader = Reader(page(troubled))
    policy = next(str(a["content"]) for t, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    data, *scripts = reader.held["script"]
    json.loads(data)
    inlined = [*scripts, *reader.held["style"]]
    assert {base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in inlined} == allowed


def test_nothing_is_styled_or_scripted_by_attribute(hostile: Comparison) -> None:
    """The policy forbids it, and names of columns must not become attributes."""
    for _, attributes in Reader(page(hostile)).elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_hostile_names_add_no_element(hostile: Comparison) -> None:
    """As many scripts as ever, no image, and the names are there to read."""
    text = page(hostile)
    tags = [tag for tag, _ in Reader(text).elements]
    assert tags.count("script") == 3
    assert "img" not in tags
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{ 7 * 7 }}" in text


@pytest.mark.parametrize("text", ["</script>", "<!--", "\u2028\u2029", "&amp;", "]]>"])
def test_data_within_the_page_is_inert(text: str) -> None:
    written = as_json({"name": text})
    assert json.loads(written) == {"name": text}
    assert not set("<>&\u2028\u2029") & set(written)


def test_calm_has_no_list_of_findings(calm: Comparison) -> None:
    text = page(calm)
    assert "What changed, worst first" not in text
    assert "11 columns in true" in text
    assert '<span class="state calm">' in text


def test_an_empty_state_says_what_to_type(nothing: Comparison, hostile: Comparison) -> None:
    assert "<code>retrue compare train.parquet week.parquet</code>" in page(nothing)
    assert "<code>retrue compare ... --label late --score p_late</code>" in page(hostile)


def test_impact_has_a_column_where_it_is_known(troubled: Comparison) -> None:
    """What a column's move costs the model is shown in points; without a labelled reference there is no such column."""
    name, report = next(iter(troubled.columns.items()))
    costly = replace(
        troubled, columns={**troubled.columns, name: replace(report, impact=-0.0123)}, impact_metric="accuracy"
    )
    assert "−1.2 points" in page(costly)
    assert "Effect on accuracy" in page(costly)
    assert "Effect on" not in page(troubled)


def test_a_column_shows_its_telling_metrics_and_hides_the_rest(troubled: Comparison) -> None:
    """The judged one comes first, zeros are left out, the others are one click away."""
    made = {entry.subject: entry for entry in sections(troubled, Gallery()).findings}["passenger_count"]
    assert [row.name for row in made.metrics] == ["missing", "mean", "KS"]
    assert made.metrics[0].value == "46 %"
    temperature = {entry.subject: entry for entry in sections(troubled, Gallery()).findings}["temperature"]
    assert [row.name for row in temperature.metrics] == ["KS", "mean"]
    assert [row.name for row in temperature.more_metrics] == ["missing"]


def test_dates_are_written_as_dates(troubled: Comparison) -> None:
    made = {entry.subject: entry for entry in sections(troubled, Gallery()).findings}["scheduled"]
    assert next(row.value for row in made.metrics if row.name == "mean").startswith("2013-03-")


def test_performance_is_ordered_for_reading(troubled: Comparison) -> None:
    """What degraded comes first, then the usual metrics."""
    assert [r.metric for r in ranked_performance(troubled)] == ["roc_auc", "accuracy"]


def test_the_notebook_view_is_a_sandboxed_frame(hostile: Comparison) -> None:
    """The notebook's own page is out of reach: no same-origin, and the inner page is one escaped attribute."""
    reader = Reader(hostile._repr_html_())
    assert [tag for tag, _ in reader.elements] == ["iframe"]
    attributes = reader.elements[0][1]
    assert attributes["sandbox"] == "allow-scripts"
    inner = str(attributes["srcdoc"])
    assert inner.startswith("<!doctype html>")
    assert '<body class="compact"' in inner


def test_two_hundred_columns_are_written_in_seconds(wide: Comparison) -> None:
    """CPU time with Altair loaded: one second, and ten where other work slows the machine."""
    page(wide)
    started = time.process_time()
    text = page(wide)
    assert time.process_time() - started < 10
    assert len(text) < 3_000_000


def test_the_vendored_bundle_can_be_inlined() -> None:
    """Nothing in it ends its script element, it leaks no names, and its licences are beside it."""
    code = (STATIC / "vega.js").read_text(encoding="utf-8")
    assert "</script" not in code.lower()
    assert "<!--" not in code
    assert re.match(r"/\* Vega [\d.]+, Vega-Lite [\d.]+, Vega-Embed [\d.]+\.[^*]*\*/\n\(\(\)=>\{", code)
    licences = (STATIC / "LICENSES.txt").read_text(encoding="utf-8")
    assert all(name in licences for name in ("vega-lite (BSD-3-Clause)", "d3-array (ISC)", "fast-json-patch (MIT)"))


def test_business_figures_stand_apart_from_those_of_drift(troubled: Comparison) -> None:
    """What a column's values come to says nothing of how they are distributed."""
    report = troubled.columns["temperature"]
    metrics = {**report.metrics, "total": Measure(90.0, 100.0)}
    told = replace(troubled, columns={**troubled.columns, "temperature": replace(report, metrics=metrics)})
    entry = {entry.subject: entry for entry in sections(told, Gallery()).findings}["temperature"]
    assert [row.name for row in entry.business] == ["total"]
    assert "total" not in [row.name for row in (*entry.metrics, *entry.more_metrics)]
    assert "<summary>Business</summary>" in page(told)
    assert "<summary>Business</summary>" not in page(troubled)
