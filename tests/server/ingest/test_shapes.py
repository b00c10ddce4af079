"""Requests are joined only where each row means the same as it would alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.server.ingest.shapes import Shapes, alone, joined
from retrue.store.layout import Layout

LAYOUT = Layout(id="id", time="t", label="y", types={"x": "Float64", "n": "Int64", "c": "String", "b": "Boolean"})
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(max_size=3)
)
ROWS = st.fixed_dictionaries(dict.fromkeys(("id", "x", "n", "c", "b", "new"), VALUES))


def columns(row: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [value] for name, value in row.items()}


@given(ROWS, ROWS)
def test_joining_changes_no_value_but_whole_numbers_that_are_measured(one: dict[str, Any], two: dict[str, Any]) -> None:
    """What is joined has each value as the request alone would have it; numbers of a measured column are floats."""
    shapes = Shapes(LAYOUT)
    first, second = (shapes.of(columns(row), 1) for row in (one, two))
    if first is None or first != second:
        return
    together = joined([columns(one), columns(two)], first).to_dicts()
    for row, found in zip((one, two), together, strict=True):
        own = alone(columns(row)).to_dicts()[0]
        for name, value in own.items():
            measured = name in {"x", "new"} and isinstance(value, int) and not isinstance(value, bool)
            assert found[name] == (float(value) if measured and isinstance(found[name], float) else value)


@pytest.mark.parametrize(("name", "one", "two"), [("id", 1, 1.5), ("x", 1.0, True), ("c", "a", 1), ("n", 1, 1.5)])
def test_values_of_other_classes_are_apart(name: str, one: object, two: object) -> None:
    shapes = Shapes(LAYOUT)
    assert shapes.of({name: [one]}, 1) != shapes.of({name: [two]}, 1)


def test_what_is_missing_goes_with_what_is_there() -> None:
    shapes = Shapes(LAYOUT)
    assert shapes.of({"x": [None], "c": [None]}, 1) == shapes.of({"x": [1], "c": ["a"]}, 1)


def test_a_request_of_mixed_values_has_no_shape() -> None:
    assert Shapes(LAYOUT).of({"x": [1.0, "a"]}, 2) is None
