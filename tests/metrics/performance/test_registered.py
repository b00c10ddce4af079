"""What every registered performance metric keeps to, whatever comes in; generated from the registry."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retrue.core.outcome import Outcome
from retrue.core.outcome_grid import BinaryGrid, MulticlassGrid, OutcomeGrid, RegressionGrid, error_grid, score_cuts
from retrue.core.ranking import RankingGrid
from retrue.metrics import Measure, Metric, get, registered
from retrue.metrics.performance.difference import difference
from retrue.schema import Task

PARAMETER = {"threshold": "0.333", "class": "b"}
NONE = [None, None, None]
CUTS = score_cuts(np.linspace(0, 1, 50))

GRIDS: dict[Task, list[OutcomeGrid]] = {
    Task.BINARY: [
        BinaryGrid("y", "p", "d", "1", CUTS),
        BinaryGrid("y", "p", None, "1", score_cuts(np.array([-3.0, 0.5, 7.0]))),
        BinaryGrid("y", None, "d", "1", score_cuts(np.empty(0))),
    ],
    Task.MULTICLASS: [
        MulticlassGrid("y", "d", {"a": "p", "b": "q"}, ("a", "b", "c"), CUTS),
        MulticlassGrid("y", None, {}, ("a", "b", "c"), CUTS),
    ],
    Task.REGRESSION: [
        RegressionGrid("y", "p", error_grid(np.array([1.0, 2.0, 4.0]), np.zeros(3))),
        RegressionGrid("y", "p", error_grid(np.empty(0), np.empty(0))),
    ],
    Task.RANKING: [RankingGrid("y", "d", 2, ("a", "b"), np.array([0.75, 0.25]))],
}
"""Grids by task: usual ones, and references that had little to learn from."""

FRAMES: dict[Task, dict[str, dict[str, object]]] = {
    Task.BINARY: {
        "one row": {"y": [1], "p": [0.7], "d": [1]},
        "one class": {"y": [0, 0, 0], "p": [0.2, 0.4, 0.9], "d": [0, 0, 1]},
        "all right": {"y": [0, 1, 1], "p": [0.0, 1.0, 1.0], "d": [0, 1, 1]},
        "all wrong": {"y": [1, 0, 0], "p": [0.0, 1.0, 1.0], "d": [0, 1, 1]},
        "one score": {"y": [0, 1, 1], "p": [0.5, 0.5, 0.5], "d": [1, 1, 1]},
        "unlabelled": {"y": NONE, "p": [0.2, 0.4, 0.9], "d": [0, 0, 1]},
        "no predictions": {"y": [0, 1, 1], "p": NONE, "d": NONE},
        "no scores": {"y": [0, 1, 1], "p": [None, float("nan"), None], "d": [0, 0, 1]},
        "scores outside 0 to 1": {"y": [0, 1, 1], "p": [-4.0, 0.5, 8.0], "d": [0, 0, 1]},
        "infinite scores": {"y": [0, 1, 1], "p": [float("-inf"), float("inf"), 0.5], "d": [0, 0, 1]},
    },
    Task.MULTICLASS: {
        "one row": {"y": ["a"], "d": ["b"], "p": [0.2], "q": [0.8]},
        "one class": {"y": ["b"] * 3, "d": ["b"] * 3, "p": [0.2, 0.0, 0.5], "q": [0.8, 1.0, 0.5]},
        "all wrong": {"y": ["a", "b"], "d": ["b", "a"], "p": [0.0, 1.0], "q": [1.0, 0.0]},
        "unlabelled": {"y": NONE, "d": ["a", "b", "b"], "p": [0.2, 0.4, 0.9], "q": [0.8, 0.6, 0.1]},
        "no predictions": {"y": ["a", "b", "c"], "d": NONE, "p": NONE, "q": NONE},
        "classes never seen": {"y": ["x", "x", "y"], "d": ["x", "z", "z"], "p": [0.2, 0.4, 0.9], "q": [0.8, 0.6, 0.1]},
        "half new": {"y": ["a", "x", "y"], "d": ["x", "b", "y"], "p": [0.2, 0.4, 0.9], "q": [0.8, 0.6, 0.1]},
    },
    Task.REGRESSION: {
        "one row": {"y": [1.0], "p": [2.0]},
        "all right": {"y": [1.0, 2.0, 3.0], "p": [1.0, 2.0, 3.0]},
        "equal labels": {"y": [2.0, 2.0, 2.0], "p": [1.0, 2.0, 4.0]},
        "labels of 0": {"y": [0.0, 0.0], "p": [1.0, 2.0]},
        "one error": {"y": [1.0, 2.0, 5.0], "p": [2.0, 3.0, 6.0]},
        "far off": {"y": [1.0, 2.0, 5.0], "p": [1e6, -1e6, 1e9]},
        "beyond squares": {"y": [1.0, 2.0, 5.0], "p": [1e150, -1e150, 2.0]},
        "beyond sums of squares": {"y": [1.0, 2.0, 5.0], "p": [1e300, -1e300, 2.0]},
        "unlabelled": {"y": NONE, "p": [1.0, 2.0, 3.0]},
        "no predictions": {"y": [1.0, 2.0, 3.0], "p": NONE},
    },
    Task.RANKING: {
        "one row": {"y": [["a"]], "d": [["b", "a"]]},
        "all hits": {"y": [["a"], ["b"]], "d": [["a"], ["b"]]},
        "no hits": {"y": [["a"], ["b"]], "d": [["c"], ["d"]]},
        "nothing shown": {"y": [["a"], ["b"]], "d": [[], None]},
        "unlabelled": {"y": NONE, "d": [["a"], ["b"], []]},
    },
}
"""Awkward events by task."""

OUTCOMES: list[tuple[Task, str, Outcome]] = [
    (task, f"{task} {name} on grid {i}", grid.count(pl.DataFrame(frame, strict=False)))
    for task, grids in GRIDS.items()
    for i, grid in enumerate(grids)
    for name, frame in {"empty": {}, **FRAMES[task]}.items()
]
METRICS = registered(family="performance")


def asked(metric: Metric, task: Task) -> list[Metric]:
    """Give the metric as it is called for a task: plain, with a parameter, or both."""
    own = [metric] if task in metric.tasks else []
    return [*own, *(get(f"{metric.name}@{PARAMETER[what]}") for at, what in metric.at if at == task)]


@pytest.mark.parametrize(("task", "name", "outcome"), OUTCOMES, ids=[name for _, name, _ in OUTCOMES])
def test_every_metric_measures_or_says_why_not(task: Task, name: str, outcome: Outcome) -> None:
    """A value within its range with an interval around it, or a note; never NaN, an error or a warning."""
    for metric in (asked_for for registered_one in METRICS for asked_for in asked(registered_one, task)):
        found = metric.compute(outcome)
        if found.value is None:
            assert found.note, metric.name
            assert found.interval is None, metric.name
            continue
        low, high = (metric.range[0] or -np.inf, np.inf if metric.range[1] is None else metric.range[1])
        assert low <= found.value <= high, metric.name
        assert found.error is None or found.error >= 0, metric.name
        if found.interval is not None:
            slack = 1e-12 * max(1.0, abs(found.value))
            inside = low <= found.interval[0] <= found.value + slack <= found.interval[1] + 2 * slack
            assert inside, (metric.name, found)
            assert found.interval[1] <= high, metric.name


@pytest.mark.parametrize("task", list(Task))
def test_without_rows_every_metric_says_so(task: Task) -> None:
    for grid in GRIDS[task]:
        for metric in (asked_for for registered_one in METRICS for asked_for in asked(registered_one, task)):
            found = metric.compute(grid.count(pl.DataFrame()))
            assert (found.value, found.note) == (None, "no rows to measure"), metric.name


@pytest.mark.parametrize("task", list(Task))
def test_without_labels_metrics_say_so(task: Task) -> None:
    outcome = GRIDS[task][0].count(pl.DataFrame(FRAMES[task]["unlabelled"]))
    for metric in (asked_for for registered_one in METRICS for asked_for in asked(registered_one, task)):
        if metric.name.partition("@")[0] not in {"labelled", "mean_score", "selection_rate"}:
            assert metric.compute(outcome).note == "no labels among 3 rows", metric.name


def random_frame(task: Task, rows: int) -> pl.DataFrame:
    """Give seeded events that fit the grids above, some of them without label."""
    rng = np.random.default_rng(5)
    letters = np.array(["a", "b", "c", "x"])
    lists = [rng.permutation(letters).tolist()[: rng.integers(1, 4)] for _ in range(rows)]
    by_task: dict[Task, dict[str, object]] = {
        Task.BINARY: {"y": rng.integers(0, 2, rows), "p": rng.random(rows), "d": rng.integers(0, 2, rows)},
        Task.MULTICLASS: {
            "y": rng.choice(letters, rows), "d": rng.choice(letters, rows), "p": rng.random(rows), "q": rng.random(rows)
        },
        Task.REGRESSION: {"y": rng.normal(0, 3, rows), "p": rng.normal(0, 3, rows)},
        Task.RANKING: {"y": [one[:1] for one in lists[::-1]], "d": lists},
    }  # fmt: skip
    known = pl.Series(rng.random(rows) < 0.9)
    return pl.DataFrame(by_task[task]).with_columns(y=pl.when(known).then("y"))


@pytest.mark.parametrize("task", list(Task))
def test_the_metric_of_added_parts_is_that_of_the_whole(task: Task) -> None:
    frame = random_frame(task, 400)
    for grid in GRIDS[task]:
        parts = grid.count(frame[:150]) + grid.count(frame[150:151]) + grid.count(frame[151:])
        whole = grid.count(frame)
        for metric in (asked_for for registered_one in METRICS for asked_for in asked(registered_one, task)):
            a, b = metric.compute(parts), metric.compute(whole)
            assert a.note == b.note, metric.name
            assert numbers(a) == pytest.approx(numbers(b), rel=1e-6, abs=1e-9), metric.name


def numbers(measure: Measure) -> list[float]:
    """Give value, error and interval in one list, without those that aren't there."""
    found = [measure.value, measure.error, *(measure.interval or ())]
    return [number for number in found if number is not None]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_describes_itself(metric: Metric) -> None:
    """A task, a source, a first line that is a sentence, and an example."""
    assert metric.of == "outcome"
    assert metric.tasks or metric.at
    assert metric.source
    assert metric.description[0].isupper()
    assert ">>>" in (metric.compute.__doc__ or "")


@pytest.mark.parametrize(("task", "name", "outcome"), OUTCOMES, ids=[name for _, name, _ in OUTCOMES])
def test_no_outcome_differs_from_itself(task: Task, name: str, outcome: Outcome) -> None:
    for metric in (asked_for for registered_one in METRICS for asked_for in asked(registered_one, task)):
        found = difference(metric, outcome, outcome)
        assert found.value == 0.0 or found.note, metric.name
        if found.interval is not None:
            assert found.interval[0] <= 0.0 <= found.interval[1], metric.name
