"""The drift map: a cell for each pair of windows, the incident framed, the reference's end dotted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import altair as alt
import numpy as np
import pytest

from retrue.core.column import ColumnProfile
from retrue.core.grid import NumericGrid
from retrue.report.charts import IncidentSpan, Picture, drift_map

START = datetime(2026, 1, 1, tzinfo=UTC)
GRID = NumericGrid(np.linspace(0.0, 1.0, 17))


def windows(count: int, jump: int) -> list[ColumnProfile]:
    """Windows that are other ones from `jump` on."""
    even, tilted = np.full(16, 1 / 16), np.linspace(0.5, 1.5, 16) / 16
    rng = np.random.default_rng(0)
    counts = [rng.multinomial(1_000, even if i < jump else tilted) for i in range(count)]
    return [replace(GRID.empty(), counts=np.concatenate([[0], one, [0]])) for one in counts]


def spans(count: int) -> list[tuple[str, str]]:
    """Days."""
    return [(at(i).isoformat(), at(i + 1).isoformat()) for i in range(count)]


def at(day: float) -> datetime:
    """The beginning of a day."""
    return START + timedelta(days=day)


def drawn(count: int = 20, incident: IncidentSpan | None = None, reference_ends: datetime | None = None) -> Picture:
    """The map of a column that jumps in the middle."""
    made = drift_map(
        windows(count, count // 2), spans(count), "x: sudden", incident=incident, reference_ends=reference_ends
    )
    assert made is not None
    return made


@pytest.mark.parametrize("incident", [None, IncidentSpan(at(3), at(6), "incident")])
@pytest.mark.parametrize("reference_ends", [None, at(2)])
def test_it_is_valid_vega_lite_in_both_themes(incident: IncidentSpan | None, reference_ends: datetime | None) -> None:
    picture = drawn(6, incident=incident, reference_ends=reference_ends)
    for theme in ("light", "dark"):
        alt.Chart.from_dict(picture.vega(theme)).to_dict()


def test_windows_on_one_side_of_a_jump_are_near_and_others_far() -> None:
    cells = [row for row in drawn().rows if row["part"] == "cell"]
    assert len(cells) == 400
    middle = round(at(10).timestamp() * 1000)
    near = [row["distance"] for row in cells if (row["x"] < middle) == (row["y"] < middle)]
    far = [row["distance"] for row in cells if (row["x"] < middle) != (row["y"] < middle)]
    assert np.quantile(near, 0.99) < np.quantile(far, 0.01)


def test_the_incident_is_framed_within_the_picture() -> None:
    """One that lasts longer than the windows ends with them."""
    picture = drawn(incident=IncidentSpan(at(10), at(99), "incident"))
    (frame,) = [row for row in picture.rows if row["part"] == "incident"]
    assert (frame["x"], frame["x2"]) == (round(at(10).timestamp() * 1000), round(at(20).timestamp() * 1000))
    assert "framed: the incident" in picture.note
    assert not any(row["part"] == "incident" for row in drawn(incident=IncidentSpan(at(50), at(60), "incident")).rows)


def test_many_windows_are_added_up() -> None:
    assert len(drawn(200).rows) <= 48**2


def test_fewer_than_three_windows_are_no_map() -> None:
    assert drift_map(windows(2, 1), spans(2), "x") is None
    assert drift_map([], [], "x") is None
