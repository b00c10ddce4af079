"""Every mergeable state keeps the laws: generated from the registry, for the states there are and those to come."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Self, TypeAlias

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import retrue.core
from retrue.core import laws
from retrue.core.extra import RowRule, TimeSpan
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.grids import Grids, Source
from retrue.core.joint import Joint, JointSums
from retrue.core.joint_fit import fit_circle
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid, RegressionGrid, error_grid, score_cuts
from retrue.core.ranking import RankingGrid
from retrue.core.state import REGISTRY, Fields, Floats, Ints, Moments, Names, State, Sums
from retrue.core.weighing import weigh
from retrue.core.weighted import Weighing, WeightSums
from retrue.errors import ProfileError

Draw: TypeAlias = Callable[[st.DrawFn], tuple[list[State], State]]
"""Draws some states that may be added up, and the state of no events."""

PARTS = st.integers(3, 5)
FINITE = st.floats(-1e9, 1e9)
TEXT = st.none() | st.sampled_from(["a", "b", "", "ä/ö", "true", "\U0001f600"]) | st.text(max_size=3)


def arrays(draw: st.DrawFn, element: st.SearchStrategy[float] = FINITE) -> list[Floats]:
    """Draw three to five arrays of numbers, some of them empty."""
    return [np.array(draw(st.lists(element, max_size=20)), np.float64) for _ in range(draw(PARTS))]


def moments(draw: st.DrawFn) -> tuple[list[State], State]:
    return [Moments.of(part) for part in arrays(draw)], Moments()


def sums(draw: st.DrawFn) -> tuple[list[State], State]:
    return [Sums.of(part) for part in arrays(draw)], Sums()


def names(draw: st.DrawFn) -> tuple[list[State], State]:
    """Few names, or more than are kept (from a seed: drawing hundreds one by one takes long)."""
    if draw(st.booleans()):
        few = st.dictionaries(st.text(max_size=2), st.integers(1, 9), max_size=5)
        return [Names() + Names(draw(few)) for _ in range(draw(PARTS))], Names()
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    parts = [rng.geometric(0.003, rng.integers(200, 900)).astype(str) for _ in range(draw(PARTS))]
    return [Names() + Names(Counter(part.tolist())) for part in parts], Names()


def columns(draw: st.DrawFn) -> tuple[list[State], State]:
    """A column of either kind, counted on a grid that some other values were fitted on."""
    if draw(st.booleans()):
        numeric: Grid = NumericGrid.fit(pl.Series(draw(st.lists(FINITE, max_size=20)), dtype=pl.Float64))
        element = FINITE | st.none() | st.sampled_from([np.nan, np.inf, -np.inf, -0.0])
        return parts_of(draw, numeric, element, pl.Float64())
    categorical: Grid = CategoricalGrid.fit(pl.Series(draw(st.lists(TEXT, max_size=20)), dtype=pl.String))
    return parts_of(draw, categorical, TEXT, pl.String())


def parts_of(
    draw: st.DrawFn, grid: Grid, element: st.SearchStrategy[object], dtype: pl.DataType
) -> tuple[list[State], State]:
    lists = [draw(st.lists(element, max_size=20)) for _ in range(draw(PARTS))]
    return [grid.count(pl.Series(part, dtype=dtype)) for part in lists], grid.empty()


EVENT = st.fixed_dictionaries(
    {
        "x": FINITE | st.none(),
        "y": FINITE | st.none(),
        "c": TEXT,
        "score": st.floats(0, 1) | st.none(),
        "label": st.sampled_from(["0", "1", None]),
    }
)
SCHEMA = {"x": pl.Float64, "y": pl.Float64, "c": pl.String, "score": pl.Float64, "label": pl.String}
LIST_SCHEMA = {"shown": pl.List(pl.String), "liked": pl.List(pl.String)}
ITEMS = st.lists(st.sampled_from("abcdef"), max_size=5)
CUTS = score_cuts(np.linspace(0, 1, 7))
OUTCOMES: dict[str, OutcomeGrid] = {
    "binary": BinaryGrid("label", "score", None, "1", CUTS),
    "multiclass": MulticlassGrid("label", "c", {"1": "score", "0": "y"}, ("0", "1"), CUTS),
    "regression": RegressionGrid("x", "y", error_grid(np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 7.0]))),
}


def frames(draw: st.DrawFn) -> list[pl.DataFrame]:
    return [pl.DataFrame(draw(st.lists(EVENT, max_size=15)), schema=SCHEMA) for _ in range(draw(PARTS))]


def outcomes(task: str) -> Draw:
    def drawn(draw: st.DrawFn) -> tuple[list[State], State]:
        grid = OUTCOMES[task]
        return [grid.count(frame) for frame in frames(draw)], grid.empty()

    return drawn


def rankings(draw: st.DrawFn) -> tuple[list[State], State]:
    event = st.fixed_dictionaries({"shown": ITEMS | st.none(), "liked": ITEMS | st.none()})
    drawn = [pl.DataFrame(draw(st.lists(event, max_size=6)), schema=LIST_SCHEMA) for _ in range(draw(PARTS))]
    grid = RankingGrid.fit(drawn[0], "liked", "shown", k=3)
    return [grid.count(frame) for frame in drawn], grid.empty()


def profiles(draw: st.DrawFn) -> tuple[list[State], State]:
    """Whole profiles: columns with awkward names, an outcome, extras."""
    parts = frames(draw)
    grids = Grids(
        {"x/y": NumericGrid.fit(parts[0]["x"]), "": CategoricalGrid.fit(parts[0]["c"])},
        {"x/y": Source("x"), "": Source("c")},
        draw(st.none() | st.sampled_from(list(OUTCOMES.values()))),
        (RowRule("x", "<=", "y"), TimeSpan("x"), *draw(st.sampled_from([(), (Weighing("y"),)]))),
    )
    return [grids.count(frame) for frame in parts], grids.empty()


WEIGHT = st.floats(0.01, 100)


def weights(draw: st.DrawFn) -> tuple[list[State], State]:
    element = WEIGHT | st.sampled_from([0.0, -1.0, np.nan, np.inf]) | st.none()
    parts = [pl.DataFrame({"w": draw(st.lists(element, max_size=9))}, {"w": pl.Float64}) for _ in range(draw(PARTS))]
    return [Weighing("w").count(part) for part in parts], WeightSums()


def drawn_weights(draw: st.DrawFn, rows: int) -> Floats:
    return np.array(draw(st.lists(WEIGHT, min_size=rows, max_size=rows)), np.float64)


def weighted_columns(draw: st.DrawFn) -> tuple[list[State], State]:
    if draw(st.booleans()):
        numeric: Grid = NumericGrid.fit(pl.Series(draw(st.lists(FINITE, max_size=20)), dtype=pl.Float64))
        element = FINITE | st.none() | st.sampled_from([np.nan, np.inf, -np.inf, -0.0])
        return weighted_parts(draw, numeric, element, pl.Float64())
    categorical: Grid = CategoricalGrid.fit(pl.Series(draw(st.lists(TEXT, max_size=20)), dtype=pl.String))
    return weighted_parts(draw, categorical, TEXT, pl.String())


def weighted_parts(
    draw: st.DrawFn, grid: Grid, element: st.SearchStrategy[object], dtype: pl.DataType
) -> tuple[list[State], State]:
    parts = [pl.Series(draw(st.lists(element, max_size=12)), dtype=dtype) for _ in range(draw(PARTS))]
    none = weigh(grid, pl.Series([], dtype=dtype), np.zeros(0))
    return [weigh(grid, part, drawn_weights(draw, len(part))) for part in parts], none


def weighted_outcomes(task: str) -> Draw:
    def drawn(draw: st.DrawFn) -> tuple[list[State], State]:
        grid = OUTCOMES[task]
        return [grid.weigh(frame, drawn_weights(draw, frame.height)) for frame in frames(draw)], weightless(grid)

    return drawn


def weighted_rankings(draw: st.DrawFn) -> tuple[list[State], State]:
    event = st.fixed_dictionaries({"shown": ITEMS | st.none(), "liked": ITEMS | st.none()})
    drawn = [pl.DataFrame(draw(st.lists(event, max_size=6)), schema=LIST_SCHEMA) for _ in range(draw(PARTS))]
    grid = RankingGrid.fit(drawn[0], "liked", "shown", k=3)
    return [grid.weigh(frame, drawn_weights(draw, frame.height)) for frame in drawn], weightless(grid)


def weightless(grid: OutcomeGrid) -> State:
    return grid.weigh(pl.DataFrame(), np.zeros(0))


def joints(draw: st.DrawFn) -> tuple[list[State], State]:
    """What three columns do together: a number, one that is null at times, and categories."""
    parts = frames(draw)
    known = pl.DataFrame({"x": [1.0, 2.0, 5.0], "y": [None, 1.0, 2.0], "c": ["a", "b", "a"]})
    learned = [NumericGrid.learn(known["x"]), NumericGrid.learn(known["y"]), CategoricalGrid.learn(known["c"])]
    circles = [fit_circle(name, column) for name, column in zip("xyc", learned, strict=True)]
    joint = Joint(tuple(circle for circle in circles if circle is not None), ("x", "y"), rate=0.5)
    return [joint.count(frame) for frame in parts], JointSums.empty(3)


SPECIMENS: dict[str, Draw] = {
    "moments": moments,
    "sums": sums,
    "names": names,
    "column": columns,
    "binary": outcomes("binary"),
    "multiclass": outcomes("multiclass"),
    "regression": outcomes("regression"),
    "ranking": rankings,
    "profile": profiles,
    "joint": joints,
    "weights": weights,
    "weighted column": weighted_columns,
    "weighted binary": weighted_outcomes("binary"),
    "weighted multiclass": weighted_outcomes("multiclass"),
    "weighted regression": weighted_outcomes("regression"),
    "weighted ranking": weighted_rankings,
}
"""How to draw examples of each state. A new state needs a line here."""


def test_every_state_of_ours_is_put_to_the_test() -> None:
    """A new mergeable state without specimens fails here, so none goes unchecked."""
    for module in pkgutil.walk_packages(retrue.core.__path__, "retrue.core."):
        importlib.import_module(module.name)
    ours = {name for name, state in REGISTRY.items() if state.__module__.startswith("retrue.")}
    assert ours == set(SPECIMENS)


@pytest.mark.parametrize("state", SPECIMENS)
@settings(max_examples=25)
@given(data=st.data())
def test_a_state_keeps_the_laws(state: str, data: st.DataObject) -> None:
    states, empty = data.draw(st.composite(SPECIMENS[state])())
    laws.check_laws(states, empty)


@dataclass(frozen=True)
class Tally(State):
    """A counter with one number, for breaking one law at a time."""

    state: ClassVar[str] = "test tally"
    n: int = 0

    def __add__(self, other: Self) -> Self:
        return replace(self, n=self.n + other.n)

    def subtract(self, other: Self) -> Self:
        return replace(self, n=self.n - other.n)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {"n": np.array([self.n])}

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        return cls(int(fields["n"][0]))


@dataclass(frozen=True)
class Late(Tally):
    """Weighs the right operand: neither commutative nor associative."""

    state: ClassVar[str] = "test late"

    def __add__(self, other: Self) -> Self:
        return replace(self, n=self.n + 2 * other.n if other.n else self.n) if self.n else other


@dataclass(frozen=True)
class Sticky(Tally):
    """Doesn't give back what it took."""

    state: ClassVar[str] = "test sticky"

    def subtract(self, other: Self) -> Self:
        return self


@dataclass(frozen=True)
class Forgetful(Tally):
    """Comes back from storage as nothing."""

    state: ClassVar[str] = "test forgetful"

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        return cls()


@dataclass(frozen=True)
class Average(Tally):
    """Averages instead of adding: commutative, not associative, and empty counts."""

    state: ClassVar[str] = "test average"

    def __add__(self, other: Self) -> Self:
        return replace(self, n=(self.n + other.n) // 2)


@dataclass(frozen=True, eq=False)
class Greedy(State):
    """Adds into its left operand."""

    state: ClassVar[str] = "test greedy"
    counts: Ints

    def __add__(self, other: Self) -> Self:
        if other.counts.any():
            self.counts[:] += other.counts
        return type(self)(self.counts.copy())

    def subtract(self, other: Self) -> Self:
        return type(self)(self.counts - other.counts)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {"counts": self.counts}

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        return cls(np.asarray(fields["counts"], np.int64))

    def agrees(self, other: object) -> bool:
        return True


@dataclass(frozen=True)
class Nameless(Tally):
    """Isn't registered under a name of its own."""


def test_a_users_state_that_keeps_the_laws_passes() -> None:
    laws.check_laws([Tally(n) for n in (3, 4, 5, 6)], Tally())


@pytest.mark.parametrize(
    ("states", "law"),
    [
        ([Late(3), Late(4), Late(5)], "commutative"),
        ([Sticky(3), Sticky(4), Sticky(5)], "subtracting undoes adding"),
        ([Forgetful(3), Forgetful(4), Forgetful(5)], "fields bring back"),
        ([Average(3), Average(4), Average(5)], "empty is the identity"),
        ([Greedy(np.array([n])) for n in (1, 2, 3)], "operands unchanged"),
        ([Nameless(n) for n in (1, 2, 3)], "registered under its own name"),
    ],
)
def test_the_law_that_a_state_breaks_is_named(states: list[State], law: str) -> None:
    empty = (
        Greedy(np.array([0])) if isinstance(states[0], Greedy) else type(states[0]).from_fields({"n": np.array([0])})
    )
    with pytest.raises(ProfileError, match=law):
        laws.check_laws(states, empty)


def test_two_states_show_nothing() -> None:
    with pytest.raises(ProfileError, match="at least three"):
        laws.check_laws([Tally(1), Tally(2)], Tally())
