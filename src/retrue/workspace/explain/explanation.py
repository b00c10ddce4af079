"""An explanation: what is known of why an incident happened, and how that reads as JSON, as a page, as text."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from retrue.core.column import ColumnProfile
from retrue.explain.contributions import Contributions
from retrue.explain.features import Feature
from retrue.explain.finding import Finding
from retrue.explain.joint import JointChange
from retrue.explain.sharing import Sharing
from retrue.explain.since import Course
from retrue.explain.standing import Standing
from retrue.judge.cost import Cost
from retrue.judge.incident import Incident
from retrue.report import text
from retrue.report.incident import explanation_view
from retrue.report.notebook import frame
from retrue.report.saving import save_report

EXAMPLES = 5
"""The most example rows that are told."""


@dataclass(frozen=True, repr=False)
class Explanation:
    """Why an incident happened, as far as the data tell: print it, show it in a notebook, or `save` it.

    Attributes:
        incident: what is explained.
        since: when it began (ISO), from the series of windows where that shows a change, else from the first alarm.
        features: columns, by what their move costs, then by surprise.
        slices: the rows that changed most, or that the model got wrong most, the best first.
        cost: how far the model's metric moved, by labels, estimates or impact; None where nothing tells.
        examples: a few rows of the first slice.
        standings: how each of them stands against the reference: outlier score, reason, neighbours.
        outcome: the columns that tell what the model did with a row: prediction, score, label.
        distributions: window and reference of the columns that the first slice is about, all rows.
        course: how the main column went over time, with its shape; None where the incident is about none.
        sharing: how the expected change of the metric is shared out among the features; None where it isn't known.
        joint: what columns do together that they didn't do before; None where no alarm says that they do.
        contributions: what each feature added to the predictions of the examples; None where no model was given.
        kept: which share of the events its rows are of: 1 where all are kept whole.
    """

    incident: Incident
    since: str
    features: tuple[Feature, ...]
    slices: tuple[Finding, ...]
    cost: Cost | None
    examples: pl.DataFrame
    standings: tuple[Standing, ...] = ()
    outcome: tuple[str, ...] = ()
    distributions: Mapping[str, tuple[ColumnProfile, ColumnProfile]] = field(default_factory=dict)
    course: Course | None = None
    sharing: Sharing | None = None
    contributions: Contributions | None = None
    joint: JointChange | None = None
    kept: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "incident": self.incident.to_dict(),
            "since": self.since,
            "features": [
                {
                    "column": feature.column,
                    "reason": feature.verdict.reason,
                    "impact": None if feature.cost is None else feature.cost.value,
                    "interval": None if feature.cost is None else list(feature.cost.interval),
                    "share": None if feature.part is None else feature.part.share,
                    "importance": feature.importance,
                    "shared_with": [] if feature.part is None else list(feature.part.shared_with),
                }
                for feature in self.features
            ],
            "sharing": None if self.sharing is None else self.sharing.to_dict(),
            "joint": None if self.joint is None else self.joint.to_dict(),
            "shape": None if self.course is None else self.course.to_dict(),
            "slices": [finding.to_dict() for finding in self.slices],
            "cost": None if self.cost is None else self.cost.to_dict(),
            "examples": [plain(row) for row in self.examples.head(EXAMPLES).to_dicts()],
            "standings": [plain(one.to_dict()) for one in self.standings],
            "contributions": None if self.contributions is None else self.contributions.to_dict(),
            "kept": self.kept,
        }

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def to_html(self) -> str:
        """One page that opens offline: what happened, which rows, what shape, what it costs, what now."""
        from retrue.report.incident_page import page

        return page(self)

    def save(self, path: str | Path) -> Path:
        """Write it as `.html` (one self-contained page) or `.json` (`to_dict()`), and give the path.

        Raises:
            RetrueError: another suffix, or a file that can't be written.
        """
        return save_report(path, html=self.to_html, json=self.to_json)

    def __repr__(self) -> str:
        return f"<Explanation: {self.incident.sentence}>"

    def __str__(self) -> str:
        return text.plain(explanation_view(self))

    def _repr_html_(self) -> str:
        return frame(f"Incident {self.incident.id}", self.to_html())


def plain(value: Any) -> Any:
    """A value of a row as JSON knows it: times in ISO, durations in seconds, bytes in base64; what isn't finite, null.

    >>> plain({"at": datetime(2024, 1, 2), "x": float("nan"), "tags": ["a", None], "key": b"abc"})
    {'at': '2024-01-02T00:00:00', 'x': None, 'tags': ['a', None], 'key': 'YWJj'}
    """
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | pl.Series):
        return [plain(one) for one in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta | Decimal | float):
        number = value.total_seconds() if isinstance(value, timedelta) else float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, bool | int | str) else str(value)
