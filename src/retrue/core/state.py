"""Mergeable states: values that add up, so that parts make the whole.

A state is a commutative monoid: `a + b` is associative and commutative, `empty()` changes nothing, and the state of
two batches is the sum of their states. Integers are exact, floats agree to rounding. Every concrete state registers
itself by name; the laws in `tests/core/test_laws.py` run over the registry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrue.errors import ProfileError

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Counts: TypeAlias = NDArray[Any]
"""Rows in each cell: whole numbers, or sums of weights (`retrue.core.weighted`)."""
Fields: TypeAlias = Mapping[str, Ints | Floats | list[str]]

RELATIVE = 1e-9
"""Floats of two equal states may differ by this share: sums depend on the order of adding."""

REGISTRY: dict[str, type[State]] = {}
"""Every concrete state by name: serialisation and the law tests read it."""


class State(ABC):
    """A mergeable state. Concrete subclasses are frozen dataclasses with a class variable `state`.

    Fields hold integers, floats and texts as flat arrays, so that one format stores every state there will ever be.
    """

    state: ClassVar[str]

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        name = cls.__dict__.get("state")
        if name is None:
            return
        if name in REGISTRY and REGISTRY[name].__qualname__ != cls.__qualname__:
            raise ProfileError(f"two states are called {name!r}", hint="give yours another name")
        REGISTRY[name] = cls

    @abstractmethod
    def __add__(self, other: Self) -> Self:
        """Add up: the state of both sets of events together."""

    @abstractmethod
    def subtract(self, other: Self) -> Self:
        """Take away what was added: exact for counts, to rounding for sums; minima and maxima stay."""

    def __sub__(self, other: Self) -> Self:
        """Take away what was added, as `subtract` does.

        >>> (Sums.of(np.array([1.0, 4.0])) - Sums.of(np.array([4.0]))).total
        1.0
        """
        return self.subtract(other)

    @abstractmethod
    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        """Give the content as named arrays of integers, floats or texts."""

    @classmethod
    @abstractmethod
    def from_fields(cls, fields: Fields) -> Self:
        """Rebuild the state that `fields` came from."""

    def agrees(self, other: object) -> bool:
        """Tell whether both hold the same: counts and texts exactly, floats within `RELATIVE`."""
        if not isinstance(other, type(self)):
            return False
        mine, theirs = self.fields(), other.fields()
        return mine.keys() == theirs.keys() and all(same(mine[k], theirs[k]) for k in mine)


def same(a: Ints | Floats | list[str], b: Ints | Floats | list[str]) -> bool:
    """Compare two fields: floats within `RELATIVE` of the larger one's scale, everything else exactly.

    >>> same(np.array([1.0]), np.array([1.0 + 1e-13])), same(np.array([1]), np.array([2]))
    (True, False)
    """
    if isinstance(a, list) or isinstance(b, list):
        return list(a) == list(b)
    if a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    finite = np.abs(a[np.isfinite(a)])
    scale = float(finite.max()) if finite.size else 0.0
    return bool(np.allclose(a, b, rtol=RELATIVE, atol=RELATIVE * scale, equal_nan=True))


def counted(value: object) -> Counts:
    """Read counts back: whole numbers as int64, sums of weights as float64.

    >>> counted([1, 2]).dtype.name, counted([0.5]).dtype.name
    ('int64', 'float64')
    """
    found = np.asarray(value)
    return found.astype(np.float64 if found.dtype.kind == "f" and found.size else np.int64, copy=False)


def added(counts: Counts) -> float:
    """All rows: a whole number where counts are."""
    total: float = counts.sum().item()
    return total


def near(a: float, b: float, slack: float) -> bool:
    """Tell whether two floats differ by at most `slack`; infinite or undefined ones agree with their like."""
    return a == b or abs(a - b) <= slack or not (abs(a) < float("inf") or abs(b) < float("inf"))


def mean_and_m2(values: Floats) -> tuple[float, float]:
    """Mean and sum of squared deviations of finite values (at least one); M2 is infinite where squares overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(values.mean())
        if abs(mean) == float("inf") or mean != mean:  # noqa: PLR0124 - NaN: sums of both signs overflowed
            mean = float((values / values.size).sum())
        off = values - mean
        off *= off
        return mean, float(off.sum())


def weighted_mean_and_m2(values: Floats, weights: Floats) -> tuple[float, float]:
    """The same of finite values (at least one) with weights above 0.

    >>> weighted_mean_and_m2(np.array([1.0, 4.0]), np.array([2.0, 1.0]))
    (2.0, 6.0)
    """
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float((values * (weights / weights.sum())).sum())
        off = values - mean
        off *= off
        off *= weights
        return mean, float(off.sum())


@dataclass(frozen=True)
class Moments(State):
    """Count, mean, sum of squared deviations, minimum and maximum of finite values.

    Merged by Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise algorithm for computing sample
    variances", equation 2.1.

    >>> Moments.of(np.array([1.0, 2.0])) + Moments.of(np.array([3.0]))
    Moments(n=3, mean=2.0, m2=2.0, min=1.0, max=3.0)
    """

    state: ClassVar[str] = "moments"
    n: float = 0
    mean: float = 0.0
    m2: float = 0.0
    min: float = float("inf")
    max: float = float("-inf")

    @classmethod
    def of(cls, values: Floats, weights: Floats | None = None) -> Self:
        """Take the moments of finite `values` (any length), with `weights` above 0 of as many: n is then their sum."""
        if values.size == 0:
            return cls()
        if weights is not None:
            ends = float(values.min()) + 0.0, float(values.max()) + 0.0
            return cls(float(weights.sum()), *weighted_mean_and_m2(values, weights), *ends)
        mean, m2 = mean_and_m2(values)
        # Adding 0.0 turns -0.0 into 0.0.
        return cls(values.size, mean, m2, float(values.min()) + 0.0, float(values.max()) + 0.0)

    def __add__(self, other: Self) -> Self:
        n = self.n + other.n
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        step = other.mean - self.mean
        mean = self.mean + step * (other.n / n)
        if abs(step) == float("inf"):
            mean = self.mean * (self.n / n) + other.mean * (other.n / n)
        m2 = self.m2 + other.m2 + step * step * (self.n * (other.n / n))
        return type(self)(n, mean, m2, min(self.min, other.min), max(self.max, other.max))

    def subtract(self, other: Self) -> Self:
        n = self.n - other.n
        if n <= 0:
            return type(self)()
        mean = (self.n * self.mean - other.n * other.mean) / n
        step = other.mean - mean
        m2 = self.m2 - other.m2 - step * step * (n * (other.n / self.n))
        return type(self)(n, mean, max(m2, 0.0), self.min, self.max)

    def scaled(self, factor: float) -> Self:
        """The same values, each counted `factor` times."""
        return replace(self, n=self.n * factor, m2=self.m2 * factor)

    @property
    def variance(self) -> float | None:
        """Population variance (divided by n), None without values."""
        return self.m2 / self.n if self.n else None

    @property
    def std(self) -> float | None:
        """Population standard deviation, None without values."""
        return (self.m2 / self.n) ** 0.5 if self.n else None

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {"n": np.array([self.n]), "moments": np.array([self.mean, self.m2, self.min, self.max])}

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        mean, m2, low, high = (float(x) for x in fields["moments"])
        return cls(counted(fields["n"]).item(), mean, m2, low, high)

    def agrees(self, other: object) -> bool:
        # m2 is judged on the scale of n * mean^2, where its rounding comes from.
        if not isinstance(other, Moments) or (self.min, self.max) != (other.min, other.max):
            return False
        if not same(np.array([self.n]), np.array([other.n])):
            return False
        scale = max(abs(self.min), abs(self.max)) if self.n else 0.0
        slack = RELATIVE * max(self.m2, self.n * scale * scale * 1e-3)
        return abs(self.mean - other.mean) <= RELATIVE * scale and near(self.m2, other.m2, slack)


@dataclass(frozen=True)
class Sums(State):
    """Count, sum and sum of squares of a per-event value: its mean and the mean's standard error.

    >>> s = Sums.of(np.array([1.0, 3.0])); (s.mean, round(s.standard_error, 3))
    (2.0, 1.0)
    """

    state: ClassVar[str] = "sums"
    n: float = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Floats, weights: Floats | None = None) -> Self:
        """Sum finite `values` (any length), each times its weight where there are `weights`: n is then their sum."""
        # Values near the largest float give infinite sums: they are told as no value, not as a warning.
        with np.errstate(over="ignore", invalid="ignore"):
            if weights is not None:
                parts = values * weights
                return cls(float(weights.sum()), float(parts.sum()), float((parts * values).sum()))
            return cls(values.size, float(values.sum()), float((values * values).sum()))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.n + other.n, self.total + other.total, self.squares + other.squares)

    def subtract(self, other: Self) -> Self:
        return type(self)(self.n - other.n, self.total - other.total, self.squares - other.squares)

    def scaled(self, factor: float) -> Self:
        """The same values, each counted `factor` times."""
        return type(self)(self.n * factor, self.total * factor, self.squares * factor)

    @property
    def mean(self) -> float | None:
        """The mean, None without values."""
        return self.total / self.n if self.n else None

    @property
    def standard_error(self) -> float | None:
        """Standard error of the mean (sample variance over n), None below two values."""
        if self.n < 2:
            return None
        variance = max(self.squares - self.total * self.total / self.n, 0.0) / (self.n - 1)
        return float((variance / self.n) ** 0.5)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {"n": np.array([self.n]), "sums": np.array([self.total, self.squares])}

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        return cls(counted(fields["n"]).item(), float(fields["sums"][0]), float(fields["sums"][1]))


NAMES_KEPT = 256
"""How many distinct names `Names` counts exactly."""


@dataclass(frozen=True)
class Names(State):
    """The most frequent values by name, with counts.

    Exact while no more than `NAMES_KEPT` are distinct. Beyond that a mergeable Misra-Gries summary (Agarwal et al.
    2012, "Mergeable summaries", section 3): every count is too low by at most `lost`, and every value with more than
    `lost` occurrences is there, in whatever order parts were added.

    >>> (Names({"a": 2}) + Names({"a": 1, "b": 1})).counts
    {'a': 3, 'b': 1}
    """

    state: ClassVar[str] = "names"
    counts: Mapping[str, float] = field(default_factory=dict)
    lost: float = 0

    def __add__(self, other: Self) -> Self:
        if not other.counts and not other.lost:
            return self
        counts = dict(self.counts)
        for name, count in other.counts.items():
            counts[name] = counts.get(name, 0) + count
        return type(self)(*trim(counts, self.lost + other.lost))

    def subtract(self, other: Self) -> Self:
        counts = {name: count - other.counts.get(name, 0) for name, count in self.counts.items()}
        return type(self)(*trim({k: v for k, v in counts.items() if v > 0}, self.lost))

    def scaled(self, factor: float) -> Self:
        """The same names, each counted `factor` times."""
        return type(self)({name: count * factor for name, count in self.counts.items()}, self.lost * factor)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {
            "names": list(self.counts),
            "counts": counted(list(self.counts.values())),
            "lost": np.array([self.lost]),
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        names = [str(name) for name in fields["names"]]
        counts = counted(fields["counts"]).tolist()
        return cls(dict(zip(names, counts, strict=True)), counted(fields["lost"]).item())

    def agrees(self, other: object) -> bool:
        if not isinstance(other, Names):
            return False
        slack = max(self.lost, other.lost)
        if any(isinstance(count, float) for count in self.counts.values()):
            slack += RELATIVE * max(self.counts.values())
        names = self.counts.keys() | other.counts.keys()
        return all(abs(self.counts.get(n, 0) - other.counts.get(n, 0)) <= slack for n in names)


def trim(counts: dict[str, float], lost: float) -> tuple[dict[str, float], float]:
    """Order by count then name, and cut to `NAMES_KEPT` names, taking the first dropped count off all the others."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if len(ranked) <= NAMES_KEPT:
        return dict(ranked), lost
    cut = ranked[NAMES_KEPT][1]
    return {name: count - cut for name, count in ranked[:NAMES_KEPT] if count > cut}, lost + cut
