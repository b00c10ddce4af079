"""What columns do together: sums of random Fourier features of pairs of columns, which add up like counts.

    value --bin--> angle on a circle --> u = e^(i angle) / spread             one complex number for each column
    row   --> u_a conj(u_b) for each pair of columns, summed over rows        "products", in whole numbers

The angle of a number is its normal score in the reference (outliers don't rule) times a frequency, of a category a turn
of its own, and so of a missing value: e^(i angle) is the Fourier feature of a kernel (Rahimi and Recht 2007, "Random
features for large-scale kernel machines"), and products of two are those of the product kernel. Less the product of the
window's own means they are a cross-covariance of kernels' features, about a correlation, and 0 where two columns have
nothing to do with each other: what each does alone is taken out. Where there are more than `GROUPS` pairs, several
share a sum, with random signs (Charikar, Chen and Farach-Colton 2002, "Finding frequent items in data streams").

Everything is in whole numbers, so sums are the same on every machine and in any order, and subtract exactly. Only some
rows are read where a window has many: which ones depends on the row alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retrue.core.count import bin_sums
from retrue.core.extra import Counter
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.hashing import UInts, hash64, mix
from retrue.core.state import Bools, Fields, Floats, Ints, State
from retrue.core.values import number_rows

Complexes: TypeAlias = NDArray[np.complex128]

JOINT = "joint"
"""The extra of a profile that says what columns do together."""
UNIT = 128
"""Steps in which one column's feature is rounded: sums of whole numbers are exact."""
GROUPS = 256
"""The most sums of products; beyond so many pairs several share one."""
ALL = 1 << 64


@dataclass(frozen=True, eq=False)
class JointSums(State):
    """Sums over rows of what pairs of columns do together.

    Attributes:
        n: rows read.
        sums: int64[3, columns], the real and imaginary parts of u, in `UNIT`; the rows, of columns that have an order.
        products: int64[2, groups], those of u_a conj(u_b), in `UNIT` squared.
        energy: the sum of |u_a|^2 |u_b|^2 over rows and pairs: what one row alone adds to a squared distance.
    """

    state: ClassVar[str] = "joint"
    n: int
    sums: Ints
    products: Ints
    energy: float = 0.0

    @classmethod
    def empty(cls, columns: int) -> Self:
        """The state of no rows."""
        groups = pairs_of(columns).groups
        return cls(0, np.zeros((3, columns), np.int64), np.zeros((2, groups), np.int64))

    def __add__(self, other: Self) -> Self:
        sums, products = self.sums + other.sums, self.products + other.products
        return type(self)(self.n + other.n, sums, products, self.energy + other.energy)

    def subtract(self, other: Self) -> Self:
        sums, products = self.sums - other.sums, self.products - other.products
        return type(self)(self.n - other.n, sums, products, self.energy - other.energy)

    @property
    def columns(self) -> int:
        """How many columns it is about."""
        return int(self.sums.shape[1])

    @cached_property
    def dependence(self) -> Floats:
        """float64[2, groups]: how each group's columns hang together, the real and the imaginary part.

        The mean of u_a conj(u_b) less the product of the means: what the columns do one by one is taken out. A number
        that moves as a whole turns its u, and so its pairs: they are turned back, unless several share a sum.
        """
        pairs, means = pairs_of(self.columns), self.means
        alone = pairs.grouped(means[pairs.left] * means[pairs.right].conj())
        found = (self.products[0] + 1j * self.products[1]) / (max(self.n, 1) * UNIT * UNIT) - alone
        if pairs.alone:
            found = found * (self.turn[pairs.left] * self.turn[pairs.right].conj()).conj()
        return np.stack([found.real, found.imag])

    @property
    def means(self) -> Complexes:
        """complex128[columns]: the mean of u."""
        found: Complexes = (self.sums[0] + 1j * self.sums[1]) / (max(self.n, 1) * UNIT)
        return found

    @property
    def turn(self) -> Complexes:
        """complex128[columns]: where an ordered column's mean lies on the circle, 1 for the others; of length 1."""
        size = np.abs(self.means)
        known = (self.sums[2] > 0) & (size > 0)
        return np.where(known, self.means / np.where(known, size, 1.0), 1.0)

    def fields(self) -> dict[str, Ints | Floats | list[str]]:
        return {
            "n": np.array([self.n]),
            "sums": self.sums.ravel(),
            "products": self.products.ravel(),
            "energy": np.array([self.energy]),
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        sums, products = np.asarray(fields["sums"], np.int64), np.asarray(fields["products"], np.int64)
        sums, products = sums.reshape(3, -1), products.reshape(2, -1)
        return cls(int(np.asarray(fields["n"])[0]), sums, products, float(np.asarray(fields["energy"])[0]))


class Pairs(NamedTuple):
    """The pairs of so many columns.

    Attributes:
        left, right: int64[pairs], the columns of each.
        group: int64[pairs], the sum that it goes into.
        sign: float64[pairs], with which sign.
        groups: how many sums there are.
    """

    left: Ints
    right: Ints
    group: Ints
    sign: Floats
    groups: int

    @property
    def alone(self) -> bool:
        """Whether each pair has a sum of its own."""
        return self.groups == self.group.size

    def grouped(self, values: NDArray[Any]) -> NDArray[Any]:
        """[..., groups]: the signed sums of values [..., pairs] of the pairs."""
        if self.alone:
            return values
        order = np.argsort(self.group, kind="stable")
        starts = np.searchsorted(self.group[order], np.arange(self.groups))
        return np.asarray(np.add.reduceat((values * self.sign)[..., order], starts, axis=-1))

    def of_group(self, group: int) -> list[tuple[int, int]]:
        """The pairs that share a sum."""
        places = np.flatnonzero(self.group == group)
        return [(int(self.left[place]), int(self.right[place])) for place in places]


@lru_cache(maxsize=16)
def pairs_of(columns: int) -> Pairs:
    """Number the pairs of columns; where several share a sum, which ones is as good as random, and always the same."""
    left, right = np.triu_indices(columns, 1)
    if left.size <= GROUPS:
        return Pairs(left, right, np.arange(left.size), np.ones(left.size), left.size)
    bits = mix(np.arange(1, left.size + 1, dtype=np.uint64))
    group = np.empty(left.size, np.int64)
    group[np.argsort(bits, kind="stable")] = np.arange(left.size) % GROUPS
    return Pairs(left, right, group, np.where(bits & np.uint64(1), 1.0, -1.0), GROUPS)


@dataclass(frozen=True)
class Circle:
    """One column's bins as numbers: u of each bin, and of what isn't on the grid.

    Attributes:
        name: the column.
        cuts: of a number's grid; None for categories.
        categories: of a category's grid.
        real, imaginary: of u, in `UNIT`, by code: the grid's bins, then `SPECIALS`.
        middle: the reference's mean of u, a real number: angles are counted from it.
        cube: its mean of |u - middle|^3: how much its few extreme values weigh.
    """

    name: str
    cuts: tuple[float, ...] | None
    categories: tuple[str, ...]
    real: tuple[int, ...]
    imaginary: tuple[int, ...]
    middle: float
    cube: float

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """Read what JSON made of one."""
        cuts = None if content["cuts"] is None else tuple(content["cuts"])
        rest = {name: tuple(content[name]) for name in ("categories", "real", "imaginary")}
        return cls(content["name"], cuts, middle=content["middle"], cube=content["cube"], **rest)

    @cached_property
    def grid(self) -> Grid:
        """Its grid."""
        return CategoricalGrid(self.categories) if self.cuts is None else NumericGrid(np.array(self.cuts))

    @cached_property
    def table(self) -> Floats:
        """float64[codes, 2]: u of each code."""
        return np.column_stack([self.real, self.imaginary]).astype(np.float64)

    @property
    def reach(self) -> float:
        """The largest |u - middle|."""
        return float(np.hypot(self.table[:, 0] / UNIT - self.middle, self.table[:, 1] / UNIT).max())

    def of(self, series: pl.Series) -> Floats:
        """float64[rows, 2]: u of each row, in `UNIT`."""
        return self.table[self.grid.codes(series)]


@dataclass(frozen=True)
class Joint(Counter):
    """Counts what columns do together; made by `retrue.core.joint_fit.fit_joint`.

    Attributes:
        circles: the columns.
        keys: the columns that decide which rows are read: the id as text, or some numbers; none: all rows are.
        rate: the share of the rows that is read.
        covariance: trace, Frobenius norm and largest eigenvalue of the covariance of one row's products.
        spread: standard deviations of one row's products, real parts then imaginary ones.
    """

    kind: ClassVar[str] = "joint"
    of_windows: ClassVar[bool] = True
    circles: tuple[Circle, ...]
    keys: tuple[str, ...] = ()
    by_text: bool = False
    rate: float = 1.0
    covariance: tuple[float, float, float] = (0.0, 0.0, 0.0)
    spread: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        given: tuple[Any, ...] = self.circles  # as JSON has them, where the counter is read
        circles = tuple(one if isinstance(one, Circle) else Circle.read(one) for one in given)
        object.__setattr__(self, "circles", circles)
        for name in ("keys", "covariance", "spread"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def name(self) -> str:
        return JOINT

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that it tells of."""
        return tuple(circle.name for circle in self.circles)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.names, *self.keys]))

    @cached_property
    def reach(self) -> Floats:
        """float64[groups]: the largest |u_a conj(u_b)| of a row."""
        return self.multiplied(np.array([circle.reach for circle in self.circles]))

    @cached_property
    def cubes(self) -> Floats:
        """float64[groups]: the mean of |u_a conj(u_b)|^3, were columns independent."""
        return self.multiplied(np.array([circle.cube for circle in self.circles]))

    def multiplied(self, values: Floats) -> Floats:
        """float64[groups]: the sums over pairs of the product of their columns' values."""
        pairs = pairs_of(len(self.circles))
        return bin_sums(pairs.group, values[pairs.left] * values[pairs.right], pairs.groups)

    def count(self, frame: pl.DataFrame) -> JointSums:
        return self.total(self.features(frame.filter(pl.Series(self.read(frame)))))

    def count_groups(self, frame: pl.DataFrame, groups: Sequence[Ints]) -> list[State]:
        read = self.read(frame)
        kept = [rows[read[rows]] for rows in groups]
        rows = np.concatenate(kept) if kept else np.zeros(0, np.int64)
        features = self.features(frame.select(self.names)[rows])
        ends = np.cumsum([part.size for part in kept])
        return [self.total(features[:, end - part.size : end]) for part, end in zip(kept, ends, strict=True)]

    def read(self, frame: pl.DataFrame) -> Bools:
        """bool[rows]: the rows that are read."""
        if self.rate >= 1 or not self.keys:
            return np.ones(frame.height, np.bool_)
        return hashes(frame.select(self.keys), by_text=self.by_text) < np.uint64(int(self.rate * ALL))

    def features(self, frame: pl.DataFrame) -> Floats:
        """float64[2, rows, columns]: u of each row and column, real and imaginary parts, in `UNIT`."""
        found = np.empty((2, frame.height, len(self.circles)))
        for place, circle in enumerate(self.circles):
            found[:, :, place] = circle.of(frame[circle.name]).T
        return found

    def total(self, features: Floats) -> JointSums:
        """Sum over the rows of `features`, float64[2, rows, columns]: exact, as all are whole numbers."""
        real, imaginary = features
        both = np.concatenate([real, imaginary], axis=1)
        gram, k = both.T @ both, len(self.circles)
        rr, ri, ii = gram[:k, :k], gram[:k, k:], gram[k:, k:]
        pairs = pairs_of(k)
        a, b = pairs.left, pairs.right
        products = pairs.grouped(np.stack([rr[a, b] + ii[a, b], ri[b, a] - ri[a, b]]))
        rows, ordered = real.shape[0], np.array([circle.cuts is not None for circle in self.circles])
        sums = np.stack([real.sum(axis=0), imaginary.sum(axis=0), rows * ordered])
        return JointSums(rows, sums.astype(np.int64), np.rint(products).astype(np.int64), self.energy(features))

    def energy(self, features: Floats) -> float:
        """The sum over rows and pairs of |u_a - middle|^2 |u_b - middle|^2."""
        middle = np.array([circle.middle for circle in self.circles])
        squares = (features[0] / UNIT - middle) ** 2 + (features[1] / UNIT) ** 2
        return float((squares.sum(axis=1) ** 2 - (squares * squares).sum(axis=1)).sum()) / 2


def hashes(frame: pl.DataFrame, *, by_text: bool) -> UInts:
    """uint64[rows]: a hash of each row that depends on its values alone; columns are read as text, or as numbers."""
    found = np.zeros(frame.height, np.uint64)
    for series in frame:
        if by_text:
            own = hash64(series.cast(pl.String, strict=False)).fill_null(0).to_numpy().view(np.uint64)
        else:
            own = (number_rows(series).fill_null(0.0).to_numpy() + 0.0).view(np.uint64)
        found = mix(found * np.uint64(31) + own)
    return found
