"""Training runs what a user gives, with the weights, and scoring understands what it returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from retrue.core.state import Floats
from retrue.errors import SchemaError
from retrue.refine.train import score, train

RNG = np.random.default_rng(0)
TABLE = pl.DataFrame({"a": RNG.normal(size=200), "b": RNG.normal(size=200)}).with_columns(
    y=((pl.col("a") + pl.col("b")) > 0).cast(pl.Int64)
)
FEATURES = ["a", "b"]
ONES = np.ones(200)
HALF = np.where(np.arange(200) < 100, 1.9, 0.1)


class Predicts:
    """A model that predicts whatever it is told."""

    def __init__(self, given: Callable[[pl.DataFrame], Any]) -> None:
        self.given = given

    def predict(self, table: pl.DataFrame) -> Any:
        """Give what was told."""
        return self.given(table)


def test_a_function_gets_the_table_and_the_weights() -> None:
    got: list[Any] = []

    def fit(table: pl.DataFrame, weights: Floats) -> Any:
        got.extend([table, weights])
        return DummyClassifier().fit(table.select(FEATURES), table["y"])

    assert isinstance(train(fit, TABLE, HALF, FEATURES, "y"), DummyClassifier)
    assert got[0] is TABLE
    assert got[1] is HALF


def test_an_estimator_is_cloned_and_fitted_with_the_weights() -> None:
    """As scikit-learn itself fits it."""
    estimator = LogisticRegression()
    found = train(estimator, TABLE, HALF, FEATURES, "y")
    expected = LogisticRegression().fit(TABLE.select(FEATURES), TABLE["y"].to_numpy(), sample_weight=HALF)
    np.testing.assert_array_equal(found.coef_, expected.coef_)
    assert not hasattr(estimator, "coef_")
    plain = train(estimator, TABLE, ONES, FEATURES, "y")
    assert not np.allclose(plain.coef_, found.coef_)


def test_the_weights_of_a_pipeline_reach_its_last_step() -> None:
    """The scaler before it is fitted without."""
    found = train(make_pipeline(StandardScaler(), LogisticRegression()), TABLE, HALF, FEATURES, "y")
    scaled = StandardScaler().fit_transform(TABLE.select(FEATURES).to_numpy())
    expected = LogisticRegression().fit(scaled, TABLE["y"].to_numpy(), sample_weight=HALF)
    np.testing.assert_allclose(found[-1].coef_, expected.coef_)


def test_an_estimator_without_weights_is_refused_in_words() -> None:
    with pytest.raises(SchemaError, match="KNeighborsClassifier takes no weights"):
        train(KNeighborsClassifier(), TABLE, ONES, FEATURES, "y")
    with pytest.raises(SchemaError, match="KNeighborsClassifier takes no weights"):
        train(make_pipeline(StandardScaler(), KNeighborsClassifier()), TABLE, ONES, FEATURES, "y")


def test_texts_are_refused_for_an_estimator_that_would_end_the_process() -> None:
    """LightGBM 4.7 aborts on Arrow's texts, and takes the interpreter along."""
    from lightgbm import LGBMClassifier

    table = TABLE.with_columns(city=pl.lit("JFK"))
    with pytest.raises(SchemaError, match=r"LGBMClassifier takes no texts: city: expected numbers.*rt.LightGBM"):
        train(LGBMClassifier(), table, ONES, [*FEATURES, "city"], "y")


def test_a_fit_that_returns_no_model_is_refused() -> None:
    with pytest.raises(SchemaError, match=r"the trained model is a NoneType.*predict or predict_proba.*return the"):
        train(lambda table, weights: None, TABLE, ONES, FEATURES, "y")


def test_a_classifier_scores_with_the_probability_of_its_second_class() -> None:
    model = LogisticRegression().fit(TABLE.select(FEATURES), TABLE["y"])
    np.testing.assert_array_equal(score(model, TABLE, FEATURES), model.predict_proba(TABLE.select(FEATURES))[:, 1])


@pytest.mark.parametrize(("positive", "column"), [("bad", 0), ("good", 1)])
def test_a_classifier_scores_with_the_class_that_counts_as_positive(positive: str, column: int) -> None:
    """Whatever its place in the alphabet."""
    said = np.where(TABLE["y"].to_numpy() == 1, "good", "bad")
    model = LogisticRegression().fit(TABLE.select(FEATURES), said)
    expected = model.predict_proba(TABLE.select(FEATURES))[:, column]
    np.testing.assert_array_equal(score(model, TABLE, FEATURES, positive), expected)


def test_a_model_is_asked_about_the_columns_that_it_was_fitted_on() -> None:
    """A fit may choose among the features; scikit-learn's models refuse a table with others, or in another order."""
    table = pl.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "more": [1.0, 1.0, 5.0, 1.0], "y": [0.0, 1.0, 2.0, 3.0]})
    model = LinearRegression().fit(table.select("y", "x"), table["y"].to_numpy())
    assert score(model, table, ["x", "more", "y"]).tolist() == pytest.approx([0.0, 1.0, 2.0, 3.0])


def test_a_regressor_scores_with_its_prediction() -> None:
    model = LinearRegression().fit(TABLE.select(FEATURES), TABLE["y"])
    np.testing.assert_allclose(score(model, TABLE, FEATURES), model.predict(TABLE.select(FEATURES)))


@pytest.mark.parametrize(
    "given",
    [
        lambda table: table["a"],
        lambda table: table["a"].to_list(),
        lambda table: table["a"].to_numpy(),
        lambda table: table["a"].to_numpy()[:, None],
        lambda table: np.column_stack([1 - table["a"], table["a"]]),
    ],
    ids=["series", "list", "array", "column", "two columns"],
)
def test_scores_may_come_in_any_shape_that_has_one_per_row(given: Callable[[pl.DataFrame], Any]) -> None:
    scores = score(Predicts(given), TABLE, FEATURES)
    assert scores.dtype == np.float64
    np.testing.assert_array_equal(scores, TABLE["a"].to_numpy())


@pytest.mark.parametrize(
    "given",
    [lambda table: [1.0], lambda table: 0.5, lambda table: ["late"] * 200, lambda table: np.ones((200, 3))],
    ids=["too few", "one number", "words", "three columns"],
)
def test_anything_else_is_refused(given: Callable[[pl.DataFrame], Any]) -> None:
    with pytest.raises(SchemaError, match="predictions"):
        score(Predicts(given), TABLE, FEATURES)


def test_a_classifier_that_saw_one_class_is_refused() -> None:
    """Its only probability is 1, of a class that may be the wrong one."""
    model = DummyClassifier().fit(TABLE.select(FEATURES), np.zeros(200))
    with pytest.raises(SchemaError, match="only one class"):
        score(model, TABLE, FEATURES)
