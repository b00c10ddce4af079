"""Charts: one function for each picture; the page, the notebook and the notification show the same one.

    profiles ── display (bins for the eye) ── picture function ──> Picture ──┬── vega()    a Vega-Lite spec
                                              template (Altair, cached) ─────┴── altair()  an Altair chart

A `Picture` is its finding (the title), its rows, and the name of the template that draws it. Altair is imported when a
template is first needed, and each template is made once.
"""

from retrue.report.charts.bars import apart, categories, ranking
from retrue.report.charts.distribution import distribution, errors, scores
from retrue.report.charts.drift_map import drift_map
from retrue.report.charts.embedding_map import embedding_map
from retrue.report.charts.markers import Marker, with_markers
from retrue.report.charts.outcome import calibration, confusion, forest, roc
from retrue.report.charts.picture import Field, Picture
from retrue.report.charts.timeline import IncidentSpan, Point, timeline

__all__ = [
    "Field",
    "IncidentSpan",
    "Marker",
    "Picture",
    "Point",
    "apart",
    "calibration",
    "categories",
    "confusion",
    "distribution",
    "drift_map",
    "embedding_map",
    "errors",
    "forest",
    "ranking",
    "roc",
    "scores",
    "timeline",
    "with_markers",
]
