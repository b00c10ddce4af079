"""The benchmark of estimates counts every method on the same chunks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from benchmarks import estimate


def chunks() -> estimate.Chunks:
    rng = np.random.default_rng(1)
    score = np.round(rng.random(1_200), 2)
    frame = pl.DataFrame({"x": rng.normal(size=1_200), "s": score, "y": (rng.random(1_200) < score).astype(int)})
    frame = frame.with_columns(yhat=(pl.col("s") >= 0.5).cast(pl.Int64))
    roles = {"label": "y", "score": "s", "prediction": "yhat", "features": ["x"]}
    return estimate.Chunks(frame[:400], frame[400:], estimate.by_size(800, 200), roles)


@pytest.fixture(scope="module")
def errors() -> estimate.Errors:
    found = estimate.Errors()
    estimate.measured(chunks(), 2, found)
    return found


def test_every_method_is_measured_on_every_chunk(errors: estimate.Errors) -> None:
    assert set(errors.by_method) == {"floor", estimate.STORED, "auto", "auto, labels 2 late", *estimate.EXPERTS}
    assert {len(rows) for rows in errors.by_method.values()} == {2}
    assert all(np.isfinite(rows).all() for rows in errors.by_method.values())
    assert errors.refused == 0


def test_the_best_method_of_each_set_and_metric_is_one(errors: estimate.Errors) -> None:
    told = estimate.ratios({"a": errors})
    assert min(told.values()) >= 1
    assert set(told) == {"auto", "auto, labels 2 late", *estimate.EXPERTS}
    assert estimate.figures(errors, "NannyML CBPE") == "-"


def test_labels_are_drawn_as_often_as_they_are_likely() -> None:
    rng = np.random.default_rng(2)
    assert estimate.draw(np.full(4_000, 0.3), rng).mean() == pytest.approx(0.3, abs=0.03)
    drawn = estimate.draw(np.tile([0.2, 0.3, 0.5], (4_000, 1)), rng)
    assert drawn.sum(axis=1).tolist() == [1.0] * 4_000
    assert drawn.mean(axis=0) == pytest.approx([0.2, 0.3, 0.5], abs=0.03)
