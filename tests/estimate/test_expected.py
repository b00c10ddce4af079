"""Expected outcomes: certain labels give what real labels give; uncertain ones the mean over draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, score_cuts
from retrue.estimate.estimate import metric_names
from retrue.estimate.events import look
from retrue.estimate.expected import Scale, read, read_values
from retrue.metrics import get
from retrue.metrics.performance.arrays import table
from retrue.metrics.performance.intervals import Z
from retrue.schema import Task

CLASSES = ("a", "b", "c")


def binary_grid(scores: list[float]) -> BinaryGrid:
    return BinaryGrid("label", "score", None, "1", score_cuts(np.array(scores)), "0")


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 1)), min_size=2, max_size=60))
def test_certain_labels_give_what_the_labels_give(rows: list[tuple[int, int]]) -> None:
    """Every binary metric but average precision, which breaks ties inside a bin by the number of rows."""
    scores, labels = [s / 100 for s, _ in rows], [y for _, y in rows]
    grid = binary_grid(scores)
    frame = table(label=labels, score=scores)
    expected = look(grid, frame).cells.expect(np.array(labels, float))
    for name in set(metric_names(Task.BINARY)) - {"average_precision"}:
        real = get(name).compute(grid.count(frame)).value
        assert get(name).compute(expected).value == (None if real is None else pytest.approx(real, abs=1e-6)), name


def test_certain_classes_give_what_the_classes_give() -> None:
    rng = np.random.default_rng(1)
    given_scores, labels = rng.dirichlet([1, 1, 1], 300), rng.choice(CLASSES, 300)
    columns = {f"p{name}": given_scores[:, k] for k, name in enumerate(CLASSES)}
    frame = table(label=labels, **columns)
    grid = MulticlassGrid("label", None, {n: f"p{n}" for n in CLASSES}, CLASSES, score_cuts(given_scores.ravel()))
    events = look(grid, frame)
    real = read_values(grid.count(frame), metric_names(Task.MULTICLASS))
    assert read_values(events.cells.expect(events.label), real) == pytest.approx(real, abs=1e-6)
    assert len(real) == 12


def test_an_expected_value_is_the_mean_over_draws() -> None:
    rng = np.random.default_rng(2)
    p = rng.beta(1, 2, 2_000)
    grid = binary_grid(p.tolist())
    cells = look(grid, table(label=np.zeros(2_000, int), score=p)).cells
    names = ["accuracy", "roc_auc", "f1", "log_loss", "brier", "average_precision"]
    draws = [read_values(cells.expect((rng.random(2_000) < p).astype(float)), names) for _ in range(100)]
    expected = read_values(cells.expect(p), names)
    for name in names:
        drawn = [one[name] for one in draws]
        assert abs(np.mean(drawn) - expected[name]) < 5 * np.std(drawn) / 10 + 5e-4, name


@pytest.mark.parametrize("name", ["accuracy", "precision", "f1", "roc_auc", "log_loss", "brier"])
def test_the_sampling_error_is_that_of_as_many_real_rows(name: str) -> None:
    rng = np.random.default_rng(3)
    p = rng.uniform(0.02, 0.98, 3_000)
    label = (rng.random(3_000) < p).astype(int)
    grid, frame = binary_grid(p.tolist()), table(label=label, score=p)
    real = get(name).compute(grid.count(frame))
    said = read(look(grid, frame).cells.expect(p), name, 3_000)
    assert real.interval is not None
    assert real.value is not None
    width = Scale.of(name).to(real.interval[1]) - Scale.of(name).to(real.interval[0])
    assert said.error == pytest.approx(width / (2 * Z), rel=0.1)


def test_a_share_of_nothing_or_all_keeps_a_width() -> None:
    cells = look(binary_grid([0.9]), table(label=[0] * 40, score=[0.9] * 40)).cells
    certain = read(cells.expect(np.ones(40)), "accuracy", 40)
    assert certain.value == 1
    assert certain.error > 0.5, "40 of 40 is 0.91 to 1 by Wilson's rule"


@given(st.floats(0.001, 0.999))
def test_a_scale_goes_there_and_back(value: float) -> None:
    for name in ("accuracy", "log_loss"):
        scale = Scale.of(name)
        assert scale.back(scale.to(value)) == pytest.approx(value)
        step = (scale.back(scale.to(value) + 1e-6) - value) / 1e-6
        assert math.isclose(step, scale.slope(value), rel_tol=1e-2)
