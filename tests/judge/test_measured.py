"""What every metric says of a column is measured when somebody asks, and once."""

from __future__ import annotations

from retrue.core.column import ColumnProfile
from retrue.judge.measured import WhenAsked
from retrue.metrics import Measure


def test_a_column_is_measured_when_it_is_asked_for_and_once() -> None:
    asked: list[str] = []

    def measure(name: str, _column: ColumnProfile | None) -> dict[str, Measure]:
        asked.append(name)
        return {"ks": Measure(0.1)}

    found = WhenAsked({"x": None, "y": None}, measure)  # type: ignore[dict-item]
    assert (list(found), len(found), "x" in found, "z" in found, asked) == (["x", "y"], 2, True, False, ["x"])
    assert found["x"]["ks"].value == 0.1
    assert asked == ["x"]
