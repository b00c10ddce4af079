"""95 % intervals hold the truth about 95 % of the time: windows drawn from a population that is known."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import polars as pl
import pytest

from retrue.core.outcome import Outcome
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid, RegressionGrid, error_grid, score_cuts
from retrue.core.ranking import RankingGrid
from retrue.metrics import get, registered
from retrue.schema import Task

pytestmark = pytest.mark.slow

ENOUGH = 0.92
LARGE, SMALL = (500_000, 800), (40_000, 200)
"""Rows that stand for the truth, and windows; small for rankings, since lists take long to count."""
TOO_HEAVY = {"mape"}
"""Its mean is ruled by the few labels nearest 0: no interval from a window can hold it."""

Population = Callable[[int, int], pl.DataFrame]


def binary(rows: int, seed: int) -> pl.DataFrame:
    """Scores that are too sure of themselves."""
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1, 1.5, rows)
    labels = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    return pl.DataFrame({"y": labels, "p": 1 / (1 + np.exp(-1.5 * logit))})


def multiclass(rows: int, seed: int) -> pl.DataFrame:
    """Three classes, one of them rare."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, rows, p=[0.6, 0.3, 0.1])
    odds = np.exp(rng.normal(size=(rows, 3)) + 1.5 * np.eye(3)[labels])
    scores = odds / odds.sum(axis=1, keepdims=True)
    return pl.DataFrame({"y": np.array(list("abc"))[labels], **{f"p{i}": scores[:, i] for i in range(3)}})


def regression(rows: int, seed: int) -> pl.DataFrame:
    """Predictions that are a little too high, with normal errors that don't depend on them."""
    rng = np.random.default_rng(seed)
    predictions = rng.normal(10, 2, rows)
    return pl.DataFrame({"y": predictions + rng.normal(-0.2, 1, rows), "p": predictions})


def ranking(rows: int, seed: int) -> pl.DataFrame:
    """Lists of four of six items, one of which was wanted."""
    rng = np.random.default_rng(seed)
    order = rng.random((rows, 6)).argsort(axis=1)[:, :4]
    letters = np.array(list("abcdef"))
    return pl.DataFrame({"y": letters[rng.choice(6, rows)][:, None].tolist(), "d": letters[order].tolist()})


CASES: dict[Task, tuple[Population, OutcomeGrid]] = {
    Task.BINARY: (binary, BinaryGrid("y", "p", None, "1", score_cuts(binary(20_000, 0)["p"].to_numpy()))),
    Task.MULTICLASS: (
        multiclass,
        MulticlassGrid("y", None, {"a": "p0", "b": "p1", "c": "p2"}, ("a", "b", "c"), score_cuts(np.empty(0))),
    ),
    Task.REGRESSION: (regression, RegressionGrid("y", "p", error_grid(np.linspace(-3, 3, 500), np.zeros(500)))),
    Task.RANKING: (ranking, RankingGrid.fit(ranking(2000, 0), "y", "d", 4)),
}


@cache
def windows(task: Task) -> tuple[Outcome, list[Outcome]]:
    """Give the outcome of the population and those of many windows of 300 rows."""
    draw, grid = CASES[task]
    rows, repeats = SMALL if task == Task.RANKING else LARGE
    return grid.count(draw(rows, 1)), [grid.count(draw(300, seed)) for seed in range(2, 2 + repeats)]


ASKED = [(m.name, task) for m in registered(family="performance") for task in m.tasks if m.name not in TOO_HEAVY]
ASKED += [("precision@0.3", Task.BINARY), ("f1@0.3", Task.BINARY), ("recall@c", Task.MULTICLASS)]


@pytest.mark.parametrize(("name", "task"), ASKED)
def test_intervals_hold_the_truth(name: str, task: Task) -> None:
    population, found = windows(task)
    truth = get(name).compute(population).value
    assert truth is not None
    intervals = [m.interval for m in map(get(name).compute, found) if m.interval is not None]
    assert len(intervals) == len(found)
    assert sum(low <= truth <= high for low, high in intervals) >= ENOUGH * len(found)
