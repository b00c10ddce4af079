"""Windows as vectors: equal noise everywhere, distances that sampling alone doesn't make, longer windows by adding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrue.core.grid import CategoricalGrid, NumericGrid
from retrue.judge.shapes.series import distances, roots, seconds, series_of

GRID = NumericGrid(np.linspace(0.0, 1.0, 65))
DAYS = [(f"2026-01-{i + 1:02}T00:00:00+00:00", f"2026-01-{i + 2:02}T00:00:00+00:00") for i in range(30)]


def even(rows: int, count: int, seed: int = 0) -> list[object]:
    """Windows of evenly spread values."""
    counts = np.random.default_rng(seed).multinomial(rows, np.full(64, 1 / 64), size=count)
    return [replace(GRID.empty(), counts=np.concatenate([[0], one, [0]])) for one in counts]


def test_roots_have_the_same_noise_wherever_the_share_lies() -> None:
    """A variance of 1 / 4n (Freeman and Tukey 1950), from 2 % to 90 %."""
    rng, rows = np.random.default_rng(0), 2_000
    for share in (0.02, 0.1, 0.5, 0.9):
        drawn = rng.binomial(rows, share, 20_000)
        found = roots(np.stack([drawn, rows - drawn], axis=1))[:, 0].var()
        assert found == pytest.approx((1 - share) / (4 * rows), rel=0.05)


def test_alike_windows_are_hardly_apart() -> None:
    series = series_of(even(1_000, 30), DAYS)  # type: ignore[arg-type]
    apart = distances(series)
    assert np.allclose(apart, apart.T)
    assert np.allclose(np.diag(apart), 0)
    assert np.mean(apart**2) < 0.01


def test_the_squared_distance_is_about_psi() -> None:
    """Two windows so large that sampling adds nothing, against PSI over the same cells."""
    p, q = np.full(16, 1 / 16), np.full(16, 1 / 16)
    q[0], q[1] = q[0] * 1.5, q[1] * 0.5
    grid, size = NumericGrid(np.linspace(0.0, 1.0, 17)), 10**9
    windows = [replace(grid.empty(), counts=np.concatenate([[0], np.round(s * size).astype(int), [0]])) for s in (p, q)]
    psi = float(((q - p) * np.log(q / p)).sum())
    assert distances(series_of(windows, DAYS[:2]))[0, 1] ** 2 == pytest.approx(psi, rel=0.1)


def test_neighbours_are_added_up_where_windows_are_many() -> None:
    windows = even(100, 30)
    series = series_of(windows, DAYS, most=10)  # type: ignore[arg-type]
    assert len(series.spans) == 10
    assert series.rows.tolist() == [300.0] * 10
    assert series.spans[0] == (DAYS[0][0], DAYS[2][1])


def test_small_windows_are_left_out_and_counted() -> None:
    windows = [*even(1_000, 20), *even(10, 10)]
    series = series_of(windows, DAYS)  # type: ignore[arg-type]
    assert (len(series.spans), series.left_out) == (20, 10)


def test_what_is_new_has_a_cell_of_its_own() -> None:
    """Never seen, and null, are not put together with a rare category."""
    grid = CategoricalGrid(tuple(f"c{i}" for i in range(40)), ())
    counts = np.random.default_rng(0).multinomial(500, np.full(40, 1 / 40), size=12)
    padding = np.zeros((12, grid.bins - 40), np.int64)
    windows = [replace(grid.empty(), counts=np.concatenate([a, b])) for a, b in zip(counts, padding, strict=True)]
    places = series_of(windows, DAYS[:12]).places
    unseen, null = int(np.flatnonzero(grid.outside)[0]), grid.bins
    for own in (unseen, null):
        assert (places == places[own]).sum() == 1


def test_seconds_are_read_in_any_time_zone() -> None:
    assert seconds("1970-01-01T01:00:00+01:00") == 0
