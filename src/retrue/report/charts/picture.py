"""A picture: its finding, its rows, how to read them as a table, and the template that draws them."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from retrue.report.theme import THEMES, config

if TYPE_CHECKING:
    import altair as alt

Format = Literal["text", "number", "share", "count", "time"]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the table behind a picture: the rows' field, its heading, how it is written."""

    name: str
    heading: str
    format: Format = "text"


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart in data.

    Attributes:
        template: the name of what draws it, in `retrue.report.charts.templates`.
        title: its finding, in words.
        rows: the data, as plain values.
        fields: how to read the rows as a table; rows that lack the first field are only for drawing.
        note: what the reader must know beside the title, or "".
    """

    template: str
    title: str
    rows: Sequence[Row]
    fields: Sequence[Field]
    note: str = ""

    def vega(self, theme: str = "light", width: int | Literal["container"] = 640) -> dict[str, Any]:
        """Give the whole Vega-Lite spec: for PNG and SVG, notebooks, notifications."""
        from retrue.report.charts.templates import template

        spec = copy.deepcopy(template(self.template))
        spec["data"] = {"values": [dict(row) for row in self.rows]}
        spec["title"] = {"text": self.title, "subtitle": self.note} if self.note else self.title
        spec["config"] = config(THEMES[theme])
        spec["width"] = width
        return spec

    def altair(self, theme: str = "light", width: int | Literal["container"] = 640) -> alt.TopLevelMixin:
        """Give the picture as an Altair chart, to change or to save."""
        import altair as alt

        chart = alt.Chart.from_dict(self.vega(theme, width))
        return chart  # noqa: RET504 - `from_dict` gives the chart that the spec is, layered or not

    def to_dict(self) -> dict[str, Any]:
        """Give what a page needs that holds the template already."""
        fields = [[field.name, field.heading, field.format] for field in self.fields]
        return {
            "template": self.template,
            "title": self.title,
            "note": self.note,
            "fields": fields,
            "rows": [dict(row) for row in self.rows],
        }


def short(text: str, most: int = 40) -> str:
    """Cut a long name.

    >>> short("a" * 50, 5)
    'aaaa…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def share(value: float) -> float:
    """Round a share to what a chart can show, so that pages stay small."""
    return round(float(value), 6)


def position(value: float) -> float:
    """Round a position on an axis to seven significant digits."""
    return float(f"{float(value):.7g}")
