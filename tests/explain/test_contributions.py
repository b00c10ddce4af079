"""Contributions: exact where a closed form or all orders say what they are, and always add up."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from math import factorial

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrue.errors import TableError
from retrue.explain.contributions import Predict, contributions, important


def table(features: int, rows: int, seed: int) -> pl.DataFrame:
    """Numbers."""
    values = np.random.default_rng(seed).normal(size=(rows, features))
    return pl.DataFrame({f"x{at}": values[:, at] for at in range(features)})


def enumerated(predict: Predict, row: pl.DataFrame, background: pl.DataFrame) -> np.ndarray:
    """Shapley values from all orders and all background rows (Shapley 1953)."""
    names, total = background.columns, np.zeros(background.width)

    def value(taken: frozenset[str]) -> float:
        mixed = background.with_columns(pl.lit(row[name][0]).alias(name) for name in taken)
        return float(predict(mixed.select(names)).mean())

    known = {frozenset[str](): value(frozenset())}
    for order in permutations(range(len(names))):
        taken = frozenset[str]()
        for at in order:
            wider = taken | {names[at]}
            if wider not in known:
                known[wider] = value(wider)
            total[at] += known[wider] - known[taken]
            taken = wider
    return total / factorial(len(names))


def crossed(frame: pl.DataFrame) -> np.ndarray:
    """A model whose features act in pairs and threes."""
    x = frame.to_numpy()
    return np.asarray(x[:, 0] * x[:, 1] + np.maximum(x[:, 2], 0) + (x[:, 0] > 0) * x[:, -1])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(0, 10_000))
def test_of_a_linear_model_each_is_its_weight_times_the_distance_from_the_mean(features: int, seed: int) -> None:
    """The closed form (Lundberg and Lee 2017, corollary 1)."""
    weights = np.random.default_rng(seed).normal(size=features)
    background, rows = table(features, 60, seed), table(features, 3, seed + 1)
    found = contributions(lambda frame: frame.to_numpy() @ weights + 2, rows, background, background.columns)
    expected = weights * (rows.to_numpy() - background.to_numpy().mean(axis=0))
    assert found.values == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("features", [3, 4, 6])
def test_they_agree_with_all_orders_enumerated(features: int) -> None:
    """Within sampling noise, and exactly where effects are of pairs: an order and its reverse settle those."""
    background, rows = table(features, 100, 5), table(features, 2, 6)
    found = contributions(crossed, rows, background, background.columns)
    for at in range(2):
        expected = enumerated(crossed, rows[at : at + 1], background)
        assert found.values[at] == pytest.approx(expected, abs=0.1 * np.abs(expected).max() + 0.03)

    def pairs(frame: pl.DataFrame) -> np.ndarray:
        x = frame.to_numpy()
        return np.asarray(x[:, 0] * x[:, 1] - 3 * x[:, 2] * x[:, 0])

    exact = contributions(pairs, rows, background, background.columns)
    assert exact.values[0] == pytest.approx(enumerated(pairs, rows[:1], background), abs=1e-9)


@pytest.mark.parametrize("predict", [crossed, lambda frame: np.tanh(frame.to_numpy()).prod(axis=1)])
def test_they_add_up_to_the_prediction_minus_the_base(predict: Callable[[pl.DataFrame], np.ndarray]) -> None:
    background, rows = table(5, 80, 1), table(5, 10, 2)
    found = contributions(predict, rows, background, background.columns)
    assert found.values.sum(axis=1) == pytest.approx(predict(rows) - found.base)
    assert found.base == pytest.approx(predict(background).mean())


def test_a_feature_that_the_model_ignores_adds_nothing() -> None:
    background, rows = table(4, 50, 1), table(4, 5, 2)
    found = contributions(lambda frame: np.exp(frame["x1"].to_numpy()), rows, background, background.columns)
    assert np.abs(np.delete(found.values, 1, axis=1)).max() == 0
    assert next(iter(found.importance)) == "x1"
    assert important(found.importance) == ("x1",)


def test_texts_and_nulls_are_features_too() -> None:
    background = pl.DataFrame({"city": ["a", "a", "b", None], "x": [1, 2, 3, 4]})
    rows = pl.DataFrame({"city": ["b"], "x": [None], "other": [1]})

    def predict(frame: pl.DataFrame) -> np.ndarray:
        return (
            frame.select((pl.col("city") == "b").fill_null(value=False) + pl.col("x").fill_null(10))
            .to_series()
            .to_numpy()
        )

    found = contributions(predict, rows, background, ["city", "x"])
    assert found.of(0) == {"x": pytest.approx(7.5), "city": pytest.approx(0.75)}
    assert found.to_dict() == {
        "base": 2.75,
        "rows": [{"prediction": 11.0, "contributions": found.of(0)}],
    }


def test_no_rows_have_no_contributions() -> None:
    background = table(3, 10, 1)
    found = contributions(crossed, background.clear(), background, background.columns)
    assert found.values.shape == (0, 3)
    assert set(found.importance.values()) == {0.0}


@pytest.mark.parametrize(
    ("predict", "said"),
    [
        (lambda frame: np.zeros((frame.height, 2)), "predictions of shape"),
        (lambda frame: np.full(frame.height, np.nan), "predictions that aren't finite"),
    ],
)
def test_what_is_no_number_for_each_row_is_refused(predict: Predict, said: str) -> None:
    background = table(2, 10, 1)
    with pytest.raises(TableError, match=said):
        contributions(predict, background, background, background.columns)


def test_without_features_there_is_nothing_to_part() -> None:
    with pytest.raises(TableError, match="nothing to compare predictions with"):
        contributions(crossed, table(2, 3, 1), table(2, 3, 1), [])


def test_the_important_features_carry_most_of_it() -> None:
    assert important({"a": 1.0, "b": 2.0, "c": 97.0}) == ("c",)
    assert important({"a": 1.0, "b": 2.0, "c": 97.0}, 0.98) == ("c", "b")
    assert important({"a": 0.0, "b": 0.0}) == ("a", "b")
    assert important({}) == ()
