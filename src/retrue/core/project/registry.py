"""The registry of projections: what each is called, which kinds of columns it is for, and what computes it.

A `Projection` is one number (or category) for each row. Those that share work are one `Family`, which computes them in
one go and may learn something from the reference first. Register one of your own with the decorator `projection`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import polars as pl

from retrue.core.state import Fields
from retrue.errors import ProfileError, SchemaError, nearest
from retrue.schema import Column, Kind

Compute: TypeAlias = Callable[[pl.Series, Fields], Mapping[str, pl.Series]]
"""From a batch of a column and what was learned of it, to the values of each projection by name."""
Learn: TypeAlias = Callable[[pl.Series, Kind], Fields]
"""From a reference column and its kind to what is learned of it: flat arrays and lists of texts by name."""


@dataclass(frozen=True)
class Family:
    """Projections that are computed in one go, because they share the work.

    Attributes:
        name: of the family.
        kinds: of columns that it is for.
        compute: gives the values of each of its projections; keeps length and nulls. What a row is (a number, NaN, a
            null) depends on that row alone, never on the batch that it came with.
        learn: what is learned of a reference column, once; None where there is nothing to learn.
        version: of what is learned; a reader refuses a newer one.
    """

    name: str
    kinds: frozenset[Kind]
    compute: Compute
    learn: Learn | None = None
    version: int = 1


@dataclass(frozen=True)
class Projection:
    """A named way to turn a column into numbers.

    Attributes:
        name: as in `comment.words`.
        family: what computes it.
        description: what it is, in one line.
        says: how a verdict words its mean, after the number ("of words were never seen"); "" where a mean says little.
        share: whether its values are shares, which read as percentages.
        categorical: whether its values are categories.
        default: whether columns of its kinds get it unless projections are named.
        strange: where "more" (or "less") of it means further from the reference, so that a move the other way is no
            alarm; "" where both ways are.
    """

    name: str
    family: Family
    description: str
    says: str = ""
    share: bool = False
    categorical: bool = False
    default: bool = True
    strange: Literal["more", "less", ""] = ""

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds of columns that it is for."""
        return self.family.kinds


REGISTRY: dict[str, Projection] = {}
"""Every projection by name."""


def register(*projections: Projection) -> None:
    """Add projections to the registry.

    Raises:
        ProfileError: a projection of that name exists.
    """
    for one in projections:
        if one.name in REGISTRY:
            raise ProfileError(f"two projections are called {one.name!r}", hint="give yours another name")
        REGISTRY[one.name] = one


def projection(
    name: str,
    *kinds: Kind,
    fit: Callable[[pl.Series], Fields] | None = None,
    says: str = "",
    share: bool = False,
    categorical: bool = False,
    default: bool = True,
) -> Callable[[Callable[..., pl.Series]], Callable[..., pl.Series]]:
    """Register a function as the projection `name` of columns of `kinds`.

    The function takes a column and gives as many values; a row's value may depend on that row alone. With `fit`, it
    takes what `fit` learned of the reference as its second argument. One that raises makes its own column not
    comparable, with the reason, and costs nothing else.

    Args:
        name: what it is called; must not be taken.
        kinds: of columns that it is for.
        fit: learns from the reference column (nulls included), once: one-dimensional NumPy arrays of numbers and lists
            of texts by name, which are stored with the model.
        says: how a verdict words its mean, after the number: "exclamation marks on average".
        share: its values are shares, which read as percentages.
        categorical: its values are categories, not numbers.
        default: columns of its kinds get it unless they name their projections.

    Raises:
        ProfileError: a projection of that name exists.

    >>> @projection("exclamation_marks", Kind.TEXT, says="exclamation marks on average")
    ... def exclamation_marks(series: pl.Series) -> pl.Series:
    ...     "Number of exclamation marks."
    ...     return series.str.count_matches("!")
    >>> REGISTRY.pop("exclamation_marks").description
    'Number of exclamation marks.'
    """

    def registered(function: Callable[..., pl.Series]) -> Callable[..., pl.Series]:
        def compute(series: pl.Series, learned: Fields) -> dict[str, pl.Series]:
            return {name: function(series) if fit is None else function(series, learned)}

        def learn(series: pl.Series, _kind: Kind) -> Fields:
            return {} if fit is None else fit(series)

        family = Family(name, frozenset(kinds), compute, None if fit is None else learn)
        described = (function.__doc__ or name).strip().split("\n")[0]
        register(Projection(name, family, described, says, share, categorical, default))
        return function

    return registered


def of_kind(kind: Kind) -> list[Projection]:
    """The projections that columns of `kind` get unless they name theirs."""
    return [one for one in REGISTRY.values() if kind in one.kinds and one.default]


def chosen(column: Column) -> list[Projection]:
    """The projections of a column: those it names, or the default ones of its kind.

    Raises:
        SchemaError: an unknown projection, or one that isn't for columns of that kind.
    """
    if column.projections is None:
        return of_kind(column.kind)
    return [named(name, column) for name in dict.fromkeys(column.projections)]


def named(name: str, column: Column) -> Projection:
    """The projection called `name`, for this column.

    Raises:
        SchemaError: there is none, or it isn't for columns of that kind.
    """
    where, fitting = f"column {column.name!r}", [p.name for p in REGISTRY.values() if column.kind in p.kinds]
    expected: Any = ", ".join(fitting) or f"none: a {column.kind} column has no projections"
    if name not in REGISTRY:
        hint = nearest(name, fitting) or "import the module that registers it"
        raise SchemaError(f"unknown projection {name!r}", where=where, expected=expected, hint=hint)
    if column.kind not in REGISTRY[name].kinds:
        kinds = " or ".join(sorted(REGISTRY[name].kinds))
        what = f"projection {name!r} is for {kinds} columns, and this one is {column.kind}"
        raise SchemaError(what, where=where, expected=expected, hint="set another kind where the guess is wrong")
    return REGISTRY[name]
