"""What columns do together: exact sums, the same in any batches, of the rows that a row's own values choose."""

from __future__ import annotations

import math
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from retrue.core.cube import cube
from retrue.core.extra import Counter
from retrue.core.grids import Grids
from retrue.core.joint import GROUPS, JOINT, Joint, JointSums, pairs_of
from retrue.core.joint_fit import FREQUENCY, WANTED
from retrue.core.reference import Reference
from retrue.engine import local
from retrue.schema import Schema
from retrue.tables import read


def learned(frame: pl.DataFrame, **roles: Any) -> Reference:
    table = read(frame)
    return local.fit_reference(table, Schema.infer(table, **roles), joint=True)


def joint_of(reference: Reference) -> Joint:
    return next(counter for counter in reference.grids.extras if isinstance(counter, Joint))


def sums_of(reference: Reference, frame: pl.DataFrame) -> JointSums:
    found = local.count(read(frame), reference.grids).extras[JOINT]
    assert isinstance(found, JointSums)
    return found


def together(n: int, rho: float, seed: int = 0) -> pl.DataFrame:
    """Two numbers that correlate by rho, a category of its own, an id."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = rho * x + math.sqrt(1 - rho * rho) * rng.normal(size=n)
    return pl.DataFrame({"id": np.arange(n), "x": x, "y": np.exp(y), "c": rng.choice(list("aab"), n)})


def test_features_are_those_of_a_kernel_of_ranks() -> None:
    """Cos of the difference of two rows' normal scores: outliers and units don't show (SciPy's ranks)."""
    frame = together(4_000, 0.5)
    joint = joint_of(learned(frame, id="id"))
    place = joint.names.index("y")
    real, imaginary = joint.features(frame)[:, :, place]
    scores = stats.norm.ppf(stats.rankdata(frame["y"].to_numpy()) / (frame.height + 1))
    size = math.hypot(real[0], imaginary[0])
    found = (real[:-1] * real[1:] + imaginary[:-1] * imaginary[1:]) / size**2
    off = np.abs(found - np.cos(FREQUENCY * np.diff(scores)))
    assert off.mean() < 0.04
    assert (off > 0.1).mean() < 0.1  # rows in the outermost bins, however far out they lie


def test_sums_are_the_same_in_any_batches_and_any_order() -> None:
    frame = together(3_000, 0.5)
    reference = learned(frame, id="id")
    parts = [sums_of(reference, part) for part in frame.sample(fraction=1.0, shuffle=True, seed=1).iter_slices(701)]
    whole = sums_of(reference, frame)
    merged = reduce(add, parts)
    assert (merged.n, merged.sums.tolist(), merged.products.tolist()) == (
        whole.n,
        whole.sums.tolist(),
        whole.products.tolist(),
    )
    assert merged.energy == pytest.approx(whole.energy, rel=1e-12)
    assert (merged - parts[0]).products.tolist() == reduce(add, parts[1:]).products.tolist()


def test_a_cube_counts_windows_as_frames_are_counted() -> None:
    frame = together(900, 0.5)
    reference = learned(frame, id="id")
    windows = np.arange(900) % 3
    found = {window: profile for (window, name), profile in cube(reference.grids, frame, windows).items() if not name}
    for window in range(3):
        assert found[window].extras[JOINT].agrees(sums_of(reference, frame[np.flatnonzero(windows == window)]))


def test_slices_keep_no_sums() -> None:
    frame = together(900, 0.5)
    reference = learned(frame, id="id")
    parts = dict(cube(reference.grids, frame, np.zeros(900, np.int64), {"some": np.arange(900) < 300}).items())
    assert JOINT in parts[0, ""].extras
    assert JOINT not in parts[0, "some"].extras


def test_dependence_is_about_a_correlation_and_blind_to_single_columns() -> None:
    """Independent columns: 0. A shift, another scale or another share of a category alone change nothing."""
    reference = learned(together(20_000, 0.0), id="id")
    still = sums_of(reference, together(20_000, 0.0, seed=1))
    alone = together(20_000, 0.0, seed=2).with_columns(x=pl.col("x") * 1.5 + 1, c=pl.lit("b"))
    turned = sums_of(reference, together(20_000, -0.6, seed=3))
    assert np.abs(still.dependence).max() < 0.03
    assert np.abs(sums_of(reference, alone).dependence).max() < 0.04
    assert -0.6 < turned.dependence[0, 0] < -0.4  # cosines, which don't mind the sign, take some of it back


def test_a_column_that_moves_as_a_whole_turns_no_pair() -> None:
    """Of two that correlate by 0.8, one moves by half a standard deviation: their dependence stays."""
    frame = together(20_000, 0.8)
    reference = learned(frame, id="id")
    moved = sums_of(reference, frame.with_columns(pl.col("x") + 0.5))
    assert np.abs(moved.dependence - sums_of(reference, frame).dependence).max() < 0.03


def test_which_rows_are_read_depends_on_the_row_alone() -> None:
    frame = together(10 * WANTED, 0.5)
    joint = joint_of(learned(frame, id="id"))
    chosen = joint.read(frame)
    assert joint.rate == 1 / 16
    assert chosen.mean() == pytest.approx(1 / 16, abs=0.005)
    assert joint.read(frame[::-1])[::-1].tolist() == chosen.tolist()
    assert joint.read(frame.with_columns(pl.col("id").cast(pl.String))).tolist() == chosen.tolist()


def test_without_an_id_numbers_choose_the_rows() -> None:
    frame = together(4 * WANTED, 0.5).drop("id")
    joint = joint_of(learned(frame))
    assert (set(joint.keys), joint.by_text, joint.rate) == ({"x", "y"}, False, 0.25)
    assert joint.read(frame).mean() == pytest.approx(0.25, abs=0.01)


def test_a_counter_survives_its_text() -> None:
    frame = together(500, 0.5)
    reference = learned(frame, id="id")
    back = Reference.from_bytes(reference.to_bytes())
    assert Counter.from_text(joint_of(reference).to_text()) == joint_of(reference)
    assert (back.grids.digest, joint_of(back)) == (reference.grids.digest, joint_of(reference))
    assert sums_of(back, frame).agrees(sums_of(reference, frame))


@pytest.mark.parametrize(
    "columns",
    [
        {"x": [1.0, 2.0, 3.0]},
        {"x": [1.0, 2.0, 3.0], "y": [5, 5, 5]},
        {"x": [1.0, 2.0, 3.0], "y": [None, None, None]},
        {"x": [1.0, 2.0, 3.0], "text": [[1], [2], [3]]},
        {"c": ["a", "a", "a"], "d": [None, None, None]},
    ],
)
def test_it_takes_two_features_that_vary(columns: dict[str, list[Any]]) -> None:
    """Constant, empty and unreadable columns don't; nothing is counted then."""
    frame = pl.DataFrame({name: values * 40 for name, values in columns.items()})
    assert learned(frame).grids.extras == ()


def test_a_window_may_lack_columns_or_hold_anything() -> None:
    reference = learned(together(500, 0.5), id="id")
    odd = pl.DataFrame(
        {"x": ["1.5", "no", None], "y": [math.inf, math.nan, -math.inf], "c": [None, "new", 3.0]}, strict=False
    )
    assert sums_of(reference, odd).n == 3
    assert sums_of(reference, pl.DataFrame({"x": [1.0, 2.0]})).n == 2
    assert sums_of(reference, odd.clear()).agrees(JointSums.empty(3))


def test_many_pairs_share_sums_evenly() -> None:
    pairs = pairs_of(60)
    sizes = np.bincount(pairs.group)
    assert (pairs.groups, sizes.min(), sizes.max()) == (GROUPS, 1_770 // GROUPS, 1_770 // GROUPS + 1)
    assert abs(float(pairs.sign.mean())) < 0.1
    values = np.random.default_rng(0).normal(size=1_770)
    assert pairs.grouped(values) == pytest.approx(np.bincount(pairs.group, pairs.sign * values))


def test_grids_without_it_are_as_before() -> None:
    """A reference that was stored before has no such counter, and nothing is judged."""
    grids = Grids({}, {})
    assert grids.in_slices is grids
