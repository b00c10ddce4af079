"""Statistics of a user's own: one decorated function, or a counter with a state of its own; then like the built-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import polars as pl
import pytest

import retrue as rt
from retrue.core.column import ColumnProfile
from retrue.core.extra import Counter
from retrue.core.grid import NumericGrid
from retrue.core.grids import Grids, Source
from retrue.core.laws import check_laws
from retrue.core.outcome import BinaryOutcome, Outcome
from retrue.core.outcome_grid import BinaryGrid
from retrue.core.profile import Profile
from retrue.core.state import Fields, Floats, Ints, State
from retrue.errors import MetricError
from retrue.metrics import Measure, get, registered, registry
from retrue.schema import Task


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test register what it likes, and forget it afterwards."""
    registry.load()
    monkeypatch.setattr(registry, "_METRICS", dict(registry._METRICS))


FRAME = pl.DataFrame({"x": [1.0, 2.0, 6.0, None], "label": ["1", "0", "1", None], "score": [0.9, 0.2, 0.4, 0.5]})
GRIDS = Grids(
    {"x": NumericGrid.fit(FRAME["x"])}, {"x": Source("x")}, BinaryGrid("label", "score", None, "1", np.array([0.5]))
)
PROFILE = GRIDS.count(FRAME)


def test_a_function_of_columns_is_a_metric() -> None:
    """It may return a plain number; name, unit and description are the registry's from then on."""

    @rt.metric("spread", family="quality", of="column", kinds=(rt.Kind.NUMERIC,), unit="value", better="lower")
    def spread(window: ColumnProfile, reference: ColumnProfile) -> float:
        """Greatest less least value.

        More that nobody needs in a table.
        """
        return window.moments.max - window.moments.min

    found = get("spread")
    column = PROFILE.columns["x"]
    assert found.compute(column, column) == Measure(5.0)
    assert (found.description, found.unit, found.better) == ("Greatest less least value.", "value", "lower")
    assert found in registered(family="quality", of="column")
    assert found.mergeable
    assert spread(column, column) == 5.0


def test_a_function_of_outcomes_is_a_metric() -> None:
    @rt.metric("positives", family="performance", of="outcome", tasks=(Task.BINARY,), unit="rows")
    def positives(outcome: Outcome) -> float:
        """Events whose label is 1."""
        assert isinstance(outcome, BinaryOutcome)
        return float(outcome.counts[:, 1].sum())

    assert get("positives").compute(PROFILE.outcome).value == 2
    assert get("positives").tasks == (Task.BINARY,)


def test_a_function_of_profiles_is_a_metric() -> None:
    @rt.metric("growth", family="business", of="profile")
    def growth(window: Profile, reference: Profile) -> Measure:
        """Events in the window for each one of the reference."""
        return Measure(window.rows / reference.rows, note="events")

    assert get("growth").compute(PROFILE + PROFILE, PROFILE).value == 2


def test_a_function_of_tables_is_a_metric_that_cannot_be_merged() -> None:
    @rt.metric("correlation_shift", family="drift", of="tables", range=(0, 2))
    def correlation_shift(window: pl.DataFrame, reference: pl.DataFrame) -> float:
        """How far the correlation of x and score moved."""
        ours, theirs = (frame.drop_nulls().select(pl.corr("x", "score")).item() for frame in (window, reference))
        return abs(float(ours) - float(theirs))

    found = get("correlation_shift")
    assert not found.mergeable
    assert found.compute(FRAME, FRAME).value == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None])
def test_what_is_no_number_becomes_no_value_with_a_note(value: float | None) -> None:
    @rt.metric("odd", of="profile")
    def odd(window: Profile, reference: Profile) -> float | None:
        """Nothing useful."""
        return value

    found = get("odd").compute(PROFILE, PROFILE)
    assert found.value is None
    assert found.to_dict() == {"value": None, "reference": None, "error": None, "interval": None}


def test_a_name_that_is_taken_is_refused() -> None:
    with pytest.raises(MetricError, match="two metrics are called 'ks'"):
        rt.metric("ks")(lambda window, reference: 0.0)


def test_an_unknown_metric_is_refused_with_the_nearest() -> None:
    with pytest.raises(MetricError, match=r"unknown metric 'wassertein'. Hint: did you mean 'wasserstein'\?"):
        get("wassertein")


@dataclass(frozen=True, eq=False)
class Hours(State):
    """A user's state: events by hour of the day, int64[24]."""

    state: ClassVar[str] = "test hours"
    counts: Ints

    def __add__(self, other: Self) -> Self:
        return type(self)(self.counts + other.counts)

    def subtract(self, other: Self) -> Self:
        return type(self)(self.counts - other.counts)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {"counts": self.counts}

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        return cls(np.asarray(fields["counts"], np.int64))


@dataclass(frozen=True)
class HourCounter(Counter):
    """Counts events into `Hours`."""

    kind: ClassVar[str] = "test hours"
    column: str

    @property
    def name(self) -> str:
        return "hours"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def count(self, frame: pl.DataFrame) -> Hours:
        hours = frame[self.column].drop_nulls().cast(pl.Int64).to_numpy()
        return Hours(np.bincount(hours, minlength=24).astype(np.int64))


class TestAStateOfAUsersOwn:
    COUNTER = HourCounter("hour")
    EVENTS: ClassVar[Mapping[str, list[int | None]]] = {"hour": [3, 3, 4, None, 23, 0]}

    def test_it_keeps_the_laws(self) -> None:
        frame = pl.DataFrame(self.EVENTS)
        check_laws([self.COUNTER.count(frame.head(n)) for n in (1, 3, 6)], self.COUNTER.count(frame.clear()))

    def test_it_is_counted_in_parts_stored_and_measured(self) -> None:
        @rt.metric("night", family="business", of="profile", unit="share")
        def night(window: Profile, reference: Profile) -> Measure:
            """Share of events between midnight and six."""
            ours, theirs = (p.extras["hours"] for p in (window, reference))
            assert isinstance(ours, Hours)
            assert isinstance(theirs, Hours)
            value, before = (float(h.counts[:6].sum() / h.counts.sum()) for h in (ours, theirs))
            return Measure(value, before)

        frame = pl.DataFrame(self.EVENTS)
        grids = Grids.from_bytes(Grids({}, {}, None, (self.COUNTER,)).to_bytes())
        whole = Profile.from_bytes((grids.count(frame.head(2)) + grids.count(frame.tail(4))).to_bytes())
        assert whole.agrees(grids.count(frame))
        assert get("night").compute(whole, whole) == Measure(0.8, 0.8)
