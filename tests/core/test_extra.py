"""Counters over whole rows: rules between columns, the span of time, and a user's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, ClassVar

import polars as pl
import pytest

from retrue.core.extra import COMPARISONS, Counter, RowRule, TimeSpan
from retrue.core.grid import NumericGrid
from retrue.core.grids import Grids, Source
from retrue.core.profile import Profile
from retrue.core.state import State, Sums
from retrue.errors import ProfileError


@pytest.mark.parametrize(
    ("left", "right", "rows", "broken"),
    [
        ([1, 5, 3], [2, 4, 3], 3, 1),
        ([1.5, None, 2.0], [1, 1, None], 1, 1),
        ([1.0, float("nan"), 9.0], [float("nan"), 1.0, 1.0], 1, 1),
        (["a", "z"], ["b", "b"], 2, 1),
        ([date(2020, 1, 2), date(2020, 1, 1)], [datetime(2020, 1, 1), datetime(2020, 1, 1)], 2, 1),
        (["2020-01-02", "soon"], [datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)], 1, 1),
        ([2**53 + 1], [2**53], 1, 1),
        ([True, False], [False, False], 2, 1),
        ([[1]], [[2]], 0, 0),
        ([None], [None], 0, 0),
    ],
)
def test_a_rule_counts_the_rows_that_break_it(left: list[Any], right: list[Any], rows: int, broken: int) -> None:
    """Rows where either side is missing or can't be compared don't count; integers compare exactly."""
    found = RowRule("a", "<=", "b").count(pl.DataFrame({"a": left, "b": right}))
    assert (found.n, found.total) == (rows, broken)


def test_categories_compare_as_text() -> None:
    frame = pl.DataFrame({"a": ["z"], "b": ["b"]}, schema=dict.fromkeys("ab", pl.Categorical))
    assert RowRule("a", "<=", "b").count(frame).total == 1


@pytest.mark.parametrize("sign", COMPARISONS)
def test_every_comparison_is_pythons(sign: str) -> None:
    found = RowRule("a", sign, "b").count(pl.DataFrame({"a": [1, 2, 3], "b": [2, 2, 2]}))
    assert found.total == sum(not eval(f"{a} {sign} 2") for a in (1, 2, 3))  # noqa: S307 - our own text


def test_an_unknown_comparison_is_refused() -> None:
    with pytest.raises(ProfileError, match="unknown comparison '=<': expected <= <"):
        RowRule("a", "=<", "b")


def test_the_span_of_time_is_in_seconds() -> None:
    moments = TimeSpan("t").count(pl.DataFrame({"t": ["1970-01-01", None, "1970-01-02T00:00:01Z"]}))
    assert (moments.n, moments.min, moments.max) == (2, 0.0, 86_401.0)


@dataclass(frozen=True)
class Clicks(Counter):
    """A user's counter: how many clicks each event got."""

    kind: ClassVar[str] = "test clicks"
    column: str

    @property
    def name(self) -> str:
        return "clicks"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def count(self, frame: pl.DataFrame) -> State:
        return Sums.of(frame[self.column].fill_null(0).cast(pl.Float64).to_numpy())


@pytest.mark.parametrize("counter", [RowRule("a/b", "<", ""), TimeSpan("t"), Clicks("c")])
def test_a_counter_survives_its_text(counter: Counter) -> None:
    assert Counter.from_text(counter.to_text()) == counter


def test_an_unknown_counter_is_refused_with_what_to_do() -> None:
    with pytest.raises(ProfileError, match=r"unknown counter 'nobody'. Hint: import the module"):
        Counter.from_text('{"kind": "nobody"}')


def test_two_counters_of_one_kind_are_refused() -> None:
    with pytest.raises(ProfileError, match="two counters are called 'row_rule'"):
        type("Impostor", (Counter,), {"kind": "row_rule"})


def test_a_users_counter_is_counted_merged_and_stored() -> None:
    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0], "c": [1, None, 5]})
    grids = Grids({"x": NumericGrid.fit(frame["x"])}, {"x": Source("x")}, None, (Clicks("c"),))
    grids = Grids.from_bytes(grids.to_bytes())
    profile = Profile.from_bytes((grids.count(frame.head(1)) + grids.count(frame.tail(2))).to_bytes())
    assert profile.extras["clicks"].agrees(Sums(3, 6.0, 26.0))


def test_a_column_that_never_came_counts_as_null() -> None:
    grids = Grids({}, {}, None, (RowRule("a", "<=", "b"), TimeSpan("t"), Clicks("c")))
    extras = grids.count(pl.DataFrame({"other": [1, 2]})).extras
    assert [extras[name].fields()["n"].tolist() for name in ("a <= b", "time", "clicks")] == [[0], [0], [2]]  # type: ignore[union-attr]
