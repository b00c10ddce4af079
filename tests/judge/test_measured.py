"""What every metric says of a column is measured when somebody asks, and once."""

from __future__ import annotations

import copy

from retrue.core.column import ColumnProfile
from retrue.judge.measured import WhenAsked
from retrue.metrics import Measure


def test_a_column_is_measured_when_it_is_asked_for_and_once() -> None:
    asked: list[str] = []

    def measure(name: str, _column: ColumnProfile | None) -> dict[str, Measure]:
        asked.append(name)
        return {"ks": Measure(0.1)}

    found = WhenAsked({"x": None, "y": None}, measure)
    assert (list(found), len(found), "x" in found, "z" in found, asked) == (["x", "y"], 2, True, False, ["x"])
    assert found["x"]["ks"].value == 0.1
    assert asked == ["x"]


def test_a_copy_of_what_is_measured_when_asked_for_holds_all_of_it() -> None:
    """So does what another process gets, where nothing can be measured any more."""
    found = WhenAsked({"ks": 0.1, "js": 0.2}, lambda _, value: Measure(value))
    assert not isinstance(copy.deepcopy(found), WhenAsked)
    assert copy.deepcopy(found) == found == {"ks": Measure(0.1), "js": Measure(0.2)}
