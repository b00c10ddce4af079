"""Charts as PNG: drawn in a process of its own, on white; what can't be drawn is an error in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from retrue.adapters.png import png
from retrue.errors import RetrueError
from retrue.report.charts import Point, timeline

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_chart_becomes_a_png_twice_its_size() -> None:
    picture = timeline([Point(START + timedelta(days=day), 0.8) for day in range(5)], "accuracy")
    assert picture is not None
    drawn = png(picture.vega())
    assert drawn.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(drawn[16:20], "big") > 2 * 640  # the width in the header (PNG, 11.2.2)


def test_what_cant_be_drawn_is_said() -> None:
    with pytest.raises(RetrueError, match="couldn't be drawn"):
        png({"mark": {"type": "no such mark"}, "data": {"values": []}})


def test_a_chart_has_a_time_limit() -> None:
    with pytest.raises(RetrueError, match=r"longer than 0\.01 seconds"):
        png({}, limit=0.01)
