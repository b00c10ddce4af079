"""MMD from sums against the quadratic-time statistic with the same kernel."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.joint import UNIT, Complexes, Joint, pairs_of
from retrue.core.profile import Profile
from retrue.core.state import Floats
from retrue.engine import local
from retrue.metrics import get
from retrue.schema import Schema
from retrue.tables import read


def table(n: int, columns: int, rho: float, seed: int) -> pl.DataFrame:
    """Normal columns with one common factor."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n, 1))
    values = np.sqrt(rho) * common + np.sqrt(1 - rho) * rng.normal(size=(n, columns))
    return pl.DataFrame({f"x{i}": values[:, i] for i in range(columns)})


def shuffled(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The same columns, each in an order of its own: equal one by one, independent together."""
    return pl.DataFrame([column.sample(fraction=1.0, shuffle=True, seed=seed + i) for i, column in enumerate(frame)])


def exact(joint: Joint, window: pl.DataFrame, reference: pl.DataFrame) -> float:
    """The U-statistic over all pairs of rows (Gretton et al. 2012, equation 3), kernel summed over pairs of columns."""
    u = [(f[0] + 1j * f[1]) / UNIT for f in (joint.features(window), joint.features(reference))]
    u = [rows - u[1].mean(axis=0) for rows in u]

    def kernel(x: Complexes, y: Complexes) -> Floats:
        total = np.zeros((len(x), len(y)))
        for a, b in zip(*np.triu_indices(x.shape[1], 1), strict=True):
            total += np.real(np.outer(x[:, a] * x[:, b].conj(), (y[:, a] * y[:, b].conj()).conj()))
        return total

    def apart(x: Complexes) -> float:
        own = kernel(x, x)
        return float((own.sum() - np.trace(own)) / (len(x) * (len(x) - 1)))

    return (apart(u[0]) + apart(u[1]) - 2 * float(kernel(u[0], u[1]).mean())) / pairs_of(len(joint.names)).left.size


@pytest.mark.parametrize(("columns", "slack"), [(4, 0.01), (26, 0.3)])
def test_it_is_the_quadratic_time_statistic(columns: int, slack: float) -> None:
    """To rounding where each pair has a sum of its own; where pairs share sums, the error is that of random signs."""
    before = table(400, columns, 0.4, 1)
    after = shuffled(before, 5)
    sides = read(before)
    reference = local.fit_reference(sides, Schema.infer(sides), joint=True)
    joint = reference.grids.extras[0]
    assert isinstance(joint, Joint)
    found = get("mmd").compute(local.count(read(after), reference.grids), reference.profile).value
    assert found is not None
    assert found**2 == pytest.approx(exact(joint, after, before), rel=slack)


def test_no_change_is_zero_or_nearly() -> None:
    sides = read(table(2_000, 5, 0.4, 1))
    reference = local.fit_reference(sides, Schema.infer(sides), joint=True)
    assert get("mmd").compute(reference.profile, reference.profile).value == 0
    again = local.count(read(table(2_000, 5, 0.4, 2)), reference.grids)
    assert (get("mmd").compute(again, reference.profile).value or 0.0) < 0.03


def test_where_nothing_is_counted_it_says_why() -> None:
    sides = read({"x": [1.0, 2.0] * 50, "c": [3] * 100})
    reference = local.fit_reference(sides, Schema.infer(sides), joint=True)
    found = get("mmd").compute(reference.profile, reference.profile)
    assert (found.value, found.note) == (
        None,
        "what columns do together isn't counted: it takes two features that vary",
    )
    assert get("mmd").compute(Profile(0, {}), Profile(0, {})).value is None
