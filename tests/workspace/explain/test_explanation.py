"""What is known of an incident reads as plain values."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal

from retrue.workspace.explain.explanation import plain


def test_values_that_json_does_not_know_become_plain() -> None:
    row = {"day": date(2024, 1, 2), "took": timedelta(minutes=1), "sum": Decimal("1.5"), "raw": b"x", "far": math.inf}
    expected = {"day": "2024-01-02", "took": 60.0, "sum": 1.5, "raw": "eA==", "far": None}
    assert plain(row) == expected
