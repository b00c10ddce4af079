"""Templates: what each shape looks like in time, made ready once for all columns that share their windows.

    times, rows ──> columns (steps, slopes, decays, waves) ──> x 13 kinds of noise: V^-1 without the mean, norms

A template is one column, the difference of two (a box is a step less a later one, a slope that ends is one less
another), or a few together (a wave with its second harmonic; a step with a decay on top). Noise is sampling noise plus
wander, V = D + r AR(phi) (a first-order autoregression, Box and Jenkins 1970): how much and how lasting isn't known, so
that each template is tried under all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from retrue.core.state import Bools, Floats, Ints

WANDER = (0.3, 1.0, 3.0, 10.0)
"""r: the variance of the wander, in sampling variances."""
LASTING = {0.4: 1.0, 0.85: 1.0, 0.95: 0.2}
"""phi: the share of the wander that the next window keeps, and how likely each is at the outset."""
STILL = 0.5
"""How likely it is at the outset that nothing wanders."""
FADING = (1 / 32, 1 / 16, 1 / 8, 1 / 4)
"""How long a jump takes to decay to 1/e, as a share of all windows."""
SHORTEST = 0.1
"""A slope that takes less than this share of the windows (5 at least) is a jump."""
WIDER = 1.2
"""Slopes that end are tried in lengths that grow by this factor; stretches in all."""
PERIODS = (86_400.0, 7 * 86_400.0)
"""Seconds of the periods that people and machines have: a day, a week."""
TURNS = 3
"""A period is only looked for in so many of its turns."""


class ShapeKind(StrEnum):
    """What a column did over time."""

    SUDDEN = "sudden"
    GRADUAL = "gradual"
    PERIODIC = "periodic"
    TEMPORARY = "temporary"
    DECAYING = "decaying"
    STABLE = "stable"
    NOT_COMPARABLE = "not_comparable"


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Templates of one kind and build, [L].

    Attributes:
        kind: what they stand for.
        columns: int64[L, q], the columns of `Templates.basis` that each fits together.
        less: int64[L], the column that is taken off a single one (the last one is zero).
        start: int64[L], the first window of the shape; -1 where it has none.
        stop: int64[L], the first window after it; T where it lasts.
        fade: float64[L], windows after which 1/e of it is left; 0 where it doesn't fade.
        period: seconds; 0 where it doesn't repeat.
    """

    kind: ShapeKind
    columns: Ints
    less: Ints
    start: Ints
    stop: Ints
    fade: Floats
    period: float = 0.0

    @property
    def size(self) -> int:
        """How many templates there are."""
        return int(self.start.size)

    @property
    def width(self) -> int:
        """How many columns each has."""
        return int(self.columns.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """One kind of noise.

    Attributes:
        precision: float64[T, T], V^-1 with the mean taken out.
        projected: float64[T, M], `precision` times the basis.
        level: what the log-likelihood has besides the residuals: log determinants and how likely this noise is.
        grams: for each family float64[L, q, q], the inverse of its columns' Gram matrix.
    """

    precision: Floats
    projected: Floats
    level: float
    grams: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """Everything that is tried on a series of windows.

    Attributes:
        basis: float64[T, M], the columns; the last one is zero.
        families: the templates.
        noises: the kinds of noise, none but sampling first.
    """

    basis: Floats
    families: tuple[Family, ...]
    noises: tuple[Noise, ...]

    def columns(self, family: int, place: int) -> Floats:
        """float64[T, q]: the columns of one template."""
        of = self.families[family]
        return self.basis[:, of.columns[place]] - self.basis[:, of.less[place]][:, None]


def templates_for(starts: Floats, rows: Floats) -> Templates:
    """Make the templates for windows that start at these seconds and hold so many rows.

    Rows are rounded to powers of the root of two, so that the columns of a model share their templates.
    """
    usual = float(np.median(np.diff(starts)))
    times = tuple(np.round((starts - starts[0]) / usual, 3).tolist())
    uneven = 2.0 ** (np.round(2 * np.log2(np.median(rows) / rows)) / 2)
    return made(times, tuple(uneven.tolist()), usual)


@lru_cache(maxsize=2)
def made(times: tuple[float, ...], uneven: tuple[float, ...], usual: float) -> Templates:
    """Make templates; two sets are kept, some 30 MB each for 200 windows."""
    t = np.array(times)
    parts = [steps(t), slopes(t), *(decays(t, tau) for tau in fading(t))]
    waves_, families = [], [*single_families(t, parts)]
    at = sum(part.shape[1] for part in parts)
    for period in periods(t, usual):
        wave = waves(t, period / usual)
        columns = (at + np.arange(wave.shape[1]))[None, :]
        one = np.array([-1])
        families.append(Family(ShapeKind.PERIODIC, columns, one, one, np.array([t.size]), np.zeros(1), period))
        waves_.append(wave)
        at += wave.shape[1]
    basis = np.hstack([*parts, *waves_, np.zeros((t.size, 1))])
    noises = tuple(noise_of(basis, families, v, weight) for v, weight in covariances(t, np.array(uneven)))
    return Templates(basis, tuple(families), noises)


# --- columns ---------------------------------------------------------------------------------------------------------


def steps(t: Floats) -> Floats:
    """One from a window on, [T, T - 1]; the first begins at the second window."""
    return (t[:, None] >= t[None, 1:]).astype(np.float64)


def slopes(t: Floats) -> Floats:
    """Rises from a window on, [T, T - 1]."""
    return np.asarray(np.maximum(t[:, None] - t[None, :-1], 0.0) / max(t[-1], 1.0), np.float64)


def decays(t: Floats, tau: float) -> Floats:
    """Jumps at a window and fades, [T, T - 1]."""
    age = t[:, None] - t[None, 1:]
    return np.where(age >= 0, np.exp(-np.maximum(age, 0.0) / tau), 0.0)


def waves(t: Floats, period: float) -> Floats:
    """A wave and, where the windows are short enough to tell, its second harmonic, [T, 2 or 4]."""
    turns = [2 * math.pi * t / period * harmonic for harmonic in ((1, 2) if period >= 5 else (1,))]
    return np.stack([wave(turn) for turn in turns for wave in (np.sin, np.cos)], axis=1)


def fading(t: Floats) -> list[float]:
    """The times in which a decay is tried, in windows."""
    return [max(share * t[-1], 1.0) for share in FADING]


def periods(t: Floats, usual: float) -> list[float]:
    """The periods that so many windows of this length can show, in seconds."""
    return [period for period in PERIODS if period >= 3 * usual and t[-1] * usual >= (TURNS - 0.1) * period]


# --- templates -------------------------------------------------------------------------------------------------------


def single_families(t: Floats, parts: list[Floats]) -> Iterator[Family]:
    """Jumps, slopes, stretches, decays, and jumps that decay in part."""
    count = t.size - 1  # columns of each part
    zero, none = np.full(count, -1), np.zeros(count)
    at, end = np.arange(count), np.full(count, t.size)
    shortest = max(5, round(SHORTEST * t.size))
    yield Family(ShapeKind.SUDDEN, at[:, None], zero, at + 1, end, none)
    rising = at[: max(t.size - shortest, 0)]
    yield Family(
        ShapeKind.GRADUAL, count + rising[:, None], zero[: rising.size], rising, end[: rising.size], none[: rising.size]
    )
    a, b = stretches(count, shortest)
    yield Family(ShapeKind.GRADUAL, count + a[:, None], count + b, a, b, np.zeros(a.size))
    a, b = np.triu_indices(count, 1)
    yield Family(ShapeKind.TEMPORARY, a[:, None], b, a + 1, b + 1, np.zeros(a.size))
    decayed = np.arange(2 * count, len(parts) * count)
    starts, fade = np.tile(at, len(FADING)), np.repeat(fading(t), count)
    # Nobody can say of a jump that it fades before most of it is gone.
    able = count - starts >= np.maximum(fade, 5)
    starts, fade, decayed = starts[able], fade[able], decayed[able]
    ends, zero = np.full(starts.size, t.size), np.full(starts.size, -1)
    yield Family(ShapeKind.DECAYING, decayed[:, None], zero, starts + 1, ends, fade)
    yield Family(ShapeKind.DECAYING, np.stack([starts, decayed], axis=1), zero, starts + 1, ends, fade)


def stretches(count: int, shortest: int) -> tuple[Ints, Ints]:
    """First and last place of the slopes that are tried: everywhere, in lengths that grow by a factor."""
    lengths, length = [], float(shortest)
    while length < count:
        lengths.append(round(length))
        length = max(length * WIDER, length + 1)
    pairs = [(np.arange(count - wide), np.arange(wide, count)) for wide in dict.fromkeys(lengths)]
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    firsts, lasts = zip(*pairs, strict=True)
    return np.concatenate(firsts), np.concatenate(lasts)


# --- noise -----------------------------------------------------------------------------------------------------------


def covariances(t: Floats, uneven: Floats) -> Iterator[tuple[Floats, float]]:
    """Each covariance V of windows, and how likely it is at the outset."""
    yield np.diag(uneven), STILL
    apart = np.abs(t[:, None] - t[None, :])
    total = len(WANDER) * sum(LASTING.values())
    for size in WANDER:
        for kept, weight in LASTING.items():
            yield np.diag(uneven) + size * kept**apart, (1 - STILL) * weight / total


def noise_of(basis: Floats, families: list[Family], v: Floats, weight: float) -> Noise:
    """Prepare all templates for one kind of noise."""
    inverse = np.linalg.inv(v)
    ones = inverse.sum(axis=1)
    precision = inverse - np.outer(ones, ones) / ones.sum()
    level = math.log(weight) - 0.5 * (float(np.linalg.slogdet(v)[1]) + math.log(float(ones.sum())))
    projected = precision @ basis
    return Noise(precision, projected, level, tuple(gram(basis, projected, family) for family in families))


def gram(basis: Floats, projected: Floats, family: Family) -> Floats:
    """Invert each template's Gram matrix, [L, q, q]; zero where the windows can't show it."""
    if family.width == 1:
        first = family.columns[:, 0]
        norm = np.einsum("tm,tm->m", basis, projected)
        squared = norm[first] + norm[family.less] - 2 * crossed(basis, projected, first, family.less)
        shown: Bools = squared > 1e-9
        return np.where(shown, 1 / np.where(shown, squared, 1.0), 0.0)[:, None, None]
    many = np.einsum("tlq,tlp->lqp", basis[:, family.columns], projected[:, family.columns])
    scale = np.einsum("lqq->lq", many).prod(axis=1)
    shown = np.linalg.det(many) > 1e-6 * scale
    return np.where(
        shown[:, None, None], np.linalg.inv(np.where(shown[:, None, None], many, np.eye(family.width))), 0.0
    )


def crossed(basis: Floats, projected: Floats, first: Ints, less: Ints) -> Floats:
    """The products of pairs of columns, [L]."""
    if (less == -1).all():
        return np.zeros(first.size)
    used, rows = np.unique(first, return_inverse=True)
    others, columns = np.unique(less, return_inverse=True)
    return np.asarray((basis[:, used].T @ projected[:, others])[rows, columns], np.float64)
