"""Distances over cells against SciPy, and whether their intervals keep their promise."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.metrics import get
from retrue.metrics.drift.cells import Cells
from retrue.metrics.drift.chi2 import V, chi2_counts, cramers_v_counts
from retrue.metrics.drift.divergence import Divergence
from retrue.metrics.drift.hellinger import HELLINGER, hellinger_counts
from retrue.metrics.drift.js import JS, js_counts
from retrue.metrics.drift.kl import KL, kl_counts
from retrue.metrics.drift.linf import linf_counts
from retrue.metrics.drift.linf import of_cells as linf_of_cells
from retrue.metrics.drift.psi import PSI, psi_counts
from retrue.metrics.drift.tv import of_cells as tv_of_cells
from retrue.metrics.drift.tv import tv_counts

Counts = npt.NDArray[np.int64]
FILLED = st.integers(2, 8).flatmap(
    lambda k: st.tuples(*[st.lists(st.integers(1, 500), min_size=k, max_size=k).map(np.array)] * 2)
)


def scipys(name: str, w: Counts, r: Counts) -> float:
    """The same from SciPy, or from the textbook formula where SciPy has none."""
    q, p = w / w.sum(), r / r.sum()
    table = np.stack([w, r])
    found = {
        "psi": lambda: stats.entropy(q, p) + stats.entropy(p, q),
        "kl": lambda: stats.entropy(q, p),
        "js": lambda: jensenshannon(q, p, base=2),
        "hellinger": lambda: np.sqrt(max(1 - np.sqrt(q * p).sum(), 0.0)),
        "tv": lambda: np.abs(q - p).sum() / 2,
        "linf": lambda: np.abs(q - p).max(),
        "chi2": lambda: stats.chi2_contingency(table, correction=False).statistic / (w.size - 1),
    }
    return float(found[name]())


MEASURES: dict[str, Callable[[Counts, Counts], npt.NDArray[np.float64]]] = {
    "psi": psi_counts, "kl": kl_counts, "js": js_counts, "hellinger": hellinger_counts, "tv": tv_counts,
    "linf": linf_counts, "chi2": chi2_counts,
}  # fmt: skip


@pytest.mark.parametrize("name", MEASURES)
@given(pair=FILLED)
def test_a_distance_of_counts_is_scipys(name: str, pair: tuple[Counts, Counts]) -> None:
    assert float(MEASURES[name](*pair)) == pytest.approx(scipys(name, *pair), rel=1e-6, abs=1e-7)


@given(FILLED, st.integers(1, 20))
def test_cramers_v_is_scipys_for_samples_of_one_size(pair: tuple[Counts, Counts], times: int) -> None:
    """And it stays where it is when one sample grows, which the usual V doesn't."""
    w, r = pair[0] * pair[1].sum(), pair[1] * pair[0].sum()
    expected = stats.contingency.association(np.stack([w, r]), method="cramer")
    assert float(cramers_v_counts(w, r)) == pytest.approx(expected, rel=1e-6, abs=1e-7)
    assert float(cramers_v_counts(w * times, r)) == pytest.approx(expected, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", [*MEASURES, "cramers_v"])
def test_many_windows_are_measured_at_once(name: str) -> None:
    measure = {**MEASURES, "cramers_v": cramers_v_counts}[name]
    rng = np.random.default_rng(2)
    windows, reference = rng.integers(0, 50, (7, 5, 6)), rng.integers(1, 50, 6)
    assert measure(windows, reference).shape == (7, 5)
    assert float(measure(windows, reference)[3, 2]) == pytest.approx(float(measure(windows[3, 2], reference)))


def test_an_empty_cell_counts_as_half_a_row() -> None:
    """PSI and KL by hand, with 0.5 in the place of the 0 and shares anew."""
    q, p = np.array([50.0, 50.0]), np.array([100.0, 0.5])
    q, p = q / q.sum(), p / p.sum()
    w, r = np.array([50, 50]), np.array([100, 0])
    assert float(psi_counts(w, r)) == pytest.approx(stats.entropy(q, p) + stats.entropy(p, q))
    assert float(kl_counts(w, r)) == pytest.approx(stats.entropy(q, p))


SMOOTH: dict[str, Divergence] = {"psi": PSI, "kl": KL, "js": JS, "hellinger": HELLINGER, "cramers_v": V}


@pytest.mark.parametrize("name", SMOOTH)
@given(pair=FILLED)
def test_the_slopes_are_the_derivatives(name: str, pair: tuple[Counts, Counts]) -> None:
    """Expected: finite differences in each share."""
    divergence = SMOOTH[name]
    q, p = (counts / counts.sum() for counts in pair)
    dq, dp = divergence.slopes(q, p)
    for at in range(q.size):
        step = np.zeros(q.size)
        step[at] = 1e-6
        by_q = (divergence.of(q + step, p) - divergence.of(q - step, p)) / 2e-6
        by_p = (divergence.of(q, p + step) - divergence.of(q, p - step)) / 2e-6
        assert dq[at] == pytest.approx(float(by_q), rel=1e-3, abs=1e-3)
        assert dp[at] == pytest.approx(float(by_p), rel=1e-3, abs=1e-3)


INTERVALS: dict[str, Callable[[Cells], object]] = {
    **{name: divergence.measure_cells for name, divergence in SMOOTH.items()},
    "tv": tv_of_cells,
    "linf": linf_of_cells,
}


@pytest.mark.parametrize("change", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("name", INTERVALS)
def test_the_interval_holds_the_true_distance(name: str, change: float) -> None:
    """Of 400 pairs of samples of 500 and 3,000 rows at least 93 % of the intervals hold the truth.

    At equality, where a naive delta method fails, as well as far from it. The value itself always lies inside.
    """
    rng = np.random.default_rng(6)
    p = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05])
    q = (1 - change) * p + change * p[::-1]
    big = 10**12
    measure = {**MEASURES, "cramers_v": cramers_v_counts}[name]
    truth = float(measure(np.rint(q * big).astype(np.int64), np.rint(p * big).astype(np.int64)))
    held = 0
    for w, r in zip(rng.multinomial(500, q, 400), rng.multinomial(3_000, p, 400), strict=True):
        found = INTERVALS[name](Cells(w, r, 8))
        low, high = found.interval  # type: ignore[attr-defined]
        held += low - 1e-9 <= truth <= high + 1e-9
        assert low <= found.value <= high  # type: ignore[attr-defined]
    assert held >= 0.93 * 400


@pytest.mark.parametrize("name", SMOOTH)
def test_chance_is_what_equal_samples_show(name: str) -> None:
    """The mean divergence of 2,000 pairs of samples of one distribution, within 15 % of what is told."""
    rng, p = np.random.default_rng(7), np.full(10, 0.1)
    divergence = SMOOTH[name]
    w, r = rng.multinomial(800, p, 2_000), rng.multinomial(1_500, p, 2_000)
    shown = float(divergence.of(*divergence.shares(w, r)).mean())
    assert divergence.chance(Cells(w[0], r[0], 10)) == pytest.approx(shown, rel=0.15)


def test_psi_of_numbers_is_psi_on_the_deciles() -> None:
    """Within 1 % of the textbook PSI on the exact deciles of the values."""
    rng = np.random.default_rng(9)
    reference, window = rng.gamma(2, 1, 40_000), rng.gamma(2.4, 1, 20_000)
    edges = np.quantile(reference, np.linspace(0, 1, 11))
    edges[[0, -1]] = -np.inf, np.inf
    p = np.array([((reference >= a) & (reference < b)).mean() for a, b in pairwise(edges)])
    q = np.array([((window >= a) & (window < b)).mean() for a, b in pairwise(edges)])
    grid = NumericGrid.fit(pl.Series(reference))
    found = get("psi").compute(grid.count(pl.Series(window)), grid.count(pl.Series(reference)))
    assert found.value == pytest.approx(float(((q - p) * np.log(q / p)).sum()), rel=0.01)


@pytest.mark.parametrize("a", [2.0, 2.05, 2.2, 3.0])
@pytest.mark.parametrize(("n", "m"), [(1_000, 20_000), (20_000, 100_000)])
def test_small_psi_of_numbers_is_off_by_less_than_half_its_standard_error(a: float, n: int, m: int) -> None:
    """Within 1 % plus sqrt(PSI (1/n + 1/m)) of PSI on the exact deciles."""
    rng = np.random.default_rng([int(100 * a), n])
    reference, window = rng.beta(2, 2, m), rng.beta(a, 2, n)
    edges = np.quantile(reference, np.linspace(0.1, 0.9, 9))
    p, q = (np.bincount(np.searchsorted(edges, x), minlength=10) / x.size for x in (reference, window))
    exact = float(((q - p) * np.log(q / p)).sum())
    grid = NumericGrid.fit(pl.Series(reference))
    found = get("psi").compute(grid.count(pl.Series(window)), grid.count(pl.Series(reference)))
    assert found.value == pytest.approx(exact, abs=0.01 * exact + math.sqrt(exact * (1 / n + 1 / m)))


def test_a_small_difference_is_told_to_be_chance() -> None:
    rng = np.random.default_rng(9)
    reference, window = pl.Series(rng.choice(list("abcde"), 5_000)), pl.Series(rng.choice(list("abcde"), 100))
    grid = CategoricalGrid.fit(reference)
    found = get("psi").compute(grid.count(window), grid.count(reference))
    assert found.note is not None
    assert "by chance alone" in found.note


def test_samples_of_unlike_sizes_show_a_change_of_one_size() -> None:
    """A share that doubles is 0.1 of total variation and the same V whether the window has 1,000 rows or a million."""
    before = np.array([9_000_000, 1_000_000])
    small, large = np.array([800, 200]), np.array([800_000, 200_000])
    assert float(cramers_v_counts(small, before)) == pytest.approx(float(cramers_v_counts(large, before)))
    assert float(tv_counts(small, before)) == pytest.approx(0.1)
    assert float(chi2_counts(large, before)) > 100 * float(chi2_counts(small, before))
