"""The benchmark of regression estimates measures every chunk beside its floor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from benchmarks import estimate_regression as bench


def test_every_chunk_is_measured_beside_its_floor() -> None:
    """E|e| is 1: chunks of 200 rows with sd(|e|) = 1 deviate by sqrt(2 / pi / 200) = .056 on average."""
    rng = np.random.default_rng(1)
    f = rng.normal(50, 5, 1_400)
    frame = pl.DataFrame({"x": rng.normal(size=1_400), "yhat": f, "y": f + rng.laplace(0, 1, 1_400)})
    errors = bench.Errors()
    bench.measured(bench.Chunks(frame[:1_000], frame[1_000:], np.arange(400) // 200), errors)
    assert {name: np.shape(rows) for name, rows in errors.by_method.items()} == {"dle": (2, 3), "floor": (2, 3)}
    assert errors.mean("floor")[0] == pytest.approx(0.056, abs=0.02)
    assert "mae" in bench.figures(errors, "dle")
    assert bench.figures(errors, bench.PEER).endswith("-")


def test_a_set_that_is_not_here_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "SHARED", tmp_path)
    assert bench.bikes() is None
