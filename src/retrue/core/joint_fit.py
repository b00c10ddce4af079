"""Fitting the joint counter on a reference: where each column's values lie on a circle, and how noisy pairs are.

columns' grids and counts ──> Circle     rows of the reference ──> spread of the products, covariance
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import polars as pl

from retrue.core.column import SPECIALS, ColumnProfile
from retrue.core.count import bin_sums
from retrue.core.grid import CategoricalGrid, Grid, NumericGrid
from retrue.core.joint import UNIT, Circle, Complexes, Joint, Pairs, pairs_of
from retrue.core.state import Floats
from retrue.schema import Kind, Schema

KINDS = (Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN)
BINS = 34
"""Bins of a column: enough for its shape, few enough to be stored as text."""
FREQUENCY = 0.6
"""Turns of the circle in radians a normal score: the sine is then nearly a line up to 2.5 standard deviations."""
TURN = math.pi * (3 - math.sqrt(5))
"""The golden angle: as many categories as one likes stay far apart."""
LEAST_SPREAD = 0.3
"""A column that hardly varies isn't blown up beyond this: single rows would rule its pairs."""
MOST_COLUMNS = 128
WANTED = 8_192
"""Rows read of a usual window, between half as many and so many: enough to tell a correlation of 0.05."""
SAMPLE = 20_000
"""Rows of the reference that tell how noisy the products are ..."""
CELLS = 1_500_000
"""... and fewer where there are many pairs."""
KEYS = 4


def fit_joint(schema: Schema, columns: Mapping[str, ColumnProfile], sample: pl.DataFrame, rows: float) -> Joint | None:
    """Fit the counter of what a model's features do together; None where fewer than two of them vary.

    Args:
        schema: what the events look like. Numbers, categories and booleans among its features count, the first
            `MOST_COLUMNS` of them.
        columns: the reference's profile of each column.
        sample: rows of the reference that have those columns.
        rows: how many rows a usual window has.
    """
    names = [name for name in schema.features if name in columns and name in schema.named]
    usable = [name for name in names if schema.named[name].kind in KINDS and name in sample.columns]
    circles = [circle for name in usable if (circle := fit_circle(name, columns[name])) is not None][:MOST_COLUMNS]
    if len(circles) < 2:
        return None
    keys, by_text = key_columns(schema, [circle.name for circle in circles], columns)
    rate = min(1.0, 2.0 ** math.floor(math.log2(WANTED / max(rows, 1)))) if keys else 1.0
    joint = Joint(tuple(circles), keys, by_text, rate)
    return with_noise(joint, sample)


def key_columns(
    schema: Schema, names: Sequence[str], columns: Mapping[str, ColumnProfile]
) -> tuple[tuple[str, ...], bool]:
    """The columns that decide which rows are read, and whether they are read as text: the id, or time and numbers."""
    if schema.id is not None:
        return (schema.id,), True
    numbers = [name for name in names if isinstance(columns[name].grid, NumericGrid)]
    finest = sorted(numbers, key=lambda name: -columns[name].grid.bins)[:KEYS]
    time = [schema.time] if schema.time is not None else []
    return (*time, *finest), False


def fit_circle(name: str, column: ColumnProfile) -> Circle | None:
    """Put a column's bins on a circle; None where it doesn't vary."""
    grid: Grid = column.grid.coarsen(BINS)
    counts = bin_sums(column.grid.merge_index(grid), column.counts.astype(np.float64), grid.bins)
    if isinstance(grid, CategoricalGrid):
        grid = CategoricalGrid(grid.categories)  # rare ones and new ones alike are none of the frequent ones
    shares = column.coarsen(grid).shares
    points = np.exp(1j * angles_of(grid, counts))
    mean = (shares * points).sum()
    spread = math.sqrt(max(float((shares * np.abs(points - mean) ** 2).sum()), 0.0))
    if spread < LEAST_SPREAD / UNIT:  # so little that it rounds to nothing
        return None
    points = points * (np.conj(mean) / abs(mean) if abs(mean) > 0 else 1.0)
    u = np.rint(points / max(spread, LEAST_SPREAD) * UNIT)
    middle = float((shares * u).sum().real) / UNIT
    cuts = tuple(grid.cuts.tolist()) if isinstance(grid, NumericGrid) else None
    categories = grid.categories if isinstance(grid, CategoricalGrid) else ()
    real, imaginary = (tuple(part.astype(np.int64).tolist()) for part in (u.real, u.imag))
    cube = float((shares * np.abs(u / UNIT - middle) ** 3).sum())
    return Circle(name, cuts, categories, real, imaginary, middle, cube)


def angles_of(grid: Grid, counts: Floats) -> Floats:
    """float64[bins + 5]: the angle of each bin, then of each of `SPECIALS`; null, NaN and the unreadable are alike."""
    missing = len(counts) * TURN if isinstance(grid, CategoricalGrid) else math.pi
    special = np.full(len(SPECIALS), missing)
    if isinstance(grid, CategoricalGrid):
        inner = np.arange(grid.bins) * TURN
        inner[-1] = inner[-2]  # the rare and the never seen
        return np.concatenate([inner, special])
    middle = np.cumsum(counts) - counts / 2
    scores = np.array([NormalDist().inv_cdf(float(rank)) for rank in (middle + 0.5) / (counts.sum() + 1)])
    inner = FREQUENCY * scores.clip(-3, 3)
    special[SPECIALS.index("+inf")], special[SPECIALS.index("-inf")] = inner[-1], inner[0]
    return np.concatenate([inner, special])


def with_noise(joint: Joint, sample: pl.DataFrame) -> Joint:
    """The same with how much the products of single rows vary."""
    pairs = pairs_of(len(joint.circles))
    rows = min(sample.height, SAMPLE, max(CELLS // pairs.left.size, 1_000))
    real, imaginary = joint.features(sample[np.arange(rows) * sample.height // max(rows, 1)])
    products = products_of((real + 1j * imaginary) / UNIT, joint, pairs)
    both = np.concatenate([products.real, products.imag if pairs.alone else 0 * products.imag], axis=1)
    both -= both.mean(axis=0)
    covariance = both.T @ both / max(rows - 1, 1)
    trace = float(np.trace(covariance))
    # A sample of m rows shows a squared norm that is too large by trace^2 / m.
    norm = math.sqrt(max(float((covariance**2).sum()) - trace**2 / max(rows, 1), trace**2 / len(covariance)))
    top = float(np.linalg.eigvalsh(covariance)[-1])
    spread = np.sqrt(np.diag(covariance).clip(0))
    return replace(joint, covariance=(trace, norm, min(top, norm)), spread=tuple(spread.tolist()))


def products_of(u: Complexes, joint: Joint, pairs: Pairs) -> Complexes:
    """complex128[rows, groups]: what each row adds to the dependence of each group, up to a constant.

    Where pairs are turned back by the means of their columns, a row's part in those means is in it. The imaginary part
    of pairs that share a sum turns with them, and isn't judged.
    """
    away = u - u.mean(axis=0)
    found: Complexes = pairs.grouped(away[:, pairs.left] * away[:, pairs.right].conj())
    if pairs.alone:
        ordered = np.array([circle.cuts is not None for circle in joint.circles])
        turned = np.where(ordered, away.imag / np.maximum(np.abs(u.mean(axis=0)), 1e-3), 0.0)
        found -= 1j * found.mean(axis=0) * (turned[:, pairs.left] - turned[:, pairs.right])
    return found
