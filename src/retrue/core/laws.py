"""The laws that every mergeable state keeps, checked on examples: for our own states, and for yours.

A profile is only as good as its states' additions: windows, slices and machines are put together in any order. Call
`check_laws` in the test of a state of your own, with a few states that differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import reduce
from operator import add
from typing import TypeVar

import numpy as np

from retrue.core.profile import bytes_to_frame, fields_to_frame, frame_to_bytes, frame_to_fields
from retrue.core.state import REGISTRY, Fields, State, same
from retrue.errors import ProfileError

S = TypeVar("S", bound=State)


def check_laws(states: Sequence[S], empty: S) -> None:
    """Check the laws of a state: identity, associativity, commutativity, fold, subtraction, purity, round trip.

    Args:
        states: at least three states of events that differ, which may be added up.
        empty: the state of no events.

    Raises:
        ProfileError: a law is broken; says which, and by what.

    >>> from retrue.core.state import Sums
    >>> check_laws([Sums.of(np.arange(n, dtype=float)) for n in (3, 4, 5)], Sums())
    """
    if len(states) < 3:
        raise ProfileError(f"{len(states)} states can't show the laws", expected="at least three")
    before = [deepcopy(dict(state.fields())) for state in (*states, empty)]
    check_registration(states[0])
    check_addition(states, empty)
    check_subtraction(states)
    for state in (*states, empty):
        check_round_trip(state)
    for state, fields in zip((*states, empty), before, strict=True):
        hold(unchanged(fields, state.fields()), state, "adding leaves the operands unchanged")


def check_registration(state: State) -> None:
    """The state is registered under its name, or no reader would find it."""
    hold(REGISTRY.get(state.state) is type(state), state, "a state is registered under its own name")


def check_addition(states: Sequence[State], empty: State) -> None:
    """Identity, commutativity and associativity on the states, and fold in any grouping."""
    for state in states:
        hold(state.agrees(state), state, "a state agrees with itself")
        hold((state + empty).agrees(state) and (empty + state).agrees(state), state, "empty is the identity: a + 0 = a")
    a, b, c = states[:3]
    hold((a + b).agrees(b + a), a, "addition is commutative: a + b = b + a")
    hold(((a + b) + c).agrees(a + (b + c)), a, "addition is associative: (a + b) + c = a + (b + c)")
    whole = reduce(add, states, empty)
    hold(in_pairs(list(states)).agrees(whole), a, "folding parts in pairs gives the whole")
    hold(reduce(add, reversed(states)).agrees(whole), a, "folding backwards gives the whole")


def in_pairs(states: list[State]) -> State:
    """Add up neighbours, then their sums: the order of a cluster."""
    if len(states) == 1:
        return states[0]
    half = len(states) // 2
    return in_pairs(states[:half]) + in_pairs(states[half:])


def check_subtraction(states: Sequence[State]) -> None:
    """What was added can be taken away: counts exactly (sums to rounding; minima and maxima stay)."""
    a, b = states[:2]
    left = (a + b).subtract(b)
    mine, theirs = left.fields(), a.fields()
    counts = [name for name, value in theirs.items() if not isinstance(value, list) and value.dtype.kind in "iu"]
    exact = mine.keys() == theirs.keys() and all(same(mine[name], theirs[name]) for name in counts)
    hold(exact or left.agrees(a), a, "subtracting undoes adding for counts: (a + b) - b = a")


def check_round_trip(state: State) -> None:
    """A state survives its own fields, and the stored form."""
    stored = frame_to_fields(bytes_to_frame(frame_to_bytes(fields_to_frame(state.fields()))))
    for what, fields in (("fields", state.fields()), ("bytes", stored)):
        hold(type(state).from_fields(fields).agrees(state), state, f"{what} bring back the state they came from")


def unchanged(before: Fields, after: Fields) -> bool:
    """Whether two sets of fields are the same to the last bit."""
    return before.keys() == after.keys() and all(
        value == after[name]
        if isinstance(value, list)
        else np.array_equal(value, np.asarray(after[name]), equal_nan=value.dtype.kind == "f")
        for name, value in before.items()
    )


def hold(kept: bool, state: State, law: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise ProfileError unless the law is kept."""
    if not kept:
        raise ProfileError(f"the state {state.state!r} breaks a law", expected=law)
